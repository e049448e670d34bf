//! Around every request of the API: who acts, and how errors are told.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use wharf_app::authz::By;

use crate::{
    Site,
    error::{ApiError, ErrorContext},
    extract::credential,
    middleware::{ClientAddress, Outcome, RequestId},
};

/// Marks a request that did not come over the network: made in this process by
/// whoever can write to the store anyway.
#[derive(Debug, Clone, Copy)]
pub struct Operator;

/// On whose word a request acts.
#[derive(Debug, Clone)]
pub struct Acting(pub By);

impl<S: Sync> FromRequestParts<S> for Acting {
    type Rejection = Failure;

    /// [`serve`] puts it there. Whoever shows a credential that is no good is
    /// told so, even where nobody needs one: an empty list would mislead.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let acting = parts.extensions.get::<Self>().cloned();
        let acting = acting.ok_or(ApiError::NoSuchEndpoint)?;
        match &acting.0 {
            By::Caller(caller) => match &caller.rejected {
                Some(rejected) => Err(wharf_app::Error::from(rejected.clone()).into()),
                None => Ok(acting),
            },
            By::Operator => Ok(acting),
        }
    }
}

/// Where a request comes from, if that is known.
#[derive(Debug, Clone, Copy)]
pub struct From(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(ClientAddress::of(&parts.extensions)))
    }
}

/// An error on its way to [`serve`], which knows whom it is told to.
#[derive(Debug, Clone)]
pub struct Failure(Arc<ApiError>);

impl<E: Into<ApiError>> std::convert::From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Arc::new(error.into()))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Finds out who acts, and turns failures into replies.
pub async fn serve(State(site): State<Site>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut context = ErrorContext {
        request_id: parts.extensions.get::<RequestId>().cloned(),
        ..ErrorContext::default()
    };
    let mut response = match acting(&site, &parts, &mut context).await {
        Ok(acting) => {
            parts.extensions.insert(acting);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(failure) => failure.into_response(),
    };
    if let Some(Failure(error)) = response.extensions_mut().remove::<Failure>() {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = error.reply(&site, &context);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let headers = response.headers_mut();
    if !headers.contains_key(header::CACHE_CONTROL) {
        let no_store = HeaderValue::from_static("no-store");
        headers.insert(header::CACHE_CONTROL, no_store);
    }
    response.extensions_mut().insert(Outcome {
        route: "api_v1",
        caller: context.login,
        package: None,
    });
    response
}

async fn acting(site: &Site, parts: &Parts, context: &mut ErrorContext) -> Result<Acting, Failure> {
    if parts.extensions.get::<Operator>().is_some() {
        context.to_operator = true;
        return Ok(Acting(By::Operator));
    }
    let from = ClientAddress::of(&parts.extensions);
    let presented = credential(&parts.headers);
    let caller = site.app.authenticate(&presented, from).await?;
    context.login = caller.login().map(str::to_owned);
    context.credential = caller.credential().cloned();
    Ok(Acting(By::Caller(caller)))
}

pub async fn nothing_here() -> Failure {
    ApiError::NoSuchEndpoint.into()
}

/// axum says in `Allow` what is.
pub async fn method_not_allowed(method: Method) -> Failure {
    let method = method.as_str().to_owned();
    ApiError::NotAllowed { method }.into()
}
