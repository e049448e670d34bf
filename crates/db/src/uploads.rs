//! Open uploads: where each stands, for any process that continues it.

use crate::{Conn, Error, Tx};

statements! {
    FIND = "SELECT id, package_id, user_id, algorithm, received, hash_state, expires_at
        FROM upload WHERE id = $1";
    INSERT = "INSERT INTO upload
            (id, package_id, user_id, algorithm, received, hash_state, created_at, expires_at)
        VALUES ($1, $2, $3, $4, 0, $5, $6, $7)";
    ADVANCE = "UPDATE upload SET received = $3, hash_state = $4, expires_at = $5
        WHERE id = $1 AND received = $2";
    DELETE = "DELETE FROM upload WHERE id = $1";
    EXPIRED = "SELECT id FROM upload WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2";
    COUNT_OF_USER = "SELECT COUNT(*) FROM upload WHERE user_id = $1";
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Upload {
    pub id: String,
    pub package_id: i64,
    pub user_id: i64,
    pub algorithm: String,
    /// Durable bytes.
    pub received: i64,
    /// The hash over them, as `wharf_oci::Hasher` saves it.
    pub hash_state: Vec<u8>,
    pub expires_at: i64,
}

pub async fn find(conn: &mut Conn<'_>, id: &str) -> Result<Option<Upload>, Error> {
    query!(fetch_optional, conn, Upload, FIND, id)
}

pub async fn insert(tx: &mut Tx<'_>, upload: &Upload, at: i64) -> Result<(), Error> {
    execute!(
        &mut **tx,
        INSERT,
        &upload.id,
        upload.package_id,
        upload.user_id,
        &upload.algorithm,
        &upload.hash_state,
        at,
        upload.expires_at,
    )?;
    Ok(())
}

/// Moves an upload from `from` durable bytes to what `upload` says; `false`
/// if somebody else moved it meanwhile.
pub async fn advance(tx: &mut Tx<'_>, upload: &Upload, from: i64) -> Result<bool, Error> {
    let rows = execute!(
        &mut **tx,
        ADVANCE,
        &upload.id,
        from,
        upload.received,
        &upload.hash_state,
        upload.expires_at,
    )?;
    Ok(rows == 1)
}

/// Whether there was such an upload.
pub async fn delete(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, DELETE, id)? == 1)
}

/// Ids of uploads whose time is up at `now`.
pub async fn expired(conn: &mut Conn<'_>, now: i64, limit: i64) -> Result<Vec<String>, Error> {
    let rows = query!(fetch_all, conn, (String,), EXPIRED, now, limit)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub async fn count_of_user(conn: &mut Conn<'_>, user_id: i64) -> Result<i64, Error> {
    Ok(query!(fetch_one, conn, (i64,), COUNT_OF_USER, user_id)?.0)
}
