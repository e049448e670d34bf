//! Bad input: a 4xx that names the field and the way out.

use reqwest::Method;
use serde_json::{Value, json};
use wharf_testkit::{TestRegistry, image, push_image};

/// Method, path, body; status, and what is said.
type Mistake = (Method, &'static str, Value, u16, &'static str);

async fn tell(mistakes: Vec<Mistake>) {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let acme = json!({"login": "acme"});
    alice.api_ok(Method::POST, "organizations", acme).await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    for (method, path, body, status, says) in mistakes {
        let (answered, message) = alice.api_fails(method.clone(), path, body.clone()).await;
        assert_eq!(answered, status, "{method} {path} {body}: {message}");
        assert!(message.contains(says), "{method} {path} {body}: {message}");
    }
}

#[tokio::test]
async fn mistakes_about_packages_are_told() {
    tell(vec![
        (
            Method::PATCH,
            "packages/alice/app",
            json!({"visibilty": "public"}),
            400,
            "unknown field `visibilty`",
        ),
        (
            Method::PATCH,
            "packages/alice/app",
            json!({"visibility": "secret"}),
            400,
            "`visibility` is not valid",
        ),
        (
            Method::PATCH,
            "packages/alice/app",
            json!({"visibility": 7}),
            400,
            "`visibility` is not valid",
        ),
        (
            Method::PATCH,
            "packages/alice/app",
            json!({"url": "javascript:alert(1)"}),
            400,
            "`url` is not valid",
        ),
        (
            Method::PATCH,
            "packages/alice/app",
            json!({"description": "x".repeat(513)}),
            400,
            "more than 512",
        ),
        (
            Method::PATCH,
            "packages/alice/app",
            json!({"source": "nowhere"}),
            400,
            "`source` is not valid",
        ),
        (
            Method::PATCH,
            "packages/alice/app",
            json!([]),
            400,
            "`body` is not valid",
        ),
        (
            Method::PUT,
            "packages/alice/app/grants/acme%2Fnone",
            json!({"role": "read"}),
            400,
            "not a team of alice",
        ),
        (
            Method::PUT,
            "packages/alice/app/grants/nobody",
            json!({"role": "read"}),
            404,
            "no user nobody",
        ),
        (
            Method::PUT,
            "packages/alice/app/grants/bob",
            json!({"role": "owner"}),
            400,
            "`role` is not valid",
        ),
        (
            Method::PUT,
            "packages/alice/app/grants/bob",
            json!({"role": "read", "expires_in": 0}),
            400,
            "`expires_in`",
        ),
    ])
    .await;
}

#[tokio::test]
async fn mistakes_about_accounts_are_told() {
    tell(vec![
        (
            Method::POST,
            "tokens",
            json!({"scopes": []}),
            400,
            "`scopes` is not valid",
        ),
        (
            Method::POST,
            "tokens",
            json!({"scopes": ["repo"]}),
            400,
            "is not a scope",
        ),
        (
            Method::POST,
            "tokens",
            json!({"scopes": ["read:packages"], "packages": ["*"]}),
            400,
            "does not name packages",
        ),
        (
            Method::POST,
            "tokens",
            json!({"scopes": ["read:packages"], "addresses": ["10.0.0.0/99"]}),
            400,
            "`addresses`",
        ),
        (
            Method::POST,
            "tokens",
            json!({"scopes": ["read:packages"], "expires_in": 1e30}),
            400,
            "`expires_in`",
        ),
        (
            Method::POST,
            "organizations",
            json!({"login": "a--b"}),
            400,
            "not a login",
        ),
        (
            Method::POST,
            "organizations",
            json!({"login": "acme"}),
            409,
            "already an account acme",
        ),
        (
            Method::POST,
            "organizations/acme/teams",
            json!({"name": "x", "parent": "none"}),
            404,
            "no team acme/none",
        ),
        (
            Method::PUT,
            "organizations/acme/members/alice",
            json!({"role": "member"}),
            409,
            "last owner",
        ),
        (
            Method::PUT,
            "owners/alice/default-visibilities",
            json!({"prefix": "../", "visibility": "public"}),
            404,
            "begin with `../`",
        ),
    ])
    .await;
}

#[tokio::test]
async fn mistakes_in_questions_are_told() {
    tell(vec![
        (
            Method::GET,
            "packages?limit=x",
            Value::Null,
            400,
            "`query` is not valid",
        ),
        (
            Method::GET,
            "packages?n=3",
            Value::Null,
            400,
            "unknown field `n`",
        ),
        (
            Method::GET,
            "packages?owner=nobody",
            Value::Null,
            404,
            "no account nobody",
        ),
        (
            Method::GET,
            "packages/alice/app/versions?after=x",
            Value::Null,
            400,
            "`after` is not valid",
        ),
        (
            Method::GET,
            "packages/alice/A",
            Value::Null,
            400,
            "uppercase",
        ),
        (
            Method::GET,
            "packages/alice/..%2F..%2Fetc",
            Value::Null,
            400,
            "not a valid name",
        ),
        (
            Method::GET,
            "packages/alice/app/versions/sha256:x",
            Value::Null,
            400,
            "`reference`",
        ),
        (Method::GET, "nothing", Value::Null, 404, "openapi.json"),
        (
            Method::PUT,
            "packages/alice/app",
            Value::Null,
            405,
            "PUT is not allowed here",
        ),
    ])
    .await;
}

#[tokio::test]
async fn only_plain_json_is_read() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let path = "/api/v1/packages/alice/app";
    for (kind, body, status) in [
        ("text/plain", r#"{"title":"x"}"#, 415),
        ("application/x-www-form-urlencoded", "title=x", 415),
        ("application/json", r#"{"title":"x","title":"y"}"#, 400),
        ("application/json", "{", 400),
        ("application/json", "\u{feff}{}", 400),
        ("application/json; charset=utf-8", r#"{"title":"x"}"#, 204),
    ] {
        let request = alice
            .request(Method::PATCH, path)
            .header("content-type", kind);
        let response = request.body(body).send().await.expect("an answer");
        assert_eq!(response.status(), status, "{kind} {body}");
    }
    let large = format!(r#"{{"readme":"{}"}}"#, "x".repeat(1024 * 1024));
    let request = alice
        .request(Method::PATCH, path)
        .header("content-type", "application/json");
    let response = request.body(large).send().await.expect("an answer");
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn every_answer_is_described() {
    let registry = TestRegistry::start().await;
    let document = registry
        .anonymous()
        .api_ok(Method::GET, "openapi.json", Value::Null)
        .await;
    let paths = document["paths"].as_object().expect("paths");
    for (method, path) in wharf_server::api::operations() {
        let operation = &paths[&format!("/api/v1{path}")][method.to_ascii_lowercase()];
        assert!(operation["summary"].is_string(), "{method} {path}");
        assert!(
            operation["responses"]["default"].is_object(),
            "{method} {path}"
        );
    }
    let mut ids: Vec<&str> = paths
        .values()
        .flat_map(|path| path.as_object().into_iter().flat_map(|path| path.values()))
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "ids are unique");
    let text = document.to_string();
    let schemas = document["components"]["schemas"]
        .as_object()
        .expect("schemas");
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(schemas.contains_key(name), "{name} is not described");
    }
}
