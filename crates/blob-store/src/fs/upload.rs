//! Taking in an upload: bytes are gathered into large batches, and each batch is
//! hashed and written on a blocking thread while the next one arrives.

use std::{
    fs::{File, OpenOptions},
    io::{self, IoSlice, Read, Seek, SeekFrom, Write},
    path::PathBuf,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};
use wharf_oci::{Algorithm, Hasher, path::UploadId};

use super::{batch::Batch, layout::Layout, published, remove_file, room::room_for};
use crate::{Checkpoint, Finished, StoreError, UploadWriter};

/// Bytes gathered before they go to the blocking thread. Smaller batches cost
/// more CPU per byte, larger ones only memory.
const BATCH: usize = 512 * 1024;

/// Bytes written before write-back is started beside the stream, so that
/// the last sync has little left to wait for.
const WRITE_BACK: u64 = 16 * 1024 * 1024;

pub struct FsUpload {
    state: State,
    batch: Batch,
    offset: u64,
}

enum State {
    Ready(Box<Appender>),
    Busy(JoinHandle<Result<Box<Appender>, StoreError>>),
    /// After an error nothing more is written: the file's content is unknown,
    /// and a failed sync must never be retried on it.
    Failed,
}

impl FsUpload {
    pub fn resume(
        layout: Arc<Layout>,
        id: UploadId,
        checkpoint: &Checkpoint,
        algorithm: Algorithm,
    ) -> Self {
        let appender = Appender::new(layout, id, checkpoint, algorithm);
        Self {
            state: State::Ready(Box::new(appender)),
            batch: Batch::default(),
            offset: checkpoint.offset,
        }
    }

    /// The appender, once the batch under way is done.
    async fn ready(&mut self) -> Result<Box<Appender>, StoreError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Ready(appender) => Ok(appender),
            State::Busy(task) => join(task).await,
            State::Failed => Err(StoreError::new(
                "write",
                "upload",
                io::Error::other("an earlier write failed"),
            )),
        }
    }

    /// Hands the gathered batch to a blocking thread, then `then` on the same thread.
    async fn submit(
        &mut self,
        then: impl FnOnce(&mut Appender) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let mut appender = self.ready().await?;
        let batch = self.batch.take();
        self.state = State::Busy(spawn_blocking(move || {
            appender.append(&batch)?;
            then(&mut appender)?;
            Ok(appender)
        }));
        Ok(())
    }
}

#[async_trait]
impl UploadWriter for FsUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.offset += bytes.len() as u64;
        self.batch.push(bytes);
        if self.batch.len() >= BATCH {
            self.submit(|_| Ok(())).await?;
        }
        Ok(())
    }

    fn offset(&self) -> u64 {
        self.offset
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        self.submit(Appender::sync).await?;
        let appender = self.ready().await?;
        let checkpoint = Checkpoint {
            offset: appender.offset,
            hash_state: appender.hash_state(),
        };
        self.state = State::Ready(appender);
        Ok(checkpoint)
    }

    async fn finish(mut self: Box<Self>, algorithm: Algorithm) -> Result<Finished, StoreError> {
        self.submit(move |appender| {
            appender.sync()?;
            appender.hash_as(algorithm)
        })
        .await?;
        let appender = self.ready().await?;
        let size = appender.offset;
        match appender.hash {
            Hash::Running(hasher) => Ok(Finished {
                digest: hasher.finish(),
                size,
            }),
            Hash::Unknown(_) => unreachable!("hash_as leaves a running hash"),
        }
    }
}

async fn join(
    task: JoinHandle<Result<Box<Appender>, StoreError>>,
) -> Result<Box<Appender>, StoreError> {
    task.await
        .unwrap_or_else(|e| Err(StoreError::new("file task", "upload", io::Error::other(e))))
}

/// The blocking half: the open file and the running hash.
struct Appender {
    layout: Arc<Layout>,
    id: UploadId,
    path: PathBuf,
    /// Opened when it is needed, on a blocking thread.
    file: Option<Arc<File>>,
    offset: u64,
    hash: Hash,
    /// Whether the file differs from what was last synced.
    dirty: bool,
    /// Bytes that were synced; no acknowledged offset lies beyond.
    synced: u64,
    /// Bytes since write-back was last started.
    unsynced: u64,
    write_back: Option<std::thread::JoinHandle<io::Result<()>>>,
}

enum Hash {
    Running(Box<Hasher>),
    /// The saved state was missing or of another version: the bytes on disk
    /// must be read again before anything is added.
    Unknown(Algorithm),
}

impl Appender {
    fn new(
        layout: Arc<Layout>,
        id: UploadId,
        checkpoint: &Checkpoint,
        algorithm: Algorithm,
    ) -> Self {
        let hash = match Hasher::restore(&checkpoint.hash_state) {
            Some(hasher) => Hash::Running(Box::new(hasher)),
            None if checkpoint.offset == 0 => Hash::Running(Box::new(Hasher::new(algorithm))),
            None => Hash::Unknown(algorithm),
        };
        Self {
            path: layout.upload(&id),
            layout,
            id,
            file: None,
            offset: checkpoint.offset,
            hash,
            dirty: checkpoint.offset == 0,
            synced: checkpoint.offset,
            unsynced: 0,
            write_back: None,
        }
    }

    fn append(&mut self, batch: &[Bytes]) -> Result<(), StoreError> {
        let len: u64 = batch.iter().map(|b| b.len() as u64).sum();
        if len == 0 {
            return Ok(());
        }
        if let Hash::Unknown(algorithm) = self.hash {
            self.hash_as(algorithm)?;
        }
        let file = self.open()?;
        room_for(&file, len)
            .and_then(|()| write_all(&file, batch))
            .map_err(|e| self.give_back(&file, "write", e))?;
        if let Hash::Running(hasher) = &mut self.hash {
            for bytes in batch {
                hasher.update(bytes);
            }
        }
        self.offset += len;
        self.dirty = true;
        self.unsynced += len;
        if self.unsynced >= WRITE_BACK {
            self.start_write_back(file)?;
        }
        Ok(())
    }

    /// Opens the file at the acknowledged offset and drops what lies beyond it.
    fn open(&mut self) -> Result<Arc<File>, StoreError> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        for key in published(&self.layout, &self.id)? {
            remove_file(&self.layout.object(&key))?;
        }
        let open = || {
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&self.path)?;
            let len = file.metadata()?.len();
            if len < self.offset {
                let reason = format!("{len} bytes on disk, {} acknowledged", self.offset);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
            }
            let beyond = len > self.offset;
            if beyond {
                file.set_len(self.offset)?;
            }
            file.seek(SeekFrom::Start(self.offset))?;
            Ok((Arc::new(file), beyond))
        };
        let (file, cut) = open().map_err(|e| self.failed("open", e))?;
        self.dirty |= cut;
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }

    fn start_write_back(&mut self, file: Arc<File>) -> Result<(), StoreError> {
        self.join_write_back()?;
        self.unsynced = 0;
        self.write_back = Some(std::thread::spawn(move || file.sync_data()));
        Ok(())
    }

    /// The sync beside the stream takes the file's write error with it, so its verdict counts.
    fn join_write_back(&mut self) -> Result<(), StoreError> {
        let Some(thread) = self.write_back.take() else {
            return Ok(());
        };
        thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the sync thread died")))
            .map_err(|e| self.failed("sync", e))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.join_write_back()?;
        let file = self.open()?;
        if self.dirty {
            file.sync_data()
                .map_err(|e| self.give_back(&file, "sync", e))?;
            self.dirty = false;
            self.synced = self.offset;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Leaves a running hash of `algorithm` over everything written,
    /// reading the file again only if it was hashed another way so far.
    fn hash_as(&mut self, algorithm: Algorithm) -> Result<(), StoreError> {
        if matches!(&self.hash, Hash::Running(h) if h.algorithm() == algorithm) {
            return Ok(());
        }
        let mut hasher = Hasher::new(algorithm);
        let mut read = || {
            let mut file = File::open(&self.path)?.take(self.offset);
            let mut buffer = vec![0; BATCH];
            let mut total = 0;
            loop {
                match file.read(&mut buffer)? {
                    0 if total < self.offset => return Err(io::ErrorKind::UnexpectedEof.into()),
                    0 => return Ok(()),
                    n => {
                        hasher.update(&buffer[..n]);
                        total += n as u64;
                    }
                }
            }
        };
        if self.offset > 0 {
            read().map_err(|e| self.failed("read", e))?;
        }
        self.hash = Hash::Running(Box::new(hasher));
        Ok(())
    }

    fn hash_state(&self) -> Vec<u8> {
        match &self.hash {
            Hash::Running(hasher) => hasher.save(),
            Hash::Unknown(_) => Vec::new(),
        }
    }

    /// An upload that cannot go on does not keep the room it took.
    fn give_back(&self, file: &File, operation: &'static str, error: io::Error) -> StoreError {
        // Truncating is a favour; the error is what counts.
        let _ = file.set_len(self.synced);
        self.failed(operation, error)
    }

    fn failed(&self, operation: &'static str, error: io::Error) -> StoreError {
        StoreError::new(operation, self.path.display(), error)
    }
}

/// Writes all of `batch` with as few system calls as the kernel allows.
fn write_all(mut file: &File, batch: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|b| IoSlice::new(b)).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => IoSlice::advance_slices(&mut rest, n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
