//! One upload session: its bytes go up in a single streaming PATCH and are
//! committed by a PUT, which every registry in the field understands
//! (distribution-spec § Pushing blobs).

use http::{
    HeaderValue, Method,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use url::Url;
use wharf_oci::Digest;

use crate::{
    client::Repository,
    error::Result,
    transport::{Call, Payload, Response, Scopes, Source, redirect},
};

/// A session that a registry opened. Dropped sessions expire at the registry.
#[derive(Debug)]
pub struct Upload {
    repository: Repository,
    location: Url,
}

impl Upload {
    /// The session of a 202 answer.
    pub(crate) fn begun(repository: &Repository, response: &Response) -> Result<Self> {
        Ok(Self {
            repository: repository.clone(),
            location: redirect::location(response.headers(), response.url())?,
        })
    }

    /// Sends the bytes and commits them as `digest`; a failed session is
    /// cancelled, so that it does not linger.
    pub(crate) async fn finish(
        mut self,
        digest: &Digest,
        size: u64,
        content: Source,
    ) -> Result<()> {
        let result = self.send(digest, size, content).await;
        if result.is_err() {
            self.cancel().await;
        }
        result
    }

    async fn send(&mut self, digest: &Digest, size: u64, content: Source) -> Result<()> {
        if size > 0 {
            let mut call = self.call(Method::PATCH, self.location.clone());
            call.headers.insert(CONTENT_LENGTH, size.into());
            call.payload = Payload::Stream(Some(content));
            let response = self.repository.send(call).await?;
            self.location = redirect::location(response.headers(), response.url())?;
        }
        let mut url = self.location.clone();
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        let mut call = self.call(Method::PUT, url);
        call.headers.insert(CONTENT_LENGTH, 0.into());
        self.repository.send(call).await.map(drop)
    }

    /// Tells the registry to forget the session; its answer changes nothing.
    async fn cancel(&self) {
        let call = self.call(Method::DELETE, self.location.clone());
        if let Err(error) = self.repository.send(call).await {
            tracing::debug!(%error, "the upload session could not be cancelled");
        }
    }

    fn call(&self, method: Method, url: Url) -> Call {
        let mut call = Call::new(method, url, Scopes::push(self.repository.path()));
        let bytes = HeaderValue::from_static("application/octet-stream");
        call.headers.insert(CONTENT_TYPE, bytes);
        call
    }
}
