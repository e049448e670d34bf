//! `/packages/{owner}/{name}/versions/…`, `…/prune`

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_app::{
    clock::rfc3339,
    versions::{DeletedVersions, VersionFilter, VersionSummary, VersionView},
};
use wharf_db::{usage::BlobUse, versions::Child};

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, DigestOf, Package, Query, ReferenceOf, parse},
        page::{Page, limit, one_more},
    },
};

/// A version in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionItem {
    id: i64,
    digest: String,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    /// The first hundred
    tags: Vec<String>,
    /// os/architecture[/variant]
    platforms: Vec<String>,
    /// Bytes of its blobs, each once; of an index, those of its images
    size: i64,
    /// Bytes of the manifest itself
    manifest_size: i64,
    /// Absent: the operator
    #[serde(skip_serializing_if = "Option::is_none")]
    pushed_by: Option<String>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<String>,
}

impl From<VersionSummary> for VersionItem {
    fn from(summary: VersionSummary) -> Self {
        let version = summary.version;
        Self {
            id: version.id,
            digest: version.digest,
            media_type: version.media_type,
            artifact_type: version.artifact_type,
            tags: summary.tags,
            platforms: summary.platforms,
            size: version.content_size,
            manifest_size: version.size,
            pushed_by: version.pushed_by,
            created_at: rfc3339(version.created_at),
            deleted_at: version.deleted_at.map(rfc3339),
        }
    }
}

/// A version, with what belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionBody {
    #[serde(flatten)]
    item: VersionItem,
    /// What an index lists; the first thousand
    children: Vec<ChildBody>,
    /// What names it as its subject: signatures, SBOMs; the first hundred
    referrers: Vec<ReferrerBody>,
    /// The index that lists it
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// Config and layers of an image; the first thousand
    blobs: Vec<BlobBody>,
    /// Bytes of blobs that nothing else in the package needs; of an index,
    /// that nothing but its images does. For those who may delete
    #[serde(skip_serializing_if = "Option::is_none")]
    own_size: Option<i64>,
    annotations: BTreeMap<String, String>,
    /// Of the image's config
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ChildBody {
    digest: String,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BlobBody {
    digest: String,
    media_type: String,
    /// config or layer
    role: String,
    /// Bytes
    size: i64,
    /// Another version of the package needs it too
    is_shared: bool,
    /// It need not be here
    is_foreign: bool,
}

impl From<BlobUse> for BlobBody {
    fn from(blob: BlobUse) -> Self {
        Self {
            digest: blob.digest,
            media_type: blob.media_type,
            role: blob.role,
            size: blob.size,
            is_shared: blob.is_shared,
            is_foreign: blob.is_foreign,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReferrerBody {
    digest: String,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
}

impl From<VersionView> for VersionBody {
    fn from(view: VersionView) -> Self {
        let child = |child: Child| ChildBody {
            digest: child.digest,
            media_type: child.media_type,
            platform: child.platform,
        };
        let referrer = |(digest, media_type, artifact_type)| ReferrerBody {
            digest,
            media_type,
            artifact_type,
        };
        Self {
            item: view.summary.into(),
            children: view.children.into_iter().map(child).collect(),
            referrers: view.referrers.into_iter().map(referrer).collect(),
            parent: view.parent,
            blobs: view.blobs.into_iter().map(BlobBody::from).collect(),
            own_size: view.own_bytes,
            annotations: view.annotations,
            labels: view.labels,
        }
    }
}

/// Which versions.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VersionState {
    #[default]
    All,
    Untagged,
    Deleted,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// all, untagged or deleted
    #[serde(default)]
    #[param(value_type = Option<String>)]
    state: VersionState,
    /// `next` of the page before
    after: Option<String>,
    /// Items on a page: 1 to 100, 30 unless said
    limit: Option<u32>,
}

pub type VersionPage = Page<VersionItem>;

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Query(listing): Query<Listing>,
) -> Result<Json<VersionPage>, Failure> {
    let filter = match listing.state {
        VersionState::All => VersionFilter::All,
        VersionState::Untagged => VersionFilter::Untagged,
        VersionState::Deleted => VersionFilter::Deleted,
    };
    let before = match &listing.after {
        Some(text) => parse("after", text)?,
        None => i64::MAX,
    };
    let limit = limit(listing.limit);
    let rows = site
        .app
        .versions(&by, &name, filter, before, one_more(limit))
        .await?;
    let page = Page::of(
        rows,
        limit,
        |row| row.version.id.to_string(),
        VersionItem::from,
    );
    Ok(Json(page))
}

pub async fn show(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    ReferenceOf(reference): ReferenceOf,
) -> Result<Json<VersionBody>, Failure> {
    Ok(Json(site.app.version(&by, &name, &reference).await?.into()))
}

/// What a deletion took.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deleted {
    digests: Vec<String>,
    /// There is more to delete
    more: bool,
}

impl From<DeletedVersions> for Deleted {
    fn from(deleted: DeletedVersions) -> Self {
        Self {
            digests: deleted.digests,
            more: deleted.more,
        }
    }
}

pub async fn delete(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    ReferenceOf(reference): ReferenceOf,
) -> Result<Json<Deleted>, Failure> {
    let deleted = site.app.delete_version(&by, &name, &reference).await?;
    Ok(Json(deleted.into()))
}

pub async fn restore(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    DigestOf(digest): DigestOf,
) -> Result<StatusCode, Failure> {
    site.app.restore_version(&by, &name, &digest).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prune {
    /// At most so many, 1 to 100; 100 unless said
    limit: Option<u32>,
}

pub async fn prune(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Body(prune): Body<Prune>,
) -> Result<Json<Deleted>, Failure> {
    let limit = limit(prune.limit.or(Some(100)));
    let deleted = site.app.delete_untagged(&by, &name, limit).await?;
    Ok(Json(deleted.into()))
}
