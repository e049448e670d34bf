//! Roles that come from organizations, teams and grants, felt through the protocol.

use reqwest::{Response, StatusCode};
use serde_json::Value;
use wharf_app::{
    Error,
    authn::Presented,
    authz::{By, Scope},
    clock::DAY,
};
use wharf_db::{
    grants::Role,
    organizations::{MemberRole, Policy},
    packages::Visibility,
};
use wharf_oci::Name;
use wharf_testkit::{Caller, TestRegistry, image, push_image};

const APP: &str = "acme/app";
const MANIFEST: &str = "/v2/acme/app/manifests/1";
const UPLOADS: &str = "/v2/acme/app/blobs/uploads/";

fn app() -> Name {
    APP.parse().expect("a name")
}

/// The organization `acme`, owned by alice; bob and carol are members, dave is not.
struct World {
    registry: TestRegistry,
    alice: Caller,
    bob: Caller,
    carol: Caller,
    dave: Caller,
}

impl World {
    async fn new() -> Self {
        let registry = TestRegistry::start().await;
        let alice = registry.user("alice").await;
        let created = registry
            .app
            .create_organization(&By::Operator, "acme", "alice")
            .await;
        created.expect("created");
        let world = Self {
            alice,
            bob: registry.user("bob").await,
            carol: registry.user("carol").await,
            dave: registry.user("dave").await,
            registry,
        };
        for login in ["bob", "carol"] {
            world.put_member(login, MemberRole::Member).await;
        }
        world
    }

    async fn put_member(&self, login: &str, role: MemberRole) {
        let app = &self.registry.app;
        let put = app.put_member(&By::Operator, "acme", login, role).await;
        put.expect("put");
    }

    async fn grant(&self, to: &str, role: Role, lifetime: Option<i64>) {
        let to = to.parse().expect("a principal");
        let app_ = &self.registry.app;
        let granted = app_.grant(&By::Operator, &app(), &to, role, lifetime).await;
        granted.expect("granted");
    }

    /// On the word of a caller, as far as its token goes.
    async fn by(&self, caller: &Caller) -> By {
        let pat = caller.pat.clone().expect("a token");
        let presented = Presented::Bearer(pat);
        let caller = self.registry.app.authenticate(&presented, None).await;
        By::Caller(caller.expect("authenticated"))
    }
}

async fn message(response: Response) -> String {
    let body: Value = response.json().await.expect("JSON");
    let message = body["errors"][0]["message"].as_str().expect("text");
    message.to_owned()
}

/// Whether a caller may pull, push, delete.
async fn may(caller: &Caller) -> [bool; 3] {
    let pull = caller.get(MANIFEST).await.status() == StatusCode::OK;
    let push = caller.post(UPLOADS).await.status() == StatusCode::ACCEPTED;
    let delete = caller.delete("/v2/acme/app/manifests/none").await.status();
    [pull, push, delete == StatusCode::NOT_FOUND && pull]
}

#[tokio::test]
async fn the_member_who_pushes_first_becomes_the_packages_admin() {
    let world = World::new().await;
    push_image(&world.bob, APP, "1", &image("one")).await;
    assert_eq!(may(&world.bob).await, [true, true, true]);
    assert_eq!(may(&world.alice).await, [true, true, true]);
    assert_eq!(may(&world.carol).await, [false, false, false]);
    assert_eq!(
        message(world.carol.post(UPLOADS).await).await,
        "carol has no role on acme/app: ask an admin of the package, or push under another name"
    );
    let policy = Policy {
        members_may_create: false,
        ..Policy::default()
    };
    let app = &world.registry.app;
    let set = app.set_organization_policy(&By::Operator, "acme", policy);
    set.await.expect("set");
    assert_eq!(
        message(world.carol.post("/v2/acme/other/blobs/uploads/").await).await,
        "carol may not create packages for acme; ask an owner of acme"
    );
}

#[tokio::test]
async fn each_role_opens_what_it_says_until_it_ends() {
    let world = World::new().await;
    push_image(&world.alice, APP, "1", &image("one")).await;
    assert_eq!(may(&world.dave).await, [false, false, false]);
    let narrowed = world
        .dave
        .with_registry_token(&["repository:acme/app:pull,push,delete"]);
    assert_eq!(may(&narrowed.await).await, [false, false, false]);
    for (role, expected) in [
        (Role::Read, [true, false, false]),
        (Role::Write, [true, true, false]),
        (Role::Admin, [true, true, true]),
    ] {
        world.grant("dave", role, None).await;
        assert_eq!(may(&world.dave).await, expected, "{role}");
    }
    let upload = world.dave.begin_upload(APP).await;
    let from = "dave".parse().expect("a principal");
    let app_ = &world.registry.app;
    let revoked = app_.revoke_grant(&By::Operator, &app(), &from).await;
    revoked.expect("revoked");
    assert_eq!(may(&world.dave).await, [false, false, false]);
    let put = world.dave.get(&upload).await;
    assert_eq!(put.status(), StatusCode::FORBIDDEN, "an upload in flight");
    world.grant("dave", Role::Read, Some(DAY)).await;
    assert_eq!(may(&world.dave).await, [true, false, false]);
    world.registry.clock.advance(DAY);
    assert_eq!(may(&world.dave).await, [false, false, false]);
}

#[tokio::test]
async fn teams_are_granted_together_and_pass_it_down() {
    let world = World::new().await;
    push_image(&world.alice, APP, "1", &image("one")).await;
    let app_ = &world.registry.app;
    let (backend, payments) = (
        "acme/backend".parse().expect("a team"),
        "acme/payments".parse().expect("a team"),
    );
    let by = &world.by(&world.alice).await;
    app_.create_team(by, &backend, None).await.expect("created");
    let below = app_.create_team(by, &payments, Some("backend")).await;
    below.expect("created");
    app_.join_team(by, &backend, "bob").await.expect("joined");
    app_.join_team(by, &payments, "carol")
        .await
        .expect("joined");
    world.grant("acme/backend", Role::Write, None).await;
    assert_eq!(may(&world.bob).await, [true, true, false]);
    assert_eq!(may(&world.carol).await, [true, true, false], "from above");
    let listed = world.bob.get("/v2/_catalog").await;
    let listed = listed.text().await.expect("text");
    assert_eq!(listed, r#"{"repositories":["acme/app"]}"#);
    app_.leave_team(by, &backend, "bob").await.expect("left");
    assert_eq!(may(&world.bob).await, [false, false, false]);
    app_.delete_team(by, &backend).await.expect("deleted");
    assert_eq!(may(&world.carol).await, [false, false, false]);
    assert!(app_.grants(by, &app()).await.expect("listed").is_empty());
}

#[tokio::test]
async fn leaving_an_organization_takes_everything_along() {
    let world = World::new().await;
    push_image(&world.bob, APP, "1", &image("one")).await;
    let app_ = &world.registry.app;
    let removed = app_.remove_member(&By::Operator, "acme", "bob").await;
    removed.expect("removed");
    assert_eq!(may(&world.bob).await, [false, false, false]);
    let last = app_.remove_member(&By::Operator, "acme", "alice").await;
    assert!(matches!(last, Err(Error::LastOwner { .. })), "{last:?}");
    let demoted = app_.put_member(&By::Operator, "acme", "alice", MemberRole::Member);
    assert!(matches!(demoted.await, Err(Error::LastOwner { .. })));
    world.put_member("carol", MemberRole::Owner).await;
    let removed = app_.remove_member(&By::Operator, "acme", "alice").await;
    removed.expect("there is another owner");
}

#[tokio::test]
async fn only_those_who_may_administer_do() {
    let world = World::new().await;
    push_image(&world.bob, APP, "1", &image("one")).await;
    let app_ = &world.registry.app;
    let (package, dave) = (app(), "dave".parse().expect("a principal"));
    let weaker = world.registry.token("bob", &[Scope::Write, Scope::Delete]);
    let weaker = world.by(&weaker.await).await;
    for by in [world.by(&world.carol).await, weaker] {
        let granted = app_.grant(&by, &package, &dave, Role::Read, None).await;
        assert!(matches!(granted, Err(Error::Refused(_))), "{granted:?}");
        let managed = app_.put_member(&by, "acme", "dave", MemberRole::Owner);
        assert!(matches!(managed.await, Err(Error::Refused(_))));
    }
    let bob = world.by(&world.bob).await;
    let granted = app_.grant(&bob, &package, &dave, Role::Read, None).await;
    granted.expect("an admin by grant");
    let grants = app_.grants(&bob, &package).await.expect("listed");
    assert_eq!(grants[1].principal, "dave");
    assert_eq!(grants[1].granted_by.as_deref(), Some("bob"));
    let internal = app_.set_visibility(&bob, &package, Visibility::Internal);
    internal.await.expect("as far as members may");
    let public = app_
        .set_visibility(&bob, &package, Visibility::Public)
        .await;
    let refusal = public.expect_err("too visible").to_string();
    assert!(refusal.contains("ask an owner of acme"), "{refusal}");
    let alice = world.by(&world.alice).await;
    let public = app_.set_visibility(&alice, &package, Visibility::Public);
    public.await.expect("an owner");
    let foreign = "other/team".parse().expect("a principal");
    let granted = app_.grant(&alice, &package, &foreign, Role::Read, None);
    let refusal = granted.await.expect_err("foreign").to_string();
    assert_eq!(
        refusal,
        "other/team is not a team of acme, whose package this is"
    );
}
