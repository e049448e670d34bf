//! What belongs to a version: the images of an index, and what is attached to
//! any of them by its `subject`.

use std::collections::{HashSet, VecDeque};

use wharf_db::{
    Conn,
    versions::{self, Version},
};

use crate::Error;

/// Most manifests that one request handles: they are written in one transaction.
pub(crate) const MOST: usize = 1000;

/// A version and what belongs to it, the version first.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub versions: Vec<Version>,
    /// There is more than [`MOST`].
    pub more: bool,
}

/// Finds what is live and belongs to `root`, up to [`MOST`].
pub(crate) async fn tree_of(
    conn: &mut Conn<'_>,
    package_id: i64,
    root: Version,
) -> Result<Tree, Error> {
    let limit = i64::try_from(MOST).unwrap_or(i64::MAX);
    let mut seen: HashSet<i64> = HashSet::from([root.id]);
    let mut tree = Tree::default();
    let mut waiting = VecDeque::from([root]);
    while let Some(version) = waiting.pop_front() {
        if tree.versions.len() == MOST {
            tree.more = true;
            break;
        }
        let mut found = versions::parts(conn, version.id, limit).await?;
        found.extend(versions::attached(conn, package_id, &version.digest, limit).await?);
        let live = found.into_iter().filter(|part| part.deleted_at.is_none());
        waiting.extend(live.filter(|part| seen.insert(part.id)));
        tree.versions.push(version);
    }
    Ok(tree)
}
