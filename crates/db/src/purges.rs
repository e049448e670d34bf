//! What goes for good: deleted versions and packages, and packages that never
//! came to be. Their blobs stay for garbage collection.

use crate::{Conn, Error, Tx, holdings, quotas::Amounts, usage};

statements! {
    /// What a deleted index lists goes after it, so that what can be restored is whole.
    EXPIRED_VERSIONS = "SELECT v.id, v.package_id, p.owner_id, v.size
        FROM version v JOIN package p ON p.id = v.package_id
        WHERE v.deleted_at <= $1 AND NOT EXISTS (SELECT 1 FROM version_child c
            WHERE c.package_id = v.package_id AND c.digest = v.digest)
        ORDER BY v.deleted_at LIMIT $2";
    DELETED_VERSIONS = "SELECT v.id, v.package_id, p.owner_id, v.size
        FROM version v JOIN package p ON p.id = v.package_id
        WHERE v.package_id = $1 AND v.deleted_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM version_child c
            WHERE c.package_id = v.package_id AND c.digest = v.digest)
        ORDER BY v.id LIMIT $2";
    EXPIRED_PACKAGES = "SELECT id, owner_id FROM package
        WHERE deleted_at <= $1 ORDER BY deleted_at LIMIT $2";
    UNPUBLISHED = "SELECT p.id, p.owner_id FROM package p
        WHERE p.published_at IS NULL AND p.created_at <= $1
        AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.package_id = p.id)
        AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.package_id = p.id)
        AND NOT EXISTS (SELECT 1 FROM version v WHERE v.package_id = p.id)
        ORDER BY p.created_at LIMIT $2";
    BLOBS = "SELECT DISTINCT digest FROM version_blob WHERE version_id = $1 AND NOT is_foreign";
    REMOVE_VERSION = "DELETE FROM version WHERE id = $1";
    REMOVE_PACKAGE = "DELETE FROM package WHERE id = $1";
}

/// A version that is to go.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Doomed {
    pub id: i64,
    pub package_id: i64,
    pub owner_id: i64,
    /// Bytes of the manifest.
    pub size: i64,
}

/// Versions that were deleted by `before`.
pub async fn expired_versions(
    conn: &mut Conn<'_>,
    before: i64,
    limit: i64,
) -> Result<Vec<Doomed>, Error> {
    query!(fetch_all, conn, Doomed, EXPIRED_VERSIONS, before, limit)
}

/// The deleted versions of a package.
pub async fn deleted_versions(
    conn: &mut Conn<'_>,
    package_id: i64,
    limit: i64,
) -> Result<Vec<Doomed>, Error> {
    query!(fetch_all, conn, Doomed, DELETED_VERSIONS, package_id, limit)
}

/// Packages that were deleted by `before`, as (id, owner).
pub async fn expired_packages(
    conn: &mut Conn<'_>,
    before: i64,
    limit: i64,
) -> Result<Vec<(i64, i64)>, Error> {
    query!(fetch_all, conn, (i64, i64), EXPIRED_PACKAGES, before, limit)
}

/// Packages that an upload created by `before` and that nothing came of.
pub async fn unpublished_packages(
    conn: &mut Conn<'_>,
    before: i64,
    limit: i64,
) -> Result<Vec<(i64, i64)>, Error> {
    query!(fetch_all, conn, (i64, i64), UNPUBLISHED, before, limit)
}

/// Removes a version with its edges; what its owner stores less by that, and
/// how many blobs it had.
pub async fn remove_version(tx: &mut Tx<'_>, version: &Doomed) -> Result<(Amounts, usize), Error> {
    let blobs = query!(fetch_all, &mut **tx, (String,), BLOBS, version.id)?;
    execute!(&mut **tx, REMOVE_VERSION, version.id)?;
    let mut bytes = version.size;
    for (digest,) in &blobs {
        bytes += holdings::release(tx, version.package_id, digest).await?;
    }
    Ok((Amounts::bytes(bytes), blobs.len()))
}

/// Removes a package with everything in it; what its owner stores less by that.
pub async fn remove_package(tx: &mut Tx<'_>, id: i64) -> Result<Amounts, Error> {
    let alone = holdings::of_package_alone(tx, id).await?;
    let used = usage::of_package(tx, id).await?;
    let gone = execute!(&mut **tx, REMOVE_PACKAGE, id)?;
    Ok(Amounts {
        bytes: alone + used.manifests.bytes + used.uploads.bytes,
        packages: i64::from(gone > 0),
        tags: used.tags,
    })
}
