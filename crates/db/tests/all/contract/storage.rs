//! What is stored for whom, and how much may be.

use wharf_db::{
    Db, Error, Tx, Write,
    accounts::{self, AccountKind},
    blobs::{self, Blob},
    holdings,
    packages::{self, Visibility},
    purges,
    quotas::{self, Amounts, Limits, Quota},
    usage, verify,
    versions::{self, BlobEdge},
};

use super::{account, package, version, world};

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

pub async fn an_owner_holds_each_content_once(db: &Db) {
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
        assert_eq!((blobs.len(), blobs[0].is_shared), (2, false));
        versions::delete(tx, 20, 50, None, "[]").await?;
        let (manifests, blobs) = usage::deleted_in_package(tx, 10).await?;
        assert_eq!((manifests.bytes, blobs.bytes), (2, 5));
        let doomed = purges::deleted_versions(tx, 10, 9).await?;
        let gone = purges::remove_version(tx, &doomed[0]).await?;
        assert_eq!(gone, (Amounts::bytes(7), 1));
        assert_eq!(purges::unpublished_packages(tx, 1, 9).await?, [(10, 1)]);
        assert_eq!(purges::remove_package(tx, 11).await?.bytes, 7);
        assert!(verify::misaccounted(tx, 9).await?.is_empty());
    });
    made.expect("holds");
}

pub async fn a_quota_counts_what_it_is_charged(db: &Db) {
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
pub async fn writes_that_race_are_decided_one_by_one(db: &Db) {
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
