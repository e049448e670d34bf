//! Referrers: versions that name another as their subject.

use crate::{Conn, Error};

statements! {
    LIST = "SELECT digest, media_type, artifact_type, size, annotations FROM version
        WHERE package_id = $1 AND subject = $2 AND deleted_at IS NULL AND digest > $3
        ORDER BY digest LIMIT $4";
    LIST_OF_TYPE = "SELECT digest, media_type, artifact_type, size, annotations FROM version
        WHERE package_id = $1 AND subject = $2 AND artifact_type = $5 AND deleted_at IS NULL
        AND digest > $3 ORDER BY digest LIMIT $4";
    SIZES = "SELECT CAST(LENGTH(annotations) AS BIGINT) FROM version
        WHERE package_id = $1 AND subject = $2 AND deleted_at IS NULL AND digest > $3
        ORDER BY digest LIMIT $4";
    SIZES_OF_TYPE = "SELECT CAST(LENGTH(annotations) AS BIGINT) FROM version
        WHERE package_id = $1 AND subject = $2 AND artifact_type = $5 AND deleted_at IS NULL
        AND digest > $3 ORDER BY digest LIMIT $4";
}

/// A manifest that names another as its subject.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Referrer {
    pub digest: String,
    pub media_type: String,
    pub artifact_type: Option<String>,
    pub size: i64,
    /// A JSON object of strings.
    pub annotations: String,
}

/// Characters of annotations of what [`list`] would return: they may be
/// long, so a page is measured before it is read.
pub async fn sizes(
    conn: &mut Conn<'_>,
    package_id: i64,
    subject: &str,
    artifact_type: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<i64>, Error> {
    let rows = match artifact_type {
        None => query!(
            fetch_all,
            conn,
            (i64,),
            SIZES,
            package_id,
            subject,
            after,
            limit
        )?,
        Some(kind) => query!(
            fetch_all,
            conn,
            (i64,),
            SIZES_OF_TYPE,
            package_id,
            subject,
            after,
            limit,
            kind,
        )?,
    };
    Ok(rows.into_iter().map(|(size,)| size).collect())
}

/// Referrers of `subject` after the digest `after`, in order.
pub async fn list(
    conn: &mut Conn<'_>,
    package_id: i64,
    subject: &str,
    artifact_type: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<Referrer>, Error> {
    match artifact_type {
        None => query!(
            fetch_all, conn, Referrer, LIST, package_id, subject, after, limit
        ),
        Some(kind) => query!(
            fetch_all,
            conn,
            Referrer,
            LIST_OF_TYPE,
            package_id,
            subject,
            after,
            limit,
            kind,
        ),
    }
}
