//! Accounts: whoever can own packages.

use crate::{Conn, Error, Tx};

statements! {
    FIND_BY_LOGIN = "SELECT id, login, kind, site_admin, password_hash, disabled_at, created_at
        FROM account WHERE login = $1";
    FIND = "SELECT id, login, kind, site_admin, password_hash, disabled_at, created_at
        FROM account WHERE id = $1";
    LIST = "SELECT id, login, kind, site_admin, password_hash, disabled_at, created_at
        FROM account WHERE kind = $1 AND login > $2 ORDER BY login LIMIT $3";
    INSERT = "INSERT INTO account (id, login, kind, site_admin, password_hash, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    SET_PASSWORD = "UPDATE account SET password_hash = $2 WHERE id = $1";
    SET_DISABLED = "UPDATE account SET disabled_at = $2 WHERE id = $1";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    User,
    Organization,
    Upstream,
}

impl AccountKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Organization => "organization",
            Self::Upstream => "upstream",
        }
    }

    fn parse(s: &str) -> Result<Self, Error> {
        match s {
            "user" => Ok(Self::User),
            "organization" => Ok(Self::Organization),
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
    pub site_admin: bool,
    pub password_hash: Option<String>,
    pub disabled_at: Option<i64>,
    pub created_at: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    login: String,
    kind: String,
    site_admin: bool,
    password_hash: Option<String>,
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
            site_admin: row.site_admin,
            password_hash: row.password_hash,
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
        account.site_admin,
        &account.password_hash,
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
