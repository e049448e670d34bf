//! What can go wrong with a store, by what the caller can do about it.

use std::io;

/// A failed storage operation. Its text is for operators' logs: it names
/// the operation and the path.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {path}: {source}")]
pub struct StoreError {
    pub kind: StoreErrorKind,
    pub operation: &'static str,
    pub path: String,
    #[source]
    pub source: io::Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// No object or upload of that name.
    NotFound,
    /// No space or quota left; goes away when somebody makes room.
    Full,
    /// The bytes on disk are not what was acknowledged.
    Damaged,
    /// Everything else: the device, permissions, the network.
    Io,
}

impl StoreError {
    pub fn new(operation: &'static str, path: impl ToString, source: io::Error) -> Self {
        use io::ErrorKind as E;
        let kind = match source.kind() {
            E::NotFound => StoreErrorKind::NotFound,
            E::StorageFull | E::QuotaExceeded | E::FileTooLarge => StoreErrorKind::Full,
            E::UnexpectedEof | E::InvalidData => StoreErrorKind::Damaged,
            _ => StoreErrorKind::Io,
        };
        Self {
            kind,
            operation,
            path: path.to_string(),
            source,
        }
    }
}
