//! `DELETE /packages/{owner}/{name}`, `POST …/restore`

use axum::extract::State;
use http::StatusCode;

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
