//! How much an owner may store, and how much of it is in use.

use std::ops::Neg;

use crate::{Conn, Error, Tx};

statements! {
    FIND = "SELECT most_bytes, most_packages, most_tags, bytes, packages, tags
        FROM quota WHERE account_id = $1";
    PUT = "INSERT INTO quota
            (account_id, most_bytes, most_packages, most_tags, bytes, packages, tags)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (account_id) DO UPDATE SET most_bytes = excluded.most_bytes,
            most_packages = excluded.most_packages, most_tags = excluded.most_tags,
            bytes = excluded.bytes, packages = excluded.packages, tags = excluded.tags";
    REMOVE = "DELETE FROM quota WHERE account_id = $1";
    CHARGE = "UPDATE quota SET bytes = bytes + $2, packages = packages + $3, tags = tags + $4
        WHERE account_id = $1
        RETURNING most_bytes, most_packages, most_tags, bytes, packages, tags";
    LIST = "SELECT account_id, most_bytes, most_packages, most_tags, bytes, packages, tags
        FROM quota WHERE account_id > $1 ORDER BY account_id LIMIT $2";
}

/// What is in use, or by how much that changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Amounts {
    /// Of blobs, each once; of manifests; and of uploads under way.
    pub bytes: i64,
    /// Deleted ones too, until they are gone for good.
    pub packages: i64,
    pub tags: i64,
}

impl Amounts {
    pub const fn bytes(bytes: i64) -> Self {
        Self {
            bytes,
            packages: 0,
            tags: 0,
        }
    }

    pub const fn tags(tags: i64) -> Self {
        Self {
            bytes: 0,
            packages: 0,
            tags,
        }
    }
}

impl Neg for Amounts {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            bytes: -self.bytes,
            packages: -self.packages,
            tags: -self.tags,
        }
    }
}

/// The most that may be in use; `None`: as much as there is room for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Limits {
    #[sqlx(rename = "most_bytes")]
    pub bytes: Option<i64>,
    #[sqlx(rename = "most_packages")]
    pub packages: Option<i64>,
    #[sqlx(rename = "most_tags")]
    pub tags: Option<i64>,
}

/// An owner's limits, and what is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Quota {
    #[sqlx(flatten)]
    pub limits: Limits,
    #[sqlx(flatten)]
    pub used: Amounts,
}

/// `None`: nothing is limited.
pub async fn find(conn: &mut Conn<'_>, account_id: i64) -> Result<Option<Quota>, Error> {
    query!(fetch_optional, conn, Quota, FIND, account_id)
}

/// Limits an owner who uses that much.
pub async fn put(tx: &mut Tx<'_>, account_id: i64, quota: &Quota) -> Result<(), Error> {
    let Quota { limits, used } = quota;
    execute!(
        &mut **tx,
        PUT,
        account_id,
        limits.bytes,
        limits.packages,
        limits.tags,
        used.bytes,
        used.packages,
        used.tags,
    )?;
    Ok(())
}

pub async fn remove(tx: &mut Tx<'_>, account_id: i64) -> Result<(), Error> {
    execute!(&mut **tx, REMOVE, account_id)?;
    Ok(())
}

/// Adds to what is in use, and says how it stands then; `None`: nothing is
/// limited, so nothing is counted. The caller refuses what is too much.
pub async fn charge(
    tx: &mut Tx<'_>,
    account_id: i64,
    change: Amounts,
) -> Result<Option<Quota>, Error> {
    query!(
        fetch_optional,
        &mut **tx,
        Quota,
        CHARGE,
        account_id,
        change.bytes,
        change.packages,
        change.tags,
    )
}

#[derive(sqlx::FromRow)]
struct Row {
    account_id: i64,
    #[sqlx(flatten)]
    quota: Quota,
}

/// All quotas by account, after the account `after`.
pub async fn list(conn: &mut Conn<'_>, after: i64, limit: i64) -> Result<Vec<(i64, Quota)>, Error> {
    let rows = query!(fetch_all, conn, Row, LIST, after, limit)?;
    Ok(rows
        .into_iter()
        .map(|row| (row.account_id, row.quota))
        .collect())
}
