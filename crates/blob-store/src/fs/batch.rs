//! Bytes gathered until they are worth a system call.

use bytes::{Bytes, BytesMut};

/// Pieces shorter than this are copied together: kept as they arrived, each
/// would hold the whole buffer that it was read into.
const SMALL: usize = 16 * 1024;

#[derive(Debug, Default)]
pub struct Batch {
    pieces: Vec<Bytes>,
    /// Small pieces since the last large one.
    small: BytesMut,
    len: usize,
}

impl Batch {
    pub fn push(&mut self, bytes: Bytes) {
        self.len += bytes.len();
        if bytes.len() < SMALL {
            self.small.extend_from_slice(&bytes);
        } else {
            self.seal();
            self.pieces.push(bytes);
        }
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Everything in order; the batch is empty afterwards.
    pub fn take(&mut self) -> Vec<Bytes> {
        self.seal();
        self.len = 0;
        std::mem::take(&mut self.pieces)
    }

    fn seal(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(self.small.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_small_pieces_are_joined() {
        let mut batch = Batch::default();
        let large = Bytes::from(vec![7; SMALL]);
        let mut expected = Vec::new();
        for piece in [&b"a"[..], b"b", &large, b"c", &large, &large, b"d"] {
            batch.push(Bytes::copy_from_slice(piece));
            expected.extend_from_slice(piece);
        }
        assert_eq!(batch.len(), expected.len());
        let pieces = batch.take();
        assert_eq!(pieces.len(), 6, "a and b are one");
        assert_eq!(pieces.concat(), expected);
        assert_eq!((batch.len(), batch.take().len()), (0, 0));
    }
}
