//! `GET /v2/_catalog`: the packages the caller may see.

use axum::response::Response;
use serde::Serialize;

use super::{Call, page};
use crate::{error::ApiError, reply};

#[derive(Serialize)]
struct Catalog {
    repositories: Vec<String>,
}

pub async fn list(call: &Call) -> Result<Response, ApiError> {
    let page = page::request(call)?;
    let found = call
        .site
        .app
        .catalog(&call.caller, &page.last, page.n)
        .await?;
    let catalog = Catalog {
        repositories: found.names,
    };
    let mut response = reply::json(&catalog, "application/json");
    if let Some(last) = found.next {
        let n = page.n.to_string();
        let (header, link) = reply::next_page("/v2/_catalog", &[("n", &n), ("last", &last)]);
        response.headers_mut().insert(header, link);
    }
    Ok(response)
}
