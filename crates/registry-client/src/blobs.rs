//! Blobs: ask, read, mount, delete. Long reads are in `download`, writes in
//! `upload`.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt};
use http::{Method, StatusCode, header::CONTENT_LENGTH};
use wharf_oci::Digest;

use crate::{
    client::Repository,
    download::{self, BlobStream},
    error::{Error, ErrorKind, Result},
    transport::{Call, Scopes},
    upload::Upload,
};

/// What HEAD tells about a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobInfo {
    /// Bytes, if the registry says.
    pub size: Option<u64>,
}

/// How a registry took the wish to mount a blob.
#[derive(Debug)]
pub enum Mount {
    Mounted,
    /// It would rather have the bytes, and opened an upload for them.
    Upload(Upload),
}

impl Repository {
    /// Whether the blob is here; `None` if not.
    pub async fn find_blob(&self, digest: &Digest) -> Result<Option<BlobInfo>> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let call = Call::new(Method::HEAD, url, Scopes::pull(self.path()));
        match self.send(call).await {
            Ok(response) => Ok(Some(BlobInfo {
                size: response
                    .header(CONTENT_LENGTH.as_str())
                    .and_then(|s| s.parse().ok()),
            })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The blob as a stream that ends well only if the bytes have `digest`
    /// (and `size`, if given). A broken connection is resumed where it broke.
    pub async fn get_blob(&self, digest: &Digest, size: Option<u64>) -> Result<BlobStream> {
        download::open(self.clone(), digest.clone(), size).await
    }

    /// A small blob, an image's configuration for example, in memory.
    pub async fn read_blob(&self, digest: &Digest, limit: usize) -> Result<Bytes> {
        let mut stream = self.get_blob(digest, None).await?;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = stream.try_next().await? {
            if bytes.len() + chunk.len() > limit {
                return Err(Error::Invalid(format!(
                    "the blob {digest} of {self} is larger than the {limit} bytes expected of it"
                )));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    /// Puts `size` bytes in place as the blob `digest`.
    pub async fn put_blob(
        &self,
        digest: &Digest,
        size: u64,
        content: impl Stream<Item = Result<Bytes>> + Send + 'static,
    ) -> Result<()> {
        let upload = self.start_upload().await?;
        upload.finish(digest, size, content.boxed()).await
    }

    /// Makes a blob of another repository of this registry appear here
    /// without moving it (distribution-spec § Mounting a blob).
    pub async fn mount_blob(&self, digest: &Digest, from: &Self) -> Result<Mount> {
        let mut url = self.url("blobs/uploads/")?;
        url.query_pairs_mut()
            .append_pair("mount", digest.as_str())
            .append_pair("from", from.path());
        let scopes = Scopes::push(self.path()).and(&Scopes::pull(from.path()));
        let response = match self.send(Call::new(Method::POST, url, scopes)).await {
            Ok(response) => response,
            // Some registries refuse where they should fall back.
            Err(error) if error.kind() != ErrorKind::RateLimited => {
                tracing::debug!(%error, "mount refused, uploading instead");
                return self.start_upload().await.map(Mount::Upload);
            }
            Err(error) => return Err(error),
        };
        match response.status() {
            StatusCode::CREATED => Ok(Mount::Mounted),
            _ => Upload::begun(self, &response).map(Mount::Upload),
        }
    }

    /// Deletes the blob from this repository.
    pub async fn delete_blob(&self, digest: &Digest) -> Result<()> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let call = Call::new(Method::DELETE, url, Scopes::delete(self.path()));
        self.send(call).await.map(drop)
    }

    async fn start_upload(&self) -> Result<Upload> {
        let url = self.url("blobs/uploads/")?;
        let call = Call::new(Method::POST, url, Scopes::push(self.path()));
        let response = self.send(call).await?;
        Upload::begun(self, &response)
    }
}
