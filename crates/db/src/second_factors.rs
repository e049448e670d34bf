//! Second factors of users.

use crate::{Conn, Error, Tx};

statements! {
    FIND = "SELECT secret, confirmed_at, last_step, recovery_codes FROM second_factor
        WHERE account_id = $1";
    PUT = "INSERT INTO second_factor (account_id, secret, recovery_codes) VALUES ($1, $2, '[]')
        ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, confirmed_at = NULL,
            last_step = NULL, recovery_codes = '[]'";
    CONFIRM = "UPDATE second_factor SET confirmed_at = $2, last_step = $3, recovery_codes = $4
        WHERE account_id = $1";
    SET_LAST_STEP = "UPDATE second_factor SET last_step = $2
        WHERE account_id = $1 AND (last_step IS NULL OR last_step < $2)";
    SET_RECOVERY_CODES = "UPDATE second_factor SET recovery_codes = $3
        WHERE account_id = $1 AND recovery_codes = $2";
    DELETE = "DELETE FROM second_factor WHERE account_id = $1";
}

#[derive(Clone, sqlx::FromRow)]
pub struct SecondFactor {
    pub secret: Vec<u8>,
    /// From then on it is asked for.
    pub confirmed_at: Option<i64>,
    /// Of the last code that was accepted.
    pub last_step: Option<i64>,
    /// A JSON list of hashes.
    pub recovery_codes: String,
}

impl std::fmt::Debug for SecondFactor {
    /// Never the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecondFactor(confirmed at {:?})", self.confirmed_at)
    }
}

pub async fn find(conn: &mut Conn<'_>, account_id: i64) -> Result<Option<SecondFactor>, Error> {
    query!(fetch_optional, conn, SecondFactor, FIND, account_id)
}

/// Begins anew, unconfirmed.
pub async fn put(tx: &mut Tx<'_>, account_id: i64, secret: &[u8]) -> Result<(), Error> {
    execute!(&mut **tx, PUT, account_id, secret)?;
    Ok(())
}

pub async fn confirm(
    tx: &mut Tx<'_>,
    account_id: i64,
    at: i64,
    step: i64,
    recovery_codes: &str,
) -> Result<(), Error> {
    execute!(&mut **tx, CONFIRM, account_id, at, step, recovery_codes)?;
    Ok(())
}

/// Whether the step is after the last one: a code is good once, whoever else uses it now.
pub async fn use_step(tx: &mut Tx<'_>, account_id: i64, step: i64) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, SET_LAST_STEP, account_id, step)? == 1)
}

/// Whether the codes were still `before`.
pub async fn replace_recovery_codes(
    tx: &mut Tx<'_>,
    account_id: i64,
    before: &str,
    after: &str,
) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, SET_RECOVERY_CODES, account_id, before, after)? == 1)
}

/// Whether there was one.
pub async fn delete(tx: &mut Tx<'_>, account_id: i64) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, DELETE, account_id)? > 0)
}
