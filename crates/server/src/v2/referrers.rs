//! `GET /v2/NAME/referrers/DIGEST` (end-12a, end-12b).

use axum::response::Response;
use http::HeaderValue;
use serde_json::{Value, json};
use wharf_oci::{Digest, Name, media_type::OCI_INDEX};

use super::{Call, page};
use crate::{
    error::ApiError,
    reply::{self, OCI_FILTERS_APPLIED},
};

/// Most bytes of one reply: pages are cut here, as clients limit manifests to 4 MiB.
const MAX_BYTES: usize = 4 * 1024 * 1024 - 4096;

pub async fn list(call: &Call, name: &Name, subject: &Digest) -> Result<Response, ApiError> {
    let page = page::request(call)?;
    let artifact_type = call.query("artifactType").filter(|t| !t.is_empty());
    let (app, filter) = (&call.site.app, artifact_type.as_deref());
    let found = app
        .referrers(&call.caller, name, subject, filter, &page.last, page.n)
        .await?;
    let (mut manifests, mut bytes, mut more) = (Vec::new(), 0, found.more);
    let mut last = String::new();
    for referrer in found.referrers {
        let descriptor = descriptor(&referrer);
        bytes += descriptor.to_string().len();
        if bytes > MAX_BYTES && !manifests.is_empty() {
            more = true;
            break;
        }
        last = referrer.digest;
        manifests.push(descriptor);
    }
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    let mut response = reply::json(&index, OCI_INDEX);
    let headers = response.headers_mut();
    if filter.is_some() {
        headers.insert(
            OCI_FILTERS_APPLIED,
            HeaderValue::from_static("artifactType"),
        );
    }
    if more {
        let n = page.n.to_string();
        let mut query = vec![("n", n.as_str()), ("last", last.as_str())];
        query.extend(filter.map(|t| ("artifactType", t)));
        let path = format!("/v2/{name}/referrers/{subject}");
        let (header, link) = reply::next_page(&path, &query);
        headers.insert(header, link);
    }
    Ok(response)
}

fn descriptor(referrer: &wharf_db::referrers::Referrer) -> Value {
    let mut descriptor = json!({
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    });
    if let Some(artifact_type) = &referrer.artifact_type {
        descriptor["artifactType"] = artifact_type.as_str().into();
    }
    let annotations: Value = serde_json::from_str(&referrer.annotations).unwrap_or_default();
    if annotations.as_object().is_some_and(|a| !a.is_empty()) {
        descriptor["annotations"] = annotations;
    }
    descriptor
}
