//! Tag lists and the catalog.

use reqwest::{StatusCode, header};
use serde_json::Value;
use wharf_app::authz::By;
use wharf_db::packages::Visibility;
use wharf_oci::media_type::OCI_MANIFEST;
use wharf_testkit::{Caller, TestRegistry, image, push_image};

async fn pages(caller: &Caller, first: &str, field: &str) -> Vec<Vec<String>> {
    let (mut next, mut pages) = (Some(first.to_owned()), Vec::new());
    while let Some(path) = next {
        let response = caller.get(&path).await;
        assert_eq!(response.status(), StatusCode::OK);
        let link = response
            .headers()
            .get(header::LINK)
            .map(|l| l.to_str().expect("text").to_owned());
        next = link.map(|l| l[1..l.find('>').expect("a URL")].to_owned());
        let body: Value = response.json().await.expect("JSON");
        let names = body[field].as_array().expect("a list").iter();
        pages.push(
            names
                .map(|n| n.as_str().expect("text").to_owned())
                .collect(),
        );
    }
    pages
}

#[tokio::test]
async fn a_thousand_tags_in_pages() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let one = image("one");
    push_image(&alice, "alice/app", "Z", &one).await;
    for block in 0..10 {
        let tags: Vec<String> = (0..100).map(|i| format!("tag=v{block}-{i}")).collect();
        let reference = format!("{}?{}", one.digest, tags.join("&"));
        alice
            .put_manifest("alice/app", &reference, OCI_MANIFEST, one.manifest.clone())
            .await;
    }
    let all = pages(&alice, "/v2/alice/app/tags/list", "tags").await;
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 1]);
    let small = pages(&alice, "/v2/alice/app/tags/list?n=300", "tags").await;
    assert_eq!(
        small.iter().map(Vec::len).collect::<Vec<_>>(),
        [300, 300, 300, 101]
    );
    let flat = small.concat();
    assert!(flat.is_sorted(), "in the order of their bytes");
    assert_eq!(flat, all.concat());
    assert_eq!(
        pages(&alice, "/v2/alice/app/tags/list?last=v9-98", "tags").await,
        [["v9-99"]]
    );
    assert_eq!(
        pages(&alice, "/v2/alice/app/tags/list?n=0", "tags").await,
        [Vec::<String>::new()]
    );
    assert_eq!(
        alice.get("/v2/alice/none/tags/list").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn page_sizes_are_numbers() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    for n in ["-1", "a", "1,2", "1e400", "", "%00", "0x10"] {
        for path in ["/v2/alice/app/tags/list", "/v2/_catalog"] {
            let response = alice.get(&format!("{path}?n={n}")).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{n:?}");
            let text = response.text().await.expect("text");
            assert!(text.contains("PAGINATION_NUMBER_INVALID"), "{text}");
        }
    }
    for n in [
        "1001",
        "2147483648",
        "9223372036854775808",
        "99999999999999999999999",
    ] {
        assert_eq!(
            alice
                .get(&format!("/v2/alice/app/tags/list?n={n}"))
                .await
                .status(),
            StatusCode::OK
        );
    }
    let long = "a".repeat(2000);
    let response = alice.get(&format!("/v2/_catalog?last={long}")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_catalog_shows_what_the_caller_may_see() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = (registry.user("alice").await, registry.user("bob").await);
    let admin = registry.site_admin("root1").await;
    registry
        .app
        .create_organization(&By::Operator, "acme", "bob")
        .await
        .expect("created");
    for (caller, name) in [
        (&alice, "alice/open"),
        (&alice, "alice/inside"),
        (&alice, "alice/secret"),
        (&bob, "acme/tool"),
        (&bob, "bob/own"),
    ] {
        push_image(caller, name, "1", &image(name)).await;
    }
    registry
        .set_visibility("alice/open", Visibility::Public)
        .await;
    registry
        .set_visibility("alice/inside", Visibility::Internal)
        .await;
    let catalog = async |caller: &Caller| {
        pages(caller, "/v2/_catalog?n=2", "repositories")
            .await
            .concat()
    };
    assert_eq!(catalog(&registry.anonymous()).await, ["alice/open"]);
    assert_eq!(
        catalog(&alice).await,
        ["alice/inside", "alice/open", "alice/secret"]
    );
    assert_eq!(
        catalog(&bob).await,
        ["acme/tool", "alice/inside", "alice/open", "bob/own"]
    );
    assert_eq!(catalog(&admin).await.len(), 5);
    let narrowed = bob.with_registry_token(&["registry:catalog:*"]).await;
    assert_eq!(catalog(&narrowed).await.len(), 4);
    let other = bob.with_registry_token(&["repository:bob/own:pull"]).await;
    let response = other.get("/v2/_catalog").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let challenge = response.headers()[header::WWW_AUTHENTICATE]
        .to_str()
        .expect("text");
    assert!(challenge.contains("registry:catalog:*"), "{challenge}");
}
