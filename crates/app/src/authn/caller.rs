//! Who makes a request.

use std::sync::Arc;

use super::Rejected;
use crate::{
    Error,
    authz::{Actor, Credential, Refusal},
    cache::Caches,
};

/// Who makes a request, as far as is known, and under which epoch.
#[derive(Debug, Clone)]
pub struct Caller {
    pub actor: Actor,
    pub rejected: Option<Rejected>,
    pub(crate) caches: Arc<Caches>,
}

impl Caller {
    /// The error to show for a refusal: what was wrong with the credential
    /// comes before "sign in".
    pub fn explain(&self, refusal: Refusal) -> Error {
        match (refusal, &self.rejected) {
            (
                Refusal::SignIn { .. }
                | Refusal::SignInToManage { .. }
                | Refusal::SignInToManageSite,
                Some(rejected),
            ) => rejected.clone().into(),
            (refusal, _) => refusal.into(),
        }
    }

    /// The user's login, if somebody is signed in.
    pub fn login(&self) -> Option<&str> {
        self.actor
            .user
            .as_ref()
            .map(|(user, _)| user.login.as_str())
    }

    /// Whether the credential narrows what the user may do.
    pub fn credential(&self) -> Option<&Credential> {
        self.actor.user.as_ref().map(|(_, credential)| credential)
    }
}
