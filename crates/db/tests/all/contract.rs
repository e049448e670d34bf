//! What the tables must do, on both engines. A case is added to the list at the end.

use wharf_db::{
    Db, Error, ErrorKind, Tx, Write,
    about::{self, Origin, PackageAbout},
    accounts::{self, Account, AccountKind},
    blobs::{self, Blob},
    downloads::{self, Counted},
    epochs,
    grants::{self, Grant, Granted, Principal, Role},
    holdings,
    identities::{self, Identity},
    ids::Ids,
    organizations::{self, MemberRole, Policy},
    packages::{self, Package, Selection, Visibility},
    purges,
    quotas::{self, Amounts, Limits, Quota},
    referrers,
    repositories::{self, Repository},
    sessions::{self, Session},
    sign_ins::{self, SignIn},
    tags,
    teams::{self, Team},
    tokens, uploads, usage, verify,
    versions::{self, BlobEdge, ChildEdge, Listing, NewVersion},
    visibilities,
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

async fn logins_are_unique_and_sort_by_bytes(db: &Db) {
    let made = write!(db, |tx| {
        for (id, login) in [(1, "b-1"), (2, "b"), (3, "a"), (4, "b1")] {
            accounts::insert(tx, &account(id, login, AccountKind::User)).await?;
        }
        accounts::insert(tx, &account(5, "org", AccountKind::Organization)).await?;
        organizations::put_member(tx, 5, 1, MemberRole::Member, 1).await?;
        organizations::put_member(tx, 5, 1, MemberRole::Owner, 2).await?;
    });
    made.expect("made");
    let mut reader = db.reader().await.expect("a reader");
    let conn = &mut reader.conn();
    let list = accounts::list(conn, AccountKind::User, "a", 2)
        .await
        .expect("lists");
    let logins: Vec<_> = list.iter().map(|a| a.login.as_str()).collect();
    assert_eq!(logins, ["b", "b-1"]);
    let memberships = organizations::memberships(conn, 1).await.expect("lists");
    assert_eq!(memberships, [(5, MemberRole::Owner)]);
    let taken = write!(db, |tx| {
        accounts::insert(tx, &account(6, "a", AccountKind::User)).await?;
    });
    assert_eq!(taken.expect_err("taken").kind, ErrorKind::Duplicate);
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

async fn organizations_teams_and_grants(db: &Db) {
    company(db).await;
    let granted = write!(db, |tx| {
        let by = Some(2);
        let first = grant(Principal::Account(3), Role::Read, None);
        grants::put(tx, Granted::Package(11), &first, by, 1).await?;
        let second = grant(Principal::Account(3), Role::Admin, Some(9));
        grants::put(tx, Granted::Package(11), &second, by, 2).await?;
        let team = grant(Principal::Team(50), Role::Write, None);
        grants::put(tx, Granted::Package(11), &team, None, 3).await?;
    });
    granted.expect("granted");
    {
        let mut reader = db.reader().await.expect("a reader");
        let conn = &mut reader.conn();
        let mut teams = teams::of_user(conn, 3).await.expect("lists");
        teams.sort_unstable();
        assert_eq!(teams, [50, 51], "its own and the one above");
        let found = grants::on(conn, Granted::Package(11)).await.expect("lists");
        let expected = [
            grant(Principal::Account(3), Role::Admin, Some(9)),
            grant(Principal::Team(50), Role::Write, None),
        ];
        assert_eq!(found, expected);
        let details = grants::details(conn, Granted::Package(11))
            .await
            .expect("lists");
        let principals: Vec<_> = details.iter().map(|g| g.principal.as_str()).collect();
        assert_eq!(principals, ["acme/backend", "carol"]);
        assert_eq!(details[1].granted_by.as_deref(), Some("bob"));
        for (principal, now, sees) in [
            (Principal::Account(3), 8, true),
            (Principal::Account(3), 9, false),
            (Principal::Team(50), 9, true),
            (Principal::Team(51), 9, false),
        ] {
            let selection = Selection::GrantedTo(principal, now);
            let paths = packages::list_paths(conn, selection, "", 10).await;
            assert_eq!(paths.expect("lists").len(), usize::from(sees));
        }
        assert!(
            !organizations::has_other_owner(conn, 5, 2)
                .await
                .expect("reads")
        );
        let policy = organizations::policy(conn, 5).await.expect("reads");
        assert_eq!(policy, Policy::default());
    }
    let left = write!(db, |tx| {
        organizations::remove_member(tx, 5, 3).await?;
        teams::leave_all(tx, 5, 3).await?;
        grants::leave(tx, 5, 3).await?;
        grants::remove_all(tx, Principal::Team(50)).await?;
        teams::delete(tx, 50).await?;
        let policy = Policy {
            members_may_create: false,
            inherit_by_default: true,
            members_widest_visibility: Visibility::Public,
        };
        organizations::set_policy(tx, 5, policy).await?;
    });
    left.expect("left");
    let mut reader = db.reader().await.expect("a reader");
    let conn = &mut reader.conn();
    assert!(
        grants::on(conn, Granted::Package(11))
            .await
            .expect("lists")
            .is_empty()
    );
    assert!(
        teams::list(conn, 5, "", 10)
            .await
            .expect("lists")
            .is_empty()
    );
    let policy = organizations::policy(conn, 5).await.expect("reads");
    assert!(!policy.members_may_create);
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

async fn two_first_pushes_make_one_package(db: &Db) {
    world(db).await;
    let again = write!(db, |tx| {
        let made =
            packages::insert_if_absent(tx, &package(11, "alice/app", Visibility::Public)).await?;
        assert!(!made);
    });
    again.expect("no error");
    let mut reader = db.reader().await.expect("a reader");
    let found = packages::find(&mut reader.conn(), "alice/app")
        .await
        .expect("reads");
    assert_eq!(found.expect("there").id, 10);
}

async fn only_published_packages_are_listed(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        packages::insert_if_absent(tx, &package(11, "alice/b", Visibility::Public)).await?;
        packages::insert_if_absent(tx, &package(12, "alice/a", Visibility::Public)).await?;
        packages::touch(tx, 11, 5).await?;
        packages::touch(tx, 12, 6).await?;
    });
    made.expect("made");
    let mut reader = db.reader().await.expect("a reader");
    let conn = &mut reader.conn();
    let all = packages::list_paths(conn, Selection::All, "", 10)
        .await
        .expect("lists");
    assert_eq!(all, ["alice/a", "alice/b"]);
    let public = Selection::OfVisibility(Visibility::Public);
    let rest = packages::list_paths(conn, public, "alice/a", 10)
        .await
        .expect("lists");
    assert_eq!(rest, ["alice/b"]);
    let own = packages::list_paths(conn, Selection::OfOwner(1), "", 1)
        .await
        .expect("lists");
    assert_eq!(own, ["alice/a"]);
}

async fn a_blob_is_seen_through_a_lease_or_an_edge_only(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        let blob = Blob {
            digest: "d1".into(),
            generation: "g1".into(),
            size: 5,
        };
        assert!(blobs::insert(tx, &blob, 1).await?);
        let again = Blob {
            generation: "g2".into(),
            ..blob
        };
        assert!(!blobs::insert(tx, &again, 1).await?);
        assert_eq!(blobs::find_in_package(tx, 10, "d1", 50).await?, None);
        blobs::lease(tx, 10, "d1", 100).await?;
        blobs::lease(tx, 10, "d1", 90).await?;
        assert!(blobs::find_in_package(tx, 10, "d1", 99).await?.is_some());
        assert!(blobs::find_in_package(tx, 10, "d1", 100).await?.is_none());
        let version = version(20, "m1", None);
        versions::insert(tx, &version).await?;
        let edge = BlobEdge {
            position: 0,
            role: "layer",
            digest: "d1",
            media_type: "x",
            size: 5,
            is_foreign: true,
        };
        versions::insert_blob_edge(tx, &version, &edge).await?;
        assert!(
            blobs::find_in_package(tx, 10, "d1", 100).await?.is_none(),
            "foreign edges open nothing"
        );
        let edge = BlobEdge {
            position: 1,
            is_foreign: false,
            ..edge
        };
        versions::insert_blob_edge(tx, &version, &edge).await?;
        assert!(blobs::find_in_package(tx, 10, "d1", 100).await?.is_some());
        let held = blobs::find_in_package(tx, 10, "d1", 50)
            .await?
            .expect("held");
        assert!(held.is_referenced && held.leased_until == Some(100));
        assert!(blobs::find_in_package(tx, 11, "d1", 50).await?.is_none());
        versions::delete(tx, 20, 9, None, "[]").await?;
        assert!(
            !blobs::find_in_package(tx, 10, "d1", 50)
                .await?
                .expect("leased")
                .is_referenced
        );
        assert!(blobs::end_lease(tx, 10, "d1").await?);
        assert!(!blobs::end_lease(tx, 10, "d1").await?);
    });
    made.expect("holds");
}

async fn tags_move_with_their_history(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        versions::insert(tx, &version(20, "m1", None)).await?;
        versions::insert(tx, &version(21, "m2", None)).await?;
        for (version_id, digest, previous) in [(20, "m1", None), (21, "m2", Some("m1"))] {
            tags::set(tx, 10, "latest", version_id, 7, Some(1)).await?;
            let event = tags::TagEvent {
                package_id: 10,
                tag: "latest",
                digest: Some(digest),
                previous,
                actor_id: Some(1),
                at: 7,
            };
            tags::record(tx, &event).await?;
        }
        tags::set(tx, 10, "Z", 21, 7, None).await?;
        tags::set(tx, 10, "_a", 21, 7, None).await?;
    });
    made.expect("made");
    let mut reader = db.reader().await.expect("a reader");
    let conn = &mut reader.conn();
    assert_eq!(
        tags::find(conn, 10, "latest")
            .await
            .expect("reads")
            .as_deref(),
        Some("m2")
    );
    assert_eq!(
        tags::list(conn, 10, "", 10).await.expect("lists"),
        ["Z", "_a", "latest"]
    );
    assert_eq!(tags::list(conn, 10, "Z", 1).await.expect("lists"), ["_a"]);
    let history = tags::history(conn, 10, "latest", i64::MAX, 10)
        .await
        .expect("lists");
    let digests: Vec<_> = history.iter().map(|m| m.digest.as_deref()).collect();
    assert_eq!(digests, [Some("m2"), Some("m1")]);
    assert_eq!(
        tags::list_of_version(conn, 21).await.expect("lists"),
        ["Z", "_a", "latest"]
    );
}

async fn referrers_are_paged_and_filtered(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        for (id, digest) in [(20, "r1"), (21, "r2"), (22, "r3")] {
            versions::insert(tx, &version(id, digest, Some("subject"))).await?;
        }
        let other = NewVersion {
            artifact_type: Some("c/d"),
            ..version(23, "r4", Some("subject"))
        };
        versions::insert(tx, &other).await?;
    });
    made.expect("made");
    let mut reader = db.reader().await.expect("a reader");
    let conn = &mut reader.conn();
    let page = referrers::list(conn, 10, "subject", None, "r1", 2)
        .await
        .expect("lists");
    let digests: Vec<_> = page.iter().map(|r| r.digest.as_str()).collect();
    assert_eq!(digests, ["r2", "r3"]);
    let filtered = referrers::list(conn, 10, "subject", Some("c/d"), "", 9).await;
    assert_eq!(filtered.expect("lists").len(), 1);
}

async fn children_know_their_index(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        versions::insert(tx, &version(20, "child", None)).await?;
        let index = version(21, "index", None);
        versions::insert(tx, &index).await?;
        let edge = ChildEdge {
            position: 0,
            digest: "child",
            media_type: "x",
            size: 2,
            platform: Some("linux/amd64"),
        };
        versions::insert_child_edge(tx, &index, &edge).await?;
        assert_eq!(
            versions::find_parent(tx, 10, "child").await?.as_deref(),
            Some("index")
        );
        let sparse = ChildEdge {
            position: 1,
            digest: "absent",
            ..edge
        };
        versions::insert_child_edge(tx, &index, &sparse).await?;
        assert_eq!(verify::dangling_child_edges(tx, 10).await?.len(), 1);
        let edge = BlobEdge {
            position: 0,
            role: "layer",
            digest: "gone",
            media_type: "x",
            size: 5,
            is_foreign: false,
        };
        versions::insert_blob_edge(tx, &index, &edge).await?;
        assert_eq!(
            verify::dangling_blob_edges(tx, 10).await?[0].missing,
            "gone"
        );
        versions::delete(tx, 21, 5, None, "[]").await?;
        assert_eq!(versions::find_parent(tx, 10, "child").await?, None);
        assert!(versions::content(tx, 10, "index").await?.is_none());
    });
    made.expect("holds");
}

async fn an_upload_advances_from_where_it_stands(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        let mut upload = uploads::Upload {
            id: "u1".into(),
            package_id: 10,
            user_id: 1,
            owner_id: 1,
            algorithm: "sha256".into(),
            received: 0,
            reserved: 0,
            hash_state: vec![],
            expires_at: 100,
        };
        uploads::insert(tx, &upload, 1).await?;
        upload.received = 5;
        upload.hash_state = vec![1, 2];
        assert!(uploads::advance(tx, &upload, 0).await?);
        assert!(
            !uploads::advance(tx, &upload, 0).await?,
            "somebody else moved it"
        );
        let mut found = uploads::find(tx, "u1").await?.expect("there");
        assert_eq!((found.received, &found.hash_state), (5, &vec![1, 2]));
        assert_eq!(uploads::count_of_user(tx, 1).await?, 1);
        assert_eq!(uploads::expired(tx, 99, 10).await?, Vec::<String>::new());
        assert_eq!(uploads::expired(tx, 100, 10).await?, ["u1"]);
        found.reserved = 9;
        uploads::reserve(tx, &found, 70).await?;
        assert!(uploads::lapsed(tx, 69, 9).await?.is_empty());
        assert_eq!(uploads::lapsed(tx, 70, 9).await?, [("u1".into(), 1, 4)]);
        assert_eq!(usage::of_owner(tx, 1).await?.uploads.bytes, 9);
        uploads::lapse(tx, "u1").await?;
        assert!(uploads::lapsed(tx, 70, 9).await?.is_empty());
        assert_eq!(uploads::delete(tx, "u1").await?, Some((1, 5)));
        assert_eq!(uploads::delete(tx, "u1").await?, None);
    });
    made.expect("holds");
}

async fn names_lead_on_through_every_renaming(db: &Db) {
    company(db).await;
    let made = write!(db, |tx| {
        let service = Account {
            organization_id: Some(5),
            ..account(6, "acme+ci", AccountKind::ServiceAccount)
        };
        accounts::insert(tx, &service).await?;
        packages::rename(tx, 11, "acme/server", 5, 2).await?;
        packages::redirect(tx, "acme/app", 11, 2).await?;
        let acme = accounts::find(tx, 5).await?.expect("there");
        accounts::rename(tx, &acme, "acme-inc", 3).await?;
        packages::rename_owner(tx, 5, "acme", "acme-inc").await?;
        assert_eq!(
            accounts::find(tx, 6).await?.expect("there").login,
            "acme-inc+ci"
        );
        assert!(accounts::find_by_login(tx, "acme").await?.is_none());
        let former = accounts::find_by_former_login(tx, "acme").await?;
        assert_eq!(former.expect("kept").id, 5);
        assert_eq!(accounts::kept_for(tx, "acme").await?, Some(5));
        assert!(packages::find(tx, "acme-inc/server").await?.is_some());
        assert_eq!(packages::find_redirect(tx, "acme-inc/app").await?, Some(11));
        assert_eq!(packages::redirects(tx, 11).await?, ["acme-inc/app"]);
        let under = packages::redirects_under(tx, "acme-inc", "", 9).await?;
        assert_eq!(under, [("acme-inc/app".into(), "acme-inc/server".into())]);
        assert!(packages::remove_redirect(tx, "acme-inc/app", 11).await?);
        assert!(!packages::remove_redirect(tx, "acme-inc/app", 11).await?);
        let acme = accounts::find(tx, 5).await?.expect("there");
        accounts::rename(tx, &acme, "acme", 4).await?;
        assert_eq!(accounts::kept_for(tx, "acme").await?, None);
        assert_eq!(accounts::count_former(tx, 5).await?, 1);
    });
    made.expect("holds");
    let taken = write!(db, |tx| {
        packages::rename(tx, 11, "alice/app", 5, 2).await?;
    });
    assert_eq!(taken.expect_err("taken").kind, ErrorKind::Duplicate);
}

async fn what_is_deleted_hides_until_it_is_restored_or_purged(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        versions::insert(tx, &version(20, "child", None)).await?;
        let index = version(21, "index", None);
        versions::insert(tx, &index).await?;
        let edge = ChildEdge {
            position: 0,
            digest: "child",
            media_type: "x",
            size: 2,
            platform: None,
        };
        versions::insert_child_edge(tx, &index, &edge).await?;
        versions::insert(tx, &version(22, "signature", Some("index"))).await?;
        let listed = versions::list(tx, 10, Listing::All, i64::MAX, 9, i64::MAX).await?;
        let ids: Vec<i64> = listed.iter().map(|version| version.id).collect();
        assert_eq!(ids, [21], "parts are listed with what they belong to");
        assert_eq!(versions::parts(tx, 21, 9).await?[0].id, 20);
        assert_eq!(versions::attached(tx, 10, "index", 9).await?[0].id, 22);
        assert_eq!(
            versions::attached_names(tx, 10, "index", 9).await?[0].0,
            "signature"
        );
        for id in [21, 22] {
            versions::delete(tx, id, 50, Some(1), r#"["latest"]"#).await?;
        }
        assert!(versions::find(tx, 10, "index").await?.is_none());
        let deleted = versions::find_any(tx, 10, "index").await?.expect("kept");
        let with = versions::deleted_with(tx, 10, &deleted, 9).await?;
        assert_eq!(with[0].id, 22);
        assert_eq!(
            versions::deleted_tags(tx, 21).await?.as_deref(),
            Some(r#"["latest"]"#)
        );
        let untagged = versions::list(tx, 10, Listing::Untagged, i64::MAX, 9, i64::MAX).await?;
        assert_eq!(untagged[0].id, 20, "it stands for itself now");
        let young = versions::list(tx, 10, Listing::Untagged, i64::MAX, 9, 1).await?;
        assert!(young.is_empty(), "pushed at 1");
        versions::restore(tx, 21).await?;
        versions::add_up(tx, 21).await?;
        assert!(purges::expired_versions(tx, 49, 9).await?.is_empty());
        let doomed = purges::expired_versions(tx, 50, 9).await?;
        assert_eq!(doomed.len(), 1);
        purges::remove_version(tx, &doomed[0]).await?;
        assert!(versions::find_any(tx, 10, "signature").await?.is_none());
    });
    made.expect("holds");
    let made = write!(db, |tx| {
        packages::touch(tx, 10, 2).await?;
        packages::delete(tx, 10, 60, Some(1)).await?;
        assert!(packages::find(tx, "alice/app").await?.is_none());
        assert!(packages::find_by_id(tx, 10).await?.is_none());
        assert!(packages::find_deleted(tx, "alice/app").await?.is_some());
        assert_eq!(packages::deleted(tx, 1, "", 9).await?[0].path, "alice/app");
        let any = packages::any_of_owner(tx, 1).await?;
        assert_eq!(any, Some(("alice/app".into(), true)));
        let again = package(12, "alice/app", Visibility::Private);
        assert!(!packages::insert_if_absent(tx, &again).await?, "kept");
        packages::restore(tx, 10).await?;
        assert!(packages::find(tx, "alice/app").await?.is_some());
        packages::delete(tx, 10, 60, None).await?;
        assert!(purges::expired_packages(tx, 59, 9).await?.is_empty());
        assert_eq!(purges::expired_packages(tx, 60, 9).await?, [(10, 1)]);
        assert_eq!(purges::remove_package(tx, 10).await?.packages, 1);
        assert_eq!(purges::remove_package(tx, 10).await?.packages, 0);
        assert!(packages::insert_if_absent(tx, &again).await?, "free");
    });
    made.expect("holds");
}

async fn repositories_are_linked_and_granted(db: &Db) {
    company(db).await;
    let made = write!(db, |tx| {
        let repository = Repository {
            id: 70,
            owner_id: 5,
            name: "github.com/Acme/App".into(),
            created_at: 1,
        };
        for _ in 0..2 {
            repositories::insert_if_absent(tx, &repository, "github.com/acme/app").await?;
        }
        let listed = repositories::list(tx, 5, "", 9).await?;
        assert_eq!(listed, [repository]);
        repositories::link(tx, 11, Some(70), true).await?;
        let link = repositories::of_package(tx, 11).await?.expect("linked");
        assert!(link.inherits_access && link.id == 70);
        let on = Granted::Repository(70);
        let team = grant(Principal::Team(50), Role::Write, None);
        grants::put(tx, on, &team, None, 1).await?;
        let ci = grant(Principal::SourceRepository(70), Role::Admin, Some(9));
        grants::put(tx, Granted::Package(11), &ci, None, 1).await?;
        assert_eq!(grants::on(tx, on).await?, [team]);
        assert_eq!(grants::details(tx, on).await?[0].principal, "acme/backend");
        let named = grants::details(tx, Granted::Package(11)).await?;
        assert!(named.iter().any(|g| g.principal == "github.com/Acme/App"));
        grants::remove_all(tx, Principal::Team(50)).await?;
        assert!(grants::on(tx, on).await?.is_empty());
        repositories::delete(tx, 70).await?;
        assert_eq!(repositories::of_package(tx, 11).await?, None);
    });
    made.expect("holds");
}

async fn downloads_add_up(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        for (day, count) in [(5, 2), (5, 3), (7, 1)] {
            downloads::add(tx, 10, Counted::Package, day, count).await?;
        }
        downloads::add(tx, 10, Counted::Tag("1"), 5, 4).await?;
        downloads::add(tx, 99, Counted::Package, 5, 4).await?;
        let series = downloads::series(tx, 10, Counted::Package, 5).await?;
        assert_eq!(series, [(5, 5), (7, 1)]);
        assert_eq!(downloads::total(tx, 10, Counted::Package).await?, 6);
        assert_eq!(downloads::total(tx, 10, Counted::Tag("1")).await?, 4);
        assert_eq!(downloads::total(tx, 10, Counted::Version("x")).await?, 0);
    });
    made.expect("holds");
}

async fn packages_tell_about_themselves(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        let told = PackageAbout {
            description: Some("of the image".into()),
            licenses: Some("MIT".into()),
            ..PackageAbout::default()
        };
        about::put(tx, 10, Origin::Image, &told).await?;
        let edited = PackageAbout {
            description: Some("by hand".into()),
            ..PackageAbout::default()
        };
        about::put(tx, 10, Origin::Edited, &edited).await?;
        about::put(tx, 10, Origin::Edited, &edited).await?;
        let edited = about::find(tx, 10, Origin::Edited).await?;
        let both = edited.or(about::find(tx, 10, Origin::Image).await?);
        assert_eq!(both.description.as_deref(), Some("by hand"));
        assert_eq!(both.licenses.as_deref(), Some("MIT"));
        visibilities::put(tx, 1, "ci-", Visibility::Public).await?;
        visibilities::put(tx, 1, "ci-", Visibility::Internal).await?;
        let rules = visibilities::of_owner(tx, 1).await?;
        assert_eq!(rules, [("ci-".into(), Visibility::Internal)]);
        assert!(visibilities::remove(tx, 1, "ci-").await?);
        assert!(!visibilities::remove(tx, 1, "ci-").await?);
    });
    made.expect("holds");
}

async fn tokens_are_revoked_once(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        let token = tokens::Token {
            id: 30,
            account_id: 1,
            limits: None,
            name: "ci".into(),
            scopes: "read:packages".into(),
            created_at: 1,
            expires_at: Some(9),
            last_used_at: None,
            revoked_at: None,
        };
        tokens::insert(tx, &token, "hash").await?;
        tokens::touch(tx, 30, 5).await?;
        tokens::touch(tx, 30, 4).await?;
        assert!(tokens::revoke(tx, 30, 6).await?);
        assert!(!tokens::revoke(tx, 30, 7).await?);
        let found = tokens::find_by_hash(tx, "hash").await?.expect("there");
        assert_eq!((found.last_used_at, found.revoked_at), (Some(5), Some(6)));
        let before = epochs::current(tx).await?;
        assert_eq!(epochs::raise(tx).await?, before + 1);
    });
    made.expect("holds");
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

async fn removals_are_worked_off(db: &Db) {
    let made = write!(db, |tx| {
        blobs::queue_removal(tx, "d", "g1", 2).await?;
        blobs::queue_removal(tx, "d", "g1", 3).await?;
        blobs::queue_removal(tx, "c", "g2", 1).await?;
        let queue = blobs::removals(tx, 10).await?;
        assert_eq!(
            queue,
            [("c".into(), "g2".into()), ("d".into(), "g1".into())]
        );
        blobs::finish_removal(tx, "c", "g2").await?;
        assert_eq!(blobs::removals(tx, 10).await?.len(), 1);
    });
    made.expect("holds");
}

fn layer(digest: &'static str, size: i64, position: i64) -> BlobEdge<'static> {
    BlobEdge {
        position,
        role: "layer",
        digest,
        media_type: "x",
        size,
        is_foreign: false,
    }
}

async fn an_owner_holds_each_content_once(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        accounts::insert(tx, &account(2, "bob", AccountKind::User)).await?;
        packages::insert_if_absent(tx, &package(11, "alice/other", Visibility::Private)).await?;
        for (digest, size) in [("a", 5), ("b", 7)] {
            let (digest, generation) = (digest.to_owned(), "g".to_owned());
            blobs::insert(
                tx,
                &Blob {
                    digest,
                    generation,
                    size,
                },
                1,
            )
            .await?;
        }
        assert_eq!(blobs::lease(tx, 10, "a", 100).await?, 5);
        assert_eq!(blobs::lease(tx, 10, "a", 100).await?, 0, "held already");
        assert_eq!(blobs::lease(tx, 10, "none", 100).await?, 0, "not stored");
        blobs::end_lease(tx, 10, "none").await?;
        assert_eq!(blobs::lease(tx, 11, "a", 100).await?, 0, "by the owner");
        assert_eq!(blobs::lease(tx, 10, "b", 100).await?, 7);
        let image = version(20, "m", None);
        versions::insert(tx, &image).await?;
        for (position, digest) in [(0, "a"), (1, "a")] {
            versions::insert_blob_edge(tx, &image, &layer(digest, 5, position)).await?;
        }
        for (package_id, digest, gone) in [(10, "a", 0), (10, "b", 7), (11, "a", 0)] {
            blobs::end_lease(tx, package_id, digest).await?;
            let released = holdings::release(tx, package_id, digest).await?;
            assert_eq!(released, gone, "{digest} of {package_id}");
        }
        assert!(verify::misaccounted(tx, 9).await?.is_empty());
        assert_eq!(versions::copy(tx, 20, 21, 11, None, 1).await?, 0);
        assert_eq!(holdings::of_package_alone(tx, 11).await?, 0);
        assert_eq!(holdings::new_to_owner(tx, 11, 2).await?, 5);
        packages::rename(tx, 11, "bob/other", 2, 2).await?;
        assert_eq!(
            verify::misaccounted(tx, 9).await?.len(),
            1,
            "of another owner"
        );
        holdings::set_owner(tx, 11, 2).await?;
        assert!(verify::misaccounted(tx, 9).await?.is_empty());
        let used = usage::of_owner(tx, 2).await?;
        assert_eq!((used.blobs.bytes, used.blobs.count), (5, 1));
        assert_eq!((used.manifests.bytes, used.packages), (2, 1));
        assert_eq!(usage::of_version(tx, 20).await?.bytes, 5, "each once");
        assert_eq!(usage::of_version_alone(tx, 20).await?.bytes, 5);
        let blobs = usage::blobs_of_version(tx, 20, 9).await?;
        assert_eq!((blobs.len(), blobs[0].versions), (2, 1));
        versions::delete(tx, 20, 50, None, "[]").await?;
        let (manifests, blobs) = usage::deleted_in_package(tx, 10).await?;
        assert_eq!((manifests.bytes, blobs.bytes), (2, 5));
        let doomed = purges::deleted_versions(tx, 10, 9).await?;
        let gone = purges::remove_version(tx, &doomed[0]).await?;
        assert_eq!(gone, Amounts::bytes(7));
        assert_eq!(purges::unpublished_packages(tx, 1, 9).await?, [(10, 1)]);
        assert_eq!(purges::remove_package(tx, 11).await?.bytes, 7);
        assert!(verify::misaccounted(tx, 9).await?.is_empty());
    });
    made.expect("holds");
}

async fn groups_make_teams_until_the_identity_ends(db: &Db) {
    company(db).await;
    let made = write!(db, |tx| {
        accounts::insert(tx, &account(4, "dave", AccountKind::User)).await?;
        let identity = Identity {
            id: 90,
            account_id: 4,
            provider: "sso".into(),
            subject: "s".into(),
            name: "dave".into(),
            refresh_token: Some("r".into()),
            created_at: 1,
            confirmed_at: 1,
            ended_at: None,
        };
        identities::insert(tx, &identity).await?;
        identities::add_team_group(tx, 51, "sso", "devs").await?;
        identities::add_team_group(tx, 51, "sso", "devs").await?;
        identities::add_team_group(tx, 50, "other", "ops").await?;
        let groups = ["devs".to_owned(), "ops".to_owned()];
        identities::confirm(tx, &identity, &groups, 5).await?;
        assert_eq!(identities::groups(tx, 90).await?, groups);
        let mut teams = teams::of_user(tx, 4).await?;
        teams.sort_unstable();
        assert_eq!(teams, [50, 51], "the group's team and the one above");
        assert_eq!(teams::members(tx, 51, "", 9).await?, ["carol", "dave"]);
        let member = [(5, MemberRole::Member)];
        assert_eq!(organizations::memberships(tx, 4).await?, member);
        organizations::put_member(tx, 5, 4, MemberRole::Owner, 6).await?;
        let owner = [(5, MemberRole::Owner)];
        assert_eq!(
            organizations::memberships(tx, 4).await?,
            owner,
            "once, as the more"
        );
        organizations::remove_member(tx, 5, 4).await?;
        let due = identities::due(tx, 5, (i64::MIN, i64::MIN), 9).await?;
        assert_eq!(due[0].refresh_token.as_deref(), Some("r"));
        assert!(
            identities::due(tx, 4, (i64::MIN, i64::MIN), 9)
                .await?
                .is_empty()
        );
        assert!(identities::due(tx, 5, (5, 90), 9).await?.is_empty());
        let session = Session {
            id: 91,
            account_id: 4,
            agent: String::new(),
            address: String::new(),
            created_at: 1,
            expires_at: 99,
            identity_id: Some(90),
        };
        sessions::insert(tx, &session, "h").await?;
        identities::end(tx, 90, 7).await?;
        assert!(sessions::find_by_hash(tx, "h").await?.is_none());
        assert!(teams::of_user(tx, 4).await?.is_empty());
        assert!(organizations::memberships(tx, 4).await?.is_empty());
        let found = identities::find_by_subject(tx, "sso", "s")
            .await?
            .expect("kept");
        assert_eq!((found.ended_at, found.refresh_token), (Some(7), None));
        assert!(identities::remove_team_group(tx, 51, "sso", "devs").await?);
        assert!(!identities::remove_team_group(tx, 51, "sso", "devs").await?);
        assert!(identities::delete(tx, 90).await?);
        assert!(identities::of_account(tx, 4).await?.is_empty());
    });
    made.expect("holds");
}

async fn a_sign_in_is_taken_once(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        let sign_in = SignIn {
            provider: "sso".into(),
            browser_hash: "b".into(),
            nonce: "n".into(),
            verifier: "v".into(),
            return_to: "r".into(),
            return_state: "s".into(),
            challenge: "c".into(),
            expires_at: 10,
        };
        sign_ins::insert(tx, "h1", &sign_in, 1).await?;
        sign_ins::insert(tx, "h2", &sign_in, 10).await?;
        assert_eq!(sign_ins::take(tx, "h1").await?, None, "its time was up");
        assert_eq!(sign_ins::take(tx, "h2").await?, Some(sign_in));
        assert_eq!(sign_ins::take(tx, "h2").await?, None);
        assert!(sessions::delete_expired(tx, 1).await? == 0);
    });
    made.expect("holds");
}

async fn a_quota_counts_what_it_is_charged(db: &Db) {
    world(db).await;
    let made = write!(db, |tx| {
        assert_eq!(quotas::charge(tx, 1, Amounts::bytes(5)).await?, None);
        let limits = Limits {
            bytes: Some(10),
            ..Limits::default()
        };
        let used = Amounts::tags(3);
        quotas::put(tx, 1, &Quota { limits, used }).await?;
        let charged = quotas::charge(tx, 1, Amounts::bytes(5))
            .await?
            .expect("limited");
        assert_eq!((charged.limits, charged.used.bytes), (limits, 5));
        quotas::charge(tx, 1, -Amounts::tags(1)).await?;
        let found = quotas::find(tx, 1).await?.expect("limited");
        assert_eq!((found.used.tags, found.used.packages), (2, 0));
        assert_eq!(quotas::list(tx, 0, 9).await?, [(1, found)]);
        quotas::remove(tx, 1).await?;
        assert_eq!(quotas::find(tx, 1).await?, None);
    });
    made.expect("holds");
}

/// Of writes that all want the last of something, none more than there is gets it.
async fn writes_that_race_are_decided_one_by_one(db: &Db) {
    #[derive(Clone, Copy)]
    struct Take;
    impl Write for Take {
        type Output = bool;
        type Error = Error;
        async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
            let quota = quotas::find(tx, 1).await?.expect("limited");
            let fits = quota
                .limits
                .bytes
                .is_some_and(|most| quota.used.bytes < most);
            if fits {
                quotas::charge(tx, 1, Amounts::bytes(1)).await?;
            }
            Ok(fits)
        }
    }
    world(db).await;
    let made = write!(db, |tx| {
        let limits = Limits {
            bytes: Some(10),
            ..Limits::default()
        };
        let used = Amounts::default();
        quotas::put(tx, 1, &Quota { limits, used }).await?;
    });
    made.expect("made");
    let racing: Vec<_> = (0..40)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.write(Take).await })
        })
        .collect();
    let mut taken = 0;
    for task in racing {
        let got = task.await.expect("runs").expect("is decided");
        taken += i32::from(got);
    }
    assert_eq!(taken, 10);
}

/// Runs every case on a fresh database made by `$make`.
macro_rules! suite {
    ($make:expr) => {
        suite!($make; organizations_teams_and_grants, logins_are_unique_and_sort_by_bytes, a_failed_write_leaves_nothing,
            two_first_pushes_make_one_package, only_published_packages_are_listed,
            a_blob_is_seen_through_a_lease_or_an_edge_only, tags_move_with_their_history,
            referrers_are_paged_and_filtered, children_know_their_index,
            an_upload_advances_from_where_it_stands, tokens_are_revoked_once,
            names_lead_on_through_every_renaming,
            what_is_deleted_hides_until_it_is_restored_or_purged,
            repositories_are_linked_and_granted, downloads_add_up, packages_tell_about_themselves,
            groups_make_teams_until_the_identity_ends, a_sign_in_is_taken_once,
            an_owner_holds_each_content_once, a_quota_counts_what_it_is_charged,
            writes_that_race_are_decided_one_by_one,
            ids_are_never_given_twice, removals_are_worked_off)
    };
    ($make:expr; $($case:ident),+) => {$({
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
