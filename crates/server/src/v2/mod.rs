//! `/v2`: the distribution protocol (distribution-spec 1.1 and its main branch).
//!
//! The path is parsed once ([`wharf_oci::path`]), the caller is found out
//! once, and each endpoint is a function in the file named after it.

mod base;
mod blobs;
mod catalog;
mod manifests;
mod page;
mod referrers;
mod tags;
mod uploads;

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{HeaderName, HeaderValue, Method, request::Parts};
use wharf_app::authn::Caller;
use wharf_oci::path::{self, Path, PathError};

use crate::{
    Site,
    edge::Peer,
    error::{ApiError, ErrorContext},
    extract::{credential, query_value},
    middleware::{Outcome, RequestId},
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
    let path = path::parse(parts.uri.path());
    let method = parts.method.clone();
    if let Ok(path) = &path {
        context.package = path.name().map(ToString::to_string);
        context.action = Some(action(&method));
    }
    let asked = path.as_ref().ok().cloned();
    let query = parts.uri.query().map(str::to_owned);
    let route = path.as_ref().map_or("v2_unknown", route);
    let result = answer(site.clone(), parts, body, path, &mut context).await;
    let mut response = result.unwrap_or_else(|error| {
        context.scope = asked.and_then(|path| scope(&path, &method, query.as_deref()));
        error.reply(&site, &context)
    });
    let version = HeaderValue::from_static("registry/2.0");
    response.headers_mut().insert(API_VERSION, version);
    response.extensions_mut().insert(Outcome {
        route,
        caller: context.login,
        package: context.package,
    });
    response
}

async fn answer(
    site: Site,
    parts: Parts,
    body: Body,
    path: Result<Path, PathError>,
    context: &mut ErrorContext,
) -> Result<Response, ApiError> {
    let caller = site.app.authenticate(&credential(&parts.headers)).await?;
    context.login = caller.login().map(str::to_owned);
    context.credential = caller.credential().cloned();
    let call = Call {
        site,
        caller,
        parts,
    };
    let method = call.parts.method.clone();
    match (method.as_str(), path?) {
        ("GET" | "HEAD", Path::Base) => base::check(&call),
        ("GET" | "HEAD", Path::Catalog) => catalog::list(&call).await,
        ("GET" | "HEAD", Path::Tags(name)) => tags::list(&call, &name).await,
        ("GET" | "HEAD", Path::Manifest(name, reference)) => {
            manifests::get(&call, &name, &reference).await
        }
        ("PUT", Path::Manifest(name, reference)) => {
            manifests::put(&call, body, &name, reference).await
        }
        ("DELETE", Path::Manifest(name, reference)) => {
            manifests::delete(&call, &name, &reference).await
        }
        ("GET", Path::Blob(name, digest)) => blobs::get(&call, &name, &digest).await,
        ("HEAD", Path::Blob(name, digest)) => blobs::head(&call, &name, &digest).await,
        ("DELETE", Path::Blob(name, digest)) => blobs::delete(&call, &name, &digest).await,
        ("POST", Path::Uploads(name)) => uploads::begin(&call, body, &name).await,
        ("GET" | "HEAD", Path::Upload(name, id)) => uploads::status(&call, &name, &id).await,
        ("PATCH", Path::Upload(name, id)) => uploads::append(&call, body, &name, &id).await,
        ("PUT", Path::Upload(name, id)) => uploads::finish(&call, body, &name, &id).await,
        ("DELETE", Path::Upload(name, id)) => uploads::cancel(&call, &name, &id).await,
        ("GET" | "HEAD", Path::Referrers(name, digest)) => {
            referrers::list(&call, &name, &digest).await
        }
        (method, _) => Err(ApiError::Method {
            method: method.to_owned(),
        }),
    }
}

fn route(path: &Path) -> &'static str {
    match path {
        Path::Base => "v2_base",
        Path::Catalog => "v2_catalog",
        Path::Tags(_) => "v2_tags",
        Path::Manifest(..) => "v2_manifest",
        Path::Blob(..) => "v2_blob",
        Path::Uploads(_) | Path::Upload(..) => "v2_upload",
        Path::Referrers(..) => "v2_referrers",
    }
}

fn action(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "pull",
        Method::DELETE => "delete",
        _ => "push",
    }
}

/// The scope that the challenge tells the client to ask for.
fn scope(path: &Path, method: &Method, query: Option<&str>) -> Option<String> {
    if *path == Path::Catalog {
        return Some("registry:catalog:*".to_owned());
    }
    let name = path.name()?;
    let actions = match action(method) {
        "pull" | "delete" if matches!(path, Path::Upload(..)) => "pull,push",
        "push" => "pull,push",
        other => other,
    };
    let own = format!("repository:{name}:{actions}");
    let source = query_value(query, "from").and_then(|from| from.parse::<wharf_oci::Name>().ok());
    Some(match source {
        Some(from) if matches!(path, Path::Uploads(_)) => {
            format!("{own} repository:{from}:pull")
        }
        _ => own,
    })
}
