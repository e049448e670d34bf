//! Accounts: whoever acts or owns packages, by login.

use crate::{Conn, Error, Tx};

statements! {
    FIND_BY_LOGIN = "SELECT id, login, kind, organization_id, site_admin, password_hash, name,
        description, url, disabled_at, created_at
        FROM account WHERE login = $1 AND deleted_at IS NULL";
    FIND = "SELECT id, login, kind, organization_id, site_admin, password_hash, name,
        description, url, disabled_at, created_at
        FROM account WHERE id = $1 AND deleted_at IS NULL";
    FIND_BY_FORMER_LOGIN = "SELECT a.id, a.login, a.kind, a.organization_id, a.site_admin,
        a.password_hash, a.name, a.description, a.url, a.disabled_at, a.created_at
        FROM former_login f JOIN account a ON a.id = f.account_id
        WHERE f.login = $1 AND a.deleted_at IS NULL";
    LIST = "SELECT id, login, kind, organization_id, site_admin, password_hash, name,
        description, url, disabled_at, created_at
        FROM account WHERE kind = $1 AND login > $2 AND deleted_at IS NULL ORDER BY login LIMIT $3";
    SERVICE_ACCOUNTS = "SELECT id, login, kind, organization_id, site_admin, password_hash, name,
        description, url, disabled_at, created_at
        FROM account WHERE organization_id = $1 AND login > $2 AND deleted_at IS NULL
        ORDER BY login LIMIT $3";
    ORGANIZATIONS_OF = "SELECT a.id, a.login, a.kind, a.organization_id, a.site_admin,
        a.password_hash, a.name, a.description, a.url, a.disabled_at, a.created_at
        FROM organization_membership m JOIN account a ON a.id = m.organization_id
        WHERE m.user_id = $1 AND a.login > $2 AND a.deleted_at IS NULL ORDER BY a.login LIMIT $3";
    INSERT = "INSERT INTO account
        (id, login, kind, organization_id, site_admin, password_hash, name, description, url, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    SET_PASSWORD = "UPDATE account SET password_hash = $2 WHERE id = $1";
    SET_DISABLED = "UPDATE account SET disabled_at = $2 WHERE id = $1";
    SET_PROFILE = "UPDATE account SET name = $2, description = $3, url = $4 WHERE id = $1";
    OTHER_ADMINISTRATOR = "SELECT id FROM account WHERE site_admin AND id <> $1
        AND deleted_at IS NULL AND disabled_at IS NULL LIMIT 1";
    COUNT_FORMER = "SELECT COUNT(*) FROM former_login WHERE account_id = $1";
    IS_FORMER = "SELECT account_id FROM former_login WHERE login = $1";
    RENAME = "UPDATE account SET login = $2 WHERE id = $1";
    RENAME_SERVICE_ACCOUNTS = "UPDATE account
        SET login = CAST($2 AS TEXT) || SUBSTR(login, CAST($3 AS INTEGER))
        WHERE organization_id = $1";
    KEEP_FORMER = "INSERT INTO former_login (login, account_id, renamed_at) VALUES ($1, $2, $3)";
    FORGET_FORMER = "DELETE FROM former_login WHERE login = $1";
    DELETE = "UPDATE account SET deleted_at = $2, password_hash = NULL, name = '',
        description = '', url = '' WHERE id = $1";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    User,
    Organization,
    /// Acts for an organization, with tokens only.
    ServiceAccount,
    Upstream,
}

impl AccountKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Organization => "organization",
            Self::ServiceAccount => "service_account",
            Self::Upstream => "upstream",
        }
    }

    fn parse(s: &str) -> Result<Self, Error> {
        match s {
            "user" => Ok(Self::User),
            "organization" => Ok(Self::Organization),
            "service_account" => Ok(Self::ServiceAccount),
            "upstream" => Ok(Self::Upstream),
            _ => Err(Error::unreadable("account kind", s)),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Account {
    pub id: i64,
    pub login: String,
    pub kind: AccountKind,
    /// Of a service account: whose it is.
    pub organization_id: Option<i64>,
    pub site_admin: bool,
    pub password_hash: Option<String>,
    pub profile: Profile,
    pub disabled_at: Option<i64>,
    pub created_at: i64,
}

/// What an account tells about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Profile {
    /// As people are called.
    pub name: String,
    pub description: String,
    pub url: String,
}

impl Account {
    /// One that was just made.
    pub fn new(id: i64, login: impl Into<String>, kind: AccountKind, created_at: i64) -> Self {
        Self {
            id,
            login: login.into(),
            kind,
            organization_id: None,
            site_admin: false,
            password_hash: None,
            profile: Profile::default(),
            disabled_at: None,
            created_at,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    login: String,
    kind: String,
    organization_id: Option<i64>,
    site_admin: bool,
    password_hash: Option<String>,
    #[sqlx(flatten)]
    profile: Profile,
    disabled_at: Option<i64>,
    created_at: i64,
}

impl TryFrom<Row> for Account {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            kind: AccountKind::parse(&row.kind)?,
            id: row.id,
            login: row.login,
            organization_id: row.organization_id,
            site_admin: row.site_admin,
            password_hash: row.password_hash,
            profile: row.profile,
            disabled_at: row.disabled_at,
            created_at: row.created_at,
        })
    }
}

pub async fn find_by_login(conn: &mut Conn<'_>, login: &str) -> Result<Option<Account>, Error> {
    let row = query!(fetch_optional, conn, Row, FIND_BY_LOGIN, login)?;
    row.map(Account::try_from).transpose()
}

pub async fn find(conn: &mut Conn<'_>, id: i64) -> Result<Option<Account>, Error> {
    let row = query!(fetch_optional, conn, Row, FIND, id)?;
    row.map(Account::try_from).transpose()
}

/// The account that had this login before it was renamed.
pub async fn find_by_former_login(
    conn: &mut Conn<'_>,
    login: &str,
) -> Result<Option<Account>, Error> {
    let row = query!(fetch_optional, conn, Row, FIND_BY_FORMER_LOGIN, login)?;
    row.map(Account::try_from).transpose()
}

/// Accounts of one kind after the login `after`, in order.
pub async fn list(
    conn: &mut Conn<'_>,
    kind: AccountKind,
    after: &str,
    limit: i64,
) -> Result<Vec<Account>, Error> {
    let rows = query!(fetch_all, conn, Row, LIST, kind.as_str(), after, limit)?;
    rows.into_iter().map(Account::try_from).collect()
}

/// Fails with [`crate::ErrorKind::Duplicate`] if the login is taken.
pub async fn insert(tx: &mut Tx<'_>, account: &Account) -> Result<(), Error> {
    execute!(
        &mut **tx,
        INSERT,
        account.id,
        &account.login,
        account.kind.as_str(),
        account.organization_id,
        account.site_admin,
        &account.password_hash,
        &account.profile.name,
        &account.profile.description,
        &account.profile.url,
        account.created_at,
    )?;
    Ok(())
}

pub async fn set_password(tx: &mut Tx<'_>, id: i64, hash: &str) -> Result<(), Error> {
    execute!(&mut **tx, SET_PASSWORD, id, hash)?;
    Ok(())
}

/// `None` enables the account again.
pub async fn set_disabled(tx: &mut Tx<'_>, id: i64, at: Option<i64>) -> Result<(), Error> {
    execute!(&mut **tx, SET_DISABLED, id, at)?;
    Ok(())
}

pub async fn set_profile(tx: &mut Tx<'_>, id: i64, profile: &Profile) -> Result<(), Error> {
    let Profile {
        name,
        description,
        url,
    } = profile;
    execute!(&mut **tx, SET_PROFILE, id, name, description, url)?;
    Ok(())
}

/// The organizations of a user after the login `after`, in order.
pub async fn organizations_of(
    conn: &mut Conn<'_>,
    user_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<Account>, Error> {
    let rows = query!(
        fetch_all,
        conn,
        Row,
        ORGANIZATIONS_OF,
        user_id,
        after,
        limit
    )?;
    rows.into_iter().map(Account::try_from).collect()
}

/// An organization's service accounts after the login `after`, in order.
pub async fn service_accounts(
    conn: &mut Conn<'_>,
    organization_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<Account>, Error> {
    let rows = query!(
        fetch_all,
        conn,
        Row,
        SERVICE_ACCOUNTS,
        organization_id,
        after,
        limit
    )?;
    rows.into_iter().map(Account::try_from).collect()
}

/// The account that a former login is kept for.
pub async fn kept_for(conn: &mut Conn<'_>, login: &str) -> Result<Option<i64>, Error> {
    let row = query!(fetch_optional, conn, (i64,), IS_FORMER, login)?;
    Ok(row.map(|(id,)| id))
}

/// How many former logins lead to an account.
pub async fn count_former(conn: &mut Conn<'_>, id: i64) -> Result<i64, Error> {
    Ok(query!(fetch_one, conn, (i64,), COUNT_FORMER, id)?.0)
}

/// Whether somebody else administers the site.
pub async fn has_other_administrator(conn: &mut Conn<'_>, id: i64) -> Result<bool, Error> {
    let row = query!(fetch_optional, conn, (i64,), OTHER_ADMINISTRATOR, id)?;
    Ok(row.is_some())
}

/// Gives an account another login and keeps the old one for it. Its packages
/// are renamed by [`crate::packages::rename_owner`]. Fails with
/// [`crate::ErrorKind::Duplicate`] if the login is taken.
pub async fn rename(tx: &mut Tx<'_>, account: &Account, to: &str, at: i64) -> Result<(), Error> {
    execute!(&mut **tx, FORGET_FORMER, to)?;
    execute!(&mut **tx, RENAME, account.id, to)?;
    let rest = i64::try_from(account.login.len() + 1).unwrap_or(i64::MAX);
    execute!(&mut **tx, RENAME_SERVICE_ACCOUNTS, account.id, to, rest)?;
    execute!(&mut **tx, KEEP_FORMER, &account.login, account.id, at)?;
    Ok(())
}

/// Deletes an account for good; its login stays taken.
pub async fn delete(tx: &mut Tx<'_>, id: i64, at: i64) -> Result<(), Error> {
    execute!(&mut **tx, DELETE, id, at)?;
    Ok(())
}
