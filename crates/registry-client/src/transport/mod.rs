//! Moving one request to one registry: authentication around retries around
//! redirects, each in its own file.

mod auth;
mod challenge;
mod feed;
mod http;
pub(crate) mod link;
mod realm;
pub(crate) mod redirect;
pub(crate) mod retry;
pub(crate) mod scope;
mod token;
mod web;

use ::http::StatusCode;
use url::Url;

pub use self::http::Http;
pub use self::web::{WebAnswer, WebAuth};
use self::{auth::Authenticator, retry::Retry};
pub(crate) use self::{
    feed::Source,
    http::{Call, Payload, Response},
    scope::Scopes,
};
use crate::{credentials::Credentials, error::Result};

/// Sends requests to one registry, as one caller.
#[derive(Debug)]
pub(crate) struct Transport {
    http: Http,
    auth: Authenticator,
}

impl Transport {
    pub(crate) fn new(
        http: Http,
        registry: Url,
        credentials: Credentials,
        trusted_realms: Vec<String>,
    ) -> Self {
        Self {
            http,
            auth: Authenticator::new(registry, credentials, trusted_realms),
        }
    }

    /// Sends `call` until it succeeds or trying again is pointless. Anything
    /// but a success is an error.
    pub(crate) async fn send(&self, mut call: Call) -> Result<Response> {
        let mut retry = Retry::new(call.repeat());
        loop {
            match self.attempt(&mut call).await {
                Ok(response) => return Ok(response),
                Err(error) => retry.pause(error).await?,
            }
        }
    }

    /// The same for what asks for no registry token: the credentials go along as they are.
    pub(crate) async fn send_directly(&self, mut call: Call) -> Result<Response> {
        let authorization = self.auth.as_they_are()?;
        let mut retry = Retry::new(call.repeat());
        loop {
            let sent = self.http.send(&mut call, authorization.as_ref()).await;
            let answered = match sent {
                Ok(response) => response.success().await,
                Err(error) => Err(error),
            };
            match answered {
                Ok(response) => return Ok(response),
                Err(error) => retry.pause(error).await?,
            }
        }
    }

    /// Whether the registry has asked for credentials so far.
    pub(crate) async fn was_asked(&self) -> bool {
        self.auth.was_asked().await
    }

    async fn attempt(&self, call: &mut Call) -> Result<Response> {
        let (http, scopes) = (&self.http, call.scopes.clone());
        let sent = self.auth.authorization(http, &scopes).await?;
        let response = http.send(call, sent.as_ref()).await?;
        let can_resend = !matches!(call.payload, Payload::Stream(_));
        if response.status() != StatusCode::UNAUTHORIZED || !can_resend {
            return response.success().await;
        }
        let headers = response.headers();
        if !self
            .auth
            .refused(http, headers, &scopes, sent.as_ref())
            .await?
        {
            return response.success().await;
        }
        let renewed = self.auth.authorization(http, &scopes).await?;
        http.send(call, renewed.as_ref()).await?.success().await
    }
}
