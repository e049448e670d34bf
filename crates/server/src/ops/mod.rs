//! Operations: is it alive, is it ready, how is it doing.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use tokio::time::timeout;
use wharf_oci::{ErrorCode, ErrorEnvelope};

use crate::{Site, middleware::Outcome};

/// How long an answer of `/readyz` is good for.
const FRESH: Duration = Duration::from_secs(1);
/// How long the back ends may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last check of the back ends.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Instant, Result<(), String>)>>);

impl Readiness {
    fn last(&self) -> Option<Result<(), String>> {
        let last = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let fresh = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH);
        fresh.map(|(_, result)| result.clone())
    }

    fn remember(&self, result: Result<(), String>) {
        let mut last = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *last = Some((Instant::now(), result));
    }
}

/// The process runs.
pub async fn livez() -> Response {
    text(StatusCode::OK, "alive\n".to_owned())
}

/// The database and the store answer and take writes.
pub async fn readyz(State(site): State<Site>) -> Response {
    let result = if let Some(result) = site.readiness.last() {
        result
    } else {
        let checked = timeout(PATIENCE, site.app.check_ready()).await;
        let result = match checked {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the back ends do not answer".to_owned()),
        };
        site.readiness.remember(result.clone());
        result
    };
    match result {
        Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => {
            tracing::warn!(reason, "not ready");
            text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned())
        }
    }
}

pub async fn metrics(State(site): State<Site>) -> Response {
    match site.metrics.encode() {
        Ok(body) => {
            let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            let mut response = text(StatusCode::OK, body);
            let value = HeaderValue::from_static(open_metrics);
            response.headers_mut().insert(header::CONTENT_TYPE, value);
            response
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

pub async fn not_found() -> Response {
    let message = "there is nothing here; images are under /v2/";
    let envelope = ErrorEnvelope::one(ErrorCode::Unsupported, message, serde_json::Value::Null);
    (StatusCode::NOT_FOUND, axum::Json(envelope)).into_response()
}

fn text(status: StatusCode, body: String) -> Response {
    let mut response = (status, body).into_response();
    response.extensions_mut().insert(Outcome {
        route: "operations",
        ..Outcome::default()
    });
    response
}
