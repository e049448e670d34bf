//! Every error reply: the envelope, its status, its headers. One match, no
//! default arm hides a new error.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use wharf_app::{
    Error as AppError,
    authn::{Rejected, registry_token::SERVICE, token_endpoint::ScopeParseError},
    authz::{Credential, Refusal},
};
use wharf_oci::{
    ErrorCode, ErrorEnvelope, manifest::ManifestError, name::NameError, path::PathError,
    reference::ReferenceError,
};

use crate::{Site, edge::BodyError, middleware::RequestId};

/// What went wrong with a request under `/v2` or `/token`.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Scopes(#[from] ScopeParseError),
    #[error("{method} is not allowed here, only {allow}")]
    Method { method: String, allow: &'static str },
    #[error("`{name}` = `{value}` is not valid: {reason}")]
    Parameter {
        code: ErrorCode,
        name: &'static str,
        value: String,
        reason: String,
    },
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the body has more than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the body is compressed ({0}); send it as it is")]
    Compressed(String),
    /// At `/token` (RFC 6749 §5.2).
    #[error("`grant_type` is {}: use password or refresh_token", shown(.0.as_deref()))]
    GrantType(Option<String>),
    /// A header whose value is not text.
    #[error("the header {0} holds bytes that it must not")]
    Header(&'static str),
    #[error("{0}")]
    Unsupported(&'static str),
    /// Under `/api`.
    #[error("there is nothing here; GET /api/v1/openapi.json lists what there is")]
    NoSuchEndpoint,
    /// Under `/api`, where the reply names the methods that are.
    #[error("{method} is not allowed here")]
    NotAllowed { method: String },
    #[error("the body must be JSON, sent with `Content-Type: application/json`")]
    NotJson,
    #[error("`{field}` is not valid: {reason}")]
    Field { field: String, reason: String },
}

fn shown(grant_type: Option<&str>) -> String {
    grant_type.map_or_else(|| "missing".to_owned(), |text| format!("`{text:.80}`"))
}

/// Who and what an error is about, for its message, detail and challenge.
#[derive(Debug, Default, Clone)]
pub struct ErrorContext {
    pub request_id: Option<RequestId>,
    pub login: Option<String>,
    pub credential: Option<Credential>,
    pub package: Option<String>,
    pub action: Option<&'static str>,
    /// The scope to ask `/token` for.
    pub scope: Option<String>,
    /// Under `/token` there is no challenge: it is where the challenge leads.
    pub challenge: bool,
    /// Told to the operator, who may know what broke inside.
    pub to_operator: bool,
}

impl ApiError {
    pub fn parameter(
        name: &'static str,
        value: &str,
        code: ErrorCode,
        reason: impl ToString,
    ) -> Self {
        Self::Parameter {
            code,
            name,
            value: value.chars().take(200).collect(),
            reason: reason.to_string(),
        }
    }

    fn code(&self) -> ErrorCode {
        match self {
            Self::App(error) => error.code(),
            Self::Path(error) => match error {
                PathError::Unknown | PathError::Encoding => ErrorCode::Unsupported,
                // Not "invalid": Docker would repeat such a push five times before it says why.
                PathError::Name(NameError::NoOwner(_)) => ErrorCode::NameUnknown,
                PathError::Name(_) => ErrorCode::NameInvalid,
                PathError::Digest(_) | PathError::Reference(ReferenceError::Digest(_)) => {
                    ErrorCode::DigestInvalid
                }
                PathError::Reference(_) => ErrorCode::TagInvalid,
                PathError::UploadId(_) => ErrorCode::BlobUploadUnknown,
            },
            Self::Scopes(_) => ErrorCode::NameInvalid,
            Self::GrantType(_)
            | Self::Header(_)
            | Self::NotAllowed { .. }
            | Self::NotJson
            | Self::Method { .. }
            | Self::Unsupported(_)
            | Self::Compressed(_) => ErrorCode::Unsupported,
            Self::NoSuchEndpoint => ErrorCode::NotFound,
            Self::Field { .. } => ErrorCode::Invalid,
            Self::Parameter { code, .. } => *code,
            Self::Body(BodyError::Broken | BodyError::TooSlow) | Self::BodyTooLarge { .. } => {
                ErrorCode::SizeInvalid
            }
            Self::Body(BodyError::Stopping) => ErrorCode::Unavailable,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Path(PathError::Unknown) => StatusCode::NOT_FOUND,
            Self::Path(PathError::Encoding)
            | Self::Scopes(_)
            | Self::GrantType(_)
            | Self::Header(_) => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge { .. }
            | Self::App(AppError::ManifestInvalid(ManifestError::TooLarge(_))) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Body(BodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::Compressed(_) | Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::App(
                AppError::UploadBusy { .. }
                | AppError::BlobInUse { .. }
                | AppError::ImmutableTag { .. }
                | AppError::ManifestInUse { .. },
            ) => StatusCode::CONFLICT,
            Self::App(error) if error.is_full() => StatusCode::INSUFFICIENT_STORAGE,
            _ => self.code().status(),
        }
    }

    /// What the user reads.
    fn message(&self, site: &Site, context: &ErrorContext) -> String {
        match self {
            Self::Path(PathError::Name(NameError::NoOwner(name))) => {
                let owner = context.login.as_deref().unwrap_or("OWNER");
                format!("{name} has no owner: push to {}/{owner}/{name}", site.host)
            }
            Self::App(error) if error.is_full() => {
                "the registry has no space left: nothing was stored; tell its operator, then try again".to_owned()
            }
            Self::App(error) if context.to_operator => error.to_string(),
            Self::App(error) if error.is_internal() && self.code() == ErrorCode::Unavailable => {
                "the registry cannot reach its storage right now; try again in a moment".to_owned()
            }
            Self::App(error) if error.is_internal() => {
                "something broke inside the registry; its log has the reason under this request's id".to_owned()
            }
            other => other.to_string(),
        }
    }

    /// Status and words for somebody in a browser.
    pub fn for_people(&self, site: &Site) -> (StatusCode, String) {
        (self.status(), self.message(site, &ErrorContext::default()))
    }

    /// The whole reply.
    pub fn reply(&self, site: &Site, context: &ErrorContext) -> Response {
        let status = self.status();
        if status.is_server_error() {
            let request_id = context.request_id.as_ref().map(RequestId::as_str);
            tracing::error!(error = %self, request_id, "a request failed");
        }
        let message = self.message(site, context);
        let envelope = ErrorEnvelope::one(self.code(), message, self.detail(context));
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        let mut response = (status, Body::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if status == StatusCode::UNAUTHORIZED
            && context.challenge
            && let Ok(value) = HeaderValue::from_str(&self.challenge(site, context))
        {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        if let Self::Method { allow, .. } = self {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if matches!(status.as_u16(), 429 | 503 | 507) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }

    fn challenge(&self, site: &Site, context: &ErrorContext) -> String {
        use std::fmt::Write as _;
        let mut text = format!(
            r#"Bearer realm="{}/token",service="{SERVICE}""#,
            site.public_url
        );
        if let Some(scope) = &context.scope {
            let _ = write!(text, r#",scope="{scope}""#);
        }
        match self {
            Self::App(AppError::Refused(Refusal::NotInToken { .. })) => {
                text.push_str(r#",error="insufficient_scope""#);
            }
            Self::App(AppError::Rejected(rejected)) if *rejected != Rejected::Missing => {
                text.push_str(r#",error="invalid_token""#);
            }
            _ => {}
        }
        text
    }

    fn detail(&self, context: &ErrorContext) -> Value {
        let mut detail = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                detail.insert(key.to_owned(), value);
            }
        };
        if let Self::GrantType(given) = self {
            let error = match given {
                Some(_) => "unsupported_grant_type",
                None => "invalid_request",
            };
            put("error", Some(error.into()));
        }
        put("actor", context.login.clone().map(Value::from));
        put("action", context.action.map(Value::from));
        put("package", context.package.clone().map(Value::from));
        put(
            "request_id",
            context.request_id.as_ref().map(|id| id.as_str().into()),
        );
        if let Self::Field { field, .. } = self {
            put("field", Some(field.as_str().into()));
        }
        if let Self::App(error) = self {
            match error {
                AppError::Refused(Refusal::MissingScope { needs, has, .. }) => {
                    put("missing_scope", Some(needs.as_str().into()));
                    put("token_scopes", Some(has.to_string().into()));
                }
                AppError::Refused(Refusal::MissingRole { has, needs, .. }) => {
                    put("missing_role", Some(needs.to_string().into()));
                    put("role", Some(has.to_string().into()));
                }
                AppError::Field { field, .. } => put("field", Some((*field).into())),
                AppError::ContentMissing { missing, .. } => {
                    let digests = missing.iter().map(|d| json!(d.as_str())).collect();
                    put("missing", Some(Value::Array(digests)));
                }
                AppError::ChunkOutOfOrder { offset, .. } => put("offset", Some((*offset).into())),
                AppError::Rejected(Rejected::Expired(at)) => {
                    put("expired_at", Some(at.as_str().into()));
                }
                _ => {}
            }
        }
        Value::Object(detail)
    }
}
