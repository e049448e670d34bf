//! The file-system store: one directory, plain files, durable by
//! `fdatasync`, hard link, and `fsync` of the directory, in that order.

mod batch;
mod layout;
mod room;
mod upload;

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use wharf_oci::{Algorithm, Digest, Hasher, path::UploadId};

use self::{layout::Layout, upload::FsUpload};
use crate::{Blob, BlobStore, Checkpoint, ObjectKey, StoreError, UploadWriter};

/// Objects under one directory of a local file system.
#[derive(Debug)]
pub struct FsStore {
    layout: Arc<Layout>,
}

impl FsStore {
    /// Opens the store under `root`, making its directories durable first.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let layout = Layout::new(root.into());
        create_dir(&layout.uploads())?;
        for algorithm in layout::ALGORITHMS {
            create_dir(&layout.algorithm(algorithm))?;
        }
        for (_, shard) in layout.shards() {
            create_dir(&shard)?;
        }
        for algorithm in layout::ALGORITHMS {
            sync_dir(&layout.algorithm(algorithm))?;
        }
        sync_dir(&layout.blobs())?;
        sync_dir(layout.root())?;
        Ok(Self {
            layout: Arc::new(layout),
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Layout) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let layout = Arc::clone(&self.layout);
        blocking(move || work(&layout)).await
    }
}

#[async_trait]
impl BlobStore for FsStore {
    async fn resume(
        &self,
        id: &UploadId,
        checkpoint: &Checkpoint,
        algorithm: Algorithm,
    ) -> Result<Box<dyn UploadWriter>, StoreError> {
        let layout = Arc::clone(&self.layout);
        let upload = FsUpload::resume(layout, id.clone(), checkpoint, algorithm);
        Ok(Box::new(upload))
    }

    async fn publish(&self, key: &ObjectKey, len: u64) -> Result<(), StoreError> {
        let key = key.clone();
        self.blocking(move |layout| publish(layout, &key, len))
            .await
    }

    async fn published(&self, id: &UploadId) -> Result<Vec<ObjectKey>, StoreError> {
        let id = id.clone();
        self.blocking(move |layout| published(layout, &id)).await
    }

    async fn discard(&self, id: &UploadId) -> Result<(), StoreError> {
        let id = id.clone();
        self.blocking(move |layout| remove_file(&layout.upload(&id)))
            .await
    }

    async fn open(&self, key: &ObjectKey) -> Result<Blob, StoreError> {
        // Opening a file that exists costs less than a trip to another thread.
        let path = self.layout.object(key);
        let failed = |e| StoreError::new("open", path.display(), e);
        let file = File::open(&path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        Ok(Blob {
            file: Arc::new(file),
            size,
        })
    }

    async fn remove(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.blocking(move |layout| remove_file(&layout.object(&key)))
            .await
    }

    async fn uploads(&self) -> Result<HashSet<UploadId>, StoreError> {
        self.blocking(|layout| {
            let names = file_names(&layout.uploads())?;
            Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
        })
        .await
    }

    async fn objects(&self) -> Result<Vec<(ObjectKey, u64)>, StoreError> {
        self.blocking(list_objects).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.blocking(|layout| {
            let path = layout.uploads().join(".probe");
            let failed = |e| StoreError::new("probe", path.display(), e);
            fs::write(&path, b"probe").map_err(failed)?;
            let file = File::open(&path).map_err(failed)?;
            file.sync_data().map_err(failed)?;
            room::room_for(&file, 0).map_err(failed)?;
            let read = fs::read(&path).map_err(failed)?;
            if read != b"probe" {
                return Err(failed(io::ErrorKind::InvalidData.into()));
            }
            remove_file(&path)
        })
        .await
    }
}

/// Runs file work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(e) => Err(StoreError::new("file task", "", io::Error::other(e))),
    }
}

/// The upload keeps its own name until it is discarded, so that a crash
/// before the database commit leaves a trail from the upload to the object.
fn publish(layout: &Layout, key: &ObjectKey, len: u64) -> Result<(), StoreError> {
    let (upload, object) = (layout.upload(&key.generation), layout.object(key));
    let failed = |e| StoreError::new("publish", object.display(), e);
    match fs::hard_link(&upload, &object) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed(e)),
    }
    let found = fs::metadata(&object).map_err(failed)?.len();
    if found != len {
        // The name must not survive: these are not the bytes that were hashed.
        let _ = fs::remove_file(&object);
        let reason = format!("it has {found} bytes instead of {len}");
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, reason)));
    }
    sync_dir(&layout.shard(&key.digest))
}

/// A published upload is the same file under two names, and the object's
/// name follows from its bytes.
fn published(layout: &Layout, id: &UploadId) -> Result<Vec<ObjectKey>, StoreError> {
    let upload = layout.upload(id);
    let failed = |e| StoreError::new("read", upload.display(), e);
    match fs::metadata(&upload) {
        Ok(metadata) if metadata.nlink() > 1 => {}
        Ok(_) => return Ok(Vec::new()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    }
    let mut keys = Vec::new();
    for algorithm in layout::ALGORITHMS {
        let mut file = File::open(&upload).map_err(failed)?;
        let key = ObjectKey {
            digest: hash(&mut file, algorithm).map_err(failed)?,
            generation: id.clone(),
        };
        if layout.object(&key).exists() {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// The digest of everything a reader has left.
fn hash(reader: &mut impl Read, algorithm: Algorithm) -> io::Result<Digest> {
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; 512 * 1024];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&buffer[..n]),
        }
    }
}

fn list_objects(layout: &Layout) -> Result<Vec<(ObjectKey, u64)>, StoreError> {
    let mut objects = Vec::new();
    for (algorithm, shard) in layout.shards() {
        for name in file_names(&shard)? {
            let Some(key) = Layout::key(algorithm, &name) else {
                continue;
            };
            let path = shard.join(name);
            match fs::metadata(&path) {
                Ok(metadata) => objects.push((key, metadata.len())),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(StoreError::new("stat", path.display(), e)),
            }
        }
    }
    Ok(objects)
}

fn file_names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let failed = |e| StoreError::new("list", dir.display(), e);
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
            names.push(name);
        }
    }
    Ok(names)
}

fn create_dir(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(|e| StoreError::new("create directory", path.display(), e))
}

fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| StoreError::new("sync directory", path.display(), e))
}

fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::new("remove", path.display(), e))
        }
        _ => Ok(()),
    }
}
