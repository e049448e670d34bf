//! Open uploads: where each stands, for any process that continues it, and the
//! room that is reserved for it.

use crate::{Conn, Error, Tx};

statements! {
    FIND = "SELECT id, package_id, user_id, owner_id, algorithm, received, reserved, hash_state,
        expires_at FROM upload WHERE id = $1";
    INSERT = "INSERT INTO upload (id, package_id, user_id, owner_id, algorithm, received,
            reserved, reserved_until, hash_state, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, 0, 0, $7, $6, $7, $8)";
    ADVANCE = "UPDATE upload SET received = $3, reserved = $4, hash_state = $5, expires_at = $6
        WHERE id = $1 AND received = $2";
    RESERVE = "UPDATE upload SET reserved = $2, reserved_until = $3, expires_at = $4 WHERE id = $1";
    LAPSE = "UPDATE upload SET reserved = received WHERE id = $1";
    LAPSED = "SELECT id, owner_id, reserved - received FROM upload
        WHERE reserved > received AND reserved_until <= $1 ORDER BY reserved_until LIMIT $2";
    SET_OWNER = "UPDATE upload SET owner_id = $2 WHERE package_id = $1";
    DELETE = "DELETE FROM upload WHERE id = $1 RETURNING package_id, owner_id, reserved";
    EXPIRED = "SELECT id FROM upload WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2";
    COUNT_OF_USER = "SELECT COUNT(*) FROM upload WHERE user_id = $1";
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Upload {
    pub id: String,
    pub package_id: i64,
    pub user_id: i64,
    /// Whose package it is.
    pub owner_id: i64,
    pub algorithm: String,
    /// Durable bytes.
    pub received: i64,
    /// Bytes the owner is charged for it: never fewer than were received.
    pub reserved: i64,
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
        upload.owner_id,
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
        upload.reserved,
        &upload.hash_state,
        upload.expires_at,
    )?;
    Ok(rows == 1)
}

/// Reserves room for as many bytes in all, until the instant `until`.
pub async fn reserve(tx: &mut Tx<'_>, upload: &Upload, until: i64) -> Result<(), Error> {
    execute!(
        &mut **tx,
        RESERVE,
        &upload.id,
        upload.reserved,
        until,
        upload.expires_at
    )?;
    Ok(())
}

/// Gives back the room that an upload has not filled.
pub async fn lapse(tx: &mut Tx<'_>, id: &str) -> Result<(), Error> {
    execute!(&mut **tx, LAPSE, id)?;
    Ok(())
}

/// Uploads with room reserved longer than until `now`, as (id, owner, bytes).
pub async fn lapsed(
    conn: &mut Conn<'_>,
    now: i64,
    limit: i64,
) -> Result<Vec<(String, i64, i64)>, Error> {
    query!(fetch_all, conn, (String, i64, i64), LAPSED, now, limit)
}

/// Follows a package to another owner.
pub async fn set_owner(tx: &mut Tx<'_>, package_id: i64, owner_id: i64) -> Result<(), Error> {
    execute!(&mut **tx, SET_OWNER, package_id, owner_id)?;
    Ok(())
}

/// An upload that is over.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Ended {
    pub package_id: i64,
    /// Who is no longer charged for it.
    pub owner_id: i64,
    /// So many bytes.
    pub reserved: i64,
}

pub async fn delete(tx: &mut Tx<'_>, id: &str) -> Result<Option<Ended>, Error> {
    query!(fetch_optional, &mut **tx, Ended, DELETE, id)
}

/// Ids of uploads whose time is up at `now`.
pub async fn expired(conn: &mut Conn<'_>, now: i64, limit: i64) -> Result<Vec<String>, Error> {
    let rows = query!(fetch_all, conn, (String,), EXPIRED, now, limit)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub async fn count_of_user(conn: &mut Conn<'_>, user_id: i64) -> Result<i64, Error> {
    Ok(query!(fetch_one, conn, (i64,), COUNT_OF_USER, user_id)?.0)
}
