//! Deleting, restoring, pruning, promoting: no image loses a part.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wharf_app::clock::{DAY, HOUR};
use wharf_db::packages::Visibility;
use wharf_oci::Digest;
use wharf_testkit::{Caller, TestRegistry, image, push_image};

use super::{pulls, push_multi_arch, sign};

const APP: &str = "alice/app";

async fn delete(caller: &Caller, path: &str) -> Value {
    caller.api_ok(Method::DELETE, path, Value::Null).await
}

async fn post(caller: &Caller, path: &str) -> Value {
    caller.api_ok(Method::POST, path, Value::Null).await
}

async fn digests(caller: &Caller, state: &str) -> Vec<String> {
    let path = format!("packages/{APP}/versions?state={state}");
    let page = caller.api_ok(Method::GET, &path, Value::Null).await;
    let items = page["items"].as_array().expect("a list").iter();
    items
        .map(|item| item["digest"].as_str().expect("a digest").to_owned())
        .collect()
}

async fn size_of(caller: &Caller, digest: &Digest) -> usize {
    let path = format!("/v2/{APP}/manifests/{digest}");
    caller.get(&path).await.bytes().await.expect("bytes").len()
}

#[tokio::test]
async fn pruning_leaves_every_tag_pulling_on_every_platform() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let kept = push_multi_arch(&alice, APP, "1", "one").await;
    let size = size_of(&alice, &kept[0]).await;
    let signature = sign(&alice, APP, &kept[0], size).await;
    let replaced = push_multi_arch(&alice, APP, "2", "two").await;
    let size = size_of(&alice, &replaced[0]).await;
    let old_signature = sign(&alice, APP, &replaced[0], size).await;
    let latest = push_multi_arch(&alice, APP, "2", "three").await;
    push_image(&alice, APP, image("loose").digest.as_str(), &image("loose")).await;
    let loose = image("loose").digest;
    assert_eq!(
        digests(&alice, "all").await,
        [&loose, &latest[0], &replaced[0], &kept[0]].map(ToString::to_string),
        "parts are listed with what they belong to"
    );
    assert_eq!(
        digests(&alice, "untagged").await,
        [&loose, &replaced[0]].map(ToString::to_string)
    );
    let pruned = post(&alice, "packages/alice/app/prune").await;
    assert_eq!(pruned["digests"], json!([]), "a push may be under way");
    registry.clock.advance(2 * HOUR);
    let pruned = post(&alice, "packages/alice/app/prune").await;
    assert_eq!(
        pruned["digests"].as_array().expect("a list").len(),
        5,
        "{pruned}"
    );
    for digest in kept.iter().chain(&latest).chain([&signature]) {
        assert!(pulls(&alice, APP, digest.as_str()).await, "{digest}");
    }
    for digest in replaced.iter().chain([&old_signature, &loose]) {
        assert!(!pulls(&alice, APP, digest.as_str()).await, "{digest}");
    }
    registry.assert_sound().await;
}

#[tokio::test]
async fn parts_that_something_else_needs_stay() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let index = push_multi_arch(&alice, APP, "1", "one").await;
    let arm = image("one-arm64");
    push_image(&alice, APP, "arm", &arm).await;
    let (status, message) = alice
        .api_fails(
            Method::DELETE,
            &format!("packages/{APP}/versions/{}", index[1]),
            Value::Null,
        )
        .await;
    assert_eq!(status, 409);
    assert!(message.contains("belongs to the index"), "{message}");
    let (status, _) = alice
        .api_fails(
            Method::DELETE,
            &format!("packages/{APP}/versions/arm"),
            Value::Null,
        )
        .await;
    assert_eq!(status, 409, "by a tag of its own too");
    let deleted = delete(&alice, &format!("packages/{APP}/versions/1")).await;
    assert_eq!(
        deleted["digests"],
        json!([index[0], index[1]]),
        "what is tagged stays"
    );
    assert!(pulls(&alice, APP, "arm").await && !pulls(&alice, APP, "1").await);
    post(
        &alice,
        &format!("packages/{APP}/versions/{}/restore", index[0]),
    )
    .await;
    for reference in ["1", "arm", index[1].as_str(), index[2].as_str()] {
        assert!(pulls(&alice, APP, reference).await, "{reference}");
    }
    registry.assert_sound().await;
}

#[tokio::test]
async fn what_was_deleted_comes_back_for_thirty_days() {
    let registry = TestRegistry::start().await;
    registry.clock.tick();
    let alice = registry.user("alice").await;
    let index = push_multi_arch(&alice, APP, "1", "one").await;
    let size = size_of(&alice, &index[0]).await;
    let signature = sign(&alice, APP, &index[0], size).await;
    let version = format!("packages/{APP}/versions/{}", index[0]);
    delete(&alice, &version).await;
    assert!(digests(&alice, "all").await.is_empty());
    assert_eq!(digests(&alice, "deleted").await.len(), 4);
    registry.set_visibility(APP, Visibility::Public).await;
    let reader = registry.user("reader").await;
    let path = format!("packages/{APP}/versions?state=deleted");
    let (status, _) = reader.api_fails(Method::GET, &path, Value::Null).await;
    assert_eq!(status, 403, "what was deleted is shown to those who could");
    post(&alice, &format!("{version}/restore")).await;
    assert!(pulls(&alice, APP, "1").await && pulls(&alice, APP, signature.as_str()).await);
    delete(&alice, &version).await;
    push_image(&alice, APP, "1", &image("another")).await;
    post(&alice, &format!("{version}/restore")).await;
    let path = format!("packages/{APP}/versions/{}", index[0]);
    let shown = alice.api_ok(Method::GET, &path, Value::Null).await;
    assert_eq!(shown["tags"], json!([]), "its tag points elsewhere by now");
    assert_eq!(shown["platforms"], json!(["linux/amd64", "linux/arm64"]));
    assert_eq!(shown["referrers"][0]["digest"], signature.as_str());

    delete(&alice, &format!("packages/{APP}")).await;
    assert!(!pulls(&alice, APP, "1").await);
    let (status, message) = alice
        .api_fails(Method::POST, &format!("packages/{APP}/prune"), Value::Null)
        .await;
    assert_eq!(status, 404, "{message}");
    let push = alice.post(&format!("/v2/{APP}/blobs/uploads/")).await;
    assert_eq!(push.status(), StatusCode::FORBIDDEN, "its name is kept");
    post(&alice, &format!("packages/{APP}/restore")).await;
    assert!(pulls(&alice, APP, "1").await);
    delete(&alice, &version).await;
    registry.clock.advance(31 * DAY);
    let swept = registry.app.sweep().await.expect("swept");
    assert_eq!(swept.purged, 4);
    let (status, _) = alice
        .api_fails(Method::POST, &format!("{version}/restore"), Value::Null)
        .await;
    assert_eq!(status, 404, "it is too late");
    assert!(pulls(&alice, APP, "1").await);
}

#[tokio::test]
async fn a_manifest_that_is_pushed_again_is_back() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let one = image("one");
    push_image(&alice, APP, "1", &one).await;
    let blob = format!("/v2/{APP}/blobs/{}", Digest::sha256(&one.blobs[1]));
    delete(&alice, &format!("packages/{APP}/versions/1")).await;
    registry.set_visibility(APP, Visibility::Public).await;
    let reader = registry.user("reader").await;
    assert_eq!(reader.get(&blob).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        alice.get(&blob).await.status(),
        StatusCode::OK,
        "leased to those who push"
    );
    let mount = "/v2/reader/app/blobs/uploads/?from=alice/app&mount=";
    let layer = Digest::sha256(&one.blobs[1]);
    let mounted = reader.post(&format!("{mount}{layer}")).await;
    assert_eq!(mounted.status(), StatusCode::ACCEPTED, "to be uploaded");
    // Long after: no lease holds the blobs for the package any more.
    registry.clock.advance(2 * DAY);
    assert_eq!(alice.get(&blob).await.status(), StatusCode::NOT_FOUND);
    let put = alice.put_manifest(
        APP,
        "1",
        wharf_oci::media_type::OCI_MANIFEST,
        one.manifest.clone(),
    );
    assert_eq!(
        put.await.status(),
        StatusCode::BAD_REQUEST,
        "its blobs are to be pushed again"
    );
    push_image(&alice, APP, "1", &one).await;
    assert!(pulls(&alice, APP, "1").await);
    assert_eq!(alice.get(&blob).await.status(), StatusCode::OK);
    assert!(digests(&alice, "deleted").await.is_empty());
    registry.assert_sound().await;
}

#[tokio::test]
async fn promotion_is_all_or_nothing_and_brings_what_belongs() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = (registry.user("alice").await, registry.user("bob").await);
    let index = push_multi_arch(&alice, APP, "1", "one").await;
    let size = size_of(&alice, &index[0]).await;
    let signature = sign(&alice, APP, &index[0], size).await;
    push_image(&alice, APP, "2", &image("two")).await;
    let promote = format!("packages/{APP}/promote");
    let (status, message) = alice
        .api_fails(
            Method::POST,
            &promote,
            json!({"tags": {"a": "1", "b": "none"}}),
        )
        .await;
    assert_eq!(status, 404, "{message}");
    assert!(!pulls(&alice, APP, "a").await, "all or none");
    let body = json!({"tags": {"stable": "1", "edge": "2"}, "to": "alice/released"});
    let pointed = alice.api_ok(Method::POST, &promote, body).await;
    assert_eq!(pointed[1]["digest"], index[0].as_str());
    for reference in ["stable", "edge", index[2].as_str(), signature.as_str()] {
        assert!(
            pulls(&alice, "alice/released", reference).await,
            "{reference}"
        );
    }
    let layer = Digest::sha256(&image("one-arm64").blobs[1]);
    let pulled = alice
        .get(&format!("/v2/alice/released/blobs/{layer}"))
        .await;
    assert_eq!(pulled.status(), StatusCode::OK);
    delete(&alice, &format!("packages/{APP}")).await;
    registry.clock.advance(31 * DAY);
    registry.app.sweep().await.expect("swept");
    assert!(pulls(&alice, "alice/released", "stable").await);
    for (caller, body) in [
        (&bob, json!({"tags": {"x": "stable"}, "to": "bob/stolen"})),
        (&alice, json!({"tags": {"x": "stable"}, "to": "bob/gift"})),
    ] {
        let path = "packages/alice/released/promote";
        let (status, _) = caller.api_fails(Method::POST, path, body).await;
        assert!(matches!(status, 403 | 404), "{status}");
    }
    registry.assert_sound().await;
}
