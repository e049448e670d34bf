//! Reading a blob to its end: resumed when the connection breaks, and never
//! ended well unless the bytes are the ones asked for.

use bytes::Bytes;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use http::{
    HeaderValue, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE},
};
use wharf_oci::{Digest, Hasher, range};

use crate::{
    client::Repository,
    error::{Error, Result},
    transport::{
        Call, Response, Scopes,
        retry::{Repeat, Retry},
    },
};

/// The bytes of a blob. An error ends the stream.
pub type BlobStream = BoxStream<'static, Result<Bytes>>;

/// A blob on its way.
struct Download {
    repository: Repository,
    digest: Digest,
    /// Bytes in all, if known.
    size: Option<u64>,
    /// Bytes received.
    offset: u64,
    hasher: Hasher,
    response: Response,
    retry: Retry,
}

/// Opens the blob, so that a missing one fails here and not in the stream.
pub(crate) async fn open(
    repository: Repository,
    digest: Digest,
    size: Option<u64>,
) -> Result<BlobStream> {
    let response = request(&repository, &digest, 0).await?;
    let told = response
        .header(CONTENT_LENGTH.as_str())
        .and_then(|s| s.parse().ok());
    let download = Download {
        hasher: Hasher::new(digest.algorithm()),
        size: size.or(told),
        offset: 0,
        retry: Retry::new(Repeat::Safe),
        repository,
        digest,
        response,
    };
    let stream = stream::try_unfold(download, |mut download| async move {
        Ok(download.next().await?.map(|chunk| (chunk, download)))
    });
    Ok(stream.boxed())
}

async fn request(repository: &Repository, digest: &Digest, offset: u64) -> Result<Response> {
    let url = repository.url(&format!("blobs/{digest}"))?;
    let mut call = Call::new(Method::GET, url, Scopes::pull(repository.path()));
    if offset > 0 {
        let range = HeaderValue::from_str(&format!("bytes={offset}-"))
            .map_err(|e| Error::Invalid(e.to_string()))?;
        call.headers.insert(RANGE, range);
    }
    repository.send(call).await
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let broken = match self.response.chunk().await {
                Ok(Some(chunk)) if chunk.is_empty() => continue,
                Ok(Some(chunk)) => return self.take(chunk).map(Some),
                Ok(None) if self.is_complete() => return self.verify().map(|()| None),
                Ok(None) => self.cut_short(),
                Err(error) => error,
            };
            self.retry.pause(broken).await?;
            self.resume().await?;
        }
    }

    fn take(&mut self, chunk: Bytes) -> Result<Bytes> {
        self.offset += chunk.len() as u64;
        if let Some(size) = self.size.filter(|&size| self.offset > size) {
            return Err(self.mismatch(format!("more than the {size} bytes announced")));
        }
        self.hasher.update(&chunk);
        if self.size == Some(self.offset) {
            // Before the last piece is handed on: whoever counts bytes (an
            // upload with a length) would take it as the end and never look
            // for an error after it.
            self.verify()?;
        }
        Ok(chunk)
    }

    fn is_complete(&self) -> bool {
        self.size.is_none_or(|size| self.offset >= size)
    }

    fn verify(&self) -> Result<()> {
        let actual = self.hasher.clone().finish();
        if actual == self.digest {
            Ok(())
        } else {
            Err(self.mismatch(actual.to_string()))
        }
    }

    /// Continues at the byte where the last connection broke.
    async fn resume(&mut self) -> Result<()> {
        let response = request(&self.repository, &self.digest, self.offset).await?;
        let continues = match response.status() {
            StatusCode::PARTIAL_CONTENT => response
                .header(CONTENT_RANGE.as_str())
                .and_then(range::parse_chunk)
                .is_some_and(|range| range.start == self.offset),
            _ => self.offset == 0,
        };
        if !continues {
            return Err(self.cut_short());
        }
        self.response = response;
        Ok(())
    }

    fn cut_short(&self) -> Error {
        Error::Unreachable {
            host: self.repository.client().host().to_owned(),
            reason: format!(
                "the connection broke after {} bytes of the blob {}",
                self.offset, self.digest
            ),
        }
    }

    fn mismatch(&self, actual: String) -> Error {
        Error::DigestMismatch {
            origin: self.repository.client().host().to_owned(),
            expected: self.digest.clone(),
            actual,
        }
    }
}
