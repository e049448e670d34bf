//! Source repositories: linking, and the access that comes with it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wharf_app::authz::By;
use wharf_db::organizations::MemberRole;
use wharf_oci::{
    Digest,
    media_type::{OCI_CONFIG, OCI_INDEX, OCI_MANIFEST},
};
use wharf_testkit::{Caller, TestRegistry, descriptor, index, index_with};

use super::pulls;

const REPOSITORY: &str = "github.com/Acme/App";

/// Pushes an image whose config has these labels; its descriptor.
async fn push_labelled(
    caller: &Caller,
    name: &str,
    reference: Option<&str>,
    labels: Value,
) -> Value {
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"Labels": labels}});
    let config = config.to_string();
    caller.push_blob(name, config.clone()).await;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, config.as_bytes()), "layers": [],
    });
    let bytes = manifest.to_string();
    let digest = Digest::sha256(bytes.as_bytes());
    let reference = reference.unwrap_or(digest.as_str());
    let put = caller
        .put_manifest(name, reference, OCI_MANIFEST, bytes.clone())
        .await;
    assert_eq!(put.status(), StatusCode::CREATED);
    descriptor(OCI_MANIFEST, bytes.as_bytes())
}

fn source(url: &str) -> Value {
    json!({"org.opencontainers.image.source": url, "org.opencontainers.image.licenses": "MIT"})
}

/// acme of alice and bob, with the team backend of carol, who has write on the repository.
async fn acme(registry: &TestRegistry) -> [Caller; 3] {
    let [alice, bob, carol] = [
        registry.user("alice").await,
        registry.user("bob").await,
        registry.user("carol").await,
    ];
    alice
        .api_ok(Method::POST, "organizations", json!({"login": "acme"}))
        .await;
    for login in ["bob", "carol"] {
        let put = registry
            .app
            .put_member(&By::Operator, "acme", login, MemberRole::Member);
        put.await.expect("put");
    }
    let team = json!({"name": "backend"});
    alice
        .api_ok(Method::POST, "organizations/acme/teams", team)
        .await;
    let carols = "organizations/acme/teams/backend/members/carol";
    alice.api_ok(Method::PUT, carols, Value::Null).await;
    let connect = json!({"repository": "https://github.com/Acme/App.git"});
    alice
        .api_ok(Method::POST, "owners/acme/repositories", connect)
        .await;
    let grant = "owners/acme/repositories/github.com%2Facme%2Fapp/grants/acme%2Fbackend";
    alice
        .api_ok(Method::PUT, grant, json!({"role": "write"}))
        .await;
    [alice, bob, carol]
}

#[tokio::test]
async fn a_label_links_at_the_first_push_and_never_again() {
    let registry = TestRegistry::start().await;
    let [alice, bob, carol] = acme(&registry).await;
    push_labelled(
        &bob,
        "acme/app",
        Some("1"),
        source("https://github.com/acme/app"),
    )
    .await;
    let link = bob
        .api_ok(Method::GET, "packages/acme/app/link", Value::Null)
        .await;
    assert_eq!(
        link,
        json!({"repository": REPOSITORY, "inherits_access": true})
    );
    let upload = carol.post("/v2/acme/app/blobs/uploads/").await;
    assert_eq!(
        upload.status(),
        StatusCode::ACCEPTED,
        "by the repository's access"
    );
    let listed = carol
        .api_ok(Method::GET, "packages?owner=acme", Value::Null)
        .await;
    assert_eq!(listed["items"][0]["name"], "acme/app");
    let off = json!({"repository": REPOSITORY, "inherits_access": false});
    bob.api_ok(Method::PUT, "packages/acme/app/link", off).await;
    assert!(!pulls(&carol, "acme/app", "1").await, "the switch is off");
    bob.api_ok(Method::DELETE, "packages/acme/app/link", Value::Null)
        .await;
    bob.api_ok(Method::DELETE, "packages/acme/app/tags/1", Value::Null)
        .await;
    push_labelled(
        &bob,
        "acme/app",
        Some("2"),
        source("https://github.com/acme/app"),
    )
    .await;
    let (status, _) = bob
        .api_fails(Method::GET, "packages/acme/app/link", Value::Null)
        .await;
    assert_eq!(status, 404, "a later label links nothing");
    let shown = bob
        .api_ok(Method::GET, "packages/acme/app", Value::Null)
        .await;
    assert_eq!(
        (&shown["source"], &shown["licenses"]),
        (&json!("github.com/acme/app"), &json!("MIT"))
    );

    // What the owner has not connected opens nothing.
    push_labelled(
        &bob,
        "acme/other",
        Some("1"),
        source("https://github.com/evil/app"),
    )
    .await;
    let (status, _) = bob
        .api_fails(Method::GET, "packages/acme/other/link", Value::Null)
        .await;
    assert_eq!(status, 404);
    let body = json!({"repository": "github.com/evil/app", "inherits_access": true});
    let (status, message) = bob
        .api_fails(Method::PUT, "packages/acme/other/link", body)
        .await;
    assert_eq!(status, 404);
    assert!(
        message.contains("acme has not connected github.com/evil/app"),
        "{message}"
    );
    let connect = json!({"repository": "github.com/evil/app"});
    let (status, _) = bob
        .api_fails(Method::POST, "owners/acme/repositories", connect)
        .await;
    assert_eq!(status, 403);

    let policy = json!({"inherit_by_default": false});
    alice
        .api_ok(Method::PATCH, "organizations/acme/policy", policy)
        .await;
    push_labelled(&bob, "acme/third", Some("1"), source("github.com/acme/app")).await;
    let link = bob
        .api_ok(Method::GET, "packages/acme/third/link", Value::Null)
        .await;
    assert_eq!(link["inherits_access"], false);
    assert!(!pulls(&carol, "acme/third", "1").await);
}

#[tokio::test]
async fn a_writer_opens_a_package_to_nobody() {
    let registry = TestRegistry::start().await;
    let [_, bob, carol] = acme(&registry).await;
    for name in ["acme/linked", "acme/free"] {
        push_labelled(&bob, name, None, json!({})).await;
        let grant = format!("packages/{name}/grants/carol");
        bob.api_ok(Method::PUT, &grant, json!({"role": "write"}))
            .await;
    }
    let off = json!({"repository": REPOSITORY, "inherits_access": false});
    bob.api_ok(Method::PUT, "packages/acme/linked/link", off)
        .await;
    for name in ["acme/linked", "acme/free"] {
        push_labelled(&carol, name, Some("1"), source("github.com/acme/app")).await;
        let link = format!("packages/{name}/link");
        let link = bob.api_ok(Method::GET, &link, Value::Null).await;
        assert_eq!(
            link,
            json!({"repository": REPOSITORY, "inherits_access": false}),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_index_speaks_before_its_images() {
    let registry = TestRegistry::start().await;
    let [_, bob, _] = acme(&registry).await;
    let labels = json!({
        "org.opencontainers.image.source": "https://github.com/acme/app",
        "org.opencontainers.image.description": "of the image",
    });
    let child = push_labelled(&bob, "acme/app", None, labels.clone()).await;
    let list = index_with(
        &[child],
        json!({"annotations": {"org.opencontainers.image.description": "of the index"}}),
    );
    let put = bob.put_manifest("acme/app", "1", OCI_INDEX, list).await;
    assert_eq!(put.status(), StatusCode::CREATED);
    let shown = bob
        .api_ok(Method::GET, "packages/acme/app", Value::Null)
        .await;
    assert_eq!(shown["description"], "of the index");
    assert_eq!(
        shown["source"], "github.com/acme/app",
        "and its images where it is silent"
    );
    let link = bob
        .api_ok(Method::GET, "packages/acme/app/link", Value::Null)
        .await;
    assert_eq!(link["repository"], REPOSITORY);
    let child = push_labelled(&bob, "acme/plain", None, labels).await;
    let put = bob
        .put_manifest("acme/plain", "1", OCI_INDEX, index(&[child]))
        .await;
    assert_eq!(put.status(), StatusCode::CREATED);
    let edit = json!({"description": "by hand", "readme": "# Hello"});
    bob.api_ok(Method::PATCH, "packages/acme/plain", edit).await;
    push_labelled(&bob, "acme/plain", Some("2"), source("github.com/acme/app")).await;
    let shown = bob
        .api_ok(Method::GET, "packages/acme/plain", Value::Null)
        .await;
    assert_eq!(shown["description"], "by hand", "what was edited stays");
    bob.api_ok(
        Method::PATCH,
        "packages/acme/plain",
        json!({"description": null}),
    )
    .await;
    let shown = bob
        .api_ok(Method::GET, "packages/acme/plain", Value::Null)
        .await;
    assert_eq!(
        (&shown["description"], &shown["readme"]),
        (&Value::Null, &json!("# Hello"))
    );
}

#[tokio::test]
async fn ci_is_granted_roles_and_loses_them_with_its_repository() {
    let registry = TestRegistry::start().await;
    let [alice, bob, carol] = acme(&registry).await;
    push_labelled(&bob, "acme/app", Some("1"), source("github.com/acme/app")).await;
    let ci = "packages/acme/app/grants/github.com%2Facme%2Fapp";
    bob.api_ok(Method::PUT, ci, json!({"role": "write"})).await;
    let grants = bob
        .api_ok(Method::GET, "packages/acme/app/grants", Value::Null)
        .await;
    assert_eq!(grants[1]["principal"], REPOSITORY);
    let elsewhere = "packages/acme/app/grants/github.com%2Fevil%2Fapp";
    let (status, _) = bob
        .api_fails(Method::PUT, elsewhere, json!({"role": "write"}))
        .await;
    assert_eq!(status, 404);
    assert!(pulls(&carol, "acme/app", "1").await);
    let repository = "owners/acme/repositories/github.com%2Facme%2Fapp";
    let listed = alice
        .api_ok(Method::GET, &format!("{repository}/grants"), Value::Null)
        .await;
    assert_eq!(listed[0]["principal"], "acme/backend");
    alice.api_ok(Method::DELETE, repository, Value::Null).await;
    assert!(!pulls(&carol, "acme/app", "1").await);
    let grants = bob
        .api_ok(Method::GET, "packages/acme/app/grants", Value::Null)
        .await;
    assert_eq!(grants.as_array().expect("a list").len(), 1, "{grants}");
}

#[tokio::test]
async fn downloads_are_counted_by_day() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let digests = super::push_multi_arch(&alice, "alice/app", "1", "one").await;
    for day in 0..3 {
        for _ in 0..=day {
            assert_eq!(
                alice.head("/v2/alice/app/manifests/1").await.status(),
                StatusCode::OK
            );
            assert!(pulls(&alice, "alice/app", digests[0].as_str()).await);
            assert!(pulls(&alice, "alice/app", digests[1].as_str()).await);
        }
        registry.app.flush_downloads().await.expect("written");
        registry.clock.advance(wharf_app::clock::DAY);
    }
    let path = "packages/alice/app/downloads?days=4";
    let counts = async |of: &str| {
        let series = alice
            .api_ok(Method::GET, &format!("{path}{of}"), Value::Null)
            .await;
        let days = series["days"].as_array().expect("a list").iter();
        let counts: Vec<i64> = days
            .map(|day| day["count"].as_i64().expect("a count"))
            .collect();
        (series["total"].as_i64().expect("a total"), counts)
    };
    assert_eq!(
        counts("").await,
        (6, vec![1, 2, 3, 0]),
        "parts are no downloads"
    );
    assert_eq!(counts("&of=1").await, (6, vec![1, 2, 3, 0]));
    assert_eq!(counts(&format!("&of={}", digests[1])).await.0, 6);
    assert_eq!(
        counts(&format!("&of={}", digests[2])).await,
        (0, vec![0, 0, 0, 0])
    );
    let anonymous = registry.anonymous();
    let badge = anonymous.get("/badges/alice/app/downloads.svg").await;
    assert!(
        badge.text().await.expect("text").contains("not found"),
        "it is private"
    );
    registry
        .set_visibility("alice/app", wharf_db::packages::Visibility::Public)
        .await;
    for (kind, says) in [("downloads", ">6<"), ("version", ">1<"), ("size", " B<")] {
        let badge = anonymous
            .get(&format!("/badges/alice/app/{kind}.svg"))
            .await;
        assert_eq!(
            badge.headers()["content-type"],
            "image/svg+xml; charset=utf-8"
        );
        let picture = badge.text().await.expect("text");
        assert!(picture.contains(says), "{kind}: {picture}");
    }
}

/// An artifact with a file, as `oras push` and `oras attach` make it.
async fn push_file(caller: &Caller, name: &str, subject: Option<&Value>, text: &str) -> StatusCode {
    caller.push_blob(name, "{}").await;
    caller.push_blob(name, text.to_owned()).await;
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "a/readme",
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [descriptor("text/markdown", text.as_bytes())],
    });
    if let Some(subject) = subject {
        manifest["subject"] = subject.clone();
    }
    let bytes = manifest.to_string();
    let reference = match subject {
        Some(_) => Digest::sha256(bytes.as_bytes()).to_string(),
        None => "docs".to_owned(),
    };
    let put = caller
        .put_manifest(name, &reference, OCI_MANIFEST, bytes)
        .await;
    put.status()
}

async fn readme_of(caller: &Caller, name: &str) -> Value {
    let path = format!("packages/{name}");
    let mut shown = caller.api_ok(Method::GET, &path, Value::Null).await;
    shown["readme"].take()
}

#[tokio::test]
async fn a_readme_is_pushed_with_the_image_or_edited() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let name = "alice/app";
    let labels = source("https://github.com/alice/app");
    let image = push_labelled(&alice, name, Some("1"), labels.clone()).await;
    assert_eq!(readme_of(&alice, name).await, Value::Null);
    let pushed = push_file(&alice, name, Some(&image), "# Attached").await;
    assert_eq!(pushed, StatusCode::CREATED);
    assert_eq!(readme_of(&alice, name).await, "# Attached");
    push_labelled(&alice, name, Some("2"), labels).await;
    assert_eq!(
        readme_of(&alice, name).await,
        "# Attached",
        "another push keeps it"
    );
    push_file(&alice, name, None, "# Tagged").await;
    assert_eq!(readme_of(&alice, name).await, "# Tagged");
    let shown = alice
        .api_ok(Method::GET, "packages/alice/app", Value::Null)
        .await;
    assert_eq!(shown["licenses"], "MIT", "a README changes nothing else");
    let edit = json!({"readme": "# By hand"});
    alice
        .api_ok(Method::PATCH, "packages/alice/app", edit)
        .await;
    assert_eq!(readme_of(&alice, name).await, "# By hand");
    for unreadable in ["nul \0".to_owned(), "x".repeat(256 * 1024 + 1)] {
        let pushed = push_file(&alice, name, None, &unreadable).await;
        assert_eq!(pushed, StatusCode::CREATED, "no push fails by it");
    }
    let edit = json!({"readme": null});
    alice
        .api_ok(Method::PATCH, "packages/alice/app", edit)
        .await;
    assert_eq!(readme_of(&alice, name).await, "# Tagged");
}

#[tokio::test]
async fn explain_names_the_repository_that_decided() {
    let registry = TestRegistry::start().await;
    let [alice, _, carol] = acme(&registry).await;
    push_labelled(
        &alice,
        "acme/app",
        Some("1"),
        source("https://github.com/Acme/App"),
    )
    .await;
    let path = "packages/acme/app/explain";
    let told = carol.api_ok(Method::GET, path, Value::Null).await;
    let reason = "the team acme/backend was granted write on github.com/Acme/App, whose access this package inherits";
    assert_eq!(told["because"][0]["reason"], reason);
}
