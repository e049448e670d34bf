//! The database as the rest of Wharf sees it: readers, and writes that commit as a whole.

use std::{
    fmt,
    future::Future,
    ops::{Deref, DerefMut},
    path::Path,
};

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, pool::PoolConnection};

use crate::{Error, postgres::PostgresEngine, sqlite::SqliteEngine};

/// An open database. Clones share it.
#[derive(Clone)]
pub struct Db(Engine);

#[derive(Clone)]
enum Engine {
    Sqlite(SqliteEngine),
    Postgres(PostgresEngine),
}

/// A borrowed connection of either engine; what every query runs on.
pub enum Conn<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// A connection inside a write. Functions that change anything ask for this.
pub struct Tx<'c>(pub(crate) Conn<'c>);

impl<'c> Deref for Tx<'c> {
    type Target = Conn<'c>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// A change that happens as a whole or not at all.
///
/// It runs in a transaction of its own (PostgreSQL) or in a savepoint of a
/// commit shared with its neighbours (SQLite). `Ok` is only returned after the
/// commit is durable; `Err` leaves nothing. A write that was handed over is
/// decided even if nobody waits for the answer any more.
pub trait Write: Send + Sync + 'static {
    type Output: Send + 'static;
    type Error: WriteError;

    /// May run more than once: an engine repeats a write that lost against another.
    fn run(
        &self,
        tx: &mut Tx<'_>,
    ) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;
}

/// The error of a [`Write`]: made from a database error, and able to show it again.
pub trait WriteError: From<Error> + Send + 'static {
    fn database(&self) -> Option<&Error>;
}

impl WriteError for Error {
    fn database(&self) -> Option<&Error> {
        Some(self)
    }
}

/// A connection for reading, taken from the pool.
pub enum Reader {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Reader {
    pub fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(c) => Conn::Sqlite(c),
            Self::Postgres(c) => Conn::Postgres(c),
        }
    }
}

impl Db {
    /// Opens (and creates or migrates) the SQLite database at `path`.
    pub async fn open_sqlite(path: &Path) -> Result<Self, Error> {
        Ok(Self(Engine::Sqlite(SqliteEngine::open(path).await?)))
    }

    /// Connects to PostgreSQL and migrates it.
    pub async fn open_postgres(url: &str) -> Result<Self, Error> {
        Ok(Self(Engine::Postgres(PostgresEngine::open(url).await?)))
    }

    pub async fn reader(&self) -> Result<Reader, Error> {
        match &self.0 {
            Engine::Sqlite(engine) => Ok(Reader::Sqlite(engine.acquire().await?)),
            Engine::Postgres(engine) => Ok(Reader::Postgres(engine.acquire().await?)),
        }
    }

    /// Runs `write` and waits until it is durable.
    pub async fn write<W: Write>(&self, write: W) -> Result<W::Output, W::Error> {
        match &self.0 {
            Engine::Sqlite(engine) => engine.write(write).await,
            Engine::Postgres(engine) => engine.write(write).await,
        }
    }

    /// Whether this process is the only one that may be running requests on
    /// the database (the embedded engine is; see docs/decisions/0002).
    pub fn is_embedded(&self) -> bool {
        matches!(self.0, Engine::Sqlite(_))
    }

    /// Closes all connections; later calls fail.
    pub async fn close(&self) {
        match &self.0 {
            Engine::Sqlite(engine) => engine.close().await,
            Engine::Postgres(engine) => engine.close().await,
        }
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_embedded() {
            "Db(sqlite)"
        } else {
            "Db(postgres)"
        })
    }
}

impl fmt::Debug for Conn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conn")
    }
}

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tx")
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}
