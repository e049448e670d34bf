//! The one place where Wharf opens connections to others. It sends a single
//! request: limits on time, redirects by hand, credentials only to the origin
//! they belong to.

use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use url::{Origin, Url};

use super::{
    feed::{self, Source},
    redirect::{self, MAX_HOPS},
    retry::{Repeat, retry_after},
    scope::Scopes,
};
use crate::{
    answer::Answer,
    error::{Error, Result, host_of},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest wait for the first byte of an answer. Registries that assemble a
/// large blob when an upload ends take their time.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);
/// Longest silence inside a body. Bodies have no total limit.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Most of an error's body that is read.
const ERROR_LIMIT: usize = 64 * 1024;

/// Connections to other servers; cheap to clone, clones share them.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
}

/// One request, ready to be sent, and sent again if its body allows.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) scopes: Scopes,
}

/// The body of a [`Call`].
pub(crate) enum Payload {
    Empty,
    Bytes(Bytes),
    /// Can be sent once; taken when it is.
    Stream(Option<Source>),
}

/// An `Authorization` header, bound to the origin that may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authorization {
    value: HeaderValue,
    origin: Origin,
}

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub(crate) struct Response {
    inner: reqwest::Response,
    method: Method,
}

impl Http {
    /// The only constructor of an HTTP client in Wharf.
    pub fn new() -> Result<Self> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|e| Error::Invalid(format!("cannot set up HTTP and TLS: {e}")))?;
        Ok(Self { client })
    }

    /// Sends `call`, follows redirects and returns whatever the last server says.
    pub(super) async fn send(
        &self,
        call: &mut Call,
        authorization: Option<&Authorization>,
    ) -> Result<Response> {
        let mut url = call.url.clone();
        for _ in 0..=MAX_HOPS {
            let response = self.send_once(call, &url, authorization).await?;
            let next = redirect::next(&call.method, response.status(), response.headers(), &url)?;
            match next {
                Some(next) if !matches!(call.payload, Payload::Stream(_)) => url = next,
                _ => return Ok(response),
            }
        }
        Err(Error::protocol(
            &call.url,
            format!("more than {MAX_HOPS} redirects"),
        ))
    }

    pub(super) async fn send_once(
        &self,
        call: &mut Call,
        url: &Url,
        authorization: Option<&Authorization>,
    ) -> Result<Response> {
        let mut request = self
            .client
            .request(call.method.clone(), url.clone())
            .headers(call.headers.clone());
        if let Some(value) = authorization.and_then(|a| a.value_for(url)) {
            request = request.header(AUTHORIZATION, value);
        }
        let inner = match &mut call.payload {
            Payload::Empty => answered(url, request.send()).await?,
            Payload::Bytes(bytes) => answered(url, request.body(bytes.clone()).send()).await?,
            Payload::Stream(source) => stream(url, request, source.take()).await?,
        };
        tracing::debug!(method = %call.method, host = host_of(url), path = url.path(), status = inner.status().as_u16(), "answered");
        Ok(Response {
            inner,
            method: call.method.clone(),
        })
    }
}

async fn answered(
    url: &Url,
    sending: impl Future<Output = reqwest::Result<reqwest::Response>>,
) -> Result<reqwest::Response> {
    match tokio::time::timeout(ANSWER_TIMEOUT, sending).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(Error::unreachable(url, &error)),
        Err(_) => Err(silent(url)),
    }
}

async fn stream(
    url: &Url,
    request: reqwest::RequestBuilder,
    source: Option<Source>,
) -> Result<reqwest::Response> {
    let source = source.ok_or_else(|| Error::protocol(url, "the body was already sent"))?;
    let (body, watch) = feed::feed(source);
    match watch.guard(request.body(body).send()).await {
        Some(Ok(response)) => Ok(response),
        Some(Err(error)) => {
            let own = || Error::unreachable(url, &error);
            Err(watch.failure().unwrap_or_else(own))
        }
        None => Err(silent(url)),
    }
}

fn silent(url: &Url) -> Error {
    Error::Unreachable {
        host: host_of(url),
        reason: "it stopped answering".to_owned(),
    }
}

impl Call {
    pub(crate) fn new(method: Method, url: Url, scopes: Scopes) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            scopes,
        }
    }

    /// POST starts something new each time; everything else used here says
    /// what the state shall be.
    pub(super) fn repeat(&self) -> Repeat {
        match (&self.payload, &self.method) {
            (Payload::Stream(_), _) => Repeat::Never,
            (_, &Method::POST | &Method::PATCH) => Repeat::IfRefused,
            _ => Repeat::Safe,
        }
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl Authorization {
    /// Binds the header value to the origin (scheme, host and port) of `url`.
    pub(super) fn new(mut value: HeaderValue, url: &Url) -> Self {
        value.set_sensitive(true);
        Self {
            value,
            origin: url.origin(),
        }
    }

    fn value_for(&self, url: &Url) -> Option<HeaderValue> {
        (url.origin() == self.origin).then(|| self.value.clone())
    }
}

impl Response {
    pub(crate) fn status(&self) -> StatusCode {
        self.inner.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// Where the answer came from, after redirects.
    pub(crate) fn url(&self) -> &Url {
        self.inner.url()
    }

    /// A header as text, if it is there and readable.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let url = self.inner.url().clone();
        match tokio::time::timeout(IDLE_TIMEOUT, self.inner.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(Error::unreachable(&url, &error)),
            Err(_) => Err(silent(&url)),
        }
    }

    /// The whole body, which must not exceed `limit` bytes.
    pub(crate) async fn bytes(mut self, limit: usize) -> Result<Bytes> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                let reason = format!("its answer is larger than {limit} bytes");
                return Err(Error::protocol(self.url(), reason));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Success as it is; anything else as an [`Error`] with the server's words.
    pub(crate) async fn success(self) -> Result<Self> {
        let status = self.status();
        if status.is_success() {
            return Ok(self);
        }
        if status.is_redirection() {
            let reason = format!("it redirects where that is not expected ({status})");
            return Err(Error::protocol(self.url(), reason));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a Retry-After date is on the wall clock, and so is what it is compared with"
        )]
        let wait = retry_after(self.headers(), SystemTime::now());
        let (method, url) = (self.method.clone(), self.url().clone());
        let body = self.bytes(ERROR_LIMIT).await.unwrap_or_default();
        let mut answer = Answer::new(method, url, status, &body);
        answer.retry_after = wait;
        Err(Error::Answer(Box::new(answer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_shown_to_their_origin_only() {
        let url = |s: &str| Url::parse(s).expect("valid");
        let home = url("https://registry.example/v2/");
        let authorization = Authorization::new(HeaderValue::from_static("Bearer x"), &home);
        assert!(
            authorization
                .value_for(&url("https://registry.example/v2/a?b"))
                .is_some()
        );
        for other in [
            "http://registry.example/v2/",
            "https://registry.example:8443/v2/",
            "https://cdn.registry.example/v2/",
            "https://registry.example.evil/v2/",
        ] {
            assert!(authorization.value_for(&url(other)).is_none(), "{other}");
        }
    }
}
