//! `DELETE /packages/{owner}/{name}`, `POST …/restore`, and removal for good

use axum::{Json, extract::State};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::Package,
    },
};

pub async fn delete(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<StatusCode, Failure> {
    site.app.delete_package(&by, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn restore(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<StatusCode, Failure> {
    site.app.restore_package(&by, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a deleted package for good.
pub async fn purge(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<StatusCode, Failure> {
    site.app.purge_package(&by, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was removed for good.
#[derive(Debug, Serialize, ToSchema)]
pub struct PurgedBody {
    versions: u64,
    /// There are others left
    more: bool,
}

pub async fn purge_versions(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<Json<PurgedBody>, Failure> {
    let purged = site.app.purge_versions(&by, &name).await?;
    Ok(Json(PurgedBody {
        versions: purged.versions,
        more: purged.more,
    }))
}
