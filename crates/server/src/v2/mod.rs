//! `/v2`: the distribution protocol (distribution-spec 1.1 and its main branch).
//!
//! The path is parsed once ([`wharf_oci::path`]), the caller is found out
//! once, and each endpoint is a function in the file named after it.

mod base;
mod blobs;
mod catalog;
mod manifests;
mod operation;
mod page;
mod referrers;
mod tags;
mod uploads;

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{HeaderName, HeaderValue, request::Parts};
use wharf_app::authn::Caller;
use wharf_oci::path;

pub use operation::Operation;

use crate::{
    Site,
    edge::Peer,
    error::{ApiError, ErrorContext},
    extract::{credential, query_value},
    middleware::{ClientAddress, Outcome, RequestId},
};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// One request without its body.
pub struct Call {
    pub site: Site,
    pub caller: Caller,
    pub parts: Parts,
}

impl Call {
    pub fn query(&self, name: &str) -> Option<String> {
        query_value(self.parts.uri.query(), name)
    }

    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.parts.headers.get(name).and_then(|v| v.to_str().ok())
    }

    pub fn peer(&self) -> Option<&Peer> {
        self.parts.extensions.get()
    }
}

/// Everything under `/v2`.
pub async fn dispatch(State(site): State<Site>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut context = ErrorContext {
        request_id: parts.extensions.get::<RequestId>().cloned(),
        challenge: true,
        ..ErrorContext::default()
    };
    let asked = path::parse(parts.uri.path())
        .map_err(ApiError::from)
        .and_then(|path| Operation::new(&parts.method, path));
    let mut route = "v2_unknown";
    if let Ok(operation) = &asked {
        route = operation.route();
        context.package = operation.package().map(ToString::to_string);
        context.action = Some(operation.action().as_str());
    }
    let result = answer(site.clone(), parts, body, asked, &mut context).await;
    let mut response = result.unwrap_or_else(|error| error.reply(&site, &context));
    let version = HeaderValue::from_static("registry/2.0");
    response.headers_mut().insert(API_VERSION, version);
    response.extensions_mut().insert(Outcome {
        route,
        caller: context.login,
        package: context.package,
    });
    response
}

/// Finds out who asks, even for what is refused: the refusal depends on it.
async fn answer(
    site: Site,
    parts: Parts,
    body: Body,
    asked: Result<Operation, ApiError>,
    context: &mut ErrorContext,
) -> Result<Response, ApiError> {
    let from = ClientAddress::of(&parts.extensions);
    let presented = credential(&parts.headers);
    let caller = site.app.authenticate(&presented, from).await?;
    context.login = caller.login().map(str::to_owned);
    context.credential = caller.credential().cloned();
    let call = Call {
        site,
        caller,
        parts,
    };
    let operation = asked?;
    let result = perform(&call, body, &operation).await;
    if result.is_err() {
        context.scope = operation.scope(call.parts.uri.query());
    }
    result
}

async fn perform(call: &Call, body: Body, operation: &Operation) -> Result<Response, ApiError> {
    match operation {
        Operation::Base => base::check(call),
        Operation::Catalog => catalog::list(call).await,
        Operation::ListTags(name) => tags::list(call, name).await,
        Operation::GetManifest(name, reference) => manifests::get(call, name, reference).await,
        Operation::PutManifest(name, reference) => {
            manifests::put(call, body, name, reference.clone()).await
        }
        Operation::DeleteManifest(name, reference) => {
            manifests::delete(call, name, reference).await
        }
        Operation::GetBlob(name, digest) => blobs::get(call, name, digest).await,
        Operation::HeadBlob(name, digest) => blobs::head(call, name, digest).await,
        Operation::DeleteBlob(name, digest) => blobs::delete(call, name, digest).await,
        Operation::BeginUpload(name) => uploads::begin(call, body, name).await,
        Operation::UploadStatus(name, id) => uploads::status(call, name, id).await,
        Operation::AppendUpload(name, id) => uploads::append(call, body, name, id).await,
        Operation::FinishUpload(name, id) => uploads::finish(call, body, name, id).await,
        Operation::CancelUpload(name, id) => uploads::cancel(call, name, id).await,
        Operation::ListReferrers(name, digest) => referrers::list(call, name, digest).await,
    }
}
