//! What the tables must do, on both engines. A case is added to the list at the end.

use wharf_db::{
    Db, Error, Tx, Write,
    accounts::{self, Account, AccountKind},
    grants::{Grant, Principal, Role},
    ids::Ids,
    organizations::{self, MemberRole},
    packages::{self, Package, Visibility},
    teams::{self, Team},
    versions::NewVersion,
};
use wharf_testkit::TestPostgres;

/// A write from a closure's worth of code: cases stay readable.
macro_rules! write {
    ($db:expr, |$tx:ident| $body:expr) => {{
        struct W;
        impl Write for W {
            type Output = ();
            type Error = Error;
            async fn run(&self, $tx: &mut Tx<'_>) -> Result<(), Error> {
                $body;
                Ok(())
            }
        }
        $db.write(W).await
    }};
}

mod content;
mod naming;
mod people;
mod storage;

fn account(id: i64, login: &str, kind: AccountKind) -> Account {
    Account::new(id, login, kind, 1)
}

fn package(id: i64, path: &str, visibility: Visibility) -> Package {
    Package {
        id,
        owner_id: 1,
        path: path.to_owned(),
        visibility,
        created_by: Some(1),
        created_at: 1,
        updated_at: 1,
        published_at: None,
    }
}

fn version(id: i64, digest: &'static str, subject: Option<&'static str>) -> NewVersion<'static> {
    NewVersion {
        id,
        package_id: 10,
        digest,
        media_type: "application/vnd.oci.image.manifest.v1+json",
        artifact_type: Some("a/b"),
        subject,
        annotations: "{}",
        platforms: "[]",
        content_size: 0,
        labels: "{}",
        bytes: b"{}",
        pushed_by: Some(1),
        created_at: 1,
    }
}

/// A user with id 1 and its package with id 10.
async fn world(db: &Db) {
    let made = write!(db, |tx| {
        accounts::insert(tx, &account(1, "alice", AccountKind::User)).await?;
        packages::insert_if_absent(tx, &package(10, "alice/app", Visibility::Private)).await?;
    });
    made.expect("made");
}

fn grant(principal: Principal, role: Role, expires_at: Option<i64>) -> Grant {
    Grant {
        principal,
        role,
        expires_at,
    }
}

/// The organization `acme` of bob and carol with two teams and a package, id 11.
async fn company(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        for (id, login) in [(2, "bob"), (3, "carol")] {
            accounts::insert(tx, &account(id, login, AccountKind::User)).await?;
        }
        accounts::insert(tx, &account(5, "acme", AccountKind::Organization)).await?;
        organizations::put_member(tx, 5, 2, MemberRole::Owner, 1).await?;
        organizations::put_member(tx, 5, 3, MemberRole::Member, 1).await?;
        for (id, slug, parent_id) in [(50, "backend", None), (51, "payments", Some(50))] {
            let team = Team {
                id,
                organization_id: 5,
                slug: slug.to_owned(),
                parent_id,
                created_at: 1,
            };
            teams::insert(tx, &team).await?;
        }
        teams::add_member(tx, 51, 3).await?;
        teams::add_member(tx, 51, 3).await?;
        packages::insert_if_absent(
            tx,
            &Package {
                owner_id: 5,
                ..package(11, "acme/app", Visibility::Private)
            },
        )
        .await?;
        packages::touch(tx, 11, 1).await?;
    });
    made.expect("made");
}

async fn a_failed_write_leaves_nothing(db: &Db) {
    let failed = write!(db, |tx| {
        accounts::insert(tx, &account(1, "alice", AccountKind::User)).await?;
        accounts::insert(tx, &account(1, "again", AccountKind::User)).await?;
    });
    assert!(failed.is_err());
    let mut reader = db.reader().await.expect("a reader");
    let found = accounts::find_by_login(&mut reader.conn(), "alice").await;
    assert!(found.expect("reads").is_none());
}

async fn ids_are_never_given_twice(db: &Db) {
    let (one, two) = (Ids::new(db.clone()), Ids::new(db.clone()));
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1500 {
        assert!(seen.insert(one.next().await.expect("an id")));
        assert!(seen.insert(two.next().await.expect("an id")));
    }
    assert!(seen.iter().all(|id| *id > 0 && *id < 1 << 53));
}

/// Runs every case on a fresh database made by `$make`.
macro_rules! suite {
    ($make:expr) => {
        suite!($make; people::organizations_teams_and_grants, people::logins_are_unique_and_sort_by_bytes, a_failed_write_leaves_nothing,
            naming::two_first_pushes_make_one_package, naming::only_published_packages_are_listed,
            content::a_blob_is_seen_through_a_lease_or_an_edge_only, content::tags_move_with_their_history,
            content::referrers_are_paged_and_filtered, content::children_know_their_index,
            content::an_upload_advances_from_where_it_stands, people::tokens_are_revoked_once,
            people::names_lead_on_through_every_renaming,
            naming::what_is_deleted_hides_until_it_is_restored_or_purged,
            naming::repositories_are_linked_and_granted, naming::downloads_add_up, naming::packages_tell_about_themselves,
            people::groups_make_teams_until_the_identity_ends, people::a_sign_in_is_taken_once,
            storage::an_owner_holds_each_content_once, storage::a_quota_counts_what_it_is_charged,
            storage::writes_that_race_are_decided_one_by_one,
            ids_are_never_given_twice, content::removals_are_worked_off)
    };
    ($make:expr; $($case:path),+) => {$({
        let db: Db = $make;
        $case(&db).await;
        db.close().await;
    })+};
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut n = 0;
    suite!({
        n += 1;
        Db::open_sqlite(&dir.path().join(format!("{n}.db")))
            .await
            .expect("opens")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql() {
    let Some(postgres) = TestPostgres::start() else {
        return;
    };
    let mut n = 0;
    suite!({
        n += 1;
        let url = postgres.create_database(&format!("case{n}"));
        Db::open_postgres(&url).await.expect("opens")
    });
}
