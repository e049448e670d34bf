//! Sessions, by the SHA-256 of their value.

use crate::{Conn, Error, Tx};

statements! {
    FIND_BY_HASH = "SELECT id, account_id, agent, address, created_at, expires_at,
        identity_id FROM session WHERE hash = $1";
    FIND = "SELECT id, account_id, agent, address, created_at, expires_at,
        identity_id FROM session WHERE id = $1";
    LIST = "SELECT id, account_id, agent, address, created_at, expires_at,
        identity_id FROM session WHERE account_id = $1 AND expires_at > $2 AND id > $3 ORDER BY id LIMIT $4";
    INSERT = "INSERT INTO session (id, account_id, hash, agent, address, created_at, expires_at,
            identity_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    DELETE = "DELETE FROM session WHERE id = $1 AND account_id = $2";
    DELETE_ALL = "DELETE FROM session WHERE account_id = $1";
    DELETE_EXPIRED = "DELETE FROM session WHERE expires_at <= $1";
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Session {
    pub id: i64,
    pub account_id: i64,
    /// What the client said it is.
    pub agent: String,
    pub address: String,
    pub created_at: i64,
    pub expires_at: i64,
    /// What began it and ends it; none: the password.
    pub identity_id: Option<i64>,
}

/// `hash` is lowercase hex.
pub async fn find_by_hash(conn: &mut Conn<'_>, hash: &str) -> Result<Option<Session>, Error> {
    query!(fetch_optional, conn, Session, FIND_BY_HASH, hash)
}

pub async fn find(conn: &mut Conn<'_>, id: i64) -> Result<Option<Session>, Error> {
    query!(fetch_optional, conn, Session, FIND, id)
}

/// An account's sessions that are good at `now`, after the id `after`, oldest first.
pub async fn list(
    conn: &mut Conn<'_>,
    account_id: i64,
    now: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<Session>, Error> {
    query!(
        fetch_all, conn, Session, LIST, account_id, now, after, limit
    )
}

pub async fn insert(tx: &mut Tx<'_>, session: &Session, hash: &str) -> Result<(), Error> {
    execute!(
        &mut **tx,
        INSERT,
        session.id,
        session.account_id,
        hash,
        &session.agent,
        &session.address,
        session.created_at,
        session.expires_at,
        session.identity_id,
    )?;
    Ok(())
}

/// Whether it was the account's.
pub async fn delete(tx: &mut Tx<'_>, id: i64, account_id: i64) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, DELETE, id, account_id)? > 0)
}

pub async fn delete_all(tx: &mut Tx<'_>, account_id: i64) -> Result<(), Error> {
    execute!(&mut **tx, DELETE_ALL, account_id)?;
    Ok(())
}

/// How many were over.
pub async fn delete_expired(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    execute!(&mut **tx, DELETE_EXPIRED, now)
}
