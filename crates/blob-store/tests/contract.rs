//! What every back end must do. A back end adds one line at the end.

use std::{fmt::Debug, io::Read};

use bytes::Bytes;
use wharf_blob_store::{
    Blob, BlobStore, Checkpoint, Finished, ObjectKey, StoreErrorKind, UploadWriter, fs::FsStore,
};
use wharf_oci::{Algorithm, Digest, path::UploadId};

fn id(n: u8) -> UploadId {
    UploadId::new([n; 16])
}

fn bytes(len: usize, seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn read(blob: &Blob) -> Vec<u8> {
    let mut content = Vec::new();
    (&*blob.file).read_to_end(&mut content).expect("readable");
    content
}

async fn fresh(store: &dyn BlobStore, id: &UploadId) -> Box<dyn UploadWriter> {
    resume(store, id, &Checkpoint::default()).await
}

async fn resume(store: &dyn BlobStore, id: &UploadId, at: &Checkpoint) -> Box<dyn UploadWriter> {
    let writer = store.resume(id, at, Algorithm::Sha256).await;
    writer.expect("resumable")
}

async fn upload(store: &dyn BlobStore, id: &UploadId, content: &[u8], chunk: usize) -> ObjectKey {
    let mut writer = fresh(store, id).await;
    for part in content.chunks(chunk) {
        let part = Bytes::copy_from_slice(part);
        writer.write(part).await.expect("writable");
    }
    let finished = writer.finish(Algorithm::Sha256).await.expect("finishes");
    let expected = Finished {
        digest: Digest::sha256(content),
        size: content.len() as u64,
    };
    assert_eq!(finished, expected);
    let key = ObjectKey {
        digest: finished.digest,
        generation: id.clone(),
    };
    store.publish(&key, finished.size).await.expect("publishes");
    key
}

async fn stores_and_serves(store: &dyn BlobStore) {
    for (n, len) in (0..).zip([0, 1, 4096, 600_000, 40_000_000]) {
        let content = bytes(len, 1);
        let key = upload(store, &id(n), &content, 70_000).await;
        let blob = store.open(&key).await.expect("opens");
        assert_eq!(blob.size, len as u64);
        assert!(read(&blob) == content, "{len} bytes came back changed");
        store.discard(&key.generation).await.expect("discards");
        assert!(read(&store.open(&key).await.expect("still there")) == content);
    }
    assert!(store.uploads().await.expect("lists").is_empty());
    assert_eq!(store.objects().await.expect("lists").len(), 5);
}

async fn resumes_at_the_checkpoint_and_drops_the_rest(store: &dyn BlobStore) {
    let content = bytes(900_000, 2);
    let mut writer = fresh(store, &id(10)).await;
    writer
        .write(Bytes::copy_from_slice(&content[..300_000]))
        .await
        .expect("writable");
    let checkpoint = writer.checkpoint().await.expect("durable");
    assert_eq!(checkpoint.offset, 300_000);
    writer
        .write(Bytes::from(vec![9; 700_000]))
        .await
        .expect("writable");
    let _ = writer.checkpoint().await.expect("durable");
    drop(writer);

    let mut writer = resume(store, &id(10), &checkpoint).await;
    assert_eq!(writer.offset(), 300_000);
    writer
        .write(Bytes::copy_from_slice(&content[300_000..]))
        .await
        .expect("writable");
    let finished = writer.finish(Algorithm::Sha256).await.expect("finishes");
    assert_eq!(finished.digest, Digest::sha256(&content));
    assert_eq!(finished.size, 900_000);
}

async fn an_upload_may_end_where_it_was_recorded(store: &dyn BlobStore) {
    let mut writer = fresh(store, &id(20)).await;
    let recorded = Bytes::from_static(b"recorded");
    writer.write(recorded).await.expect("writable");
    let checkpoint = writer.checkpoint().await.expect("durable");
    let lost = Bytes::from(vec![9; 700_000]);
    writer.write(lost).await.expect("writable");
    let _ = writer.checkpoint().await.expect("durable");
    let writer = resume(store, &id(20), &checkpoint).await;
    let finished = writer.finish(Algorithm::Sha256).await.expect("finishes");
    let key = ObjectKey {
        digest: finished.digest,
        generation: id(20),
    };
    assert_eq!(key.digest, Digest::sha256(b"recorded"));
    store.publish(&key, finished.size).await.expect("publishes");
    assert_eq!(read(&store.open(&key).await.expect("opens")), b"recorded");
}

async fn a_lost_hash_state_is_computed_again(store: &dyn BlobStore) {
    let content = bytes(800_000, 3);
    let mut writer = fresh(store, &id(11)).await;
    writer
        .write(Bytes::copy_from_slice(&content[..500_000]))
        .await
        .expect("writable");
    let mut checkpoint = writer.checkpoint().await.expect("durable");
    checkpoint.hash_state = vec![255, 0, 1];
    let mut writer = resume(store, &id(11), &checkpoint).await;
    writer
        .write(Bytes::copy_from_slice(&content[500_000..]))
        .await
        .expect("writable");
    let finished = writer.finish(Algorithm::Sha256).await.expect("finishes");
    assert_eq!(finished.digest, Digest::sha256(&content));
}

async fn the_algorithm_may_be_named_at_the_end(store: &dyn BlobStore) {
    let content = bytes(700_000, 4);
    let mut writer = fresh(store, &id(12)).await;
    writer
        .write(Bytes::copy_from_slice(&content))
        .await
        .expect("writable");
    let checkpoint = writer.checkpoint().await.expect("durable");
    let writer = resume(store, &id(12), &checkpoint).await;
    let finished = writer.finish(Algorithm::Sha512).await.expect("finishes");
    assert_eq!(finished.digest, Digest::of(Algorithm::Sha512, &content));
}

async fn publishing_the_wrong_length_leaves_nothing(store: &dyn BlobStore) {
    let mut writer = fresh(store, &id(13)).await;
    writer
        .write(Bytes::from_static(b"abc"))
        .await
        .expect("writable");
    let finished = writer.finish(Algorithm::Sha256).await.expect("finishes");
    let key = ObjectKey {
        digest: finished.digest,
        generation: id(13),
    };
    let error = store.publish(&key, 4).await.expect_err("wrong length");
    assert_eq!(error.kind, StoreErrorKind::Damaged);
    let error = store.open(&key).await.expect_err("not published");
    assert_eq!(error.kind, StoreErrorKind::NotFound);
}

async fn a_checkpoint_beyond_the_bytes_is_damage(store: &dyn BlobStore) {
    let checkpoint = Checkpoint {
        offset: 10,
        hash_state: Vec::new(),
    };
    let mut writer = resume(store, &id(14), &checkpoint).await;
    let written = writer.write(Bytes::from_static(b"x")).await;
    let error = match written {
        Ok(()) => writer.checkpoint().await.expect_err("no such bytes"),
        Err(error) => error,
    };
    assert_ne!(error.kind, StoreErrorKind::Full);
}

async fn generations_of_one_digest_are_apart(store: &dyn BlobStore) {
    let old = upload(store, &id(15), b"same", 4).await;
    let new = upload(store, &id(16), b"same", 4).await;
    store.remove(&old).await.expect("removes");
    store.remove(&old).await.expect("removing twice is fine");
    assert!(store.open(&old).await.is_err());
    assert_eq!(read(&store.open(&new).await.expect("untouched")), b"same");
}

async fn repeated_steps_are_harmless(store: &dyn BlobStore) {
    let key = upload(store, &id(17), b"again", 2).await;
    store
        .publish(&key, 5)
        .await
        .expect("publishing twice is fine");
    store.discard(&id(17)).await.expect("discards");
    store
        .discard(&id(17))
        .await
        .expect("discarding twice is fine");
    assert_eq!(read(&store.open(&key).await.expect("opens")), b"again");
    store.probe().await.expect("usable");
}

async fn a_crash_before_recording_leaves_a_trail(store: &dyn BlobStore) {
    let key = upload(store, &id(18), b"published, not recorded", 4).await;
    let found = store.published(&id(18)).await.expect("looks");
    assert_eq!(found, std::slice::from_ref(&key));
    assert_eq!(store.published(&id(99)).await.expect("looks"), []);
    // The client tries again with something else: the first object is withdrawn.
    let mut writer = fresh(store, &id(18)).await;
    let other = Bytes::from_static(b"other");
    writer.write(other).await.expect("writable");
    let finished = writer.finish(Algorithm::Sha256).await.expect("finishes");
    assert_eq!(finished.digest, Digest::sha256(b"other"));
    assert!(store.open(&key).await.is_err());
    let key = ObjectKey {
        digest: finished.digest,
        generation: id(18),
    };
    store.publish(&key, finished.size).await.expect("publishes");
    store.discard(&id(18)).await.expect("discards");
    assert_eq!(store.published(&id(18)).await.expect("looks"), []);
    assert_eq!(read(&store.open(&key).await.expect("stays")), b"other");
}

async fn suite(make: impl Fn() -> (Box<dyn BlobStore>, Box<dyn Debug>)) {
    macro_rules! run {
        ($($case:ident),+ $(,)?) => {$(
            let (store, _guard) = make();
            $case(&*store).await;
        )+};
    }
    run!(
        stores_and_serves,
        resumes_at_the_checkpoint_and_drops_the_rest,
        an_upload_may_end_where_it_was_recorded,
        a_lost_hash_state_is_computed_again,
        the_algorithm_may_be_named_at_the_end,
        publishing_the_wrong_length_leaves_nothing,
        a_checkpoint_beyond_the_bytes_is_damage,
        generations_of_one_digest_are_apart,
        repeated_steps_are_harmless,
        a_crash_before_recording_leaves_a_trail,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn file_system() {
    suite(|| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = FsStore::open(dir.path()).expect("opens");
        (Box::new(store), Box::new(dir))
    })
    .await;
}
