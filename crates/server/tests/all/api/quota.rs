//! What an owner stores, exactly, and never more than it may.

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wharf_app::clock::{DAY, SECOND};
use wharf_oci::Digest;
use wharf_testkit::{Caller, TestRegistry, image, location, push_image, raw, raw_open};

use super::{push_multi_arch, sign};

const APP: &str = "alice/app";

async fn limit(admin: &Caller, owner: &str, quota: Value) {
    let path = format!("owners/{owner}/quota");
    admin.api_ok(Method::PATCH, &path, quota).await;
}

async fn usage(caller: &Caller, of: &str) -> Value {
    let path = format!("{of}/usage");
    caller.api_ok(Method::GET, &path, Value::Null).await
}

async fn bytes_of(caller: &Caller, owner: &str) -> u64 {
    let usage = usage(caller, &format!("owners/{owner}")).await;
    usage["bytes"].as_u64().expect("a number")
}

/// The head of a chunk's request, with one more header or several.
fn head_of(caller: &Caller, upload: &str, header: &str) -> String {
    let token = caller.pat.as_deref().expect("a token");
    format!(
        "PATCH {upload} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{header}\r\n\r\n"
    )
}

async fn put_blob(caller: &Caller, upload: &str, content: Bytes) -> (u16, String) {
    let digest = Digest::sha256(&content);
    let put = caller.request(Method::PUT, &format!("{upload}?digest={digest}"));
    let response = put.body(content).send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.text().await.unwrap_or_default())
}

/// S44: of parallel pushes with room for ten, never more than ten are stored.
#[tokio::test(flavor = "multi_thread")]
async fn parallel_pushes_never_take_more_than_there_is_room_for() {
    const SIZE: usize = 64 * 1024;
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("boss").await;
    let alice = registry.user("alice").await;
    push_image(&alice, APP, "1", &image("first")).await;
    let before = bytes_of(&alice, "alice").await;
    let most = before + 10 * SIZE as u64;
    limit(&admin, "alice", json!({ "bytes": most })).await;
    let mut pushing = Vec::new();
    for pusher in 0..5 {
        let login = format!("pusher{pusher}");
        let caller = registry.user(&login).await;
        let grant = format!("packages/{APP}/grants/{login}");
        let write = json!({"role": "write"});
        alice.api_ok(Method::PUT, &grant, write).await;
        for n in 0..20 {
            let caller = caller.clone();
            let content = Bytes::from([pusher, n].repeat(SIZE / 2));
            pushing.push(tokio::spawn(async move {
                let upload = caller.begin_upload(APP).await;
                put_blob(&caller, &upload, content).await
            }));
        }
    }
    let mut stored = 0;
    for task in pushing {
        match task.await.expect("runs") {
            (201, _) => stored += 1,
            (403, body) => assert!(body.contains("alice may store"), "{body}"),
            (status, body) => panic!("{status} {body}"),
        }
    }
    assert_eq!(stored, 10);
    assert_eq!(bytes_of(&alice, "alice").await, most);
    registry.assert_sound().await;
}

#[tokio::test]
async fn what_has_no_room_leaves_nothing_behind() {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("boss").await;
    let alice = registry.user("alice").await;
    push_image(&alice, APP, "1", &image("first")).await;
    let before = bytes_of(&alice, "alice").await;
    limit(&admin, "alice", json!({"bytes": before + 1000})).await;
    let upload = alice.begin_upload(APP).await;
    let (status, body) = put_blob(&alice, &upload, Bytes::from(vec![1; 1001])).await;
    assert_eq!(status, 403, "{body}");
    let says = "alice may store 1.4 KiB and has 465 B; this needs 1001 B more";
    assert!(
        body.contains(says) && body.contains("wharf usage alice"),
        "{body}"
    );
    assert_eq!(alice.get(&upload).await.status(), StatusCode::NOT_FOUND);
    // Nobody says how much comes.
    let upload = alice.begin_upload(APP).await;
    let chunk = format!("190\r\n{}\r\n", "2".repeat(400));
    let head = head_of(
        &alice,
        &upload,
        "Transfer-Encoding: chunked\r\nConnection: close",
    );
    let answer = raw(&registry.url, head + &chunk.repeat(4)).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(alice.get(&upload).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(bytes_of(&alice, "alice").await, before);
    let upload = alice.begin_upload(APP).await;
    let (status, body) = put_blob(&alice, &upload, Bytes::from(vec![1; 1000])).await;
    assert_eq!(status, 201, "what fits is stored: {body}");
    registry.assert_sound().await;
}

#[tokio::test]
async fn room_is_given_back_within_a_minute() {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("boss").await;
    let alice = registry.user("alice").await;
    push_image(&alice, APP, "1", &image("first")).await;
    let before = bytes_of(&alice, "alice").await;
    limit(&admin, "alice", json!({"bytes": before + 5000})).await;
    let upload = alice.begin_upload(APP).await;
    let head = head_of(&alice, &upload, "Content-Length: 4000");
    let mut stream = raw_open(&registry.url, head).await;
    while bytes_of(&alice, "alice").await == before {}
    assert_eq!(bytes_of(&alice, "alice").await, before + 4000, "reserved");
    registry.clock.advance(61 * SECOND);
    let released = registry.app.release_lapsed_reservations().await;
    assert_eq!(released.expect("released"), 1);
    assert_eq!(bytes_of(&alice, "alice").await, before);
    // The request lives on, and asks again.
    stream.write_all(&[7; 4000]).await.expect("sends");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 202");
    assert_eq!(bytes_of(&alice, "alice").await, before + 4000);
    assert_eq!(alice.delete(&upload).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(bytes_of(&alice, "alice").await, before);
    registry.assert_sound().await;
}

#[tokio::test]
async fn each_content_counts_once_until_it_is_gone_for_good() {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("boss").await;
    let alice = registry.user("alice").await;
    let index = push_multi_arch(&alice, APP, "1", "one").await;
    limit(&admin, "alice", json!({"bytes": 100_000})).await;
    let one = usage(&alice, "packages/alice/app").await;
    let promote = json!({"to": "alice/prod", "tags": {"1": "1"}});
    let path = format!("packages/{APP}/promote");
    alice.api_ok(Method::POST, &path, promote).await;
    let both = usage(&alice, "owners/alice").await;
    assert_eq!(both["blobs"], one["blobs"], "no blob counts twice");
    let manifests = one["manifests"]["bytes"].as_u64().expect("a number");
    assert_eq!(both["manifests"]["bytes"], 2 * manifests);
    let app = usage(&alice, "packages/alice/app").await;
    assert_eq!(
        (&app["own_bytes"], &app["deleted_bytes"]),
        (&json!(manifests), &json!(0))
    );

    let version = format!("packages/{APP}/versions/{}", index[0]);
    let shown = alice.api_ok(Method::GET, &version, Value::Null).await;
    assert_eq!(shown["size"], shown["own_size"]);
    let amd64 = format!("packages/{APP}/versions/{}", index[1]);
    let amd64 = alice.api_ok(Method::GET, &amd64, Value::Null).await;
    assert_eq!(amd64["blobs"].as_array().expect("a list").len(), 2);
    assert_eq!(amd64["blobs"][0]["role"], "config");
    assert_eq!(amd64["blobs"][0]["is_shared"], false);
    alice.api_ok(Method::DELETE, &version, Value::Null).await;
    registry.clock.advance(2 * DAY);
    registry.app.sweep().await.expect("sweeps");
    let deleted = usage(&alice, "packages/alice/app").await;
    assert_eq!(deleted["deleted_bytes"], deleted["bytes"]);
    assert_eq!(
        bytes_of(&alice, "alice").await,
        both["bytes"].as_u64().expect("a number")
    );

    let purge = format!("packages/{APP}/deleted-versions");
    let purged = alice.api_ok(Method::DELETE, &purge, Value::Null).await;
    assert_eq!(purged, json!({"versions": 3, "more": false}));
    let left = usage(&alice, "owners/alice").await;
    assert_eq!(
        (&left["blobs"], &left["manifests"]["bytes"]),
        (&one["blobs"], &json!(manifests))
    );
    let by_package = alice
        .api_ok(Method::GET, "owners/alice/usage/packages", Value::Null)
        .await;
    let names: Vec<_> = by_package["items"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    assert_eq!(
        (&names[0]["name"], &names[0]["bytes"]),
        (&json!(APP), &json!(0))
    );
    assert_eq!(names[1]["own_bytes"], left["bytes"]);

    let prod = "packages/alice/prod";
    alice.api_ok(Method::DELETE, prod, Value::Null).await;
    let kept = alice
        .api_ok(Method::GET, "owners/alice/deleted-packages", Value::Null)
        .await;
    assert_eq!(kept["items"][0]["bytes"], left["bytes"]);
    let purge = format!("{prod}/purge");
    alice.api_ok(Method::POST, &purge, Value::Null).await;
    let left = usage(&alice, "owners/alice").await;
    assert_eq!(
        (&left["bytes"], &left["packages"], &left["tags"]),
        (&json!(0), &json!(1), &json!(0))
    );
    let (status, _) = alice.api_fails(Method::POST, &purge, Value::Null).await;
    assert_eq!(status, 404, "it is gone");
    push_image(&alice, "alice/prod", "1", &image("new")).await;
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_transfer_needs_room_at_the_new_owner() {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("boss").await;
    let alice = registry.user("alice").await;
    let acme = json!({"login": "acme", "owner": "alice"});
    admin.api_ok(Method::POST, "organizations", acme).await;
    push_image(&alice, APP, "1", &image("first")).await;
    let stored = bytes_of(&alice, "alice").await;
    limit(&admin, "alice", json!({"bytes": 100_000, "packages": 5})).await;
    limit(&admin, "acme", json!({"bytes": stored - 1})).await;
    let rename = format!("packages/{APP}/rename");
    let to = json!({"to": "acme/app"});
    let (status, message) = alice.api_fails(Method::POST, &rename, to.clone()).await;
    assert!(
        status == 403 && message.contains("acme may store"),
        "{message}"
    );
    limit(
        &admin,
        "acme",
        json!({"bytes": stored, "packages": 1, "tags": 1}),
    )
    .await;
    alice.api_ok(Method::POST, &rename, to).await;
    assert_eq!(bytes_of(&alice, "acme").await, stored);
    assert_eq!(bytes_of(&alice, "alice").await, 0);
    let (status, message) = alice
        .api_fails(
            Method::POST,
            "packages/acme/app/promote",
            json!({"tags": {"2": "1"}}),
        )
        .await;
    assert!(
        status == 403 && message.contains("1 tag and has 1 tag"),
        "{message}"
    );
    let begin = alice.post("/v2/acme/other/blobs/uploads/").await;
    assert_eq!(begin.status(), StatusCode::FORBIDDEN, "no second package");
    limit(
        &admin,
        "acme",
        json!({"bytes": null, "packages": null, "tags": null}),
    )
    .await;
    push_image(&alice, "acme/other", "1", &image("second")).await;
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_quota_below_use_names_the_field_and_the_way_out() {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("boss").await;
    let alice = registry.user("alice").await;
    push_image(&alice, APP, "1", &image("first")).await;
    let path = "owners/alice/quota";
    for (quota, says) in [
        (
            json!({"bytes": 17}),
            "`bytes` is not valid: alice has 465 already; set at least that",
        ),
        (
            json!({"packages": 0}),
            "`packages` is not valid: alice has 1 already",
        ),
        (
            json!({"tags": -1}),
            "`tags` is not valid: it must not be below zero or above",
        ),
        (json!({"tags": "many"}), "`tags` is not valid: invalid type"),
        (json!({"byte": 1}), "`byte` is not valid: unknown field"),
    ] {
        let (status, message) = admin.api_fails(Method::PATCH, path, quota).await;
        assert!(status == 400 && message.starts_with(says), "{message}");
    }
    let (status, _) = alice
        .api_fails(Method::PATCH, path, json!({"bytes": null}))
        .await;
    assert_eq!(status, 403, "owners do not limit themselves");
    let missing = "owners/nobody9/quota";
    let (status, _) = admin
        .api_fails(Method::PATCH, missing, json!({"tags": 1}))
        .await;
    assert_eq!(status, 404);
    let shown = usage(&alice, "owners/alice").await;
    assert_eq!(shown["quota"], json!({}));
}

/// Pseudo-random, the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn choose(&mut self, of: &[&'static str]) -> &'static str {
        let at = self.roll(of.len() as u64);
        of[usize::try_from(at).expect("small")]
    }
}

/// Whatever is done in whatever order, what is charged is what is there.
#[tokio::test]
async fn the_account_is_exact_after_everything() {
    for seed in 1..=4 {
        walk(seed).await;
    }
}

async fn walk(seed: u64) {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("boss").await;
    let alice = registry.user("alice").await;
    let acme = json!({"login": "acme", "owner": "alice"});
    admin.api_ok(Method::POST, "organizations", acme).await;
    for owner in ["alice", "acme"] {
        limit(
            &admin,
            owner,
            json!({"bytes": 6000, "packages": 3, "tags": 6}),
        )
        .await;
    }
    let mut dice = Dice(seed);
    for step in 0..60 {
        let package = dice.choose(&["alice/a", "alice/b", "acme/a", "acme/b"]);
        let other = dice.choose(&["alice/a", "alice/b", "acme/a", "acme/b"]);
        let tag = dice.roll(4).to_string();
        do_something(&registry, &alice, &mut dice, (package, other, &tag)).await;
        if step % 10 == 9 {
            registry.assert_sound().await;
        }
    }
}

/// Asks for one thing; what is refused is as good.
async fn do_something(
    registry: &TestRegistry,
    alice: &Caller,
    dice: &mut Dice,
    (package, other, tag): (&str, &str, &str),
) {
    let at = |rest: String| format!("packages/{package}{rest}");
    match dice.roll(11) {
        0..=2 => try_to_push(alice, package, tag, &format!("seed {}", dice.roll(5))).await,
        3 => drop(try_to_begin(alice, package).await),
        4 => drop(
            alice
                .api(Method::DELETE, &at(format!("/versions/{tag}")), Value::Null)
                .await,
        ),
        5 => drop(
            alice
                .api(Method::DELETE, &at(format!("/tags/{tag}")), Value::Null)
                .await,
        ),
        6 => {
            let promote = json!({"to": other, "tags": {tag: tag}});
            alice
                .api(Method::POST, &at("/promote".into()), promote)
                .await;
        }
        7 => {
            alice
                .api(Method::DELETE, &at(String::new()), Value::Null)
                .await;
            let end = dice.choose(&["/restore", "/purge", "/none"]);
            alice.api(Method::POST, &at(end.into()), Value::Null).await;
        }
        8 => {
            alice
                .api(Method::POST, &at("/rename".into()), json!({"to": other}))
                .await;
        }
        9 => drop(
            alice
                .api(Method::DELETE, &at("/deleted-versions".into()), Value::Null)
                .await,
        ),
        _ => {
            registry
                .clock
                .advance(DAY * (dice.roll(3) * 15 + 1).cast_signed());
            registry.app.sweep().await.expect("sweeps");
        }
    }
}

async fn try_to_begin(alice: &Caller, package: &str) -> Option<String> {
    let begun = alice.post(&format!("/v2/{package}/blobs/uploads/")).await;
    (begun.status() == StatusCode::ACCEPTED).then(|| location(&begun))
}

async fn try_to_push(alice: &Caller, package: &str, tag: &str, seed: &str) {
    let image = image(seed);
    for blob in &image.blobs {
        let Some(upload) = try_to_begin(alice, package).await else {
            return;
        };
        put_blob(alice, &upload, Bytes::from(blob.clone())).await;
    }
    let kind = wharf_oci::media_type::OCI_MANIFEST;
    alice.put_manifest(package, tag, kind, image.manifest).await;
}

#[tokio::test]
async fn what_is_attached_is_charged_and_let_go_too() {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("boss").await;
    let alice = registry.user("alice").await;
    let index = push_multi_arch(&alice, APP, "1", "one").await;
    limit(&admin, "alice", json!({"bytes": 50_000})).await;
    sign(&alice, APP, &index[0], 100).await;
    let version = format!("packages/{APP}/versions/{}", index[0]);
    alice.api_ok(Method::DELETE, &version, Value::Null).await;
    registry.clock.advance(31 * DAY);
    let swept = registry.app.sweep().await.expect("sweeps");
    assert_eq!(swept.purged, 4);
    assert_eq!(bytes_of(&alice, "alice").await, 0);
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_package_that_nothing_came_of_goes_by_itself() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    alice.begin_upload(APP).await;
    assert_eq!(usage(&alice, "owners/alice").await["packages"], 1);
    registry.clock.advance(3 * DAY);
    registry.app.sweep().await.expect("sweeps");
    assert_eq!(usage(&alice, "owners/alice").await["packages"], 0);
    push_image(&alice, APP, "1", &image("first")).await;
}

#[tokio::test]
async fn an_upload_goes_with_its_package_and_nowhere_else() {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("boss").await;
    let alice = registry.user("alice").await;
    let acme = json!({"login": "acme", "owner": "alice"});
    admin.api_ok(Method::POST, "organizations", acme).await;
    push_image(&alice, APP, "1", &image("first")).await;
    for owner in ["alice", "acme"] {
        limit(&admin, owner, json!({"bytes": 100_000})).await;
    }
    let upload = alice.begin_upload(APP).await;
    let patch = alice.request(Method::PATCH, &upload).body(vec![1; 3000]);
    assert_eq!(
        patch.send().await.expect("an answer").status(),
        StatusCode::ACCEPTED
    );
    // One more, whose request is still running.
    let running = alice.begin_upload(APP).await;
    let content = vec![2; 4000];
    let put = format!("{running}?digest={}", Digest::sha256(&content));
    let head = head_of(&alice, &put, "Content-Length: 4000").replacen("PATCH", "PUT", 1);
    let before = bytes_of(&alice, "alice").await;
    let mut stream = raw_open(&registry.url, head).await;
    while bytes_of(&alice, "alice").await == before {}
    let rename = json!({"to": "acme/app"});
    alice
        .api_ok(Method::POST, "packages/alice/app/rename", rename)
        .await;
    assert_eq!(bytes_of(&alice, "alice").await, 0);
    assert_eq!(bytes_of(&alice, "acme").await, before + 4000);
    registry.assert_sound().await;
    let former = "packages/acme/app/former-names?name=alice/app";
    alice.api_ok(Method::DELETE, former, Value::Null).await;
    push_image(&alice, APP, "1", &image("another")).await;
    stream.write_all(&content).await.expect("sends");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(
        &answer, b"HTTP/1.1 404",
        "the name leads to another package"
    );
    let upload = upload.replace("alice/app", "acme/app");
    assert_eq!(alice.delete(&upload).await.status(), StatusCode::NO_CONTENT);
    registry.assert_sound().await;
}

#[tokio::test]
async fn what_nobody_can_bring_is_not_reserved() {
    let registry = TestRegistry::start().await;
    let admin = registry.site_admin("boss").await;
    let alice = registry.user("alice").await;
    push_image(&alice, APP, "1", &image("first")).await;
    limit(&admin, "alice", json!({"bytes": 100_000, "tags": 5})).await;
    let upload = alice.begin_upload(APP).await;
    let head = head_of(
        &alice,
        &upload,
        "Content-Length: 9223372036854775807\r\nConnection: close",
    );
    let answer = raw(&registry.url, head).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    registry.assert_sound().await;
}
