//! `/v2/NAME/blobs/uploads/…` (end-4, end-5, end-6, end-11, end-13, end-14).

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use wharf_app::{
    Error,
    push::{Mounted, Progress, Receiving, StoredBlob},
};
use wharf_oci::{Algorithm, Digest, ErrorCode, Name, path::UploadId, range};

use super::Call;
use crate::{
    Site,
    edge::BodyError,
    error::ApiError,
    reply::{self, DOCKER_UPLOAD_UUID},
};

/// A long stream is recorded this often, in bytes: what a crash can cost its client.
const RECORD_EVERY: u64 = 256 * 1024 * 1024;

/// end-4a begins, end-4b brings the whole blob, end-4c names the algorithm,
/// end-11 mounts.
pub async fn begin(call: &Call, body: Body, name: &Name) -> Result<Response, ApiError> {
    let app = &call.site.app;
    if let Some(digest) = digest_parameter(call, "mount")? {
        let from = match call.query("from").filter(|from| !from.is_empty()) {
            Some(text) => Some(source(&text)?),
            None => None,
        };
        let mounted = app
            .mount(&call.caller, name, &digest, from.as_ref())
            .await?;
        if mounted == Mounted::Yes {
            return Ok(reply::blob_created(name, &digest));
        }
    }
    let digest = digest_parameter(call, "digest")?;
    let algorithm = algorithm(call, digest.as_ref())?;
    let progress = app.begin_upload(&call.caller, name, algorithm).await?;
    let Some(digest) = digest else {
        return Ok(standing(StatusCode::ACCEPTED, name, &progress));
    };
    let expected = content_length(call);
    let receiving = app.receive(&call.caller, name, &progress.id, None, expected);
    let receiving = receiving.await?;
    let end = |receiving, poured| end_whole(receiving, poured, digest);
    let stored = receive(&call.site, receiving, body, expected, end).await?;
    Ok(reply::blob_created(name, &stored.digest))
}

/// end-13.
pub async fn status(call: &Call, name: &Name, id: &UploadId) -> Result<Response, ApiError> {
    let progress = call
        .site
        .app
        .upload_progress(&call.caller, name, id)
        .await?;
    Ok(standing(StatusCode::NO_CONTENT, name, &progress))
}

/// end-5: a chunk with its range, or a stream without.
pub async fn append(
    call: &Call,
    body: Body,
    name: &Name,
    id: &UploadId,
) -> Result<Response, ApiError> {
    let chunk = chunk(call)?;
    let expected = chunk_length(chunk.as_ref(), call)?;
    let start = chunk.map(|range| range.start);
    let app = &call.site.app;
    let receiving = app.receive(&call.caller, name, id, start, expected).await?;
    let progress = receive(&call.site, receiving, body, expected, pause).await?;
    Ok(standing(StatusCode::ACCEPTED, name, &progress))
}

/// end-6: the last chunk, the whole blob, or nothing more.
pub async fn finish(
    call: &Call,
    body: Body,
    name: &Name,
    id: &UploadId,
) -> Result<Response, ApiError> {
    let digest = digest_parameter(call, "digest")?.ok_or_else(|| {
        let reason = "a finished upload must name the digest of the blob: ?digest=sha256:…";
        ApiError::parameter("digest", "", ErrorCode::DigestInvalid, reason)
    })?;
    let chunk = chunk(call)?;
    let expected = chunk_length(chunk.as_ref(), call)?;
    let start = chunk.map(|range| range.start);
    let app = &call.site.app;
    let receiving = app.receive(&call.caller, name, id, start, expected).await?;
    let end = |receiving, poured| end_with(receiving, poured, digest);
    let stored = receive(&call.site, receiving, body, expected, end).await?;
    Ok(reply::blob_created(name, &stored.digest))
}

/// end-14.
pub async fn cancel(call: &Call, name: &Name, id: &UploadId) -> Result<Response, ApiError> {
    call.site.app.cancel_upload(&call.caller, name, id).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT, []))
}

/// Where an upload stands. `Range` is inclusive, so nothing at all is `0-0` too.
fn standing(status: StatusCode, name: &Name, progress: &Progress) -> Response {
    let location = format!("/v2/{name}/blobs/uploads/{}", progress.id);
    let last = progress.received.saturating_sub(1);
    reply::empty(
        status,
        [
            (header::LOCATION, reply::value(location)),
            (header::RANGE, reply::value(format!("0-{last}"))),
            (DOCKER_UPLOAD_UUID, reply::value(progress.id.as_str())),
            (header::CONTENT_LENGTH, HeaderValue::from_static("0")),
        ],
    )
}

/// What a body's end means for its upload.
type Poured = Result<(), ApiError>;

/// Takes a body in and goes on with `end`, on a task of its own: it runs to
/// its end even if the client goes away.
async fn receive<T, F>(
    site: &Site,
    mut receiving: Receiving,
    body: Body,
    expected: Option<u64>,
    end: impl FnOnce(Receiving, Poured) -> F + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, ApiError>> + Send,
{
    let metrics = site.clone();
    let task = site.receiving.spawn(async move {
        let poured = pour(&metrics, &mut receiving, body, expected).await;
        end(receiving, poured).await
    });
    let died = |e| Error::Internal(format!("an upload's task died: {e}")).into();
    task.await.unwrap_or_else(|e| Err(died(e)))
}

async fn pause(receiving: Receiving, poured: Poured) -> Result<Progress, ApiError> {
    match poured {
        Ok(()) => Ok(receiving.pause().await?),
        Err(error) => Err(keep(receiving, error).await?),
    }
}

async fn end_with(
    receiving: Receiving,
    poured: Poured,
    digest: Digest,
) -> Result<StoredBlob, ApiError> {
    match poured {
        Ok(()) => Ok(receiving.finish(&digest).await?),
        Err(error) => Err(keep(receiving, error).await?),
    }
}

/// A blob in one request: nobody knows the upload's id, so nothing of a failed one is kept.
async fn end_whole(
    receiving: Receiving,
    poured: Poured,
    digest: Digest,
) -> Result<StoredBlob, ApiError> {
    match poured {
        Ok(()) => Ok(receiving.finish(&digest).await?),
        Err(error) => {
            receiving.abandon().await?;
            Err(error)
        }
    }
}

/// Keeps what came before the body failed, so that its client can continue
/// there; nothing of what has no room.
async fn keep(receiving: Receiving, error: ApiError) -> Result<ApiError, Error> {
    if matches!(error, ApiError::App(Error::QuotaExceeded(_))) {
        receiving.abandon().await?;
        return Ok(error);
    }
    if matches!(
        error,
        ApiError::Body(_) | ApiError::App(Error::ChunkLength { .. })
    ) {
        receiving.pause().await?;
    }
    Ok(error)
}

async fn pour(
    site: &Site,
    receiving: &mut Receiving,
    mut body: Body,
    expected: Option<u64>,
) -> Result<(), ApiError> {
    let begin = receiving.offset();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| BodyError::from_source(&e))?;
        if let Ok(bytes) = frame.into_data() {
            take(site, receiving, bytes, begin, expected).await?;
        }
    }
    let got = receiving.offset() - begin;
    match expected {
        Some(expected) if got != expected => Err(Error::ChunkLength { expected, got }.into()),
        _ => Ok(()),
    }
}

async fn take(
    site: &Site,
    receiving: &mut Receiving,
    bytes: Bytes,
    begin: u64,
    expected: Option<u64>,
) -> Result<(), Error> {
    let got = receiving.offset() - begin + bytes.len() as u64;
    if let Some(expected) = expected.filter(|expected| got > *expected) {
        return Err(Error::ChunkLength { expected, got });
    }
    site.metrics.received_bytes.inc_by(bytes.len() as u64);
    receiving.write(bytes).await?;
    if receiving.unrecorded() >= RECORD_EVERY {
        receiving.checkpoint().await?;
    }
    Ok(())
}

fn chunk(call: &Call) -> Result<Option<std::ops::Range<u64>>, ApiError> {
    let Some(value) = call.parts.headers.get(header::CONTENT_RANGE) else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_| ApiError::Header("Content-Range"))?;
    let parsed = range::parse_chunk(text).ok_or_else(|| {
        let reason = "expected FIRST-LAST, both inclusive, for example 0-1048575";
        ApiError::parameter("Content-Range", text, ErrorCode::BlobUploadInvalid, reason)
    })?;
    Ok(Some(parsed))
}

/// The length a chunk must have: its range and its `Content-Length` must agree.
fn chunk_length(
    chunk: Option<&std::ops::Range<u64>>,
    call: &Call,
) -> Result<Option<u64>, ApiError> {
    let (by_range, by_header) = (chunk.map(|r| r.end - r.start), content_length(call));
    match (by_range, by_header) {
        (Some(expected), Some(got)) if expected != got => {
            Err(Error::ChunkLength { expected, got }.into())
        }
        (Some(n), _) | (None, Some(n)) => Ok(Some(n)),
        (None, None) => Ok(None),
    }
}

fn content_length(call: &Call) -> Option<u64> {
    call.header(header::CONTENT_LENGTH)?.parse().ok()
}

fn digest_parameter(call: &Call, name: &'static str) -> Result<Option<Digest>, ApiError> {
    let Some(text) = call.query(name) else {
        return Ok(None);
    };
    let invalid = |e| ApiError::parameter(name, &text, ErrorCode::DigestInvalid, e);
    Ok(Some(text.parse().map_err(invalid)?))
}

fn source(text: &str) -> Result<Name, ApiError> {
    text.parse()
        .map_err(|e| ApiError::parameter("from", text, ErrorCode::NameInvalid, e))
}

fn algorithm(call: &Call, digest: Option<&Digest>) -> Result<Algorithm, ApiError> {
    if let Some(digest) = digest {
        return Ok(digest.algorithm());
    }
    let Some(text) = call.query("digest-algorithm") else {
        return Ok(Algorithm::Sha256);
    };
    text.parse()
        .map_err(|e| ApiError::parameter("digest-algorithm", &text, ErrorCode::DigestInvalid, e))
}
