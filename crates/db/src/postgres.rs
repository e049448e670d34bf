//! PostgreSQL: a pool, a transaction per write, and retries where the engine asks for one.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Connection, Executor, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Mutex;

use crate::{Conn, Error, ErrorKind, Tx, Write, WriteError};

#[derive(Clone)]
pub struct PostgresEngine {
    pool: PgPool,
    /// Whoever lost against another write tries again one at a time: losers
    /// that race each other lose again.
    losers: Arc<Mutex<()>>,
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
        Ok(Self {
            pool,
            losers: Arc::default(),
        })
    }

    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, Error> {
        Ok(self.pool.acquire().await?)
    }

    /// The write runs in a task of its own, so that it is decided even if the caller goes away.
    pub async fn write<W: Write>(&self, write: W) -> Result<W::Output, W::Error> {
        let engine = self.clone();
        let task = tokio::spawn(async move { engine.run(&write).await });
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

impl PostgresEngine {
    async fn run<W: Write>(&self, write: &W) -> Result<W::Output, W::Error> {
        let mut result = attempt(&self.pool, write).await;
        if !has_lost(&result) {
            return result;
        }
        let _turn = self.losers.lock().await;
        for _ in 1..TRIES {
            result = attempt(&self.pool, write).await;
            if !has_lost(&result) {
                break;
            }
        }
        result
    }
}

fn has_lost<T, E: WriteError>(result: &Result<T, E>) -> bool {
    let error = result.as_ref().err().and_then(WriteError::database);
    error.is_some_and(|error| error.kind == ErrorKind::Conflict)
}

async fn attempt<W: Write>(pool: &PgPool, write: &W) -> Result<W::Output, W::Error> {
    let mut conn = pool.acquire().await.map_err(Error::from)?;
    let begin = conn.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE");
    let mut transaction = begin.await.map_err(Error::from)?;
    let output = write.run(&mut Tx(Conn::Postgres(&mut transaction))).await?;
    transaction.commit().await.map_err(Error::from)?;
    Ok(output)
}
