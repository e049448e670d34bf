//! Broken back ends: an honest answer, and nothing half-done.

use reqwest::{Method, StatusCode, header};
use wharf_oci::Digest;
use wharf_testkit::{Fault, TestRegistry, image, push_image};

#[tokio::test]
async fn no_space_is_said_and_nothing_is_left() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let image = image("one");
    push_image(&alice, "alice/app", "1", &image).await;
    let upload = alice.begin_upload("alice/app").await;
    registry.store.inject(Fault::WriteFull);
    let digest = Digest::sha256(b"content");
    let put = alice
        .request(Method::PUT, &format!("{upload}?digest={digest}"))
        .body("content");
    let response = put.send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    let text = response.text().await.expect("text");
    assert!(
        text.contains("no space left") && !text.contains("injected"),
        "{text}"
    );
    // Reading and deleting go on.
    assert_eq!(
        alice.get("/v2/alice/app/manifests/1").await.status(),
        StatusCode::OK
    );
    assert_eq!(
        alice.delete("/v2/alice/app/manifests/1").await.status(),
        StatusCode::ACCEPTED
    );
    registry.store.inject(Fault::None);
    let put = alice
        .request(Method::PUT, &format!("{upload}?digest={digest}"))
        .body("content");
    assert_eq!(
        put.send().await.expect("an answer").status(),
        StatusCode::CREATED
    );
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_failed_sync_or_publish_acknowledges_nothing() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    for (fault, content) in [(Fault::SyncIo, "one"), (Fault::PublishIo, "two")] {
        let upload = alice.begin_upload("alice/app").await;
        registry.store.inject(fault);
        let digest = Digest::sha256(content.as_bytes());
        let put = alice
            .request(Method::PUT, &format!("{upload}?digest={digest}"))
            .body(content);
        let response = put.send().await.expect("an answer");
        assert_eq!(
            response.status(),
            StatusCode::SERVICE_UNAVAILABLE,
            "{fault:?}"
        );
        registry.store.inject(Fault::None);
        let blob = format!("/v2/alice/app/blobs/{digest}");
        assert_eq!(alice.head(&blob).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(alice.push_blob("alice/app", content).await, digest);
    }
    registry.clock.advance(wharf_app::clock::DAY * 2);
    registry.app.sweep().await.expect("sweeps");
    registry.assert_sound().await;
}

#[tokio::test]
async fn unreachable_bytes_are_not_unknown() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let digest = alice.push_blob("alice/app", "content").await;
    registry.store.inject(Fault::OpenIo);
    let response = alice.get(&format!("/v2/alice/app/blobs/{digest}")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn damaged_bytes_are_never_served_from_memory() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let digest = alice.push_blob("alice/app", "content").await;
    let shard = registry
        .data()
        .join("blobs/sha256")
        .join(&digest.hex()[..2]);
    let mut files = std::fs::read_dir(shard).expect("a directory").flatten();
    let object = files.find(|f| f.file_name().to_string_lossy().starts_with(digest.hex()));
    std::fs::write(object.expect("stored").path(), "contenT").expect("damaged");
    let response = alice.get(&format!("/v2/alice/app/blobs/{digest}")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let report = registry.app.verify(true).await.expect("verifies");
    assert_eq!(report.problems.len(), 1);
}
