//! Bytes by digest. This crate knows where bytes lie and how they become
//! durable; whether they are wanted is the database's business alone.
//!
//! A back end implements [`BlobStore`] and must pass `tests/contract.rs`.

mod error;
pub mod fs;
mod key;
mod store;

pub use error::{StoreError, StoreErrorKind};
pub use key::ObjectKey;
pub use store::{Blob, BlobStore, Checkpoint, Finished, UploadWriter};
