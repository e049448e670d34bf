//! Every way a blob comes in.

use reqwest::{Method, Response, StatusCode, header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wharf_app::authz::By;
use wharf_db::packages::Visibility;
use wharf_oci::Digest;
use wharf_testkit::{Caller, TestRegistry, image, push_image, raw, raw_open};

async fn patch(caller: &Caller, upload: &str, range: Option<&str>, body: &[u8]) -> Response {
    let mut request = caller.request(Method::PATCH, upload).body(body.to_vec());
    if let Some(range) = range {
        request = request.header(header::CONTENT_RANGE, range);
    }
    request.send().await.expect("an answer")
}

async fn put(caller: &Caller, upload: &str, digest: &Digest, body: &[u8]) -> Response {
    let path = format!("{upload}?digest={digest}");
    let request = caller.request(Method::PUT, &path).body(body.to_vec());
    request.send().await.expect("an answer")
}

fn standing(response: &Response) -> &str {
    response.headers()[header::RANGE].to_str().expect("text")
}

#[tokio::test]
async fn post_alone_stream_and_chunks_all_arrive() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let content = vec![7; 300_000];
    let digest = Digest::sha256(&content);
    let blob = format!("/v2/alice/app/blobs/{digest}");

    let path = format!("/v2/alice/app/blobs/uploads/?digest={digest}");
    let post = alice.request(Method::POST, &path).body(content.clone());
    let response = post.send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()[header::LOCATION], blob);

    let upload = alice.begin_upload("alice/app").await;
    let response = patch(&alice, &upload, None, &content).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(standing(&response), "0-299999");
    assert_eq!(
        put(&alice, &upload, &digest, b"").await.status(),
        StatusCode::CREATED
    );

    let upload = alice.begin_upload("alice/app").await;
    for range in [0..1, 1..100_000, 100_000..299_999] {
        let told = format!("{}-{}", range.start, range.end - 1);
        let response = patch(&alice, &upload, Some(&told), &content[range.clone()]).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(standing(&response), format!("0-{}", range.end - 1));
    }
    let last = alice
        .request(Method::PUT, &format!("{upload}?digest={digest}"))
        .header(header::CONTENT_RANGE, "299999-299999")
        .body(vec![7]);
    assert_eq!(
        last.send().await.expect("an answer").status(),
        StatusCode::CREATED
    );
    assert_eq!(
        alice.get(&blob).await.bytes().await.expect("a body"),
        content
    );
    registry.assert_sound().await;
}

#[tokio::test]
async fn chunks_out_of_order_are_refused_and_the_upload_goes_on() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let content = b"0123456789";
    let upload = alice.begin_upload("alice/app").await;
    let response = patch(&alice, &upload, Some("5-9"), &content[5..]).await;
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(
        patch(&alice, &upload, Some("0-4"), &content[..5])
            .await
            .status(),
        StatusCode::ACCEPTED
    );
    for (range, body) in [
        ("0-4", &content[..5]),
        ("3-7", &content[3..8]),
        ("7-9", &content[7..]),
    ] {
        let response = patch(&alice, &upload, Some(range), body).await;
        assert_eq!(
            response.status(),
            StatusCode::RANGE_NOT_SATISFIABLE,
            "{range}"
        );
    }
    let digest = Digest::sha256(content);
    let late = alice
        .request(Method::PUT, &format!("{upload}?digest={digest}"))
        .header(header::CONTENT_RANGE, "7-9")
        .body(content[7..].to_vec());
    assert_eq!(
        late.send().await.expect("an answer").status(),
        StatusCode::RANGE_NOT_SATISFIABLE
    );
    let response = alice.get(&upload).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(standing(&response), "0-4");
    assert_eq!(
        put(&alice, &upload, &digest, &content[5..]).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn lying_ranges_and_lengths() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let upload = alice.begin_upload("alice/app").await;
    for (range, status) in [
        ("0-99", StatusCode::BAD_REQUEST),
        ("9-0", StatusCode::BAD_REQUEST),
        ("x", StatusCode::BAD_REQUEST),
    ] {
        let response = patch(&alice, &upload, Some(range), b"short").await;
        assert_eq!(response.status(), status, "{range}");
    }
    assert_eq!(standing(&alice.get(&upload).await), "0-0");
}

#[tokio::test]
async fn a_cut_connection_keeps_what_arrived() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let upload = alice.begin_upload("alice/app").await;
    let token = alice.pat.clone().expect("a token");
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 1000\r\nConnection: close\r\n\r\n0123456789"
    );
    drop(raw_open(&registry.url, head).await);
    // The server finishes with the cut request before it lets another one in.
    let response = loop {
        let response = alice
            .request(Method::PATCH, &upload)
            .body("")
            .send()
            .await
            .expect("an answer");
        if response.status() != StatusCode::CONFLICT {
            break response;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let upload_status = alice.get(&upload).await;
    let kept = standing(&upload_status);
    assert!(kept == "0-9" || kept == "0-0", "{kept}");
}

#[tokio::test]
async fn wrong_digests_store_nothing() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let wrong = Digest::sha256(b"something else");
    let upload = alice.begin_upload("alice/app").await;
    let response = put(&alice, &upload, &wrong, b"content").await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(
        response
            .text()
            .await
            .expect("text")
            .contains("DIGEST_INVALID")
    );
    assert_eq!(alice.get(&upload).await.status(), StatusCode::NOT_FOUND);
    let path = format!("/v2/alice/app/blobs/uploads/?digest={wrong}");
    let post = alice.request(Method::POST, &path).body("content");
    assert_eq!(
        post.send().await.expect("an answer").status(),
        StatusCode::BAD_REQUEST
    );
    for query in [
        "",
        "?digest=sha256:x",
        "?digest=md5:d41d8cd98f00b204e9800998ecf8427e",
    ] {
        let upload = alice.begin_upload("alice/app").await;
        let response = alice
            .request(Method::PUT, &format!("{upload}{query}"))
            .send()
            .await;
        assert_eq!(
            response.expect("an answer").status(),
            StatusCode::BAD_REQUEST,
            "{query}"
        );
        assert_eq!(alice.delete(&upload).await.status(), StatusCode::NO_CONTENT);
    }
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_cancelled_upload_is_over() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let upload = alice.begin_upload("alice/app").await;
    assert_eq!(
        patch(&alice, &upload, None, b"bytes").await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(alice.delete(&upload).await.status(), StatusCode::NO_CONTENT);
    for response in [alice.get(&upload).await, alice.delete(&upload).await] {
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(
        patch(&alice, &upload, None, b"more").await.status(),
        StatusCode::NOT_FOUND
    );
    registry.assert_sound().await;
}

#[tokio::test]
async fn an_upload_survives_a_restart() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let content = vec![3; 2_000_000];
    let upload = alice.begin_upload("alice/app").await;
    patch(&alice, &upload, None, &content[..1_500_000]).await;
    let registry = registry.restart().await;
    let alice = registry.with_header(&format!("Bearer {}", alice.pat.expect("a token")));
    assert_eq!(standing(&alice.get(&upload).await), "0-1499999");
    let digest = Digest::sha256(&content);
    let response = put(&alice, &upload, &digest, &content[1_500_000..]).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    registry.assert_sound().await;
}

#[tokio::test]
async fn stopping_records_what_an_upload_has_brought() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let upload = alice.begin_upload("alice/app").await;
    let token = alice.pat.clone().expect("a token");
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 2000000\r\n\r\n"
    );
    let mut stream = raw_open(&registry.url, head).await;
    stream.write_all(&vec![7; 1_000_000]).await.expect("sends");
    registry
        .until_metric("wharf_upload_received_bytes_total 1000000")
        .await;
    let registry = registry.restart().await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("what arrived is kept"), "{answer}");
    let alice = registry.with_header(&format!("Bearer {token}"));
    assert_eq!(standing(&alice.get(&upload).await), "0-999999");
}

#[tokio::test]
async fn an_abandoned_upload_is_swept() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let upload = alice.begin_upload("alice/app").await;
    patch(&alice, &upload, None, b"left alone").await;
    registry.clock.advance(23 * wharf_app::clock::HOUR);
    assert_eq!(registry.app.sweep().await.expect("sweeps").uploads, 0);
    registry.clock.advance(2 * wharf_app::clock::HOUR);
    assert_eq!(registry.app.sweep().await.expect("sweeps").uploads, 1);
    assert_eq!(alice.get(&upload).await.status(), StatusCode::NOT_FOUND);
    registry.assert_sound().await;
}

#[tokio::test]
async fn uploads_belong_to_who_began_them() {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("root1").await;
    let alice = registry.user("alice").await;
    alice.push_blob("alice/other", "x").await;
    let upload = alice.begin_upload("alice/app").await;
    let elsewhere = upload.replace("alice/app", "alice/other");
    // An administrator may push there, yet it is not its upload.
    for (caller, path) in [(&admin, &upload), (&alice, &elsewhere)] {
        assert_eq!(caller.get(path).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(
            patch(caller, path, None, b"x").await.status(),
            StatusCode::NOT_FOUND
        );
        assert_eq!(caller.delete(path).await.status(), StatusCode::NOT_FOUND);
    }
    let digest = Digest::sha256(b"mine");
    assert_eq!(
        put(&alice, &upload, &digest, b"mine").await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_user_can_hold_only_so_many_uploads() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    for _ in 0..20 {
        alice.begin_upload("alice/app").await;
    }
    let response = alice.post("/v2/alice/app/blobs/uploads/").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn the_same_content_twice_at_once_is_kept_once() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let content = vec![9; 500_000];
    let digest = Digest::sha256(&content);
    let (one, two) = (
        alice.begin_upload("alice/a").await,
        alice.begin_upload("alice/b").await,
    );
    let (first, second) = tokio::join!(
        put(&alice, &one, &digest, &content),
        put(&alice, &two, &digest, &content)
    );
    assert_eq!(
        (first.status(), second.status()),
        (StatusCode::CREATED, StatusCode::CREATED)
    );
    for name in ["alice/a", "alice/b"] {
        let body = alice.get(&format!("/v2/{name}/blobs/{digest}")).await;
        assert_eq!(body.bytes().await.expect("a body"), content);
    }
    registry.assert_sound().await;
}

#[tokio::test]
async fn mounts_stay_within_what_the_caller_can_read() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = (registry.user("alice").await, registry.user("bob").await);
    let shared = image("shared");
    push_image(&alice, "alice/one", "1", &shared).await;
    let digest = Digest::sha256(&shared.blobs[1]);
    let mount = async |caller: &Caller, query: &str| {
        let name = &caller.login;
        caller
            .post(&format!(
                "/v2/{name}/two/blobs/uploads/?mount={digest}{query}"
            ))
            .await
            .status()
    };
    assert_eq!(mount(&bob, "&from=alice/one").await, StatusCode::ACCEPTED);
    assert_eq!(mount(&bob, "").await, StatusCode::ACCEPTED);
    assert_eq!(
        mount(&bob, "&from=nobody/nothing").await,
        StatusCode::ACCEPTED
    );
    assert_eq!(mount(&alice, "&from=alice/one").await, StatusCode::CREATED);
    assert_eq!(mount(&alice, "").await, StatusCode::CREATED);
    assert_eq!(
        mount(&alice, "&from=UPPER/case").await,
        StatusCode::BAD_REQUEST
    );
    registry
        .set_visibility("alice/one", Visibility::Public)
        .await;
    assert_eq!(mount(&bob, "&from=alice/one").await, StatusCode::CREATED);
    assert_eq!(mount(&bob, "").await, StatusCode::CREATED);
    let body = bob.get(&format!("/v2/bob/two/blobs/{digest}")).await;
    assert_eq!(body.text().await.expect("text"), "layer of shared");
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_narrowed_token_mounts_only_from_where_it_may_pull() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let shared = image("shared");
    push_image(&alice, "alice/one", "1", &shared).await;
    let digest = Digest::sha256(&shared.blobs[1]);
    let path = format!("/v2/alice/two/blobs/uploads/?mount={digest}&from=alice/one");
    let target_only = alice
        .with_registry_token(&["repository:alice/two:pull,push"])
        .await;
    assert_eq!(target_only.post(&path).await.status(), StatusCode::ACCEPTED);
    let both = [
        "repository:alice/two:pull,push",
        "repository:alice/one:pull",
    ];
    let both = alice.with_registry_token(&both).await;
    assert_eq!(both.post(&path).await.status(), StatusCode::CREATED);
    let anonymous = registry.anonymous().post(&path).await;
    let challenge = anonymous.headers()[header::WWW_AUTHENTICATE]
        .to_str()
        .expect("text");
    assert!(
        challenge.contains(r#"scope="repository:alice/two:pull,push repository:alice/one:pull""#),
        "{challenge}"
    );
}

#[tokio::test]
async fn head_of_a_blob_protects_it_for_a_writer() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let digest = alice.push_blob("alice/app", "kept").await;
    let path = format!("/v2/alice/app/blobs/{digest}");
    // Twenty-three hours on, the lease of the push is nearly over; asking renews it.
    registry.clock.advance(23 * wharf_app::clock::HOUR);
    assert_eq!(alice.head(&path).await.status(), StatusCode::OK);
    registry.clock.advance(23 * wharf_app::clock::HOUR);
    assert_eq!(alice.head(&path).await.status(), StatusCode::OK);
    registry.clock.advance(25 * wharf_app::clock::HOUR);
    assert_eq!(alice.head(&path).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn revocation_stops_an_upload_under_way() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let upload = alice.begin_upload("alice/app").await;
    let tokens = registry
        .app
        .list_tokens(&By::Operator, "alice", 0, 10)
        .await
        .expect("lists");
    registry
        .app
        .revoke_token(&By::Operator, tokens[0].id)
        .await
        .expect("revoked");
    let response = patch(&alice, &upload, None, b"bytes").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.text().await.expect("text").contains("revoked"));
}

#[tokio::test]
async fn a_package_appears_with_its_first_manifest() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    alice.push_blob("alice/app", "only a blob").await;
    let catalog = alice.get("/v2/_catalog").await.text().await.expect("text");
    assert_eq!(catalog, r#"{"repositories":[]}"#);
    push_image(&alice, "alice/app", "1", &image("one")).await;
    let catalog = alice.get("/v2/_catalog").await.text().await.expect("text");
    assert_eq!(catalog, r#"{"repositories":["alice/app"]}"#);
}

#[tokio::test]
async fn compressed_and_endless_manifests_are_refused() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let token = alice.pat.clone().expect("a token");
    let head = format!(
        "PUT /v2/alice/app/manifests/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n"
    );
    let answer = raw(
        &registry.url,
        format!("{head}Content-Length: 99999999999\r\n\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let answer = raw(
        &registry.url,
        format!("{head}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{{}}"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
}

#[tokio::test]
async fn the_sweep_never_stands_in_a_clients_way() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let upload = alice.begin_upload("alice/app").await;
    patch(&alice, &upload, None, b"first").await;
    let app = registry.app.clone();
    let sweeping = tokio::spawn(async move {
        for _ in 0..50 {
            app.sweep().await.expect("sweeps");
        }
    });
    for _ in 0..50 {
        let response = patch(&alice, &upload, None, b"more").await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
    }
    sweeping.await.expect("runs");
}
