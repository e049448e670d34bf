//! What is stored for an owner, a package, a version: counted when asked.

use crate::{Conn, Error};

statements! {
    BLOBS_OF_OWNER = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(h.size), 0) AS BIGINT) AS bytes
        FROM (SELECT DISTINCT digest, size FROM holding WHERE owner_id = $1) AS h";
    MANIFESTS_OF_OWNER = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(v.size), 0) AS BIGINT) AS bytes
        FROM package p JOIN version v ON v.package_id = p.id WHERE p.owner_id = $1";
    UPLOADS_OF_OWNER = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(reserved), 0) AS BIGINT) AS bytes
        FROM upload WHERE owner_id = $1";
    PACKAGES_OF_OWNER = "SELECT COUNT(*) FROM package WHERE owner_id = $1";
    TAGS_OF_OWNER = "SELECT COUNT(*) FROM package p JOIN tag t ON t.package_id = p.id
        WHERE p.owner_id = $1";
    BLOBS_OF_PACKAGE = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes
        FROM holding WHERE package_id = $1";
    MANIFESTS_OF_PACKAGE = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes
        FROM version WHERE package_id = $1";
    UPLOADS_OF_PACKAGE = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(reserved), 0) AS BIGINT) AS bytes
        FROM upload WHERE package_id = $1";
    TAGS_OF_PACKAGE = "SELECT COUNT(*) FROM tag WHERE package_id = $1";
    DELETED_MANIFESTS = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes
        FROM version WHERE package_id = $1 AND deleted_at IS NOT NULL";
    DELETED_BLOBS = "SELECT COUNT(*) AS count, CAST(COALESCE(SUM(h.size), 0) AS BIGINT) AS bytes
        FROM holding h WHERE h.package_id = $1
        AND NOT EXISTS (SELECT 1 FROM version_blob e JOIN version v ON v.id = e.version_id
            WHERE e.digest = h.digest AND e.package_id = h.package_id AND NOT e.is_foreign
            AND v.deleted_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.package_id = h.package_id AND l.digest = h.digest)";
    /// Of an index: itself and the manifests below it.
    BLOBS_OF_VERSION = "WITH RECURSIVE part (id) AS (
            SELECT CAST($1 AS BIGINT)
            UNION SELECT v.id FROM part JOIN version_child c ON c.version_id = part.id
            JOIN version v ON v.package_id = c.package_id AND v.digest = c.digest
        )
        SELECT COUNT(*) AS count, CAST(COALESCE(SUM(b.size), 0) AS BIGINT) AS bytes
        FROM (SELECT DISTINCT e.digest, e.size FROM version_blob e
            WHERE e.version_id IN (SELECT id FROM part) AND NOT e.is_foreign) AS b";
    BLOBS_OF_VERSION_ALONE = "WITH RECURSIVE part (id) AS (
            SELECT CAST($1 AS BIGINT)
            UNION SELECT v.id FROM part JOIN version_child c ON c.version_id = part.id
            JOIN version v ON v.package_id = c.package_id AND v.digest = c.digest
        )
        SELECT COUNT(*) AS count, CAST(COALESCE(SUM(b.size), 0) AS BIGINT) AS bytes
        FROM (SELECT DISTINCT e.package_id, e.digest, e.size FROM version_blob e
            WHERE e.version_id IN (SELECT id FROM part) AND NOT e.is_foreign) AS b
        WHERE NOT EXISTS (SELECT 1 FROM version_blob o WHERE o.digest = b.digest
            AND o.package_id = b.package_id AND NOT o.is_foreign
            AND o.version_id NOT IN (SELECT id FROM part))";
    LIST_BLOBS = "SELECT e.role, e.digest, e.media_type, e.size, e.is_foreign,
            EXISTS (SELECT 1 FROM version_blob o WHERE o.digest = e.digest
                AND o.package_id = e.package_id AND NOT o.is_foreign
                AND o.version_id <> e.version_id) AS is_shared
        FROM version_blob e WHERE e.version_id = $1 ORDER BY e.position LIMIT $2";
}

/// How many, and of how many bytes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Sum {
    pub count: i64,
    pub bytes: i64,
}

/// What an owner stores. Each blob counts once, in however many packages it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnerUsage {
    pub blobs: Sum,
    pub manifests: Sum,
    /// Under way, with the room reserved for them.
    pub uploads: Sum,
    /// Deleted ones too, until they are gone for good.
    pub packages: i64,
    pub tags: i64,
}

pub async fn of_owner(conn: &mut Conn<'_>, owner_id: i64) -> Result<OwnerUsage, Error> {
    Ok(OwnerUsage {
        blobs: query!(fetch_one, &mut *conn, Sum, BLOBS_OF_OWNER, owner_id)?,
        manifests: query!(fetch_one, &mut *conn, Sum, MANIFESTS_OF_OWNER, owner_id)?,
        uploads: query!(fetch_one, &mut *conn, Sum, UPLOADS_OF_OWNER, owner_id)?,
        packages: query!(fetch_one, &mut *conn, (i64,), PACKAGES_OF_OWNER, owner_id)?.0,
        tags: query!(fetch_one, &mut *conn, (i64,), TAGS_OF_OWNER, owner_id)?.0,
    })
}

/// What a package stores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackageUsage {
    pub blobs: Sum,
    pub manifests: Sum,
    pub uploads: Sum,
    pub tags: i64,
}

pub async fn of_package(conn: &mut Conn<'_>, package_id: i64) -> Result<PackageUsage, Error> {
    Ok(PackageUsage {
        blobs: query!(fetch_one, &mut *conn, Sum, BLOBS_OF_PACKAGE, package_id)?,
        manifests: query!(fetch_one, &mut *conn, Sum, MANIFESTS_OF_PACKAGE, package_id)?,
        uploads: query!(fetch_one, &mut *conn, Sum, UPLOADS_OF_PACKAGE, package_id)?,
        tags: query!(fetch_one, &mut *conn, (i64,), TAGS_OF_PACKAGE, package_id)?.0,
    })
}

/// What of a package is kept for deleted versions alone: manifests and blobs.
pub async fn deleted_in_package(conn: &mut Conn<'_>, package_id: i64) -> Result<(Sum, Sum), Error> {
    let manifests = query!(fetch_one, &mut *conn, Sum, DELETED_MANIFESTS, package_id)?;
    let blobs = query!(fetch_one, &mut *conn, Sum, DELETED_BLOBS, package_id)?;
    Ok((manifests, blobs))
}

/// The blobs of a version, each once; of an index, those of its images.
pub async fn of_version(conn: &mut Conn<'_>, version_id: i64) -> Result<Sum, Error> {
    query!(fetch_one, conn, Sum, BLOBS_OF_VERSION, version_id)
}

/// Of these, the blobs that nothing else in the package needs.
pub async fn of_version_alone(conn: &mut Conn<'_>, version_id: i64) -> Result<Sum, Error> {
    query!(fetch_one, conn, Sum, BLOBS_OF_VERSION_ALONE, version_id)
}

/// A blob that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BlobUse {
    /// `config` or `layer`.
    pub role: String,
    pub digest: String,
    pub media_type: String,
    /// Bytes.
    pub size: i64,
    /// It need not be here.
    pub is_foreign: bool,
    /// Another version of the package needs it too.
    pub is_shared: bool,
}

/// Up to `limit` of them, in the manifest's order.
pub async fn blobs_of_version(
    conn: &mut Conn<'_>,
    version_id: i64,
    limit: i64,
) -> Result<Vec<BlobUse>, Error> {
    query!(fetch_all, conn, BlobUse, LIST_BLOBS, version_id, limit)
}
