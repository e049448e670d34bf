//! Pushing a manifest: one transaction that checks everything it refers to,
//! stores it, and moves its tags. It never acknowledges a hole.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use tokio::sync::SemaphorePermit;
use wharf_db::{
    Tx, Write, blobs, packages,
    quotas::Amounts,
    tags,
    versions::{self, BlobEdge, ChildEdge, NewVersion},
};
use wharf_oci::{
    Digest, ImageConfig, Manifest, Name, Tag,
    manifest::{Descriptor, Role},
    media_type::ManifestKind,
};

use super::{
    about::{Tagged, Told, take_about},
    package::NewIds,
};
use crate::{
    App, Error,
    authn::Caller,
    authz::{Permit, permit::Push},
    cache::ClosedTags,
    quota::charge,
    tags::Mover,
};

/// Most tags one push may move.
pub const MAX_TAGS: usize = 100;

/// Most digests that an answer lists as missing.
const MAX_MISSING: usize = 100;

/// Manifests larger than this are parsed off the async threads, in bytes.
const PARSE_INLINE: usize = 64 * 1024;

/// A manifest that is now in the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedManifest {
    pub digest: Digest,
    pub subject: Option<Digest>,
    pub tags: Vec<Tag>,
}

impl App {
    /// Stores a manifest under its digest and points `tags` at it.
    ///
    /// `digest`: what the client says it is; the content must agree.
    pub async fn push_manifest(
        self: &Arc<Self>,
        caller: &Caller,
        name: &Name,
        digest: Option<&Digest>,
        tags: Vec<Tag>,
        media_type: Option<&str>,
        bytes: Bytes,
    ) -> Result<PushedManifest, Error> {
        if tags.len() > MAX_TAGS {
            return Err(Error::TooManyTags {
                count: tags.len(),
                limit: MAX_TAGS,
            });
        }
        self.authorize::<Push>(caller, name).await?;
        let _turn = self.turn(bytes.len()).await?;
        let manifest = parse(bytes.clone(), media_type.map(str::to_owned)).await?;
        let digest = checked_digest(digest, &bytes)?;
        let told = self.told_by(caller, name, &manifest).await?;
        let put = Put {
            app: Arc::clone(self),
            caller: caller.clone(),
            name: name.clone(),
            annotations: serde_json::to_string(&manifest.annotations)
                .map_err(|e| Error::Internal(e.to_string()))?,
            labels: serde_json::to_string(&told.config.labels)
                .map_err(|e| Error::Internal(e.to_string()))?,
            platforms: platforms_of(&manifest, &told.config),
            told,
            manifest,
            bytes,
            digest,
            tags,
            version_id: self.ids.next().await?,
            ids: self.new_ids().await?,
            closed: ClosedTags::default(),
        };
        self.db.write(put).await
    }
}

impl App {
    /// Whether the caller may push there: to be asked before a body is read.
    pub async fn may_push_to(&self, caller: &Caller, name: &Name) -> Result<(), Error> {
        self.authorize::<Push>(caller, name).await.map(drop)
    }

    /// Large manifests take memory to parse and time to write: few go at once.
    async fn turn(&self, len: usize) -> Result<Option<SemaphorePermit<'_>>, Error> {
        if len <= PARSE_INLINE {
            return Ok(None);
        }
        let turn = self.large_manifests.acquire().await;
        Ok(Some(turn.map_err(|e| Error::Internal(e.to_string()))?))
    }
}

async fn parse(bytes: Bytes, media_type: Option<String>) -> Result<Manifest, Error> {
    if bytes.len() <= PARSE_INLINE {
        return Ok(Manifest::parse(&bytes, media_type.as_deref())?);
    }
    let parsed =
        tokio::task::spawn_blocking(move || Manifest::parse(&bytes, media_type.as_deref()));
    Ok(parsed.await.map_err(|e| Error::Internal(e.to_string()))??)
}

/// Most platforms that are shown with a version.
const MOST_PLATFORMS: usize = 50;
/// Longest name of one, in bytes.
const LONGEST_PLATFORM: usize = 100;

/// What an image, or the images of an index, run on; as a JSON list.
fn platforms_of(manifest: &Manifest, config: &ImageConfig) -> String {
    let of_children = manifest
        .references
        .iter()
        .filter_map(|(_, part)| part.platform.as_deref());
    let all = config.platform.as_deref().into_iter().chain(of_children);
    let named = all.filter(|name| name.len() <= LONGEST_PLATFORM && !name.starts_with("unknown"));
    let mut seen = HashSet::new();
    let distinct = named.filter(|name| seen.insert(*name));
    let shown: Vec<&str> = distinct.take(MOST_PLATFORMS).collect();
    serde_json::to_string(&shown).unwrap_or_else(|_| "[]".to_owned())
}

fn checked_digest(claimed: Option<&Digest>, bytes: &[u8]) -> Result<Digest, Error> {
    let Some(expected) = claimed else {
        return Ok(Digest::of(wharf_oci::manifest::DEFAULT_ALGORITHM, bytes));
    };
    let actual = Digest::of(expected.algorithm(), bytes);
    if actual != *expected {
        return Err(Error::DigestMismatch {
            expected: expected.clone(),
            actual,
        });
    }
    Ok(actual)
}

struct Put {
    app: Arc<App>,
    caller: Caller,
    name: Name,
    manifest: Manifest,
    annotations: String,
    told: Told,
    labels: String,
    platforms: String,
    bytes: Bytes,
    digest: Digest,
    tags: Vec<Tag>,
    version_id: i64,
    ids: NewIds,
    closed: ClosedTags,
}

impl Write for Put {
    type Output = PushedManifest;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<PushedManifest, Error> {
        let app = &self.app;
        let permit = app
            .permit_push(tx, &self.caller, &self.name, self.ids)
            .await?;
        let package_id = permit.package_id();
        let known = versions::find_any(tx, package_id, self.digest.as_str()).await?;
        let version_id = match known {
            Some(known) => self.push_known(tx, &permit, &known).await?,
            None => self.store(tx, &permit).await?,
        };
        let now = app.clock.now();
        let tagged = match self.tags.is_empty() {
            true => Tagged::No,
            false if tags::had_any(tx, package_id).await? => Tagged::Again,
            false => Tagged::First,
        };
        let mover = Mover::new(app, &self.closed, &permit);
        for tag in &self.tags {
            let digest = self.digest.as_str();
            mover.point(tx, tag.as_str(), version_id, digest).await?;
        }
        take_about(tx, &permit, &self.manifest, &self.told, tagged).await?;
        packages::touch(tx, package_id, now).await?;
        Ok(PushedManifest {
            digest: self.digest.clone(),
            subject: self.manifest.subject.as_ref().map(|s| s.digest.clone()),
            tags: self.tags.clone(),
        })
    }
}

impl Put {
    /// Bytes have one type for good: the one they were first pushed under.
    fn check_same_type(&self, known: &versions::Version) -> Result<(), Error> {
        if known.media_type == self.manifest.media_type {
            return Ok(());
        }
        Err(Error::ManifestInvalid(
            wharf_oci::manifest::ManifestError::MediaTypeMismatch {
                declared: self.manifest.media_type.clone(),
                own: known.media_type.clone(),
            },
        ))
    }

    /// A manifest that is there, or was deleted and is thereby back.
    async fn push_known(
        &self,
        tx: &mut Tx<'_>,
        permit: &Permit<Push>,
        known: &versions::Version,
    ) -> Result<i64, Error> {
        self.check_same_type(known)?;
        let now = self.app.clock.now();
        if known.deleted_at.is_some() {
            self.check_references(tx, permit).await?;
            versions::push_again(tx, known.id, permit.actor_id(), now).await?;
        } else {
            versions::set_last_pushed(tx, known.id, now).await?;
        }
        Ok(known.id)
    }

    async fn store(&self, tx: &mut Tx<'_>, permit: &Permit<Push>) -> Result<i64, Error> {
        let held = self.check_references(tx, permit).await?;
        let version = NewVersion {
            id: self.version_id,
            package_id: permit.package_id(),
            digest: self.digest.as_str(),
            media_type: &self.manifest.media_type,
            artifact_type: self.manifest.artifact_type.as_deref(),
            subject: self.manifest.subject.as_ref().map(|s| s.digest.as_str()),
            annotations: &self.annotations,
            platforms: &self.platforms,
            content_size: self.content_size(),
            labels: &self.labels,
            bytes: &self.bytes,
            pushed_by: permit.actor_id(),
            created_at: self.app.clock.now(),
        };
        versions::insert(tx, &version).await?;
        let size = i64::try_from(self.bytes.len()).unwrap_or(i64::MAX);
        charge(tx, permit.owner_id(), Amounts::bytes(size)).await?;
        for (position, (role, descriptor)) in (0..).zip(&self.manifest.references) {
            insert_edge(tx, &version, position, *role, descriptor, &held).await?;
        }
        if self.manifest.kind == ManifestKind::Index {
            versions::add_up(tx, self.version_id).await?;
        }
        Ok(self.version_id)
    }

    /// Bytes of the blobs it names, each once.
    fn content_size(&self) -> i64 {
        let mut seen = HashSet::new();
        let blobs = self.manifest.references.iter();
        let own = blobs.filter(|(role, blob)| *role != Role::Child && !blob.is_foreign());
        let sizes = own.filter(|(_, blob)| seen.insert(&blob.digest));
        let total = sizes.fold(0_u64, |sum, (_, blob)| sum.saturating_add(blob.size));
        i64::try_from(total).unwrap_or(i64::MAX)
    }

    /// Everything the manifest refers to must be in the package, with the
    /// size it says. Returns the blobs that are.
    async fn check_references(
        &self,
        tx: &mut Tx<'_>,
        permit: &Permit<Push>,
    ) -> Result<HashSet<Digest>, Error> {
        let now = self.app.clock.now();
        let mut sizes: HashMap<&Digest, Option<i64>> = HashMap::new();
        let (mut missing, mut required) = (Vec::new(), HashSet::new());
        for (role, descriptor) in &self.manifest.references {
            let digest = &descriptor.digest;
            let found = match sizes.get(digest) {
                Some(found) => *found,
                None => find_size(tx, permit, *role, digest, now).await?,
            };
            sizes.insert(digest, found);
            match found {
                Some(size) if u64::try_from(size) != Ok(descriptor.size) => {
                    return Err(Error::SizeMismatch {
                        digest: digest.clone(),
                        claimed: descriptor.size,
                        actual: u64::try_from(size).unwrap_or_default(),
                    });
                }
                // Required by this descriptor, even if another one lets it be absent.
                None if !descriptor.is_foreign() && required.insert(digest) => {
                    missing.push(digest.clone());
                }
                _ => {}
            }
            if missing.len() == MAX_MISSING {
                break;
            }
        }
        if !missing.is_empty() {
            return Err(Error::ContentMissing {
                package: self.name.to_string(),
                missing,
            });
        }
        let held = sizes.into_iter().filter(|(_, size)| size.is_some());
        Ok(held.map(|(digest, _)| digest.clone()).collect())
    }
}

async fn find_size(
    tx: &mut Tx<'_>,
    permit: &Permit<Push>,
    role: Role,
    digest: &Digest,
    now: i64,
) -> Result<Option<i64>, Error> {
    let package_id = permit.package_id();
    if role == Role::Child {
        let version = versions::find(tx, package_id, digest.as_str()).await?;
        return Ok(version.map(|v| v.size));
    }
    let blob = blobs::find_in_package(tx, package_id, digest.as_str(), now).await?;
    Ok(blob.map(|held| held.blob.size))
}

async fn insert_edge(
    tx: &mut Tx<'_>,
    version: &NewVersion<'_>,
    position: i64,
    role: Role,
    descriptor: &Descriptor,
    held: &HashSet<Digest>,
) -> Result<(), Error> {
    let (digest, media_type) = (descriptor.digest.as_str(), descriptor.media_type.as_str());
    let size = i64::try_from(descriptor.size).unwrap_or(i64::MAX);
    if role == Role::Child {
        let edge = ChildEdge {
            position,
            digest,
            media_type,
            size,
            platform: descriptor.platform.as_deref(),
        };
        return Ok(versions::insert_child_edge(tx, version, &edge).await?);
    }
    let edge = BlobEdge {
        position,
        role: if role == Role::Config {
            "config"
        } else {
            "layer"
        },
        digest,
        media_type,
        size,
        is_foreign: !held.contains(&descriptor.digest),
    };
    Ok(versions::insert_blob_edge(tx, version, &edge).await?)
}
