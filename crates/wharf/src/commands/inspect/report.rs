//! What `inspect` tells, as JSON and as text.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use wharf_oci::{
    Digest, ImageReference, Manifest, Size,
    manifest::{Descriptor, Role},
    media_type::{ManifestKind, OCI_CONFIG},
};
use wharf_registry_client::{RawManifest, platform::Platform};

const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// The documented JSON of `wharf inspect --json`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    reference: String,
    digest: Digest,
    media_type: String,
    kind: &'static str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Digest>,
    #[serde(flatten)]
    config_view: Config,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    manifests: Vec<Part>,
}

/// What is worth knowing from an image's configuration (image-spec config.md).
#[derive(Debug, Default, Serialize)]
pub(super) struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
}

/// A descriptor.
#[derive(Debug, Serialize)]
struct Part {
    digest: Digest,
    media_type: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
}

impl Config {
    /// Reads what it can: a configuration is the image author's own.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Raw {
            created: Option<String>,
            config: Option<Inner>,
        }
        #[derive(Deserialize)]
        struct Inner {
            #[serde(rename = "Labels")]
            labels: Option<BTreeMap<String, String>>,
        }
        let raw: Raw = serde_json::from_slice(bytes).unwrap_or_default();
        Self {
            platform: Platform::of_config(bytes).map(|platform| platform.to_string()),
            created: raw.created,
            labels: raw
                .config
                .and_then(|inner| inner.labels)
                .unwrap_or_default(),
        }
    }
}

impl Report {
    pub(super) fn new(
        image: &ImageReference,
        raw: &RawManifest,
        manifest: &Manifest,
        config_view: Config,
    ) -> Self {
        let parts = |wanted: Role| {
            let references = manifest.references.iter();
            references
                .filter(move |(role, _)| *role == wanted)
                .map(|(_, d)| Part::new(d))
        };
        let (kind, size) = match manifest.kind {
            ManifestKind::Image => ("image", manifest.blobs().map(|blob| blob.size).sum()),
            ManifestKind::Index => ("index", raw.bytes.len() as u64),
        };
        Self {
            reference: image.to_string(),
            digest: raw.digest.clone(),
            media_type: manifest.media_type.clone(),
            kind,
            size,
            artifact_type: manifest
                .artifact_type
                .clone()
                .filter(|t| !is_image_config(t)),
            subject: manifest
                .subject
                .as_ref()
                .map(|subject| subject.digest.clone()),
            config_view,
            annotations: manifest.annotations.clone(),
            config: parts(Role::Config).next(),
            layers: parts(Role::Layer).collect(),
            manifests: parts(Role::Child).collect(),
        }
    }
}

/// The configuration of an image, in OCI's format or in Docker's.
pub(super) fn is_image_config(media_type: &str) -> bool {
    media_type == OCI_CONFIG || media_type == DOCKER_CONFIG
}

impl Part {
    fn new(descriptor: &Descriptor) -> Self {
        Self {
            digest: descriptor.digest.clone(),
            media_type: descriptor.media_type.clone(),
            size: descriptor.size,
            platform: descriptor.platform.clone(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference:   {}", self.reference)?;
        write!(f, "\nDigest:      {}", self.digest)?;
        write!(f, "\nMedia type:  {}", self.media_type)?;
        optional(f, "Artifact:    ", self.artifact_type.as_ref())?;
        optional(f, "Subject:     ", self.subject.as_ref())?;
        optional(f, "Platform:    ", self.config_view.platform.as_ref())?;
        optional(f, "Created:     ", self.config_view.created.as_ref())?;
        if self.kind == "image" {
            let plural = if self.layers.len() == 1 { "" } else { "s" };
            let (size, layers) = (Size(self.size), self.layers.len());
            write!(f, "\nSize:        {size} in {layers} layer{plural}")?;
        }
        parts(f, "Layers", &self.layers)?;
        parts(f, "Manifests", &self.manifests)?;
        pairs(f, "Labels", &self.config_view.labels)?;
        pairs(f, "Annotations", &self.annotations)
    }
}

fn optional(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    value: Option<&impl fmt::Display>,
) -> fmt::Result {
    match value {
        Some(value) => write!(f, "\n{name}{value}"),
        None => Ok(()),
    }
}

fn parts(f: &mut fmt::Formatter<'_>, title: &str, parts: &[Part]) -> fmt::Result {
    if parts.is_empty() {
        return Ok(());
    }
    write!(f, "\n{title}:")?;
    for part in parts {
        let what = part.platform.as_deref().unwrap_or(&part.media_type);
        write!(
            f,
            "\n  {}  {:>10}  {what}",
            part.digest,
            Size(part.size).to_string()
        )?;
    }
    Ok(())
}

fn pairs(f: &mut fmt::Formatter<'_>, title: &str, pairs: &BTreeMap<String, String>) -> fmt::Result {
    if pairs.is_empty() {
        return Ok(());
    }
    write!(f, "\n{title}:")?;
    for (key, value) in pairs {
        // One pair stays on one line, and cannot steer the terminal.
        write!(f, "\n  {key}={}", value.escape_debug())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wharf_oci::media_type::{OCI_LAYER_GZIP, OCI_MANIFEST};

    use super::*;

    fn report() -> Report {
        let descriptor = |media_type: &str, content: &[u8]| json!({"mediaType": media_type, "digest": Digest::sha256(content).as_str(), "size": content.len()});
        let bytes = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, b"{}"),
            "layers": [descriptor(OCI_LAYER_GZIP, b"layer")],
            "annotations": {"note": "two\nlines \u{1b}[31m"},
        })
        .to_string();
        let raw = RawManifest {
            media_type: OCI_MANIFEST.to_owned(),
            digest: Digest::sha256(bytes.as_bytes()),
            bytes: bytes.into(),
        };
        let image = "ghcr.io/a/b:1".parse().expect("valid");
        let config = Config::parse(
            br#"{"os":"linux","architecture":"arm64","config":{"Labels":{"k":"v"}}}"#,
        );
        Report::new(&image, &raw, &raw.parse().expect("valid"), config)
    }

    #[test]
    fn text_stays_on_its_lines() {
        let text = report().to_string();
        assert!(text.contains("\nPlatform:    linux/arm64\n"), "{text}");
        assert!(text.contains("\n  note=two\\nlines \\u{1b}[31m"), "{text}");
        assert!(text.contains("7 B in 1 layer\n"), "{text}");
    }

    #[test]
    fn json_has_the_documented_fields() {
        let json = serde_json::to_value(report()).expect("serialises");
        assert_eq!(json["kind"], "image");
        assert_eq!(json["platform"], "linux/arm64");
        assert_eq!(json["labels"]["k"], "v");
        assert_eq!(json["layers"][0]["size"], 5);
        assert!(json.get("manifests").is_none());
    }
}
