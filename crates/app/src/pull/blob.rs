//! Blobs: who may see them, and the answer "it is here" that a writer may rely on.

use std::sync::Arc;

use wharf_blob_store::{Blob, ObjectKey, StoreErrorKind};
use wharf_db::{Tx, Write, blobs};
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
    cache::HeldBlob,
};

/// A blob opened for reading.
#[derive(Debug)]
pub struct OpenBlob {
    pub digest: Digest,
    pub content: Blob,
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
        let held = self.held_blob(caller, &permit, digest).await?;
        let held = held.ok_or_else(|| unknown(name, digest))?;
        let key = object_key(&held.blob)?;
        let content = match self.store.open(&key).await {
            Err(error) if error.kind == StoreErrorKind::NotFound => {
                // Recorded, so not "unknown": a client told 404 would push or delete on it.
                tracing::error!(%digest, object = %key, "a recorded object is missing");
                return Err(error.into());
            }
            other => other?,
        };
        Ok(OpenBlob {
            digest: digest.clone(),
            content,
        })
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
        let held = self.held_blob(caller, &permit, digest).await?;
        let mut held = held.ok_or_else(|| unknown(name, digest))?;
        let renew_at = self.clock.now() + renew_before(self.settings.lease);
        if held.leased_until < renew_at && self.may_push(caller, name).await? {
            held = self.lease_held(caller, &permit, name, digest).await?;
        }
        Ok(u64::try_from(held.blob.size).unwrap_or_default())
    }

    async fn may_push(&self, caller: &Caller, name: &Name) -> Result<bool, Error> {
        let target: Arc<Target> = self.target(&caller.caches, name).await?;
        Ok(policy::decide(&caller.actor, &target, Action::Push).is_ok())
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
            blob: found.blob,
            good_until: if found.is_referenced {
                i64::MAX
            } else {
                leased_until
            },
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
            blob: found.blob,
            good_until: if found.is_referenced { i64::MAX } else { until },
            leased_until: until,
        });
        let key = (permit.package_id(), digest.clone());
        caller.caches.blobs.insert(key, Arc::clone(&held));
        Ok(held)
    }
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
        blobs::lease(tx, permit.package_id(), digest, self.until).await?;
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
