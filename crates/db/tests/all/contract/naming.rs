//! Packages: names, visibility, what they tell, and their end.

use wharf_db::{
    Db, Error, Tx, Write,
    about::{self, Origin, PackageAbout},
    downloads::{self, Counted},
    grants::{self, Granted, Principal, Role},
    packages::{self, Selection, Visibility},
    purges,
    repositories::{self, Repository},
    versions::{self, ChildEdge, Listing},
    visibilities,
};

use super::{company, grant, package, version, world};

pub async fn two_first_pushes_make_one_package(db: &Db) {
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

pub async fn only_published_packages_are_listed(db: &Db) {
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

pub async fn repositories_are_linked_and_granted(db: &Db) {
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

pub async fn downloads_add_up(db: &Db) {
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

pub async fn packages_tell_about_themselves(db: &Db) {
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

pub async fn what_is_deleted_hides_until_it_is_restored_or_purged(db: &Db) {
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
