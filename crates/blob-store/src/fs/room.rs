//! The last free space of a disk is not for blobs: the database beside them
//! needs it, so that reading and deleting go on when nothing more can be pushed.

use std::{io, os::fd::AsFd};

use rustix::fs::fstatvfs;

/// Bytes that uploads leave free.
const RESERVE: u64 = 64 * 1024 * 1024;

/// Whether the file system of `file` has room for `len` more bytes.
pub fn room_for(file: impl AsFd, len: u64) -> io::Result<()> {
    let disk = fstatvfs(file)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < len.saturating_add(RESERVE) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}
