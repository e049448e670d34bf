//! Tokens: limits, minting, leaks.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wharf_app::authz::Scope;
use wharf_testkit::{Caller, TestRegistry, image, push_image};

use super::pulls;

/// Makes a token and returns whoever holds it.
async fn mint(registry: &TestRegistry, by: &Caller, token: Value) -> Caller {
    let made = by.api_ok(Method::POST, "tokens", token).await;
    let value = made["value"].as_str().expect("a value");
    registry.with_header(&format!("Bearer {value}"))
}

#[tokio::test]
async fn a_limited_token_is_good_for_its_packages_alone() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    for name in ["alice/tools/a", "alice/tools-b", "alice/app"] {
        push_image(&alice, name, "1", &image(name)).await;
    }
    let request = json!({"scopes": ["admin:packages"], "packages": ["alice/tools/*"]});
    let limited = mint(&registry, &alice, request).await;
    assert!(pulls(&limited, "alice/tools/a", "1").await);
    push_image(&limited, "alice/tools/new", "1", &image("new")).await;
    for name in ["alice/tools-b", "alice/app"] {
        let response = limited.get(&format!("/v2/{name}/manifests/1")).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        let message = response.text().await.expect("text");
        assert!(
            message.contains("limited to other packages than"),
            "{message}"
        );
        let absent = limited.get("/v2/alice/absent/manifests/1").await;
        let expected = message.replace(name, "alice/absent");
        let told = absent.text().await.expect("text");
        assert_eq!(
            told.split("request_id").next(),
            expected.split("request_id").next()
        );
    }
    let catalog = limited
        .get("/v2/_catalog")
        .await
        .text()
        .await
        .expect("text");
    assert_eq!(
        catalog,
        r#"{"repositories":["alice/tools/a","alice/tools/new"]}"#
    );
    let listed = limited.api_ok(Method::GET, "packages", Value::Null).await;
    assert_eq!(listed["items"].as_array().expect("a list").len(), 2);
    for (method, path, body) in [
        (Method::GET, "tokens", Value::Null),
        (Method::POST, "tokens", json!({"scopes": ["read:packages"]})),
        (Method::POST, "organizations", json!({"login": "acme"})),
        (Method::PATCH, "accounts/alice", json!({"name": "x"})),
    ] {
        let (status, message) = limited.api_fails(method, path, body).await;
        assert_eq!(status, 403, "{path}");
        assert!(message.contains("limited to some packages"), "{message}");
    }
    let narrowed = limited.with_registry_token(&[
        "repository:alice/tools/a:pull,push",
        "repository:alice/app:pull,push",
    ]);
    let narrowed = narrowed.await;
    assert!(pulls(&narrowed, "alice/tools/a", "1").await);
    assert!(!pulls(&narrowed, "alice/app", "1").await);
}

#[tokio::test]
async fn a_token_of_one_place_is_nothing_elsewhere() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let request = json!({"scopes": ["read:packages"], "addresses": ["10.1.0.0/16", "192.0.2.7"]});
    let made = alice.api_ok(Method::POST, "tokens", request).await;
    assert_eq!(made["addresses"], json!(["10.1.0.0/16", "192.0.2.7/32"]));
    let value = made["value"].as_str().expect("a value");
    let limited = registry.with_header(&format!("Bearer {value}"));
    let response = limited.get("/v2/alice/app/manifests/1").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let message = response.text().await.expect("text");
    assert!(
        message.contains("may not be used from this address"),
        "{message}"
    );
    // Said by whoever is not trusted to say so.
    let request = limited.request(Method::GET, "/v2/alice/app/manifests/1");
    let forged = request.header("x-forwarded-for", "10.1.2.3").send().await;
    assert_eq!(
        forged.expect("an answer").status(),
        StatusCode::UNAUTHORIZED
    );
    let here = json!({"scopes": ["admin:packages"], "addresses": ["127.0.0.1"]});
    let here = mint(&registry, &alice, here).await;
    assert!(pulls(&here, "alice/app", "1").await);
    let (status, message) = here
        .api_fails(Method::POST, "tokens", json!({"scopes": ["read:packages"]}))
        .await;
    assert_eq!(status, 400, "it would lose the limit: {message}");
}

#[tokio::test]
async fn no_token_makes_a_wider_one() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = (registry.user("alice").await, registry.user("bob").await);
    let day = json!({"scopes": ["admin:packages"], "expires_in": 86400});
    let short = mint(&registry, &alice, day).await;
    for (body, status) in [
        (json!({"scopes": ["read:packages"]}), 400),
        (
            json!({"scopes": ["read:packages"], "expires_in": 86401}),
            400,
        ),
        (
            json!({"scopes": ["read:packages"], "expires_in": 86400}),
            201,
        ),
        (
            json!({"scopes": ["read:packages"], "expires_in": 60, "holder": "bob"}),
            403,
        ),
        (
            json!({"scopes": ["read:packages"], "expires_in": 60, "holder": "nobody"}),
            404,
        ),
    ] {
        let (answered, answer) = short.api(Method::POST, "tokens", body.clone()).await;
        assert_eq!(answered, status, "{body}: {answer}");
    }
    let writer = registry
        .token("alice", &[Scope::Write, Scope::Delete])
        .await;
    let narrowed = alice
        .with_registry_token(&["repository:alice/app:pull,push,delete"])
        .await;
    for caller in [&writer, &narrowed, &registry.anonymous()] {
        let body = json!({"scopes": ["read:packages"]});
        let (status, _) = caller.api(Method::POST, "tokens", body).await;
        assert!(matches!(status, 401 | 403), "{status}");
    }
    let root = registry.site_admin("root1").await;
    let body = json!({"scopes": ["read:packages"], "holder": "alice"});
    let (status, _) = root.api_fails(Method::POST, "tokens", body).await;
    assert_eq!(status, 403, "nobody acts in another's name");
    let listed = alice
        .api_ok(Method::GET, "tokens?limit=1", Value::Null)
        .await;
    let id = listed["items"][0]["id"].as_i64().expect("an id");
    assert!(listed["items"][0].get("value").is_none());
    for caller in [&bob, &root] {
        let (status, _) = caller
            .api_fails(Method::DELETE, &format!("tokens/{id}"), Value::Null)
            .await;
        assert_eq!(status, 404, "somebody else's");
    }
    let (_, own) = writer.api(Method::GET, "user", Value::Null).await;
    let own = own["credential"]["token_id"].as_i64().expect("an id");
    writer
        .api_ok(Method::DELETE, &format!("tokens/{own}"), Value::Null)
        .await;
    let (status, _) = writer.api(Method::GET, "user", Value::Null).await;
    assert_eq!(status, 401, "a token may end itself");
}

#[tokio::test]
async fn whoever_finds_a_token_can_end_it() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let leaked = registry.token("alice", &[Scope::Read]).await;
    let value = leaked.pat.clone().expect("a value");
    let body = json!({"credentials": [value, "wharf_pat_000000000000000000000000000000000000000000", "ghp_x"]});
    let anonymous = registry.anonymous();
    anonymous
        .api_ok(Method::POST, "credentials/revoke", body.clone())
        .await;
    anonymous
        .api_ok(Method::POST, "credentials/revoke", body)
        .await;
    let response = leaked.get("/v2/").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.text().await.expect("text").contains("was revoked"));
    assert_eq!(alice.get("/v2/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_service_account_acts_for_its_organization() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = (registry.user("alice").await, registry.user("bob").await);
    alice
        .api_ok(Method::POST, "organizations", json!({"login": "acme"}))
        .await;
    let path = "organizations/acme/service-accounts";
    alice
        .api_ok(Method::POST, path, json!({"name": "ci"}))
        .await;
    let (status, _) = bob
        .api_fails(Method::POST, path, json!({"name": "mine"}))
        .await;
    assert_eq!(status, 403);
    let token = json!({"holder": "acme+ci", "scopes": ["write:packages"]});
    let (status, _) = bob.api_fails(Method::POST, "tokens", token.clone()).await;
    assert_eq!(status, 403);
    let ci = mint(&registry, &alice, token).await;
    push_image(&ci, "acme/app", "1", &image("one")).await;
    assert!(!pulls(&ci, "alice/none", "1").await && pulls(&alice, "acme/app", "1").await);
    let grants = alice
        .api_ok(Method::GET, "packages/acme/app/grants", Value::Null)
        .await;
    assert_eq!(
        grants[0]["principal"], "acme+ci",
        "the creator is admin: {grants}"
    );
    let upload = ci.begin_upload("acme/app").await;
    alice
        .api_ok(Method::DELETE, &format!("{path}/ci"), Value::Null)
        .await;
    assert_eq!(ci.get(&upload).await.status(), StatusCode::UNAUTHORIZED);
    let (status, _) = alice
        .api_fails(Method::POST, path, json!({"name": "ci"}))
        .await;
    assert_eq!(status, 409, "its login stays taken");
}
