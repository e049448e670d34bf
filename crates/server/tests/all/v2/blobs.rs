//! Pulling and deleting blobs.

use reqwest::{Method, StatusCode, header};
use wharf_oci::{Algorithm, Digest};
use wharf_testkit::{TestRegistry, image, push_image};

fn bytes(len: usize) -> Vec<u8> {
    (0..251_u8).cycle().take(len).collect()
}

#[tokio::test]
async fn a_blob_comes_back_whole_and_described() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    // Empty, tiny, and larger than any buffer on the way.
    for len in [0, 2, 100_000, 9_000_000] {
        let content = bytes(len);
        let digest = alice.push_blob("alice/app", content.clone()).await;
        let path = format!("/v2/alice/app/blobs/{digest}");
        for method in [Method::HEAD, Method::GET] {
            let response = alice.send(method.clone(), &path).await;
            assert_eq!(response.status(), StatusCode::OK);
            let headers = response.headers().clone();
            assert_eq!(headers[header::CONTENT_LENGTH], len.to_string());
            assert_eq!(headers["docker-content-digest"], digest.as_str());
            assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream");
            let body = response.bytes().await.expect("a body");
            assert!(
                method == Method::HEAD || body == content,
                "{len} bytes came back changed"
            );
        }
    }
    registry.assert_sound().await;
}

#[tokio::test]
async fn single_ranges() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let content = bytes(5_000_000);
    let digest = alice.push_blob("alice/app", content.clone()).await;
    let path = format!("/v2/alice/app/blobs/{digest}");
    for (range, expected) in [
        ("bytes=500-1499", 500..1500),
        ("bytes=4999990-", 4_999_990..5_000_000),
        ("bytes=-500", 4_999_500..5_000_000),
        ("bytes=2000-99999999", 2000..5_000_000),
        ("bytes=0-0", 0..1),
    ] {
        let request = alice
            .request(Method::GET, &path)
            .header(header::RANGE, range);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let told = format!("bytes {}-{}/5000000", expected.start, expected.end - 1);
        assert_eq!(response.headers()[header::CONTENT_RANGE], told);
        assert!(response.bytes().await.expect("a body") == content[expected]);
    }
    for range in ["bytes=500-0", "bytes=5000000-", "bytes=-0"] {
        let request = alice
            .request(Method::GET, &path)
            .header(header::RANGE, range);
        let response = request.send().await.expect("an answer");
        assert_eq!(
            response.status(),
            StatusCode::RANGE_NOT_SATISFIABLE,
            "{range}"
        );
        assert_eq!(response.headers()[header::CONTENT_RANGE], "bytes */5000000");
    }
    let several = alice
        .request(Method::GET, &path)
        .header(header::RANGE, "bytes=0-1,5-6");
    assert_eq!(
        several.send().await.expect("an answer").status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn sha512_is_a_digest_of_its_own() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let content = b"hello".to_vec();
    let digest = Digest::of(Algorithm::Sha512, &content);
    // With the algorithm announced, and without.
    for query in ["?digest-algorithm=sha512", ""] {
        let response = alice
            .post(&format!("/v2/alice/app/blobs/uploads/{query}"))
            .await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let upload = response.headers()[header::LOCATION]
            .to_str()
            .expect("text")
            .to_owned();
        let put = alice.request(Method::PUT, &format!("{upload}?digest={digest}"));
        let response = put.body(content.clone()).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["docker-content-digest"], digest.as_str());
    }
    let body = alice.get(&format!("/v2/alice/app/blobs/{digest}")).await;
    assert_eq!(body.bytes().await.expect("a body"), content);
    let other = Digest::sha256(&content);
    let response = alice.get(&format!("/v2/alice/app/blobs/{other}")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_deleted_blob_is_gone_at_once_and_a_needed_one_stays() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let digest = alice.push_blob("alice/app", "loose").await;
    let path = format!("/v2/alice/app/blobs/{digest}");
    assert_eq!(alice.get(&path).await.status(), StatusCode::OK);
    assert_eq!(alice.delete(&path).await.status(), StatusCode::ACCEPTED);
    assert_eq!(alice.head(&path).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(alice.delete(&path).await.status(), StatusCode::NOT_FOUND);

    let image = image("one");
    push_image(&alice, "alice/app", "1", &image).await;
    let layer = format!("/v2/alice/app/blobs/{}", Digest::sha256(&image.blobs[1]));
    let response = alice.delete(&layer).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let text = response.text().await.expect("text");
    assert!(text.contains("delete the manifest first"), "{text}");
    assert_eq!(alice.head(&layer).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_blob_of_another_package_is_unknown() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let digest = alice.push_blob("alice/one", "content").await;
    alice.push_blob("alice/two", "other").await;
    for method in [Method::HEAD, Method::GET] {
        let path = format!("/v2/alice/two/blobs/{digest}");
        assert_eq!(
            alice.send(method, &path).await.status(),
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn a_foreign_layers_name_does_not_open_its_content() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = (registry.user("alice").await, registry.user("bob").await);
    let secret = alice.push_blob("alice/app", "secret").await;
    let config = bob.push_blob("bob/app", "{}").await;
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": wharf_oci::media_type::OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "digest": secret, "size": 6, "urls": ["http://169.254.169.254/"],
        }],
    });
    let kind = wharf_oci::media_type::OCI_MANIFEST;
    let response = bob
        .put_manifest("bob/app", "1", kind, manifest.to_string())
        .await;
    assert_eq!(
        response.status(),
        StatusCode::CREATED,
        "foreign layers may be absent"
    );
    let stolen = bob.get(&format!("/v2/bob/app/blobs/{secret}")).await;
    assert_eq!(stolen.status(), StatusCode::NOT_FOUND);
}
