//! Database errors by what the caller can do about them.

use std::sync::Arc;

/// A failed statement or transaction.
#[derive(Debug, Clone, thiserror::Error)]
#[error("database: {source}")]
pub struct Error {
    pub kind: ErrorKind,
    #[source]
    source: Arc<dyn std::error::Error + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A row with this key exists.
    Duplicate,
    /// Another write came first; the same one may succeed if repeated.
    Conflict,
    /// The engine cannot be reached or does not answer now.
    Unavailable,
    /// No space left.
    Full,
    /// The data was written by a newer release.
    Newer,
    /// Everything else.
    Other,
}

impl Error {
    pub fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            source: Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(
                reason.into(),
            )),
        }
    }

    /// A stored value that this release cannot read.
    pub(crate) fn unreadable(what: &str, value: &str) -> Self {
        Self::new(
            ErrorKind::Other,
            format!("{what} `{value}` is not readable"),
        )
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let kind = match &error {
            sqlx::Error::Database(e) if e.is_unique_violation() => ErrorKind::Duplicate,
            sqlx::Error::Database(e) => kind_of_code(e.code().as_deref()),
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                ErrorKind::Unavailable
            }
            sqlx::Error::Io(_) => ErrorKind::Unavailable,
            _ => ErrorKind::Other,
        };
        Self {
            kind,
            source: Arc::new(error),
        }
    }
}

/// SQLite's result codes (low byte) and PostgreSQL's SQLSTATE classes.
fn kind_of_code(code: Option<&str>) -> ErrorKind {
    let Some(code) = code else {
        return ErrorKind::Other;
    };
    match code {
        "53100" => return ErrorKind::Full,
        "40001" | "40P01" => return ErrorKind::Conflict,
        _ => {}
    }
    if code.len() == 5
        && ["08", "53", "57"]
            .iter()
            .any(|class| code.starts_with(class))
    {
        return ErrorKind::Unavailable;
    }
    match code.parse::<u32>().map(|c| c & 0xff) {
        Ok(13) => ErrorKind::Full,
        Ok(5 | 6 | 8 | 10 | 14) => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError as M;
        match error {
            M::Execute(e) | M::ExecuteMigration(e, _) => e.into(),
            M::VersionMissing(version) => Self::new(
                ErrorKind::Newer,
                format!("the data has schema version {version}, which this release does not know"),
            ),
            other => Self::new(ErrorKind::Other, other.to_string()),
        }
    }
}
