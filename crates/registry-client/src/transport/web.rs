//! Other services than registries: identity providers. JSON comes back, and a
//! redirect is an error.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderValue, Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

use super::{
    http::{Authorization, Call, Http, Payload, Response},
    scope::Scopes,
};
use crate::error::{Error, Result};

/// Largest answer read, in bytes.
const LIMIT: usize = 1024 * 1024;
/// Longest time for all of it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Who asks.
#[derive(Clone, Copy)]
pub enum WebAuth<'a> {
    Nobody,
    Bearer(&'a str),
    /// A client of an OAuth 2 server (RFC 6749 §2.3.1).
    Client {
        id: &'a str,
        secret: &'a str,
    },
}

impl std::fmt::Debug for WebAuth<'_> {
    /// Never the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Bearer(_) => "Bearer",
            Self::Client { .. } => "Client",
        })
    }
}

/// What a service said.
#[derive(Debug)]
pub struct WebAnswer {
    pub status: StatusCode,
    body: Bytes,
    url: Url,
}

impl WebAnswer {
    /// The body, which must be what is expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|e| {
            Error::protocol(
                &self.url,
                format!("its answer is not what it should be: {e}"),
            )
        })
    }
}

impl Http {
    pub async fn get_json(&self, url: &Url, auth: WebAuth<'_>) -> Result<WebAnswer> {
        let mut call = Call::new(Method::GET, url.clone(), Scopes::none());
        let json = HeaderValue::from_static("application/json");
        call.headers.insert(ACCEPT, json);
        self.ask(call, auth).await
    }

    pub async fn post_form(
        &self,
        url: &Url,
        fields: &[(&str, &str)],
        auth: WebAuth<'_>,
    ) -> Result<WebAnswer> {
        let mut call = Call::new(Method::POST, url.clone(), Scopes::none());
        let json = HeaderValue::from_static("application/json");
        call.headers.insert(ACCEPT, json);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        call.headers.insert(CONTENT_TYPE, kind);
        call.payload = Payload::Bytes(form(fields).into());
        self.ask(call, auth).await
    }

    async fn ask(&self, mut call: Call, auth: WebAuth<'_>) -> Result<WebAnswer> {
        let url = call.url.clone();
        let authorization = authorization(auth, &url)?;
        let answering = async {
            let response = self
                .send_once(&mut call, &url, authorization.as_ref())
                .await?;
            answer(response).await
        };
        let answered = tokio::time::timeout(TIMEOUT, answering).await;
        answered.unwrap_or_else(|_| Err(Error::protocol(&url, "it took too long to answer")))
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish()
}

async fn answer(response: Response) -> Result<WebAnswer> {
    let (status, url) = (response.status(), response.url().clone());
    if status.is_redirection() {
        let reason = format!("it redirects where that is not expected ({status})");
        return Err(Error::protocol(&url, reason));
    }
    let body = response.bytes(LIMIT).await?;
    Ok(WebAnswer { status, body, url })
}

fn authorization(auth: WebAuth<'_>, url: &Url) -> Result<Option<Authorization>> {
    let text = match auth {
        WebAuth::Nobody => return Ok(None),
        WebAuth::Bearer(token) => format!("Bearer {token}"),
        WebAuth::Client { id, secret } => {
            let encode =
                |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encode(id), encode(secret));
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        }
    };
    let value = HeaderValue::try_from(text).map_err(|_| {
        Error::Invalid("a credential holds bytes that no header can carry".to_owned())
    })?;
    Ok(Some(Authorization::new(value, url)))
}
