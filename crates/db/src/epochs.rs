//! The authorization epoch: a number that every change of access raises, and
//! the signing keys of registry tokens.

use crate::{Conn, Error, Tx};

statements! {
    CURRENT = "SELECT value FROM epoch WHERE name = 'authorization'";
    RAISE = "UPDATE epoch SET value = value + 1 WHERE name = 'authorization' RETURNING value";
    KEYS = "SELECT id, private_key, created_at FROM signing_key ORDER BY created_at DESC, id";
    ADD_KEY = "INSERT INTO signing_key (id, private_key, created_at) VALUES ($1, $2, $3)";
}

pub async fn current(conn: &mut Conn<'_>) -> Result<i64, Error> {
    Ok(query!(fetch_one, conn, (i64,), CURRENT)?.0)
}

/// Voids everything that any process cached about access.
pub async fn raise(tx: &mut Tx<'_>) -> Result<i64, Error> {
    Ok(query!(fetch_one, &mut **tx, (i64,), RAISE)?.0)
}

#[derive(Debug, sqlx::FromRow)]
pub struct SigningKey {
    pub id: String,
    /// PKCS#8.
    pub private_key: Vec<u8>,
    pub created_at: i64,
}

/// Newest first; the first one signs.
pub async fn signing_keys(conn: &mut Conn<'_>) -> Result<Vec<SigningKey>, Error> {
    query!(fetch_all, conn, SigningKey, KEYS)
}

pub async fn add_signing_key(tx: &mut Tx<'_>, key: &SigningKey) -> Result<(), Error> {
    execute!(
        &mut **tx,
        ADD_KEY,
        &key.id,
        &key.private_key,
        key.created_at
    )?;
    Ok(())
}
