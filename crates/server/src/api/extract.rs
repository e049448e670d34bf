//! From paths, queries and bodies to what handlers take. What is wrong is
//! said with the name of the field.

use std::str::FromStr;

use axum::{
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::request::Parts,
};
use http::header;
use serde::de::DeserializeOwned;
use wharf_oci::Name;

use super::acting::Failure;
use crate::{body, error::ApiError};

/// Longest JSON body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// A JSON body; none at all is `{}`.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, stream) = request.into_parts();
        let bytes = body::read(stream, MAX_BODY).await?;
        if bytes.is_empty() {
            return Ok(Self(read(serde_json::json!({}))?));
        }
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let kind = kind
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if wharf_oci::media_type::essence(kind) != "application/json" {
            return Err(ApiError::NotJson.into());
        }
        let value = wharf_oci::json::parse(&bytes).map_err(|error| ApiError::Field {
            field: "body".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self(read(value)?))
    }
}

fn read<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, ApiError> {
    // Serde would take an array for the fields in their order.
    if !value.is_object() {
        return Err(ApiError::Field {
            field: "body".to_owned(),
            reason: "it must be an object".to_owned(),
        });
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        ApiError::Field {
            field: if path == "." { "body".to_owned() } else { path },
            reason: error.into_inner().to_string(),
        }
    })
}

/// The query, whole: a parameter that is not known is refused.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let read = read.map_err(|error| ApiError::Field {
            field: "query".to_owned(),
            reason: error.body_text(),
        })?;
        Ok(Self(read.0))
    }
}

/// The package that `{owner}` and `{name}` name. Slashes of the name are
/// written `%2F`.
#[derive(Debug)]
pub struct Package(pub Name);

impl<S: Send + Sync> FromRequestParts<S> for Package {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let owner = segment(parts, state, "owner").await?;
        let name = segment(parts, state, "name").await?;
        Ok(Self(parse("name", &format!("{owner}/{name}"))?))
    }
}

/// A segment of the path, decoded.
pub async fn segment<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    name: &str,
) -> Result<String, ApiError> {
    let broken = |_| ApiError::NoSuchEndpoint;
    let all = RawPathParams::from_request_parts(parts, state).await;
    let all = all.map_err(broken)?;
    let found = all.iter().find(|(key, _)| *key == name);
    found
        .map(|(_, value)| value.to_owned())
        .ok_or(ApiError::NoSuchEndpoint)
}

/// Reads a value that came in a path, a query or a body.
pub fn parse<T>(field: &str, text: &str) -> Result<T, ApiError>
where
    T: FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|error: T::Err| ApiError::Field {
        field: field.to_owned(),
        reason: error.to_string(),
    })
}

/// Text that a typed value is read from, keeping its name for the error.
macro_rules! path_value {
    ($(#[$doc:meta])* $name:ident($type:ty) = $segment:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(pub $type);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Failure;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
                let text = segment(parts, state, $segment).await?;
                Ok(Self(parse($segment, &text)?))
            }
        }
    };
}

path_value! { /** `{tag}` */ TagOf(wharf_oci::Tag) = "tag" }
path_value! { /** `{reference}`: a tag or a digest. */ ReferenceOf(wharf_oci::Reference) = "reference" }
path_value! { /** `{digest}` */ DigestOf(wharf_oci::Digest) = "digest" }
path_value! { /** `{principal}` */ PrincipalOf(wharf_app::accounts::PrincipalName) = "principal" }
path_value! { /** `{login}`, of any kind of account. */ LoginOf(String) = "login" }
path_value! { /** `{owner}`: a user's or an organization's login. */ OwnerOf(wharf_oci::Login) = "owner" }
path_value! { /** `{organization}` */ OrganizationOf(wharf_oci::Login) = "organization" }
path_value! { /** `{repository}`: HOST/PATH. */ RepositoryOf(wharf_oci::SourceRepository) = "repository" }
