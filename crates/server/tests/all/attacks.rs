//! What hostile clients try. Each was found by one.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, time::timeout};
use wharf_oci::media_type::OCI_MANIFEST;
use wharf_testkit::{Caller, TestRegistry, descriptor, image, push_image, raw, raw_open};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn no_manifest_is_read_from_those_who_may_not_push() {
    let registry = TestRegistry::start().await;
    // The body never comes: only an answer that does not wait for it does.
    let head =
        "PUT /v2/alice/app/manifests/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n";
    let mut stream = raw_open(&registry.url, head).await;
    let mut answer = [0; 12];
    let read = timeout(MINUTE, stream.read_exact(&mut answer)).await;
    read.expect("at once").expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 401");
}

#[tokio::test]
async fn guessing_passwords_is_limited_and_starves_nobody() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let nobody = registry.with_header("Basic bm9ib2R5Ondyb25n");
    let guesses: Vec<_> = (0..120)
        .map(|_| {
            let nobody = nobody.clone();
            tokio::spawn(async move { nobody.get("/v2/").await.status() })
        })
        .collect();
    let tags = alice.get("/v2/alice/app/tags/list").await.status();
    assert_eq!(tags, StatusCode::OK);
    let mut refused = 0;
    for guess in guesses {
        match guess.await.expect("an answer") {
            StatusCode::UNAUTHORIZED => {}
            StatusCode::TOO_MANY_REQUESTS => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(refused > 0, "every guess was hashed");
}

#[tokio::test]
async fn long_annotations_make_short_pages_of_referrers() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let subject = image("one");
    push_image(&alice, "alice/app", "1", &subject).await;
    for n in 0..3 {
        let blob = b"{}";
        alice.push_blob("alice/app", &blob[..]).await;
        let referrer = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "a/b",
            "config": descriptor("application/vnd.oci.empty.v1+json", blob),
            "layers": [], "subject": subject.descriptor(),
            "annotations": {"long": n.to_string().repeat(3_000_000)},
        });
        let bytes = referrer.to_string().into_bytes();
        let digest = wharf_oci::Digest::sha256(&bytes);
        let put = alice.put_manifest("alice/app", digest.as_str(), OCI_MANIFEST, bytes);
        assert_eq!(put.await.status(), StatusCode::CREATED);
    }
    let mut path = format!("/v2/alice/app/referrers/{}", subject.digest);
    let mut found = 0;
    loop {
        let page = alice.get(&path).await;
        let link = page.headers().get(header::LINK).cloned();
        let index: Value = page.json().await.expect("JSON");
        assert_eq!(index["manifests"].as_array().map(Vec::len), Some(1));
        found += 1;
        let Some(link) = link else { break };
        let link = link.to_str().expect("text");
        let (next, _) = link[1..].split_once('>').expect("a link");
        next.clone_into(&mut path);
    }
    assert_eq!(found, 3);
}

#[tokio::test]
async fn keys_in_another_case_hide_nothing() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let mut manifest: Value = serde_json::from_slice(&image("one").manifest).expect("JSON");
    manifest["Layers"] = json!([{"digest": "sha256:ab", "size": 7}]);
    let put = alice.put_manifest("alice/app", "2", OCI_MANIFEST, manifest.to_string());
    let response = put.await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let text = response.text().await.expect("text");
    assert!(
        text.contains("some clients would read it as `layers`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_registry_token_buys_no_other() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let scope = "repository:alice/app:pull";
    let narrowed = alice.with_registry_token(&[scope]).await;
    let renewed = narrowed.get(&format!("/token?scope={scope}")).await;
    assert_eq!(renewed.status(), StatusCode::UNAUTHORIZED);
    let text = renewed.text().await.expect("text");
    assert!(text.contains("cannot be exchanged"), "{text}");
}

#[tokio::test]
async fn tokens_do_not_tell_which_accounts_exist() {
    let registry = TestRegistry::start().await;
    registry.user("alice").await;
    let anonymous = registry.anonymous();
    let mut claims = Vec::new();
    for owner in ["alice", "nosuch"] {
        let path = format!("/token?scope=repository:{owner}/app:pull");
        let answer: Value = anonymous.get(&path).await.json().await.expect("JSON");
        let token = answer["token"].as_str().expect("a token");
        let payload = token.split('.').nth(1).expect("a payload");
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64");
        let payload: Value = serde_json::from_slice(&payload).expect("JSON");
        claims.push(payload["access"].to_string().replace(owner, "OWNER"));
    }
    assert_eq!(claims[0], claims[1]);
}

#[tokio::test]
async fn a_busy_upload_is_unknown_to_others() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let bob = registry.user("bob").await;
    let upload = alice.begin_upload("alice/app").await;
    let token = alice.pat.clone().expect("a token");
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 1000\r\n\r\n0123456789"
    );
    let _writing = raw_open(&registry.url, head).await;
    let patch = |caller: &Caller| {
        let request = caller.request(Method::PATCH, &upload).body("");
        async move { request.send().await.expect("an answer").status() }
    };
    registry
        .until_metric("wharf_upload_received_bytes_total 10")
        .await;
    assert_eq!(patch(&alice).await, StatusCode::CONFLICT);
    assert_eq!(patch(&bob).await, StatusCode::FORBIDDEN);
    let anonymous = registry.anonymous();
    assert_eq!(patch(&anonymous).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whoever_hangs_up_is_counted_all_the_same() {
    let registry = TestRegistry::start().await;
    for _ in 0..40 {
        let head = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
        drop(raw_open(&registry.url, head).await);
    }
    // The question itself is the one in flight.
    registry
        .until_metric("wharf_http_requests_in_flight 1")
        .await;
}

#[tokio::test]
async fn malformed_requests_are_400() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let upload = alice.begin_upload("alice/app").await;
    let token = alice.pat.clone().expect("a token");
    let close = "Connection: close\r\n";
    let range = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{close}\
         Content-Length: 1\r\nContent-Range: 0-"
    );
    let range = [range.as_bytes(), b"\xff\r\n\r\nx"].concat();
    let chunk = format!(
        "POST /token HTTP/1.1\r\nHost: x\r\n{close}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc"
    );
    for request in [
        format!("GET /livez HTTP/1.1\r\n{close}\r\n").into_bytes(),
        format!("GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n{close}\r\n").into_bytes(),
        format!("POST /token HTTP/1.1\r\nHost: x\r\n{close}\r\n").into_bytes(),
        chunk.into_bytes(),
        range,
    ] {
        let answer = raw(&registry.url, &request).await;
        let shown = String::from_utf8_lossy(&request);
        assert!(answer.starts_with("HTTP/1.1 400"), "{shown}: {answer}");
    }
}
