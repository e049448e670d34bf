//! Pushing, pulling and deleting manifests.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use wharf_oci::{
    Algorithm, Digest,
    media_type::{DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST},
};
use wharf_testkit::{Caller, TestRegistry, descriptor, image, index, push_image};

async fn refused(caller: &Caller, media_type: &str, body: impl ToString) -> (StatusCode, String) {
    let response = caller
        .put_manifest("alice/app", "1", media_type, body.to_string())
        .await;
    (response.status(), response.text().await.expect("text"))
}

#[tokio::test]
async fn bytes_come_back_exactly_by_tag_and_by_digest() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let config = alice.push_blob("alice/app", "{}").await;
    // Spaces, order and unknown fields are the client's business.
    let manifest = format!(
        r#"{{  "custom":[1, 2.50],"schemaVersion":2, "config":{{"size":2,"digest":"{config}","mediaType":"{OCI_EMPTY}"}},
        "mediaType":"{DOCKER_MANIFEST}","layers":[] }}"#
    );
    let digest = Digest::sha256(manifest.as_bytes());
    let response = alice
        .put_manifest("alice/app", "1.0", DOCKER_MANIFEST, manifest.clone())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["docker-content-digest"], digest.as_str());
    assert_eq!(
        response.headers()[header::LOCATION],
        format!("/v2/alice/app/manifests/{digest}")
    );
    for reference in ["1.0", digest.as_str()] {
        let path = format!("/v2/alice/app/manifests/{reference}");
        // Whatever the client would rather have: another form has another digest.
        let request = alice
            .request(Method::GET, &path)
            .header(header::ACCEPT, OCI_INDEX);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], DOCKER_MANIFEST);
        assert_eq!(response.headers()["docker-content-digest"], digest.as_str());
        assert_eq!(response.text().await.expect("text"), manifest);
        let head = alice.head(&path).await;
        assert_eq!(
            head.headers()[header::CONTENT_LENGTH],
            manifest.len().to_string()
        );
        assert_eq!(head.headers()[header::CONTENT_TYPE], DOCKER_MANIFEST);
    }
    let etag = format!("\"{digest}\"");
    let request = alice.request(Method::GET, "/v2/alice/app/manifests/1.0");
    let response = request
        .header(header::IF_NONE_MATCH, etag)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn indexes_nest_and_need_their_children() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let (one, two) = (image("one"), image("two"));
    let list = index(&[one.descriptor(), two.descriptor()]);
    let response = alice
        .put_manifest("alice/app", "list", OCI_INDEX, list.clone())
        .await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["errors"][0]["code"], "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(
        body["errors"][0]["detail"]["missing"]
            .as_array()
            .expect("a list")
            .len(),
        2
    );

    for image in [&one, &two] {
        push_image(&alice, "alice/app", image.digest.as_str(), image).await;
    }
    assert_eq!(
        alice
            .put_manifest("alice/app", "list", OCI_INDEX, list.clone())
            .await
            .status(),
        StatusCode::CREATED
    );
    let child =
        json!({"mediaType": OCI_INDEX, "digest": Digest::sha256(&list), "size": list.len()});
    let nested = index(&[child]);
    let response = alice
        .put_manifest("alice/app", "nested", OCI_INDEX, nested)
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let empty = json!({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST_LIST, "manifests": []});
    let response = alice
        .put_manifest(
            "alice/app",
            "empty",
            DOCKER_MANIFEST_LIST,
            empty.to_string(),
        )
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    registry.assert_sound().await;
}

#[tokio::test]
async fn an_indexs_child_outlives_its_own_deletion() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let one = image("one");
    push_image(&alice, "alice/app", "child", &one).await;
    let list = index(&[one.descriptor()]);
    alice
        .put_manifest("alice/app", "list", OCI_INDEX, list.clone())
        .await;
    let child = format!("/v2/alice/app/manifests/{}", one.digest);
    let response = alice.delete(&child).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert!(
        response
            .text()
            .await
            .expect("text")
            .contains("delete the index first")
    );
    assert_eq!(alice.get(&child).await.status(), StatusCode::OK);
    let parent = format!("/v2/alice/app/manifests/{}", Digest::sha256(&list));
    assert_eq!(alice.delete(&parent).await.status(), StatusCode::ACCEPTED);
    assert_eq!(alice.delete(&child).await.status(), StatusCode::ACCEPTED);
    registry.assert_sound().await;
}

#[tokio::test]
async fn deleting_a_tag_leaves_the_manifest_and_a_digest_takes_its_tags() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let one = image("one");
    for tag in ["a", "b", "c"] {
        push_image(&alice, "alice/app", tag, &one).await;
    }
    let by_tag = |tag: &str| format!("/v2/alice/app/manifests/{tag}");
    let by_digest = by_tag(one.digest.as_str());
    assert_eq!(alice.get(&by_tag("a")).await.status(), StatusCode::OK);
    assert_eq!(
        alice.delete(&by_tag("a")).await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(
        alice.head(&by_tag("a")).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        alice.delete(&by_tag("a")).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(alice.head(&by_digest).await.status(), StatusCode::OK);
    assert_eq!(
        alice.delete(&by_digest).await.status(),
        StatusCode::ACCEPTED
    );
    for path in [by_tag("b"), by_tag("c"), by_digest] {
        assert_eq!(alice.get(&path).await.status(), StatusCode::NOT_FOUND);
    }
    // Pushed again it is there again, though everything was cached as absent.
    push_image(&alice, "alice/app", "a", &one).await;
    assert_eq!(alice.get(&by_tag("a")).await.status(), StatusCode::OK);
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_tag_follows_its_last_push() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    for seed in 0..20 {
        let image = image(&seed.to_string());
        push_image(&alice, "alice/app", "latest", &image).await;
        let head = alice.head("/v2/alice/app/manifests/latest").await;
        assert_eq!(
            head.headers()["docker-content-digest"],
            image.digest.as_str()
        );
    }
}

#[tokio::test]
async fn one_push_may_carry_many_tags() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let one = image("one");
    push_image(&alice, "alice/app", "first", &one).await;
    let tags: Vec<String> = (0..12).map(|i| format!("tag=t{i}")).collect();
    let reference = format!("{}?{}", one.digest, tags.join("&"));
    let response = alice
        .put_manifest("alice/app", &reference, OCI_MANIFEST, one.manifest.clone())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let told = response.headers()["oci-tag"].to_str().expect("text");
    assert_eq!(told.split(", ").count(), 12);
    assert_eq!(
        alice.get("/v2/alice/app/manifests/t11").await.status(),
        StatusCode::OK
    );
    let bad = format!("{}?tag=.bad", one.digest);
    let response = alice
        .put_manifest("alice/app", &bad, OCI_MANIFEST, one.manifest.clone())
        .await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let many: Vec<String> = (0..101).map(|i| format!("tag=m{i}")).collect();
    let reference = format!("{}?{}", one.digest, many.join("&"));
    let response = alice
        .put_manifest("alice/app", &reference, OCI_MANIFEST, one.manifest.clone())
        .await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn digests_must_match() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let one = image("one");
    push_image(&alice, "alice/app", "1", &one).await;
    let wide = Digest::of(Algorithm::Sha512, &one.manifest);
    let response = alice
        .put_manifest(
            "alice/app",
            wide.as_str(),
            OCI_MANIFEST,
            one.manifest.clone(),
        )
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let get = alice.get(&format!("/v2/alice/app/manifests/{wide}")).await;
    assert_eq!(get.headers()["docker-content-digest"], wide.as_str());
    let other = Digest::sha256(b"other");
    for reference in [
        other.as_str(),
        "sha256:baddigeststring",
        &format!("2?digest={other}"),
    ] {
        let response = alice
            .put_manifest("alice/app", reference, OCI_MANIFEST, one.manifest.clone())
            .await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{reference}");
        let text = response.text().await.expect("text");
        assert!(text.contains("DIGEST_INVALID"), "{text}");
    }
    let get = alice
        .get("/v2/alice/app/manifests/sha256:baddigeststring")
        .await;
    assert_eq!(get.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn ambiguous_and_broken_manifests_say_what_is_wrong() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let one = image("one");
    push_image(&alice, "alice/app", "1", &one).await;
    let good: Value = serde_json::from_slice(&one.manifest).expect("JSON");
    let with = |field: &str, value: Value| {
        let mut manifest = good.clone();
        manifest[field] = value;
        manifest.to_string()
    };
    let mut wrong_size = good.clone();
    wrong_size["layers"][0]["size"] = json!(1);
    let schema1 = json!({"schemaVersion": 1, "fsLayers": [], "history": []}).to_string();
    let duplicate = String::from_utf8(one.manifest.clone()).expect("text");
    let duplicate = duplicate.replacen('{', r#"{"layers":[],"#, 1);
    let deep = format!(
        r#"{{"schemaVersion":2,"x":{}{}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    for (media_type, body, says) in [
        (OCI_MANIFEST, with("manifests", json!([])), "not both"),
        (OCI_INDEX, good.to_string(), "must agree"),
        (OCI_MANIFEST, duplicate, "appears twice"),
        (OCI_MANIFEST, "not json".to_owned(), "not acceptable JSON"),
        (OCI_MANIFEST, deep, "not acceptable JSON"),
        (OCI_MANIFEST, wrong_size.to_string(), "has 1 bytes"),
        (
            OCI_MANIFEST,
            with("schemaVersion", json!(3)),
            "schemaVersion",
        ),
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            schema1,
            "rebuild or re-push",
        ),
        (
            "text/html",
            with("mediaType", Value::Null),
            "not a manifest media type",
        ),
    ] {
        let (status, text) = refused(&alice, media_type, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
        assert!(text.contains(says), "expected {says:?} in {text}");
    }
    let huge = format!(r#"{{"schemaVersion":2,"x":"{}"}}"#, "a".repeat(5 << 20));
    let (status, text) = refused(&alice, OCI_MANIFEST, huge).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{text}");
    registry.assert_sound().await;
}

#[tokio::test]
async fn bytes_keep_the_type_they_were_first_pushed_under() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let config = alice.push_blob("alice/app", "{}").await;
    let manifest = json!({
        "schemaVersion": 2, "layers": [],
        "config": {"mediaType": OCI_EMPTY, "digest": config, "size": 2},
    });
    let first = alice
        .put_manifest("alice/app", "1", OCI_MANIFEST, manifest.to_string())
        .await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let (status, _) = refused(&alice, DOCKER_MANIFEST, manifest).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn two_first_pushes_at_once_both_succeed() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let (one, two) = (image("one"), image("two"));
    tokio::join!(
        push_image(&alice, "alice/new", "1", &one),
        push_image(&alice, "alice/new", "2", &two),
    );
    for tag in ["1", "2"] {
        let path = format!("/v2/alice/new/manifests/{tag}");
        assert_eq!(alice.get(&path).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn content_that_may_be_absent_once_may_not_be_absent_twice() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let mut manifest: Value = serde_json::from_slice(&image("one").manifest).expect("JSON");
    let absent = |media_type: &str| descriptor(media_type, b"never pushed");
    manifest["layers"] = json!([
        absent("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        absent("application/vnd.oci.image.layer.v1.tar+gzip"),
    ]);
    let put = alice.put_manifest("alice/app", "2", OCI_MANIFEST, manifest.to_string());
    let response = put.await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let text = response.text().await.expect("text");
    assert!(text.contains("MANIFEST_BLOB_UNKNOWN"), "{text}");
}
