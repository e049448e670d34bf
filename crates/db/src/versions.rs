//! Versions: the manifests of packages, their bytes, and the edges between them.

use crate::{Conn, Error, Tx};

statements! {
    FIND = "SELECT id, digest, media_type, size, subject FROM version
        WHERE package_id = $1 AND digest = $2";
    CONTENT = "SELECT v.media_type, c.bytes FROM version v
        JOIN version_content c ON c.version_id = v.id
        WHERE v.package_id = $1 AND v.digest = $2";
    INSERT = "INSERT INTO version (id, package_id, digest, media_type, artifact_type, subject,
            annotations, size, pushed_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    INSERT_CONTENT = "INSERT INTO version_content (version_id, bytes) VALUES ($1, $2)";
    INSERT_BLOB = "INSERT INTO version_blob
            (version_id, position, package_id, role, digest, media_type, size, is_foreign)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    INSERT_CHILD = "INSERT INTO version_child
            (version_id, position, package_id, digest, media_type, size, platform)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    PARENT = "SELECT v.digest FROM version_child c JOIN version v ON v.id = c.version_id
        WHERE c.package_id = $1 AND c.digest = $2 ORDER BY v.id LIMIT 1";
    REFERRERS = "SELECT digest, media_type, artifact_type, size, annotations FROM version
        WHERE package_id = $1 AND subject = $2 AND digest > $3 ORDER BY digest LIMIT $4";
    REFERRERS_OF_TYPE = "SELECT digest, media_type, artifact_type, size, annotations FROM version
        WHERE package_id = $1 AND subject = $2 AND artifact_type = $5 AND digest > $3
        ORDER BY digest LIMIT $4";
    REFERRER_SIZES = "SELECT CAST(LENGTH(annotations) AS BIGINT) FROM version
        WHERE package_id = $1 AND subject = $2 AND digest > $3 ORDER BY digest LIMIT $4";
    REFERRER_SIZES_OF_TYPE = "SELECT CAST(LENGTH(annotations) AS BIGINT) FROM version
        WHERE package_id = $1 AND subject = $2 AND artifact_type = $5 AND digest > $3
        ORDER BY digest LIMIT $4";
    DELETE = "DELETE FROM version WHERE id = $1";
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Version {
    pub id: i64,
    pub digest: String,
    pub media_type: String,
    /// Bytes of the manifest itself.
    pub size: i64,
    pub subject: Option<String>,
}

/// A manifest about to be stored.
#[derive(Debug)]
pub struct NewVersion<'a> {
    pub id: i64,
    pub package_id: i64,
    pub digest: &'a str,
    pub media_type: &'a str,
    pub artifact_type: Option<&'a str>,
    pub subject: Option<&'a str>,
    /// A JSON object of strings.
    pub annotations: &'a str,
    pub bytes: &'a [u8],
    pub pushed_by: Option<i64>,
    pub created_at: i64,
}

pub async fn find(
    conn: &mut Conn<'_>,
    package_id: i64,
    digest: &str,
) -> Result<Option<Version>, Error> {
    query!(fetch_optional, conn, Version, FIND, package_id, digest)
}

/// The media type and bytes of a manifest, exactly as pushed.
pub async fn content(
    conn: &mut Conn<'_>,
    package_id: i64,
    digest: &str,
) -> Result<Option<(String, Vec<u8>)>, Error> {
    query!(
        fetch_optional,
        conn,
        (String, Vec<u8>),
        CONTENT,
        package_id,
        digest
    )
}

pub async fn insert(tx: &mut Tx<'_>, version: &NewVersion<'_>) -> Result<(), Error> {
    execute!(
        &mut **tx,
        INSERT,
        version.id,
        version.package_id,
        version.digest,
        version.media_type,
        version.artifact_type,
        version.subject,
        version.annotations,
        i64::try_from(version.bytes.len()).unwrap_or(i64::MAX),
        version.pushed_by,
        version.created_at,
    )?;
    execute!(&mut **tx, INSERT_CONTENT, version.id, version.bytes)?;
    Ok(())
}

/// An edge from a manifest to its config or a layer.
#[derive(Debug)]
pub struct BlobEdge<'a> {
    pub position: i64,
    /// `config` or `layer`.
    pub role: &'static str,
    pub digest: &'a str,
    pub media_type: &'a str,
    pub size: i64,
    /// The content is not held here and may be absent.
    pub is_foreign: bool,
}

pub async fn insert_blob_edge(
    tx: &mut Tx<'_>,
    version: &NewVersion<'_>,
    edge: &BlobEdge<'_>,
) -> Result<(), Error> {
    execute!(
        &mut **tx,
        INSERT_BLOB,
        version.id,
        edge.position,
        version.package_id,
        edge.role,
        edge.digest,
        edge.media_type,
        edge.size,
        edge.is_foreign,
    )?;
    Ok(())
}

/// An edge from an index to one of its manifests.
#[derive(Debug)]
pub struct ChildEdge<'a> {
    pub position: i64,
    pub digest: &'a str,
    pub media_type: &'a str,
    pub size: i64,
    pub platform: Option<&'a str>,
}

pub async fn insert_child_edge(
    tx: &mut Tx<'_>,
    version: &NewVersion<'_>,
    edge: &ChildEdge<'_>,
) -> Result<(), Error> {
    execute!(
        &mut **tx,
        INSERT_CHILD,
        version.id,
        edge.position,
        version.package_id,
        edge.digest,
        edge.media_type,
        edge.size,
        edge.platform,
    )?;
    Ok(())
}

/// An index of the package that lists `digest`, if there is one.
pub async fn find_parent(
    conn: &mut Conn<'_>,
    package_id: i64,
    digest: &str,
) -> Result<Option<String>, Error> {
    let row = query!(fetch_optional, conn, (String,), PARENT, package_id, digest)?;
    Ok(row.map(|(digest,)| digest))
}

/// A manifest that names another as its subject.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Referrer {
    pub digest: String,
    pub media_type: String,
    pub artifact_type: Option<String>,
    pub size: i64,
    /// A JSON object of strings.
    pub annotations: String,
}

/// Characters of annotations of what [`referrers`] would return: they may be
/// long, so a page is measured before it is read.
pub async fn referrer_sizes(
    conn: &mut Conn<'_>,
    package_id: i64,
    subject: &str,
    artifact_type: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<i64>, Error> {
    let rows = match artifact_type {
        None => query!(
            fetch_all,
            conn,
            (i64,),
            REFERRER_SIZES,
            package_id,
            subject,
            after,
            limit
        )?,
        Some(kind) => query!(
            fetch_all,
            conn,
            (i64,),
            REFERRER_SIZES_OF_TYPE,
            package_id,
            subject,
            after,
            limit,
            kind,
        )?,
    };
    Ok(rows.into_iter().map(|(size,)| size).collect())
}

/// Referrers of `subject` after the digest `after`, in order.
pub async fn referrers(
    conn: &mut Conn<'_>,
    package_id: i64,
    subject: &str,
    artifact_type: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<Referrer>, Error> {
    match artifact_type {
        None => query!(
            fetch_all, conn, Referrer, REFERRERS, package_id, subject, after, limit
        ),
        Some(kind) => query!(
            fetch_all,
            conn,
            Referrer,
            REFERRERS_OF_TYPE,
            package_id,
            subject,
            after,
            limit,
            kind,
        ),
    }
}

/// Removes a version with its edges and tags.
pub async fn delete(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    execute!(&mut **tx, DELETE, id)?;
    Ok(())
}
