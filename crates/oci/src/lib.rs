//! The vocabulary of container registries, without I/O: digests, names,
//! references, media types, manifests, `/v2` paths and the error envelope.
//!
//! Everything that comes from outside is parsed here, once, into types that
//! cannot hold a wrong value; the rest of Wharf never looks at raw strings.

pub mod about;
pub mod digest;
pub mod error;
pub mod json;
pub mod manifest;
pub mod media_type;
pub mod name;
pub mod path;
pub mod range;
pub mod reference;
pub mod size;
pub mod source_repository;
pub mod tag;

pub use about::{About, ImageConfig};
pub use digest::{Algorithm, Digest, Hasher};
pub use error::{ErrorCode, ErrorEnvelope};
pub use manifest::Manifest;
pub use name::{Login, Name, Owner};
pub use reference::{ImageReference, Reference};
pub use size::Size;
pub use source_repository::SourceRepository;
pub use tag::Tag;
