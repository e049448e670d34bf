//! Blob uploads: begin, look, open for more bytes, cancel.
//!
//! The order, which loses nothing: the upload's row is committed before a byte
//! is written; bytes are durable before their offset is committed; the object
//! is durable under its key before the blob is committed; the answer comes last.

use std::sync::Arc;

use wharf_blob_store::Checkpoint;
use wharf_db::{
    Tx, Write,
    quotas::Amounts,
    uploads::{self, Upload},
};
use wharf_oci::{Algorithm, Digest, Name, path::UploadId};

use super::{
    open_uploads::UploadClaim, package::NewIds, receiving::Receiving, reservation::Reservation,
};
use crate::{
    App, Error,
    app::micros,
    authn::Caller,
    authz::permit::{Push, Verdict},
    entropy,
    quota::charge,
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
        if !self.forget_upload(id).await? {
            return Err(upload_unknown(id));
        }
        drop(claim);
        Ok(())
    }

    /// Opens an upload for more bytes, with room for them. `start`: where the
    /// client believes it stands; `length`: how much it brings; if it says so.
    pub async fn receive(
        self: &Arc<Self>,
        caller: &Caller,
        name: &Name,
        id: &UploadId,
        start: Option<u64>,
        length: Option<u64>,
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
        let total = offset.saturating_add(length.unwrap_or_default());
        let reservation = match Reservation::begin(self, id, &row, total).await {
            Err(error @ Error::QuotaExceeded(_)) => {
                self.forget_upload(id).await?;
                return Err(error);
            }
            begun => begun?,
        };
        let writer = self.store.resume(id, &checkpoint, algorithm).await?;
        Ok(Receiving::new(
            Arc::clone(self),
            caller.clone(),
            name.clone(),
            (id.clone(), row),
            writer,
            reservation,
            claim,
        ))
    }

    /// Ends an upload with nothing kept of it; whether there was one.
    pub(super) async fn forget_upload(&self, id: &UploadId) -> Result<bool, Error> {
        let was_there = self.db.write(Forget(id.clone())).await?;
        self.store.discard(id).await?;
        Ok(was_there)
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
            owner_id: permit.owner_id(),
            algorithm: self.algorithm.to_string(),
            received: 0,
            reserved: 0,
            hash_state: Vec::new(),
            expires_at: now + micros(app.settings.upload_idle),
        };
        Ok(uploads::insert(tx, &upload, now).await?)
    }
}

/// Ends an upload's row; its owner is charged for it no longer. Whether there was one.
pub(crate) struct Forget(pub UploadId);

impl Write for Forget {
    type Output = bool;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let Some(ended) = uploads::delete(tx, self.0.as_str()).await? else {
            return Ok(false);
        };
        charge(tx, ended.owner_id, Amounts::bytes(-ended.reserved)).await?;
        Ok(true)
    }
}

pub(super) fn upload_unknown(id: &UploadId) -> Error {
    Error::UploadUnknown { id: id.to_string() }
}

pub(super) fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
