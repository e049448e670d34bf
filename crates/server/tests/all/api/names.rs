//! Renaming and transfer, of packages and accounts.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wharf_app::authz::{By, Scope};
use wharf_db::organizations::MemberRole;
use wharf_testkit::{Caller, TestRegistry, image, push_image};

use super::pulls;

async fn rename(caller: &Caller, from: &str, to: &str) {
    let path = format!("packages/{from}/rename");
    caller.api_ok(Method::POST, &path, json!({"to": to})).await;
}

async fn company(registry: &TestRegistry) -> (Caller, Caller) {
    let (alice, bob) = (registry.user("alice").await, registry.user("bob").await);
    let acme = json!({"login": "acme"});
    alice.api_ok(Method::POST, "organizations", acme).await;
    let member = registry
        .app
        .put_member(&By::Operator, "acme", "bob", MemberRole::Member);
    member.await.expect("put");
    (alice, bob)
}

#[tokio::test]
async fn old_names_lead_on_for_pulls_and_pushes() {
    let registry = TestRegistry::start().await;
    let (alice, _) = company(&registry).await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let before = alice
        .with_registry_token(&["repository:alice/app:pull,push"])
        .await;
    rename(&alice, "alice/app", "alice/server").await;
    rename(&alice, "alice/app", "alice/third").await;
    for name in ["alice/app", "alice/server", "alice/third"] {
        assert!(pulls(&alice, name, "1").await, "{name}");
        let narrowed = alice
            .with_registry_token(&[&format!("repository:{name}:pull")])
            .await;
        assert!(pulls(&narrowed, name, "1").await, "{name}");
    }
    assert!(
        pulls(&before, "alice/app", "1").await,
        "a registry token from before"
    );
    push_image(&alice, "alice/app", "2", &image("two")).await;
    let listed = alice
        .api_ok(Method::GET, "packages?owner=alice", Value::Null)
        .await;
    assert_eq!(listed["items"].as_array().expect("a list").len(), 1);
    assert_eq!(listed["items"][0]["name"], "alice/third");
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_transfer_leaves_the_old_owner_what_is_granted() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = company(&registry).await;
    push_image(&bob, "bob/app", "1", &image("one")).await;
    let narrowed = bob
        .with_registry_token(&["repository:bob/app:pull,push"])
        .await;
    rename(&bob, "bob/app", "acme/app").await;
    assert!(pulls(&alice, "acme/app", "1").await, "the new owner");
    assert!(
        pulls(&bob, "bob/app", "1").await,
        "whoever handed it over stays admin"
    );
    assert!(
        !pulls(&narrowed, "bob/app", "1").await,
        "made for another owner's package"
    );
    let revoke = "packages/acme/app/grants/bob";
    alice.api_ok(Method::DELETE, revoke, Value::Null).await;
    for name in ["bob/app", "acme/app"] {
        assert!(!pulls(&bob, name, "1").await, "{name}");
    }
    let push = bob.post("/v2/bob/app/blobs/uploads/").await;
    assert_eq!(push.status(), StatusCode::FORBIDDEN);
    let message = push.text().await.expect("text");
    assert!(message.contains("bob has no role on bob/app"), "{message}");
    let (status, _) = bob
        .api_fails(
            Method::POST,
            "packages/bob/app/rename",
            json!({"to": "bob/back"}),
        )
        .await;
    assert_eq!(status, 404);
    let release = "packages/acme/app/former-names?name=bob/app";
    alice.api_ok(Method::DELETE, release, Value::Null).await;
    push_image(&bob, "bob/app", "1", &image("another")).await;
}

#[tokio::test]
async fn names_that_are_taken_stay_so() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = company(&registry).await;
    for name in ["alice/one", "alice/two", "acme/app"] {
        push_image(&alice, name, "1", &image(name)).await;
    }
    rename(&alice, "alice/one", "alice/uno").await;
    for (from, to, status) in [
        ("alice/two", "alice/uno", 409),
        ("alice/two", "alice/one", 409),
        ("alice/two", "bob/two", 403),
        ("alice/two", "nobody/two", 404),
        ("alice/two", "two", 400),
        ("alice/two", "docker.io/two", 404),
    ] {
        let path = format!("packages/{from}/rename");
        let (answered, message) = alice
            .api_fails(Method::POST, &path, json!({"to": to}))
            .await;
        assert_eq!(answered, status, "{from} to {to}: {message}");
    }
    rename(&alice, "alice/uno", "alice/one").await;
    let former = alice.api_ok(Method::GET, "packages/alice/one/former-names", Value::Null);
    assert_eq!(former.await, json!(["alice/uno"]));
    alice
        .api_ok(Method::DELETE, "packages/alice/two", Value::Null)
        .await;
    let (status, _) = alice
        .api_fails(
            Method::POST,
            "packages/alice/one/rename",
            json!({"to": "alice/two"}),
        )
        .await;
    assert_eq!(status, 409, "kept for what was deleted");
    let (status, _) = bob
        .api_fails(
            Method::POST,
            "packages/alice/one/rename",
            json!({"to": "bob/one"}),
        )
        .await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn an_account_keeps_its_packages_and_its_old_login() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = company(&registry).await;
    push_image(&alice, "acme/app", "1", &image("one")).await;
    push_image(&alice, "acme/old", "1", &image("two")).await;
    rename(&alice, "acme/old", "acme/new").await;
    let body = json!({"name": "bot"});
    alice
        .api_ok(Method::POST, "organizations/acme/service-accounts", body)
        .await;
    let bot = registry.token("acme+bot", &[Scope::Write]).await;
    let to = json!({"login": "acme-inc"});
    alice.api_ok(Method::POST, "accounts/acme/rename", to).await;
    for name in [
        "acme/app",
        "acme-inc/app",
        "acme/old",
        "acme-inc/old",
        "acme-inc/new",
    ] {
        assert!(pulls(&alice, name, "1").await, "{name}");
    }
    let bots = alice.api_ok(
        Method::GET,
        "organizations/acme/service-accounts",
        Value::Null,
    );
    assert_eq!(bots.await["items"][0]["login"], "acme-inc+bot");
    push_image(&bot, "acme/by-bot", "1", &image("three")).await;
    assert!(pulls(&alice, "acme-inc/by-bot", "1").await);
    for (caller, body) in [
        (&bob, json!({"login": "acme"})),
        (&alice, json!({"login": "acme"})),
    ] {
        let (status, message) = caller.api_fails(Method::POST, "organizations", body).await;
        assert_eq!(status, 409, "{message}");
    }
    let (status, _) = bob
        .api_fails(
            Method::POST,
            "accounts/bob/rename",
            json!({"login": "acme"}),
        )
        .await;
    assert_eq!(status, 409);
    alice
        .api_ok(
            Method::POST,
            "accounts/acme-inc/rename",
            json!({"login": "acme"}),
        )
        .await;
    for name in ["acme/app", "acme-inc/app", "acme-inc/old"] {
        assert!(pulls(&alice, name, "1").await, "{name}");
    }
}
