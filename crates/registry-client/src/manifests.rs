//! Manifests: read and written byte for byte, every digest checked.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
};
use serde::Deserialize;
use wharf_oci::{
    Digest, Manifest, Reference,
    manifest::{DEFAULT_ALGORITHM, MAX_SIZE},
    media_type::{MANIFEST_TYPES, essence},
};

use crate::{
    client::Repository,
    error::{Error, Result},
    transport::{Call, Payload, Scopes},
};

const DIGEST_HEADER: &str = "docker-content-digest";
/// Sent by registries that keep the list of referrers themselves
/// (distribution-spec § Pushing manifests with subject).
const SUBJECT_HEADER: &str = "oci-subject";

/// A manifest as a registry serves it.
#[derive(Debug, Clone)]
pub struct RawManifest {
    /// Without parameters, lowercase.
    pub media_type: String,
    pub digest: Digest,
    pub bytes: Bytes,
}

impl RawManifest {
    /// The parsed view of the bytes.
    pub fn parse(&self) -> Result<Manifest> {
        Manifest::parse(&self.bytes, Some(&self.media_type)).map_err(|source| Error::Manifest {
            what: self.digest.to_string(),
            source,
        })
    }
}

/// What HEAD tells about a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestInfo {
    pub digest: Digest,
    /// Without parameters, lowercase; empty if the registry does not say.
    pub media_type: String,
    /// Bytes, if the registry says.
    pub size: Option<u64>,
}

/// What a registry says to a manifest it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutReceipt {
    /// It lists this manifest among its subject's referrers by itself.
    pub lists_subject: bool,
}

impl Repository {
    /// The manifest, or an error of the kind `NotFound`.
    pub async fn get_manifest(&self, reference: &Reference) -> Result<RawManifest> {
        let call = self.manifest_call(Method::GET, reference)?;
        let response = self.send(call).await?;
        let headers = response.headers().clone();
        let bytes = response.bytes(MAX_SIZE).await?;
        let digest = self.checked_digest(reference, &headers, &bytes)?;
        Ok(RawManifest {
            media_type: media_type(&headers, &bytes),
            digest,
            bytes,
        })
    }

    /// Digest and size without the content, which no registry counts as a
    /// pull; `None` if there is no such manifest.
    pub async fn find_manifest(&self, reference: &Reference) -> Result<Option<ManifestInfo>> {
        let call = self.manifest_call(Method::HEAD, reference)?;
        let response = match self.send(call).await {
            Ok(response) => response,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let headers = response.headers();
        let Some(digest) = named_digest(headers) else {
            return self.get_manifest(reference).await.map(|m| Some(m.into()));
        };
        Ok(Some(ManifestInfo {
            digest,
            media_type: content_type(headers),
            size: response
                .header(CONTENT_LENGTH.as_str())
                .and_then(|s| s.parse().ok()),
        }))
    }

    /// Stores `manifest` under a tag, or under its own digest.
    pub async fn put_manifest(
        &self,
        reference: &Reference,
        manifest: &RawManifest,
    ) -> Result<PutReceipt> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let mut call = Call::new(Method::PUT, url, Scopes::push(self.path()));
        let content_type = HeaderValue::from_str(&manifest.media_type)
            .map_err(|_| Error::Invalid("the media type holds control characters".to_owned()))?;
        call.headers.insert(CONTENT_TYPE, content_type);
        call.payload = Payload::Bytes(manifest.bytes.clone());
        let response = self.send(call).await?;
        match named_digest(response.headers()) {
            Some(stored)
                if stored.algorithm() == manifest.digest.algorithm()
                    && stored != manifest.digest =>
            {
                Err(Error::protocol(
                    response.url(),
                    format!(
                        "it stored {} as {stored}: the content was changed",
                        manifest.digest
                    ),
                ))
            }
            _ => Ok(PutReceipt {
                lists_subject: response.headers().contains_key(SUBJECT_HEADER),
            }),
        }
    }

    /// Deletes a tag, or a manifest with all its tags if given by digest.
    pub async fn delete_manifest(&self, reference: &Reference) -> Result<()> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let call = Call::new(Method::DELETE, url, Scopes::delete(self.path()));
        self.send(call).await.map(drop)
    }

    fn manifest_call(&self, method: Method, reference: &Reference) -> Result<Call> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let mut call = Call::new(method, url, Scopes::pull(self.path()));
        for media_type in MANIFEST_TYPES {
            call.headers
                .append(ACCEPT, HeaderValue::from_static(media_type));
        }
        // Last, so that what nobody pushes any more is still shown as itself.
        call.headers
            .append(ACCEPT, HeaderValue::from_static("*/*;q=0.1"));
        Ok(call)
    }

    /// The digest of `bytes`, which must be the one asked for, or else the
    /// one the registry names.
    fn checked_digest(
        &self,
        reference: &Reference,
        headers: &HeaderMap,
        bytes: &[u8],
    ) -> Result<Digest> {
        let expected = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(_) => named_digest(headers),
        };
        let algorithm = expected
            .as_ref()
            .map_or(DEFAULT_ALGORITHM, Digest::algorithm);
        let actual = Digest::of(algorithm, bytes);
        match expected {
            Some(expected) if expected != actual => Err(Error::DigestMismatch {
                origin: self.client().host().to_owned(),
                expected,
                actual: actual.to_string(),
            }),
            _ => Ok(actual),
        }
    }
}

impl From<RawManifest> for ManifestInfo {
    fn from(manifest: RawManifest) -> Self {
        Self {
            digest: manifest.digest,
            media_type: manifest.media_type,
            size: Some(manifest.bytes.len() as u64),
        }
    }
}

fn named_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get(DIGEST_HEADER)?.to_str().ok()?.parse().ok()
}

fn content_type(headers: &HeaderMap) -> String {
    let header = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    header.map(essence).unwrap_or_default()
}

/// The media type from the header, or from the manifest itself where a
/// static file server stands in for a registry.
fn media_type(headers: &HeaderMap, bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Own {
        media_type: String,
    }
    let declared = content_type(headers);
    match declared.as_str() {
        "" | "application/json" | "application/octet-stream" | "text/plain" => {
            serde_json::from_slice::<Own>(bytes).map_or(declared, |own| own.media_type)
        }
        _ => declared,
    }
}

#[cfg(test)]
mod tests {
    use wharf_oci::media_type::{OCI_INDEX, OCI_MANIFEST};

    use super::*;

    #[test]
    fn the_media_type_comes_from_the_header_or_the_manifest() {
        let own = format!(r#"{{"mediaType":"{OCI_INDEX}"}}"#);
        for (header, expected) in [
            (
                "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
                OCI_MANIFEST,
            ),
            ("application/octet-stream", OCI_INDEX),
            ("text/plain; charset=utf-8", OCI_INDEX),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(header));
            assert_eq!(media_type(&headers, own.as_bytes()), expected, "{header}");
        }
        assert_eq!(media_type(&HeaderMap::new(), own.as_bytes()), OCI_INDEX);
        assert_eq!(media_type(&HeaderMap::new(), b"{}"), "");
    }
}
