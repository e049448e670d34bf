//! Sign-ins at identity providers: under way, and done but not yet fetched.
//! Taking one removes it, so that each is good once.

use crate::{Conn, Error, Tx};

statements! {
    INSERT = "INSERT INTO sign_in (state_hash, provider, browser_hash, nonce, verifier, return_to,
            return_state, challenge, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    TAKE = "DELETE FROM sign_in WHERE state_hash = $1
        RETURNING provider, browser_hash, nonce, verifier, return_to, return_state, challenge,
            expires_at";
    /// So many at a time, for whoever waits for the writer.
    DELETE_EXPIRED = "DELETE FROM sign_in WHERE state_hash IN
        (SELECT state_hash FROM sign_in WHERE expires_at <= $1 ORDER BY expires_at LIMIT 100)";
    COUNT = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM sign_in LIMIT $1) AS under_way";
    HAS_CODE = "SELECT 1 FROM sign_in_code WHERE hash = $1";
    INSERT_CODE = "INSERT INTO sign_in_code (hash, identity_id, challenge, expires_at)
        VALUES ($1, $2, $3, $4)";
    TAKE_CODE = "DELETE FROM sign_in_code WHERE hash = $1
        RETURNING identity_id, challenge, expires_at";
    DELETE_EXPIRED_CODES = "DELETE FROM sign_in_code WHERE expires_at <= $1";
}

/// A sign-in under way.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SignIn {
    pub provider: String,
    /// SHA-256 of what only the browser knows that began it.
    pub browser_hash: String,
    /// In the ID token.
    pub nonce: String,
    /// Of PKCE (RFC 7636), towards the provider.
    pub verifier: String,
    /// Where the program waits that wants the session.
    pub return_to: String,
    pub return_state: String,
    /// Of PKCE, by the program.
    pub challenge: String,
    pub expires_at: i64,
}

impl std::fmt::Debug for SignIn {
    /// Never the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignIn({})", self.provider)
    }
}

/// Records a sign-in by the SHA-256 of its state; forgets those whose time was up at `now`.
pub async fn insert(
    tx: &mut Tx<'_>,
    state_hash: &str,
    sign_in: &SignIn,
    now: i64,
) -> Result<(), Error> {
    execute!(&mut **tx, DELETE_EXPIRED, now)?;
    execute!(
        &mut **tx,
        INSERT,
        state_hash,
        &sign_in.provider,
        &sign_in.browser_hash,
        &sign_in.nonce,
        &sign_in.verifier,
        &sign_in.return_to,
        &sign_in.return_state,
        &sign_in.challenge,
        sign_in.expires_at,
    )?;
    Ok(())
}

/// How many are under way, `most` at most.
pub async fn count(conn: &mut Conn<'_>, most: i64) -> Result<i64, Error> {
    Ok(query!(fetch_one, conn, (i64,), COUNT, most)?.0)
}

/// Whether something can be fetched by a code, in time or not.
pub async fn has_code(conn: &mut Conn<'_>, hash: &str) -> Result<bool, Error> {
    let row = query!(fetch_optional, conn, (i32,), HAS_CODE, hash)?;
    Ok(row.is_some())
}

pub async fn take(tx: &mut Tx<'_>, state_hash: &str) -> Result<Option<SignIn>, Error> {
    query!(fetch_optional, &mut **tx, SignIn, TAKE, state_hash)
}

/// A sign-in that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SignedIn {
    pub identity_id: i64,
    /// Of PKCE: whoever fetches it shows the verifier.
    pub challenge: String,
    pub expires_at: i64,
}

/// Keeps a sign-in to be fetched by the SHA-256 of a code.
pub async fn insert_code(
    tx: &mut Tx<'_>,
    hash: &str,
    signed_in: &SignedIn,
    now: i64,
) -> Result<(), Error> {
    execute!(&mut **tx, DELETE_EXPIRED_CODES, now)?;
    execute!(
        &mut **tx,
        INSERT_CODE,
        hash,
        signed_in.identity_id,
        &signed_in.challenge,
        signed_in.expires_at,
    )?;
    Ok(())
}

pub async fn take_code(tx: &mut Tx<'_>, hash: &str) -> Result<Option<SignedIn>, Error> {
    query!(fetch_optional, &mut **tx, SignedIn, TAKE_CODE, hash)
}
