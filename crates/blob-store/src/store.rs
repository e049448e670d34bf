//! The contract every back end keeps.

use std::{collections::HashSet, fs::File, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use wharf_oci::{Algorithm, Digest, path::UploadId};

use crate::{ObjectKey, StoreError};

/// Stores objects under [`ObjectKey`]s.
///
/// The order of an upload, which keeps every acknowledged byte:
/// 1. the caller records the upload's id in the database;
/// 2. [`resume`](Self::resume) and [`UploadWriter::write`], any number of
///    times, from any process, each ending in a durable [`Checkpoint`] that the
///    caller records;
/// 3. [`UploadWriter::finish`], then [`publish`](Self::publish): the object is
///    durable under its key, and still named by the upload;
/// 4. the caller commits the object to the database;
/// 5. [`discard`](Self::discard) removes the upload's own name.
///
/// A crash between any two steps leaves bytes that the recorded upload id
/// leads to, so that nothing has to be searched for. As recording an object ends its
/// upload, an upload that is resumed was never recorded: whatever it was
/// published under is withdrawn.
#[async_trait]
pub trait BlobStore: Send + Sync + std::fmt::Debug + 'static {
    /// Continues (or starts, at offset 0) the upload `id` exactly at
    /// `checkpoint`; bytes written after it are dropped. `algorithm` is
    /// used when the checkpoint carries no hash state.
    async fn resume(
        &self,
        id: &UploadId,
        checkpoint: &Checkpoint,
        algorithm: Algorithm,
    ) -> Result<Box<dyn UploadWriter>, StoreError>;

    /// Makes a finished upload of `len` bytes durable under `key`. Idempotent.
    async fn publish(&self, key: &ObjectKey, len: u64) -> Result<(), StoreError>;

    /// The objects that the upload `id` was published under, while it is not
    /// discarded: what a crash between publishing and recording leaves.
    async fn published(&self, id: &UploadId) -> Result<Vec<ObjectKey>, StoreError>;

    /// Forgets the upload `id`: its bytes go, unless they were published. Idempotent.
    async fn discard(&self, id: &UploadId) -> Result<(), StoreError>;

    /// Opens an object for reading.
    async fn open(&self, key: &ObjectKey) -> Result<Blob, StoreError>;

    /// Removes an object. Idempotent.
    async fn remove(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// The ids of uploads that have bytes here, for the sweep after a crash.
    async fn uploads(&self) -> Result<HashSet<UploadId>, StoreError>;

    /// Every object and its size in bytes: for verification only, never to
    /// decide what may be removed.
    async fn objects(&self) -> Result<Vec<(ObjectKey, u64)>, StoreError>;

    /// Writes, syncs, reads back and removes a small object: is the store usable?
    async fn probe(&self) -> Result<(), StoreError>;
}

/// Where an upload stands, as the database keeps it between requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Durable bytes so far.
    pub offset: u64,
    /// [`wharf_oci::Hasher::save`] over those bytes; empty if none was kept.
    pub hash_state: Vec<u8>,
}

/// Takes in one upload's bytes, hashing them as they come.
#[async_trait]
pub trait UploadWriter: Send {
    /// Adds bytes after everything written so far.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;

    /// Bytes taken in, durable or not.
    fn offset(&self) -> u64;

    /// Makes everything written so far durable.
    async fn checkpoint(&mut self) -> Result<Checkpoint, StoreError>;

    /// Makes everything durable and says what it is, under `algorithm`.
    async fn finish(self: Box<Self>, algorithm: Algorithm) -> Result<Finished, StoreError>;
}

/// A complete upload: durable, not yet published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub digest: Digest,
    pub size: u64,
}

/// An object opened for reading.
#[derive(Debug, Clone)]
pub struct Blob {
    pub file: Arc<File>,
    /// Bytes.
    pub size: u64,
}
