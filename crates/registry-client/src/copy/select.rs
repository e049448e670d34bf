//! Choosing one platform's image out of a multi-platform one.

use wharf_oci::{Manifest, Reference, media_type::ManifestKind};

use super::gather::MAX_DEPTH;
use crate::{
    client::Repository,
    error::{Error, Result},
    manifests::RawManifest,
    platform::{self, Platform},
};

/// Largest image configuration read, in bytes.
const CONFIG_LIMIT: usize = 8 * 1024 * 1024;

/// The image for `platform` that `named` is or leads to.
pub(super) async fn image_for(
    source: &Repository,
    named: RawManifest,
    platform: &Platform,
) -> Result<RawManifest> {
    let mut current = named;
    for _ in 0..=MAX_DEPTH {
        let manifest = current.parse()?;
        if manifest.kind == ManifestKind::Image {
            check_image(source, &current, &manifest, platform).await?;
            return Ok(current);
        }
        let child = child_for(&manifest, platform)
            .ok_or_else(|| no_platform(source, &current, platform, available(&manifest)))?;
        current = source.get_manifest(&Reference::Digest(child)).await?;
    }
    Err(Error::Invalid(format!(
        "{source}@{} has indexes nested more than {MAX_DEPTH} deep",
        current.digest
    )))
}

fn child_for(index: &Manifest, wanted: &Platform) -> Option<wharf_oci::Digest> {
    let matches = |name: &str| name.parse::<Platform>().is_ok_and(|p| p == *wanted);
    index
        .children()
        .find(|child| child.platform.as_deref().is_some_and(matches))
        .map(|child| child.digest.clone())
}

/// An image on its own must be for the platform, as far as it says.
async fn check_image(
    source: &Repository,
    raw: &RawManifest,
    image: &Manifest,
    wanted: &Platform,
) -> Result<()> {
    let Some(config) = image.blobs().next() else {
        return Ok(());
    };
    let bytes = source.read_blob(&config.digest, CONFIG_LIMIT).await?;
    match Platform::of_config(&bytes) {
        Some(own) if own != *wanted => Err(no_platform(source, raw, wanted, own.to_string())),
        _ => Ok(()),
    }
}

fn available(index: &Manifest) -> String {
    let names: Vec<&str> = index
        .children()
        .filter_map(|child| child.platform.as_deref())
        .filter(|name| *name != platform::UNKNOWN)
        .collect();
    if names.is_empty() {
        "none that is named".to_owned()
    } else {
        names.join(", ")
    }
}

fn no_platform(
    source: &Repository,
    raw: &RawManifest,
    wanted: &Platform,
    available: String,
) -> Error {
    Error::NoPlatform {
        image: format!("{source}@{}", raw.digest),
        wanted: wanted.to_string(),
        available,
    }
}
