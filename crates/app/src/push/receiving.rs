//! An upload with its bytes coming in, until it pauses, ends or is given up.

use std::sync::Arc;

use bytes::Bytes;
use wharf_blob_store::{ObjectKey, UploadWriter};
use wharf_db::{
    Tx, Write,
    blobs::{self, Blob},
    quotas::Amounts,
    uploads::{self, Upload},
};
use wharf_oci::{Digest, Name, path::UploadId};

use super::{
    open_uploads::UploadClaim,
    reservation::Reservation,
    upload::{Progress, StoredBlob, signed, unsigned},
};
use crate::{
    App, Error,
    app::micros,
    authn::Caller,
    authz::permit::{Push, Verdict},
    quota::charge,
};

/// An upload with its bytes coming in.
pub struct Receiving {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    id: UploadId,
    /// As it was last recorded.
    row: Upload,
    writer: Box<dyn UploadWriter>,
    /// `None`: its owner is not limited.
    reservation: Option<Reservation>,
    _claim: UploadClaim,
}

impl Receiving {
    pub(super) fn new(
        app: Arc<App>,
        caller: Caller,
        name: Name,
        (id, row): (UploadId, Upload),
        writer: Box<dyn UploadWriter>,
        reservation: Option<Reservation>,
        claim: UploadClaim,
    ) -> Self {
        Self {
            app,
            caller,
            name,
            id,
            row,
            writer,
            reservation,
            _claim: claim,
        }
    }

    /// Takes in bytes. Fails as soon as the caller has lost the right to push,
    /// and before more comes in than the package's owner may store.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        let caches = self.app.caches();
        if caches.epoch != self.caller.caches.epoch {
            let mut reader = self.app.db.reader().await?;
            let actor = self
                .app
                .refresh_actor(&mut reader.conn(), &self.caller.actor)
                .await?;
            drop(reader);
            self.caller.actor = actor;
            self.caller.caches = caches;
            self.app.authorize::<Push>(&self.caller, &self.name).await?;
        }
        if let Some(reservation) = &mut self.reservation {
            let total = self.writer.offset() + bytes.len() as u64;
            reservation.cover(&self.app, &self.id, total).await?;
        }
        Ok(self.writer.write(bytes).await?)
    }

    /// Bytes taken in, durable or not.
    pub fn offset(&self) -> u64 {
        self.writer.offset()
    }

    /// Makes what came in durable and records it: the client may continue
    /// from there, on any replica, after any restart.
    pub async fn checkpoint(&mut self) -> Result<(), Error> {
        self.record(false).await
    }

    /// `is_over`: no more comes, so room that was reserved for more is given back.
    async fn record(&mut self, is_over: bool) -> Result<(), Error> {
        let checkpoint = self.writer.checkpoint().await?;
        let from = self.row.received;
        self.row.received = signed(checkpoint.offset);
        self.row.hash_state = checkpoint.hash_state;
        self.row.expires_at = self.app.clock.now() + micros(self.app.settings.upload_idle);
        let advance = Advance {
            app: Arc::clone(&self.app),
            caller: self.caller.clone(),
            name: self.name.clone(),
            row: self.row.clone(),
            from,
            is_over,
        };
        self.app.db.write(advance).await
    }

    /// Bytes taken in that a crash would lose.
    pub fn unrecorded(&self) -> u64 {
        self.writer.offset() - unsigned(self.row.received)
    }

    /// Ends this request's part of the upload.
    pub async fn pause(mut self) -> Result<Progress, Error> {
        if let Err(error) = self.record(true).await {
            if matches!(error, Error::QuotaExceeded(_)) {
                self.abandon().await?;
            }
            return Err(error);
        }
        Ok(Progress {
            id: self.id,
            received: unsigned(self.row.received),
        })
    }

    /// Ends an upload that nobody can continue.
    pub async fn abandon(self) -> Result<(), Error> {
        let Self {
            app, id, writer, ..
        } = self;
        drop(writer);
        app.forget_upload(&id).await.map(drop)
    }

    /// Ends the upload: the content must be what `expected` says. With
    /// another content nothing is stored, and the upload is over.
    pub async fn finish(self, expected: &Digest) -> Result<StoredBlob, Error> {
        let finished = self.writer.finish(expected.algorithm()).await?;
        if finished.digest != *expected {
            self.app.forget_upload(&self.id).await?;
            return Err(Error::DigestMismatch {
                expected: expected.clone(),
                actual: finished.digest,
            });
        }
        let key = ObjectKey {
            digest: finished.digest,
            generation: self.id.clone(),
        };
        self.app.store.publish(&key, finished.size).await?;
        let store = Store {
            app: Arc::clone(&self.app),
            caller: self.caller,
            name: self.name,
            blob: Blob {
                digest: key.digest.to_string(),
                generation: key.generation.to_string(),
                size: signed(finished.size),
            },
        };
        let kept = match self.app.db.write(store).await {
            Err(refused) if !refused.is_internal() => {
                self.app.remove_published(&self.id).await?;
                self.app.forget_upload(&self.id).await?;
                return Err(refused);
            }
            kept => kept?,
        };
        self.app.store.discard(&self.id).await?;
        if !kept {
            self.app.finish_removal(&key).await?;
        }
        Ok(StoredBlob {
            digest: key.digest,
            size: finished.size,
        })
    }
}

impl std::fmt::Debug for Receiving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receiving({} at {})", self.id, self.writer.offset())
    }
}

struct Advance {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    row: Upload,
    from: i64,
    is_over: bool,
}

impl Write for Advance {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let verdict = self
            .app
            .authorize_in::<Push>(tx, &self.caller, &self.name)
            .await?;
        let unknown = || Error::UploadUnknown {
            id: self.row.id.clone(),
        };
        let found = uploads::find(tx, &self.row.id).await?;
        let found = match verdict {
            Verdict::Existing(permit) => found.filter(|row| row.package_id == permit.package_id()),
            Verdict::Absent(_) => None,
        };
        let found = found.ok_or_else(unknown)?;
        let mut row = self.row.clone();
        row.reserved = if self.is_over {
            row.received
        } else {
            row.received.max(found.reserved)
        };
        let change = Amounts::bytes(row.reserved - found.reserved);
        charge(tx, found.owner_id, change).await?;
        if uploads::advance(tx, &row, self.from).await? {
            return Ok(());
        }
        Err(unknown())
    }
}

/// Records a published object as the package's blob, with the lease that the answer promises.
struct Store {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    blob: Blob,
}

impl Write for Store {
    /// Whether the object was needed: `false` if the content was there
    /// already, and this copy of it is queued for removal.
    type Output = bool;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let verdict = self
            .app
            .authorize_in::<Push>(tx, &self.caller, &self.name)
            .await?;
        let upload_unknown = || Error::UploadUnknown {
            id: self.blob.generation.clone(),
        };
        let Verdict::Existing(permit) = verdict else {
            return Err(upload_unknown());
        };
        let ended = uploads::delete(tx, &self.blob.generation).await?;
        // The name may lead to another package since.
        let ended = ended.filter(|ended| ended.package_id == permit.package_id());
        let ended = ended.ok_or_else(upload_unknown)?;
        let (now, blob) = (self.app.clock.now(), &self.blob);
        let kept = blobs::insert(tx, blob, now).await?;
        if !kept {
            blobs::queue_removal(tx, &blob.digest, &blob.generation, now).await?;
        }
        let until = self.app.lease_until();
        let held = blobs::lease(tx, permit.package_id(), &blob.digest, until).await?;
        charge(tx, ended.owner_id, Amounts::bytes(held - ended.reserved)).await?;
        Ok(kept)
    }
}
