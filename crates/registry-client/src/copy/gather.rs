//! Reading what an image is made of: its manifests, level by level, leaving
//! out those the destination has.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use wharf_oci::{Digest, Manifest, Reference};

use super::{Copier, Progress};
use crate::{
    error::{Error, Result},
    manifests::RawManifest,
};

/// Manifests read at once.
const AT_ONCE: usize = 4;
/// Deepest nesting of indexes followed.
pub(super) const MAX_DEPTH: usize = 16;
/// Most manifests of one image.
const MAX_MANIFESTS: usize = 10_000;

/// A manifest, as bytes and as parsed.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) raw: RawManifest,
    pub(super) manifest: Manifest,
}

/// The manifests of an image that the destination lacks, by digest.
pub(super) type Nodes = HashMap<Digest, Node>;

impl<P: Progress> Copier<P> {
    /// The root and all its descendants that the destination lacks.
    pub(super) async fn gather(&self, root: &RawManifest) -> Result<Nodes> {
        let mut nodes = Nodes::new();
        let mut seen = HashSet::from([root.digest.clone()]);
        let mut level = vec![Node {
            manifest: root.parse()?,
            raw: root.clone(),
        }];
        for _ in 0..=MAX_DEPTH {
            let children = new_children(&level, &mut seen);
            nodes.extend(
                level
                    .into_iter()
                    .map(|node| (node.raw.digest.clone(), node)),
            );
            if children.is_empty() {
                return Ok(nodes);
            }
            if seen.len() > MAX_MANIFESTS {
                return Err(
                    self.unreasonable(root, &format!("more than {MAX_MANIFESTS} manifests"))
                );
            }
            level = self.read_missing(&children).await?;
        }
        Err(self.unreasonable(root, &format!("indexes nested more than {MAX_DEPTH} deep")))
    }

    async fn read_missing(&self, digests: &[Digest]) -> Result<Vec<Node>> {
        let reads: Vec<_> = digests
            .iter()
            .map(|digest| self.read_if_missing(digest))
            .collect();
        let nodes: Vec<Option<Node>> = stream::iter(reads)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(nodes.into_iter().flatten().collect())
    }

    async fn read_if_missing(&self, digest: &Digest) -> Result<Option<Node>> {
        if self.has(digest).await? {
            return Ok(None);
        }
        let reference = Reference::Digest(digest.clone());
        let raw = self.source.get_manifest(&reference).await?;
        let manifest = raw.parse()?;
        Ok(Some(Node { raw, manifest }))
    }

    fn unreasonable(&self, root: &RawManifest, what: &str) -> Error {
        Error::Invalid(format!(
            "{}@{} has {what}: not copied",
            self.source, root.digest
        ))
    }
}

fn new_children(level: &[Node], seen: &mut HashSet<Digest>) -> Vec<Digest> {
    let children = level.iter().flat_map(|node| node.manifest.children());
    children
        .filter(|child| seen.insert(child.digest.clone()))
        .map(|child| child.digest.clone())
        .collect()
}
