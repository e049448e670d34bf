//! Files on the way to a socket without passing through this process.
//!
//! hyper wants a body as bytes in memory. The body of a file hands it a window of
//! an address range that nobody ever reads, and puts the file's range into the
//! connection's lane; when hyper asks the connection to write those addresses,
//! the connection sends the file's range with `sendfile` instead. Headers,
//! keep-alive and timeouts stay hyper's (measured: docs/benchmarks.md).

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, ErrorKind},
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use bytes::Bytes;
use memmap2::MmapOptions;

/// Longest window, in bytes: long enough to keep the kernel busy, short
/// enough to share a slow disk fairly.
pub const WINDOW: usize = 2 * 1024 * 1024;

/// The addresses that stand for file ranges. Reserved once, never touched, so
/// they cost no memory.
fn addresses() -> Option<&'static Bytes> {
    static ADDRESSES: OnceLock<Option<Bytes>> = OnceLock::new();
    let reserve = || {
        let map = MmapOptions::new()
            .len(WINDOW)
            .no_reserve_swap()
            .map_anon()
            .ok()?;
        Some(Bytes::from_owner(map.make_read_only().ok()?))
    };
    ADDRESSES.get_or_init(reserve).as_ref()
}

/// File ranges in the order in which one connection will send them.
#[derive(Debug, Clone, Default)]
pub struct Lane(Arc<Mutex<VecDeque<Range>>>);

#[derive(Debug)]
struct Range {
    file: Arc<File>,
    offset: u64,
    left: usize,
}

impl Lane {
    /// Puts `len` bytes (at most [`WINDOW`]) of a file into the lane. Returns
    /// the stand-in to hand to hyper; `None` where the kernel gave no addresses.
    pub fn push(&self, file: &Arc<File>, offset: u64, len: usize) -> Option<Bytes> {
        let stand_in = addresses()?.slice(..len.min(WINDOW));
        self.lock().push_back(Range {
            file: Arc::clone(file),
            offset,
            left: stand_in.len(),
        });
        Some(stand_in)
    }

    /// Whether a buffer that hyper wants written is a stand-in.
    pub fn holds(buffer: &[u8]) -> bool {
        let Some(addresses) = addresses() else {
            return false;
        };
        addresses.as_ptr_range().contains(&buffer.as_ptr())
    }

    /// Sends up to `len` bytes of the first range. Never blocks on the socket.
    pub fn send(&self, socket: impl AsFd, len: usize) -> io::Result<usize> {
        let mut ranges = self.lock();
        let range = ranges.front_mut().ok_or(ErrorKind::InvalidData)?;
        let (mut offset, len) = (range.offset, len.min(range.left));
        let sent = rustix::fs::sendfile(socket, &*range.file, Some(&mut offset), len)?;
        if sent == 0 {
            // The file is shorter than it was: end the connection, never the body.
            return Err(ErrorKind::UnexpectedEof.into());
        }
        range.offset = offset;
        range.left -= sent;
        if range.left == 0 {
            ranges.pop_front();
        }
        Ok(sent)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Range>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
