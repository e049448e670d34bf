//! What the policy is decided from: immutable ids and the few facts about them.

use std::{collections::BTreeSet, sync::Arc};

use wharf_db::{
    accounts::AccountKind,
    grants::{Grant, Principal},
    organizations::MemberRole,
    packages::Visibility,
};

use super::{Limits, Scopes, policy::Action};

/// A user, with everything that gives it roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFacts {
    pub id: i64,
    pub login: String,
    pub site_admin: bool,
    /// Organizations, and as what.
    pub memberships: Vec<(i64, MemberRole)>,
    /// The teams whose grants it has: its own, and those above them.
    pub teams: Vec<i64>,
}

impl UserFacts {
    pub fn is(&self, principal: Principal) -> bool {
        match principal {
            Principal::Account(id) => id == self.id,
            Principal::Team(id) => self.teams.contains(&id),
            Principal::SourceRepository(_) => false,
        }
    }
}

/// What the user showed to be that user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The password, by what changes with it: everything the user may.
    Password { fingerprint: String },
    /// A session that began with the password and, where there is one, the
    /// second factor: everything too.
    Session { id: i64 },
    /// A token: what its holder may, within its scopes and limits.
    Token {
        id: i64,
        scopes: Scopes,
        limits: Arc<Limits>,
    },
}

/// Who acts: nobody known, or a user with a credential.
#[derive(Debug, Clone, Default)]
pub struct Actor {
    pub user: Option<(Arc<UserFacts>, Credential)>,
    /// A registry token narrows its holder to this list; public packages
    /// can be pulled all the same.
    pub narrowed: Option<Arc<AccessList>>,
}

impl Actor {
    /// The user's id.
    pub fn id(&self) -> Option<i64> {
        self.user.as_ref().map(|(user, _)| user.id)
    }
}

/// The `access` of a registry token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessList {
    pub packages: Vec<Access>,
    /// Whether it may list packages.
    pub catalog: bool,
}

/// What a registry token allows on one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub path: String,
    /// The account the namespace belonged to when the token was made (none: to
    /// nobody yet): a name that changed hands since is not covered.
    pub owner_id: Option<i64>,
    pub actions: BTreeSet<Action>,
}

impl AccessList {
    /// Whether the token was asked for with this package in mind, whatever it got.
    pub fn names(&self, path: &str) -> bool {
        self.packages.iter().any(|access| access.path == path)
    }

    pub fn covers(&self, path: &str, owner_id: Option<i64>, action: Action) -> bool {
        self.packages.iter().any(|access| {
            access.path == path && access.owner_id == owner_id && access.actions.contains(&action)
        })
    }
}

/// The account that owns, or would own, a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerFacts {
    pub id: i64,
    pub kind: AccountKind,
    pub login: String,
    /// Whether members of the organization may create packages in its name.
    pub members_may_create: bool,
}

/// A package as far as access goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFacts {
    pub id: i64,
    /// Its name now; it may have been asked for by a former one.
    pub path: String,
    pub owner: OwnerFacts,
    pub visibility: Visibility,
    /// Expired ones included: whether one is good is decided when it is asked.
    pub grants: Vec<Grant>,
}

/// A name and what is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As it was asked for.
    pub path: String,
    /// Whose namespace it is in; `None`: nobody has this login.
    pub owner: Option<OwnerFacts>,
    /// `None`: there is none to be seen.
    pub package: Option<Arc<PackageFacts>>,
}

impl Target {
    /// The name that a package created here gets: of the owner as it is
    /// called now, whatever it was asked for as.
    pub fn name_of_new(&self) -> String {
        let name = self.path.split_once('/').map_or("", |(_, name)| name);
        match &self.owner {
            Some(owner) => format!("{}/{name}", owner.login),
            None => self.path.clone(),
        }
    }

    /// Who owns what is there, or would own it: a name may lead to a package
    /// that went to another owner.
    pub fn effective_owner(&self) -> Option<&OwnerFacts> {
        match &self.package {
            Some(package) => Some(&package.owner),
            None => self.owner.as_ref(),
        }
    }
}
