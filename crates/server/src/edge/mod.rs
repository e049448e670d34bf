//! The edge: from an accepted connection to a request, with every limit that
//! belongs there (docs/decisions/0006). `axum::serve` hides the timeouts, so
//! the accept loop is ours.

mod addresses;
mod file_body;
mod lane;
mod lingering;
mod listen;
mod pace;
mod paced;
mod paced_body;
mod plain;
mod stalls;
mod tls;

pub use file_body::{FileBody, Way};
pub use lane::Lane;
pub use listen::{Edge, Peer, serve};
pub use paced_body::BodyError;
pub use stalls::Stalls;
