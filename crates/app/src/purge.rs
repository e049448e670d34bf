//! What goes for good: deleted versions and packages, when their time is up or
//! on the word of those who could restore them; and packages nothing came of.

use std::sync::Arc;

use wharf_db::{
    Tx, Write,
    purges::{self, Doomed},
};
use wharf_oci::Name;

use crate::{
    App, Error,
    authz::{By, permit::Delete},
    change::Change,
    clock::DAY,
    packages::KEPT,
    quota::charge,
};

/// Rows that one transaction removes at most.
const BATCH: i64 = 20;

/// Versions and blobs of theirs that one transaction looks at, about: others wait for it.
const MOST: usize = 2000;

/// How long a package is kept that uploads created and no manifest followed,
/// in microseconds.
const UNPUBLISHED_KEPT: i64 = DAY;

/// What a request removed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    pub versions: u64,
    /// There are others left.
    pub more: bool,
}

impl App {
    /// Removes for good what was deleted longer ago than [`KEPT`]. How much went.
    pub(crate) async fn purge_expired(&self) -> Result<u64, Error> {
        let now = self.clock.now();
        let mut purged = 0;
        loop {
            let now_purged = self.db.write(PurgeExpired { now }).await?;
            if now_purged == 0 {
                return Ok(purged);
            }
            purged += now_purged;
        }
    }

    /// Removes deleted versions of a package for good, as many as one
    /// transaction should.
    pub async fn purge_versions(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
    ) -> Result<Purged, Error> {
        self.change(by, PurgeVersions(package.clone())).await
    }

    /// Removes a deleted package for good; its name is free again.
    pub async fn purge_package(self: &Arc<Self>, by: &By, package: &Name) -> Result<(), Error> {
        self.change(by, PurgePackage(package.clone())).await
    }
}

struct PurgeExpired {
    now: i64,
}

impl Write for PurgeExpired {
    type Output = u64;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Error> {
        let deleted_by = self.now - KEPT;
        let mut packages = purges::expired_packages(tx, deleted_by, BATCH).await?;
        let created_by = self.now - UNPUBLISHED_KEPT;
        packages.extend(purges::unpublished_packages(tx, created_by, BATCH).await?);
        for (id, owner_id) in &packages {
            let gone = purges::remove_package(tx, *id).await?;
            charge(tx, *owner_id, -gone).await?;
        }
        let expired = purges::expired_versions(tx, deleted_by, BATCH).await?;
        let versions = remove(tx, &expired, &mut 0).await?;
        Ok(packages.len() as u64 + versions)
    }
}

/// Removes versions until enough was looked at; how many.
async fn remove(tx: &mut Tx<'_>, doomed: &[Doomed], looked_at: &mut usize) -> Result<u64, Error> {
    let mut removed = 0;
    for version in doomed {
        if *looked_at >= MOST {
            break;
        }
        let (gone, blobs) = purges::remove_version(tx, version).await?;
        charge(tx, version.owner_id, -gone).await?;
        *looked_at += 1 + blobs;
        removed += 1;
    }
    Ok(removed)
}

struct PurgeVersions(Name);

impl Change for PurgeVersions {
    type Output = Purged;

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<Purged, Error> {
        let permit = app.permit_in::<Delete>(tx, by, &self.0).await?;
        let id = permit.package_id();
        let (mut versions, mut looked_at) = (0, 0);
        // What an index lists can go once the index has.
        while looked_at < MOST {
            let doomed = purges::deleted_versions(tx, id, BATCH).await?;
            if doomed.is_empty() {
                break;
            }
            versions += remove(tx, &doomed, &mut looked_at).await?;
        }
        let more = !purges::deleted_versions(tx, id, 1).await?.is_empty();
        Ok(Purged { versions, more })
    }
}

struct PurgePackage(Name);

impl Change for PurgePackage {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_deleted(tx, by, &self.0).await?;
        let gone = purges::remove_package(tx, permit.package_id()).await?;
        charge(tx, permit.owner_id(), -gone).await
    }
}
