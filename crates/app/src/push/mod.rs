//! Writing: uploads, mounts, manifests.

mod about;
mod manifest;
mod mount;
mod open_uploads;
mod package;
mod receiving;
mod reservation;
mod upload;

pub use manifest::PushedManifest;
pub use mount::Mounted;
pub(crate) use open_uploads::OpenUploads;
pub(crate) use package::NewIds;
pub use receiving::Receiving;
pub(crate) use upload::Forget;
pub use upload::{Progress, StoredBlob};
