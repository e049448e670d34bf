//! Tokens of users and service accounts, by the SHA-256 of their value.

use crate::{Conn, Error, Tx};

statements! {
    FIND_BY_HASH = "SELECT id, account_id, name, scopes, limits, created_at, expires_at, last_used_at, revoked_at
        FROM token WHERE hash = $1";
    FIND = "SELECT id, account_id, name, scopes, limits, created_at, expires_at, last_used_at, revoked_at
        FROM token WHERE id = $1";
    LIST = "SELECT id, account_id, name, scopes, limits, created_at, expires_at, last_used_at, revoked_at
        FROM token WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    INSERT = "INSERT INTO token (id, account_id, hash, name, scopes, limits, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    REVOKE = "UPDATE token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    REVOKE_ALL = "UPDATE token SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL";
    TOUCH = "UPDATE token SET last_used_at = $2
        WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Token {
    pub id: i64,
    pub account_id: i64,
    pub name: String,
    /// Space-separated, as granted.
    pub scopes: String,
    /// JSON.
    pub limits: Option<String>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

/// `hash` is lowercase hex.
pub async fn find_by_hash(conn: &mut Conn<'_>, hash: &str) -> Result<Option<Token>, Error> {
    query!(fetch_optional, conn, Token, FIND_BY_HASH, hash)
}

pub async fn find(conn: &mut Conn<'_>, id: i64) -> Result<Option<Token>, Error> {
    query!(fetch_optional, conn, Token, FIND, id)
}

/// An account's tokens after the id `after`, oldest first.
pub async fn list(
    conn: &mut Conn<'_>,
    account_id: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<Token>, Error> {
    query!(fetch_all, conn, Token, LIST, account_id, after, limit)
}

pub async fn insert(tx: &mut Tx<'_>, token: &Token, hash: &str) -> Result<(), Error> {
    execute!(
        &mut **tx,
        INSERT,
        token.id,
        token.account_id,
        hash,
        &token.name,
        &token.scopes,
        &token.limits,
        token.created_at,
        token.expires_at,
    )?;
    Ok(())
}

/// Whether there was a live token to revoke.
pub async fn revoke(tx: &mut Tx<'_>, id: i64, at: i64) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, REVOKE, id, at)? == 1)
}

/// Revokes every token of an account.
pub async fn revoke_all(tx: &mut Tx<'_>, account_id: i64, at: i64) -> Result<(), Error> {
    execute!(&mut **tx, REVOKE_ALL, account_id, at)?;
    Ok(())
}

/// Notes that a token was used; never moves the instant back.
pub async fn touch(tx: &mut Tx<'_>, id: i64, at: i64) -> Result<(), Error> {
    execute!(&mut **tx, TOUCH, id, at)?;
    Ok(())
}
