//! What a copy tells while it runs, for whoever shows or logs it.

use wharf_oci::{Digest, Tag};

/// One step of a copy.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// So much is to be put in place next; adds to earlier plans.
    Planned {
        blobs: usize,
        bytes: u64,
        manifests: usize,
    },
    /// The blob was there already.
    BlobPresent { digest: &'a Digest, size: u64 },
    /// The blob was mounted from the source repository.
    BlobMounted { digest: &'a Digest, size: u64 },
    /// `bytes` more of a blob went through.
    BlobMoving { digest: &'a Digest, bytes: u64 },
    /// The blob begins again: `bytes` reported as moving do not count.
    BlobRestarted { digest: &'a Digest, bytes: u64 },
    /// The blob is in place.
    BlobMoved { digest: &'a Digest, size: u64 },
    /// A manifest is in place.
    ManifestPut { digest: &'a Digest },
    /// A tag points at the image.
    Tagged { tag: &'a Tag },
}

/// Receives the events of a copy, from several tasks at once.
pub trait Progress: Send + Sync + 'static {
    fn on(&self, event: Event<'_>);
}

/// Tells nobody.
impl Progress for () {
    fn on(&self, _: Event<'_>) {}
}
