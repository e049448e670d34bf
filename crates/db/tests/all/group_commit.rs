//! Writes that share a commit are still each their own.

use std::sync::Arc;

use tokio::sync::Barrier;
use wharf_db::{
    Db, Error, Tx, Write,
    accounts::{self, Account, AccountKind},
};

struct Insert {
    id: i64,
    login: String,
}

impl Write for Insert {
    type Output = i64;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, Error> {
        let account = Account::new(self.id, self.login.as_str(), AccountKind::User, 0);
        accounts::insert(tx, &account).await?;
        Ok(self.id)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_of_a_failed_write_are_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Db::open_sqlite(&dir.path().join("wharf.db"))
        .await
        .expect("opens");
    let start = Arc::new(Barrier::new(200));
    let write = |i: i64| {
        let (db, start) = (db.clone(), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            // Every login is wanted by two writes; exactly one gets it.
            let login = format!("user{}", i / 2);
            db.write(Insert { id: i + 1, login }).await
        })
    };
    let tasks: Vec<_> = (0..200).map(write).collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.expect("runs").is_ok());
    }
    assert_eq!(won, 100);
    let mut reader = db.reader().await.expect("a reader");
    let list = accounts::list(&mut reader.conn(), AccountKind::User, "", 1000).await;
    assert_eq!(list.expect("lists").len(), 100);
}

#[tokio::test]
async fn a_write_is_decided_even_if_nobody_waits() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("wharf.db");
    let db = Db::open_sqlite(&path).await.expect("opens");
    let other = db.clone();
    let abandoned = tokio::spawn(async move {
        other
            .write(Insert {
                id: 1,
                login: "alice".into(),
            })
            .await
    });
    tokio::task::yield_now().await;
    abandoned.abort();
    // This one is queued behind it.
    let second = db
        .write(Insert {
            id: 2,
            login: "bob".into(),
        })
        .await;
    assert_eq!(second.expect("written"), 2);
    db.close().await;
    let db = Db::open_sqlite(&path).await.expect("opens");
    let mut reader = db.reader().await.expect("a reader");
    assert!(
        accounts::find(&mut reader.conn(), 2)
            .await
            .expect("reads")
            .is_some()
    );
}

#[tokio::test]
async fn data_of_a_newer_release_is_refused() {
    use sqlx::Connection as _;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("wharf.db");
    Db::open_sqlite(&path).await.expect("opens").close().await;
    let url = format!("sqlite://{}", path.display());
    let mut conn = sqlx::SqliteConnection::connect(&url)
        .await
        .expect("connects");
    let newer = "INSERT INTO _sqlx_migrations VALUES (9999, 'later', 0, TRUE, x'00', 0)";
    sqlx::query(newer)
        .execute(&mut conn)
        .await
        .expect("written");
    conn.close().await.expect("closes");
    let error = Db::open_sqlite(&path).await.expect_err("newer");
    assert_eq!(error.kind, wharf_db::ErrorKind::Newer);
}
