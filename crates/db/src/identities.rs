//! Who users are at identity providers, the groups they are in there, and the
//! teams that such groups make.

use crate::{Conn, Error, Tx};

statements! {
    FIND = "SELECT id, account_id, provider, subject, name, refresh_token, created_at,
        confirmed_at, ended_at FROM identity WHERE id = $1";
    FIND_BY_SUBJECT = "SELECT id, account_id, provider, subject, name, refresh_token, created_at,
        confirmed_at, ended_at FROM identity WHERE provider = $1 AND subject = $2";
    OF_ACCOUNT = "SELECT id, account_id, provider, subject, name, refresh_token, created_at,
        confirmed_at, ended_at FROM identity WHERE account_id = $1 ORDER BY provider, subject";
    INSERT = "INSERT INTO identity (id, account_id, provider, subject, name, created_at,
            confirmed_at, ended_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    CONFIRM = "UPDATE identity SET name = $2, refresh_token = $3, confirmed_at = $4,
        ended_at = NULL WHERE id = $1";
    SET_REFRESH_TOKEN = "UPDATE identity SET refresh_token = $2 WHERE id = $1";
    END = "UPDATE identity SET ended_at = $2, refresh_token = NULL WHERE id = $1";
    END_SESSIONS = "DELETE FROM session WHERE identity_id = $1";
    DELETE = "DELETE FROM identity WHERE id = $1";
    DELETE_ALL = "DELETE FROM identity WHERE account_id = $1";
    DUE = "SELECT id, account_id, provider, subject, name, refresh_token, created_at,
        confirmed_at, ended_at FROM identity
        WHERE ended_at IS NULL AND confirmed_at <= $1 AND (confirmed_at, id) > ($2, $3)
        ORDER BY confirmed_at, id LIMIT $4";
    GROUPS = "SELECT name FROM identity_group WHERE identity_id = $1 ORDER BY name";
    CLEAR_GROUPS = "DELETE FROM identity_group WHERE identity_id = $1";
    ADD_GROUP = "INSERT INTO identity_group (identity_id, name) VALUES ($1, $2)
        ON CONFLICT (identity_id, name) DO NOTHING";
    TEAM_GROUPS = "SELECT provider, name FROM team_group WHERE team_id = $1 ORDER BY provider, name";
    ADD_TEAM_GROUP = "INSERT INTO team_group (team_id, provider, name) VALUES ($1, $2, $3)
        ON CONFLICT (team_id, provider, name) DO NOTHING";
    REMOVE_TEAM_GROUP = "DELETE FROM team_group WHERE team_id = $1 AND provider = $2 AND name = $3";
}

/// A user as a provider knows them.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Identity {
    pub id: i64,
    pub account_id: i64,
    /// Its name in the configuration.
    pub provider: String,
    /// Never given to anybody else by the provider.
    pub subject: String,
    /// For people to read.
    pub name: String,
    pub refresh_token: Option<String>,
    pub created_at: i64,
    /// When the provider last said so; none: only an administrator has.
    pub confirmed_at: Option<i64>,
    /// Since when the provider no longer does.
    pub ended_at: Option<i64>,
}

impl std::fmt::Debug for Identity {
    /// Never the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({} at {})", self.subject, self.provider)
    }
}

pub async fn find(conn: &mut Conn<'_>, id: i64) -> Result<Option<Identity>, Error> {
    query!(fetch_optional, conn, Identity, FIND, id)
}

pub async fn find_by_subject(
    conn: &mut Conn<'_>,
    provider: &str,
    subject: &str,
) -> Result<Option<Identity>, Error> {
    query!(
        fetch_optional,
        conn,
        Identity,
        FIND_BY_SUBJECT,
        provider,
        subject
    )
}

pub async fn of_account(conn: &mut Conn<'_>, account_id: i64) -> Result<Vec<Identity>, Error> {
    query!(fetch_all, conn, Identity, OF_ACCOUNT, account_id)
}

/// Fails with [`crate::ErrorKind::Duplicate`] if the subject has an account.
pub async fn insert(tx: &mut Tx<'_>, identity: &Identity) -> Result<(), Error> {
    execute!(
        &mut **tx,
        INSERT,
        identity.id,
        identity.account_id,
        &identity.provider,
        &identity.subject,
        &identity.name,
        identity.created_at,
        identity.confirmed_at,
        identity.ended_at,
    )?;
    Ok(())
}

/// The provider said so again: in these groups, and no others.
pub async fn confirm(
    tx: &mut Tx<'_>,
    identity: &Identity,
    groups: &[String],
    at: i64,
) -> Result<(), Error> {
    let token = identity.refresh_token.as_deref();
    execute!(&mut **tx, CONFIRM, identity.id, &identity.name, token, at)?;
    execute!(&mut **tx, CLEAR_GROUPS, identity.id)?;
    for group in groups {
        execute!(&mut **tx, ADD_GROUP, identity.id, group)?;
    }
    Ok(())
}

/// Keeps what to ask the provider with next.
pub async fn set_refresh_token(tx: &mut Tx<'_>, id: i64, token: &str) -> Result<(), Error> {
    execute!(&mut **tx, SET_REFRESH_TOKEN, id, token)?;
    Ok(())
}

/// The provider no longer says so: its groups make no team, its sessions end.
pub async fn end(tx: &mut Tx<'_>, id: i64, at: i64) -> Result<(), Error> {
    execute!(&mut **tx, END, id, at)?;
    execute!(&mut **tx, END_SESSIONS, id)?;
    Ok(())
}

/// Whether there was such an identity. Its sessions end.
pub async fn delete(tx: &mut Tx<'_>, id: i64) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, DELETE, id)? == 1)
}

pub async fn delete_all(tx: &mut Tx<'_>, account_id: i64) -> Result<(), Error> {
    execute!(&mut **tx, DELETE_ALL, account_id)?;
    Ok(())
}

/// Identities last confirmed by `before`, the longest ago first, after the one
/// that was confirmed at `after.0` and has the id `after.1`.
pub async fn due(
    conn: &mut Conn<'_>,
    before: i64,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Identity>, Error> {
    query!(
        fetch_all, conn, Identity, DUE, before, after.0, after.1, limit
    )
}

/// The groups the provider named.
pub async fn groups(conn: &mut Conn<'_>, id: i64) -> Result<Vec<String>, Error> {
    let rows = query!(fetch_all, conn, (String,), GROUPS, id)?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Groups whose members are in a team, as (provider, name).
pub async fn team_groups(
    conn: &mut Conn<'_>,
    team_id: i64,
) -> Result<Vec<(String, String)>, Error> {
    query!(fetch_all, conn, (String, String), TEAM_GROUPS, team_id)
}

pub async fn add_team_group(
    tx: &mut Tx<'_>,
    team_id: i64,
    provider: &str,
    name: &str,
) -> Result<(), Error> {
    execute!(&mut **tx, ADD_TEAM_GROUP, team_id, provider, name)?;
    Ok(())
}

/// Whether there was such a group.
pub async fn remove_team_group(
    tx: &mut Tx<'_>,
    team_id: i64,
    provider: &str,
    name: &str,
) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, REMOVE_TEAM_GROUP, team_id, provider, name)? == 1)
}
