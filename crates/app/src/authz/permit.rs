//! Proof that the policy said yes. Use cases that act ask for one; only this
//! module can make one, so a forgotten check does not compile.

use std::{marker::PhantomData, sync::Arc};

use wharf_db::{grants::Role, packages::Visibility};

use super::{
    facts::{Actor, OwnerFacts, PackageFacts, Target},
    policy::{self, Action, Refusal},
};

/// Marker of an action; see [`Permit`].
pub trait Kind: Send + Sync + 'static {
    const ACTION: Action;
}

macro_rules! kinds {
    ($($name:ident),+) => {$(
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl Kind for $name {
            const ACTION: Action = Action::$name;
        }
    )+};
}
kinds!(Pull, Push, Delete, Administer);

/// The policy allowed `K` on an existing package.
#[derive(Debug, Clone)]
pub struct Permit<K: Kind> {
    package: Arc<PackageFacts>,
    actor_id: Option<i64>,
    by_owning: bool,
    is_admin: bool,
    kind: PhantomData<K>,
}

impl<K: Kind> Permit<K> {
    pub fn package_id(&self) -> i64 {
        self.package.id
    }

    pub fn path(&self) -> &str {
        &self.package.path
    }

    pub(crate) fn visibility(&self) -> Visibility {
        self.package.visibility
    }

    /// Whose package it is.
    pub fn owner_id(&self) -> i64 {
        self.package.owner.id
    }

    pub(crate) fn owner(&self) -> &OwnerFacts {
        &self.package.owner
    }

    /// The user who acts.
    pub fn actor_id(&self) -> Option<i64> {
        self.actor_id
    }

    /// Whether owning gave it, not a grant or the package's visibility.
    pub fn by_owning(&self) -> bool {
        self.by_owning
    }

    /// Whether the user has the admin role there, whatever the credential allows.
    pub(crate) fn is_admin(&self) -> bool {
        self.is_admin
    }
}

impl<K: Kind> Permit<K> {
    /// For the operator, of whom nothing is asked.
    pub(crate) fn of_operator(package: Arc<PackageFacts>) -> Self {
        Self {
            package,
            actor_id: None,
            by_owning: true,
            is_admin: true,
            kind: PhantomData,
        }
    }
}

/// The policy allowed managing an owner: an organization's members, teams and
/// settings, and what holds for all of an owner's packages.
#[derive(Debug, Clone, Copy)]
pub struct OwnerPermit {
    owner_id: i64,
    actor_id: Option<i64>,
}

impl OwnerPermit {
    pub fn owner_id(&self) -> i64 {
        self.owner_id
    }

    /// The user who acts.
    pub fn actor_id(&self) -> Option<i64> {
        self.actor_id
    }

    /// For the operator, of whom nothing is asked.
    pub(crate) fn of_operator(owner: &OwnerFacts) -> Self {
        Self {
            owner_id: owner.id,
            actor_id: None,
        }
    }
}

/// The policy allowed managing the site.
#[derive(Debug, Clone, Copy)]
pub struct SitePermit {
    actor_id: Option<i64>,
}

impl SitePermit {
    /// The user who acts.
    pub fn actor_id(&self) -> Option<i64> {
        self.actor_id
    }

    /// For the operator, of whom nothing is asked.
    pub(crate) fn of_operator() -> Self {
        Self { actor_id: None }
    }
}

/// Asks the policy whether `actor` may manage the site.
pub fn authorize_site(actor: &Actor) -> Result<SitePermit, Refusal> {
    policy::decide_site(actor)?;
    Ok(SitePermit {
        actor_id: actor.user.as_ref().map(|(user, _)| user.id),
    })
}

/// Asks the policy whether `actor` may manage `owner`.
pub fn authorize_owner(actor: &Actor, owner: &OwnerFacts) -> Result<OwnerPermit, Refusal> {
    policy::decide_owner(actor, owner)?;
    Ok(OwnerPermit {
        owner_id: owner.id,
        actor_id: actor.user.as_ref().map(|(user, _)| user.id),
    })
}

/// What [`authorize`] found.
#[derive(Debug)]
pub enum Verdict<K: Kind> {
    Existing(Permit<K>),
    /// Allowed, and there is no package yet: only a push creates one.
    Absent(Option<Creation>),
}

/// The policy allowed creating the package at `path`.
#[derive(Debug)]
pub struct Creation {
    pub path: String,
    /// `None`: the first push into an upstream's namespace begins it.
    pub owner: Option<OwnerFacts>,
    pub actor_id: i64,
    /// The creator becomes admin by a grant: owning gives it no role.
    pub needs_grant: bool,
}

impl Creation {
    /// The permit for the package that was just created from this.
    pub(crate) fn into_permit(self, package: Arc<PackageFacts>) -> Permit<Push> {
        Permit {
            package,
            actor_id: Some(self.actor_id),
            by_owning: !self.needs_grant,
            is_admin: true,
            kind: PhantomData,
        }
    }
}

/// Asks the policy for `K` on `target`. `now`: microseconds.
pub fn authorize<K: Kind>(actor: &Actor, target: &Target, now: i64) -> Result<Verdict<K>, Refusal> {
    policy::decide(actor, target, K::ACTION, now)?;
    let user = actor.user.as_ref().map(|(user, _)| user);
    let actor_id = user.map(|user| user.id);
    let by_owning = user.is_some_and(|user| policy::has_role_by_owning(user, target));
    if let Some(package) = &target.package {
        let role = user.and_then(|user| policy::role_of(user, target, now));
        return Ok(Verdict::Existing(Permit {
            package: Arc::clone(package),
            actor_id,
            by_owning,
            is_admin: role == Some(Role::Admin),
            kind: PhantomData,
        }));
    }
    let creation = user.map(|user| Creation {
        path: target.name_of_new(),
        owner: target.owner.clone(),
        actor_id: user.id,
        needs_grant: !by_owning,
    });
    Ok(Verdict::Absent(
        creation.filter(|_| K::ACTION == Action::Push),
    ))
}
