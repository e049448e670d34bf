//! `/badges/{owner}/{name}/{kind}`: small pictures for READMEs, of public
//! packages alone, whoever asks.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use wharf_app::{Error, authn::Presented, authz::By};
use wharf_oci::Name;

use super::badge::{Color, bytes, count, svg};
use crate::Site;

/// How long a badge may be kept.
const KEPT: &str = "public, max-age=300";

/// `version.svg`, `downloads.svg`, `size.svg`, `license.svg`
pub async fn show(
    State(site): State<Site>,
    Path((owner, name, kind)): Path<(String, String, String)>,
) -> Response {
    let picture = match format!("{owner}/{name}").parse() {
        Ok(name) => picture(&site, &name, &kind).await.ok(),
        Err(_) => None,
    };
    // A package that is not public and one that is not there look the same.
    let picture = picture.unwrap_or_else(|| svg("package", "not found", Color::Grey));
    let mut response = picture.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "image/svg+xml; charset=utf-8"),
        (header::CACHE_CONTROL, KEPT),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The picture, as far as anybody may see it.
async fn picture(site: &Site, name: &Name, kind: &str) -> Result<String, Error> {
    let app = &site.app;
    let anybody = By::Caller(app.authenticate(&Presented::Nothing, None).await?);
    let view = app.package(&anybody, name).await?;
    Ok(match kind {
        "version.svg" => match &view.latest {
            Some(tag) => svg("version", tag, Color::Blue),
            None => svg("version", "none", Color::Grey),
        },
        "downloads.svg" => {
            let series = app.downloads(&anybody, name, None, 1).await?;
            let total = u64::try_from(series.total).unwrap_or_default();
            svg("downloads", &count(total), Color::Green)
        }
        "size.svg" => match view.latest.and_then(|tag| tag.parse().ok()) {
            Some(latest) => {
                let version = app.version(&anybody, name, &latest).await?;
                let of_blobs =
                    u64::try_from(version.summary.version.content_size).unwrap_or_default();
                svg("image size", &bytes(of_blobs), Color::Blue)
            }
            None => svg("image size", "none", Color::Grey),
        },
        "license.svg" => match view.summary.about.licenses {
            Some(licenses) => svg("license", &licenses, Color::Blue),
            None => svg("license", "unknown", Color::Grey),
        },
        _ => svg("badge", "unknown", Color::Grey),
    })
}
