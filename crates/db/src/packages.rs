//! Packages: names, owners and visibility.

use crate::{Conn, Error, Tx, grants::Principal};

statements! {
    FIND = "SELECT id, owner_id, path, visibility, created_by, created_at, updated_at, published_at
        FROM package WHERE type = 'container' AND path = $1 AND deleted_at IS NULL";
    FIND_BY_ID = "SELECT id, owner_id, path, visibility, created_by, created_at, updated_at,
        published_at FROM package WHERE id = $1 AND deleted_at IS NULL";
    FIND_DELETED = "SELECT id, owner_id, path, visibility, created_by, created_at, updated_at,
        published_at
        FROM package WHERE type = 'container' AND path = $1 AND deleted_at IS NOT NULL";
    FIND_REDIRECT = "SELECT package_id FROM package_redirect WHERE type = 'container' AND path = $1";
    INSERT = "INSERT INTO package
        (id, owner_id, type, path, visibility, created_by, created_at, updated_at)
        VALUES ($1, $2, 'container', $3, $4, $5, $6, $6)
        ON CONFLICT (type, path) DO NOTHING";
    PUBLISH = "UPDATE package SET updated_at = $2, published_at = COALESCE(published_at, $2)
        WHERE id = $1";
    SET_VISIBILITY = "UPDATE package SET visibility = $2, updated_at = $3 WHERE id = $1";
    MOVE = "UPDATE package SET path = $2, owner_id = $3, updated_at = $4 WHERE id = $1";
    MOVE_OF_OWNER = "UPDATE package
        SET path = CAST($2 AS TEXT) || SUBSTR(path, CAST($3 AS INTEGER)) WHERE owner_id = $1";
    REDIRECT = "INSERT INTO package_redirect (type, path, package_id, created_at)
        VALUES ('container', $1, $2, $3)
        ON CONFLICT (type, path) DO UPDATE SET package_id = excluded.package_id";
    REDIRECTS_UNDER = "SELECT r.path, p.path FROM package_redirect r
        JOIN package p ON p.id = r.package_id
        WHERE r.type = 'container' AND r.path > $1 AND r.path < $2 ORDER BY r.path LIMIT $3";
    REDIRECTS = "SELECT path FROM package_redirect WHERE package_id = $1 ORDER BY path";
    REMOVE_REDIRECT = "DELETE FROM package_redirect WHERE type = 'container' AND path = $1
        AND package_id = $2";
    MOVE_REDIRECTS = "UPDATE package_redirect
        SET path = CAST($1 AS TEXT) || SUBSTR(path, CAST($2 AS INTEGER))
        WHERE path >= $3 AND path < $4";
    SET_DELETED = "UPDATE package SET deleted_at = $2, deleted_by = $3 WHERE id = $1";
    DELETED = "SELECT p.id, p.path, p.deleted_at, a.login AS deleted_by FROM package p
        LEFT JOIN account a ON a.id = p.deleted_by
        WHERE p.owner_id = $1 AND p.deleted_at IS NOT NULL AND p.path > $2 ORDER BY p.path LIMIT $3";
    HAS_ANY = "SELECT path, CASE WHEN deleted_at IS NULL THEN 0 ELSE 1 END FROM package
        WHERE owner_id = $1 ORDER BY 2 LIMIT 1";
    /// The type is named for the index's sake.
    ALL = "SELECT path FROM package
        WHERE type = 'container' AND published_at IS NOT NULL AND deleted_at IS NULL AND path > $1 ORDER BY path LIMIT $2";
    OF_VISIBILITY = "SELECT path FROM package WHERE visibility = $1
        AND published_at IS NOT NULL AND deleted_at IS NULL AND path > $2 ORDER BY path LIMIT $3";
    OF_OWNER = "SELECT path FROM package WHERE owner_id = $1
        AND published_at IS NOT NULL AND deleted_at IS NULL AND path > $2 ORDER BY path LIMIT $3";
    OF_OWNER_OF_VISIBILITY = "SELECT path FROM package WHERE owner_id = $1 AND visibility = $2
        AND published_at IS NOT NULL AND deleted_at IS NULL AND path > $3 ORDER BY path LIMIT $4";
    /// On the package, or on the repository whose access it inherits.
    GRANTED = "SELECT p.path FROM package_grant g JOIN package p ON p.id = g.package_id
        WHERE g.principal_kind = $1 AND g.principal_id = $2 AND (g.expires_at IS NULL OR g.expires_at > $3)
        AND p.published_at IS NOT NULL AND p.deleted_at IS NULL AND p.path > $4
        UNION SELECT p.path FROM source_repository_grant g
        JOIN package p ON p.repository_id = g.repository_id
        WHERE g.principal_kind = $1 AND g.principal_id = $2 AND (g.expires_at IS NULL OR g.expires_at > $3)
        AND p.inherits_access AND p.published_at IS NOT NULL AND p.deleted_at IS NULL AND p.path > $4
        ORDER BY 1 LIMIT $5";
    DETAILS_OF_OWNER = "SELECT id, owner_id, path, visibility, created_by, created_at, updated_at,
        published_at FROM package
        WHERE owner_id = $1 AND deleted_at IS NULL AND path > $2 ORDER BY path LIMIT $3";
}

/// From the narrowest to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Visibility {
    /// Those with a role.
    Private,
    /// Everybody signed in.
    Internal,
    /// Everybody.
    Public,
}

impl Visibility {
    pub const ALL: [Self; 3] = [Self::Private, Self::Internal, Self::Public];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Internal => "internal",
            Self::Public => "public",
        }
    }

    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == s)
    }
}

#[derive(Debug, Clone)]
pub struct Package {
    pub id: i64,
    pub owner_id: i64,
    pub path: String,
    pub visibility: Visibility,
    pub created_by: Option<i64>,
    pub created_at: i64,
    /// Of the last push or change.
    pub updated_at: i64,
    /// `None` until the first manifest: such a package is listed nowhere.
    pub published_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    owner_id: i64,
    path: String,
    visibility: String,
    created_by: Option<i64>,
    created_at: i64,
    updated_at: i64,
    published_at: Option<i64>,
}

impl TryFrom<Row> for Package {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            visibility: Visibility::parse(&row.visibility)
                .ok_or_else(|| Error::unreadable("visibility", &row.visibility))?,
            id: row.id,
            owner_id: row.owner_id,
            path: row.path,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            published_at: row.published_at,
        })
    }
}

pub async fn find(conn: &mut Conn<'_>, path: &str) -> Result<Option<Package>, Error> {
    let row = query!(fetch_optional, conn, Row, FIND, path)?;
    row.map(Package::try_from).transpose()
}

pub async fn find_by_id(conn: &mut Conn<'_>, id: i64) -> Result<Option<Package>, Error> {
    let row = query!(fetch_optional, conn, Row, FIND_BY_ID, id)?;
    row.map(Package::try_from).transpose()
}

/// A package that was deleted and can still be restored.
pub async fn find_deleted(conn: &mut Conn<'_>, path: &str) -> Result<Option<Package>, Error> {
    let row = query!(fetch_optional, conn, Row, FIND_DELETED, path)?;
    row.map(Package::try_from).transpose()
}

/// The package that had this name before.
pub async fn find_redirect(conn: &mut Conn<'_>, path: &str) -> Result<Option<i64>, Error> {
    let row = query!(fetch_optional, conn, (i64,), FIND_REDIRECT, path)?;
    Ok(row.map(|(id,)| id))
}

/// Creates the package unless somebody else just did; the caller reads it afterwards.
pub async fn insert_if_absent(tx: &mut Tx<'_>, package: &Package) -> Result<bool, Error> {
    let rows = execute!(
        &mut **tx,
        INSERT,
        package.id,
        package.owner_id,
        &package.path,
        package.visibility.as_str(),
        package.created_by,
        package.created_at,
    )?;
    Ok(rows == 1)
}

/// Notes that a manifest was pushed at `at`.
pub async fn touch(tx: &mut Tx<'_>, id: i64, at: i64) -> Result<(), Error> {
    execute!(&mut **tx, PUBLISH, id, at)?;
    Ok(())
}

pub async fn set_visibility(
    tx: &mut Tx<'_>,
    id: i64,
    visibility: Visibility,
    at: i64,
) -> Result<(), Error> {
    execute!(&mut **tx, SET_VISIBILITY, id, visibility.as_str(), at)?;
    Ok(())
}

/// Gives a package another name, perhaps of another owner. Fails with
/// [`crate::ErrorKind::Duplicate`] if the name is taken.
pub async fn rename(
    tx: &mut Tx<'_>,
    id: i64,
    path: &str,
    owner_id: i64,
    at: i64,
) -> Result<(), Error> {
    execute!(&mut **tx, MOVE, id, path, owner_id, at)?;
    Ok(())
}

/// Follows the renaming of an owner, in the names of its packages and in the
/// names that lead to packages.
pub async fn rename_owner(
    tx: &mut Tx<'_>,
    owner_id: i64,
    from: &str,
    to: &str,
) -> Result<(), Error> {
    let rest = i64::try_from(from.len() + 1).unwrap_or(i64::MAX);
    execute!(&mut **tx, MOVE_OF_OWNER, owner_id, to, rest)?;
    // `0` follows `/`: everything that begins with the login and a slash.
    let (first, end) = (format!("{from}/"), format!("{from}0"));
    execute!(&mut **tx, MOVE_REDIRECTS, to, rest, first, end)?;
    Ok(())
}

/// Makes a former name lead to a package.
pub async fn redirect(tx: &mut Tx<'_>, path: &str, package_id: i64, at: i64) -> Result<(), Error> {
    execute!(&mut **tx, REDIRECT, path, package_id, at)?;
    Ok(())
}

/// The former names of a package.
pub async fn redirects(conn: &mut Conn<'_>, package_id: i64) -> Result<Vec<String>, Error> {
    let rows = query!(fetch_all, conn, (String,), REDIRECTS, package_id)?;
    Ok(rows.into_iter().map(|(path,)| path).collect())
}

/// Names that begin with a login and a slash, and where they lead, after the name `after`.
pub async fn redirects_under(
    conn: &mut Conn<'_>,
    login: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, String)>, Error> {
    let first = format!("{login}/");
    let from = if after > first.as_str() {
        after
    } else {
        &first
    };
    let end = format!("{login}0");
    query!(
        fetch_all,
        conn,
        (String, String),
        REDIRECTS_UNDER,
        from,
        end,
        limit
    )
}

/// Whether the name led to the package; it is free from now on.
pub async fn remove_redirect(tx: &mut Tx<'_>, path: &str, package_id: i64) -> Result<bool, Error> {
    Ok(execute!(&mut **tx, REMOVE_REDIRECT, path, package_id)? > 0)
}

/// Deletes a package, to be restored or purged.
pub async fn delete(tx: &mut Tx<'_>, id: i64, at: i64, by: Option<i64>) -> Result<(), Error> {
    execute!(&mut **tx, SET_DELETED, id, Some(at), by)?;
    Ok(())
}

pub async fn restore(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    execute!(&mut **tx, SET_DELETED, id, None::<i64>, None::<i64>)?;
    Ok(())
}

/// A deleted package.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DeletedPackage {
    pub id: i64,
    pub path: String,
    pub deleted_at: i64,
    /// Login; `None`: the operator.
    pub deleted_by: Option<String>,
}

/// An owner's deleted packages after the path `after`, in order.
pub async fn deleted(
    conn: &mut Conn<'_>,
    owner_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<DeletedPackage>, Error> {
    query!(
        fetch_all,
        conn,
        DeletedPackage,
        DELETED,
        owner_id,
        after,
        limit
    )
}

/// One of an owner's packages, if it has any, and whether it was deleted:
/// only then are all others deleted too.
pub async fn any_of_owner(
    conn: &mut Conn<'_>,
    owner_id: i64,
) -> Result<Option<(String, bool)>, Error> {
    let row = query!(fetch_optional, conn, (String, i32), HAS_ANY, owner_id)?;
    Ok(row.map(|(path, deleted)| (path, deleted != 0)))
}

/// Which packages a listing is about.
#[derive(Debug, Clone, Copy)]
pub enum Selection {
    All,
    OfVisibility(Visibility),
    OfOwner(i64),
    OfOwnerOfVisibility(i64, Visibility),
    /// Granted to a principal, at this moment (microseconds).
    GrantedTo(Principal, i64),
}

/// Paths of published packages after `after`, in order.
pub async fn list_paths(
    conn: &mut Conn<'_>,
    selection: Selection,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = match selection {
        Selection::All => query!(fetch_all, conn, (String,), ALL, after, limit)?,
        Selection::OfVisibility(visibility) => {
            let visibility = visibility.as_str();
            query!(
                fetch_all,
                conn,
                (String,),
                OF_VISIBILITY,
                visibility,
                after,
                limit
            )?
        }
        Selection::OfOwner(id) => query!(fetch_all, conn, (String,), OF_OWNER, id, after, limit)?,
        Selection::OfOwnerOfVisibility(id, visibility) => {
            let visibility = visibility.as_str();
            query!(
                fetch_all,
                conn,
                (String,),
                OF_OWNER_OF_VISIBILITY,
                id,
                visibility,
                after,
                limit
            )?
        }
        Selection::GrantedTo(principal, now) => {
            let (kind, id) = (principal.kind(), principal.id());
            query!(
                fetch_all,
                conn,
                (String,),
                GRANTED,
                kind,
                id,
                now,
                after,
                limit
            )?
        }
    };
    Ok(rows.into_iter().map(|(path,)| path).collect())
}

/// An owner's packages, unpublished ones included, after the path `after`.
pub async fn list_of_owner(
    conn: &mut Conn<'_>,
    owner_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<Package>, Error> {
    let rows = query!(
        fetch_all,
        conn,
        Row,
        DETAILS_OF_OWNER,
        owner_id,
        after,
        limit
    )?;
    rows.into_iter().map(Package::try_from).collect()
}
