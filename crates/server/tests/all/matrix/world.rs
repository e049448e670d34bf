//! Everybody, every package, and the facts about them as this test knows them.

use std::{collections::HashMap, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Method, Response, StatusCode, header};
use serde_json::Value;
use wharf_app::{
    accounts::TokenRequest,
    authz::{
        By, Credential, Limits, PackageLimit, Scope, Scopes, Target,
        facts::{OwnerFacts, PackageFacts, UserFacts},
    },
    clock::{Clock as _, DAY},
};
use wharf_db::{
    accounts::AccountKind,
    grants::{Grant, Principal as Granted, Role},
    organizations::MemberRole,
    packages::Visibility,
};
use wharf_oci::{Name, media_type::OCI_MANIFEST};
use wharf_testkit::{Caller, TestRegistry, image, location, push_image};

use super::probes::Probe;

const PASSWORD: &str = "correct horse battery";
const LIMITS: [&str; 2] = ["alice/*", "acme/p*"];

/// Somebody, and what is sent for them.
#[derive(Debug)]
pub struct Principal {
    pub name: &'static str,
    pub facts: Option<Arc<UserFacts>>,
    /// By the channel's name; with registry tokens, by the package's path too.
    callers: HashMap<String, Caller>,
}

/// A way to show who one is.
#[derive(Debug)]
pub struct Channel {
    pub name: &'static str,
    /// `None`: the password.
    scope: Option<Scope>,
    limits: Arc<Limits>,
}

const REGISTRY_TOKEN: &str = "registry token";

impl Channel {
    pub fn is_registry_token(&self) -> bool {
        self.name == REGISTRY_TOKEN
    }

    /// What the policy takes it for.
    pub fn credential(&self, principal: &Principal) -> Option<Credential> {
        principal.facts.as_ref()?;
        Some(match self.scope {
            None => Credential::Password {
                fingerprint: String::new(),
            },
            Some(scope) => Credential::Token {
                id: 0,
                scopes: Scopes::new([scope]),
                limits: Arc::clone(&self.limits),
            },
        })
    }

    fn header(&self, login: &str, token: &str) -> String {
        let basic = BASE64_STANDARD.encode(format!("{login}:{token}"));
        match self.name {
            "token write" => format!("Basic {basic}"),
            "token delete" => format!("Bearer {}", BASE64_STANDARD.encode(token)),
            "token limited" => format!("token {token}"),
            _ => format!("Bearer {token}"),
        }
    }
}

pub struct World {
    registry: TestRegistry,
    anonymous: Caller,
    channels: Vec<Channel>,
    principals: Vec<Principal>,
    pub targets: Vec<Target>,
    pub acme: OwnerFacts,
    pub alice: OwnerFacts,
    pub stranger: OwnerFacts,
}

impl World {
    pub async fn new() -> Self {
        let registry = TestRegistry::start().await;
        let people = People::settle(&registry).await;
        let limit = |owner: &OwnerFacts, pattern: &str| PackageLimit {
            owner_id: owner.id,
            pattern: pattern.to_owned(),
        };
        let limits = Arc::new(Limits {
            packages: vec![limit(&people.alice, "*"), limit(&people.acme, "p*")],
            addresses: Vec::new(),
        });
        let channel = |name, scope, limited: bool| Channel {
            name,
            scope,
            limits: if limited {
                Arc::clone(&limits)
            } else {
                Arc::default()
            },
        };
        let channels = vec![
            channel("password", None, false),
            channel("token read", Some(Scope::Read), false),
            channel("token write", Some(Scope::Write), false),
            channel("token delete", Some(Scope::Delete), false),
            channel("token admin", Some(Scope::Admin), false),
            channel("token limited", Some(Scope::Admin), true),
            channel(REGISTRY_TOKEN, Some(Scope::Admin), false),
        ];
        let targets = people.packages(&registry).await;
        let mut principals = vec![Principal {
            name: "anonymous",
            facts: None,
            callers: HashMap::new(),
        }];
        for (name, facts) in &people.facts {
            let callers = callers(&registry, &channels, &targets, &facts.login).await;
            principals.push(Principal {
                name,
                facts: Some(Arc::new(facts.clone())),
                callers,
            });
        }
        Self {
            anonymous: registry.anonymous(),
            registry,
            channels,
            principals,
            targets,
            acme: people.acme,
            alice: people.alice,
            stranger: people.stranger,
        }
    }

    /// Everybody by every channel they have.
    pub fn callers(&self) -> impl Iterator<Item = (&Principal, &Channel)> {
        self.principals.iter().flat_map(|principal| {
            let channels = self.channels.iter();
            let has = move |channel: &&Channel| match &principal.facts {
                None => channel.name == "password",
                Some(facts) => !facts.login.contains('+') || channel.scope.is_some(),
            };
            channels
                .filter(has)
                .map(move |channel| (principal, channel))
        })
    }

    pub fn now(&self) -> i64 {
        self.registry.clock.now()
    }

    /// Asks, puts back what it took, and says what was answered.
    pub async fn ask(
        &self,
        probe: &Probe,
        target: &Target,
        principal: &Principal,
        channel: &Channel,
        number: usize,
    ) -> (String, String) {
        let is_new = target.package.is_none() && probe.path.ends_with("/blobs/uploads/");
        // A package that a probe creates is nobody else's target.
        let package = if is_new {
            format!("{}-{number}", target.path)
        } else {
            target.path.clone()
        };
        let path = probe.path.replace("{}", &package);
        let caller = self.caller(&package, principal, channel).await;
        let current = target
            .package
            .as_ref()
            .map_or(&target.path, |package| &package.path);
        let request = caller
            .request(probe.method.clone(), &path)
            .header(header::CONTENT_TYPE, content_type(&path))
            .body(probe.body.replace("NAME", current));
        let response = request.send().await.expect("an answer");
        self.undo(&caller, probe, &response, current).await;
        (format!("{} {path}", probe.method), outcome(response).await)
    }

    async fn caller(&self, package: &str, principal: &Principal, channel: &Channel) -> Caller {
        if principal.facts.is_none() {
            return self.anonymous.clone();
        }
        let known = &principal.callers[channel.name];
        if !channel.is_registry_token() {
            return known.clone();
        }
        match principal.callers.get(package) {
            Some(caller) => caller.clone(),
            None => registry_token(&self.registry, known, package).await,
        }
    }

    async fn undo(&self, caller: &Caller, probe: &Probe, response: &Response, path: &str) {
        if response.status() == StatusCode::ACCEPTED && response.headers().contains_key("range") {
            caller.delete(&location(response)).await;
        }
        let deleted = probe.method == Method::DELETE && probe.path == "/api/v1/packages/{}";
        if deleted && response.status() == StatusCode::NO_CONTENT {
            let name: Name = path.parse().expect("a name");
            let restored = self.registry.app.restore_package(&By::Operator, &name);
            restored.await.expect("restored");
        }
    }
}

fn content_type(path: &str) -> &'static str {
    if path.starts_with("/v2/") {
        OCI_MANIFEST
    } else {
        "application/json"
    }
}

async fn outcome(response: Response) -> String {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    match body["errors"][0]["code"].as_str() {
        Some(code) => format!("{} {code}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// Makes the credentials of somebody.
async fn callers(
    registry: &TestRegistry,
    channels: &[Channel],
    targets: &[Target],
    login: &str,
) -> HashMap<String, Caller> {
    let mut callers = HashMap::new();
    let password = BASE64_STANDARD.encode(format!("{login}:{PASSWORD}"));
    let by_password = registry.with_header(&format!("Basic {password}"));
    callers.insert("password".to_owned(), by_password);
    for channel in channels {
        let Some(scope) = channel.scope else { continue };
        let packages = if channel.limits.is_empty() {
            &[][..]
        } else {
            &LIMITS
        };
        let request = TokenRequest {
            scopes: vec![scope],
            packages: packages
                .iter()
                .map(|text| text.parse().expect("a pattern"))
                .collect(),
            ..TokenRequest::default()
        };
        let made = registry
            .app
            .create_token(&By::Operator, login, request)
            .await;
        let value = made.expect("made").value;
        let holder = registry.with_header(&channel.header(login, &value));
        if channel.is_registry_token() {
            for target in targets {
                let caller = registry_token(registry, &holder, &target.path).await;
                callers.insert(target.path.clone(), caller);
            }
        }
        callers.insert(channel.name.to_owned(), holder);
    }
    callers
}

async fn registry_token(registry: &TestRegistry, holder: &Caller, package: &str) -> Caller {
    let path = format!("/token?service=wharf&scope=repository:{package}:pull,push,delete");
    let body: Value = holder.get(&path).await.json().await.expect("JSON");
    let token = body["token"].as_str().expect("a token");
    registry.with_header(&format!("Bearer {token}"))
}

/// The accounts, and what they are.
struct People {
    alice: OwnerFacts,
    acme: OwnerFacts,
    stranger: OwnerFacts,
    facts: Vec<(&'static str, UserFacts)>,
    team: i64,
}

impl People {
    async fn settle(registry: &TestRegistry) -> Self {
        let (app, by) = (&registry.app, &By::Operator);
        for login in [
            "alice", "olga", "mona", "mate", "stranger", "reader", "writer", "keeper", "late",
        ] {
            let made = app.create_user(by, login, false, Some(PASSWORD)).await;
            made.expect("made");
        }
        let root = app.create_user(by, "root1", true, Some(PASSWORD)).await;
        root.expect("made");
        app.create_organization(by, "acme", "olga")
            .await
            .expect("made");
        for login in ["mona", "mate"] {
            let put = app.put_member(by, "acme", login, MemberRole::Member).await;
            put.expect("put");
        }
        let team = "acme/backend".parse().expect("a team");
        app.create_team(by, &team, None).await.expect("made");
        app.join_team(by, &team, "mate").await.expect("joined");
        let bot = "acme+bot".parse().expect("a service account");
        app.create_service_account(by, &bot, "")
            .await
            .expect("made");
        let teams = app.teams(by, "acme", "", 10).await.expect("listed");
        let owner = async |login: &str, kind| {
            let found = app.account(by, login).await.expect("there");
            OwnerFacts {
                id: found.account.id,
                kind,
                login: login.to_owned(),
                members_may_create: kind == AccountKind::Organization,
            }
        };
        let mut people = Self {
            alice: owner("alice", AccountKind::User).await,
            acme: owner("acme", AccountKind::Organization).await,
            stranger: owner("stranger", AccountKind::User).await,
            facts: Vec::new(),
            team: teams[0].0.id,
        };
        people.know(registry).await;
        people
    }

    async fn know(&mut self, registry: &TestRegistry) {
        let (acme, team) = (self.acme.id, self.team);
        let member = vec![(acme, MemberRole::Member)];
        for (name, login, memberships, teams) in [
            ("a stranger", "stranger", vec![], vec![]),
            ("alice", "alice", vec![], vec![]),
            (
                "an owner of acme",
                "olga",
                vec![(acme, MemberRole::Owner)],
                vec![],
            ),
            ("a member of acme", "mona", member.clone(), vec![]),
            ("in a team with write", "mate", member.clone(), vec![team]),
            ("granted read", "reader", vec![], vec![]),
            ("granted write", "writer", vec![], vec![]),
            ("granted admin", "keeper", vec![], vec![]),
            ("whose grant has ended", "late", vec![], vec![]),
            ("a service account with write", "acme+bot", member, vec![]),
            ("a site administrator", "root1", vec![], vec![]),
        ] {
            let found = registry.app.account(&By::Operator, login).await;
            let facts = UserFacts {
                id: found.expect("there").account.id,
                login: login.to_owned(),
                site_admin: login == "root1",
                memberships,
                teams,
            };
            self.facts.push((name, facts));
        }
    }

    /// Packages of every visibility, and none; and a former name.
    async fn packages(&self, registry: &TestRegistry) -> Vec<Target> {
        let pusher = registry.site_admin("pusher").await;
        let mut targets = Vec::new();
        for owner in [&self.alice, &self.acme] {
            for visibility in [
                None,
                Some(Visibility::Private),
                Some(Visibility::Internal),
                Some(Visibility::Public),
            ] {
                let name = visibility.map_or("absent", Visibility::as_str);
                let path = format!("{}/{name}", owner.login);
                if let Some(visibility) = visibility {
                    push_image(&pusher, &path, "1", &image("one")).await;
                    registry.set_visibility(&path, visibility).await;
                    self.grant(registry, &path).await;
                }
                targets.push(self.target(&path, owner, visibility.map(|v| (&path[..], v))));
            }
        }
        push_image(&pusher, "acme/before", "1", &image("one")).await;
        let (before, after) = ("acme/before", "acme/prod");
        let names = [before, after].map(|name| name.parse::<Name>().expect("a name"));
        let renamed = registry
            .app
            .rename_package(&By::Operator, &names[0], &names[1]);
        renamed.await.expect("renamed");
        self.grant(registry, after).await;
        targets.push(self.target(before, &self.acme, Some((after, Visibility::Private))));
        registry.clock.advance(DAY);
        targets
    }

    fn grants(&self, owner: &OwnerFacts) -> Vec<(&'static str, Grant)> {
        let id = |login: &str| {
            let found = self.facts.iter().find(|(_, facts)| facts.login == login);
            found.expect("known").1.id
        };
        let grant = |login: &'static str, role, expires_at| {
            let principal = Granted::Account(id(login));
            let grant = Grant {
                principal,
                role,
                expires_at,
            };
            (login, grant)
        };
        let mut grants = vec![
            grant("reader", Role::Read, None),
            grant("writer", Role::Write, None),
            grant("keeper", Role::Admin, None),
            // Good for an hour, a day before it is asked.
            grant("late", Role::Admin, Some(0)),
            grant("acme+bot", Role::Write, None),
        ];
        if owner.id == self.acme.id {
            let team = Grant {
                principal: Granted::Team(self.team),
                role: Role::Write,
                expires_at: None,
            };
            grants.push(("acme/backend", team));
        }
        grants
    }

    async fn grant(&self, registry: &TestRegistry, path: &str) {
        let name: Name = path.parse().expect("a name");
        let owner = if path.starts_with("acme/") {
            &self.acme
        } else {
            &self.alice
        };
        for (login, grant) in self.grants(owner) {
            let lifetime = grant.expires_at.map(|_| DAY / 24);
            let to = login.parse().expect("a principal");
            let granted = registry
                .app
                .grant(&By::Operator, &name, &to, grant.role, lifetime);
            granted.await.expect("granted");
        }
    }

    fn target(
        &self,
        path: &str,
        owner: &OwnerFacts,
        package: Option<(&str, Visibility)>,
    ) -> Target {
        let package = package.map(|(path, visibility)| {
            let grants = self.grants(owner).into_iter().map(|(_, grant)| grant);
            Arc::new(PackageFacts {
                id: 0,
                path: path.to_owned(),
                owner: owner.clone(),
                visibility,
                grants: grants.collect(),
            })
        });
        Target {
            path: path.to_owned(),
            owner: Some(owner.clone()),
            package,
        }
    }
}
