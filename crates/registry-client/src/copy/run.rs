//! Carrying out a plan: blobs first, several at once; then the manifests in
//! order; then the tags.

use futures_util::{StreamExt, TryStreamExt, stream};
use wharf_oci::{Reference, Tag, manifest::Descriptor};

use super::{Copied, Copier, Event, Progress, absent_if_hidden, gather::Node, plan::Plan};
use crate::{
    blobs::Mount,
    error::Result,
    manifests::RawManifest,
    transport::{
        Source,
        retry::{Repeat, Retry},
    },
};

/// Blobs moved at once.
const AT_ONCE: usize = 4;

/// How a blob came to be at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placed {
    Present,
    Mounted,
    Moved,
}

impl<P: Progress> Copier<P> {
    /// Puts `root` and everything below it in place and points `tags` at it.
    pub(super) async fn transfer(
        &self,
        root: &RawManifest,
        tags: &[Tag],
        copied: &mut Copied,
    ) -> Result<()> {
        let nodes = self.gather(root).await?;
        let plan = Plan::new(&root.digest, |digest| {
            nodes.get(digest).map(|n| &n.manifest)
        });
        self.progress.on(Event::Planned {
            blobs: plan.blobs.len(),
            bytes: plan.bytes(),
            manifests: plan.manifests.len(),
        });
        self.place_blobs(&plan.blobs, copied).await?;
        for digest in &plan.manifests {
            let Some(node) = nodes.get(digest) else {
                continue;
            };
            let is_root = *digest == root.digest;
            self.put(node, if is_root { tags } else { &[] }).await?;
            copied.manifests += 1;
        }
        Ok(())
    }

    async fn place_blobs(&self, blobs: &[Descriptor], copied: &mut Copied) -> Result<()> {
        let placing: Vec<_> = blobs.iter().map(|blob| self.place(blob)).collect();
        let mut placing = stream::iter(placing).buffer_unordered(AT_ONCE);
        while let Some((placed, size)) = placing.try_next().await? {
            match placed {
                Placed::Present => copied.blobs.present += 1,
                Placed::Mounted => copied.blobs.mounted += 1,
                Placed::Moved => {
                    copied.blobs.moved += 1;
                    copied.bytes_moved += size;
                }
            }
        }
        Ok(())
    }

    /// Makes the destination have `blob`; a move that breaks begins again.
    async fn place(&self, blob: &Descriptor) -> Result<(Placed, u64)> {
        let mut retry = Retry::new(Repeat::Safe);
        let placed = loop {
            match self.try_place(blob).await {
                Ok(placed) => break placed,
                Err(error) => retry.pause(error).await?,
            }
        };
        self.remember(&blob.digest);
        let (digest, size) = (&blob.digest, blob.size);
        self.progress.on(match placed {
            Placed::Present => Event::BlobPresent { digest, size },
            Placed::Mounted => Event::BlobMounted { digest, size },
            Placed::Moved => Event::BlobMoved { digest, size },
        });
        Ok((placed, size))
    }

    async fn try_place(&self, blob: &Descriptor) -> Result<Placed> {
        let digest = &blob.digest;
        if self.is_present(digest) {
            return Ok(Placed::Present);
        }
        let found = self.destination.find_blob(digest).await;
        if absent_if_hidden(found)?.is_some() {
            return Ok(Placed::Present);
        }
        let moved = if self
            .source
            .client()
            .is_same_registry(self.destination.client())
        {
            match self.destination.mount_blob(digest, &self.source).await? {
                Mount::Mounted => return Ok(Placed::Mounted),
                Mount::Upload(upload) => {
                    let content = self.source.get_blob(digest, Some(blob.size)).await?;
                    upload
                        .finish(digest, blob.size, self.counted(blob, content))
                        .await
                }
            }
        } else {
            let content = self.source.get_blob(digest, Some(blob.size)).await?;
            self.destination
                .put_blob(digest, blob.size, self.counted(blob, content))
                .await
        };
        moved.map(|()| Placed::Moved)
    }

    /// `content`, with its passage reported.
    fn counted(&self, blob: &Descriptor, content: Source) -> Source {
        let mut passage = Passage {
            progress: std::sync::Arc::clone(&self.progress),
            digest: blob.digest.clone(),
            bytes: 0,
            size: blob.size,
        };
        content
            .inspect_ok(move |chunk| passage.add(chunk.len() as u64))
            .boxed()
    }

    async fn put(&self, node: &Node, tags: &[Tag]) -> Result<()> {
        let by_digest = [Reference::Digest(node.raw.digest.clone())];
        let by_tag: Vec<Reference> = tags.iter().cloned().map(Reference::Tag).collect();
        let references = if tags.is_empty() {
            &by_digest[..]
        } else {
            &by_tag
        };
        for reference in references {
            let receipt = self.destination.put_manifest(reference, &node.raw).await?;
            if !receipt.lists_subject {
                self.destination
                    .list_referrer(&node.raw, &node.manifest)
                    .await?;
            }
        }
        let digest = &node.raw.digest;
        self.progress.on(Event::ManifestPut { digest });
        for tag in tags {
            self.progress.on(Event::Tagged { tag });
        }
        Ok(())
    }
}

/// One attempt to move a blob. If it is dropped halfway, what was reported
/// is taken back.
struct Passage<P: Progress> {
    progress: std::sync::Arc<P>,
    digest: wharf_oci::Digest,
    bytes: u64,
    size: u64,
}

impl<P: Progress> Passage<P> {
    fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        let digest = &self.digest;
        self.progress.on(Event::BlobMoving { digest, bytes });
    }
}

impl<P: Progress> Drop for Passage<P> {
    fn drop(&mut self) {
        if self.bytes < self.size {
            let (digest, bytes) = (&self.digest, self.bytes);
            self.progress.on(Event::BlobRestarted { digest, bytes });
        }
    }
}
