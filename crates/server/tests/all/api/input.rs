//! Bad input: a 4xx that names the field and the way out.

use reqwest::Method;
use serde_json::{Value, json};
use wharf_testkit::{TestRegistry, image, push_image};

#[tokio::test]
async fn mistakes_are_told_with_their_field() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    alice
        .api_ok(Method::POST, "organizations", json!({"login": "acme"}))
        .await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let (get, post, put, patch) = (Method::GET, Method::POST, Method::PUT, Method::PATCH);
    for (method, path, body, status, says) in [
        (
            &patch,
            "packages/alice/app",
            json!({"visibilty": "public"}),
            400,
            "unknown field `visibilty`",
        ),
        (
            &patch,
            "packages/alice/app",
            json!({"visibility": "secret"}),
            400,
            "`visibility` is not valid",
        ),
        (
            &patch,
            "packages/alice/app",
            json!({"visibility": 7}),
            400,
            "`visibility` is not valid",
        ),
        (
            &patch,
            "packages/alice/app",
            json!({"url": "javascript:alert(1)"}),
            400,
            "`url` is not valid",
        ),
        (
            &patch,
            "packages/alice/app",
            json!({"description": "x".repeat(513)}),
            400,
            "more than 512",
        ),
        (
            &patch,
            "packages/alice/app",
            json!({"source": "nowhere"}),
            400,
            "`source` is not valid",
        ),
        (
            &patch,
            "packages/alice/app",
            json!([]),
            400,
            "`body` is not valid",
        ),
        (
            &put,
            "packages/alice/app/grants/acme%2Fnone",
            json!({"role": "read"}),
            400,
            "not a team of alice",
        ),
        (
            &put,
            "packages/alice/app/grants/nobody",
            json!({"role": "read"}),
            404,
            "no user nobody",
        ),
        (
            &put,
            "packages/alice/app/grants/bob",
            json!({"role": "owner"}),
            400,
            "`role` is not valid",
        ),
        (
            &put,
            "packages/alice/app/grants/bob",
            json!({"role": "read", "expires_in": 0}),
            400,
            "`expires_in`",
        ),
        (
            &post,
            "tokens",
            json!({"scopes": []}),
            400,
            "`scopes` is not valid",
        ),
        (
            &post,
            "tokens",
            json!({"scopes": ["repo"]}),
            400,
            "is not a scope",
        ),
        (
            &post,
            "tokens",
            json!({"scopes": ["read:packages"], "packages": ["*"]}),
            400,
            "does not name packages",
        ),
        (
            &post,
            "tokens",
            json!({"scopes": ["read:packages"], "addresses": ["10.0.0.0/99"]}),
            400,
            "`addresses`",
        ),
        (
            &post,
            "tokens",
            json!({"scopes": ["read:packages"], "expires_in": 1e30}),
            400,
            "`expires_in`",
        ),
        (
            &post,
            "organizations",
            json!({"login": "a--b"}),
            400,
            "not a login",
        ),
        (
            &post,
            "organizations",
            json!({"login": "acme"}),
            409,
            "already an account acme",
        ),
        (
            &post,
            "organizations/acme/teams",
            json!({"name": "x", "parent": "none"}),
            404,
            "no team acme/none",
        ),
        (
            &put,
            "organizations/acme/members/alice",
            json!({"role": "member"}),
            409,
            "last owner",
        ),
        (
            &put,
            "owners/alice/default-visibilities",
            json!({"prefix": "../", "visibility": "public"}),
            404,
            "begin with `../`",
        ),
        (
            &get,
            "packages?limit=x",
            Value::Null,
            400,
            "`query` is not valid",
        ),
        (&get, "packages?n=3", Value::Null, 400, "unknown field `n`"),
        (
            &get,
            "packages?owner=nobody",
            Value::Null,
            404,
            "no account nobody",
        ),
        (
            &get,
            "packages/alice/app/versions?after=x",
            Value::Null,
            400,
            "`after` is not valid",
        ),
        (&get, "packages/alice/A", Value::Null, 400, "uppercase"),
        (
            &get,
            "packages/alice/..%2F..%2Fetc",
            Value::Null,
            400,
            "not a valid name",
        ),
        (
            &get,
            "packages/alice/app/versions/sha256:x",
            Value::Null,
            400,
            "`reference`",
        ),
        (&get, "nothing", Value::Null, 404, "openapi.json"),
        (
            &put,
            "packages/alice/app",
            Value::Null,
            405,
            "PUT is not allowed here",
        ),
    ] {
        let (answered, message) = alice.api_fails(method.clone(), path, body.clone()).await;
        assert_eq!(answered, status, "{method} {path} {body}: {message}");
        assert!(message.contains(says), "{method} {path} {body}: {message}");
    }
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
