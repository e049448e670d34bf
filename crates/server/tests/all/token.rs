//! `/token`, as Docker and containerd ask.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use wharf_app::{authz::By, clock::SECOND};
use wharf_testkit::{Caller, TestRegistry, image, push_image};

async fn form(caller: &Caller, body: &str) -> (StatusCode, Value) {
    let request = caller
        .request(Method::POST, "/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_owned());
    let response = request.send().await.expect("an answer");
    let status = response.status();
    (status, response.json().await.expect("JSON"))
}

#[tokio::test]
async fn by_get_and_by_post() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let pat = alice.pat.clone().expect("a token");
    let response = alice
        .get("/token?service=wharf&scope=repository:alice/app:pull,push&account=alice")
        .await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["token"], body["access_token"]);
    assert_eq!(body["expires_in"], 300);
    assert!(body["issued_at"].as_str().is_some_and(|t| t.ends_with('Z')));

    let anonymous = registry.anonymous();
    for grant in [
        format!("grant_type=password&username=alice&password={pat}"),
        format!("grant_type=refresh_token&refresh_token={pat}"),
    ] {
        let body = format!(
            "{grant}&service=wharf&client_id=containerd-client&scope=repository%3Aalice%2Fapp%3Apull"
        );
        let (status, answer) = form(&anonymous, &body).await;
        assert_eq!(status, StatusCode::OK);
        let bearer = format!(
            "Bearer {}",
            answer["access_token"].as_str().expect("a token")
        );
        let holder = registry.with_header(&bearer);
        assert_eq!(
            holder.get("/v2/alice/app/manifests/1").await.status(),
            StatusCode::OK
        );
        assert_eq!(
            holder.post("/v2/alice/app/blobs/uploads/").await.status(),
            StatusCode::UNAUTHORIZED
        );
    }
    let (status, answer) = form(&anonymous, "grant_type=client_credentials").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let error = &answer["errors"][0]["detail"]["error"];
    assert_eq!(error, "unsupported_grant_type");
    let (status, _) = form(&anonymous, &"x".repeat(100_000)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, answer) = form(
        &anonymous,
        "grant_type=password&username=alice&password=wrong-one",
    )
    .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(
        answer
            .to_string()
            .contains("user name or password is wrong")
    );
}

#[tokio::test]
async fn a_token_is_narrowed_to_what_was_asked_and_allowed() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = (registry.user("alice").await, registry.user("bob").await);
    for name in ["alice/one", "alice/two"] {
        push_image(&alice, name, "1", &image(name)).await;
    }
    let one = alice
        .with_registry_token(&["repository:alice/one:pull"])
        .await;
    assert_eq!(
        one.get("/v2/alice/one/manifests/1").await.status(),
        StatusCode::OK
    );
    assert_eq!(
        one.get("/v2/alice/two/manifests/1").await.status(),
        StatusCode::UNAUTHORIZED
    );
    let both = alice
        .with_registry_token(&["repository:alice/one:pull", "repository:alice/two:*"])
        .await;
    assert_eq!(
        both.get("/v2/alice/two/manifests/1").await.status(),
        StatusCode::OK
    );
    assert_eq!(
        both.delete("/v2/alice/two/manifests/1").await.status(),
        StatusCode::ACCEPTED
    );
    let spaced = alice
        .with_registry_token(&["repository:alice/one:pull%20repository:alice/two:pull"])
        .await;
    assert_eq!(
        spaced.get("/v2/alice/one/manifests/1").await.status(),
        StatusCode::OK
    );
    // Asking for another's package yields a token that opens nothing.
    let greedy = bob.with_registry_token(&["repository:alice/one:*"]).await;
    assert_eq!(
        greedy.get("/v2/alice/one/manifests/1").await.status(),
        StatusCode::NOT_FOUND
    );
    let many: Vec<&str> = vec!["repository:alice/one:pull"; 65];
    let path = format!("/token?scope={}", many.join("%20"));
    assert_eq!(alice.get(&path).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        alice.get("/token?scope=repository").await.status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn an_expired_registry_token_says_so() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let token = alice
        .with_registry_token(&["repository:alice/app:pull"])
        .await;
    registry.clock.advance(300 * SECOND);
    assert_eq!(
        token.get("/v2/alice/app/manifests/1").await.status(),
        StatusCode::OK
    );
    registry.clock.advance(61 * SECOND);
    let response = token.get("/v2/alice/app/manifests/1").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let challenge = response.headers()["www-authenticate"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{challenge}"
    );
    assert!(response.text().await.expect("text").contains("has expired"));
}

#[tokio::test]
async fn a_token_does_not_outlive_its_namespace() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = (registry.user("alice").await, registry.user("bob").await);
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let old = alice.with_registry_token(&["repository:alice/app:*"]).await;
    let name = "alice/app".parse().expect("a name");
    registry
        .app
        .delete_package(&By::Operator, &name)
        .await
        .expect("deleted");
    assert_eq!(
        old.get("/v2/alice/app/manifests/1").await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        bob.get("/v2/alice/app/manifests/1").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_restart_keeps_tokens_good() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let body: Value = alice
        .get("/token?scope=repository:alice/app:pull")
        .await
        .json()
        .await
        .expect("JSON");
    let registry = registry.restart().await;
    let holder = registry.with_header(&format!(
        "Bearer {}",
        body["token"].as_str().expect("a token")
    ));
    assert_eq!(
        holder.get("/v2/alice/app/manifests/1").await.status(),
        StatusCode::OK
    );
}
