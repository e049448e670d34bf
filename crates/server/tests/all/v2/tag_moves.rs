//! Tags that move, move back, or must not.

use reqwest::{Response, StatusCode, header};
use serde_json::Value;
use wharf_app::{Error, authz::By};
use wharf_oci::{Digest, Name, media_type::OCI_MANIFEST};
use wharf_testkit::{Caller, Image, TestRegistry, image, push_image};

const APP: &str = "alice/app";

fn app() -> Name {
    APP.parse().expect("a name")
}

async fn roll_back(
    registry: &TestRegistry,
    tag: &str,
    to: Option<&Digest>,
) -> Result<Digest, Error> {
    let tag = tag.parse().expect("a tag");
    let app_ = &registry.app;
    app_.roll_back_tag(&By::Operator, &app(), &tag, to).await
}

async fn digest_of(caller: &Caller, tag: &str) -> Option<String> {
    let response = caller.head(&format!("/v2/{APP}/manifests/{tag}")).await;
    let digest = response.headers().get("docker-content-digest");
    digest.map(|value| value.to_str().expect("text").to_owned())
}

async fn retag(caller: &Caller, tag: &str, image: &Image) -> Response {
    let manifest = image.manifest.clone();
    caller.put_manifest(APP, tag, OCI_MANIFEST, manifest).await
}

#[tokio::test]
async fn a_tag_rolls_back_and_its_history_tells() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let images = ["one", "two", "three"].map(image);
    for image in &images {
        push_image(&alice, APP, "latest", image).await;
    }
    let [one, two, three] = images.map(|image| image.digest);
    let rolled = roll_back(&registry, "latest", None).await;
    assert_eq!(rolled.expect("rolled back"), two);
    assert_eq!(digest_of(&alice, "latest").await, Some(two.to_string()));
    let rolled = roll_back(&registry, "latest", Some(&one)).await;
    rolled.expect("to any version");
    assert_eq!(digest_of(&alice, "latest").await, Some(one.to_string()));
    let history = registry
        .app
        .tag_history(
            &By::Operator,
            &app(),
            &"latest".parse().expect("a tag"),
            i64::MAX,
            10,
        )
        .await
        .expect("told");
    let told: Vec<_> = history
        .iter()
        .map(|past| (past.digest.clone(), past.actor.as_deref()))
        .collect();
    let expected = [
        (&one, None),
        (&two, None),
        (&three, Some("alice")),
        (&two, Some("alice")),
        (&one, Some("alice")),
    ];
    assert_eq!(
        told,
        expected.map(|(digest, actor)| (Some(digest.to_string()), actor))
    );
    retag(&alice, "once", &image("one")).await;
    let nothing = roll_back(&registry, "once", None).await;
    assert!(matches!(nothing, Err(Error::NothingBefore { .. })));
    registry.assert_sound().await;
}

#[tokio::test]
async fn an_immutable_tag_neither_moves_nor_goes() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let (one, two) = (image("one"), image("two"));
    push_image(&alice, APP, "v1", &one).await;
    push_image(&alice, APP, "latest", &two).await;
    for (scope, pattern) in [(APP, "v*"), ("alice", "release-?")] {
        let (scope, pattern) = (
            scope.parse().expect("a scope"),
            pattern.parse().expect("a pattern"),
        );
        let app = &registry.app;
        let made = app.make_immutable(&By::Operator, &scope, &pattern).await;
        made.expect("made");
    }
    let moved = retag(&alice, "v1", &two).await;
    assert_eq!(moved.status(), StatusCode::CONFLICT);
    let body: Value = moved.json().await.expect("JSON");
    assert_eq!(body["errors"][0]["code"], "DENIED");
    let message = body["errors"][0]["message"].as_str().expect("text");
    assert!(
        message.starts_with("the tag v1 of alice/app is immutable (by the pattern v*)"),
        "{message}"
    );
    assert_eq!(
        retag(&alice, "v1", &one).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(
        retag(&alice, "v2", &two).await.status(),
        StatusCode::CREATED
    );
    let first = retag(&alice, "release-1", &one).await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let again = retag(&alice, "release-1", &two).await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    for gone in ["v1".to_owned(), one.digest.to_string()] {
        let response = alice.delete(&format!("/v2/{APP}/manifests/{gone}")).await;
        assert_eq!(response.status(), StatusCode::CONFLICT, "{gone}");
    }
    // Several tags move together or not at all.
    let several = alice
        .request(
            reqwest::Method::PUT,
            &format!("/v2/{APP}/manifests/{}?tag=new&tag=v1", two.digest),
        )
        .header(header::CONTENT_TYPE, OCI_MANIFEST)
        .body(two.manifest.clone());
    let several = several.send().await.expect("an answer");
    assert_eq!(several.status(), StatusCode::CONFLICT);
    assert_eq!(digest_of(&alice, "new").await, None);
    let rolled = roll_back(&registry, "v1", Some(&two.digest)).await;
    assert!(matches!(rolled, Err(Error::ImmutableTag { .. })));
    let (scope, pattern) = (
        APP.parse().expect("a scope"),
        "v*".parse().expect("a pattern"),
    );
    let mutable = registry.app.make_mutable(&By::Operator, &scope, &pattern);
    mutable.await.expect("made");
    assert_eq!(
        retag(&alice, "v1", &two).await.status(),
        StatusCode::CREATED
    );
}
