//! `/v2/NAME/manifests/REFERENCE` (end-2, end-7, end-7b, end-9).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, header};
use wharf_app::pull::Wanted;
use wharf_oci::{
    Digest, ErrorCode, Name, Reference, Tag,
    manifest::{MAX_SIZE, ManifestError},
};

use super::Call;
use crate::{
    body,
    error::ApiError,
    extract::query_values,
    reply::{self, DOCKER_CONTENT_DIGEST, OCI_SUBJECT, OCI_TAG},
};

/// end-2: the manifest as it was pushed, whatever the client accepts:
/// another form of it would have another digest.
pub async fn get(call: &Call, name: &Name, reference: &Reference) -> Result<Response, ApiError> {
    let known = call.header(header::IF_NONE_MATCH);
    let wanted = match call.parts.method {
        Method::HEAD => Wanted::Head,
        // Whoever has it asks whether it is still that.
        _ if known.is_some() => Wanted::Head,
        _ => Wanted::Bytes,
    };
    let app = &call.site.app;
    let manifest = app.manifest(&call.caller, name, reference, wanted).await?;
    let etag = format!("\"{}\"", manifest.digest);
    let headers = [
        (header::CONTENT_TYPE, reply::value(&manifest.media_type)),
        (header::ETAG, reply::value(&etag)),
        (
            DOCKER_CONTENT_DIGEST,
            reply::value(manifest.digest.as_str()),
        ),
        (header::CONTENT_LENGTH, manifest.bytes.len().into()),
    ];
    if known == Some(etag.as_str()) {
        let [_, etag, digest, _] = headers;
        return Ok(reply::empty(StatusCode::NOT_MODIFIED, [etag, digest]));
    }
    let body = match call.parts.method {
        Method::HEAD => Body::empty(),
        _ => Body::from(manifest.bytes.clone()),
    };
    Ok((StatusCode::OK, axum::response::AppendHeaders(headers), body).into_response())
}

/// end-7a, end-7b: by tag, or by digest with any number of `tag` parameters.
pub async fn put(
    call: &Call,
    body: Body,
    name: &Name,
    reference: Reference,
) -> Result<Response, ApiError> {
    let (digest, tags) = match reference {
        Reference::Digest(digest) => (Some(digest), extra_tags(call)?),
        Reference::Tag(tag) => (digest_parameter(call)?, vec![tag]),
    };
    let media_type = call.header(header::CONTENT_TYPE);
    let by_parameter = digest.is_some() && call.query("tag").is_some();
    let (app, digest) = (&call.site.app, digest.as_ref());
    app.may_push_to(&call.caller, name).await?;
    let bytes = read_manifest(call, body).await?;
    let pushed = app
        .push_manifest(&call.caller, name, digest, tags, media_type, bytes)
        .await?;
    let mut response = reply::empty(
        StatusCode::CREATED,
        [
            (
                header::LOCATION,
                reply::value(format!("/v2/{name}/manifests/{}", pushed.digest)),
            ),
            (DOCKER_CONTENT_DIGEST, reply::value(pushed.digest.as_str())),
        ],
    );
    let headers = response.headers_mut();
    if let Some(subject) = pushed.subject {
        headers.insert(OCI_SUBJECT, reply::value(subject.as_str()));
    }
    if by_parameter {
        // One line: many clients accept no more than a hundred.
        let tags: Vec<&str> = pushed.tags.iter().map(Tag::as_str).collect();
        headers.insert(OCI_TAG, reply::value(tags.join(", ")));
    }
    Ok(response)
}

/// end-9: a tag, or a manifest with all its tags.
pub async fn delete(call: &Call, name: &Name, reference: &Reference) -> Result<Response, ApiError> {
    call.site
        .app
        .delete_manifest(&call.caller, name, reference)
        .await?;
    Ok(reply::empty(StatusCode::ACCEPTED, []))
}

fn extra_tags(call: &Call) -> Result<Vec<Tag>, ApiError> {
    let mut tags = Vec::new();
    for text in query_values(call.parts.uri.query(), "tag") {
        let tag: Tag = text
            .parse()
            .map_err(|e| ApiError::parameter("tag", &text, ErrorCode::TagInvalid, e))?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

/// A push by tag may name the digest it expects.
fn digest_parameter(call: &Call) -> Result<Option<Digest>, ApiError> {
    let Some(text) = call.query("digest") else {
        return Ok(None);
    };
    let digest = text.parse();
    let invalid = |e| ApiError::parameter("digest", &text, ErrorCode::DigestInvalid, e);
    Ok(Some(digest.map_err(invalid)?))
}

async fn read_manifest(call: &Call, body: Body) -> Result<bytes::Bytes, ApiError> {
    if let Some(encoding) = call
        .header(header::CONTENT_ENCODING)
        .filter(|e| *e != "identity")
    {
        return Err(ApiError::Compressed(encoding.to_owned()));
    }
    let declared = call
        .header(header::CONTENT_LENGTH)
        .and_then(|n| n.parse::<u64>().ok());
    let too_large = |n: usize| wharf_app::Error::from(ManifestError::TooLarge(n));
    if let Some(n) = declared.filter(|n| *n > MAX_SIZE as u64) {
        return Err(too_large(usize::try_from(n).unwrap_or(usize::MAX)).into());
    }
    match body::read(body, MAX_SIZE).await {
        Err(ApiError::BodyTooLarge { .. }) => Err(too_large(MAX_SIZE + 1).into()),
        result => result,
    }
}
