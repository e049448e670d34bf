//! Every operation, asked for by everybody, on packages of every visibility:
//! `tests/golden/access.txt`, which `UPDATE_GOLDEN=1 cargo test` writes anew.
//! An operation without a case here fails this test.

use std::fmt::Write as _;

use reqwest::{Method, Response, StatusCode, header};
use serde_json::Value;
use wharf_app::authz::Scope;
use wharf_db::packages::Visibility;
use wharf_oci::{Digest, media_type::OCI_MANIFEST};
use wharf_server::Operation;
use wharf_testkit::{Caller, TestRegistry, image, location, push_image};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/access.txt");
const LOOSE_BLOB: &[u8] = b"a blob that no manifest needs";

const PACKAGES: [(&str, Option<Visibility>); 4] = [
    ("absent", None),
    ("private", Some(Visibility::Private)),
    ("internal", Some(Visibility::Internal)),
    ("public", Some(Visibility::Public)),
];

struct Case {
    method: Method,
    path: String,
    body: Vec<u8>,
    /// The operation goes on with an upload that alice began.
    upload: bool,
}

fn case(route: &str, package: &str) -> Case {
    let image = image("one");
    let manifest = format!("/v2/{package}/manifests/1");
    let blob = format!("/v2/{package}/blobs/{}", Digest::sha256(&image.blobs[1]));
    let loose = format!("/v2/{package}/blobs/{}", Digest::sha256(LOOSE_BLOB));
    let of = |method: Method, path: String| Case {
        method,
        path,
        body: Vec::new(),
        upload: false,
    };
    let upload = |method: Method| Case {
        upload: true,
        ..of(method, format!("/v2/{package}/blobs/uploads/"))
    };
    match route {
        "v2_base" => of(Method::GET, "/v2/".to_owned()),
        "v2_catalog" => of(Method::GET, "/v2/_catalog".to_owned()),
        "v2_tags" => of(Method::GET, format!("/v2/{package}/tags/list")),
        "v2_manifest_get" => of(Method::GET, manifest),
        "v2_manifest_put" => Case {
            body: image.manifest,
            ..of(Method::PUT, manifest)
        },
        "v2_manifest_delete" => of(Method::DELETE, manifest),
        "v2_blob_get" => of(Method::GET, blob),
        "v2_blob_head" => of(Method::HEAD, blob),
        "v2_blob_delete" => of(Method::DELETE, loose),
        "v2_upload_begin" => of(Method::POST, format!("/v2/{package}/blobs/uploads/")),
        "v2_upload_status" => upload(Method::GET),
        "v2_upload_append" => upload(Method::PATCH),
        "v2_upload_finish" => upload(Method::PUT),
        "v2_upload_cancel" => upload(Method::DELETE),
        "v2_referrers" => of(
            Method::GET,
            format!("/v2/{package}/referrers/{}", image.digest),
        ),
        other => panic!("{other} has no case: say here how it is asked for"),
    }
}

async fn callers(registry: &TestRegistry, alice: &Caller) -> Vec<(&'static str, Caller)> {
    let elsewhere = alice.with_registry_token(&["repository:alice/other:pull,push,delete"]);
    vec![
        ("anonymous", registry.anonymous()),
        (
            "unknown",
            registry.with_header("Bearer wharf_pat_000000000000000000000000000000000000000000"),
        ),
        ("stranger", registry.user("stranger").await),
        ("elsewhere", elsewhere.await),
        ("reader", registry.token("alice", &[Scope::Read]).await),
        ("writer", registry.token("alice", &[Scope::Write]).await),
        ("owner", alice.clone()),
        ("administrator", registry.site_admin("root1").await),
    ]
}

/// A package of alice's with an image, a loose blob and that visibility.
async fn prepare(
    registry: &TestRegistry,
    alice: &Caller,
    package: &str,
    visibility: Option<Visibility>,
) {
    let Some(visibility) = visibility else { return };
    push_image(alice, package, "1", &image("one")).await;
    alice.push_blob(package, LOOSE_BLOB).await;
    registry.set_visibility(package, visibility).await;
}

async fn ask(alice: &Caller, caller: &Caller, case: Case, exists: bool) -> Response {
    let mut path = case.path;
    let mut open = None;
    if case.upload {
        // Of a package that does not exist there can be no upload.
        path = if exists {
            let name = path.trim_start_matches("/v2/");
            let name = name.trim_end_matches("/blobs/uploads/");
            alice.begin_upload(name).await
        } else {
            format!("{path}{}", "0".repeat(32))
        };
        open = exists.then(|| path.clone());
        if case.method == Method::PUT {
            let _ = write!(path, "?digest={}", Digest::sha256(b""));
        }
    }
    let request = caller.request(case.method, &path).body(case.body);
    let request = request.header(header::CONTENT_TYPE, OCI_MANIFEST);
    let response = request.send().await.expect("an answer");
    if response.status() == StatusCode::ACCEPTED && response.headers().contains_key("range") {
        alice.delete(&location(&response)).await;
    }
    if let Some(upload) = open {
        alice.delete(&upload).await;
    }
    response
}

async fn outcome(response: Response) -> String {
    let status = response.status();
    let text = response.text().await.expect("text");
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    match body["errors"][0]["code"].as_str() {
        Some(code) => format!("{} {code}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

async fn table() -> String {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let callers = callers(&registry, &alice).await;
    let mut table = String::new();
    for route in Operation::ROUTES {
        let _ = writeln!(table, "{route}");
        for (kind, visibility) in PACKAGES {
            let _ = writeln!(table, "  {kind}");
            for (at, (who, caller)) in callers.iter().enumerate() {
                let package = format!("alice/{kind}-{}-{at}", route.replace('_', "-"));
                prepare(&registry, &alice, &package, visibility).await;
                let case = case(route, &package);
                let response = ask(&alice, caller, case, visibility.is_some()).await;
                let _ = writeln!(table, "    {who:<14} {}", outcome(response).await);
            }
        }
    }
    table
}

#[tokio::test]
async fn the_access_table_is_the_reviewed_one() {
    let table = table().await;
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &table).expect("written");
    }
    let reviewed = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    assert!(
        table == reviewed,
        "access changed: review the difference after UPDATE_GOLDEN=1 cargo test"
    );
}
