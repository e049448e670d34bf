//! The one place that decides who may do what. Pure: facts in, verdict out.
//!
//! All outcomes are in `tests/golden/permissions.txt`.

use std::fmt;

use serde::{Deserialize, Serialize};
use wharf_db::{
    accounts::AccountKind,
    grants::{Grant, Role},
    organizations::MemberRole,
    packages::Visibility,
};

use super::{
    Scope, Scopes,
    facts::{Actor, Credential, OwnerFacts, Target, UserFacts},
};

/// What somebody wants to do to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Pull,
    /// Upload, tag; creates the package if there is none.
    Push,
    Delete,
    /// Change who may do what, and how the package is shown.
    Administer,
}

impl Action {
    pub const ALL: [Self; 4] = [Self::Pull, Self::Push, Self::Delete, Self::Administer];
    /// What a registry token may be asked for.
    pub const OF_REGISTRY_TOKENS: [Self; 3] = [Self::Pull, Self::Push, Self::Delete];

    /// As in a token's scope: `repository:NAME:pull`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::Administer => "administer",
        }
    }

    const fn role(self) -> Role {
        match self {
            Self::Pull => Role::Read,
            Self::Push => Role::Write,
            Self::Delete | Self::Administer => Role::Admin,
        }
    }

    const fn scope(self) -> Scope {
        match self {
            Self::Pull => Scope::Read,
            Self::Push => Scope::Write,
            Self::Delete => Scope::Delete,
            Self::Administer => Scope::Admin,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why not. The text is what a user reads, so it says who can help.
///
/// Variants never tell apart "private" from "absent" to those who may not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody known asked for something that is not public, or does not exist.
    #[error("{}", sign_in(path, *action))]
    SignIn { path: String, action: Action },
    /// Signed in, and may not know whether it exists.
    #[error("{path} does not exist, or {login} may not read it")]
    NotFound { path: String, login: String },
    /// May create packages there; this one is somebody else's.
    #[error(
        "{login} has no role on {path}: ask an admin of the package, or push under another name"
    )]
    NameTaken { login: String, path: String },
    #[error("sign in to manage {owner}")]
    SignInToManage { owner: String },
    #[error("{login} may not manage {owner}; its owners may")]
    NotOwner { login: String, owner: String },
    #[error("a token does not do this; {login} signs in with the password, or begins a session")]
    NeedsPassword { login: String },
    #[error("{login} is not a member of {owner}; ask one of its owners")]
    NotOfOrganization { login: String, owner: String },
    #[error("sign in to manage this registry")]
    SignInToManageSite,
    #[error("{login} is not a site administrator; ask one")]
    NotSiteAdmin { login: String },
    #[error("{login} may not create packages for {owner}; ask an owner of {owner}")]
    MayNotCreate { login: String, owner: String },
    #[error(
        "{owner} is the namespace of another registry's images: only site administrators may write there; push to your own, {login}/{package}"
    )]
    UpstreamNamespace {
        owner: String,
        login: String,
        package: String,
    },
    #[error(
        "{login} has the {has} role on {path}; to {action} it takes {needs}: ask an admin of the package"
    )]
    MissingRole {
        login: String,
        path: String,
        action: Action,
        has: Role,
        needs: Role,
    },
    #[error("this token lacks the scope {needs} (it has {}); make one with `wharf token create --scope {needs}`", listed(.has))]
    MissingScope {
        login: String,
        needs: Scope,
        has: Scopes,
    },
    /// The holder may, but not with this fine-grained token.
    #[error("this token is limited to other packages than {path}; use one that covers it")]
    OutsideLimits { path: String },
    #[error("this token is limited to some packages; for {owner}, use one that is not")]
    LimitedToPackages { owner: String },
    /// The holder may, but this registry token was made for something else.
    #[error("this registry token does not cover {action} on {path}; ask /token for one that does")]
    NotInToken { path: String, action: Action },
    #[error("this registry token does not cover listing packages; ask /token for one that does")]
    CatalogNotInToken,
}

/// The same whether the package exists or not.
fn sign_in(path: &str, action: Action) -> String {
    match action {
        Action::Pull => format!(
            "{path} is not public, or does not exist: sign in with `docker login` to pull it"
        ),
        _ => format!("sign in with `docker login` to {action} {path}"),
    }
}

fn listed(scopes: &Scopes) -> String {
    if scopes.is_empty() {
        "none".to_owned()
    } else {
        scopes.to_string()
    }
}

/// Decides. `now`: microseconds, for grants that end.
pub fn decide(actor: &Actor, target: &Target, action: Action, now: i64) -> Result<(), Refusal> {
    if action == Action::Pull && is_public(target) {
        return Ok(());
    }
    // Clients ask for pull and push at once, before their push creates the package.
    if action == Action::Pull && target.package.is_none() && actor.user.is_some() {
        let push = decide(actor, target, Action::Push, now);
        let covered = check_token(actor, target, Action::Pull);
        if push.is_ok() && covered.is_ok() {
            return Ok(());
        }
    }
    let Some((user, credential)) = &actor.user else {
        return Err(Refusal::SignIn {
            path: target.path.clone(),
            action,
        });
    };
    check_named(actor, target, action)?;
    check_limits(credential, target)?;
    let role = role_of(user, target, now);
    check_role(user, role, target, action)?;
    check_scope(user, credential, action)?;
    check_token(actor, target, action)?;
    check_free(user, role, target)
}

fn is_public(target: &Target) -> bool {
    target
        .package
        .as_ref()
        .is_some_and(|p| p.visibility == Visibility::Public)
}

fn check_role(
    user: &UserFacts,
    role: Option<Role>,
    target: &Target,
    action: Action,
) -> Result<(), Refusal> {
    match role {
        Some(role) if role >= action.role() => Ok(()),
        Some(has) => Err(Refusal::MissingRole {
            login: user.login.clone(),
            path: target.path.clone(),
            action,
            has,
            needs: action.role(),
        }),
        None if action == Action::Push && may_name(user, target) => Ok(()),
        None if action == Action::Push => Err(no_place(user, target)),
        None => Err(Refusal::NotFound {
            path: target.path.clone(),
            login: user.login.clone(),
        }),
    }
}

/// Whoever may create a package learns that its name is taken; last of all,
/// so that a credential that could not create it does not.
fn check_free(user: &UserFacts, role: Option<Role>, target: &Target) -> Result<(), Refusal> {
    match (role, &target.package) {
        (None, Some(_)) => Err(Refusal::NameTaken {
            login: user.login.clone(),
            path: target.path.clone(),
        }),
        _ => Ok(()),
    }
}

/// The answer to a push by somebody without any role: about the namespace
/// alone, so that it is the same whether the package exists or not.
fn no_place(user: &UserFacts, target: &Target) -> Refusal {
    let (owner, package) = target.path.split_once('/').unwrap_or((&target.path, ""));
    if names_upstream(target) {
        return Refusal::UpstreamNamespace {
            owner: owner.to_owned(),
            login: user.login.clone(),
            package: package.rsplit('/').next().unwrap_or(package).to_owned(),
        };
    }
    Refusal::MayNotCreate {
        login: user.login.clone(),
        owner: owner.to_owned(),
    }
}

/// Accounts have neither dots nor underscores in their logins, upstream hosts have one or the other.
fn names_upstream(target: &Target) -> bool {
    let owner = target.path.split('/').next().unwrap_or_default();
    owner.contains(['.', '_'])
}

/// What gives somebody a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    SiteAdministrator,
    /// The namespace is the user's, or its organization's.
    Owner,
    Grant(Grant),
    Visibility(Visibility),
}

/// The user's role on what is, or would be, at the target: the highest of
/// what owning, grants and visibility give.
pub fn role_of(user: &UserFacts, target: &Target, now: i64) -> Option<Role> {
    sources(user, target, now).map(|(role, _)| role).max()
}

/// Everything that gives the user a role there.
pub fn sources(
    user: &UserFacts,
    target: &Target,
    now: i64,
) -> impl Iterator<Item = (Role, Source)> {
    let owner = target.effective_owner();
    let administers = user.site_admin && (owner.is_some() || names_upstream(target));
    let administers = administers.then_some((Role::Admin, Source::SiteAdministrator));
    let owns = owner.is_some_and(|owner| controls(user, owner));
    let owns = owns.then_some((Role::Admin, Source::Owner));
    let package = target.package.as_deref();
    let grants = package.map_or(&[][..], |package| &package.grants);
    let granted = grants
        .iter()
        .filter(move |grant| grant.is_good(now) && user.is(grant.principal));
    let granted = granted.map(|grant| (grant.role, Source::Grant(*grant)));
    let visible = package.map(|package| package.visibility);
    let visible = visible.filter(|visibility| *visibility != Visibility::Private);
    let visible = visible.map(|visibility| (Role::Read, Source::Visibility(visibility)));
    administers
        .into_iter()
        .chain(owns)
        .chain(granted)
        .chain(visible)
}

/// Whether the user could create a package of that name, if it were free.
fn may_name(user: &UserFacts, target: &Target) -> bool {
    may_create(user, target) || target.owner.as_ref().is_some_and(|o| controls(user, o))
}

/// Whether a member's push may create a package for the organization. It
/// becomes the new package's admin.
fn may_create(user: &UserFacts, target: &Target) -> bool {
    target.owner.as_ref().is_some_and(|owner| {
        owner.members_may_create && user.memberships.contains(&(owner.id, MemberRole::Member))
    })
}

/// Whether the user is an admin of whatever the owner has, without any grant.
pub fn has_role_by_owning(user: &UserFacts, target: &Target) -> bool {
    user.site_admin
        || target
            .effective_owner()
            .is_some_and(|owner| controls(user, owner))
}

/// Whether an owner may be managed: members, teams, settings.
pub fn decide_owner(actor: &Actor, owner: &OwnerFacts) -> Result<(), Refusal> {
    let name = || owner.login.clone();
    let Some((user, _)) = &actor.user else {
        return Err(Refusal::SignInToManage { owner: name() });
    };
    if !user.site_admin && !controls(user, owner) {
        return Err(Refusal::NotOwner {
            login: user.login.clone(),
            owner: name(),
        });
    }
    check_whole(actor, &owner.login)
}

/// Whether a package may be brought to `path`, in the namespace of `owner`.
pub fn decide_creation(actor: &Actor, owner: &OwnerFacts, path: &str) -> Result<(), Refusal> {
    let target = Target {
        path: path.to_owned(),
        owner: Some(owner.clone()),
        package: None,
    };
    // There is no grant on what is not there, so no instant matters.
    decide(actor, &target, Action::Push, 0)
}

/// Whether the site may be managed: its users, and what belongs to nobody.
pub fn decide_site(actor: &Actor) -> Result<(), Refusal> {
    let Some((user, _)) = &actor.user else {
        return Err(Refusal::SignInToManageSite);
    };
    if !user.site_admin {
        return Err(Refusal::NotSiteAdmin {
            login: user.login.clone(),
        });
    }
    check_whole(actor, "this registry")
}

/// Whether who belongs to an organization may be seen: by those who do.
pub fn decide_member(actor: &Actor, id: i64, login: &str) -> Result<(), Refusal> {
    let Some((user, credential)) = &actor.user else {
        return Err(Refusal::SignInToManage {
            owner: login.to_owned(),
        });
    };
    if !user.site_admin && !user.memberships.iter().any(|(of, _)| *of == id) {
        return Err(Refusal::NotOfOrganization {
            login: user.login.clone(),
            owner: login.to_owned(),
        });
    }
    check_scope(user, credential, Action::Pull)?;
    check_unlimited(actor, login)?;
    check_unnarrowed(actor, login, Action::Pull)
}

/// Whether somebody's own organizations may be listed to them; whose they are.
pub fn decide_listing(actor: &Actor) -> Result<i64, Refusal> {
    let Some((user, credential)) = &actor.user else {
        return Err(Refusal::SignInToManageSite);
    };
    check_scope(user, credential, Action::Pull)?;
    check_unlimited(actor, "organizations")?;
    check_unnarrowed(actor, "organizations", Action::Pull)?;
    Ok(user.id)
}

/// Whether somebody may manage how they sign in: with a password or a
/// session, never with a token. Whose account it is.
pub fn decide_themselves(actor: &Actor) -> Result<i64, Refusal> {
    let Some((user, credential)) = &actor.user else {
        return Err(Refusal::SignInToManageSite);
    };
    if matches!(credential, Credential::Token { .. }) {
        return Err(Refusal::NeedsPassword {
            login: user.login.clone(),
        });
    }
    check_unnarrowed(actor, &user.login, Action::Administer)?;
    Ok(user.id)
}

/// Managing takes a credential that is not limited to some packages.
fn check_whole(actor: &Actor, managed: &str) -> Result<(), Refusal> {
    if let Some((user, credential)) = &actor.user {
        check_scope(user, credential, Action::Administer)?;
    }
    check_unlimited(actor, managed)?;
    check_unnarrowed(actor, managed, Action::Administer)
}

fn check_unlimited(actor: &Actor, managed: &str) -> Result<(), Refusal> {
    match &actor.user {
        Some((_, Credential::Token { limits, .. })) if !limits.packages.is_empty() => {
            Err(Refusal::LimitedToPackages {
                owner: managed.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

fn check_unnarrowed(actor: &Actor, what: &str, action: Action) -> Result<(), Refusal> {
    match actor.narrowed {
        Some(_) => Err(Refusal::NotInToken {
            path: what.to_owned(),
            action,
        }),
        None => Ok(()),
    }
}

/// Users control what is theirs, owners what is their organization's.
fn controls(user: &UserFacts, owner: &OwnerFacts) -> bool {
    match owner.kind {
        AccountKind::User => owner.id == user.id,
        AccountKind::Organization => user.memberships.contains(&(owner.id, MemberRole::Owner)),
        AccountKind::ServiceAccount | AccountKind::Upstream => false,
    }
}

fn check_scope(user: &UserFacts, credential: &Credential, action: Action) -> Result<(), Refusal> {
    match credential {
        Credential::Token { scopes, .. } if !scopes.allow(action.scope()) => {
            Err(Refusal::MissingScope {
                login: user.login.clone(),
                needs: action.scope(),
                has: scopes.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// A token made for other packages learns nothing about this one.
fn check_named(actor: &Actor, target: &Target, action: Action) -> Result<(), Refusal> {
    match &actor.narrowed {
        Some(list) if !list.names(&target.path) => Err(Refusal::NotInToken {
            path: target.path.clone(),
            action,
        }),
        _ => Ok(()),
    }
}

/// A token limited to other packages learns nothing about this one. It may
/// reach a package by its name, or by the name it was asked for.
fn check_limits(credential: &Credential, target: &Target) -> Result<(), Refusal> {
    let Credential::Token { limits, .. } = credential else {
        return Ok(());
    };
    let covers = |owner: &OwnerFacts, path: &str| {
        let name = path.split_once('/').map_or("", |(_, name)| name);
        limits.cover(owner.id, name)
    };
    let asked = target.owner.as_ref();
    let found = target.package.as_ref();
    if limits.packages.is_empty()
        || asked.is_some_and(|owner| covers(owner, &target.path))
        || found.is_some_and(|package| covers(&package.owner, &package.path))
    {
        return Ok(());
    }
    Err(Refusal::OutsideLimits {
        path: target.path.clone(),
    })
}

fn check_token(actor: &Actor, target: &Target, action: Action) -> Result<(), Refusal> {
    let owner_id = target.effective_owner().map(|o| o.id);
    let narrowed = actor.narrowed.as_ref();
    if narrowed.is_none_or(|list| list.covers(&target.path, owner_id, action)) {
        return Ok(());
    }
    Err(Refusal::NotInToken {
        path: target.path.clone(),
        action,
    })
}
