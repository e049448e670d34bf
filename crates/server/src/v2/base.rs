//! `GET /v2/`: is this a registry, and is my credential good?

use axum::response::Response;
use wharf_app::{Error, authn::Rejected};

use super::Call;
use crate::{error::ApiError, reply};

/// end-1. Signed in: 200. Otherwise 401 with the challenge, which is how
/// clients learn where `/token` is.
pub fn check(call: &Call) -> Result<Response, ApiError> {
    if call.caller.login().is_some() {
        return Ok(reply::json(&serde_json::json!({}), "application/json"));
    }
    let rejected = call.caller.rejected.clone();
    Err(Error::Rejected(rejected.unwrap_or(Rejected::Missing)).into())
}
