//! How often packages, versions and tags were asked for, by day.

use crate::{Conn, Error, Tx};

statements! {
    /// Counts for a package that is gone go nowhere.
    ADD = "INSERT INTO download (package_id, kind, name, day, count)
        SELECT $1, CAST($2 AS TEXT), CAST($3 AS TEXT), $4, $5
        WHERE EXISTS (SELECT 1 FROM package WHERE id = $1)
        ON CONFLICT (package_id, kind, name, day)
        DO UPDATE SET count = download.count + excluded.count";
    SERIES = "SELECT day, count FROM download
        WHERE package_id = $1 AND kind = $2 AND name = $3 AND day >= $4 ORDER BY day";
    TOTAL = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM download
        WHERE package_id = $1 AND kind = $2 AND name = $3";
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted<'a> {
    Package,
    /// By digest.
    Version(&'a str),
    Tag(&'a str),
}

impl<'a> Counted<'a> {
    fn key(self) -> (&'static str, &'a str) {
        match self {
            Self::Package => ("package", ""),
            Self::Version(digest) => ("version", digest),
            Self::Tag(tag) => ("tag", tag),
        }
    }
}

/// Adds to a day's count.
pub async fn add(
    tx: &mut Tx<'_>,
    package_id: i64,
    counted: Counted<'_>,
    day: i64,
    count: i64,
) -> Result<(), Error> {
    let (kind, name) = counted.key();
    execute!(&mut **tx, ADD, package_id, kind, name, day, count)?;
    Ok(())
}

/// Days and their counts from `since` on; days without any are left out.
pub async fn series(
    conn: &mut Conn<'_>,
    package_id: i64,
    counted: Counted<'_>,
    since: i64,
) -> Result<Vec<(i64, i64)>, Error> {
    let (kind, name) = counted.key();
    query!(
        fetch_all,
        conn,
        (i64, i64),
        SERIES,
        package_id,
        kind,
        name,
        since
    )
}

/// All that was ever counted.
pub async fn total(
    conn: &mut Conn<'_>,
    package_id: i64,
    counted: Counted<'_>,
) -> Result<i64, Error> {
    let (kind, name) = counted.key();
    Ok(query!(fetch_one, conn, (i64,), TOTAL, package_id, kind, name)?.0)
}
