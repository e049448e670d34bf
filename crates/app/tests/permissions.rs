//! The whole permission table, as a file a reader can check:
//! `tests/golden/permissions.txt`. `UPDATE_GOLDEN=1 cargo test` writes it anew;
//! a change of it is a change of policy and belongs in its own commit.

use std::{fmt::Write as _, sync::Arc};

use proptest::prelude::*;
use wharf_app::authz::{
    Access, AccessList, Action, Actor, Credential, Refusal, Scope, Scopes, Target,
    facts::{OwnerFacts, PackageFacts, UserFacts},
    policy::decide,
};
use wharf_db::{
    accounts::{AccountKind, MemberRole},
    packages::Visibility,
};

const ALICE: i64 = 1;
const ACME: i64 = 2;
const UPSTREAM: i64 = 3;

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
    })
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
            Some(user(4, "member", false, &[(ACME, MemberRole::Member)])),
        ),
        (
            "owner of acme",
            Some(user(5, "owner", false, &[(ACME, MemberRole::Owner)])),
        ),
        ("site administrator", Some(user(6, "root1", true, &[]))),
    ]
}

/// What they may have signed in with.
fn credentials() -> Vec<(&'static str, Credential, Option<Vec<Action>>)> {
    let token = |scopes: &[Scope]| Credential::Token {
        id: 7,
        scopes: Scopes::new(scopes.iter().copied()),
    };
    vec![
        ("password", Credential::Password, None),
        ("token read", token(&[Scope::Read]), None),
        ("token write", token(&[Scope::Write]), None),
        ("token delete", token(&[Scope::Delete]), None),
        (
            "registry token: pull",
            Credential::Password,
            Some(vec![Action::Pull]),
        ),
        (
            "registry token: all",
            Credential::Password,
            Some(Action::ALL.to_vec()),
        ),
        (
            "registry token: other package",
            Credential::Password,
            Some(vec![]),
        ),
    ]
}

fn targets() -> Vec<(String, Target)> {
    let owners = [
        ("alice/app", Some((ALICE, AccountKind::User))),
        ("acme/app", Some((ACME, AccountKind::Organization))),
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
            let package = visibility.map(|visibility| {
                Arc::new(PackageFacts {
                    id: 10,
                    path: path.to_owned(),
                    visibility,
                })
            });
            let what = visibility.map_or("absent", Visibility::as_str);
            let target = Target {
                path: path.to_owned(),
                owner: owner.clone(),
                package,
            };
            targets.push((format!("{path} {what}"), target));
        }
    }
    targets
}

fn actor(
    user: Option<&Arc<UserFacts>>,
    credential: &Credential,
    narrowed: Option<&[Action]>,
    target: &Target,
) -> Actor {
    let access = narrowed.map(|actions| {
        let access = Access {
            path: target.path.clone(),
            owner_id: target.owner.as_ref().map(|o| o.id),
            actions: actions.iter().copied().collect(),
        };
        Arc::new(AccessList {
            packages: vec![access],
            catalog: false,
        })
    });
    Actor {
        user: user.map(|user| (Arc::clone(user), credential.clone())),
        narrowed: access,
    }
}

fn word(verdict: &Result<(), Refusal>) -> &'static str {
    match verdict {
        Ok(()) => "yes",
        Err(Refusal::SignIn { .. }) => "sign in",
        Err(Refusal::NotFound { .. }) => "not found",
        Err(Refusal::MayNotCreate { .. }) => "may not create",
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
            "{:<24} {:<30} {:<15} {:<15} delete",
            "principal", "credential", "pull", "push"
        );
        for (who, user) in principals() {
            for (how, credential, narrowed) in credentials() {
                if user.is_none() && how != "password" {
                    continue;
                }
                let how = if user.is_none() { "-" } else { how };
                let actor = actor(user.as_ref(), &credential, narrowed.as_deref(), &target);
                let verdicts = Action::ALL.map(|action| word(&decide(&actor, &target, action)));
                let [pull, push, delete] = verdicts;
                let line = format!("{who:<24} {how:<30} {pull:<15} {push:<15} {delete:<15}");
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
        let narrow = decide(&actor(user.as_ref(), credential, narrowed.as_deref(), target), target, action);
        let wide = decide(&actor(user.as_ref(), &Credential::Password, None, target), target, action);
        prop_assert!(wide.is_ok() || narrow.is_err());
    }

    #[test]
    fn whoever_may_not_read_cannot_tell_private_from_absent((p, c, _, a) in cell()) {
        let (_, user) = &principals()[p];
        let (_, credential, narrowed) = &credentials()[c];
        let action = Action::ALL[a];
        for owner in ["alice/app", "acme/app", "docker.io/library/nginx"] {
            let of = |what: &str| targets().into_iter().find(|(name, _)| *name == format!("{owner} {what}"));
            let (Some((_, private)), Some((_, absent))) = (of("private"), of("absent")) else {
                panic!("both are listed");
            };
            let verdict = |target: &Target, action| {
                decide(&actor(user.as_ref(), credential, narrowed.as_deref(), target), target, action)
            };
            if verdict(&private, Action::Pull).is_err() {
                prop_assert_eq!(verdict(&private, action), verdict(&absent, action));
            }
        }
    }
}
