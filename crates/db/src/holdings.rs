//! What each package holds, each content once. An owner holds what its
//! packages hold, each content once too.
//!
//! Content joins by [`crate::blobs::lease`] and [`crate::versions::copy`], and
//! leaves when neither a version, restorable ones included, nor a lease needs it.

use crate::{Conn, Error, Tx};

statements! {
    HOLD = "INSERT INTO holding (package_id, digest, owner_id, size)
        SELECT p.id, b.digest, p.owner_id, b.size FROM package p, blob b
        WHERE p.id = $1 AND b.digest = $2
        ON CONFLICT (package_id, digest) DO NOTHING";
    HOLD_OF_VERSION = "INSERT INTO holding (package_id, digest, owner_id, size)
        SELECT DISTINCT e.package_id, e.digest, p.owner_id, e.size FROM version_blob e
        JOIN package p ON p.id = e.package_id WHERE e.version_id = $1 AND NOT e.is_foreign
        ON CONFLICT (package_id, digest) DO NOTHING";
    NEW_OF_VERSION = "SELECT CAST(COALESCE(SUM(n.size), 0) AS BIGINT) FROM (
            SELECT DISTINCT e.digest, e.size FROM version_blob e
            JOIN package p ON p.id = e.package_id
            WHERE e.version_id = $1 AND NOT e.is_foreign AND NOT EXISTS (SELECT 1 FROM holding h
                WHERE h.owner_id = p.owner_id AND h.digest = e.digest)
        ) AS n";
    SIZE_IF_ALONE = "SELECT h.size FROM holding h
        WHERE h.package_id = $1 AND h.digest = $2 AND NOT EXISTS (SELECT 1 FROM holding o
            WHERE o.owner_id = h.owner_id AND o.digest = h.digest AND o.package_id <> h.package_id)";
    RELEASE = "DELETE FROM holding WHERE package_id = $1 AND digest = $2
        AND NOT EXISTS (SELECT 1 FROM version_blob e
            WHERE e.package_id = $1 AND e.digest = $2 AND NOT e.is_foreign)
        AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.package_id = $1 AND l.digest = $2)";
    OF_PACKAGE_ALONE = "SELECT CAST(COALESCE(SUM(h.size), 0) AS BIGINT) FROM holding h
        WHERE h.package_id = $1 AND NOT EXISTS (SELECT 1 FROM holding o
            WHERE o.owner_id = h.owner_id AND o.digest = h.digest AND o.package_id <> h.package_id)";
    NEW_TO_OWNER = "SELECT CAST(COALESCE(SUM(h.size), 0) AS BIGINT) FROM holding h
        WHERE h.package_id = $1 AND NOT EXISTS (SELECT 1 FROM holding o
            WHERE o.owner_id = $2 AND o.digest = h.digest)";
    SET_OWNER = "UPDATE holding SET owner_id = $2 WHERE package_id = $1";
}

/// A stored content is in the package from now on. Returns the bytes that its
/// owner did not hold before.
pub async fn hold(tx: &mut Tx<'_>, package_id: i64, digest: &str) -> Result<i64, Error> {
    if execute!(&mut **tx, HOLD, package_id, digest)? == 0 {
        return Ok(0);
    }
    size_if_alone(tx, package_id, digest).await
}

/// The same for all blobs of a version.
pub async fn hold_version(tx: &mut Tx<'_>, version_id: i64) -> Result<i64, Error> {
    let (bytes,): (i64,) = query!(fetch_one, &mut **tx, (i64,), NEW_OF_VERSION, version_id)?;
    execute!(&mut **tx, HOLD_OF_VERSION, version_id)?;
    Ok(bytes)
}

/// Lets a content go from a package where nothing needs it any more. Returns
/// the bytes that its owner holds no longer.
pub async fn release(tx: &mut Tx<'_>, package_id: i64, digest: &str) -> Result<i64, Error> {
    let bytes = size_if_alone(tx, package_id, digest).await?;
    let gone = execute!(&mut **tx, RELEASE, package_id, digest)?;
    Ok(if gone == 0 { 0 } else { bytes })
}

async fn size_if_alone(tx: &mut Tx<'_>, package_id: i64, digest: &str) -> Result<i64, Error> {
    let row = query!(
        fetch_optional,
        &mut **tx,
        (i64,),
        SIZE_IF_ALONE,
        package_id,
        digest
    )?;
    Ok(row.map_or(0, |(size,)| size))
}

/// Bytes that no other package of the same owner holds.
pub async fn of_package_alone(conn: &mut Conn<'_>, package_id: i64) -> Result<i64, Error> {
    Ok(query!(fetch_one, conn, (i64,), OF_PACKAGE_ALONE, package_id)?.0)
}

/// Bytes of a package that an owner would hold only with it.
pub async fn new_to_owner(
    conn: &mut Conn<'_>,
    package_id: i64,
    owner_id: i64,
) -> Result<i64, Error> {
    Ok(query!(fetch_one, conn, (i64,), NEW_TO_OWNER, package_id, owner_id)?.0)
}

/// Follows a package to another owner.
pub async fn set_owner(tx: &mut Tx<'_>, package_id: i64, owner_id: i64) -> Result<(), Error> {
    execute!(&mut **tx, SET_OWNER, package_id, owner_id)?;
    Ok(())
}
