//! The referrers API.

use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use wharf_oci::{
    Digest,
    media_type::{OCI_EMPTY, OCI_INDEX, OCI_MANIFEST},
};
use wharf_testkit::{Caller, TestRegistry, image, index_with, push_image};

async fn artifact(caller: &Caller, subject: &Value, kind: &str, n: usize) -> (Digest, String) {
    let config = caller.push_blob("alice/app", "{}").await;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": kind, "subject": subject,
        "config": {"mediaType": OCI_EMPTY, "digest": config, "size": 2},
        "layers": [], "annotations": {"n": n.to_string()},
    });
    let body = manifest.to_string();
    let digest = Digest::sha256(body.as_bytes());
    let response = caller
        .put_manifest("alice/app", digest.as_str(), OCI_MANIFEST, body)
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let told = response.headers()["oci-subject"].to_str().expect("text");
    (digest, told.to_owned())
}

#[tokio::test]
async fn referrers_may_come_before_their_subject() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let subject = image("subject");
    let (first, told) = artifact(&alice, &subject.descriptor(), "a/x", 1).await;
    assert_eq!(told, subject.digest.as_str());
    push_image(&alice, "alice/app", "1", &subject).await;
    let list = index_with(
        &[],
        json!({"subject": subject.descriptor(), "artifactType": "a/y"}),
    );
    let response = alice
        .put_manifest("alice/app", "idx", OCI_INDEX, list.clone())
        .await;
    assert_eq!(response.headers()["oci-subject"], subject.digest.as_str());

    let path = format!("/v2/alice/app/referrers/{}", subject.digest);
    let response = alice.get(&path).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], OCI_INDEX);
    assert!(!response.headers().contains_key("oci-filters-applied"));
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(
        (&body["schemaVersion"], &body["mediaType"]),
        (&json!(2), &json!(OCI_INDEX))
    );
    assert_eq!(body["manifests"].as_array().expect("a list").len(), 2);

    let response = alice.get(&format!("{path}?artifactType=a/x")).await;
    assert_eq!(response.headers()["oci-filters-applied"], "artifactType");
    let body: Value = response.json().await.expect("JSON");
    let only = &body["manifests"][0];
    assert_eq!(only["digest"], first.as_str());
    assert_eq!(only["artifactType"], "a/x");
    assert_eq!(only["annotations"], json!({"n": "1"}));
    assert_eq!(body["manifests"].as_array().expect("a list").len(), 1);
}

#[tokio::test]
async fn what_does_not_exist_has_none() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let digest = Digest::sha256(b"nothing");
    let response = alice
        .get(&format!("/v2/alice/never-pushed/referrers/{digest}"))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["manifests"], json!([]));
    let response = alice.get("/v2/alice/app/referrers/sha256:x").await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn pages_hold_every_referrer_once() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let subject = image("subject");
    let mut pushed = Vec::new();
    for n in 0..7 {
        pushed.push(
            artifact(&alice, &subject.descriptor(), "a/x", n)
                .await
                .0
                .to_string(),
        );
    }
    let mut next = Some(format!(
        "/v2/alice/app/referrers/{}?n=3&artifactType=a/x",
        subject.digest
    ));
    let mut seen = Vec::new();
    while let Some(path) = next {
        let response = alice.get(&path).await;
        let link = response
            .headers()
            .get(header::LINK)
            .map(|l| l.to_str().expect("text").to_owned());
        next = link.map(|l| l[1..l.find('>').expect("a URL")].to_owned());
        let body: Value = response.json().await.expect("JSON");
        let page = body["manifests"].as_array().expect("a list").clone();
        seen.extend(
            page.iter()
                .map(|m| m["digest"].as_str().expect("text").to_owned()),
        );
    }
    pushed.sort();
    assert_eq!(seen, pushed);
}
