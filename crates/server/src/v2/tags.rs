//! `GET /v2/NAME/tags/list` (end-8a, end-8b).

use axum::response::Response;
use serde::Serialize;
use wharf_oci::Name;

use super::{Call, page};
use crate::{error::ApiError, reply};

#[derive(Serialize)]
struct TagList<'a> {
    name: &'a str,
    tags: Vec<String>,
}

pub async fn list(call: &Call, name: &Name) -> Result<Response, ApiError> {
    let page = page::request(call)?;
    let found = call
        .site
        .app
        .tags(&call.caller, name, &page.last, page.n)
        .await?;
    let list = TagList {
        name: name.as_str(),
        tags: found.names,
    };
    let mut response = reply::json(&list, "application/json");
    if let Some(last) = found.next {
        let path = format!("/v2/{name}/tags/list");
        let (header, link) =
            reply::next_page(&path, &[("n", &page.n.to_string()), ("last", &last)]);
        response.headers_mut().insert(header, link);
    }
    Ok(response)
}
