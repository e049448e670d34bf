//! What belongs to a version: the images of an index, and what is attached to
//! any of them by its `subject`.

use std::collections::{HashSet, VecDeque};

use wharf_db::{
    Conn,
    versions::{self, Version},
};

use crate::Error;

/// Most manifests that are handled as one.
const MOST: usize = 5000;

/// A version and what belongs to it, the version first.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub versions: Vec<Version>,
}

/// Finds everything live that belongs to `root`.
pub(crate) async fn tree_of(
    conn: &mut Conn<'_>,
    package_id: i64,
    root: Version,
) -> Result<Tree, Error> {
    let mut seen: HashSet<i64> = HashSet::from([root.id]);
    let mut tree = Tree::default();
    let mut waiting = VecDeque::from([root]);
    while let Some(version) = waiting.pop_front() {
        let mut found: Vec<String> = Vec::new();
        let children = versions::children(conn, version.id).await?;
        found.extend(children.into_iter().map(|child| child.digest));
        found.extend(attached(conn, package_id, &version.digest).await?);
        for digest in found {
            let part = versions::find(conn, package_id, &digest).await?;
            waiting.extend(part.filter(|part| seen.insert(part.id)));
        }
        tree.versions.push(version);
        if seen.len() > MOST {
            return Err(Error::Invalid(format!(
                "more than {MOST} manifests belong to this one; handle its parts first"
            )));
        }
    }
    Ok(tree)
}

async fn attached(
    conn: &mut Conn<'_>,
    package_id: i64,
    subject: &str,
) -> Result<Vec<String>, Error> {
    const PAGE: i64 = 500;
    let mut all: Vec<String> = Vec::new();
    loop {
        let after = all.last().cloned().unwrap_or_default();
        let page = versions::referrers(conn, package_id, subject, None, &after, PAGE).await?;
        if page.is_empty() || all.len() > MOST {
            return Ok(all);
        }
        all.extend(page.into_iter().map(|referrer| referrer.digest));
    }
}
