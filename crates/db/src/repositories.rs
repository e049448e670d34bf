//! Source repositories: what owners have connected, and which packages are
//! linked to them.

use crate::{Conn, Error, Tx};

statements! {
    FIND = "SELECT id, owner_id, name, created_at FROM source_repository
        WHERE owner_id = $1 AND key = $2";
    LIST = "SELECT id, owner_id, name, created_at FROM source_repository
        WHERE owner_id = $1 AND key > $2 ORDER BY key LIMIT $3";
    INSERT = "INSERT INTO source_repository (id, owner_id, key, name, created_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (owner_id, key) DO NOTHING";
    DELETE = "DELETE FROM source_repository WHERE id = $1";
    UNLINK_ALL = "UPDATE package SET repository_id = NULL, inherits_access = FALSE
        WHERE repository_id = $1";
    LINK = "UPDATE package SET repository_id = $2, inherits_access = $3 WHERE id = $1";
    OF_PACKAGE = "SELECT s.id, s.name, p.inherits_access FROM package p
        JOIN source_repository s ON s.id = p.repository_id WHERE p.id = $1";
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Repository {
    pub id: i64,
    pub owner_id: i64,
    /// HOST/PATH, as it is written.
    pub name: String,
    pub created_at: i64,
}

/// The repository that a package is linked to.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Link {
    pub id: i64,
    pub name: String,
    /// Whether whoever has a role on the repository has it on the package.
    pub inherits_access: bool,
}

/// `key`: HOST/PATH in lowercase.
pub async fn find(
    conn: &mut Conn<'_>,
    owner_id: i64,
    key: &str,
) -> Result<Option<Repository>, Error> {
    query!(fetch_optional, conn, Repository, FIND, owner_id, key)
}

/// An owner's repositories after the key `after`, in order.
pub async fn list(
    conn: &mut Conn<'_>,
    owner_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<Repository>, Error> {
    query!(fetch_all, conn, Repository, LIST, owner_id, after, limit)
}

/// Connects a repository, unless it is.
pub async fn insert_if_absent(
    tx: &mut Tx<'_>,
    repository: &Repository,
    key: &str,
) -> Result<(), Error> {
    execute!(
        &mut **tx,
        INSERT,
        repository.id,
        repository.owner_id,
        key,
        &repository.name,
        repository.created_at,
    )?;
    Ok(())
}

/// Disconnects a repository; packages linked to it are no longer. What was
/// granted to its CI is the caller's to revoke.
pub async fn delete(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    execute!(&mut **tx, UNLINK_ALL, id)?;
    execute!(&mut **tx, DELETE, id)?;
    Ok(())
}

/// Links a package, or with `None` unlinks it.
pub async fn link(
    tx: &mut Tx<'_>,
    package_id: i64,
    repository_id: Option<i64>,
    inherits_access: bool,
) -> Result<(), Error> {
    execute!(&mut **tx, LINK, package_id, repository_id, inherits_access)?;
    Ok(())
}

pub async fn of_package(conn: &mut Conn<'_>, package_id: i64) -> Result<Option<Link>, Error> {
    query!(fetch_optional, conn, Link, OF_PACKAGE, package_id)
}
