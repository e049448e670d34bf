//! `/badges/{owner}/{name}/{kind}`: small pictures for READMEs, of public
//! packages alone, whoever asks.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use wharf_app::{authn::Presented, authz::By, packages::PackageView};
use wharf_oci::Name;

use super::badge::{Color, svg};
use crate::Site;

/// Seconds that a badge may be kept.
const KEPT: &str = "public, max-age=300";

/// `version.svg`
pub async fn show(
    State(site): State<Site>,
    Path((owner, name, kind)): Path<(String, String, String)>,
) -> Response {
    let picture = match (kind.as_str(), public(&site, &owner, &name).await) {
        ("version.svg", Some(view)) => match &view.latest {
            Some(tag) => svg("version", tag, Color::Blue),
            None => svg("version", "none", Color::Grey),
        },
        ("license.svg", Some(view)) => {
            let license = view.summary.about.licenses.as_deref();
            svg("license", license.unwrap_or("unknown"), Color::Blue)
        }
        _ => svg("package", "not found", Color::Grey),
    };
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

/// What anybody may see.
async fn public(site: &Site, owner: &str, name: &str) -> Option<PackageView> {
    let name: Name = format!("{owner}/{name}").parse().ok()?;
    let anybody = site
        .app
        .authenticate(&Presented::Nothing, None)
        .await
        .ok()?;
    site.app.package(&By::Caller(anybody), &name).await.ok()
}
