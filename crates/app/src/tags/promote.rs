//! Promotion: several tags pointed at once, within a package or from one
//! package into another, all or none.

use std::{collections::HashMap, sync::Arc};

use wharf_db::{
    Tx,
    about::{self, Origin, PackageAbout},
    ids, packages,
    quotas::Amounts,
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
    quota::charge,
    versions::{MOST, resolve, tree_of},
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
        let mut bringing = Bringing::default();
        for Promotion { tag, source } in &self.promotions {
            let version = self.source(tx, &from, source).await?;
            let id = bringing.bring(app, tx, &from, &to, &version).await?;
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

/// What one request brings into another package: each version once, and no
/// more than one transaction should write.
#[derive(Debug, Default)]
struct Bringing {
    /// By id in the source: the id in the target.
    brought: HashMap<i64, i64>,
    bytes: i64,
    /// Versions looked at: trees that overlap are walked more than once.
    looked_at: usize,
}

impl Bringing {
    /// Most bytes of manifests.
    const MOST_BYTES: i64 = 32 * 1024 * 1024;

    /// The id of the version in the target package, where it is brought if it is not there.
    async fn bring(
        &mut self,
        app: &App,
        tx: &mut Tx<'_>,
        from: &Permit<Pull>,
        to: &Permit<Push>,
        version: &Version,
    ) -> Result<i64, Error> {
        if from.package_id() == to.package_id() {
            return Ok(version.id);
        }
        if let Some(id) = self.brought.get(&version.id) {
            return Ok(*id);
        }
        let tree = tree_of(tx, from.package_id(), version.clone()).await?;
        self.looked_at += tree.versions.len();
        if tree.more || self.looked_at > MOST {
            return Err(too_much());
        }
        let count = i64::try_from(tree.versions.len()).unwrap_or(i64::MAX);
        let first_id = ids::reserve(tx, count).await?;
        for (id, part) in (first_id..).zip(&tree.versions) {
            let id = self.bring_one(app, tx, to, part, id).await?;
            self.brought.insert(part.id, id);
        }
        let root = self.brought.get(&version.id).copied();
        root.ok_or_else(|| Error::Internal("a version has no tree".to_owned()))
    }

    async fn bring_one(
        &mut self,
        app: &App,
        tx: &mut Tx<'_>,
        to: &Permit<Push>,
        part: &Version,
        new_id: i64,
    ) -> Result<i64, Error> {
        let (package_id, now, by) = (to.package_id(), app.clock.now(), to.actor_id());
        if let Some(known) = versions::find_any(tx, package_id, &part.digest).await? {
            if known.deleted_at.is_some() {
                versions::push_again(tx, known.id, by, now).await?;
            }
            return Ok(known.id);
        }
        self.bytes += part.size;
        if self.bytes > Self::MOST_BYTES {
            return Err(too_much());
        }
        let held = versions::copy(tx, part.id, new_id, package_id, by, now).await?;
        charge(tx, to.owner_id(), Amounts::bytes(part.size + held)).await?;
        Ok(new_id)
    }
}

fn too_much() -> Error {
    Error::Invalid(format!(
        "more than {MOST} manifests, or 32 MiB of them, would be brought along; promote fewer tags at once"
    ))
}
