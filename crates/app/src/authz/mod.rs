//! Authorization: facts, the one policy over them, and the permits it gives.

pub mod facts;
pub mod permit;
pub mod policy;
mod scope;

pub use facts::{Access, AccessList, Actor, Credential, Target};
pub use permit::Permit;
pub use policy::{Action, Refusal, Role};
pub use scope::{Scope, ScopeError, Scopes};
