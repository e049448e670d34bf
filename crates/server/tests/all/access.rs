//! Who gets in, who does not, and what each is told.

use reqwest::{Method, Response, StatusCode, header};
use serde_json::Value;
use wharf_app::{
    accounts::TokenRequest,
    authz::{By, Scope},
    clock::DAY,
};
use wharf_db::packages::Visibility;
use wharf_testkit::{Caller, TestRegistry, image, push_image};

const MANIFEST: &str = "/v2/alice/app/manifests/1";

async fn error(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.expect("JSON");
    let first = &body["errors"][0];
    let text = |field: &str| first[field].as_str().expect("text").to_owned();
    (status, text("code"), text("message"))
}

/// A private package `alice/app` with the tag `1`.
async fn world() -> (TestRegistry, Caller) {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    (registry, alice)
}

fn comparable(response: &Response) -> Vec<(String, String)> {
    let mut headers: Vec<_> = response
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
        .map(|(name, value)| {
            (
                name.to_string(),
                value.to_str().expect("text").replace("absent", "secret"),
            )
        })
        .collect();
    headers.sort();
    headers
}

#[tokio::test]
async fn private_and_absent_look_the_same() {
    let (registry, alice) = world().await;
    push_image(&alice, "alice/secret", "1", &image("two")).await;
    let bob = registry.user("bob").await;
    let digest = image("two").digest;
    for caller in [registry.anonymous(), bob] {
        for (method, tail) in [
            (Method::GET, "manifests/1".to_owned()),
            (Method::HEAD, "manifests/1".to_owned()),
            (Method::GET, format!("manifests/{digest}")),
            (Method::GET, format!("blobs/{digest}")),
            (Method::HEAD, format!("blobs/{digest}")),
            (Method::GET, "tags/list".to_owned()),
            (Method::GET, format!("referrers/{digest}")),
            (Method::POST, "blobs/uploads/".to_owned()),
            (Method::PUT, "manifests/2".to_owned()),
            (Method::DELETE, "manifests/1".to_owned()),
            (Method::DELETE, format!("blobs/{digest}")),
        ] {
            let private = caller
                .send(method.clone(), &format!("/v2/alice/secret/{tail}"))
                .await;
            let absent = caller
                .send(method.clone(), &format!("/v2/alice/absent/{tail}"))
                .await;
            assert!(private.status().is_client_error(), "{method} {tail}");
            assert_eq!(private.status(), absent.status(), "{method} {tail}");
            assert_eq!(comparable(&private), comparable(&absent), "{method} {tail}");
            let (private, absent) = (
                private.text().await.expect("text"),
                absent.text().await.expect("text"),
            );
            let without_id = |text: &str| {
                let mut body: Value = serde_json::from_str(text).unwrap_or_default();
                if let Some(id) = body.pointer_mut("/errors/0/detail/request_id") {
                    id.take();
                }
                body.to_string().replace("absent", "secret")
            };
            assert_eq!(without_id(&private), without_id(&absent), "{method} {tail}");
        }
    }
}

#[tokio::test]
async fn each_visibility_opens_to_whom_it_says() {
    let (registry, alice) = world().await;
    let bob = registry.user("bob").await;
    let read_only = registry.token("bob", &[Scope::Read]).await;
    let anonymous = registry.anonymous();
    for (visibility, bob_reads, anonymous_reads) in [
        (Visibility::Private, false, false),
        (Visibility::Internal, true, false),
        (Visibility::Public, true, true),
        (Visibility::Private, false, false),
    ] {
        registry.set_visibility("alice/app", visibility).await;
        for (caller, reads) in [
            (&alice, true),
            (&bob, bob_reads),
            (&read_only, bob_reads),
            (&anonymous, anonymous_reads),
        ] {
            let status = caller.get(MANIFEST).await.status();
            assert_eq!(
                status.is_success(),
                reads,
                "{visibility:?} {}",
                caller.login
            );
        }
        assert_eq!(
            bob.post("/v2/alice/app/blobs/uploads/").await.status(),
            StatusCode::FORBIDDEN
        );
    }
}

#[tokio::test]
async fn refusals_name_the_way_out() {
    let (registry, alice) = world().await;
    let bob = registry.user("bob").await;
    let reader = registry.token("alice", &[Scope::Read]).await;
    let writer = registry.token("alice", &[Scope::Write]).await;
    let upload = "/v2/alice/app/blobs/uploads/";
    let (status, code, message) = error(reader.post(upload).await).await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    assert!(
        message.starts_with(
            "this token lacks the scope write:packages (it has read:packages); make one"
        ),
        "{message}"
    );
    let (status, _, message) = error(writer.delete(MANIFEST).await).await;
    assert_eq!(status, 403);
    assert!(
        message.contains("lacks the scope delete:packages (it has write:packages)"),
        "{message}"
    );
    let (_, _, message) = error(bob.post("/v2/acme/app/blobs/uploads/").await).await;
    assert_eq!(
        message,
        "bob may not create packages for acme; ask an owner of acme"
    );
    let (_, _, message) = error(bob.post("/v2/docker.io/library/nginx/blobs/uploads/").await).await;
    assert!(message.contains("push to your own, bob/nginx"), "{message}");
    registry
        .set_visibility("alice/app", Visibility::Public)
        .await;
    let (status, _, message) = error(bob.post(upload).await).await;
    assert_eq!(status, 403);
    assert_eq!(
        message,
        "bob has the read role on alice/app; to push it takes write: ask an admin of the package"
    );
    let (status, code, _) = error(alice.get("/v2/alice/app/manifests/none").await).await;
    assert_eq!((status, code.as_str()), (404, "MANIFEST_UNKNOWN"));
    let (status, code, message) = error(bob.get("/v2/alice/none/manifests/1").await).await;
    assert_eq!((status, code.as_str()), (404, "NAME_UNKNOWN"));
    assert_eq!(message, "alice/none does not exist, or bob may not read it");
}

#[tokio::test]
async fn bad_credentials_never_break_a_public_pull() {
    let (registry, _) = world().await;
    registry
        .app
        .create_user(&By::Operator, "carol", false, Some("correct horse"))
        .await
        .expect("created");
    let expiring = registry
        .app
        .create_token(
            &By::Operator,
            "carol",
            TokenRequest {
                scopes: vec![Scope::Read],
                lifetime: Some(DAY),
                ..TokenRequest::default()
            },
        )
        .await
        .expect("made");
    registry.clock.advance(2 * DAY);
    let basic = |user: &str, secret: &str| {
        use std::fmt::Write as _;
        let mut hex = String::new();
        let _ = write!(hex, "{user}:{secret}");
        format!("Basic {}", base64(hex.as_bytes()))
    };
    let cases = [
        (
            format!("Bearer {}", expiring.value),
            "this token expired on",
        ),
        (basic("carol", &expiring.value), "this token expired on"),
        (
            basic("carol", "wrong password"),
            "the user name or password is wrong",
        ),
        (
            basic("nobody", "wrong password"),
            "the user name or password is wrong",
        ),
        ("Bearer QQ==".to_owned(), "unknown here"),
        (
            "Bearer wharf_pat_000000000000000000000000000000000000000000".to_owned(),
            "unknown here",
        ),
        ("Digest x".to_owned(), "unknown here"),
    ];
    for (authorization, says) in &cases {
        let caller = registry.with_header(authorization);
        let (status, code, message) = error(caller.get(MANIFEST).await).await;
        assert_eq!((status, code.as_str()), (401, "UNAUTHORIZED"), "{message}");
        assert!(message.contains(says), "expected {says:?} in {message:?}");
    }
    registry
        .set_visibility("alice/app", Visibility::Public)
        .await;
    for (authorization, says) in &cases {
        let caller = registry.with_header(authorization);
        assert_eq!(
            caller.get(MANIFEST).await.status(),
            StatusCode::OK,
            "{says}"
        );
        let response = caller
            .get("/token?service=wharf&scope=repository:alice/app:pull")
            .await;
        assert_eq!(response.status(), StatusCode::OK, "{says}");
        let login = caller.get("/token?service=wharf").await;
        assert_eq!(login.status(), StatusCode::UNAUTHORIZED, "{says}");
        let push = caller
            .get("/token?service=wharf&scope=repository:alice/app:pull,push")
            .await;
        assert_eq!(push.status(), StatusCode::UNAUTHORIZED, "{says}");
    }
}

#[tokio::test]
async fn every_form_of_a_good_credential_works() {
    let (registry, alice) = world().await;
    registry
        .app
        .create_user(&By::Operator, "carol", false, Some("correct horse"))
        .await
        .expect("created");
    registry
        .set_visibility("alice/app", Visibility::Internal)
        .await;
    let pat = alice.pat.clone().expect("a token");
    let forms = [
        format!("Bearer {pat}"),
        format!("token {pat}"),
        format!("Bearer {}", base64(pat.as_bytes())),
        format!("Basic {}", base64(format!("alice:{pat}").as_bytes())),
        format!("Basic {}", base64(format!("anything:{pat}").as_bytes())),
        format!("Basic {}", base64(b"carol:correct horse")),
        format!("Basic {}", base64(b"CAROL:correct horse")),
    ];
    for form in forms {
        let caller = registry.with_header(&form);
        assert_eq!(
            caller.get(MANIFEST).await.status(),
            StatusCode::OK,
            "{form}"
        );
        assert_eq!(caller.get("/v2/").await.status(), StatusCode::OK, "{form}");
    }
}

#[tokio::test]
async fn what_was_taken_away_is_gone_at_once() {
    let (registry, alice) = world().await;
    registry
        .app
        .create_user(&By::Operator, "carol", false, Some("correct horse"))
        .await
        .expect("created");
    registry
        .set_visibility("alice/app", Visibility::Internal)
        .await;
    let carol = registry.with_header(&format!("Basic {}", base64(b"carol:correct horse")));
    let narrowed = carol
        .with_registry_token(&["repository:alice/app:pull"])
        .await;
    for caller in [&carol, &narrowed] {
        assert_eq!(caller.get(MANIFEST).await.status(), StatusCode::OK);
    }
    registry
        .app
        .set_password(&By::Operator, "carol", "another horse")
        .await
        .expect("set");
    for caller in [&carol, &narrowed] {
        assert_eq!(
            caller.get(MANIFEST).await.status(),
            StatusCode::UNAUTHORIZED
        );
    }
    let token = registry.token("carol", &[Scope::Read]).await;
    let narrowed = token
        .with_registry_token(&["repository:alice/app:pull"])
        .await;
    assert_eq!(narrowed.get(MANIFEST).await.status(), StatusCode::OK);
    registry
        .app
        .set_user_disabled(&By::Operator, "carol", true)
        .await
        .expect("disabled");
    for caller in [&token, &narrowed] {
        let (status, _, message) = error(caller.get(MANIFEST).await).await;
        assert_eq!(status, 401);
        assert!(message.contains("carol is disabled"), "{message}");
    }
    registry
        .app
        .set_user_disabled(&By::Operator, "carol", false)
        .await
        .expect("enabled");
    assert_eq!(token.get(MANIFEST).await.status(), StatusCode::OK);
    let id = registry
        .app
        .list_tokens(&By::Operator, "carol", 0, 10)
        .await
        .expect("lists")[0]
        .id;
    registry
        .app
        .revoke_token(&By::Operator, id)
        .await
        .expect("revoked");
    for caller in [&token, &narrowed] {
        assert_eq!(
            caller.get(MANIFEST).await.status(),
            StatusCode::UNAUTHORIZED
        );
    }
    let name = "alice/app".parse().expect("a name");
    registry
        .app
        .delete_package(&By::Operator, &name)
        .await
        .expect("deleted");
    assert_eq!(alice.get(MANIFEST).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn organizations_push_through_their_owners() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = (registry.user("alice").await, registry.user("bob").await);
    registry
        .app
        .create_organization(&By::Operator, "Acme", "alice")
        .await
        .expect("created");
    push_image(&alice, "acme/app", "1", &image("one")).await;
    assert_eq!(
        bob.post("/v2/acme/app/blobs/uploads/").await.status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        alice.get("/v2/acme/app/manifests/1").await.status(),
        StatusCode::OK
    );
    assert_eq!(
        bob.get("/v2/acme/app/manifests/1").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn only_site_administrators_write_into_upstream_namespaces() {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("root1").await;
    push_image(&admin, "docker.io/library/nginx", "1", &image("one")).await;
    push_image(&admin, "docker.io/library/redis", "1", &image("two")).await;
    let response = admin.get("/v2/docker.io/library/nginx/manifests/1").await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_challenge_says_where_and_what() {
    let (registry, _) = world().await;
    let anonymous = registry.anonymous();
    let challenge = async |method: Method, path: &str| {
        let response = anonymous.send(method, path).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            response.headers()["docker-distribution-api-version"],
            "registry/2.0"
        );
        response.headers()[header::WWW_AUTHENTICATE]
            .to_str()
            .expect("text")
            .to_owned()
    };
    let base = r#"Bearer realm="http://registry.test/token",service="wharf""#;
    assert_eq!(challenge(Method::GET, "/v2/").await, base);
    assert_eq!(
        challenge(Method::GET, MANIFEST).await,
        format!(r#"{base},scope="repository:alice/app:pull""#)
    );
    let upload = "/v2/alice/app/blobs/uploads/";
    assert_eq!(
        challenge(Method::POST, upload).await,
        format!(r#"{base},scope="repository:alice/app:pull,push""#)
    );
    assert_eq!(
        challenge(Method::DELETE, MANIFEST).await,
        format!(r#"{base},scope="repository:alice/app:delete""#)
    );
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(bytes)
}
