//! Blob uploads: begin, receive, finish, cancel.
//!
//! The order, which loses nothing: the upload's row is committed before a byte
//! is written; bytes are durable before their offset is committed; the object
//! is durable under its key before the blob is committed; the answer comes last.

use std::sync::Arc;

use bytes::Bytes;
use wharf_blob_store::{Checkpoint, ObjectKey, UploadWriter};
use wharf_db::{
    Tx, Write,
    blobs::{self, Blob},
    uploads::{self, Upload},
};
use wharf_oci::{Algorithm, Digest, Name, path::UploadId};

use super::{open_uploads::UploadClaim, package::NewIds};
use crate::{
    App, Error,
    app::micros,
    authn::Caller,
    authz::permit::{Push, Verdict},
    entropy,
};

/// Where an upload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub id: UploadId,
    /// Durable bytes.
    pub received: u64,
}

/// A blob that is now in the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlob {
    pub digest: Digest,
    pub size: u64,
}

impl App {
    /// Begins an upload. No file is made before the first byte.
    pub async fn begin_upload(
        self: &Arc<Self>,
        caller: &Caller,
        name: &Name,
        algorithm: Algorithm,
    ) -> Result<Progress, Error> {
        self.authorize::<Push>(caller, name).await?;
        let id = UploadId::new(entropy::bytes(&*self.entropy));
        let begin = Begin {
            app: Arc::clone(self),
            caller: caller.clone(),
            name: name.clone(),
            id: id.clone(),
            algorithm,
            ids: self.new_ids().await?,
        };
        self.db.write(begin).await?;
        Ok(Progress { id, received: 0 })
    }

    /// Where an upload stands, for its owner.
    pub async fn upload_progress(
        &self,
        caller: &Caller,
        name: &Name,
        id: &UploadId,
    ) -> Result<Progress, Error> {
        let row = self.find_upload(caller, name, id).await?;
        Ok(Progress {
            id: id.clone(),
            received: unsigned(row.received),
        })
    }

    /// Cancels an upload and forgets its bytes.
    pub async fn cancel_upload(
        self: &Arc<Self>,
        caller: &Caller,
        name: &Name,
        id: &UploadId,
    ) -> Result<(), Error> {
        self.find_upload(caller, name, id).await?;
        let claim = self.claim(id)?;
        if !self.db.write(Forget(id.clone())).await? {
            return Err(upload_unknown(id));
        }
        self.store.discard(id).await?;
        drop(claim);
        Ok(())
    }

    /// Opens an upload for more bytes. `start`: where the client believes it
    /// stands, if it says so.
    pub async fn receive(
        self: &Arc<Self>,
        caller: &Caller,
        name: &Name,
        id: &UploadId,
        start: Option<u64>,
    ) -> Result<Receiving, Error> {
        let claim = self.claim(id);
        // Before "busy" too: to others the upload does not exist.
        let row = self.find_upload(caller, name, id).await?;
        let claim = claim?;
        let offset = unsigned(row.received);
        if let Some(start) = start.filter(|start| *start != offset) {
            return Err(Error::ChunkOutOfOrder { start, offset });
        }
        let algorithm: Algorithm = row
            .algorithm
            .parse()
            .map_err(|e| Error::Internal(format!("a stored upload is damaged: {e}")))?;
        let checkpoint = Checkpoint {
            offset,
            hash_state: row.hash_state.clone(),
        };
        let writer = self.store.resume(id, &checkpoint, algorithm).await?;
        Ok(Receiving {
            app: Arc::clone(self),
            caller: caller.clone(),
            name: name.clone(),
            id: id.clone(),
            row,
            writer,
            _claim: claim,
        })
    }

    fn claim(&self, id: &UploadId) -> Result<UploadClaim, Error> {
        let busy = || Error::UploadBusy { id: id.to_string() };
        self.open_uploads.claim(id).ok_or_else(busy)
    }

    /// An upload as its owner sees it; to others, and under another package, it does not exist.
    async fn find_upload(
        &self,
        caller: &Caller,
        name: &Name,
        id: &UploadId,
    ) -> Result<Upload, Error> {
        let Verdict::Existing(permit) = self.authorize::<Push>(caller, name).await? else {
            return Err(upload_unknown(id));
        };
        let mut reader = self.db.reader().await?;
        let row = uploads::find(&mut reader.conn(), id.as_str()).await?;
        row.filter(|row| {
            row.package_id == permit.package_id() && Some(row.user_id) == permit.actor_id()
        })
        .ok_or_else(|| upload_unknown(id))
    }
}

/// An upload with its bytes coming in.
pub struct Receiving {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    id: UploadId,
    row: Upload,
    writer: Box<dyn UploadWriter>,
    _claim: UploadClaim,
}

impl Receiving {
    /// Takes in bytes. Fails as soon as the caller has lost the right to push.
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
        Ok(self.writer.write(bytes).await?)
    }

    /// Bytes taken in, durable or not.
    pub fn offset(&self) -> u64 {
        self.writer.offset()
    }

    /// Makes what came in durable and records it: the client may continue
    /// from there, on any replica, after any restart.
    pub async fn checkpoint(&mut self) -> Result<(), Error> {
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
        };
        self.app.db.write(advance).await
    }

    /// Bytes taken in that a crash would lose.
    pub fn unrecorded(&self) -> u64 {
        self.writer.offset() - unsigned(self.row.received)
    }

    /// Ends this request's part of the upload.
    pub async fn pause(mut self) -> Result<Progress, Error> {
        self.checkpoint().await?;
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
        app.db.write(Forget(id.clone())).await?;
        Ok(app.store.discard(&id).await?)
    }

    /// Ends the upload: the content must be what `expected` says. With
    /// another content nothing is stored, and the upload is over.
    pub async fn finish(self, expected: &Digest) -> Result<StoredBlob, Error> {
        let finished = self.writer.finish(expected.algorithm()).await?;
        if finished.digest != *expected {
            self.app.db.write(Forget(self.id.clone())).await?;
            self.app.store.discard(&self.id).await?;
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
        let kept = self.app.db.write(store).await?;
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

struct Begin {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    id: UploadId,
    algorithm: Algorithm,
    ids: NewIds,
}

impl Write for Begin {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let app = &self.app;
        let permit = app
            .permit_push(tx, &self.caller, &self.name, self.ids)
            .await?;
        let user_id = permit.actor_id().unwrap_or_default();
        let count = uploads::count_of_user(tx, user_id).await?;
        if count >= app.settings.uploads_per_user {
            return Err(Error::TooManyUploads { count });
        }
        let now = app.clock.now();
        let upload = Upload {
            id: self.id.to_string(),
            package_id: permit.package_id(),
            user_id,
            algorithm: self.algorithm.to_string(),
            received: 0,
            hash_state: Vec::new(),
            expires_at: now + micros(app.settings.upload_idle),
        };
        Ok(uploads::insert(tx, &upload, now).await?)
    }
}

struct Advance {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    row: Upload,
    from: i64,
}

impl Write for Advance {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        self.app
            .authorize_in::<Push>(tx, &self.caller, &self.name)
            .await?;
        if uploads::advance(tx, &self.row, self.from).await? {
            return Ok(());
        }
        Err(Error::UploadUnknown {
            id: self.row.id.clone(),
        })
    }
}

struct Forget(UploadId);

impl Write for Forget {
    type Output = bool;
    type Error = wharf_db::Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, wharf_db::Error> {
        uploads::delete(tx, self.0.as_str()).await
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
        if !uploads::delete(tx, &self.blob.generation).await? {
            return Err(upload_unknown());
        }
        let (now, blob) = (self.app.clock.now(), &self.blob);
        let kept = blobs::insert(tx, blob, now).await?;
        if !kept {
            blobs::queue_removal(tx, &blob.digest, &blob.generation, now).await?;
        }
        blobs::lease(
            tx,
            permit.package_id(),
            &blob.digest,
            self.app.lease_until(),
        )
        .await?;
        Ok(kept)
    }
}

fn upload_unknown(id: &UploadId) -> Error {
    Error::UploadUnknown { id: id.to_string() }
}

fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
