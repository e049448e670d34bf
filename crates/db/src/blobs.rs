//! Stored content, the leases that protect it, and the queue of objects to remove.

use crate::{Conn, Error, Tx, holdings};

statements! {
    FIND = "SELECT digest, generation, size FROM blob WHERE digest = $1";
    /// A foreign edge is a name without a right: it must not open content
    /// that another package holds. What a deleted version needs is kept for
    /// it, and shown to nobody.
    FIND_IN_PACKAGE = "SELECT b.digest, b.generation, b.size,
            EXISTS (SELECT 1 FROM version_blob e JOIN version v ON v.id = e.version_id
                WHERE e.digest = $2 AND e.package_id = $1 AND NOT e.is_foreign
                AND v.deleted_at IS NULL) AS is_referenced,
            (SELECT l.expires_at FROM lease l
                WHERE l.package_id = $1 AND l.digest = $2) AS leased_until
        FROM blob b WHERE b.digest = $2";
    INSERT = "INSERT INTO blob (digest, generation, size, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (digest) DO NOTHING";
    REVIVE = "UPDATE blob SET condemned_at = NULL WHERE digest = $1 AND condemned_at IS NOT NULL";
    LEASE = "INSERT INTO lease (package_id, digest, expires_at) VALUES ($1, $2, $3)
        ON CONFLICT (package_id, digest) DO UPDATE SET expires_at =
            CASE WHEN excluded.expires_at > lease.expires_at
                THEN excluded.expires_at ELSE lease.expires_at END";
    EXPIRED_LEASES = "SELECT l.package_id, p.owner_id, l.digest FROM lease l
        JOIN package p ON p.id = l.package_id
        WHERE l.expires_at <= $1 ORDER BY l.expires_at LIMIT $2";
    END_LEASE = "DELETE FROM lease WHERE package_id = $1 AND digest = $2";
    HOLDERS = "SELECT DISTINCT p.path FROM package p JOIN (
            SELECT e.package_id FROM version_blob e JOIN version v ON v.id = e.version_id
                WHERE e.digest = $1 AND NOT e.is_foreign AND v.deleted_at IS NULL
            UNION SELECT package_id FROM lease WHERE digest = $1 AND expires_at > $2
        ) held ON held.package_id = p.id
        WHERE p.deleted_at IS NULL AND (p.visibility = 'public' OR p.owner_id = $3) ORDER BY p.path LIMIT $4";
    QUEUE_REMOVAL = "INSERT INTO removal (digest, generation, queued_at) VALUES ($1, $2, $3)
        ON CONFLICT (digest, generation) DO NOTHING";
    REMOVALS = "SELECT digest, generation FROM removal ORDER BY queued_at, digest LIMIT $1";
    FINISH_REMOVAL = "DELETE FROM removal WHERE digest = $1 AND generation = $2";
}

/// A content that is stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Blob {
    pub digest: String,
    /// The upload that brought it: with the digest, the key of its object.
    pub generation: String,
    /// Bytes.
    pub size: i64,
}

/// A content by digest, whoever holds it. Never enough to show it to anybody.
pub async fn find(conn: &mut Conn<'_>, digest: &str) -> Result<Option<Blob>, Error> {
    query!(fetch_optional, conn, Blob, FIND, digest)
}

/// A content as seen from a package that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub blob: Blob,
    /// Whether a manifest of the package needs it.
    pub is_referenced: bool,
    /// Until when writers may rely on it (microseconds).
    pub leased_until: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct HeldRow {
    #[sqlx(flatten)]
    blob: Blob,
    is_referenced: bool,
    leased_until: Option<i64>,
}

/// A content as seen from a package: referenced by it, or leased to it at `now`.
pub async fn find_in_package(
    conn: &mut Conn<'_>,
    package_id: i64,
    digest: &str,
    now: i64,
) -> Result<Option<Held>, Error> {
    let row = query!(
        fetch_optional,
        conn,
        HeldRow,
        FIND_IN_PACKAGE,
        package_id,
        digest
    )?;
    let held = row.map(|row| Held {
        blob: row.blob,
        is_referenced: row.is_referenced,
        leased_until: row.leased_until.filter(|until| *until > now),
    });
    Ok(held.filter(|held| held.is_referenced || held.leased_until.is_some()))
}

/// Records a stored object; `false` if the content is there already, under
/// another generation.
pub async fn insert(tx: &mut Tx<'_>, blob: &Blob, at: i64) -> Result<bool, Error> {
    let rows = execute!(
        &mut **tx,
        INSERT,
        &blob.digest,
        &blob.generation,
        blob.size,
        at
    )?;
    Ok(rows == 1)
}

/// Protects a content for a package until `expires_at`, and takes it back
/// from garbage collection if that had condemned it. Returns the bytes that
/// the package's owner did not hold before.
pub async fn lease(
    tx: &mut Tx<'_>,
    package_id: i64,
    digest: &str,
    expires_at: i64,
) -> Result<i64, Error> {
    execute!(&mut **tx, REVIVE, digest)?;
    execute!(&mut **tx, LEASE, package_id, digest, expires_at)?;
    holdings::hold(tx, package_id, digest).await
}

/// A lease whose time is up.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ExpiredLease {
    pub package_id: i64,
    pub owner_id: i64,
    pub digest: String,
}

/// Leases whose time is up at `now`.
pub async fn expired_leases(
    conn: &mut Conn<'_>,
    now: i64,
    limit: i64,
) -> Result<Vec<ExpiredLease>, Error> {
    query!(fetch_all, conn, ExpiredLease, EXPIRED_LEASES, now, limit)
}

/// Whether there was a lease to end. The caller lets the content go.
pub async fn end_lease(tx: &mut Tx<'_>, package_id: i64, digest: &str) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, END_LEASE, package_id, digest)? > 0)
}

/// Paths of up to `limit` packages that hold the content and are public or
/// belong to `owner_id`: candidates for a mount without a source.
pub async fn holders(
    conn: &mut Conn<'_>,
    digest: &str,
    now: i64,
    owner_id: i64,
    limit: i64,
) -> Result<Vec<String>, Error> {
    let rows = query!(
        fetch_all,
        conn,
        (String,),
        HOLDERS,
        digest,
        now,
        owner_id,
        limit
    )?;
    Ok(rows.into_iter().map(|(path,)| path).collect())
}

/// An object that nothing refers to: its bytes go once this is committed.
pub async fn queue_removal(
    tx: &mut Tx<'_>,
    digest: &str,
    generation: &str,
    at: i64,
) -> Result<(), Error> {
    execute!(&mut **tx, QUEUE_REMOVAL, digest, generation, at)?;
    Ok(())
}

/// The oldest objects to remove, as (digest, generation).
pub async fn removals(conn: &mut Conn<'_>, limit: i64) -> Result<Vec<(String, String)>, Error> {
    query!(fetch_all, conn, (String, String), REMOVALS, limit)
}

pub async fn finish_removal(tx: &mut Tx<'_>, digest: &str, generation: &str) -> Result<(), Error> {
    execute!(&mut **tx, FINISH_REMOVAL, digest, generation)?;
    Ok(())
}
