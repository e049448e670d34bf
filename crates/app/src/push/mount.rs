//! Mounts: a blob that the caller can read elsewhere joins a package without
//! its bytes moving.

use std::sync::Arc;

use wharf_db::{Tx, Write, blobs, quotas::Amounts};
use wharf_oci::{Digest, Name};

use super::package::NewIds;
use crate::{
    App, Error,
    authn::Caller,
    authz::permit::{Pull, Push, Verdict},
    quota::charge,
};

/// Packages looked at for a mount that names no source.
const CANDIDATES: i64 = 16;

/// What came of a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mounted {
    /// The blob is in the package.
    Yes,
    /// Not there, or not the caller's to read, which is the same answer: upload it.
    No,
}

impl App {
    /// Mounts `digest` into `name` from `from`, or from wherever the caller can read it.
    pub async fn mount(
        self: &Arc<Self>,
        caller: &Caller,
        name: &Name,
        digest: &Digest,
        from: Option<&Name>,
    ) -> Result<Mounted, Error> {
        self.authorize::<Push>(caller, name).await?;
        let mount = Mount {
            app: Arc::clone(self),
            caller: caller.clone(),
            name: name.clone(),
            digest: digest.clone(),
            from: from.cloned(),
            ids: self.new_ids().await?,
        };
        self.db.write(mount).await
    }
}

struct Mount {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    digest: Digest,
    from: Option<Name>,
    ids: NewIds,
}

impl Write for Mount {
    type Output = Mounted;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Mounted, Error> {
        if !self.readable(tx).await? {
            return Ok(Mounted::No);
        }
        let app = &self.app;
        let permit = app
            .permit_push(tx, &self.caller, &self.name, self.ids)
            .await?;
        let until = app.lease_until();
        let held = blobs::lease(tx, permit.package_id(), self.digest.as_str(), until).await?;
        charge(tx, permit.owner_id(), Amounts::bytes(held)).await?;
        Ok(Mounted::Yes)
    }
}

impl Mount {
    async fn readable(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        if let Some(from) = &self.from {
            return self.readable_in(tx, from).await;
        }
        for candidate in self.candidates(tx).await? {
            if self.readable_in(tx, &candidate).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn candidates(&self, tx: &mut Tx<'_>) -> Result<Vec<Name>, Error> {
        let user_id = self
            .caller
            .actor
            .user
            .as_ref()
            .map_or(0, |(user, _)| user.id);
        let now = self.app.clock.now();
        let paths = blobs::holders(tx, self.digest.as_str(), now, user_id, CANDIDATES).await?;
        Ok(paths.iter().filter_map(|path| path.parse().ok()).collect())
    }

    async fn readable_in(&self, tx: &mut Tx<'_>, source: &Name) -> Result<bool, Error> {
        let verdict = self
            .app
            .authorize_in::<Pull>(tx, &self.caller, source)
            .await;
        let permit = match verdict {
            Ok(Verdict::Existing(permit)) => permit,
            Ok(Verdict::Absent(_)) | Err(Error::Refused(_) | Error::Rejected(_)) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let (now, digest) = (self.app.clock.now(), self.digest.as_str());
        let held = blobs::find_in_package(tx, permit.package_id(), digest, now).await?;
        let Some(held) = held else {
            return Ok(false);
        };
        if held.is_referenced {
            return Ok(true);
        }
        // Only leased: to those who may push there.
        let push = self
            .app
            .authorize_in::<Push>(tx, &self.caller, source)
            .await;
        Ok(matches!(push, Ok(Verdict::Existing(_))))
    }
}
