//! Clearing up what uploads leave behind: sessions whose time is up, bytes
//! whose session is gone, objects that lost against another copy.

use std::sync::Arc;

use wharf_blob_store::ObjectKey;
use wharf_db::{Tx, Write, blobs, holdings, quotas::Amounts, uploads};
use wharf_oci::path::UploadId;

use crate::{App, Error, pull::object_key, push::Forget, quota::charge};

const BATCH: i64 = 100;

/// What a sweep removed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    pub uploads: u64,
    pub objects: u64,
    /// Packages and versions that were deleted long enough ago.
    pub purged: u64,
}

impl App {
    /// Sweeps once. Any number of processes may do so at any time.
    pub async fn sweep(self: &Arc<Self>) -> Result<Swept, Error> {
        let uploads = self.sweep_expired_uploads().await? + self.sweep_lost_bytes().await?;
        let objects = self.work_off_removals().await?;
        self.end_leases().await?;
        let purged = self.purge_expired().await?;
        Ok(Swept {
            uploads,
            objects,
            purged,
        })
    }

    async fn sweep_expired_uploads(&self) -> Result<u64, Error> {
        let mut swept = 0;
        loop {
            let mut reader = self.db.reader().await?;
            let expired = uploads::expired(&mut reader.conn(), self.clock.now(), BATCH).await?;
            drop(reader);
            let before = swept;
            for id in &expired {
                let id = upload_id(id)?;
                let Some(_claim) = self.open_uploads.claim(&id) else {
                    continue;
                };
                self.remove_published(&id).await?;
                self.db.write(Forget(id.clone())).await?;
                self.store.discard(&id).await?;
                swept += 1;
            }
            if swept == before {
                return Ok(swept);
            }
        }
    }

    /// A crash between publishing an object and recording it leaves an object
    /// that the upload's bytes lead to.
    pub(crate) async fn remove_published(&self, id: &UploadId) -> Result<(), Error> {
        for key in self.store.published(id).await? {
            let mut reader = self.db.reader().await?;
            let recorded = blobs::find(&mut reader.conn(), key.digest.as_str()).await?;
            drop(reader);
            if recorded.is_none_or(|blob| blob.generation != id.as_str()) {
                self.store.remove(&key).await?;
            }
        }
        Ok(())
    }

    /// Bytes of uploads that no row knows: their row went first, as it should.
    /// An upload that has one is not touched, not even for a look: its client may be back.
    async fn sweep_lost_bytes(&self) -> Result<u64, Error> {
        let mut swept = 0;
        for id in self.store.uploads().await? {
            if self.is_recorded(&id).await? {
                continue;
            }
            let Some(_claim) = self.open_uploads.claim(&id) else {
                continue;
            };
            self.remove_published(&id).await?;
            self.store.discard(&id).await?;
            swept += 1;
        }
        Ok(swept)
    }

    async fn is_recorded(&self, id: &UploadId) -> Result<bool, Error> {
        let mut reader = self.db.reader().await?;
        let row = uploads::find(&mut reader.conn(), id.as_str()).await?;
        Ok(row.is_some())
    }

    async fn end_leases(&self) -> Result<(), Error> {
        while self.db.write(EndLeases(self.clock.now())).await? > 0 {}
        Ok(())
    }

    async fn work_off_removals(&self) -> Result<u64, Error> {
        let mut removed = 0;
        loop {
            let mut reader = self.db.reader().await?;
            let batch = blobs::removals(&mut reader.conn(), BATCH).await?;
            drop(reader);
            if batch.is_empty() {
                return Ok(removed);
            }
            for (digest, generation) in batch {
                let blob = blobs::Blob {
                    digest,
                    generation,
                    size: 0,
                };
                self.finish_removal(&object_key(&blob)?).await?;
                removed += 1;
            }
        }
    }

    /// Removes a queued object and takes it off the queue. A crash between
    /// the two repeats the removal, which hits nothing.
    pub(crate) async fn finish_removal(&self, key: &ObjectKey) -> Result<(), Error> {
        self.store.remove(key).await?;
        Ok(self.db.write(FinishRemoval(key.clone())).await?)
    }
}

fn upload_id(text: &str) -> Result<UploadId, Error> {
    text.parse()
        .map_err(|_| Error::Internal(format!("a stored upload id is damaged: {text}")))
}

/// Ends leases whose time is up, and lets go what only they held.
struct EndLeases(i64);

impl Write for EndLeases {
    type Output = u64;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Error> {
        let expired = blobs::expired_leases(tx, self.0, BATCH).await?;
        for lease in &expired {
            blobs::end_lease(tx, lease.package_id, &lease.digest).await?;
            let gone = holdings::release(tx, lease.package_id, &lease.digest).await?;
            charge(tx, lease.owner_id, Amounts::bytes(-gone)).await?;
        }
        Ok(expired.len() as u64)
    }
}

struct FinishRemoval(ObjectKey);

impl Write for FinishRemoval {
    type Output = ();
    type Error = wharf_db::Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), wharf_db::Error> {
        blobs::finish_removal(tx, self.0.digest.as_str(), self.0.generation.as_str()).await
    }
}
