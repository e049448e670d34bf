//! HTTP only: `/v2`, `/token`, operations, and the edge they are served through.
//!
//! A handler extracts, calls one use case, and replies. All routes are in
//! [`router`], all middleware in [`middleware`], every error reply in [`error`].

pub mod api;
mod body;
pub mod config;
mod edge;
pub mod error;
mod extract;
mod metrics;
mod middleware;
mod ops;
mod reply;
pub mod router;
mod serve;
mod sign_in;
mod state;
mod token;
mod v2;

pub use serve::{Server, open_app, tell_first_start};
pub use state::Site;
pub use v2::Operation;
