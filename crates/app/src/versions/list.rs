//! Listing versions, and everything about one.

use std::collections::BTreeMap;

use wharf_db::{
    Conn, tags,
    usage::{self, BlobUse},
    versions::{self, Child, Listing, VersionDetails},
};
use wharf_oci::{Digest, Name, Reference};

use crate::{
    App, Error,
    authz::{
        By,
        permit::{Delete, Pull},
    },
    pull::stored_digest,
};

/// Most tags and referrers shown with a version.
const SHOWN: i64 = 100;
/// Most images of an index, or blobs of an image, shown with it.
const PARTS_SHOWN: i64 = 1000;

/// Which versions are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VersionFilter {
    /// What stands for itself: no parts of an index, nothing attached to another version.
    #[default]
    All,
    /// Of these, those without a tag.
    Untagged,
    /// What can be restored.
    Deleted,
}

/// A version in a list.
#[derive(Debug, Clone)]
pub struct VersionSummary {
    pub version: VersionDetails,
    pub tags: Vec<String>,
    /// os/architecture[/variant]
    pub platforms: Vec<String>,
}

/// A version, with what belongs to it.
#[derive(Debug)]
pub struct VersionView {
    pub summary: VersionSummary,
    /// The first thousand.
    pub children: Vec<Child>,
    /// The first hundred, as (digest, media type, artifact type).
    pub referrers: Vec<(String, String, Option<String>)>,
    /// The index that lists it.
    pub parent: Option<String>,
    /// Config and layers of an image; the first thousand.
    pub blobs: Vec<BlobUse>,
    /// Bytes that nothing else in the package needs, for those who may delete.
    pub own_bytes: Option<i64>,
    pub annotations: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
}

impl App {
    /// Up to `limit` versions before the id `before`, newest first.
    pub async fn versions(
        &self,
        by: &By,
        package: &Name,
        filter: VersionFilter,
        before: i64,
        limit: i64,
    ) -> Result<Vec<VersionSummary>, Error> {
        let id = match filter {
            // Shown to those who could restore it.
            VersionFilter::Deleted => self.permit::<Delete>(by, package).await?.package_id(),
            _ => self.permit::<Pull>(by, package).await?.package_id(),
        };
        let listing = match filter {
            VersionFilter::All => Listing::All,
            VersionFilter::Untagged => Listing::Untagged,
            VersionFilter::Deleted => Listing::Deleted,
        };
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let mut summaries = Vec::new();
        for version in versions::list(conn, id, listing, before, limit, i64::MAX).await? {
            summaries.push(summary(conn, version).await?);
        }
        Ok(summaries)
    }

    /// Everything about the version that a reference names.
    pub async fn version(
        &self,
        by: &By,
        package: &Name,
        reference: &Reference,
    ) -> Result<VersionView, Error> {
        let permit = self.permit::<Pull>(by, package).await?;
        let may_delete = self.permit::<Delete>(by, package).await.is_ok();
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = permit.package_id();
        let digest = resolve(conn, id, reference).await?;
        let version = match digest {
            Some(digest) => versions::details(conn, id, digest.as_str()).await?,
            None => None,
        };
        let version = version.ok_or_else(|| Error::ManifestUnknown {
            package: package.to_string(),
            reference: reference.clone(),
        })?;
        // It costs what the version holds, so not everybody may ask.
        let own_bytes = if may_delete {
            Some(usage::of_version_alone(conn, version.id).await?.bytes)
        } else {
            None
        };
        let texts = versions::texts(conn, version.id).await?.unwrap_or_default();
        let digest = version.digest.clone();
        Ok(VersionView {
            blobs: usage::blobs_of_version(conn, version.id, PARTS_SHOWN).await?,
            own_bytes,
            children: versions::children(conn, version.id, PARTS_SHOWN).await?,
            summary: summary(conn, version).await?,
            referrers: versions::attached_names(conn, id, &digest, SHOWN).await?,
            parent: versions::find_parent(conn, id, &digest).await?,
            annotations: serde_json::from_str(&texts.0).unwrap_or_default(),
            labels: serde_json::from_str(&texts.1).unwrap_or_default(),
        })
    }
}

/// The digest that a reference names in a package.
pub(crate) async fn resolve(
    conn: &mut Conn<'_>,
    package_id: i64,
    reference: &Reference,
) -> Result<Option<Digest>, Error> {
    match reference {
        Reference::Digest(digest) => Ok(Some(digest.clone())),
        Reference::Tag(tag) => {
            let found = tags::find(conn, package_id, tag.as_str()).await?;
            found.map(|text| stored_digest(&text)).transpose()
        }
    }
}

async fn summary(conn: &mut Conn<'_>, version: VersionDetails) -> Result<VersionSummary, Error> {
    Ok(VersionSummary {
        tags: tags::first_of_version(conn, version.id, SHOWN).await?,
        platforms: serde_json::from_str(&version.platforms).unwrap_or_default(),
        version,
    })
}
