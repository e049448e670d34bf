//! Taking away: tags, manifests, blobs. Bytes are garbage collection's business.

use std::sync::Arc;

use wharf_db::{Tx, Write, blobs, holdings, quotas::Amounts, versions};
use wharf_oci::{Digest, Name, Reference, Tag};

use crate::{
    App, Error,
    authn::Caller,
    authz::{
        Permit,
        permit::{Delete, Verdict},
    },
    cache::ClosedTags,
    pull::unknown_blob,
    quota::charge,
    tags::Mover,
    versions::Remover,
};

impl App {
    /// Deletes a tag, leaving the manifest; or a manifest with all its tags.
    pub async fn delete_manifest(
        self: &Arc<Self>,
        caller: &Caller,
        name: &Name,
        reference: &Reference,
    ) -> Result<(), Error> {
        self.authorize::<Delete>(caller, name).await?;
        let remove = Remove {
            app: Arc::clone(self),
            caller: caller.clone(),
            name: name.clone(),
            reference: reference.clone(),
            closed: ClosedTags::default(),
        };
        self.write_and_void(remove).await
    }

    /// Takes a blob out of a package that no longer needs it.
    pub async fn delete_blob(
        self: &Arc<Self>,
        caller: &Caller,
        name: &Name,
        digest: &Digest,
    ) -> Result<(), Error> {
        self.authorize::<Delete>(caller, name).await?;
        let release = Release {
            app: Arc::clone(self),
            caller: caller.clone(),
            name: name.clone(),
            digest: digest.clone(),
        };
        self.write_and_void(release).await
    }
}

struct Remove {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    reference: Reference,
    closed: ClosedTags,
}

impl Write for Remove {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let verdict = self
            .app
            .authorize_in::<Delete>(tx, &self.caller, &self.name)
            .await?;
        let Verdict::Existing(permit) = verdict else {
            return Err(self.unknown());
        };
        match &self.reference {
            Reference::Tag(tag) => self.remove_tag(tx, &permit, tag).await,
            Reference::Digest(digest) => self.remove_version(tx, &permit, digest).await,
        }
    }
}

impl Remove {
    fn unknown(&self) -> Error {
        Error::ManifestUnknown {
            package: self.name.to_string(),
            reference: self.reference.clone(),
        }
    }

    async fn remove_tag(
        &self,
        tx: &mut Tx<'_>,
        permit: &Permit<Delete>,
        tag: &Tag,
    ) -> Result<(), Error> {
        let mover = Mover::new(&self.app, &self.closed, permit);
        if mover.remove(tx, tag.as_str()).await? {
            return Ok(());
        }
        Err(self.unknown())
    }

    /// A manifest that an index lists stays: removing it would break the index.
    async fn remove_version(
        &self,
        tx: &mut Tx<'_>,
        permit: &Permit<Delete>,
        digest: &Digest,
    ) -> Result<(), Error> {
        let package_id = permit.package_id();
        let version = versions::find(tx, package_id, digest.as_str()).await?;
        let version = version.ok_or_else(|| self.unknown())?;
        let remover = Remover::new(&self.app, &self.closed, permit);
        remover.remove(tx, &version).await
    }
}

struct Release {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    digest: Digest,
}

impl Write for Release {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let verdict = self
            .app
            .authorize_in::<Delete>(tx, &self.caller, &self.name)
            .await?;
        let unknown = || unknown_blob(&self.name, &self.digest);
        let Verdict::Existing(permit) = verdict else {
            return Err(unknown());
        };
        let (package_id, digest) = (permit.package_id(), self.digest.as_str());
        let now = self.app.clock.now();
        let held = blobs::find_in_package(tx, package_id, digest, now).await?;
        if held.is_some_and(|held| held.is_referenced) {
            return Err(Error::BlobInUse {
                package: self.name.to_string(),
                digest: self.digest.clone(),
            });
        }
        if blobs::end_lease(tx, package_id, digest).await? {
            let gone = holdings::release(tx, package_id, digest).await?;
            return charge(tx, permit.owner_id(), Amounts::bytes(-gone)).await;
        }
        Err(unknown())
    }
}
