//! Proof that the policy said yes. Use cases that act ask for one; only this
//! module can make one, so a forgotten check does not compile.

use std::{marker::PhantomData, sync::Arc};

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
kinds!(Pull, Push, Delete);

/// The policy allowed `K` on an existing package.
#[derive(Debug, Clone)]
pub struct Permit<K: Kind> {
    package: Arc<PackageFacts>,
    actor_id: Option<i64>,
    kind: PhantomData<K>,
}

impl<K: Kind> Permit<K> {
    pub fn package_id(&self) -> i64 {
        self.package.id
    }

    pub fn path(&self) -> &str {
        &self.package.path
    }

    /// The user who acts.
    pub fn actor_id(&self) -> Option<i64> {
        self.actor_id
    }
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
}

impl Creation {
    /// The permit for the package that was just created from this.
    pub(crate) fn into_permit(self, package: Arc<PackageFacts>) -> Permit<Push> {
        Permit {
            package,
            actor_id: Some(self.actor_id),
            kind: PhantomData,
        }
    }
}

/// Asks the policy for `K` on `target`.
pub fn authorize<K: Kind>(actor: &Actor, target: &Target) -> Result<Verdict<K>, Refusal> {
    policy::decide(actor, target, K::ACTION)?;
    let actor_id = actor.user.as_ref().map(|(user, _)| user.id);
    if let Some(package) = &target.package {
        return Ok(Verdict::Existing(Permit {
            package: Arc::clone(package),
            actor_id,
            kind: PhantomData,
        }));
    }
    let creation = actor_id.map(|actor_id| Creation {
        path: target.path.clone(),
        owner: target.owner.clone(),
        actor_id,
    });
    Ok(Verdict::Absent(
        creation.filter(|_| K::ACTION == Action::Push),
    ))
}
