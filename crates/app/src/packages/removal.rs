//! Deleting packages, and getting them back.

use std::sync::Arc;

use wharf_db::{
    Tx, Write,
    packages::{self, DeletedPackage},
    versions,
};
use wharf_oci::Name;

use crate::{
    App, Error,
    authz::{By, permit::Delete},
    change::Change,
    clock::DAY,
};

/// How long what was deleted can be restored, in microseconds.
pub const KEPT: i64 = 30 * DAY;

/// Rows that one purging transaction removes at most.
const BATCH: i64 = 20;

impl App {
    /// Deletes a package. It can be restored for [`KEPT`]; until then its name stays taken.
    pub async fn delete_package(self: &Arc<Self>, by: &By, package: &Name) -> Result<(), Error> {
        self.change(by, DeletePackage(package.clone())).await
    }

    /// Brings a deleted package back as it was.
    pub async fn restore_package(self: &Arc<Self>, by: &By, package: &Name) -> Result<(), Error> {
        self.change(by, RestorePackage(package.clone())).await
    }

    /// Up to `limit` deleted packages of an owner after the path `after`, for those who manage it.
    pub async fn deleted_packages(
        &self,
        by: &By,
        owner: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<DeletedPackage>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let permit = self.permit_owner(conn, by, owner).await?;
        Ok(packages::deleted(conn, permit.owner_id(), after, limit).await?)
    }

    /// Removes for good what was deleted longer ago than [`KEPT`]. How much went.
    pub(crate) async fn purge(&self) -> Result<u64, Error> {
        let before = self.clock.now() - KEPT;
        let mut purged = 0;
        loop {
            let now_purged = self.db.write(Purge { before }).await?;
            if now_purged == 0 {
                return Ok(purged);
            }
            purged += now_purged;
        }
    }
}

struct DeletePackage(Name);

impl Change for DeletePackage {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Delete>(tx, by, &self.0).await?;
        let now = app.clock.now();
        Ok(packages::delete(tx, permit.package_id(), now, permit.actor_id()).await?)
    }
}

struct RestorePackage(Name);

impl Change for RestorePackage {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_deleted(tx, by, &self.0).await?;
        Ok(packages::restore(tx, permit.package_id()).await?)
    }
}

struct Purge {
    before: i64,
}

impl Write for Purge {
    type Output = u64;
    type Error = wharf_db::Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, wharf_db::Error> {
        let packages = packages::purge(tx, self.before, BATCH).await?;
        Ok(packages + versions::purge(tx, self.before, BATCH).await?)
    }
}
