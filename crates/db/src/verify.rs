//! What must hold between tables, as queries that return the offenders.

use crate::{Conn, Error};

statements! {
    DANGLING_BLOB_EDGES = "SELECT p.path, v.digest, e.digest FROM version_blob e
        JOIN version v ON v.id = e.version_id JOIN package p ON p.id = v.package_id
        WHERE NOT e.is_foreign AND NOT EXISTS
            (SELECT 1 FROM blob b WHERE b.digest = e.digest AND b.size = e.size)
        ORDER BY v.id LIMIT $1";
    DANGLING_CHILD_EDGES = "SELECT p.path, v.digest, e.digest FROM version_child e
        JOIN version v ON v.id = e.version_id JOIN package p ON p.id = v.package_id
        JOIN account a ON a.id = p.owner_id
        WHERE a.kind <> 'upstream' AND NOT EXISTS
            (SELECT 1 FROM version c WHERE c.package_id = e.package_id AND c.digest = e.digest
                AND (c.deleted_at IS NULL OR v.deleted_at IS NOT NULL))
        ORDER BY v.id LIMIT $1";
    BLOBS = "SELECT digest, generation, size FROM blob WHERE digest > $1 ORDER BY digest LIMIT $2";
    VERSIONS = "SELECT v.id, p.path, v.digest, c.bytes FROM version v
        JOIN package p ON p.id = v.package_id JOIN version_content c ON c.version_id = v.id
        WHERE v.id > $1 ORDER BY v.id LIMIT $2";
    /// What is held for nothing, or by another owner than the package's.
    HELD_WRONGLY = "SELECT p.path, h.digest FROM holding h JOIN package p ON p.id = h.package_id
        WHERE h.owner_id <> p.owner_id
        OR (NOT EXISTS (SELECT 1 FROM version_blob e WHERE e.package_id = h.package_id
                AND e.digest = h.digest AND NOT e.is_foreign)
            AND NOT EXISTS (SELECT 1 FROM lease l
                WHERE l.package_id = h.package_id AND l.digest = h.digest))
        OR NOT EXISTS (SELECT 1 FROM blob b WHERE b.digest = h.digest AND b.size = h.size)
        ORDER BY p.path LIMIT $1";
    /// What a version or a lease needs, and the package does not hold.
    NOT_HELD = "SELECT p.path, n.digest FROM (
            SELECT package_id, digest FROM version_blob WHERE NOT is_foreign
            UNION SELECT package_id, digest FROM lease
        ) AS n JOIN package p ON p.id = n.package_id
        WHERE NOT EXISTS (SELECT 1 FROM holding h
            WHERE h.package_id = n.package_id AND h.digest = n.digest)
        ORDER BY p.path LIMIT $1";
    UPLOADS_OF_OTHERS = "SELECT p.path, u.id FROM upload u JOIN package p ON p.id = u.package_id
        WHERE u.owner_id <> p.owner_id OR u.reserved < u.received ORDER BY u.id LIMIT $1";
    VERSIONS_WITHOUT_CONTENT = "SELECT p.path, v.digest, v.digest FROM version v
        JOIN package p ON p.id = v.package_id
        WHERE NOT EXISTS (SELECT 1 FROM version_content c WHERE c.version_id = v.id)
        ORDER BY v.id LIMIT $1";
}

/// A manifest that needs something that is not there.
#[derive(Debug, Clone)]
pub struct Dangling {
    pub package: String,
    pub manifest: String,
    pub missing: String,
}

type Triple = (String, String, String);

fn dangling(rows: Vec<Triple>) -> Vec<Dangling> {
    let each = |(package, manifest, missing)| Dangling {
        package,
        manifest,
        missing,
    };
    rows.into_iter().map(each).collect()
}

/// Edges to blobs that are not recorded, or recorded with another size.
pub async fn dangling_blob_edges(conn: &mut Conn<'_>, limit: i64) -> Result<Vec<Dangling>, Error> {
    query!(fetch_all, conn, Triple, DANGLING_BLOB_EDGES, limit).map(dangling)
}

/// Indexes whose manifests are missing (upstream namespaces may be sparse).
pub async fn dangling_child_edges(conn: &mut Conn<'_>, limit: i64) -> Result<Vec<Dangling>, Error> {
    query!(fetch_all, conn, Triple, DANGLING_CHILD_EDGES, limit).map(dangling)
}

/// Versions whose bytes are gone.
pub async fn versions_without_content(
    conn: &mut Conn<'_>,
    limit: i64,
) -> Result<Vec<Dangling>, Error> {
    query!(fetch_all, conn, Triple, VERSIONS_WITHOUT_CONTENT, limit).map(dangling)
}

/// Where the account of who stores what is wrong, as (package, digest or upload).
pub async fn misaccounted(conn: &mut Conn<'_>, limit: i64) -> Result<Vec<(String, String)>, Error> {
    let mut all = Vec::new();
    for sql in [HELD_WRONGLY, NOT_HELD, UPLOADS_OF_OTHERS] {
        all.extend(query!(fetch_all, &mut *conn, (String, String), sql, limit)?);
    }
    Ok(all)
}

/// All blobs, a page at a time.
pub async fn blobs(
    conn: &mut Conn<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<crate::blobs::Blob>, Error> {
    query!(fetch_all, conn, crate::blobs::Blob, BLOBS, after, limit)
}

/// A manifest with its bytes, to be hashed again.
#[derive(Debug, sqlx::FromRow)]
pub struct StoredVersion {
    pub id: i64,
    pub path: String,
    pub digest: String,
    pub bytes: Vec<u8>,
}

/// All manifests, a page at a time.
pub async fn versions(
    conn: &mut Conn<'_>,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredVersion>, Error> {
    query!(fetch_all, conn, StoredVersion, VERSIONS, after, limit)
}

/// The engine's own check of its files and foreign keys; empty if all is well.
pub async fn integrity(conn: &mut Conn<'_>) -> Result<Vec<String>, Error> {
    let Conn::Sqlite(c) = conn else {
        return Ok(Vec::new());
    };
    let checks = sqlx::query_as::<_, (String,)>("PRAGMA integrity_check");
    let found: Vec<(String,)> = checks.fetch_all(&mut **c).await?;
    let keys = sqlx::query_as::<_, (String,)>("SELECT \"table\" FROM pragma_foreign_key_check");
    let broken: Vec<(String,)> = keys.fetch_all(&mut **c).await?;
    let mut problems: Vec<String> = found.into_iter().map(|(line,)| line).collect();
    problems.retain(|line| line != "ok");
    problems.extend(
        broken
            .into_iter()
            .map(|(table,)| format!("broken foreign key in {table}")),
    );
    Ok(problems)
}
