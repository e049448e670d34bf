//! Manifests, by digest from memory, by tag with one look-up at most.

use std::sync::Arc;

use bytes::Bytes;
use wharf_db::{tags, versions};
use wharf_oci::{Digest, Name, Reference, Tag};

use crate::{
    App, Error,
    authn::Caller,
    authz::{Permit, permit::Pull},
    cache::StoredManifest,
    clock::DAY,
};

/// What of a manifest is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// That it is there, and its digest.
    Head,
    Bytes,
}

impl App {
    /// The manifest a reference names, exactly as it was pushed.
    pub async fn manifest(
        &self,
        caller: &Caller,
        name: &Name,
        reference: &Reference,
        wanted: Wanted,
    ) -> Result<Arc<StoredManifest>, Error> {
        let permit = self.must_pull(caller, name).await?;
        let digest = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(tag) => self.resolve_tag(&permit, tag).await?,
        };
        let found = match digest {
            Some(digest) => self.manifest_by_digest(caller, &permit, digest).await?,
            None => None,
        };
        let manifest = found.ok_or_else(|| Error::ManifestUnknown {
            package: name.to_string(),
            reference: reference.clone(),
        })?;
        self.count(&permit, reference, &manifest, wanted);
        Ok(manifest)
    }

    fn count(
        &self,
        permit: &Permit<Pull>,
        reference: &Reference,
        manifest: &StoredManifest,
        wanted: Wanted,
    ) {
        let (id, day) = (permit.package_id(), self.clock.now().div_euclid(DAY));
        if let Reference::Tag(tag) = reference {
            self.downloads.tag(id, day, tag.as_str());
        }
        if wanted == Wanted::Bytes {
            let (digest, is_part) = (&manifest.digest, manifest.is_part);
            self.downloads.manifest(id, day, digest, is_part);
        }
    }

    async fn resolve_tag(&self, permit: &Permit<Pull>, tag: &Tag) -> Result<Option<Digest>, Error> {
        let package_id = permit.package_id();
        if let Some(digest) = self.tags.get(package_id, tag.as_str()) {
            return Ok(Some(digest));
        }
        let read = self.tags.begin_read(package_id, tag.as_str());
        let mut reader = self.db.reader().await?;
        let Some(text) = tags::find(&mut reader.conn(), package_id, tag.as_str()).await? else {
            return Ok(None);
        };
        let digest = stored_digest(&text)?;
        self.tags
            .finish_read(&read, package_id, tag.as_str(), &digest);
        Ok(Some(digest))
    }

    async fn manifest_by_digest(
        &self,
        caller: &Caller,
        permit: &Permit<Pull>,
        digest: Digest,
    ) -> Result<Option<Arc<StoredManifest>>, Error> {
        let key = (permit.package_id(), digest);
        if let Some(manifest) = caller.caches.manifests.get(&key) {
            return Ok(Some(manifest));
        }
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let row = versions::content(conn, key.0, key.1.as_str()).await?;
        let Some((media_type, bytes)) = row else {
            return Ok(None);
        };
        let parent = versions::find_parent(conn, key.0, key.1.as_str()).await?;
        let manifest = Arc::new(StoredManifest {
            digest: key.1.clone(),
            media_type,
            bytes: Bytes::from(bytes),
            is_part: parent.is_some(),
        });
        caller.caches.manifests.insert(key, Arc::clone(&manifest));
        Ok(Some(manifest))
    }
}

/// A digest as the database holds it: it was valid when it was written.
pub(crate) fn stored_digest(text: &str) -> Result<Digest, Error> {
    text.parse()
        .map_err(|e| Error::Internal(format!("a stored digest is damaged: {e}")))
}
