//! What a pushed image says about itself and, through it, about its package.

use std::collections::BTreeMap;

use bytes::Bytes;
use wharf_db::{
    Conn, Tx,
    about::{self, Origin, PackageAbout},
    blobs, versions,
};
use wharf_oci::{
    About, Digest, ImageConfig, Manifest, Name,
    manifest::{Descriptor, Role},
    media_type::ManifestKind,
};

use crate::{
    App, Error,
    authn::Caller,
    authz::{Permit, permit::Push},
    packages::{MAX_README, link_by_label},
    pull::{object_key, read_checked},
};

/// Largest config that is read, in bytes. Configs are a few KiB; one that is
/// larger is stored like any blob, and asked nothing.
const LARGEST_CONFIG: u64 = 1024 * 1024;

/// Types of the configs that have labels and a platform.
const CONFIG_TYPES: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// Of a layer that is a text for people: the README of the package.
const MARKDOWN: &str = "text/markdown";

/// What was read of a manifest's blobs.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub config: ImageConfig,
    /// Markdown.
    pub readme: Option<String>,
}

impl App {
    /// Reads the config of an image that is being pushed, and the README it
    /// brings. What is not there, or cannot be read, says nothing: the push
    /// decides about that.
    pub(super) async fn told_by(
        &self,
        caller: &Caller,
        name: &Name,
        manifest: &Manifest,
    ) -> Result<Told, Error> {
        let mut told = Told::default();
        if let Some(config) = readable_config(manifest) {
            let bytes = self.content_of(caller, name, config).await?;
            let parsed = bytes.and_then(|bytes| ImageConfig::parse(&bytes));
            told.config = parsed.unwrap_or_default();
        }
        if let Some(readme) = readable_readme(manifest) {
            let bytes = self.content_of(caller, name, readme).await?;
            let text = bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            told.readme = text.filter(|text| !text.contains('\0'));
        }
        Ok(told)
    }

    /// A small blob that a manifest names, if the package holds it.
    async fn content_of(
        &self,
        caller: &Caller,
        name: &Name,
        descriptor: &Descriptor,
    ) -> Result<Option<Bytes>, Error> {
        let target = self.target(&caller.caches, name).await?;
        let Some(package) = &target.package else {
            return Ok(None);
        };
        let found = {
            let mut reader = self.db.reader().await?;
            let conn = &mut reader.conn();
            held(conn, package.id, &descriptor.digest, self.clock.now()).await?
        };
        let right_size = |blob: &blobs::Blob| u64::try_from(blob.size) == Ok(descriptor.size);
        let Some(blob) = found.filter(right_size) else {
            return Ok(None);
        };
        let key = object_key(&blob)?;
        if let Some(bytes) = self.small_blobs.get(&key) {
            return Ok(Some(bytes));
        }
        let blob = self.store.open(&key).await?;
        Ok(Some(read_checked(blob, key.digest.clone()).await?))
    }
}

fn readable_config(manifest: &Manifest) -> Option<&Descriptor> {
    let config = manifest
        .references
        .iter()
        .find(|(role, _)| *role == Role::Config);
    let (_, config) = config?;
    let is_image = CONFIG_TYPES.contains(&config.media_type.as_str());
    (is_image && config.size <= LARGEST_CONFIG).then_some(config)
}

fn readable_readme(manifest: &Manifest) -> Option<&Descriptor> {
    let layers = manifest
        .references
        .iter()
        .filter(|(role, _)| *role == Role::Layer);
    let mut texts = layers.filter(|(_, layer)| layer.media_type == MARKDOWN);
    let (_, readme) = texts.next()?;
    (readme.size <= MAX_README as u64).then_some(readme)
}

async fn held(
    conn: &mut Conn<'_>,
    package_id: i64,
    digest: &Digest,
    now: i64,
) -> Result<Option<blobs::Blob>, Error> {
    let held = blobs::find_in_package(conn, package_id, digest.as_str(), now).await?;
    Ok(held.map(|held| held.blob))
}

/// Remembers what a manifest says as what its package says: its README, be it
/// tagged or attached to another; and if it is tagged the rest.
pub(super) async fn take_about(
    tx: &mut Tx<'_>,
    permit: &Permit<Push>,
    manifest: &Manifest,
    told: &Told,
    tagged: Tagged,
) -> Result<(), Error> {
    if tagged == Tagged::No && told.readme.is_none() {
        return Ok(());
    }
    let id = permit.package_id();
    let before = about::find(tx, id, Origin::Image).await?;
    let mut about = before.clone();
    if tagged != Tagged::No {
        let said = said_by(tx, permit, manifest, told, tagged).await?;
        about = if said == PackageAbout::default() {
            about
        } else {
            said
        };
    }
    about.readme = told.readme.clone().or(before.readme.clone());
    if about == before {
        return Ok(());
    }
    Ok(about::put(tx, id, Origin::Image, &about).await?)
}

/// Whether a manifest is pushed by a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tagged {
    No,
    /// The package never had one: its first image also links it.
    First,
    Again,
}

/// What its own annotations say, else the labels of its config or, of an
/// index, of the first image in it. Nothing of the README.
async fn said_by(
    tx: &mut Tx<'_>,
    permit: &Permit<Push>,
    manifest: &Manifest,
    told: &Told,
    tagged: Tagged,
) -> Result<PackageAbout, Error> {
    let of_child;
    let labels = if manifest.kind == ManifestKind::Index {
        of_child = labels_of_first_child(tx, permit.package_id(), manifest).await?;
        &of_child
    } else {
        &told.config.labels
    };
    let said = About::read(&manifest.annotations, labels);
    if let Some(source) = said.source.as_ref().filter(|_| tagged == Tagged::First) {
        link_by_label(tx, permit, source).await?;
    }
    Ok(PackageAbout {
        title: said.title,
        description: said.description,
        licenses: said.licenses,
        source: said.source.map(|source| source.to_string()),
        url: said.url,
        documentation: said.documentation,
        readme: None,
    })
}

async fn labels_of_first_child(
    conn: &mut Conn<'_>,
    package_id: i64,
    index: &Manifest,
) -> Result<BTreeMap<String, String>, Error> {
    let first = index
        .references
        .iter()
        .find(|(role, _)| *role == Role::Child);
    let Some((_, child)) = first else {
        return Ok(BTreeMap::new());
    };
    let Some(version) = versions::find(conn, package_id, child.digest.as_str()).await? else {
        return Ok(BTreeMap::new());
    };
    let texts = versions::texts(conn, version.id).await?.unwrap_or_default();
    Ok(serde_json::from_str(&texts.1).unwrap_or_default())
}
