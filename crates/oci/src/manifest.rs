//! Manifests: the bytes exactly as pushed, and a parsed view beside them.
//!
//! Digests are over bytes, so the bytes are never written again from the
//! view. The view is strict where the specification leaves two readings
//! (image-spec manifest.md, image-index.md; CVE-2021-41190).

mod spelling;

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    digest::{Algorithm, Digest},
    json::{self, JsonError},
    media_type::{self, ManifestKind},
};

/// Largest manifest accepted, in bytes (the specification asks for at least 4 MiB).
pub const MAX_SIZE: usize = 4 * 1024 * 1024;
/// Most descriptors one manifest may hold.
pub const MAX_DESCRIPTORS: usize = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest has {0} bytes; at most {MAX_SIZE} (4 MiB) are allowed")]
    TooLarge(usize),
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error(
        "this is a Docker schema 1 manifest, a format retired in 2017: rebuild or re-push the image with a current Docker, podman, buildah or skopeo (`skopeo copy --format v2s2`)"
    )]
    Schema1,
    #[error("the manifest names no media type: send it as Content-Type or as `mediaType`")]
    NoMediaType,
    #[error(
        "Content-Type says {declared}, the manifest's own `mediaType` says {own}: they must agree"
    )]
    MediaTypeMismatch { declared: String, own: String },
    #[error(
        "`{0}` is not a manifest media type this registry stores: push an OCI image manifest or index, or a Docker schema 2 manifest or list"
    )]
    UnknownMediaType(String),
    #[error(
        "the manifest has both `layers` or `config` and `manifests`: it must be an image or an index, not both"
    )]
    Ambiguous,
    #[error("`schemaVersion` must be 2")]
    SchemaVersion,
    #[error("`{field}` is missing or malformed: {reason}")]
    Field { field: String, reason: String },
    #[error("the manifest holds {0} descriptors; at most {MAX_DESCRIPTORS} are allowed")]
    TooManyDescriptors(usize),
}

/// What a descriptor is to the manifest that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Config,
    Layer,
    /// A manifest listed by an index.
    Child,
}

/// A content descriptor (image-spec descriptor.md), checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// `os/architecture[/variant]`, on an index's children.
    pub platform: Option<String>,
}

impl Descriptor {
    /// Content that may be absent from the registry: see [`media_type::is_foreign_layer`].
    pub fn is_foreign(&self) -> bool {
        media_type::is_foreign_layer(&self.media_type)
    }
}

/// A manifest as pushed, with its parsed view.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub media_type: String,
    pub kind: ManifestKind,
    /// What the referrers API files this manifest under: `artifactType`, or
    /// else an image's config media type (distribution-spec § Listing referrers).
    pub artifact_type: Option<String>,
    pub subject: Option<Descriptor>,
    pub references: Vec<(Role, Descriptor)>,
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Parses and checks `bytes`, pushed with the header `Content-Type: declared`.
    pub fn parse(bytes: &[u8], declared: Option<&str>) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_SIZE {
            return Err(ManifestError::TooLarge(bytes.len()));
        }
        let declared = declared.map(media_type::essence).filter(|t| {
            !t.is_empty() && t != "application/octet-stream" && t != "application/json"
        });
        if declared.as_deref().is_some_and(media_type::is_schema1) {
            return Err(ManifestError::Schema1);
        }
        let Value::Object(document) = json::parse(bytes)? else {
            return Err(field("manifest", "it must be a JSON object"));
        };
        spelling::check(&document)?;
        let raw = Raw::new(document)?;
        let media_type = raw.media_type(declared)?;
        let kind = media_type::manifest_kind(&media_type)
            .ok_or(ManifestError::UnknownMediaType(media_type.clone()))?;
        raw.check(kind, media_type)
    }

    /// The children of an index, in order.
    pub fn children(&self) -> impl Iterator<Item = &Descriptor> {
        self.with_role(|role| role == Role::Child)
    }

    /// Config and layers, in order.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.with_role(|role| role != Role::Child)
    }

    fn with_role(&self, keep: fn(Role) -> bool) -> impl Iterator<Item = &Descriptor> {
        self.references
            .iter()
            .filter(move |(role, _)| keep(*role))
            .map(|(_, descriptor)| descriptor)
    }
}

/// The document as JSON fields; unknown ones are allowed and ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
    manifests: Option<Vec<RawDescriptor>>,
    subject: Option<RawDescriptor>,
    annotations: Option<BTreeMap<String, String>>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<Value>,
    #[serde(skip)]
    has_layers: bool,
    #[serde(skip)]
    has_manifests: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    media_type: Option<String>,
    digest: Option<String>,
    size: Option<Value>,
    data: Option<String>,
    platform: Option<RawPlatform>,
}

#[derive(Deserialize)]
struct RawPlatform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

impl Raw {
    fn new(document: serde_json::Map<String, Value>) -> Result<Self, ManifestError> {
        let has_layers = document.contains_key("layers");
        let has_manifests = document.contains_key("manifests");
        let mut raw: Self =
            serde_json::from_value(Value::Object(document)).map_err(|e| field("manifest", e))?;
        raw.has_layers = has_layers;
        raw.has_manifests = has_manifests;
        Ok(raw)
    }

    fn media_type(&self, declared: Option<String>) -> Result<String, ManifestError> {
        let own = self.media_type.clone();
        if self.schema_version == Some(1)
            || self.fs_layers.is_some()
            || own.as_deref().is_some_and(media_type::is_schema1)
        {
            return Err(ManifestError::Schema1);
        }
        match (declared, own) {
            (Some(declared), Some(own)) if declared != own => {
                Err(ManifestError::MediaTypeMismatch { declared, own })
            }
            (Some(media_type), _) | (None, Some(media_type)) => Ok(media_type),
            (None, None) => Err(ManifestError::NoMediaType),
        }
    }

    fn check(self, kind: ManifestKind, media_type: String) -> Result<Manifest, ManifestError> {
        if self.has_manifests && (self.has_layers || self.config.is_some()) {
            return Err(ManifestError::Ambiguous);
        }
        if self.schema_version != Some(2) {
            return Err(ManifestError::SchemaVersion);
        }
        let config_type = self.config.as_ref().and_then(|c| c.media_type.clone());
        let references = match kind {
            ManifestKind::Image => image_references(self.config, self.layers, self.has_manifests)?,
            ManifestKind::Index => index_references(self.manifests, self.has_manifests)?,
        };
        if references.len() > MAX_DESCRIPTORS {
            return Err(ManifestError::TooManyDescriptors(references.len()));
        }
        Ok(Manifest {
            media_type,
            kind,
            artifact_type: self.artifact_type.filter(|t| !t.is_empty()).or(config_type),
            subject: self.subject.map(|s| s.check("subject")).transpose()?,
            references,
            annotations: self.annotations.unwrap_or_default(),
        })
    }
}

fn image_references(
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
    has_manifests: bool,
) -> Result<Vec<(Role, Descriptor)>, ManifestError> {
    if has_manifests {
        return Err(field("manifests", "an image manifest has none"));
    }
    let config = config.ok_or_else(|| field("config", "an image manifest needs one"))?;
    let mut references = vec![(Role::Config, config.check("config")?)];
    for (i, layer) in layers.unwrap_or_default().into_iter().enumerate() {
        references.push((Role::Layer, layer.check(&format!("layers[{i}]"))?));
    }
    Ok(references)
}

fn index_references(
    manifests: Option<Vec<RawDescriptor>>,
    has_manifests: bool,
) -> Result<Vec<(Role, Descriptor)>, ManifestError> {
    if !has_manifests {
        return Err(field("manifests", "an index needs the list, even if empty"));
    }
    let children = manifests.unwrap_or_default().into_iter().enumerate();
    children
        .map(|(i, child)| Ok((Role::Child, child.check(&format!("manifests[{i}]"))?)))
        .collect()
}

impl RawDescriptor {
    fn check(self, at: &str) -> Result<Descriptor, ManifestError> {
        let path = |name: &str| format!("{at}.{name}");
        let media_type = self
            .media_type
            .filter(|t| !t.is_empty())
            .ok_or_else(|| field(path("mediaType"), "it is required"))?;
        let digest: Digest = self
            .digest
            .ok_or_else(|| field(path("digest"), "it is required"))?
            .parse()
            .map_err(|e| field(path("digest"), e))?;
        let size = self
            .size
            .as_ref()
            .and_then(Value::as_u64)
            .filter(|&size| i64::try_from(size).is_ok())
            .ok_or_else(|| {
                field(
                    path("size"),
                    "it must be a whole number of bytes, 0 or more",
                )
            })?;
        if let Some(data) = &self.data {
            check_data(data, &digest, size).map_err(|reason| field(path("data"), reason))?;
        }
        Ok(Descriptor {
            media_type,
            digest,
            size,
            platform: self.platform.and_then(RawPlatform::display),
        })
    }
}

/// An embedded copy of the content must be that content (descriptor.md § Embedded content).
fn check_data(data: &str, digest: &Digest, size: u64) -> Result<(), &'static str> {
    let bytes = BASE64_STANDARD
        .decode(data)
        .map_err(|_| "it is not base64")?;
    if bytes.len() as u64 != size || Digest::of(digest.algorithm(), &bytes) != *digest {
        return Err("it does not match the descriptor's digest and size");
    }
    Ok(())
}

impl RawPlatform {
    fn display(self) -> Option<String> {
        let mut text = format!("{}/{}", self.os?, self.architecture?);
        if let Some(variant) = self.variant.filter(|v| !v.is_empty()) {
            text.push('/');
            text.push_str(&variant);
        }
        Some(text)
    }
}

fn field(field: impl Into<String>, reason: impl ToString) -> ManifestError {
    ManifestError::Field {
        field: field.into(),
        reason: reason.to_string(),
    }
}

/// The digest a manifest gets when nobody named one.
pub const DEFAULT_ALGORITHM: Algorithm = Algorithm::Sha256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::media_type::{DOCKER_MANIFEST, OCI_EMPTY, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};

    fn descriptor(media_type: &str, content: &[u8]) -> Value {
        json!({"mediaType": media_type, "digest": Digest::sha256(content).as_str(), "size": content.len()})
    }

    fn image() -> Value {
        json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_EMPTY, b"{}"),
            "layers": [descriptor(OCI_LAYER_GZIP, b"layer")],
        })
    }

    fn parse(value: &Value, declared: Option<&str>) -> Result<Manifest, ManifestError> {
        Manifest::parse(value.to_string().as_bytes(), declared)
    }

    #[test]
    fn an_image_and_its_references() {
        let manifest = parse(&image(), Some(OCI_MANIFEST)).expect("valid");
        assert_eq!(manifest.kind, ManifestKind::Image);
        assert_eq!(manifest.artifact_type.as_deref(), Some(OCI_EMPTY));
        assert_eq!(manifest.blobs().count(), 2);
        assert_eq!(manifest.children().count(), 0);
    }

    #[test]
    fn an_index_and_its_platforms() {
        let mut child = descriptor(OCI_MANIFEST, b"child");
        child["platform"] = json!({"os": "linux", "architecture": "arm", "variant": "v7"});
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]});
        let manifest = parse(&index, None).expect("valid");
        let child = manifest.children().next().expect("one child");
        assert_eq!(child.platform.as_deref(), Some("linux/arm/v7"));
        assert_eq!(manifest.artifact_type, None);
    }

    #[test]
    fn lists_may_be_empty_or_null() {
        for layers in [json!([]), Value::Null] {
            let mut value = image();
            value["layers"] = layers;
            assert!(parse(&value, None).is_ok());
        }
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []});
        assert!(parse(&index, None).is_ok());
    }

    #[test]
    fn the_media_type_has_one_meaning() {
        let mut without = image();
        without.as_object_mut().expect("object").remove("mediaType");
        assert!(matches!(
            parse(&without, None),
            Err(ManifestError::NoMediaType)
        ));
        assert!(
            parse(
                &without,
                Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8")
            )
            .is_ok()
        );
        assert!(matches!(
            parse(&image(), Some(DOCKER_MANIFEST)),
            Err(ManifestError::MediaTypeMismatch { .. })
        ));
        assert!(matches!(
            parse(&without, Some("application/vnd.example+json")),
            Err(ManifestError::UnknownMediaType(_))
        ));
    }

    #[test]
    fn both_shapes_at_once_are_refused() {
        let mut both = image();
        both["manifests"] = json!([]);
        assert!(matches!(parse(&both, None), Err(ManifestError::Ambiguous)));
        both["mediaType"] = json!(OCI_INDEX);
        assert!(matches!(parse(&both, None), Err(ManifestError::Ambiguous)));
        let index_as_image =
            json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "manifests": []});
        assert!(parse(&index_as_image, None).is_err());
    }

    #[test]
    fn schema_1_is_told_what_to_do() {
        let old =
            json!({"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": []});
        let error = parse(&old, None).expect_err("schema 1");
        assert!(error.to_string().contains("rebuild or re-push"));
    }

    #[test]
    fn descriptors_are_checked() {
        type Spoil = (&'static str, fn(&mut Value));
        let spoil: &[Spoil] = &[
            ("layers[0].size", |v| v["layers"][0]["size"] = json!(-1)),
            ("layers[0].size", |v| {
                v["layers"][0]["size"] = json!(18_446_744_073_709_551_615_u64);
            }),
            ("layers[0].size", |v| v["layers"][0]["size"] = json!("5")),
            ("layers[0].digest", |v| {
                v["layers"][0]["digest"] = json!("sha256:../../x");
            }),
            ("config.mediaType", |v| v["config"]["mediaType"] = json!("")),
            ("config.data", |v| v["config"]["data"] = json!("AAAA")),
            ("config", |v| v["config"] = Value::Null),
        ];
        for (field, spoil) in spoil {
            let mut value = image();
            spoil(&mut value);
            let error = parse(&value, None).expect_err(field).to_string();
            assert!(error.contains(&format!("`{field}`")), "{error}");
        }
        let mut value = image();
        value["config"]["data"] = json!(BASE64_STANDARD.encode(b"{}"));
        assert!(parse(&value, None).is_ok());
    }

    #[test]
    fn size_limits() {
        let mut value = image();
        value["layers"] = Value::Array(vec![descriptor(OCI_LAYER_GZIP, b"x"); MAX_DESCRIPTORS]);
        assert!(matches!(
            parse(&value, None),
            Err(ManifestError::TooManyDescriptors(10_001))
        ));
        assert!(matches!(
            Manifest::parse(&vec![b' '; MAX_SIZE + 1], None),
            Err(ManifestError::TooLarge(_))
        ));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(s in r#"[\[\]{}":,a-zA-Z0-9. -]{0,200}"#, declared in proptest::option::of(".{0,60}")) {
            let _ = Manifest::parse(s.as_bytes(), declared.as_deref());
        }
    }
}
