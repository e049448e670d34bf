//! Content: blobs, manifests, tags, uploads.

use wharf_db::{
    Db, Error, Tx, Write,
    blobs::{self, Blob},
    referrers, tags, uploads, usage, verify,
    versions::{self, BlobEdge, ChildEdge, NewVersion},
};

use super::{version, world};

pub async fn a_blob_is_seen_through_a_lease_or_an_edge_only(db: &Db) {
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

pub async fn tags_move_with_their_history(db: &Db) {
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

pub async fn referrers_are_paged_and_filtered(db: &Db) {
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

pub async fn children_know_their_index(db: &Db) {
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

pub async fn an_upload_advances_from_where_it_stands(db: &Db) {
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
        let ended = uploads::delete(tx, "u1").await?.expect("there");
        assert_eq!(
            (ended.package_id, ended.owner_id, ended.reserved),
            (10, 1, 5)
        );
        assert_eq!(uploads::delete(tx, "u1").await?, None);
    });
    made.expect("holds");
}

pub async fn removals_are_worked_off(db: &Db) {
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
