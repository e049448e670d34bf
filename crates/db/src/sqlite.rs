//! SQLite: a pool of readers, and one writer that commits for everybody.
//!
//! A durable commit costs one sync of the log, whoever's rows it holds. The
//! writer therefore takes all writes that wait, runs each in a savepoint, and
//! commits them together: durability per write, cost per batch.

use std::{path::Path, time::Duration};

use futures_util::future::BoxFuture;
use sqlx::{
    Connection, Executor, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{mpsc, oneshot};

use crate::{Conn, Error, ErrorKind, Tx, Write};

/// Oldest SQLite without the write-ahead-log corruption fixed in 3.51.3.
const OLDEST_SAFE: (u32, u32, u32) = (3, 51, 3);
const READERS: u32 = 4;
/// Most writes that share one commit: bounds how long the first one waits.
const BATCH: usize = 128;

#[derive(Clone)]
pub struct SqliteEngine {
    readers: SqlitePool,
    writer: mpsc::Sender<Box<dyn Job>>,
}

impl SqliteEngine {
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(256)
            .pragma("mmap_size", "0")
            .pragma("journal_size_limit", "67108864");
        let mut writer = SqliteConnection::connect_with(&options).await?;
        check_version(&mut writer).await?;
        sqlx::migrate!("./migrations").run(&mut writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .connect_lazy_with(options.read_only(true));
        let (sender, receiver) = mpsc::channel(1024);
        tokio::spawn(write_batches(writer, receiver));
        Ok(Self {
            readers,
            writer: sender,
        })
    }

    pub async fn acquire(&self) -> Result<PoolConnection<Sqlite>, Error> {
        Ok(self.readers.acquire().await?)
    }

    pub async fn write<W: Write>(&self, write: W) -> Result<W::Output, W::Error> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Queued { write, reply });
        let gone = || Error::new(ErrorKind::Unavailable, "the database is closed");
        self.writer.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.writer.send(Box::new(Close(reply))).await.is_ok() {
            let _ = closed.await;
        }
        self.readers.close().await;
    }
}

async fn check_version(conn: &mut SqliteConnection) -> Result<(), Error> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(conn)
        .await?;
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) < OLDEST_SAFE {
        let (a, b, c) = OLDEST_SAFE;
        return Err(Error::new(
            ErrorKind::Other,
            format!("SQLite {version} can corrupt its log; at least {a}.{b}.{c} is needed"),
        ));
    }
    Ok(())
}

/// A write waiting for the writer, whatever its types.
trait Job: Send {
    fn run<'a>(self: Box<Self>, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Settled>;

    /// The sender to tell once the writer has closed; only [`Close`] has one.
    fn closing(&mut self) -> Option<oneshot::Sender<()>> {
        None
    }
}

/// A write that ran but is not durable yet.
struct Settled {
    keep: bool,
    reply: Box<dyn FnOnce(Result<(), Error>) + Send>,
}

struct Queued<W: Write> {
    write: W,
    reply: oneshot::Sender<Result<W::Output, W::Error>>,
}

impl<W: Write> Job for Queued<W> {
    fn run<'a>(self: Box<Self>, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Settled> {
        Box::pin(run_queued(self.write, self.reply, tx))
    }
}

async fn run_queued<W: Write>(
    write: W,
    reply: oneshot::Sender<Result<W::Output, W::Error>>,
    tx: &mut Tx<'_>,
) -> Settled {
    let result = write.run(tx).await;
    Settled {
        keep: result.is_ok(),
        reply: Box::new(move |committed| {
            // A write lives until it is decided: whatever guards it holds, it holds until then.
            let _write = write;
            let answer = match (result, committed) {
                (Ok(_), Err(error)) => Err(error.into()),
                (result, _) => result,
            };
            let _ = reply.send(answer);
        }),
    }
}

struct Close(oneshot::Sender<()>);

impl Job for Close {
    fn run<'a>(self: Box<Self>, _: &'a mut Tx<'_>) -> BoxFuture<'a, Settled> {
        unreachable!("the writer stops at Close instead of running it")
    }

    fn closing(&mut self) -> Option<oneshot::Sender<()>> {
        let (replacement, _) = oneshot::channel();
        Some(std::mem::replace(&mut self.0, replacement))
    }
}

/// The writer's loop. It ends when the engine is closed or dropped, or when
/// a commit failed in a way that leaves the log's durability unknown.
async fn write_batches(mut conn: SqliteConnection, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    let mut closed = None;
    while let Some(mut first) = queue.recv().await {
        closed = first.closing();
        if closed.is_some() {
            break;
        }
        let (settled, committed) = match conn.execute("BEGIN IMMEDIATE").await {
            Ok(_) => run_batch(&mut conn, first, &mut queue, &mut closed).await,
            // Dropping the job answers its caller that the database is unavailable.
            Err(error) => {
                tracing::error!(%error, "cannot begin a transaction");
                continue;
            }
        };
        let lost = committed
            .as_ref()
            .is_err_and(|e| e.kind == ErrorKind::Unavailable);
        for write in settled {
            (write.reply)(committed.clone());
        }
        if lost {
            tracing::error!("a commit failed on the device; no more writes until a restart");
            break;
        }
        if closed.is_some() {
            break;
        }
    }
    queue.close();
    if let Err(error) = conn.close().await {
        tracing::warn!(%error, "the database did not close cleanly");
    }
    if let Some(closed) = closed {
        let _ = closed.send(());
    }
}

/// Runs `first` and whatever else waits, then commits.
async fn run_batch(
    conn: &mut SqliteConnection,
    first: Box<dyn Job>,
    queue: &mut mpsc::Receiver<Box<dyn Job>>,
    closed: &mut Option<oneshot::Sender<()>>,
) -> (Vec<Settled>, Result<(), Error>) {
    let mut settled = Vec::new();
    let mut next = Some(first);
    while let Some(job) = next.take() {
        match run_in_savepoint(conn, job).await {
            Ok(write) => settled.push(write),
            Err(error) => {
                let _ = conn.execute("ROLLBACK").await;
                return (settled, Err(error));
            }
        }
        if settled.len() < BATCH {
            next = queue.try_recv().ok();
        }
        if let Some(job) = &mut next {
            *closed = job.closing();
            if closed.is_some() {
                break;
            }
        }
    }
    let committed = match conn.execute("COMMIT").await {
        Ok(_) => Ok(()),
        Err(error) => {
            let _ = conn.execute("ROLLBACK").await;
            Err(error.into())
        }
    };
    (settled, committed)
}

/// An error here is of the savepoint itself, not of the write.
async fn run_in_savepoint(
    conn: &mut SqliteConnection,
    job: Box<dyn Job>,
) -> Result<Settled, Error> {
    conn.execute("SAVEPOINT write").await?;
    let settled = job.run(&mut Tx(Conn::Sqlite(conn))).await;
    if !settled.keep {
        conn.execute("ROLLBACK TO write").await?;
    }
    conn.execute("RELEASE write").await?;
    Ok(settled)
}
