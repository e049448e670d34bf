//! Versions: the manifests of packages, their bytes, and the edges between them.

use crate::{Conn, Error, Tx, holdings, usage};

statements! {
    FIND = "SELECT id, digest, media_type, size, subject, last_pushed_at, deleted_at FROM version
        WHERE package_id = $1 AND digest = $2 AND deleted_at IS NULL";
    FIND_ANY = "SELECT id, digest, media_type, size, subject, last_pushed_at, deleted_at FROM version
        WHERE package_id = $1 AND digest = $2";
    CONTENT = "SELECT v.media_type, c.bytes FROM version v
        JOIN version_content c ON c.version_id = v.id
        WHERE v.package_id = $1 AND v.digest = $2 AND v.deleted_at IS NULL";
    INSERT = "INSERT INTO version (id, package_id, digest, media_type, artifact_type, subject,
            annotations, size, platforms, content_size, labels, pushed_by, created_at,
            last_pushed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)";
    INSERT_CONTENT = "INSERT INTO version_content (version_id, bytes) VALUES ($1, $2)";
    INSERT_BLOB = "INSERT INTO version_blob
            (version_id, position, package_id, role, digest, media_type, size, is_foreign)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    INSERT_CHILD = "INSERT INTO version_child
            (version_id, position, package_id, digest, media_type, size, platform)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    PARENT = "SELECT v.digest FROM version_child c JOIN version v ON v.id = c.version_id
        WHERE c.package_id = $1 AND c.digest = $2 AND v.deleted_at IS NULL LIMIT 1";
    /// What stands for itself: neither listed by an index nor attached to a subject.
    LIST = "SELECT v.id, v.digest, v.media_type, v.artifact_type, v.size, v.platforms, v.content_size,
        a.login AS pushed_by, v.created_at, v.deleted_at
        FROM version v LEFT JOIN account a ON a.id = v.pushed_by
        WHERE v.package_id = $1 AND v.deleted_at IS NULL AND v.id < $2
        AND NOT EXISTS (SELECT 1 FROM version_child c JOIN version i ON i.id = c.version_id
            WHERE c.package_id = v.package_id AND c.digest = v.digest AND i.deleted_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM version s WHERE s.package_id = v.package_id
            AND s.digest = v.subject AND s.deleted_at IS NULL)
        ORDER BY v.id DESC LIMIT $3";
    LIST_UNTAGGED = "SELECT v.id, v.digest, v.media_type, v.artifact_type, v.size, v.platforms, v.content_size,
        a.login AS pushed_by, v.created_at, v.deleted_at
        FROM version v LEFT JOIN account a ON a.id = v.pushed_by
        WHERE v.package_id = $1 AND v.deleted_at IS NULL AND v.id < $2
        AND v.last_pushed_at < $4
        AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.version_id = v.id)
        AND NOT EXISTS (SELECT 1 FROM version_child c JOIN version i ON i.id = c.version_id
            WHERE c.package_id = v.package_id AND c.digest = v.digest AND i.deleted_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM version s WHERE s.package_id = v.package_id
            AND s.digest = v.subject AND s.deleted_at IS NULL)
        ORDER BY v.id DESC LIMIT $3";
    LIST_DELETED = "SELECT v.id, v.digest, v.media_type, v.artifact_type, v.size, v.platforms, v.content_size,
        a.login AS pushed_by, v.created_at, v.deleted_at
        FROM version v LEFT JOIN account a ON a.id = v.pushed_by
        WHERE v.package_id = $1 AND v.deleted_at IS NOT NULL AND v.id < $2
        ORDER BY v.id DESC LIMIT $3";
    DETAILS = "SELECT v.id, v.digest, v.media_type, v.artifact_type, v.size, v.platforms, v.content_size,
        a.login AS pushed_by, v.created_at, v.deleted_at
        FROM version v LEFT JOIN account a ON a.id = v.pushed_by
        WHERE v.package_id = $1 AND v.digest = $2 AND v.deleted_at IS NULL";
    TEXTS = "SELECT annotations, labels FROM version WHERE id = $1";
    CHILDREN = "SELECT digest, media_type, size, platform FROM version_child
        WHERE version_id = $1 ORDER BY position LIMIT $2";
    PARTS = "SELECT DISTINCT v.id, v.digest, v.media_type, v.size, v.subject, v.last_pushed_at,
            v.deleted_at FROM version_child c JOIN version v ON v.package_id = c.package_id AND v.digest = c.digest
        WHERE c.version_id = $1 ORDER BY v.id LIMIT $2";
    ATTACHED = "SELECT id, digest, media_type, size, subject, last_pushed_at, deleted_at FROM version
        WHERE package_id = $1 AND subject = $2 AND deleted_at IS NULL ORDER BY digest LIMIT $3";
    ATTACHED_NAMES = "SELECT digest, media_type, artifact_type FROM version
        WHERE package_id = $1 AND subject = $2 AND deleted_at IS NULL ORDER BY digest LIMIT $3";
    SET_CONTENT_SIZE = "UPDATE version SET content_size = $2 WHERE id = $1";
    SET_DELETED = "UPDATE version SET deleted_at = $2, deleted_by = $3, deleted_tags = $4
        WHERE id = $1";
    DELETED_WITH = "SELECT r.id, r.digest, r.media_type, r.size, r.subject, r.last_pushed_at, r.deleted_at
        FROM version r WHERE r.package_id = $1 AND r.subject = $2 AND r.deleted_at = $3
        ORDER BY r.digest LIMIT $4";
    DELETED_TAGS = "SELECT deleted_tags FROM version WHERE id = $1";
    PUSHED_AGAIN = "UPDATE version SET pushed_by = $2, created_at = $3, last_pushed_at = $3
        WHERE id = $1";
    SET_LAST_PUSHED = "UPDATE version SET last_pushed_at = $2 WHERE id = $1";
    COPY = "INSERT INTO version (id, package_id, digest, media_type, artifact_type, subject,
            annotations, size, platforms, content_size, labels, pushed_by, created_at,
            last_pushed_at)
        SELECT $1, $2, digest, media_type, artifact_type, subject, annotations, size, platforms,
            content_size, labels, $3, $4, $4 FROM version WHERE id = $5";
    COPY_CONTENT = "INSERT INTO version_content (version_id, bytes)
        SELECT $1, bytes FROM version_content WHERE version_id = $2";
    COPY_BLOBS = "INSERT INTO version_blob
            (version_id, position, package_id, role, digest, media_type, size, is_foreign)
        SELECT $1, position, $2, role, digest, media_type, size, is_foreign
        FROM version_blob WHERE version_id = $3";
    COPY_CHILDREN = "INSERT INTO version_child
            (version_id, position, package_id, digest, media_type, size, platform)
        SELECT $1, position, $2, digest, media_type, size, platform
        FROM version_child WHERE version_id = $3";
    REVIVE_BLOBS = "UPDATE blob SET condemned_at = NULL WHERE condemned_at IS NOT NULL
        AND digest IN (SELECT digest FROM version_blob WHERE version_id = $1 AND NOT is_foreign)";
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Version {
    pub id: i64,
    pub digest: String,
    pub media_type: String,
    /// Bytes of the manifest itself.
    pub size: i64,
    pub subject: Option<String>,
    pub last_pushed_at: i64,
    pub deleted_at: Option<i64>,
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
    /// A JSON list of os/architecture[/variant].
    pub platforms: &'a str,
    /// Bytes of its blobs, each once.
    pub content_size: i64,
    /// A JSON object of strings.
    pub labels: &'a str,
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

/// The same, deleted ones too.
pub async fn find_any(
    conn: &mut Conn<'_>,
    package_id: i64,
    digest: &str,
) -> Result<Option<Version>, Error> {
    query!(fetch_optional, conn, Version, FIND_ANY, package_id, digest)
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
        version.platforms,
        version.content_size,
        version.labels,
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

/// A version as it is listed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct VersionDetails {
    pub id: i64,
    pub digest: String,
    pub media_type: String,
    pub artifact_type: Option<String>,
    /// Bytes of the manifest itself.
    pub size: i64,
    /// A JSON list of os/architecture[/variant].
    pub platforms: String,
    /// Bytes of its blobs, each once; of an index, of its images.
    pub content_size: i64,
    /// Login; `None`: the operator.
    pub pushed_by: Option<String>,
    pub created_at: i64,
    pub deleted_at: Option<i64>,
}

/// Which versions of a package a listing is about. What belongs to an index or
/// to a subject is listed with that, unless it was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    All,
    Untagged,
    Deleted,
}

/// Versions before the id `before`, newest first; of untagged ones, those
/// that were last pushed before the instant `older_than`.
pub async fn list(
    conn: &mut Conn<'_>,
    package_id: i64,
    listing: Listing,
    before: i64,
    limit: i64,
    older_than: i64,
) -> Result<Vec<VersionDetails>, Error> {
    let sql = match listing {
        Listing::All => LIST,
        Listing::Deleted => LIST_DELETED,
        Listing::Untagged => {
            return query!(
                fetch_all,
                conn,
                VersionDetails,
                LIST_UNTAGGED,
                package_id,
                before,
                limit,
                older_than
            );
        }
    };
    query!(
        fetch_all,
        conn,
        VersionDetails,
        sql,
        package_id,
        before,
        limit
    )
}

pub async fn details(
    conn: &mut Conn<'_>,
    package_id: i64,
    digest: &str,
) -> Result<Option<VersionDetails>, Error> {
    query!(
        fetch_optional,
        conn,
        VersionDetails,
        DETAILS,
        package_id,
        digest
    )
}

/// A version's annotations and labels, each a JSON object of strings.
pub async fn texts(conn: &mut Conn<'_>, id: i64) -> Result<Option<(String, String)>, Error> {
    query!(fetch_optional, conn, (String, String), TEXTS, id)
}

/// What an index lists.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Child {
    pub digest: String,
    pub media_type: String,
    /// Bytes of the child's manifest.
    pub size: i64,
    pub platform: Option<String>,
}

/// Up to `limit` of them, in their order.
pub async fn children(conn: &mut Conn<'_>, id: i64, limit: i64) -> Result<Vec<Child>, Error> {
    query!(fetch_all, conn, Child, CHILDREN, id, limit)
}

/// The versions that an index lists, each once, deleted ones too.
pub async fn parts(conn: &mut Conn<'_>, id: i64, limit: i64) -> Result<Vec<Version>, Error> {
    query!(fetch_all, conn, Version, PARTS, id, limit)
}

/// What names a digest as its subject.
pub async fn attached(
    conn: &mut Conn<'_>,
    package_id: i64,
    subject: &str,
    limit: i64,
) -> Result<Vec<Version>, Error> {
    query!(
        fetch_all, conn, Version, ATTACHED, package_id, subject, limit
    )
}

/// The same as (digest, media type, artifact type), without their annotations.
pub async fn attached_names(
    conn: &mut Conn<'_>,
    package_id: i64,
    subject: &str,
    limit: i64,
) -> Result<Vec<(String, String, Option<String>)>, Error> {
    type Row = (String, String, Option<String>);
    query!(
        fetch_all,
        conn,
        Row,
        ATTACHED_NAMES,
        package_id,
        subject,
        limit
    )
}

/// Adds up the blobs of what an index lists, each once, as the index's own.
pub async fn add_up(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    let blobs = usage::of_version(tx, id).await?;
    execute!(&mut **tx, SET_CONTENT_SIZE, id, blobs.bytes)?;
    Ok(())
}

/// Deletes a version, to be restored or purged. `tags`: those it had, as JSON.
pub async fn delete(
    tx: &mut Tx<'_>,
    id: i64,
    at: i64,
    by: Option<i64>,
    tags: &str,
) -> Result<(), Error> {
    execute!(&mut **tx, SET_DELETED, id, Some(at), by, Some(tags))?;
    Ok(())
}

/// What was attached to a version and deleted together with it.
pub async fn deleted_with(
    conn: &mut Conn<'_>,
    package_id: i64,
    version: &Version,
    limit: i64,
) -> Result<Vec<Version>, Error> {
    let (digest, at) = (&version.digest, version.deleted_at);
    query!(
        fetch_all,
        conn,
        Version,
        DELETED_WITH,
        package_id,
        digest,
        at,
        limit
    )
}

/// The tags that a deleted version had, as JSON.
pub async fn deleted_tags(conn: &mut Conn<'_>, id: i64) -> Result<Option<String>, Error> {
    let row = query!(fetch_optional, conn, (Option<String>,), DELETED_TAGS, id)?;
    Ok(row.and_then(|(tags,)| tags))
}

pub async fn restore(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    let (none, nobody, no_tags) = (None::<i64>, None::<i64>, None::<&str>);
    execute!(&mut **tx, SET_DELETED, id, none, nobody, no_tags)?;
    Ok(())
}

/// Restores a version because its manifest was pushed again.
pub async fn push_again(tx: &mut Tx<'_>, id: i64, by: Option<i64>, at: i64) -> Result<(), Error> {
    restore(tx, id).await?;
    execute!(&mut **tx, PUSHED_AGAIN, id, by, at)?;
    Ok(())
}

/// Notes that a version that is there was pushed once more.
pub async fn set_last_pushed(tx: &mut Tx<'_>, id: i64, at: i64) -> Result<(), Error> {
    execute!(&mut **tx, SET_LAST_PUSHED, id, at)?;
    Ok(())
}

/// Copies a version with its bytes and edges into another package, as the new
/// version `id`. Its children must be there, or be copied in the same transaction.
/// Returns the bytes of blobs that the package's owner did not hold before.
pub async fn copy(
    tx: &mut Tx<'_>,
    from: i64,
    id: i64,
    package_id: i64,
    by: Option<i64>,
    at: i64,
) -> Result<i64, Error> {
    execute!(&mut **tx, COPY, id, package_id, by, at, from)?;
    execute!(&mut **tx, COPY_CONTENT, id, from)?;
    execute!(&mut **tx, COPY_BLOBS, id, package_id, from)?;
    execute!(&mut **tx, COPY_CHILDREN, id, package_id, from)?;
    execute!(&mut **tx, REVIVE_BLOBS, id)?;
    holdings::hold_version(tx, id).await
}
