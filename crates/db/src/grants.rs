//! Roles on packages that somebody was granted.

use std::fmt;

use crate::{Conn, Error, Tx};

statements! {
    OF_PACKAGE = "SELECT principal_kind, principal_id, role, expires_at FROM package_grant
        WHERE package_id = $1 ORDER BY principal_kind, principal_id";
    OF_REPOSITORY = "SELECT principal_kind, principal_id, role, expires_at
        FROM source_repository_grant WHERE repository_id = $1
        ORDER BY principal_kind, principal_id";
    DETAILS = "SELECT g.principal_kind,
        COALESCE(a.login, o.login || '/' || t.slug, s.name, '') AS principal,
        g.role, b.login AS granted_by, g.created_at, g.expires_at
        FROM package_grant g
        LEFT JOIN account a ON g.principal_kind = 'account' AND a.id = g.principal_id
        LEFT JOIN team t ON g.principal_kind = 'team' AND t.id = g.principal_id
        LEFT JOIN account o ON o.id = t.organization_id
        LEFT JOIN source_repository s
            ON g.principal_kind = 'source_repository' AND s.id = g.principal_id
        LEFT JOIN account b ON b.id = g.granted_by
        WHERE g.package_id = $1 ORDER BY 2, 1";
    REPOSITORY_DETAILS = "SELECT g.principal_kind,
        COALESCE(a.login, o.login || '/' || t.slug, '') AS principal,
        g.role, b.login AS granted_by, g.created_at, g.expires_at
        FROM source_repository_grant g
        LEFT JOIN account a ON g.principal_kind = 'account' AND a.id = g.principal_id
        LEFT JOIN team t ON g.principal_kind = 'team' AND t.id = g.principal_id
        LEFT JOIN account o ON o.id = t.organization_id
        LEFT JOIN account b ON b.id = g.granted_by
        WHERE g.repository_id = $1 ORDER BY 2, 1";
    PUT = "INSERT INTO package_grant
        (package_id, principal_kind, principal_id, role, granted_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (package_id, principal_kind, principal_id) DO UPDATE SET
        role = excluded.role, granted_by = excluded.granted_by,
        created_at = excluded.created_at, expires_at = excluded.expires_at";
    PUT_ON_REPOSITORY = "INSERT INTO source_repository_grant
        (repository_id, principal_kind, principal_id, role, granted_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (repository_id, principal_kind, principal_id) DO UPDATE SET
        role = excluded.role, granted_by = excluded.granted_by,
        created_at = excluded.created_at, expires_at = excluded.expires_at";
    REMOVE = "DELETE FROM package_grant
        WHERE package_id = $1 AND principal_kind = $2 AND principal_id = $3";
    REMOVE_FROM_REPOSITORY = "DELETE FROM source_repository_grant
        WHERE repository_id = $1 AND principal_kind = $2 AND principal_id = $3";
    REMOVE_ALL = "DELETE FROM package_grant WHERE principal_kind = $1 AND principal_id = $2";
    REMOVE_ALL_FROM_REPOSITORIES = "DELETE FROM source_repository_grant
        WHERE principal_kind = $1 AND principal_id = $2";
    LEAVE = "DELETE FROM package_grant WHERE principal_kind = 'account' AND principal_id = $2
        AND package_id IN (SELECT id FROM package WHERE owner_id = $1)";
    LEAVE_REPOSITORIES = "DELETE FROM source_repository_grant
        WHERE principal_kind = 'account' AND principal_id = $2
        AND repository_id IN (SELECT id FROM source_repository WHERE owner_id = $1)";
}

/// A role on a package; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Read,
    Write,
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == s)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who was granted something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A user or a service account.
    Account(i64),
    Team(i64),
    /// A repository on a forge: its CI.
    SourceRepository(i64),
}

impl Principal {
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Team(_) => "team",
            Self::SourceRepository(_) => "source_repository",
        }
    }

    pub(crate) const fn id(self) -> i64 {
        match self {
            Self::Account(id) | Self::Team(id) | Self::SourceRepository(id) => id,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub principal: Principal,
    pub role: Role,
    /// Microseconds; not good from then on.
    pub expires_at: Option<i64>,
}

impl Grant {
    pub fn is_good(&self, now: i64) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// A grant as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct GrantDetails {
    pub principal_kind: String,
    /// LOGIN, or ORGANIZATION/TEAM.
    pub principal: String,
    pub role: String,
    pub granted_by: Option<String>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
}

type GrantRow = (String, i64, String, Option<i64>);

/// Kinds that this release does not know are nobody's.
fn parsed(rows: Vec<GrantRow>) -> Vec<Grant> {
    let grant = |(kind, id, role, expires_at): GrantRow| {
        let principal = match kind.as_str() {
            "account" => Principal::Account(id),
            "team" => Principal::Team(id),
            "source_repository" => Principal::SourceRepository(id),
            _ => return None,
        };
        let role = Role::parse(&role)?;
        Some(Grant {
            principal,
            role,
            expires_at,
        })
    };
    rows.into_iter().filter_map(grant).collect()
}

/// What grants are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    Package(i64),
    /// All packages that inherit the access of a source repository.
    Repository(i64),
}

/// Every grant there, expired ones included.
pub async fn on(conn: &mut Conn<'_>, granted: Granted) -> Result<Vec<Grant>, Error> {
    let (sql, id) = match granted {
        Granted::Package(id) => (OF_PACKAGE, id),
        Granted::Repository(id) => (OF_REPOSITORY, id),
    };
    Ok(parsed(query!(fetch_all, conn, GrantRow, sql, id)?))
}

/// The same, for people to read.
pub async fn details(conn: &mut Conn<'_>, granted: Granted) -> Result<Vec<GrantDetails>, Error> {
    let (sql, id) = match granted {
        Granted::Package(id) => (DETAILS, id),
        Granted::Repository(id) => (REPOSITORY_DETAILS, id),
    };
    query!(fetch_all, conn, GrantDetails, sql, id)
}

/// Grants a role, in place of what the principal was granted before.
pub async fn put(
    tx: &mut Tx<'_>,
    on: Granted,
    grant: &Grant,
    granted_by: Option<i64>,
    at: i64,
) -> Result<(), Error> {
    let (sql, id) = match on {
        Granted::Package(id) => (PUT, id),
        Granted::Repository(id) => (PUT_ON_REPOSITORY, id),
    };
    execute!(
        &mut **tx,
        sql,
        id,
        grant.principal.kind(),
        grant.principal.id(),
        grant.role.as_str(),
        granted_by,
        at,
        grant.expires_at,
    )?;
    Ok(())
}

/// Whether there was anything to revoke.
pub async fn remove(tx: &mut Tx<'_>, on: Granted, principal: Principal) -> Result<bool, Error> {
    let (sql, id) = match on {
        Granted::Package(id) => (REMOVE, id),
        Granted::Repository(id) => (REMOVE_FROM_REPOSITORY, id),
    };
    let (kind, of) = (principal.kind(), principal.id());
    Ok(execute!(&mut **tx, sql, id, kind, of)? > 0)
}

/// Revokes everything that was granted to a principal.
pub async fn remove_all(tx: &mut Tx<'_>, principal: Principal) -> Result<(), Error> {
    for sql in [REMOVE_ALL, REMOVE_ALL_FROM_REPOSITORIES] {
        execute!(&mut **tx, sql, principal.kind(), principal.id())?;
    }
    Ok(())
}

/// Revokes what an account was granted on an owner's packages.
pub async fn leave(tx: &mut Tx<'_>, owner_id: i64, account_id: i64) -> Result<(), Error> {
    for sql in [LEAVE, LEAVE_REPOSITORIES] {
        execute!(&mut **tx, sql, owner_id, account_id)?;
    }
    Ok(())
}
