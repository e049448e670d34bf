//! Small images and indexes, real as far as a registry can tell.

use reqwest::StatusCode;
use serde_json::{Value, json};
use wharf_oci::{
    Digest,
    media_type::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST},
};

use crate::Caller;

/// A manifest with the blobs it needs.
#[derive(Debug, Clone)]
pub struct Image {
    pub manifest: Vec<u8>,
    pub digest: Digest,
    pub blobs: Vec<Vec<u8>>,
}

impl Image {
    pub fn descriptor(&self) -> Value {
        descriptor(OCI_MANIFEST, &self.manifest)
    }
}

pub fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::sha256(content), "size": content.len()})
}

/// An image that differs from those made from other seeds.
pub fn image(seed: &str) -> Image {
    let config = json!({"architecture": "amd64", "os": "linux", "seed": seed}).to_string();
    let layer = format!("layer of {seed}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, config.as_bytes()),
        "layers": [descriptor(OCI_LAYER_GZIP, layer.as_bytes())],
    });
    let manifest = manifest.to_string().into_bytes();
    Image {
        digest: Digest::sha256(&manifest),
        manifest,
        blobs: vec![config.into_bytes(), layer.into_bytes()],
    }
}

/// An index over images, for amd64 and arm64 in turn.
pub fn index(children: &[Value]) -> Vec<u8> {
    index_with(children, json!({}))
}

/// An index with more fields.
pub fn index_with(children: &[Value], more: Value) -> Vec<u8> {
    let platform = |(i, child): (usize, &Value)| {
        let architecture = ["amd64", "arm64"][i % 2];
        let mut child = child.clone();
        child["platform"] = json!({"os": "linux", "architecture": architecture});
        child
    };
    let children: Vec<Value> = children.iter().enumerate().map(platform).collect();
    let mut index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children});
    if let (Some(fields), Value::Object(more)) = (index.as_object_mut(), more) {
        fields.extend(more);
    }
    index.to_string().into_bytes()
}

/// Pushes an image's blobs and its manifest under `reference`.
pub async fn push_image(caller: &Caller, name: &str, reference: &str, image: &Image) {
    for blob in &image.blobs {
        caller.push_blob(name, blob.clone()).await;
    }
    let manifest = image.manifest.clone();
    let response = caller
        .put_manifest(name, reference, OCI_MANIFEST, manifest)
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
}
