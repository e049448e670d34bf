//! Bodies that are read whole.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::{edge::BodyError, error::ApiError};

/// Reads a body of at most `limit` bytes into one piece: kept as it arrives,
/// each byte of a client that sends single ones would hold a whole buffer.
pub async fn read(mut body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| BodyError::from_source(&e))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        if whole.len() + bytes.len() > limit {
            return Err(ApiError::BodyTooLarge { limit });
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(whole.freeze())
}
