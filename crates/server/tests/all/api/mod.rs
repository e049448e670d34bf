//! `/api/v1` as its users meet it.

mod attacks;
mod input;
mod links;
mod names;
mod quota;
mod removal;
mod sessions;
mod sign_in;
mod tokens;

use reqwest::StatusCode;
use serde_json::{Value, json};
use wharf_oci::{
    Digest,
    media_type::{OCI_EMPTY, OCI_INDEX, OCI_MANIFEST},
};
use wharf_testkit::{Caller, image, index, push_image};

/// Pushes an index of two images, tagged; its digest and theirs.
async fn push_multi_arch(caller: &Caller, name: &str, tag: &str, seed: &str) -> Vec<Digest> {
    let images = [
        image(&format!("{seed}-amd64")),
        image(&format!("{seed}-arm64")),
    ];
    for image in &images {
        push_image(caller, name, image.digest.as_str(), image).await;
    }
    let descriptors: Vec<Value> = images
        .iter()
        .map(wharf_testkit::Image::descriptor)
        .collect();
    let list = index(&descriptors);
    let put = caller
        .put_manifest(name, tag, OCI_INDEX, list.clone())
        .await;
    assert_eq!(put.status(), StatusCode::CREATED);
    let [one, two] = images;
    vec![Digest::sha256(&list), one.digest, two.digest]
}

/// Attaches an artifact to something of that size; its digest.
async fn sign(caller: &Caller, name: &str, subject: &Digest, size: usize) -> Digest {
    let config = caller.push_blob(name, "{}").await;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "a/signature",
        "subject": {"mediaType": OCI_INDEX, "digest": subject, "size": size},
        "config": {"mediaType": OCI_EMPTY, "digest": config, "size": 2}, "layers": [],
    });
    let bytes = manifest.to_string();
    let digest = Digest::sha256(bytes.as_bytes());
    let put = caller
        .put_manifest(name, digest.as_str(), OCI_MANIFEST, bytes)
        .await;
    assert_eq!(put.status(), StatusCode::CREATED);
    digest
}

async fn pulls(caller: &Caller, name: &str, reference: &str) -> bool {
    let path = format!("/v2/{name}/manifests/{reference}");
    caller.get(&path).await.status() == StatusCode::OK
}
