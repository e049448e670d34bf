//! Packages: names, owners and visibility.

use crate::{Conn, Error, Tx, grants::Principal};

statements! {
    FIND = "SELECT id, owner_id, path, visibility, created_by, created_at, published_at
        FROM package WHERE type = 'container' AND path = $1";
    INSERT = "INSERT INTO package
        (id, owner_id, type, path, visibility, created_by, created_at, updated_at)
        VALUES ($1, $2, 'container', $3, $4, $5, $6, $6)
        ON CONFLICT (type, path) DO NOTHING";
    PUBLISH = "UPDATE package SET updated_at = $2, published_at = COALESCE(published_at, $2)
        WHERE id = $1";
    SET_VISIBILITY = "UPDATE package SET visibility = $2, updated_at = $3 WHERE id = $1";
    DELETE = "DELETE FROM package WHERE id = $1";
    ALL = "SELECT path FROM package
        WHERE published_at IS NOT NULL AND path > $1 ORDER BY path LIMIT $2";
    OF_VISIBILITY = "SELECT path FROM package
        WHERE visibility = $1 AND published_at IS NOT NULL AND path > $2 ORDER BY path LIMIT $3";
    OF_OWNER = "SELECT path FROM package
        WHERE owner_id = $1 AND published_at IS NOT NULL AND path > $2 ORDER BY path LIMIT $3";
    GRANTED = "SELECT p.path FROM package_grant g JOIN package p ON p.id = g.package_id
        WHERE g.principal_kind = $1 AND g.principal_id = $2 AND (g.expires_at IS NULL OR g.expires_at > $3)
        AND p.published_at IS NOT NULL AND p.path > $4 ORDER BY p.path LIMIT $5";
    DETAILS_OF_OWNER = "SELECT id, owner_id, path, visibility, created_by, created_at, published_at
        FROM package WHERE owner_id = $1 AND path > $2 ORDER BY path LIMIT $3";
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
            published_at: row.published_at,
        })
    }
}

pub async fn find(conn: &mut Conn<'_>, path: &str) -> Result<Option<Package>, Error> {
    let row = query!(fetch_optional, conn, Row, FIND, path)?;
    row.map(Package::try_from).transpose()
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

/// Removes the package with everything in it; blobs stay for garbage collection.
pub async fn delete(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    execute!(&mut **tx, DELETE, id)?;
    Ok(())
}

/// Which packages a listing is about.
#[derive(Debug, Clone, Copy)]
pub enum Selection {
    All,
    OfVisibility(Visibility),
    OfOwner(i64),
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
