//! Writing: uploads, mounts, manifests.

mod about;
mod manifest;
mod mount;
mod open_uploads;
mod package;
mod upload;

pub use manifest::PushedManifest;
pub use mount::Mounted;
pub(crate) use open_uploads::OpenUploads;
pub(crate) use package::NewIds;
pub use upload::{Progress, Receiving, StoredBlob};
