//! One text for both engines: every statement is prepared on each.

use sqlx::{Connection as _, Executor as _, PgConnection, SqlSafeStr as _, SqliteConnection};
use wharf_db::Db;
use wharf_testkit::TestPostgres;

#[tokio::test]
async fn every_statement_prepares_on_sqlite() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("wharf.db");
    let db = Db::open_sqlite(&path).await.expect("migrates");
    let url = format!("sqlite://{}", path.display());
    let mut conn = SqliteConnection::connect(&url).await.expect("connects");
    for (module, name, sql) in wharf_db::statements() {
        let prepared = (&mut conn).prepare(sql.into_sql_str()).await;
        assert!(prepared.is_ok(), "{module}::{name}: {:?}", prepared.err());
    }
    db.close().await;
}

#[tokio::test]
async fn every_statement_prepares_on_postgresql() {
    let Some(postgres) = TestPostgres::start() else {
        return;
    };
    let db = Db::open_postgres(&postgres.url).await.expect("migrates");
    let mut conn = PgConnection::connect(&postgres.url)
        .await
        .expect("connects");
    for (module, name, sql) in wharf_db::statements() {
        let prepared = (&mut conn).prepare(sql.into_sql_str()).await;
        assert!(prepared.is_ok(), "{module}::{name}: {:?}", prepared.err());
    }
    db.close().await;
}
