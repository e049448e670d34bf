//! Signing in: sessions, and the second factor.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wharf_app::{
    authn::totp::Secret,
    authz::By,
    clock::{Clock as _, HOUR, SECOND},
};
use wharf_testkit::{Caller, TestRegistry};

const PASSWORD: &str = "correct horse battery";

async fn alice(registry: &TestRegistry) -> Caller {
    let made = registry
        .app
        .create_user(&By::Operator, "alice", false, Some(PASSWORD));
    made.await.expect("made");
    basic(registry, PASSWORD)
}

fn basic(registry: &TestRegistry, secret: &str) -> Caller {
    let pair = BASE64_STANDARD.encode(format!("alice:{secret}"));
    registry.with_header(&format!("Basic {pair}"))
}

async fn sign_in(registry: &TestRegistry, code: Option<&str>) -> (u16, Value) {
    let body = json!({"login": "Alice", "password": PASSWORD, "code": code});
    registry
        .anonymous()
        .api(Method::POST, "sessions", body)
        .await
}

async fn session(registry: &TestRegistry, code: Option<&str>) -> Caller {
    let (status, begun) = sign_in(registry, code).await;
    assert_eq!(status, 201, "{begun}");
    let value = begun["value"].as_str().expect("a value");
    registry.with_header(&format!("Bearer {value}"))
}

/// What the authenticator app shows now.
fn code(registry: &TestRegistry, secret: &Secret) -> String {
    let now = registry.clock.now();
    let step = now / (30 * SECOND);
    let all = (0..1_000_000).map(|n| format!("{n:06}"));
    // Of this step: that of the next one is accepted as well.
    let mut right = all.filter(|code| secret.verify(code, now, Some(step - 1)) == Some(step));
    right.next().expect("one is right")
}

fn secret(text: &Value) -> Secret {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let text = text.as_str().expect("a secret");
    let mut bits = 0_u64;
    let (mut count, mut bytes) = (0, Vec::new());
    for c in text.chars() {
        bits = bits << 5 | ALPHABET.find(c).expect("base32") as u64;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).expect("a byte"));
        }
    }
    Secret::from_bytes(bytes.try_into().expect("20 bytes"))
}

#[tokio::test]
async fn a_session_is_listed_used_and_ended() {
    let registry = TestRegistry::start().await;
    let password = alice(&registry).await;
    let one = session(&registry, None).await;
    let two = session(&registry, None).await;
    let (_, viewer) = one.api(Method::GET, "user", Value::Null).await;
    assert_eq!(viewer["credential"]["kind"], "session");
    let narrowed = two
        .with_registry_token(&["repository:alice/app:pull,push"])
        .await;
    assert_eq!(narrowed.get("/v2/").await.status(), StatusCode::OK);
    let listed = password.api_ok(Method::GET, "sessions", Value::Null).await;
    assert_eq!(listed["items"].as_array().expect("a list").len(), 2);
    assert_eq!(listed["items"][0]["address"], "127.0.0.1");
    assert!(listed["items"][0].get("value").is_none());
    let second = listed["items"][1]["id"].to_string();
    let stranger = registry.user("stranger").await;
    let token = registry.token("alice", &wharf_app::authz::Scope::ALL).await;
    for caller in [&stranger, &token] {
        let path = format!("sessions/{second}");
        let (status, _) = caller.api_fails(Method::DELETE, &path, Value::Null).await;
        assert_eq!(status, 403, "a token manages no sessions");
    }
    one.api_ok(Method::DELETE, &format!("sessions/{second}"), Value::Null)
        .await;
    for caller in [&two, &narrowed] {
        assert_eq!(caller.get("/v2/").await.status(), StatusCode::UNAUTHORIZED);
    }
    registry.clock.advance(13 * HOUR);
    let (status, message) = one.api_fails(Method::GET, "user", Value::Null).await;
    assert_eq!(
        (status, message.contains("is over")),
        (401, true),
        "{message}"
    );
}

#[tokio::test]
async fn another_password_ends_every_session() {
    let registry = TestRegistry::start().await;
    let password = alice(&registry).await;
    let session = session(&registry, None).await;
    let new = json!({"password": "another horse entirely"});
    let token = registry.token("alice", &wharf_app::authz::Scope::ALL).await;
    let (status, _) = token
        .api_fails(Method::PUT, "users/alice/password", new.clone())
        .await;
    assert_eq!(status, 403, "a token sets no password");
    session
        .api_ok(Method::PUT, "users/alice/password", new)
        .await;
    for caller in [&session, &password] {
        let (status, _) = caller.api(Method::GET, "user", Value::Null).await;
        assert_eq!(status, 401);
    }
    let (status, _) = basic(&registry, "another horse entirely")
        .api(Method::GET, "user", Value::Null)
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_good_once() {
    let registry = TestRegistry::start().await;
    let password = alice(&registry).await;
    let begun = password
        .api_ok(Method::POST, "user/second-factor", Value::Null)
        .await;
    let uri = begun["uri"].as_str().expect("a URI");
    assert!(
        uri.starts_with("otpauth://totp/registry.test:alice?secret="),
        "{uri}"
    );
    let secret = secret(&begun["secret"]);
    assert_eq!(sign_in(&registry, None).await.0, 201, "not confirmed yet");
    let (status, _) = password
        .api_fails(Method::PUT, "user/second-factor", json!({"code": "12345"}))
        .await;
    assert_eq!(status, 400);
    let first = code(&registry, &secret);
    let confirm = json!({"code": first});
    let confirmed = password
        .api_ok(Method::PUT, "user/second-factor", confirm)
        .await;
    let recovery = confirmed["recovery_codes"].as_array().expect("a list");
    assert_eq!(recovery.len(), 10);

    let (status, message) = password.api_fails(Method::GET, "user", Value::Null).await;
    assert_eq!(
        (status, message.contains("second factor")),
        (401, true),
        "{message}"
    );
    let docker = password
        .get("/token?service=wharf&scope=repository:alice/app:pull")
        .await;
    assert_eq!(docker.status(), StatusCode::UNAUTHORIZED);
    let (status, told) = sign_in(&registry, None).await;
    assert_eq!(status, 401);
    assert!(told.to_string().contains("give its code"), "{told}");
    assert_eq!(
        sign_in(&registry, Some(&first)).await.0,
        401,
        "used already"
    );
    registry.clock.advance(30 * SECOND);
    let next = code(&registry, &secret);
    let session = session(&registry, Some(&next)).await;
    assert_eq!(sign_in(&registry, Some(&next)).await.0, 401, "good once");
    let spare = recovery[3].as_str().expect("a code").to_uppercase();
    assert_eq!(sign_in(&registry, Some(&spare)).await.0, 201);
    assert_eq!(sign_in(&registry, Some(&spare)).await.0, 401, "good once");
    let token = json!({"scopes": ["read:packages"], "expires_in": 60});
    session.api_ok(Method::POST, "tokens", token).await;
    let (status, _) = session
        .api_fails(
            Method::DELETE,
            "user/second-factor",
            json!({"code": "000000"}),
        )
        .await;
    assert_eq!(status, 400);
    let last = json!({"code": recovery[0]});
    session
        .api_ok(Method::DELETE, "user/second-factor", last)
        .await;
    assert_eq!(sign_in(&registry, None).await.0, 201);
}

#[tokio::test]
async fn guessing_comes_to_an_end() {
    let registry = TestRegistry::start().await;
    alice(&registry).await;
    let guess = json!({"login": "alice", "password": "wrong password"});
    let unknown = json!({"login": "nobody", "password": "wrong password"});
    let anonymous = registry.anonymous();
    let (status, known) = anonymous
        .api_fails(Method::POST, "sessions", guess.clone())
        .await;
    let told = anonymous.api_fails(Method::POST, "sessions", unknown).await;
    assert_eq!(
        (status, &known),
        (401, &told.1),
        "nobody learns who is there"
    );
    for _ in 1..10 {
        anonymous
            .api_fails(Method::POST, "sessions", guess.clone())
            .await;
    }
    let (status, message) = anonymous.api_fails(Method::POST, "sessions", guess).await;
    assert_eq!(status, 429, "{message}");
    assert_eq!(sign_in(&registry, None).await.0, 429, "from there");
}

#[tokio::test]
async fn who_has_lost_everything_is_let_in_by_an_administrator() {
    let registry = TestRegistry::start().await;
    let password = alice(&registry).await;
    let begun = password
        .api_ok(Method::POST, "user/second-factor", Value::Null)
        .await;
    let first = code(&registry, &secret(&begun["secret"]));
    password
        .api_ok(Method::PUT, "user/second-factor", json!({"code": first}))
        .await;
    let root = registry.site_admin("root1").await;
    root.api_ok(Method::DELETE, "users/alice/second-factor", Value::Null)
        .await;
    assert_eq!(sign_in(&registry, None).await.0, 201);
}
