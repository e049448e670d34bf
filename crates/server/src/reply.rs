//! Replies of the protocol, as types: which headers go with what is said once, here.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use wharf_oci::{Digest, Name};

pub const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
pub const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
pub const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// A header value from text that was validated to hold no control characters.
pub fn value(text: impl AsRef<str>) -> HeaderValue {
    HeaderValue::from_str(text.as_ref()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A reply without a body.
pub fn empty<const N: usize>(
    status: StatusCode,
    headers: [(HeaderName, HeaderValue); N],
) -> Response {
    let mut response = (status, Body::empty()).into_response();
    response.headers_mut().extend(headers);
    response
}

/// JSON with a media type.
pub fn json(body: &impl Serialize, media_type: &'static str) -> Response {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    ([content_type], Body::from(bytes)).into_response()
}

/// `201 Created` for a blob: where it is, and what it is.
pub fn blob_created(name: &Name, digest: &Digest) -> Response {
    empty(
        StatusCode::CREATED,
        [
            (
                header::LOCATION,
                value(format!("/v2/{name}/blobs/{digest}")),
            ),
            (DOCKER_CONTENT_DIGEST, value(digest.as_str())),
        ],
    )
}

/// The `Link` to a list's next page (RFC 8288).
pub fn next_page(path: &str, query: &[(&str, &str)]) -> (HeaderName, HeaderValue) {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let pairs: Vec<String> = query
        .iter()
        .map(|(key, text)| format!("{key}={}", utf8_percent_encode(text, NON_ALPHANUMERIC)))
        .collect();
    let link = format!(r#"<{path}?{}>; rel="next""#, pairs.join("&"));
    (header::LINK, value(link))
}
