//! The name of a stored object: a digest and the upload that brought it.

use std::fmt;

use wharf_oci::{Digest, path::UploadId};

/// One upload's copy of a content.
///
/// The generation (the id of the upload) makes every key unique in time: a
/// delete that arrives late names the old copy and can never hit bytes that
/// were pushed again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    pub digest: Digest,
    pub generation: UploadId,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.digest, self.generation)
    }
}
