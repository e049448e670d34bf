//! A store that fails when told to.

use std::{
    collections::HashSet,
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use wharf_blob_store::{
    Blob, BlobStore, Checkpoint, Finished, ObjectKey, StoreError, UploadWriter, fs::FsStore,
};
use wharf_oci::{Algorithm, path::UploadId};

/// Which step fails, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    None = 0,
    /// No space left while writing.
    WriteFull = 1,
    /// The device fails while syncing.
    SyncIo = 2,
    /// The device fails while publishing.
    PublishIo = 3,
    /// The device fails while opening for reading.
    OpenIo = 4,
}

#[derive(Debug)]
pub struct FaultyStore {
    store: FsStore,
    fault: Arc<AtomicU8>,
}

impl FaultyStore {
    pub fn new(store: FsStore) -> Self {
        Self {
            store,
            fault: Arc::default(),
        }
    }

    /// From now on; [`Fault::None`] mends it.
    pub fn inject(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }

    fn check(&self, fault: Fault) -> Result<(), StoreError> {
        check(&self.fault, fault)
    }
}

fn check(injected: &AtomicU8, fault: Fault) -> Result<(), StoreError> {
    if injected.load(Ordering::SeqCst) != fault as u8 {
        return Ok(());
    }
    let error = match fault {
        Fault::WriteFull => io::Error::from(io::ErrorKind::StorageFull),
        _ => io::Error::other("injected"),
    };
    Err(StoreError::new("test", "injected", error))
}

#[async_trait]
impl BlobStore for FaultyStore {
    async fn resume(
        &self,
        id: &UploadId,
        checkpoint: &Checkpoint,
        algorithm: Algorithm,
    ) -> Result<Box<dyn UploadWriter>, StoreError> {
        let writer = self.store.resume(id, checkpoint, algorithm).await?;
        let fault = Arc::clone(&self.fault);
        Ok(Box::new(FaultyWriter { writer, fault }))
    }

    async fn publish(&self, key: &ObjectKey, len: u64) -> Result<(), StoreError> {
        self.check(Fault::PublishIo)?;
        self.store.publish(key, len).await
    }

    async fn published(&self, id: &UploadId) -> Result<Vec<ObjectKey>, StoreError> {
        self.store.published(id).await
    }

    async fn discard(&self, id: &UploadId) -> Result<(), StoreError> {
        self.store.discard(id).await
    }

    async fn open(&self, key: &ObjectKey) -> Result<Blob, StoreError> {
        self.check(Fault::OpenIo)?;
        self.store.open(key).await
    }

    async fn remove(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.store.remove(key).await
    }

    async fn uploads(&self) -> Result<HashSet<UploadId>, StoreError> {
        self.store.uploads().await
    }

    async fn objects(&self) -> Result<Vec<(ObjectKey, u64)>, StoreError> {
        self.store.objects().await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.check(Fault::WriteFull)?;
        self.store.probe().await
    }
}

struct FaultyWriter {
    writer: Box<dyn UploadWriter>,
    fault: Arc<AtomicU8>,
}

#[async_trait]
impl UploadWriter for FaultyWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        check(&self.fault, Fault::WriteFull)?;
        self.writer.write(bytes).await
    }

    fn offset(&self) -> u64 {
        self.writer.offset()
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        check(&self.fault, Fault::SyncIo)?;
        self.writer.checkpoint().await
    }

    async fn finish(self: Box<Self>, algorithm: Algorithm) -> Result<Finished, StoreError> {
        check(&self.fault, Fault::SyncIo)?;
        self.writer.finish(algorithm).await
    }
}
