//! Referrers: what was attached to an image (signatures, SBOMs). Asked of the
//! API, and of the tag schema where a registry has no such API
//! (distribution-spec § Listing referrers, § Referrers tag schema).

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wharf_oci::{Digest, Manifest, Reference, Tag, media_type::OCI_INDEX};

use crate::{
    client::Repository,
    error::{Error, ErrorKind, Result},
    manifests::RawManifest,
    transport::Scopes,
};

/// One manifest that refers to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    pub media_type: String,
    pub digest: Digest,
    /// Bytes of the manifest.
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Option<Vec<Referrer>>,
}

impl Referrer {
    /// The entry under which `manifest` is listed.
    fn of(raw: &RawManifest, manifest: &Manifest) -> Self {
        Self {
            media_type: raw.media_type.clone(),
            digest: raw.digest.clone(),
            size: raw.bytes.len() as u64,
            artifact_type: manifest.artifact_type.clone(),
            annotations: manifest.annotations.clone(),
        }
    }
}

impl Repository {
    /// Everything that refers to the manifest `subject`.
    pub async fn referrers(&self, subject: &Digest) -> Result<Vec<Referrer>> {
        let mut referrers = Vec::new();
        let mut next = Some(self.url(&format!("referrers/{subject}"))?);
        while let Some(url) = next {
            let page: Index;
            (page, next) = match self.client().page(url, Scopes::pull(self.path())).await {
                Ok(page) => page,
                Err(error) if has_no_api(&error) => return self.tagged_referrers(subject).await,
                Err(error) => return Err(error),
            };
            referrers.extend(page.manifests.unwrap_or_default());
        }
        Ok(referrers)
    }

    /// Lists `manifest` under its subject's fallback tag, for registries that
    /// do not list it by themselves. Two clients that do this at once can lose
    /// an entry; the specification has no remedy.
    pub(crate) async fn list_referrer(&self, raw: &RawManifest, manifest: &Manifest) -> Result<()> {
        let Some(subject) = &manifest.subject else {
            return Ok(());
        };
        let mut referrers = self.tagged_referrers(&subject.digest).await?;
        if referrers.iter().any(|known| known.digest == raw.digest) {
            return Ok(());
        }
        referrers.push(Referrer::of(raw, manifest));
        let index = index_of(&referrers);
        let tag = Reference::Tag(fallback_tag(&subject.digest)?);
        self.put_manifest(&tag, &index).await.map(drop)
    }

    async fn tagged_referrers(&self, subject: &Digest) -> Result<Vec<Referrer>> {
        let tag = Reference::Tag(fallback_tag(subject)?);
        let raw = match self.get_manifest(&tag).await {
            Ok(raw) => raw,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let index: Index = serde_json::from_slice(&raw.bytes).map_err(|e| Error::Protocol {
            host: self.client().host().to_owned(),
            reason: format!("the referrers of {subject} cannot be read: {e}"),
        })?;
        Ok(index.manifests.unwrap_or_default())
    }
}

/// Registries without the API answer 404, or 400 and 405 for a path they
/// cannot read.
fn has_no_api(error: &Error) -> bool {
    error.status().is_some() && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid)
}

fn fallback_tag(subject: &Digest) -> Result<Tag> {
    // 64 characters of hex at most: a sha512 digest would exceed a tag.
    let hex: String = subject.hex().chars().take(64).collect();
    format!("{}-{hex}", subject.algorithm())
        .parse()
        .map_err(|e: wharf_oci::tag::TagError| Error::Invalid(e.to_string()))
}

fn index_of(referrers: &[Referrer]) -> RawManifest {
    let index: Value = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": referrers,
    });
    let bytes = Bytes::from(index.to_string());
    RawManifest {
        media_type: OCI_INDEX.to_owned(),
        digest: Digest::sha256(&bytes),
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use wharf_oci::Algorithm;

    use super::*;

    #[test]
    fn the_fallback_tag_fits_every_digest() {
        let sha256 = Digest::sha256(b"x");
        assert_eq!(
            fallback_tag(&sha256).expect("a tag").as_str(),
            sha256.as_str().replace(':', "-")
        );
        let sha512 = Digest::of(Algorithm::Sha512, b"x");
        assert_eq!(fallback_tag(&sha512).expect("a tag").as_str().len(), 7 + 64);
    }

    #[test]
    fn an_index_of_referrers_is_a_valid_index() {
        let referrer = Referrer {
            media_type: wharf_oci::media_type::OCI_MANIFEST.to_owned(),
            digest: Digest::sha256(b"signature"),
            size: 9,
            artifact_type: Some("application/vnd.example".to_owned()),
            annotations: BTreeMap::new(),
        };
        let index = index_of(std::slice::from_ref(&referrer));
        let parsed = index.parse().expect("a manifest");
        let child = parsed.children().next().expect("one child");
        assert_eq!(child.digest, referrer.digest);
    }
}
