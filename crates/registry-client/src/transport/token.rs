//! Getting a registry token from its token server: the GET of distribution's
//! token specification, and the OAuth 2 POST for refresh tokens and for
//! servers that know nothing else.

use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderValue, Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::{
    challenge::BearerChallenge,
    http::{Authorization, Call, Http, Payload},
    retry::{Repeat, Retry},
    scope::Scopes,
};
use crate::{
    credentials::Credentials,
    error::{Error, Result},
};

const CLIENT_ID: &str = "wharf";
/// Largest token answer read, in bytes.
const LIMIT: usize = 1024 * 1024;
/// Lifetime of a token whose answer names none (token specification: 60 s).
const DEFAULT_LIFETIME: u64 = 60;
/// Tokens are renewed this many seconds before they end.
const MARGIN: u64 = 10;

/// A bearer token and when to stop using it.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) authorization: Authorization,
    until: Instant,
}

impl Token {
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now < self.until
    }
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    /// OAuth 2's name for it; many servers send both.
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// What a token is wanted for.
pub(super) struct Wanted<'a> {
    pub(super) registry: &'a Url,
    /// Parsed and, if there are credentials, cleared to see them.
    pub(super) realm: &'a Url,
    pub(super) challenge: &'a BearerChallenge,
    pub(super) scopes: &'a Scopes,
}

/// Asks the realm for a token, trying again where that can help.
pub(super) async fn fetch(
    http: &Http,
    wanted: &Wanted<'_>,
    credentials: &Credentials,
) -> Result<Token> {
    let mut retry = Retry::new(Repeat::Safe);
    loop {
        match attempt(http, wanted, credentials).await {
            Ok(token) => return Ok(token),
            Err(error) => retry.pause(error).await?,
        }
    }
}

async fn attempt(http: &Http, wanted: &Wanted<'_>, credentials: &Credentials) -> Result<Token> {
    let body = match credentials {
        Credentials::IdentityToken(token) => {
            let grant = [("grant_type", "refresh_token"), ("refresh_token", token)];
            post(http, wanted, &grant).await?
        }
        Credentials::Password { username, password } => {
            match get(http, wanted, Some(basic(username, password)?)).await {
                Err(error) if knows_only_oauth2(&error) => {
                    let grant = [
                        ("grant_type", "password"),
                        ("username", username),
                        ("password", password),
                    ];
                    post(http, wanted, &grant).await?
                }
                body => body?,
            }
        }
        Credentials::Anonymous | Credentials::RegistryToken(_) => get(http, wanted, None).await?,
    };
    read(wanted, &body)
}

fn knows_only_oauth2(error: &Error) -> bool {
    matches!(
        error.status(),
        Some(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
    )
}

/// The `Basic` header of a user name and password (RFC 7617).
pub(super) fn basic(username: &str, password: &str) -> Result<HeaderValue> {
    let encoded = BASE64_STANDARD.encode(format!("{username}:{password}"));
    HeaderValue::from_str(&format!("Basic {encoded}"))
        .map_err(|_| Error::Invalid("the password cannot be sent".to_owned()))
}

/// The `Bearer` header of a token, for use at `registry`.
pub(super) fn bearer(token: &str, registry: &Url) -> Result<Authorization> {
    let value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| Error::Invalid("the token holds characters no header may hold".to_owned()))?;
    Ok(Authorization::new(value, registry))
}

async fn get(http: &Http, wanted: &Wanted<'_>, basic: Option<HeaderValue>) -> Result<Bytes> {
    let mut url = wanted.realm.clone();
    if wanted.challenge.service.is_some() || wanted.scopes.iter().next().is_some() {
        let mut query = url.query_pairs_mut();
        query.extend_pairs(wanted.challenge.service.iter().map(|s| ("service", s)));
        query.extend_pairs(wanted.scopes.iter().map(|s| ("scope", s)));
    }
    let authorization = basic.map(|value| Authorization::new(value, &url));
    let mut call = Call::new(Method::GET, url, Scopes::none());
    call.headers
        .insert(ACCEPT, HeaderValue::from_static("application/json"));
    let response = http.send(&mut call, authorization.as_ref()).await?;
    response.success().await?.bytes(LIMIT).await
}

async fn post(http: &Http, wanted: &Wanted<'_>, grant: &[(&str, &str)]) -> Result<Bytes> {
    let mut call = Call::new(Method::POST, wanted.realm.clone(), Scopes::none());
    call.payload = Payload::Bytes(form(wanted, grant).into());
    let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    call.headers.insert(CONTENT_TYPE, content_type);
    let response = http.send(&mut call, None).await?;
    response.success().await?.bytes(LIMIT).await
}

fn form(wanted: &Wanted<'_>, grant: &[(&str, &str)]) -> String {
    let scope = wanted.scopes.iter().collect::<Vec<_>>().join(" ");
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(grant)
        .append_pair("client_id", CLIENT_ID)
        .append_pair("scope", &scope)
        .extend_pairs(wanted.challenge.service.iter().map(|s| ("service", s)))
        .finish()
}

fn read(wanted: &Wanted<'_>, body: &[u8]) -> Result<Token> {
    let reason = "its token server answered without a token";
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| Error::protocol(wanted.realm, reason))?;
    let token = answer
        .token
        .or(answer.access_token)
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Error::protocol(wanted.realm, reason))?;
    let lifetime = answer
        .expires_in
        .unwrap_or(0)
        .clamp(DEFAULT_LIFETIME, 86_400)
        - MARGIN;
    Ok(Token {
        authorization: bearer(&token, wanted.registry)?,
        until: Instant::now() + Duration::from_secs(lifetime),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_answer(body: &str) -> Result<Token> {
        let url = Url::parse("https://registry.example/token").expect("valid");
        let wanted = Wanted {
            registry: &url,
            realm: &url,
            challenge: &BearerChallenge::default(),
            scopes: &Scopes::none(),
        };
        read(&wanted, body.as_bytes())
    }

    #[test]
    fn both_spellings_of_a_token() {
        assert!(read_answer(r#"{"token":"a"}"#).is_ok());
        assert!(read_answer(r#"{"access_token":"a","expires_in":300}"#).is_ok());
        assert!(read_answer(r#"{"token":"a","access_token":"a"}"#).is_ok());
        assert!(read_answer(r#"{"token":""}"#).is_err());
        assert!(read_answer("{}").is_err());
        assert!(read_answer("<html>").is_err());
    }

    #[test]
    fn a_token_ends_before_it_expires() {
        let token = read_answer(r#"{"token":"a","expires_in":300}"#).expect("a token");
        assert!(token.is_fresh(Instant::now() + Duration::from_secs(280)));
        assert!(!token.is_fresh(Instant::now() + Duration::from_secs(295)));
        let short = read_answer(r#"{"token":"a","expires_in":1}"#).expect("a token");
        assert!(short.is_fresh(Instant::now() + Duration::from_secs(40)));
    }
}
