//! PostgreSQL: a pool, a transaction per write, and retries where the engine asks for one.

use std::time::Duration;

use sqlx::{
    Connection, Executor, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{Conn, Error, ErrorKind, Tx, Write, WriteError};

#[derive(Clone)]
pub struct PostgresEngine {
    pool: PgPool,
}

/// `ctext` sorts by its bytes whatever the database's locale, as SQLite does.
const DOMAIN: &str = "DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'ctext') THEN
        CREATE DOMAIN ctext AS TEXT COLLATE \"C\";
    END IF;
END $$";

impl PostgresEngine {
    pub async fn open(url: &str) -> Result<Self, Error> {
        let options: PgConnectOptions = url.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(3))
            .connect_with(options.options([("statement_timeout", "10s")]))
            .await?;
        pool.execute(DOMAIN).await?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        Ok(Self { pool })
    }

    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, Error> {
        Ok(self.pool.acquire().await?)
    }

    /// The write runs in a task of its own, so that it is decided even if the caller goes away.
    pub async fn write<W: Write>(&self, write: W) -> Result<W::Output, W::Error> {
        let pool = self.pool.clone();
        let task = tokio::spawn(async move { run(&pool, &write).await });
        task.await.unwrap_or_else(|e| {
            let gone = Error::new(ErrorKind::Other, format!("a write died: {e}"));
            Err(gone.into())
        })
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Times a write is tried when it keeps losing against others.
const TRIES: u32 = 10;

async fn run<W: Write>(pool: &PgPool, write: &W) -> Result<W::Output, W::Error> {
    for _ in 1..TRIES {
        let result = attempt(pool, write).await;
        let lost = |error: &W::Error| {
            error
                .database()
                .is_some_and(|e| e.kind == ErrorKind::Conflict)
        };
        if !result.as_ref().is_err_and(lost) {
            return result;
        }
    }
    attempt(pool, write).await
}

async fn attempt<W: Write>(pool: &PgPool, write: &W) -> Result<W::Output, W::Error> {
    let mut conn = pool.acquire().await.map_err(Error::from)?;
    let begin = conn.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE");
    let mut transaction = begin.await.map_err(Error::from)?;
    let output = write.run(&mut Tx(Conn::Postgres(&mut transaction))).await?;
    transaction.commit().await.map_err(Error::from)?;
    Ok(output)
}
