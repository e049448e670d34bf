//! `/v2/NAME/blobs/DIGEST` (end-2, end-10).

use std::ops::Range;

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, Version, header};
use wharf_app::pull::OpenBlob;
use wharf_oci::{
    Digest, Name,
    range::{self, Selection},
};

use super::Call;
use crate::{
    edge::{FileBody, Peer, Way},
    error::ApiError,
    reply::{self, DOCKER_CONTENT_DIGEST},
};

const OCTET_STREAM: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// end-2, with one `Range`.
pub async fn get(call: &Call, name: &Name, digest: &Digest) -> Result<Response, ApiError> {
    let blob = call.site.app.open_blob(&call.caller, name, digest).await?;
    let size = blob.size();
    let selection = match call
        .header(header::RANGE)
        .filter(|_| range_applies(call, digest))
    {
        Some(header) => range::select(header, size),
        None => Selection::Whole,
    };
    let (status, bytes) = match selection {
        Selection::Whole => (StatusCode::OK, 0..size),
        Selection::Part(bytes) => (StatusCode::PARTIAL_CONTENT, bytes),
        Selection::Unsatisfiable => {
            let none = reply::value(format!("bytes */{size}"));
            let headers = [(header::CONTENT_RANGE, none)];
            return Ok(reply::empty(StatusCode::RANGE_NOT_SATISFIABLE, headers));
        }
    };
    let content_range = format!(
        "bytes {}-{}/{size}",
        bytes.start,
        bytes.end.saturating_sub(1)
    );
    let len = bytes.end - bytes.start;
    let mut response = described(digest, len, body(call, blob, bytes));
    *response.status_mut() = status;
    if status == StatusCode::PARTIAL_CONTENT {
        response
            .headers_mut()
            .insert(header::CONTENT_RANGE, reply::value(content_range));
    }
    Ok(response)
}

/// end-2, for its headers.
pub async fn head(call: &Call, name: &Name, digest: &Digest) -> Result<Response, ApiError> {
    let size = call.site.app.stat_blob(&call.caller, name, digest).await?;
    Ok(described(digest, size, Body::empty()))
}

/// end-10.
pub async fn delete(call: &Call, name: &Name, digest: &Digest) -> Result<Response, ApiError> {
    call.site
        .app
        .delete_blob(&call.caller, name, digest)
        .await?;
    let digest = (DOCKER_CONTENT_DIGEST, reply::value(digest.as_str()));
    Ok(reply::empty(StatusCode::ACCEPTED, [digest]))
}

fn way(call: &Call) -> Way {
    match (call.parts.version, call.peer()) {
        (Version::HTTP_2, Some(peer)) => Way::Stream(peer.stalls.watch()),
        (
            Version::HTTP_10 | Version::HTTP_11,
            Some(Peer {
                lane: Some(lane), ..
            }),
        ) => Way::Kernel(lane.clone()),
        _ => Way::Read,
    }
}

fn body(call: &Call, blob: OpenBlob, bytes: Range<u64>) -> Body {
    match blob {
        OpenBlob::File(blob) => Body::new(FileBody::new(blob.file, bytes, way(call))),
        OpenBlob::Memory(all) => {
            // In memory, so it fits into memory.
            let at = |n| usize::try_from(n).unwrap_or(usize::MAX);
            Body::from(all.slice(at(bytes.start)..at(bytes.end)))
        }
    }
}

/// `If-Range` with another validator asks for the whole (RFC 9110 §13.1.5).
fn range_applies(call: &Call, digest: &Digest) -> bool {
    let validator = call.header(header::IF_RANGE);
    validator.is_none_or(|v| v.trim_matches('"') == digest.as_str())
}

fn described(digest: &Digest, len: u64, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, OCTET_STREAM);
    headers.insert(header::CONTENT_LENGTH, len.into());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, reply::value(format!("\"{digest}\"")));
    headers.insert(DOCKER_CONTENT_DIGEST, reply::value(digest.as_str()));
    response
}
