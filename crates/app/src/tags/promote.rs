//! Promotion: several tags pointed at once, within a package or from one
//! package into another, all or none.

use std::sync::Arc;

use wharf_db::{
    Tx,
    about::{self, Origin, PackageAbout},
    ids, packages,
    versions::{self, Version},
};
use wharf_oci::{Digest, Name, Reference, Tag};

use super::Mover;
use crate::{
    App, Error,
    authn::Caller,
    authz::{
        By, Permit,
        permit::{Pull, Push},
    },
    cache::ClosedTags,
    change::Change,
    pull::stored_digest,
    push::NewIds,
    versions::{resolve, tree_of},
};

/// Most tags promoted at once.
pub const MAX_PROMOTED: usize = 100;

/// A tag, and what it is to point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    pub tag: Tag,
    pub source: Reference,
}

/// A tag that was promoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    pub tag: Tag,
    pub digest: Digest,
}

impl App {
    /// Points tags of `to` at versions of `from`. Into another package the
    /// versions are brought along, with what belongs to them; no byte of a blob moves.
    pub async fn promote(
        self: &Arc<Self>,
        by: &By,
        from: &Name,
        to: &Name,
        promotions: Vec<Promotion>,
    ) -> Result<Vec<Promoted>, Error> {
        if promotions.is_empty() || promotions.len() > MAX_PROMOTED {
            return Err(Error::Field {
                field: "tags",
                reason: format!("name 1 to {MAX_PROMOTED} tags"),
            });
        }
        let promote = Promote {
            from: from.clone(),
            to: to.clone(),
            promotions,
            ids: self.new_ids().await?,
            closed: ClosedTags::default(),
        };
        self.change(by, promote).await
    }
}

struct Promote {
    from: Name,
    to: Name,
    promotions: Vec<Promotion>,
    ids: NewIds,
    closed: ClosedTags,
}

impl Change for Promote {
    type Output = Vec<Promoted>;

    async fn apply(
        &self,
        app: &Arc<App>,
        by: &By,
        tx: &mut Tx<'_>,
    ) -> Result<Vec<Promoted>, Error> {
        let from = app.permit_in::<Pull>(tx, by, &self.from).await?;
        let to = self.permit_target(app, by, tx).await?;
        let mover = Mover::new(app, &self.closed, &to);
        let mut promoted = Vec::new();
        for Promotion { tag, source } in &self.promotions {
            let version = self.source(tx, &from, source).await?;
            let id = bring(app, tx, &from, &to, &version).await?;
            mover.point(tx, tag.as_str(), id, &version.digest).await?;
            promoted.push(Promoted {
                tag: tag.clone(),
                digest: stored_digest(&version.digest)?,
            });
        }
        tell_the_same(tx, from.package_id(), to.package_id()).await?;
        packages::touch(tx, to.package_id(), app.clock.now()).await?;
        Ok(promoted)
    }
}

impl Promote {
    /// Permission to push to the target; a caller's promotion may create it.
    async fn permit_target(
        &self,
        app: &App,
        by: &By,
        tx: &mut Tx<'_>,
    ) -> Result<Permit<Push>, Error> {
        match by {
            By::Operator => app.permit_in(tx, by, &self.to).await,
            By::Caller(caller) => {
                let caller: &Caller = caller;
                app.permit_push(tx, caller, &self.to, self.ids).await
            }
        }
    }

    async fn source(
        &self,
        tx: &mut Tx<'_>,
        from: &Permit<Pull>,
        source: &Reference,
    ) -> Result<Version, Error> {
        let id = from.package_id();
        let version = match resolve(tx, id, source).await? {
            Some(digest) => versions::find(tx, id, digest.as_str()).await?,
            None => None,
        };
        version.ok_or_else(|| Error::ManifestUnknown {
            package: self.from.to_string(),
            reference: source.clone(),
        })
    }
}

/// A package that says nothing of itself yet says what the source's images say.
async fn tell_the_same(tx: &mut Tx<'_>, from: i64, to: i64) -> Result<(), Error> {
    if about::find(tx, to, Origin::Image).await? != PackageAbout::default() {
        return Ok(());
    }
    let told = about::find(tx, from, Origin::Image).await?;
    Ok(about::put(tx, to, Origin::Image, &told).await?)
}

/// The id of the version in the target package, where it is brought if it is not there.
async fn bring(
    app: &App,
    tx: &mut Tx<'_>,
    from: &Permit<Pull>,
    to: &Permit<Push>,
    version: &Version,
) -> Result<i64, Error> {
    if from.package_id() == to.package_id() {
        return Ok(version.id);
    }
    let tree = tree_of(tx, from.package_id(), version.clone()).await?;
    let count = i64::try_from(tree.versions.len()).unwrap_or(i64::MAX);
    let first_id = ids::reserve(tx, count).await?;
    let (package_id, now, by) = (to.package_id(), app.clock.now(), to.actor_id());
    let mut root = None;
    for (id, part) in (first_id..).zip(&tree.versions) {
        let known = versions::find_any(tx, package_id, &part.digest).await?;
        let id = if let Some(known) = known {
            if known.deleted_at.is_some() {
                versions::push_again(tx, known.id, by, now).await?;
            }
            known.id
        } else {
            versions::copy(tx, part.id, id, package_id, by, now).await?;
            id
        };
        root.get_or_insert(id);
    }
    root.ok_or_else(|| Error::Internal("a version has no tree".to_owned()))
}
