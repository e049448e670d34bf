//! Where bytes lie on disk. Nothing else joins path segments.
//!
//! ```text
//! ROOT/
//!   blobs/ALGORITHM/XX/HEX.GENERATION   objects; XX = first two hex digits
//!   uploads/ID                          bytes of open uploads
//! ```

use std::path::{Path, PathBuf};

use wharf_oci::{Algorithm, Digest, path::UploadId};

use crate::ObjectKey;

pub const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    pub fn upload(&self, id: &UploadId) -> PathBuf {
        self.uploads().join(id.as_str())
    }

    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub fn algorithm(&self, algorithm: Algorithm) -> PathBuf {
        self.blobs().join(algorithm.as_str())
    }

    /// The directory of an object: made when the store is opened, synced
    /// when an object is added to it.
    pub fn shard(&self, digest: &Digest) -> PathBuf {
        self.algorithm(digest.algorithm()).join(&digest.hex()[..2])
    }

    pub fn object(&self, key: &ObjectKey) -> PathBuf {
        self.shard(&key.digest)
            .join(format!("{}.{}", key.digest.hex(), key.generation))
    }

    /// Every directory an object can be in.
    pub fn shards(&self) -> impl Iterator<Item = (Algorithm, PathBuf)> + '_ {
        ALGORITHMS.into_iter().flat_map(move |algorithm| {
            let parent = self.algorithm(algorithm);
            (0..=u8::MAX).map(move |byte| (algorithm, parent.join(format!("{byte:02x}"))))
        })
    }

    /// The key of a file name in a shard; `None` for files that are not ours.
    pub fn key(algorithm: Algorithm, file_name: &str) -> Option<ObjectKey> {
        let (hex, generation) = file_name.split_once('.')?;
        Some(ObjectKey {
            digest: format!("{algorithm}:{hex}").parse().ok()?,
            generation: generation.parse().ok()?,
        })
    }
}
