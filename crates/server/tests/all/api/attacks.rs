//! What a hostile tester tried, once found to work.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wharf_app::{
    accounts::TokenRequest,
    authn::Presented,
    authz::{By, Scope},
};
use wharf_db::{grants::Role, organizations::MemberRole, packages::Visibility};
use wharf_oci::{
    Digest,
    media_type::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST},
};
use wharf_testkit::{Caller, TestRegistry, descriptor, image, index_with, push_image};

use super::{pulls, sign};

async fn rename(caller: &Caller, from: &str, to: &str) -> u16 {
    let path = format!("packages/{from}/rename");
    caller.api(Method::POST, &path, json!({"to": to})).await.0
}

/// acme of alice, with the member bob; mallory is an outsider.
async fn acme(registry: &TestRegistry) -> [Caller; 3] {
    let people = [
        registry.user("alice").await,
        registry.user("bob").await,
        registry.user("mallory").await,
    ];
    people[0]
        .api_ok(Method::POST, "organizations", json!({"login": "acme"}))
        .await;
    let put = registry
        .app
        .put_member(&By::Operator, "acme", "bob", MemberRole::Member);
    put.await.expect("put");
    people
}

async fn grant(registry: &TestRegistry, package: &str, to: &str, role: Role) {
    let (name, to) = (
        package.parse().expect("a name"),
        to.parse().expect("a principal"),
    );
    let granted = registry.app.grant(&By::Operator, &name, &to, role, None);
    granted.await.expect("granted");
}

#[tokio::test]
async fn an_admin_by_grant_takes_no_package_away() {
    let registry = TestRegistry::start().await;
    let [alice, bob, mallory] = acme(&registry).await;
    push_image(&bob, "acme/tool", "1", &image("one")).await;
    grant(&registry, "acme/tool", "mallory", Role::Admin).await;
    assert_eq!(rename(&bob, "acme/tool", "bob/tool").await, 403);
    assert_eq!(rename(&mallory, "acme/tool", "mallory/tool").await, 403);
    assert_eq!(
        rename(&mallory, "acme/tool", "acme/free").await,
        403,
        "nor tries names"
    );
    assert_eq!(
        rename(&bob, "acme/tool", "acme/tool-2").await,
        204,
        "a member may create"
    );
    let release = "packages/acme/tool-2/former-names?name=acme/tool";
    let (status, _) = bob.api(Method::DELETE, release, Value::Null).await;
    assert_eq!(status, 403, "the name is its owner's");
    let policy = json!({"members_may_create": false});
    alice
        .api_ok(Method::PATCH, "organizations/acme/policy", policy)
        .await;
    assert_eq!(rename(&bob, "acme/tool-2", "acme/tool-3").await, 403);
    push_image(&bob, "bob/open", "1", &image("two")).await;
    registry
        .set_visibility("bob/open", Visibility::Public)
        .await;
    alice
        .api_ok(
            Method::PATCH,
            "organizations/acme/policy",
            json!({"members_may_create": true}),
        )
        .await;
    assert_eq!(
        rename(&bob, "bob/open", "acme/open").await,
        403,
        "wider than members may"
    );
}

#[tokio::test]
async fn owners_get_their_names_back() {
    let registry = TestRegistry::start().await;
    let [alice, bob, _] = acme(&registry).await;
    push_image(&alice, "acme/app", "1", &image("one")).await;
    let promote = registry
        .app
        .put_member(&By::Operator, "acme", "bob", MemberRole::Owner);
    promote.await.expect("put");
    assert_eq!(rename(&bob, "acme/app", "bob/app").await, 204);
    let demote = registry.app.remove_member(&By::Operator, "acme", "bob");
    demote.await.expect("removed");
    assert!(!pulls(&alice, "acme/app", "1").await);
    let names = alice
        .api_ok(Method::GET, "owners/acme/former-names", Value::Null)
        .await;
    assert_eq!(
        names["items"],
        json!([{"name": "acme/app", "leads_to": "bob/app"}])
    );
    let reclaim = "owners/acme/former-names?name=acme/app";
    let (status, _) = bob.api(Method::DELETE, reclaim, Value::Null).await;
    assert_eq!(status, 403);
    alice.api_ok(Method::DELETE, reclaim, Value::Null).await;
    push_image(&alice, "acme/app", "1", &image("two")).await;
    assert!(!pulls(&bob, "acme/app", "1").await);
}

#[tokio::test]
async fn a_name_that_leads_to_what_was_deleted_is_not_free() {
    let registry = TestRegistry::start().await;
    let [alice, ..] = acme(&registry).await;
    push_image(&alice, "alice/lib", "1", &image("one")).await;
    assert_eq!(rename(&alice, "alice/lib", "alice/other").await, 204);
    alice
        .api_ok(Method::DELETE, "packages/alice/other", Value::Null)
        .await;
    let upload = alice.post("/v2/alice/lib/blobs/uploads/").await;
    let status = upload.status();
    let text = upload.text().await.expect("text");
    assert_eq!(status, StatusCode::FORBIDDEN, "{text}");
    assert!(
        text.contains("alice/lib was deleted and its name is kept"),
        "{text}"
    );
    alice
        .api_ok(Method::POST, "packages/alice/other/restore", Value::Null)
        .await;
    assert!(pulls(&alice, "alice/lib", "1").await);
}

#[tokio::test]
async fn service_accounts_are_called_as_their_organization_is() {
    let registry = TestRegistry::start().await;
    let [alice, _, mallory] = acme(&registry).await;
    push_image(&alice, "alice/app", "1", &image("one")).await;
    mallory
        .api_ok(
            Method::POST,
            "organizations",
            json!({"login": "attackacme"}),
        )
        .await;
    let to = |login: &str| json!({"login": login});
    mallory
        .api_ok(Method::POST, "accounts/attackacme/rename", to("attack"))
        .await;
    let bot = json!({"name": "ci"});
    let path = "organizations/attackacme/service-accounts";
    let made = mallory.api_ok(Method::POST, path, bot).await;
    assert_eq!(made["login"], "attack+ci");
    mallory
        .api_ok(Method::POST, "accounts/attack/rename", to("v"))
        .await;
    let listed = mallory.api_ok(Method::GET, "organizations/v/service-accounts", Value::Null);
    assert_eq!(listed.await["items"][0]["login"], "v+ci");
    let token = registry.token("attack+ci", &[Scope::Read]).await;
    let listed = mallory
        .api_ok(Method::GET, "tokens?holder=v%2Bci", Value::Null)
        .await;
    let id = listed["items"][0]["id"].as_i64().expect("an id");
    mallory
        .api_ok(Method::DELETE, &format!("tokens/{id}"), Value::Null)
        .await;
    assert_eq!(token.get("/v2/").await.status(), StatusCode::UNAUTHORIZED);
    let forged = "packages/alice/app/grants/acme%2Bci";
    let (status, _) = alice
        .api(Method::PUT, forged, json!({"role": "read"}))
        .await;
    assert_eq!(status, 404, "acme has no such account");
}

#[tokio::test]
async fn what_ends_or_is_limited_leaves_nothing_lasting() {
    let registry = TestRegistry::start().await;
    registry.user("alice").await;
    let root = registry.site_admin("root1").await;
    for body in [
        json!({"scopes": ["admin:packages"], "expires_in": 60}),
        json!({"scopes": ["admin:packages"], "addresses": ["127.0.0.1"]}),
    ] {
        let made = root.api_ok(Method::POST, "tokens", body).await;
        let value = made["value"].as_str().expect("a value");
        let weaker = registry.with_header(&format!("Bearer {value}"));
        weaker.api_ok(Method::GET, "users", Value::Null).await;
        let backdoor = json!({"login": "backdoor", "site_admin": true, "password": "long enough"});
        let password = json!({"password": "long enough"});
        for (method, path, body) in [
            (Method::POST, "users", backdoor),
            (Method::PUT, "users/alice/password", password),
        ] {
            let (status, message) = weaker.api_fails(method, path, body).await;
            assert_eq!(status, 400, "{message}");
        }
    }
    let (status, message) = root
        .api_fails(Method::DELETE, "accounts/root1", Value::Null)
        .await;
    assert_eq!(status, 409, "{message}");
    assert!(message.contains("the last site administrator"), "{message}");
}

#[tokio::test]
async fn a_limited_token_sees_no_members() {
    let registry = TestRegistry::start().await;
    let [alice, ..] = acme(&registry).await;
    let request = json!({"scopes": ["admin:packages"], "packages": ["acme/app"]});
    let made = alice.api_ok(Method::POST, "tokens", request).await;
    let limited =
        registry.with_header(&format!("Bearer {}", made["value"].as_str().expect("text")));
    for path in [
        "organizations",
        "organizations/acme/members",
        "organizations/acme/teams",
    ] {
        let (status, _) = limited.api_fails(Method::GET, path, Value::Null).await;
        assert_eq!(status, 403, "{path}");
    }
}

#[tokio::test]
async fn nobody_is_told_which_accounts_there_are() {
    let registry = TestRegistry::start().await;
    let [alice, ..] = acme(&registry).await;
    let tokens = alice.api_ok(Method::GET, "tokens", Value::Null).await;
    let token = tokens["items"][0]["id"].to_string();
    let anonymous = registry.anonymous();
    for (method, path) in [
        (Method::GET, "accounts/{}"),
        (Method::PATCH, "accounts/{}"),
        (Method::DELETE, "accounts/{}"),
        (Method::GET, "tokens?holder={}"),
        (Method::GET, "packages?owner={}"),
        (Method::GET, "organizations/{}/policy"),
        (Method::GET, "organizations/{}/members"),
        (Method::DELETE, "organizations/{}/members/bob"),
        (Method::GET, "organizations/{}/teams/none/members"),
        (Method::DELETE, "organizations/{}/service-accounts/ci"),
        (Method::GET, "owners/{}/deleted-packages"),
        (Method::GET, "owners/{}/immutable-tags"),
        (Method::GET, "owners/{}/repositories"),
        (Method::GET, "owners/{}/former-names"),
        (Method::DELETE, "tokens/{}"),
    ] {
        let (there, absent) = if path.starts_with("tokens/") {
            (token.as_str(), "123456")
        } else {
            ("acme", "none")
        };
        let of = async |name: &str| {
            let path = path.replace("{}", name);
            let (status, mut answer) = anonymous.api(method.clone(), &path, Value::Null).await;
            if let Some(first) = answer.pointer_mut("/errors/0/detail") {
                *first = Value::Null;
            }
            (status, answer.to_string().replace(name, "NAME"))
        };
        assert_eq!(of(there).await, of(absent).await, "{method} {path}");
    }
}

/// An image that names one layer very often, listed very often by an index.
async fn push_wide(caller: &Caller, name: &str, times: usize) -> Digest {
    let (config, layer) = ("{}", "layer");
    for blob in [config, layer] {
        caller.push_blob(name, blob).await;
    }
    let layers = vec![descriptor(OCI_LAYER_GZIP, layer.as_bytes()); times];
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, config.as_bytes()), "layers": layers,
    });
    let manifest = manifest.to_string();
    let digest = Digest::sha256(manifest.as_bytes());
    let put = caller
        .put_manifest(name, digest.as_str(), OCI_MANIFEST, manifest.clone())
        .await;
    assert_eq!(put.status(), StatusCode::CREATED);
    let child = descriptor(OCI_MANIFEST, manifest.as_bytes());
    let children: Vec<Value> = (0..times)
        .map(|n| {
            let mut child = child.clone();
            child["platform"] = json!({"os": "linux", "architecture": format!("a{n:090}")});
            child
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children});
    let put = caller
        .put_manifest(name, "wide", OCI_INDEX, index.to_string())
        .await;
    assert_eq!(put.status(), StatusCode::CREATED);
    digest
}

#[tokio::test]
async fn a_wide_index_costs_its_readers_little() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_wide(&alice, "alice/wide", 2000).await;
    let listed = alice
        .api_ok(Method::GET, "packages/alice/wide/versions", Value::Null)
        .await;
    let item = &listed["items"][0];
    assert_eq!(item["size"], 7, "each blob counts once");
    assert_eq!(item["platforms"].as_array().expect("a list").len(), 50);
    assert!(listed.to_string().len() < 10_000);
    let path = "packages/alice/wide/versions/wide";
    let shown = alice.api_ok(Method::GET, path, Value::Null).await;
    assert_eq!(shown["children"].as_array().expect("a list").len(), 1000);
}

#[tokio::test]
async fn one_request_writes_only_so_much() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let root = image("root");
    push_image(&alice, "alice/app", "1", &root).await;
    let mut subject = root.digest.clone();
    // A chain of signatures: each of the one before.
    for size in 0..1001 {
        subject = sign(&alice, "alice/app", &subject, size).await;
    }
    let promote = "packages/alice/app/promote";
    let body = json!({"tags": {"a": "1"}, "to": "alice/released"});
    let (status, message) = alice.api_fails(Method::POST, promote, body).await;
    assert_eq!(status, 400);
    assert!(message.contains("promote fewer tags"), "{message}");
    let path = format!("packages/alice/app/versions/{}", root.digest);
    let deleted = alice.api_ok(Method::DELETE, &path, Value::Null).await;
    assert_eq!(deleted["more"], true);
    assert_eq!(deleted["digests"].as_array().expect("a list").len(), 1000);
    registry.clock.advance(wharf_app::clock::DAY);
    let pruned = alice
        .api_ok(Method::POST, "packages/alice/app/prune", Value::Null)
        .await;
    assert_eq!(
        (&pruned["more"], pruned["digests"].as_array().map(Vec::len)),
        (&json!(false), Some(2))
    );
}

/// A request that is let in and then sends its body slowly.
#[tokio::test]
async fn a_password_ends_for_requests_under_way() {
    let registry = TestRegistry::start().await;
    let app = &registry.app;
    let created = app.create_user(&By::Operator, "carol", false, Some("correct horse"));
    created.await.expect("created");
    let presented = Presented::Basic {
        user: "carol".to_owned(),
        secret: "correct horse".to_owned(),
    };
    let under_way = app.authenticate(&presented, None).await.expect("known");
    let by = By::Caller(under_way);
    let request = TokenRequest {
        scopes: vec![Scope::Admin],
        ..TokenRequest::default()
    };
    let made = app.create_token(&by, "carol", request.clone()).await;
    made.expect("the password is good");
    let changed = app.set_password(&By::Operator, "carol", "another horse");
    changed.await.expect("changed");
    let made = app.create_token(&by, "carol", request).await;
    let error = made.expect_err("the password is another");
    assert!(error.to_string().contains("password is wrong"), "{error}");
    let changed = app.set_password(&by, "carol", "correct horse").await;
    changed.expect_err("the password is another");
}

/// Indexes that list the same 300 manifests.
async fn push_overlapping(caller: &Caller, name: &str, tags: &[&str]) {
    let mut children = Vec::new();
    for n in 0..300 {
        let child = index_with(&[], json!({"annotations": {"n": n.to_string()}}));
        let digest = Digest::sha256(&child);
        let put = caller
            .put_manifest(name, digest.as_str(), OCI_INDEX, child.clone())
            .await;
        assert_eq!(put.status(), StatusCode::CREATED);
        children.push(descriptor(OCI_INDEX, &child));
    }
    for tag in tags {
        let index = index_with(&children, json!({"annotations": {"tag": tag}}));
        let put = caller.put_manifest(name, tag, OCI_INDEX, index).await;
        assert_eq!(put.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn one_request_looks_at_only_so_much() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    push_overlapping(&alice, "alice/app", &["kept", "a", "b", "c", "d", "e"]).await;
    let tags = json!({"a": "a", "b": "b", "c": "c", "d": "d"});
    let promote = json!({"tags": tags, "to": "alice/released"});
    let path = "packages/alice/app/promote";
    let (status, message) = alice.api_fails(Method::POST, path, promote).await;
    assert_eq!(status, 400);
    assert!(message.contains("promote fewer tags"), "{message}");
    for tag in ["a", "b", "c", "d", "e"] {
        let path = format!("packages/alice/app/tags/{tag}");
        alice.api_ok(Method::DELETE, &path, Value::Null).await;
    }
    registry.clock.advance(wharf_app::clock::DAY);
    let prune = "packages/alice/app/prune";
    let mut taken = Vec::new();
    for _ in 0..2 {
        let pruned = alice.api_ok(Method::POST, prune, Value::Null).await;
        let digests = pruned["digests"].as_array().map(Vec::len);
        taken.push((digests, pruned["more"] == true));
    }
    assert_eq!(taken, [(Some(4), true), (Some(1), false)]);
    assert!(pulls(&alice, "alice/app", "kept").await);
    registry.assert_sound().await;
}

#[tokio::test]
async fn pruning_spares_what_is_pushed_again() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let (reused, other) = (image("reused"), image("other"));
    let digest = reused.digest.clone();
    for image in [&reused, &other] {
        push_image(&alice, "alice/app", image.digest.as_str(), image).await;
    }
    let old = index_with(&[reused.descriptor(), other.descriptor()], json!({}));
    let old_digest = Digest::sha256(&old);
    let put = alice.put_manifest("alice/app", old_digest.as_str(), OCI_INDEX, old);
    assert_eq!(put.await.status(), StatusCode::CREATED);
    registry.clock.advance(wharf_app::clock::DAY);
    // A new build begins with a part that it has in common with the old one.
    push_image(&alice, "alice/app", digest.as_str(), &reused).await;
    let prune = "packages/alice/app/prune";
    let pruned = alice.api_ok(Method::POST, prune, Value::Null).await;
    assert_eq!(
        pruned["digests"],
        json!([old_digest.as_str(), other.digest.as_str()])
    );
    let new = index_with(&[reused.descriptor()], json!({}));
    let put = alice.put_manifest("alice/app", "1", OCI_INDEX, new);
    assert_eq!(put.await.status(), StatusCode::CREATED);
}
