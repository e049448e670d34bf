//! Deleting packages, and getting them back.

use std::sync::Arc;

use wharf_db::{
    Tx, holdings,
    packages::{self, DeletedPackage},
    usage,
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

/// A package that can be restored.
#[derive(Debug, Clone)]
pub struct DeletedSummary {
    pub package: DeletedPackage,
    /// What its owner stores less once it is gone for good.
    pub bytes: i64,
}

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
    ) -> Result<Vec<DeletedSummary>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let permit = self.permit_owner(conn, by, owner).await?;
        let mut summaries = Vec::new();
        for package in packages::deleted(conn, permit.owner_id(), after, limit).await? {
            let manifests = usage::of_package(conn, package.id).await?.manifests;
            let blobs = holdings::of_package_alone(conn, package.id).await?;
            summaries.push(DeletedSummary {
                bytes: manifests.bytes + blobs,
                package,
            });
        }
        Ok(summaries)
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
