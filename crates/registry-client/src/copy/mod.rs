//! Copying images between repositories, of one registry or of two.
//!
//! `gather` reads what the image is made of, `plan` decides the order, `run`
//! carries it out: blobs first, then manifests children first, the tag last.
//! So an interrupted copy leaves nothing behind that looks complete, and
//! running it again moves only what is missing. Bytes are never rewritten:
//! the digest at the destination is the digest at the source.

mod gather;
mod plan;
mod progress;
mod referrers;
mod run;
mod select;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use wharf_oci::{Digest, Reference, Tag};

pub use self::progress::{Event, Progress};
use crate::{
    client::Repository,
    error::{ErrorKind, Result},
    manifests::RawManifest,
    platform::Platform,
};

/// Copies from one repository to another; remembers what it has seen at the
/// destination, so use one for many tags.
#[derive(Debug)]
pub struct Copier<P> {
    source: Repository,
    destination: Repository,
    platform: Option<Platform>,
    with_referrers: bool,
    progress: Arc<P>,
    /// Blobs known to be at the destination.
    present: Mutex<HashSet<Digest>>,
}

/// What one copy did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Of what was copied: with a platform selected, the digest of its image.
    pub digest: Digest,
    pub media_type: String,
    /// The destination had it all, tags included.
    pub unchanged: bool,
    /// Manifests written, referrers included.
    pub manifests: u64,
    /// Of these, referrers.
    pub referrers: u64,
    pub blobs: BlobCounts,
    /// Bytes that went through this machine.
    pub bytes_moved: u64,
}

/// What became of the blobs of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BlobCounts {
    /// Were there already.
    pub present: u64,
    /// Were mounted from the source repository.
    pub mounted: u64,
    /// Were read and written.
    pub moved: u64,
}

impl Copied {
    fn new(root: &RawManifest) -> Self {
        Self {
            digest: root.digest.clone(),
            media_type: root.media_type.clone(),
            unchanged: false,
            manifests: 0,
            referrers: 0,
            blobs: BlobCounts::default(),
            bytes_moved: 0,
        }
    }
}

impl<P: Progress> Copier<P> {
    pub fn new(source: Repository, destination: Repository, progress: P) -> Self {
        Self {
            source,
            destination,
            platform: None,
            with_referrers: false,
            progress: Arc::new(progress),
            present: Mutex::default(),
        }
    }

    /// Copies the image of one platform only, out of a multi-platform image.
    #[must_use]
    pub fn for_platform(mut self, platform: Option<Platform>) -> Self {
        self.platform = platform;
        self
    }

    /// Copies what was attached to the image too.
    #[must_use]
    pub fn with_referrers(mut self, with_referrers: bool) -> Self {
        self.with_referrers = with_referrers;
        self
    }

    /// Copies the image `reference` and puts `tags` on it; without tags it is
    /// stored by its digest alone.
    pub async fn copy(&self, reference: &Reference, tags: &[Tag]) -> Result<Copied> {
        if let Some(unchanged) = self.unchanged(reference, tags).await? {
            return Ok(unchanged);
        }
        let named = self.source.get_manifest(reference).await?;
        let root = match &self.platform {
            Some(platform) => select::image_for(&self.source, named, platform).await?,
            None => named,
        };
        let mut copied = Copied::new(&root);
        let missing = self.missing_tags(&root.digest, tags).await?;
        if missing.is_empty() && self.has(&root.digest).await? {
            copied.unchanged = true;
        } else {
            self.transfer(&root, &missing, &mut copied).await?;
        }
        if self.with_referrers {
            self.copy_referrers(&root, &mut copied).await?;
        }
        Ok(copied)
    }

    /// Answers from HEAD requests alone if nothing is to be done, because a
    /// GET of a manifest counts against pull limits.
    async fn unchanged(&self, reference: &Reference, tags: &[Tag]) -> Result<Option<Copied>> {
        if self.platform.is_some() || self.with_referrers || tags.is_empty() {
            return Ok(None);
        }
        let Some(info) = self.source.find_manifest(reference).await? else {
            return Ok(None);
        };
        if !self.missing_tags(&info.digest, tags).await?.is_empty() {
            return Ok(None);
        }
        let same = RawManifest {
            media_type: info.media_type,
            digest: info.digest,
            bytes: bytes::Bytes::new(),
        };
        Ok(Some(Copied {
            unchanged: true,
            ..Copied::new(&same)
        }))
    }

    /// The tags that do not point at `digest` yet.
    async fn missing_tags(&self, digest: &Digest, tags: &[Tag]) -> Result<Vec<Tag>> {
        let mut missing = Vec::new();
        for tag in tags {
            let there = self
                .destination
                .find_manifest(&Reference::Tag(tag.clone()))
                .await;
            if absent_if_hidden(there)?.is_none_or(|there| there.digest != *digest) {
                missing.push(tag.clone());
            }
        }
        Ok(missing)
    }

    /// Whether the destination has this manifest, and with it all it needs.
    async fn has(&self, digest: &Digest) -> Result<bool> {
        let reference = Reference::Digest(digest.clone());
        let there = self.destination.find_manifest(&reference).await;
        Ok(absent_if_hidden(there)?.is_some())
    }

    fn is_present(&self, digest: &Digest) -> bool {
        let present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        present.contains(digest)
    }

    fn remember(&self, digest: &Digest) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        present.insert(digest.clone());
    }
}

/// A registry that hides a repository until the first push answers 401 or
/// 403 to "is it there?". The push will tell whether we may.
fn absent_if_hidden<T>(found: Result<Option<T>>) -> Result<Option<T>> {
    match found {
        Err(error) if error.kind() == ErrorKind::Auth => {
            tracing::debug!(%error, "taken as absent");
            Ok(None)
        }
        found => found,
    }
}
