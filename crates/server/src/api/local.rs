//! The API without a network: for commands that work straight on the store,
//! by whoever can write there anyway.

use std::sync::Arc;

use axum::{Router, body::Body};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use wharf_app::App;

use super::{Operator, router};
use crate::{Site, config::Config};

/// `/api/v1` as the operator.
#[derive(Debug)]
pub struct LocalApi(Router);

impl LocalApi {
    pub fn new(app: Arc<App>, config: &Config) -> Self {
        let site = Site::new(app, config);
        Self(router(&site).with_state(site))
    }

    /// Sends a request; `path` begins after `/api/v1/`. Status and body of the answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        json: Option<Vec<u8>>,
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json.unwrap_or_default()))?;
        request.extensions_mut().insert(Operator);
        let response = self.0.clone().oneshot(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, body.to_vec()))
    }
}
