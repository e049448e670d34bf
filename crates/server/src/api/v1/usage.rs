//! `/owners/{owner}/usage`, `…/quota`, `/packages/{owner}/{name}/usage`

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use wharf_app::{
    accounts::{LimitEdit, OwnerStorage, QuotaChange},
    packages::PackageStorage,
};
use wharf_db::usage::Sum;

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, OwnerOf, Package, Query},
        page::{Page, Paging, one_more},
    },
};

/// How many, and of how many bytes together.
#[derive(Debug, Serialize, ToSchema)]
pub struct SumBody {
    count: i64,
    bytes: i64,
}

impl From<Sum> for SumBody {
    fn from(sum: Sum) -> Self {
        Self {
            count: sum.count,
            bytes: sum.bytes,
        }
    }
}

/// What an owner stores. Deleted versions and packages count until they are
/// gone for good.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnerUsageBody {
    /// Of all below together
    bytes: i64,
    /// Each once, in however many packages it is
    blobs: SumBody,
    manifests: SumBody,
    /// Under way, with the room reserved for them
    uploads: SumBody,
    packages: i64,
    tags: i64,
    quota: QuotaBody,
}

/// The most that an owner may have; absent: not limited.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<i64>,
}

impl From<OwnerStorage> for OwnerUsageBody {
    fn from(OwnerStorage { usage, limits }: OwnerStorage) -> Self {
        Self {
            bytes: usage.blobs.bytes + usage.manifests.bytes + usage.uploads.bytes,
            blobs: usage.blobs.into(),
            manifests: usage.manifests.into(),
            uploads: usage.uploads.into(),
            packages: usage.packages,
            tags: usage.tags,
            quota: QuotaBody {
                bytes: limits.bytes,
                packages: limits.packages,
                tags: limits.tags,
            },
        }
    }
}

pub async fn of_owner(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
) -> Result<Json<OwnerUsageBody>, Failure> {
    let stored = site.app.owner_storage(&by, owner.as_str()).await?;
    Ok(Json(stored.into()))
}

/// What a package stores.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackageUsageBody {
    /// Of all below together
    bytes: i64,
    /// Each once
    blobs: SumBody,
    manifests: SumBody,
    /// Under way, with the room reserved for them
    uploads: SumBody,
    tags: i64,
    /// What the owner would store less without the package: other packages
    /// of the same owner do not have it
    own_bytes: i64,
    /// Kept for deleted versions alone
    deleted_bytes: i64,
}

impl From<PackageStorage> for PackageUsageBody {
    fn from(storage: PackageStorage) -> Self {
        let usage = storage.usage;
        let beside_blobs = usage.manifests.bytes + usage.uploads.bytes;
        Self {
            bytes: usage.blobs.bytes + beside_blobs,
            blobs: usage.blobs.into(),
            manifests: usage.manifests.into(),
            uploads: usage.uploads.into(),
            tags: usage.tags,
            own_bytes: storage.own_blob_bytes + beside_blobs,
            deleted_bytes: storage.deleted_manifests.bytes + storage.deleted_blobs.bytes,
        }
    }
}

/// A package of an owner, and what it stores.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageByPackage {
    name: String,
    #[serde(flatten)]
    usage: PackageUsageBody,
}

pub async fn by_package(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<UsageByPackage>>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let rows = site
        .app
        .storage_by_package(&by, owner.as_str(), after, one_more(limit));
    let item = |(name, storage): (String, PackageStorage)| UsageByPackage {
        name,
        usage: storage.into(),
    };
    let page = Page::of(rows.await?, limit, |(name, _)| name.clone(), item);
    Ok(Json(page))
}

pub async fn of_package(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<Json<PackageUsageBody>, Failure> {
    let stored = site.app.package_storage(&by, &name).await?;
    Ok(Json(stored.into()))
}

/// What to change. Absent limits stay; `null` lifts one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaEdit {
    /// Of blobs, each once, of manifests, and of uploads under way
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    bytes: Limit,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    packages: Limit,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    tags: Limit,
}

/// A number, `null`, or absent.
#[derive(Debug, Default)]
pub struct Limit(LimitEdit);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let most = Option::deserialize(deserializer)?;
        Ok(Self(most.map_or(LimitEdit::Lift, LimitEdit::To)))
    }
}

pub async fn set_quota(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Body(edit): Body<QuotaEdit>,
) -> Result<StatusCode, Failure> {
    let change = QuotaChange {
        bytes: edit.bytes.0,
        packages: edit.packages.0,
        tags: edit.tags.0,
    };
    site.app.set_quota(&by, owner.as_str(), change).await?;
    Ok(StatusCode::NO_CONTENT)
}
