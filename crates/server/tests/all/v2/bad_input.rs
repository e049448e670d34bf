//! What no good client sends, and the clear error it gets.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use wharf_oci::media_type::OCI_MANIFEST;
use wharf_testkit::{TestRegistry, raw};

#[tokio::test]
async fn bad_names_are_explained() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let long = format!("alice/{}", "a".repeat(300));
    for (name, status, code, says) in [
        (
            "ga-hit-counter",
            404,
            "NAME_UNKNOWN",
            "ga-hit-counter has no owner: push to registry.test/alice/ga-hit-counter",
        ),
        ("alice/App", 400, "NAME_INVALID", "use `alice/app`"),
        ("al_ice/app", 400, "NAME_INVALID", "cannot own packages"),
        ("alice/a..b", 400, "NAME_INVALID", "not a valid name"),
        (&long, 400, "NAME_INVALID", "306 characters"),
    ] {
        let response = alice.post(&format!("/v2/{name}/blobs/uploads/")).await;
        assert_eq!(response.status().as_u16(), status, "{name}");
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["errors"][0]["code"], code);
        let message = body["errors"][0]["message"].as_str().expect("text");
        assert!(message.contains(says), "{message}");
    }
    let anonymous = registry.anonymous().post("/v2/app/blobs/uploads/").await;
    let text = anonymous.text().await.expect("text");
    assert!(text.contains("push to registry.test/OWNER/app"), "{text}");
}

#[tokio::test]
async fn traversal_in_every_encoding_reaches_nothing() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let token = alice.pat.expect("a token");
    for path in [
        "/v2/../../etc/passwd",
        "/v2/alice/../bob/manifests/1",
        "/v2/%2e%2e/%2e%2e/blobs/x",
        "/v2/alice%2f..%2fbob/manifests/1",
        "/v2/alice/app/blobs/sha256:../../../wharf.db",
        "/v2/alice/app/blobs/..%2f..%2fwharf.db",
        "/v2/alice/app/manifests/..%2f..",
        "//v2//",
        "/v2/alice/app;x/manifests/1",
        "/v2/alice/app%00/manifests/1",
        "/v2/alice\\app/manifests/1",
        "/v2/alice/app/blobs/uploads/../../x",
        "/v2/al%69ce/%ff/manifests/1",
    ] {
        let answer = raw(&registry.url, format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(matches!(status, "400" | "404" | "405"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    for (method, path, status) in [
        (Method::GET, "/v2/alice/app/things/x", 404),
        (Method::GET, "/v1/", 404),
        (Method::POST, "/v2/", 405),
        (Method::PUT, "/v2/alice/app/tags/list", 405),
        (Method::POST, "/v2/alice/app/manifests/1", 405),
        (Method::PATCH, "/v2/alice/app/blobs/uploads/", 405),
        (Method::OPTIONS, "/v2/", 405),
        (Method::GET, "/v2/alice/app/blobs/uploads/nope", 404),
    ] {
        let response = alice.send(method.clone(), path).await;
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        let body: Value = response.json().await.expect("JSON");
        assert!(
            !body["errors"][0]["message"]
                .as_str()
                .expect("text")
                .is_empty()
        );
    }
}

#[tokio::test]
async fn ten_thousand_descriptors_are_too_many() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let config = alice.push_blob("alice/app", "{}").await;
    let descriptor = serde_json::json!({"mediaType": "a/b", "digest": config, "size": 2});
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor,
        "layers": vec![descriptor.clone(); 10_000],
    });
    let response = alice
        .put_manifest("alice/app", "1", OCI_MANIFEST, manifest.to_string())
        .await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(
        response
            .text()
            .await
            .expect("text")
            .contains("10001 descriptors")
    );
}
