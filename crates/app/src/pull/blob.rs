//! Blobs: who may see them, and the answer "it is here" that a writer may rely on.

use std::{io, os::unix::fs::FileExt as _, sync::Arc};

use bytes::Bytes;
use wharf_blob_store::{Blob, ObjectKey, StoreError};
use wharf_db::{Tx, Write, blobs, quotas::Amounts};
use wharf_oci::{Digest, Name};

use super::manifest::stored_digest;
use crate::{
    App, Error,
    app::renew_before,
    authn::Caller,
    authz::{
        Action, Permit, Target,
        permit::{Pull, Push, Verdict},
        policy,
    },
    cache::{HeldBlob, SmallBlobs},
    quota::charge,
};

/// A blob, ready to be sent.
#[derive(Debug)]
pub enum OpenBlob {
    /// Checked against its digest when it was read.
    Memory(Bytes),
    File(Blob),
}

impl OpenBlob {
    /// Bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(blob) => blob.size,
        }
    }
}

impl App {
    /// Opens a blob of a package.
    pub async fn open_blob(
        self: &Arc<Self>,
        caller: &Caller,
        name: &Name,
        digest: &Digest,
    ) -> Result<OpenBlob, Error> {
        let permit = self.must_pull(caller, name).await?;
        let held = self.seen_blob(caller, &permit, name, digest).await?;
        if let Some(bytes) = self.small_blobs.get(&held.key) {
            return Ok(OpenBlob::Memory(bytes));
        }
        let blob = self.store.open(&held.key).await.inspect_err(|error| {
            // Recorded, so never "unknown": a client told 404 would push or delete on it.
            tracing::error!(%error, object = %held.key, "a recorded object cannot be opened");
        })?;
        if held.size > SmallBlobs::LARGEST {
            return Ok(OpenBlob::File(blob));
        }
        let bytes = read_checked(blob, held.key.digest.clone()).await?;
        self.small_blobs.insert(held.key.clone(), bytes.clone());
        Ok(OpenBlob::Memory(bytes))
    }

    /// The size of a blob of a package, in bytes. Whoever may push there is
    /// thereby promised that it stays: clients skip the upload on this answer.
    pub async fn stat_blob(
        self: &Arc<Self>,
        caller: &Caller,
        name: &Name,
        digest: &Digest,
    ) -> Result<u64, Error> {
        let permit = self.must_pull(caller, name).await?;
        let mut held = self.seen_blob(caller, &permit, name, digest).await?;
        let renew_at = self.clock.now() + renew_before(self.settings.lease);
        if held.leased_until < renew_at && self.may_push(caller, name).await? {
            held = self.lease_held(caller, &permit, name, digest).await?;
        }
        Ok(held.size)
    }

    async fn may_push(&self, caller: &Caller, name: &Name) -> Result<bool, Error> {
        let target: Arc<Target> = self.target(&caller.caches, name).await?;
        Ok(policy::decide(&caller.actor, &target, Action::Push, self.clock.now()).is_ok())
    }

    /// A blob as the caller may see it: one that is only leased is for those who push.
    async fn seen_blob(
        &self,
        caller: &Caller,
        permit: &Permit<Pull>,
        name: &Name,
        digest: &Digest,
    ) -> Result<Arc<HeldBlob>, Error> {
        let unknown = || unknown(name, digest);
        let held = self.held_blob(caller, permit, digest).await?;
        let held = held.ok_or_else(unknown)?;
        if held.is_referenced || self.may_push(caller, name).await? {
            return Ok(held);
        }
        // A manifest may have been pushed since that was remembered.
        let key = (permit.package_id(), digest.clone());
        caller.caches.blobs.invalidate(&key);
        let held = self.held_blob(caller, permit, digest).await?;
        held.filter(|held| held.is_referenced).ok_or_else(unknown)
    }

    async fn held_blob(
        &self,
        caller: &Caller,
        permit: &Permit<Pull>,
        digest: &Digest,
    ) -> Result<Option<Arc<HeldBlob>>, Error> {
        let now = self.clock.now();
        let key = (permit.package_id(), digest.clone());
        if let Some(held) = caller.caches.blobs.get(&key).filter(|h| now < h.good_until) {
            return Ok(Some(held));
        }
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let Some(found) = blobs::find_in_package(conn, key.0, digest.as_str(), now).await? else {
            return Ok(None);
        };
        let leased_until = found.leased_until.unwrap_or_default();
        let held = Arc::new(HeldBlob {
            key: object_key(&found.blob)?,
            size: u64::try_from(found.blob.size).unwrap_or_default(),
            good_until: if found.is_referenced {
                i64::MAX
            } else {
                leased_until
            },
            is_referenced: found.is_referenced,
            leased_until,
        });
        caller.caches.blobs.insert(key, Arc::clone(&held));
        Ok(Some(held))
    }

    async fn lease_held(
        self: &Arc<Self>,
        caller: &Caller,
        permit: &Permit<Pull>,
        name: &Name,
        digest: &Digest,
    ) -> Result<Arc<HeldBlob>, Error> {
        let until = self.lease_until();
        let renewal = RenewLease {
            app: Arc::clone(self),
            caller: caller.clone(),
            name: name.clone(),
            digest: digest.clone(),
            until,
        };
        let found = self.db.write(renewal).await?;
        let held = Arc::new(HeldBlob {
            key: object_key(&found.blob)?,
            size: u64::try_from(found.blob.size).unwrap_or_default(),
            good_until: if found.is_referenced { i64::MAX } else { until },
            is_referenced: found.is_referenced,
            leased_until: until,
        });
        let key = (permit.package_id(), digest.clone());
        caller.caches.blobs.insert(key, Arc::clone(&held));
        Ok(held)
    }
}

/// Reads a small object whole, and refuses bytes that are not what was stored.
pub(crate) async fn read_checked(blob: Blob, digest: Digest) -> Result<Bytes, Error> {
    let read = move || {
        let mut bytes = vec![0; usize::try_from(blob.size).map_err(io::Error::other)?];
        blob.file.read_exact_at(&mut bytes, 0)?;
        if Digest::of(digest.algorithm(), &bytes) != digest {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "its bytes are damaged",
            ));
        }
        Ok(Bytes::from(bytes))
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|e| Error::Internal(e.to_string()))?;
    read.map_err(|e| StoreError::new("read", "a small object", e).into())
}

struct RenewLease {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    digest: Digest,
    until: i64,
}

impl Write for RenewLease {
    type Output = blobs::Held;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<blobs::Held, Error> {
        let verdict = self
            .app
            .authorize_in::<Push>(tx, &self.caller, &self.name)
            .await?;
        let Verdict::Existing(permit) = verdict else {
            return Err(unknown(&self.name, &self.digest));
        };
        let now = self.app.clock.now();
        let digest = self.digest.as_str();
        let held = blobs::find_in_package(tx, permit.package_id(), digest, now).await?;
        let held = held.ok_or_else(|| unknown(&self.name, &self.digest))?;
        let new = blobs::lease(tx, permit.package_id(), digest, self.until).await?;
        charge(tx, permit.owner_id(), Amounts::bytes(new)).await?;
        Ok(held)
    }
}

pub(crate) fn unknown(name: &Name, digest: &Digest) -> Error {
    Error::BlobUnknown {
        package: name.to_string(),
        digest: digest.clone(),
    }
}

/// The key of a recorded blob's object.
pub(crate) fn object_key(blob: &blobs::Blob) -> Result<ObjectKey, Error> {
    let generation = blob.generation.parse();
    Ok(ObjectKey {
        digest: stored_digest(&blob.digest)?,
        generation: generation
            .map_err(|_| Error::Internal("a stored generation is damaged".to_owned()))?,
    })
}
