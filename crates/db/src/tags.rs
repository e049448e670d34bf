//! Tags and their history. Every move is one statement and one event.

use crate::{Conn, Error, Tx};

statements! {
    FIND = "SELECT v.digest FROM tag t JOIN version v ON v.id = t.version_id
        WHERE t.package_id = $1 AND t.name = $2";
    SET = "INSERT INTO tag (package_id, name, version_id, updated_at, updated_by)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (package_id, name) DO UPDATE SET version_id = excluded.version_id,
            updated_at = excluded.updated_at, updated_by = excluded.updated_by";
    DELETE = "DELETE FROM tag WHERE package_id = $1 AND name = $2";
    OF_VERSION = "SELECT name FROM tag WHERE version_id = $1 ORDER BY name";
    FIRST_OF_VERSION = "SELECT name FROM tag WHERE version_id = $1 ORDER BY name LIMIT $2";
    DETAILS = "SELECT t.name, v.digest, v.media_type, t.updated_at, a.login AS updated_by
        FROM tag t JOIN version v ON v.id = t.version_id
        LEFT JOIN account a ON a.id = t.updated_by
        WHERE t.package_id = $1 AND t.name > $2 ORDER BY t.name LIMIT $3";
    LIST = "SELECT name FROM tag WHERE package_id = $1 AND name > $2 ORDER BY name LIMIT $3";
    RECORD = "INSERT INTO tag_event (package_id, tag, move, digest, previous, actor_id, at)
        VALUES ($1, CAST($2 AS TEXT), (SELECT COALESCE(MAX(move), 0) + 1 FROM tag_event
            WHERE package_id = $1 AND tag = CAST($2 AS TEXT)), $3, $4, $5, $6)";
    HAD_ANY = "SELECT 1 FROM tag_event WHERE package_id = $1 LIMIT 1";
    HISTORY = "SELECT e.move, e.digest, e.previous, a.login AS actor, e.at FROM tag_event e
        LEFT JOIN account a ON a.id = e.actor_id
        WHERE e.package_id = $1 AND e.tag = $2 AND e.move < $3 ORDER BY e.move DESC LIMIT $4";
}

/// The digest a tag points at.
pub async fn find(
    conn: &mut Conn<'_>,
    package_id: i64,
    name: &str,
) -> Result<Option<String>, Error> {
    let row = query!(fetch_optional, conn, (String,), FIND, package_id, name)?;
    Ok(row.map(|(digest,)| digest))
}

/// Points a tag at a version. The caller records the event.
pub async fn set(
    tx: &mut Tx<'_>,
    package_id: i64,
    name: &str,
    version_id: i64,
    at: i64,
    by: Option<i64>,
) -> Result<(), Error> {
    execute!(&mut **tx, SET, package_id, name, version_id, at, by)?;
    Ok(())
}

/// Whether there was such a tag. The caller records the event.
pub async fn delete(tx: &mut Tx<'_>, package_id: i64, name: &str) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, DELETE, package_id, name)? == 1)
}

pub async fn list_of_version(conn: &mut Conn<'_>, version_id: i64) -> Result<Vec<String>, Error> {
    let rows = query!(fetch_all, conn, (String,), OF_VERSION, version_id)?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Some tags of a version, in order.
pub async fn first_of_version(
    conn: &mut Conn<'_>,
    version_id: i64,
    limit: i64,
) -> Result<Vec<String>, Error> {
    let rows = query!(
        fetch_all,
        conn,
        (String,),
        FIRST_OF_VERSION,
        version_id,
        limit
    )?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// A tag as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TagDetails {
    pub name: String,
    pub digest: String,
    pub media_type: String,
    pub updated_at: i64,
    /// Login; `None`: the operator.
    pub updated_by: Option<String>,
}

/// Tags after the name `after`, in order of their bytes.
pub async fn details(
    conn: &mut Conn<'_>,
    package_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<TagDetails>, Error> {
    query!(
        fetch_all, conn, TagDetails, DETAILS, package_id, after, limit
    )
}

/// Names after `after`, in order of their bytes.
pub async fn list(
    conn: &mut Conn<'_>,
    package_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, Error> {
    let rows = query!(fetch_all, conn, (String,), LIST, package_id, after, limit)?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// A move of a tag.
#[derive(Debug)]
pub struct TagEvent<'a> {
    pub package_id: i64,
    pub tag: &'a str,
    /// Where it points now; `None`: removed.
    pub digest: Option<&'a str>,
    pub previous: Option<&'a str>,
    pub actor_id: Option<i64>,
    pub at: i64,
}

pub async fn record(tx: &mut Tx<'_>, event: &TagEvent<'_>) -> Result<(), Error> {
    execute!(
        &mut **tx,
        RECORD,
        event.package_id,
        event.tag,
        event.digest,
        event.previous,
        event.actor_id,
        event.at,
    )?;
    Ok(())
}

/// Whether the package ever had a tag.
pub async fn had_any(conn: &mut Conn<'_>, package_id: i64) -> Result<bool, Error> {
    Ok(query!(fetch_optional, conn, (i32,), HAD_ANY, package_id)?.is_some())
}

/// A past move, newest first.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PastMove {
    /// Counts the moves of this tag.
    #[sqlx(rename = "move")]
    pub number: i64,
    /// Where it pointed from then on; `None`: removed.
    pub digest: Option<String>,
    pub previous: Option<String>,
    /// Login; `None`: the operator, or an account that is gone.
    pub actor: Option<String>,
    pub at: i64,
}

/// Moves of a tag before the move `before`.
pub async fn history(
    conn: &mut Conn<'_>,
    package_id: i64,
    tag: &str,
    before: i64,
    limit: i64,
) -> Result<Vec<PastMove>, Error> {
    query!(
        fetch_all, conn, PastMove, HISTORY, package_id, tag, before, limit
    )
}
