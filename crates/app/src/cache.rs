//! What requests are answered from without asking the database.
//!
//! One rule keeps every cache right: whatever takes access or content away
//! raises the epoch in its transaction, and a new epoch begins with empty
//! caches. A request that started under the old epoch fills the old caches,
//! which nobody asks any more. Tags alone may move without an epoch; see [`Tags`].

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use moka::sync::Cache;
use wharf_blob_store::ObjectKey;
use wharf_oci::Digest;

use crate::{
    authn::{Identity, TokenRecord, UserRecord},
    authz::Target,
};

/// Bytes of manifests kept.
const MANIFEST_BYTES: u64 = 64 * 1024 * 1024;

/// Everything cached under one epoch.
#[derive(Debug)]
pub struct Caches {
    pub epoch: i64,
    /// By bearer or token value.
    pub identities: Cache<String, Arc<Identity>>,
    pub users: Cache<i64, Arc<UserRecord>>,
    pub tokens: Cache<i64, Arc<TokenRecord>>,
    /// Existing packages by path.
    pub targets: Cache<String, Arc<Target>>,
    /// By package and digest.
    pub manifests: Cache<(i64, Digest), Arc<StoredManifest>>,
    pub blobs: Cache<(i64, Digest), Arc<HeldBlob>>,
}

/// A manifest as it is served.
#[derive(Debug)]
pub struct StoredManifest {
    pub digest: Digest,
    pub media_type: String,
    pub bytes: Bytes,
    /// An index lists it.
    pub is_part: bool,
}

/// A blob as seen from a package.
#[derive(Debug)]
pub struct HeldBlob {
    pub key: ObjectKey,
    /// Bytes.
    pub size: u64,
    /// A manifest of the package needs it. What is only leased is for those who push.
    pub is_referenced: bool,
    /// What was found is good until then (microseconds): a lease may end.
    pub good_until: i64,
    /// Until when writers were told that they may rely on it.
    pub leased_until: i64,
}

impl Caches {
    pub fn new(epoch: i64) -> Self {
        let manifests = Cache::builder()
            .max_capacity(MANIFEST_BYTES)
            .weigher(|_, m: &Arc<StoredManifest>| {
                u32::try_from(m.bytes.len() + 256).unwrap_or(u32::MAX)
            })
            .build();
        Self {
            epoch,
            identities: Cache::new(10_000),
            users: Cache::new(10_000),
            tokens: Cache::new(10_000),
            targets: Cache::new(20_000),
            manifests,
            blobs: Cache::new(100_000),
        }
    }
}

/// Small objects, from memory: opening and sending a file costs more than its
/// bytes. An object never changes, so no epoch voids it; who may have it is asked elsewhere.
#[derive(Debug)]
pub struct SmallBlobs(Cache<ObjectKey, Bytes>);

impl SmallBlobs {
    /// Largest object kept, in bytes.
    pub const LARGEST: u64 = 128 * 1024;
    /// Bytes kept in all.
    const TOTAL: u64 = 32 * 1024 * 1024;

    pub fn get(&self, key: &ObjectKey) -> Option<Bytes> {
        self.0.get(key)
    }

    pub fn insert(&self, key: ObjectKey, bytes: Bytes) {
        self.0.insert(key, bytes);
    }
}

impl Default for SmallBlobs {
    fn default() -> Self {
        let cache = Cache::builder()
            .max_capacity(Self::TOTAL)
            .weigher(|_, bytes: &Bytes| u32::try_from(bytes.len() + 256).unwrap_or(u32::MAX))
            .build();
        Self(cache)
    }
}

/// Tag → digest, right at every moment within one process.
///
/// A write closes the tag's stripe until it is decided; while it is closed,
/// and for readers that began before, nothing is remembered.
#[derive(Debug)]
pub struct Tags {
    cache: Cache<(i64, String), Digest>,
    stripes: Arc<[Mutex<Stripe>]>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Stripe {
    /// Counts writes, so that a reader notices one that it overlapped.
    writes: u64,
    open_writes: u32,
}

const STRIPES: usize = 256;

impl Default for Tags {
    fn default() -> Self {
        Self {
            cache: Cache::new(100_000),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Tags {
    pub fn get(&self, package_id: i64, tag: &str) -> Option<Digest> {
        self.cache.get(&(package_id, tag.to_owned()))
    }

    /// To be taken before the database is read.
    pub fn begin_read(&self, package_id: i64, tag: &str) -> TagRead {
        let at = stripe_of(package_id, tag);
        TagRead {
            at,
            writes: lock(&self.stripes[at]).writes,
        }
    }

    /// Remembers what was read, unless a write came between.
    pub fn finish_read(&self, read: &TagRead, package_id: i64, tag: &str, digest: &Digest) {
        let stripe = lock(&self.stripes[read.at]);
        if stripe.open_writes == 0 && stripe.writes == read.writes {
            self.cache
                .insert((package_id, tag.to_owned()), digest.clone());
        }
    }

    /// Forgets a tag and keeps it forgotten until the guard is dropped.
    pub fn begin_write(&self, package_id: i64, tag: &str) -> TagWrite {
        let at = stripe_of(package_id, tag);
        let mut stripe = lock(&self.stripes[at]);
        stripe.writes += 1;
        stripe.open_writes += 1;
        self.cache.invalidate(&(package_id, tag.to_owned()));
        TagWrite {
            at,
            stripes: Arc::clone(&self.stripes),
        }
    }

    /// Forgets everything: another process may have moved tags.
    pub fn clear(&self) {
        for stripe in self.stripes.iter() {
            lock(stripe).writes += 1;
        }
        self.cache.invalidate_all();
    }
}

#[derive(Debug)]
pub struct TagRead {
    at: usize,
    writes: u64,
}

#[derive(Debug)]
pub struct TagWrite {
    at: usize,
    stripes: Arc<[Mutex<Stripe>]>,
}

impl Drop for TagWrite {
    fn drop(&mut self) {
        let mut stripe = lock(&self.stripes[self.at]);
        stripe.writes += 1;
        stripe.open_writes -= 1;
    }
}

/// The tags a database write has closed: open again when the write is dropped,
/// which is after its commit was decided.
#[derive(Debug, Default)]
pub struct ClosedTags(Mutex<Vec<TagWrite>>);

impl ClosedTags {
    pub fn hold(&self, write: TagWrite) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(write);
    }
}

fn stripe_of(package_id: i64, tag: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    (package_id, tag).hash(&mut hasher);
    usize::try_from(hasher.finish() % STRIPES as u64).unwrap_or(0)
}

fn lock(stripe: &Mutex<Stripe>) -> MutexGuard<'_, Stripe> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_overlaps_a_write_is_not_remembered() {
        let tags = Tags::default();
        let (old, new) = (Digest::sha256(b"old"), Digest::sha256(b"new"));
        let read = tags.begin_read(1, "latest");
        let write = tags.begin_write(1, "latest");
        tags.finish_read(&read, 1, "latest", &old);
        assert_eq!(tags.get(1, "latest"), None, "while the write is open");
        drop(write);
        tags.finish_read(&read, 1, "latest", &old);
        assert_eq!(tags.get(1, "latest"), None, "after the write");
        let read = tags.begin_read(1, "latest");
        tags.finish_read(&read, 1, "latest", &new);
        assert_eq!(tags.get(1, "latest"), Some(new));
        drop(tags.begin_write(1, "latest"));
        assert_eq!(tags.get(1, "latest"), None);
    }
}
