//! Authorization: facts, the one policy over them, and the permits it gives.

mod by;
pub mod facts;
mod limits;
pub mod permit;
pub mod policy;
mod scope;

pub use by::By;
pub use facts::{Access, AccessList, Actor, Credential, Target};
pub use limits::{Limits, PackageLimit, PackagePattern, PackagePatternError};
pub use permit::Permit;
pub use policy::{Action, Refusal};
pub use scope::{Scope, ScopeError, Scopes};
