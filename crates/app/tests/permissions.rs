//! The whole permission table, as a file a reader can check:
//! `tests/golden/permissions.txt`. `UPDATE_GOLDEN=1 cargo test` writes it anew;
//! a change of it is a change of policy and belongs in its own commit.

use std::{fmt::Write as _, sync::Arc};

use proptest::prelude::*;
use wharf_app::authz::{
    Access, AccessList, Action, Actor, Credential, Limits, PackageLimit, Refusal, Scope, Scopes,
    Target,
    facts::{OwnerFacts, PackageFacts, UserFacts},
    policy::decide,
};
use wharf_db::{
    accounts::AccountKind,
    grants::{Grant, Principal, Role},
    organizations::MemberRole,
    packages::Visibility,
};

const ALICE: i64 = 1;
const ACME: i64 = 2;
const UPSTREAM: i64 = 3;
const CLOSED: i64 = 7;
const TEAM: i64 = 50;
const NOW: i64 = 1000;

fn user(
    id: i64,
    login: &str,
    site_admin: bool,
    memberships: &[(i64, MemberRole)],
) -> Arc<UserFacts> {
    Arc::new(UserFacts {
        id,
        login: login.to_owned(),
        site_admin,
        memberships: memberships.to_vec(),
        teams: Vec::new(),
    })
}

fn in_team(id: i64, login: &str, team: i64) -> Arc<UserFacts> {
    let mut facts = (*user(id, login, false, &[])).clone();
    facts.teams.push(team);
    Arc::new(facts)
}

/// On every package: roles of each kind, and one that has ended.
fn grants() -> Vec<Grant> {
    let grant = |principal, role, expires_at| Grant {
        principal,
        role,
        expires_at,
    };
    vec![
        grant(Principal::Account(11), Role::Read, None),
        grant(Principal::Account(12), Role::Write, Some(NOW + 1)),
        grant(Principal::Account(13), Role::Admin, None),
        grant(Principal::Account(15), Role::Admin, Some(NOW)),
        grant(Principal::Team(TEAM), Role::Write, None),
    ]
}

/// Everybody who matters, by what makes them matter.
fn principals() -> Vec<(&'static str, Option<Arc<UserFacts>>)> {
    vec![
        ("anonymous", None),
        ("stranger", Some(user(9, "stranger", false, &[]))),
        (
            "alice (owns alice/app)",
            Some(user(ALICE, "alice", false, &[])),
        ),
        (
            "member of acme",
            Some(user(
                4,
                "member",
                false,
                &[(ACME, MemberRole::Member), (CLOSED, MemberRole::Member)],
            )),
        ),
        (
            "owner of acme",
            Some(user(5, "owner", false, &[(ACME, MemberRole::Owner)])),
        ),
        ("site administrator", Some(user(6, "root1", true, &[]))),
        ("granted read", Some(user(11, "reader", false, &[]))),
        ("granted write", Some(user(12, "writer", false, &[]))),
        ("granted admin", Some(user(13, "admin1", false, &[]))),
        ("in a team with write", Some(in_team(14, "mate", TEAM))),
        ("grant has ended", Some(user(15, "late", false, &[]))),
    ]
}

fn password() -> Credential {
    Credential::Password {
        fingerprint: String::new(),
    }
}

/// What a registry token was made for.
#[derive(Debug, Clone)]
enum Narrowed {
    No,
    Here(Vec<Action>),
    Elsewhere,
}

/// What they may have signed in with.
fn credentials() -> Vec<(&'static str, Credential, Narrowed)> {
    let limited = |scopes: &[Scope], packages: Vec<PackageLimit>| Credential::Token {
        id: 7,
        scopes: Scopes::new(scopes.iter().copied()),
        limits: Arc::new(Limits {
            packages,
            addresses: Vec::new(),
        }),
    };
    let token = |scopes: &[Scope]| limited(scopes, Vec::new());
    let limit = |owner_id, pattern: &str| PackageLimit {
        owner_id,
        pattern: pattern.to_owned(),
    };
    vec![
        ("password", password(), Narrowed::No),
        ("token read", token(&[Scope::Read]), Narrowed::No),
        ("token write", token(&[Scope::Write]), Narrowed::No),
        ("token delete", token(&[Scope::Delete]), Narrowed::No),
        ("token admin", token(&[Scope::Admin]), Narrowed::No),
        (
            "token for acme/a* and alice",
            limited(&[Scope::Admin], vec![limit(ACME, "a*"), limit(ALICE, "*")]),
            Narrowed::No,
        ),
        (
            "token for acme/other",
            limited(&[Scope::Admin], vec![limit(ACME, "other")]),
            Narrowed::No,
        ),
        (
            "registry token: pull",
            password(),
            Narrowed::Here(vec![Action::Pull]),
        ),
        (
            "registry token: all",
            password(),
            Narrowed::Here(Action::OF_REGISTRY_TOKENS.to_vec()),
        ),
        (
            "registry token: other package",
            password(),
            Narrowed::Elsewhere,
        ),
    ]
}

fn targets() -> Vec<(String, Target)> {
    let owners = [
        ("alice/app", Some((ALICE, AccountKind::User))),
        ("acme/app", Some((ACME, AccountKind::Organization))),
        ("closed/app", Some((CLOSED, AccountKind::Organization))),
        (
            "docker.io/library/nginx",
            Some((UPSTREAM, AccountKind::Upstream)),
        ),
        ("quay.io/app", None),
        ("nobody/app", None),
    ];
    let mut targets = Vec::new();
    for (path, owner) in owners {
        let owner = owner.map(|(id, kind)| OwnerFacts {
            id,
            kind,
            members_may_create: id == ACME,
            login: path.split('/').next().unwrap_or_default().to_owned(),
        });
        let packages: &[Option<Visibility>] = match owner {
            Some(_) => &[
                None,
                Some(Visibility::Private),
                Some(Visibility::Internal),
                Some(Visibility::Public),
            ],
            None => &[None],
        };
        for visibility in packages {
            let package = visibility
                .zip(owner.clone())
                .map(|(visibility, owner)| package(path, owner, visibility));
            let what = visibility.map_or("absent", Visibility::as_str);
            let target = Target {
                path: path.to_owned(),
                owner: owner.clone(),
                package,
            };
            targets.push((format!("{path} {what}"), target));
        }
    }
    let owner = |id, kind, login: &str| OwnerFacts {
        id,
        kind,
        login: login.to_owned(),
        members_may_create: id == ACME,
    };
    let acme = owner(ACME, AccountKind::Organization, "acme");
    for visibility in Visibility::ALL {
        let target = Target {
            path: "alice/moved".to_owned(),
            owner: Some(owner(ALICE, AccountKind::User, "alice")),
            package: Some(package("acme/app", acme.clone(), visibility)),
        };
        let what = visibility.as_str();
        targets.push((format!("alice/moved (leads to acme/app) {what}"), target));
    }
    targets
}

fn package(path: &str, owner: OwnerFacts, visibility: Visibility) -> Arc<PackageFacts> {
    Arc::new(PackageFacts {
        id: 10,
        path: path.to_owned(),
        owner,
        visibility,
        grants: grants(),
    })
}

fn actor(
    user: Option<&Arc<UserFacts>>,
    credential: &Credential,
    narrowed: &Narrowed,
    target: &Target,
) -> Actor {
    let list = |path: &str, actions: &[Action]| {
        let access = Access {
            path: path.to_owned(),
            owner_id: target.effective_owner().map(|o| o.id),
            actions: actions.iter().copied().collect(),
        };
        Arc::new(AccessList {
            packages: vec![access],
            catalog: false,
        })
    };
    Actor {
        user: user.map(|user| (Arc::clone(user), credential.clone())),
        narrowed: match narrowed {
            Narrowed::No => None,
            Narrowed::Here(actions) => Some(list(&target.path, actions)),
            Narrowed::Elsewhere => Some(list("some/other", &Action::OF_REGISTRY_TOKENS)),
        },
    }
}

fn word(verdict: &Result<(), Refusal>) -> &'static str {
    match verdict {
        Ok(()) => "yes",
        Err(Refusal::SignIn { .. }) => "sign in",
        Err(Refusal::NotFound { .. }) => "not found",
        Err(Refusal::MayNotCreate { .. }) => "may not create",
        Err(Refusal::NameTaken { .. }) => "name taken",
        Err(
            Refusal::SignInToManage { .. }
            | Refusal::SignInToManageSite
            | Refusal::NotSiteAdmin { .. }
            | Refusal::NotOwner { .. }
            | Refusal::NotOfOrganization { .. }
            | Refusal::NeedsPassword { .. }
            | Refusal::LimitedToPackages { .. },
        ) => "of accounts",
        Err(Refusal::OutsideLimits { .. }) => "other packages",
        Err(Refusal::UpstreamNamespace { .. }) => "upstream's",
        Err(Refusal::MissingRole { .. }) => "lacks role",
        Err(Refusal::MissingScope { .. }) => "lacks scope",
        Err(Refusal::NotInToken { .. } | Refusal::CatalogNotInToken) => "not in token",
    }
}

fn table() -> String {
    let mut text = String::from(
        "# Who may do what, as crates/app/src/authz/policy.rs decides it. Generated: see crates/app/tests/permissions.rs.\n",
    );
    for (what, target) in targets() {
        let _ = writeln!(text, "\n## {what}\n");
        let _ = writeln!(
            text,
            "{:<24} {:<30} {:<15} {:<15} {:<15} administer",
            "principal", "credential", "pull", "push", "delete"
        );
        for (who, user) in principals() {
            for (how, credential, narrowed) in credentials() {
                if user.is_none() && how != "password" {
                    continue;
                }
                let how = if user.is_none() { "-" } else { how };
                let actor = actor(user.as_ref(), &credential, &narrowed, &target);
                let verdicts =
                    Action::ALL.map(|action| word(&decide(&actor, &target, action, NOW)));
                let [pull, push, delete, administer] = verdicts;
                let line =
                    format!("{who:<24} {how:<30} {pull:<15} {push:<15} {delete:<15} {administer}");
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
    }
    text
}

#[test]
fn the_permission_table_is_as_reviewed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/permissions.txt");
    let table = table();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &table).expect("written");
    }
    let reviewed = std::fs::read_to_string(path).expect("there");
    assert!(
        table == reviewed,
        "the policy changed: review the difference after UPDATE_GOLDEN=1 cargo test"
    );
}

/// An index into each list above.
fn cell() -> impl Strategy<Value = (usize, usize, usize, usize)> {
    (
        0..principals().len(),
        0..credentials().len(),
        0..targets().len(),
        0..Action::ALL.len(),
    )
}

proptest! {
    #[test]
    fn a_narrower_credential_never_allows_more((p, c, t, a) in cell()) {
        let (_, user) = &principals()[p];
        let (_, credential, narrowed) = &credentials()[c];
        let (_, target) = &targets()[t];
        let action = Action::ALL[a];
        let narrow = decide(&actor(user.as_ref(), credential, narrowed, target), target, action, NOW);
        let wide = decide(&actor(user.as_ref(), &password(), &Narrowed::No, target), target, action, NOW);
        prop_assert!(wide.is_ok() || narrow.is_err());
    }

    #[test]
    fn whoever_may_not_read_cannot_tell_private_from_absent((p, c, _, a) in cell()) {
        let (_, user) = &principals()[p];
        let (_, credential, narrowed) = &credentials()[c];
        let action = Action::ALL[a];
        for owner in ["alice/app", "acme/app", "closed/app", "docker.io/library/nginx"] {
            let of = |what: &str| targets().into_iter().find(|(name, _)| *name == format!("{owner} {what}"));
            let (Some((_, private)), Some((_, absent))) = (of("private"), of("absent")) else {
                panic!("both are listed");
            };
            let verdict = |target: &Target, action| {
                decide(&actor(user.as_ref(), credential, narrowed, target), target, action, NOW)
            };
            // Whoever may create a package can find out that a name is taken.
            let looks = matches!(action, Action::Push | Action::Pull);
            let may_create = looks && verdict(&absent, Action::Push).is_ok();
            if verdict(&private, Action::Pull).is_err() && !may_create {
                prop_assert_eq!(verdict(&private, action), verdict(&absent, action));
            }
        }
    }
}
