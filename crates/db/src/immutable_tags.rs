//! Patterns of tags that must not move, of packages and of owners.

use crate::{Conn, Error, Tx};

statements! {
    FOR_PACKAGE = "SELECT pattern FROM package_immutable_tag WHERE package_id = $1
        UNION
        SELECT a.pattern FROM account_immutable_tag a JOIN package p ON p.owner_id = a.account_id
        WHERE p.id = $1
        ORDER BY pattern";
    OF_ACCOUNT = "SELECT pattern FROM account_immutable_tag WHERE account_id = $1 ORDER BY pattern";
    PUT_ON_PACKAGE = "INSERT INTO package_immutable_tag (package_id, pattern, created_by, created_at)
        VALUES ($1, $2, $3, $4) ON CONFLICT (package_id, pattern) DO NOTHING";
    PUT_ON_ACCOUNT = "INSERT INTO account_immutable_tag (account_id, pattern, created_by, created_at)
        VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, pattern) DO NOTHING";
    REMOVE_FROM_PACKAGE = "DELETE FROM package_immutable_tag WHERE package_id = $1 AND pattern = $2";
    REMOVE_FROM_ACCOUNT = "DELETE FROM account_immutable_tag WHERE account_id = $1 AND pattern = $2";
}

/// What a pattern is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Package(i64),
    /// Every package of an owner.
    Account(i64),
}

/// Everything that holds for a package's tags: its own patterns and its owner's.
pub async fn for_package(conn: &mut Conn<'_>, package_id: i64) -> Result<Vec<String>, Error> {
    let rows = query!(fetch_all, conn, (String,), FOR_PACKAGE, package_id)?;
    Ok(rows.into_iter().map(|(pattern,)| pattern).collect())
}

pub async fn of_account(conn: &mut Conn<'_>, account_id: i64) -> Result<Vec<String>, Error> {
    let rows = query!(fetch_all, conn, (String,), OF_ACCOUNT, account_id)?;
    Ok(rows.into_iter().map(|(pattern,)| pattern).collect())
}

pub async fn put(
    tx: &mut Tx<'_>,
    scope: Scope,
    pattern: &str,
    by: Option<i64>,
    at: i64,
) -> Result<(), Error> {
    let (sql, id) = match scope {
        Scope::Package(id) => (PUT_ON_PACKAGE, id),
        Scope::Account(id) => (PUT_ON_ACCOUNT, id),
    };
    execute!(&mut **tx, sql, id, pattern, by, at)?;
    Ok(())
}

/// Whether there was such a pattern.
pub async fn remove(tx: &mut Tx<'_>, scope: Scope, pattern: &str) -> Result<bool, Error> {
    let (sql, id) = match scope {
        Scope::Package(id) => (REMOVE_FROM_PACKAGE, id),
        Scope::Account(id) => (REMOVE_FROM_ACCOUNT, id),
    };
    Ok(execute!(&mut **tx, sql, id, pattern)? > 0)
}
