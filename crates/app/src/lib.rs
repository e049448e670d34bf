//! What the product does: use cases, authentication and authorization. No
//! HTTP types, no SQL text.
//!
//! A use case takes a [`Caller`](authn::Caller), asks [`authz`] for a permit inside the transaction
//! that acts, and returns what happened or an [`Error`] that says what to do next.

pub mod accounts;
mod app;
pub mod authn;
pub mod authz;
mod cache;
mod change;
pub mod clock;
mod delete;
pub mod downloads;
pub mod entropy;
mod error;
pub mod packages;
pub mod pull;
mod purge;
pub mod push;
pub mod quota;
mod setup;
pub mod sign_in;
mod sweep;
pub mod tags;
mod target;
pub mod verify;
pub mod versions;

pub use app::{App, Settings};
pub use error::Error;
pub use purge::Purged;
pub use setup::FirstStart;
