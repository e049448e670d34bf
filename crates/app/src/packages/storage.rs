//! What a package stores, and what of it is for deleted versions only.

use wharf_db::{
    Conn, holdings,
    usage::{self, PackageUsage, Sum},
};
use wharf_oci::Name;

use crate::{
    App, Error,
    authz::{By, permit::Delete},
};

/// What a package stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageStorage {
    pub usage: PackageUsage,
    /// Bytes of blobs that no other package of the owner holds: with these the
    /// owner would store less if the package were gone.
    pub own_blob_bytes: i64,
    /// Kept for deleted versions alone.
    pub deleted_manifests: Sum,
    pub deleted_blobs: Sum,
}

impl PackageStorage {
    pub(crate) async fn of(conn: &mut Conn<'_>, package_id: i64) -> Result<Self, Error> {
        let (deleted_manifests, deleted_blobs) =
            usage::deleted_in_package(conn, package_id).await?;
        Ok(Self {
            usage: usage::of_package(conn, package_id).await?,
            own_blob_bytes: holdings::of_package_alone(conn, package_id).await?,
            deleted_manifests,
            deleted_blobs,
        })
    }
}

impl App {
    /// What a package stores, for those who may delete from it.
    pub async fn package_storage(&self, by: &By, package: &Name) -> Result<PackageStorage, Error> {
        let permit = self.permit::<Delete>(by, package).await?;
        let mut reader = self.db.reader().await?;
        PackageStorage::of(&mut reader.conn(), permit.package_id()).await
    }
}
