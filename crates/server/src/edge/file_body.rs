//! A response body that is a range of a file.

use std::{
    fs::File,
    future::Future,
    io::{self, IoSliceMut},
    ops::Range,
    os::unix::fs::FileExt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{Lane, lane::WINDOW, stalls::Watched};

/// Bytes read at once where the kernel path is not available.
const CHUNK: usize = 256 * 1024;
/// The same for one of many streams, which may each hold one.
const STREAM_CHUNK: usize = 64 * 1024;

/// How the bytes of a file get to the client.
#[derive(Debug)]
pub enum Way {
    /// HTTP/1 over plain TCP: the kernel sends them.
    Kernel(Lane),
    /// HTTP/1 over TLS.
    Read,
    /// A stream of HTTP/2, watched.
    Stream(Watched),
}

/// Sends `range` of a file.
///
/// What is in the page cache is sent or read at once; what is not is brought
/// in on a blocking thread first, so that a cold disk never stalls the others.
#[derive(Debug)]
pub struct FileBody {
    file: Arc<File>,
    range: Range<u64>,
    way: Way,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
enum Waiting {
    Warm(JoinHandle<io::Result<()>>),
    Read(JoinHandle<io::Result<Vec<u8>>>),
}

impl FileBody {
    pub fn new(file: Arc<File>, range: Range<u64>, way: Way) -> Self {
        Self {
            file,
            range,
            way,
            waiting: None,
        }
    }

    fn left(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn step(&self, most: usize) -> usize {
        usize::try_from(self.left()).map_or(most, |left| left.min(most))
    }

    fn advance(&mut self, bytes: Bytes) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Way::Stream(watched) = &self.way {
            watched.taken();
        }
        self.range.start += bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn send_window(&mut self, lane: &Lane) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let len = self.step(WINDOW);
        if let Some(stand_in) = lane.push(&self.file, self.range.start, len) {
            self.advance(stand_in)
        } else {
            self.way = Way::Read;
            self.read_chunk()
        }
    }

    /// Reads what is in memory, or has a blocking thread read it.
    fn read_chunk(&mut self) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let most = match self.way {
            Way::Stream(_) => STREAM_CHUNK,
            Way::Kernel(_) | Way::Read => CHUNK,
        };
        let (offset, len) = (self.range.start, self.step(most));
        let mut buffer = vec![0; len];
        let slices = &mut [IoSliceMut::new(&mut buffer)];
        match preadv2(&*self.file, slices, offset, ReadWriteFlags::NOWAIT) {
            Ok(n) if n > 0 => {
                buffer.truncate(n);
                self.advance(buffer.into())
            }
            _ => {
                let file = Arc::clone(&self.file);
                let read = move || file.read_exact_at(&mut buffer, offset).map(|()| buffer);
                self.waiting = Some(Waiting::Read(spawn_blocking(read)));
                Poll::Pending
            }
        }
    }

    /// Whether both ends of the next window are in memory, and so, very
    /// likely, is what lies between.
    fn is_warm(&self) -> bool {
        let last = self.range.start + self.step(WINDOW) as u64 - 1;
        [self.range.start, last].into_iter().all(|at| {
            let mut byte = [0];
            let slices = &mut [IoSliceMut::new(&mut byte)];
            preadv2(&*self.file, slices, at, ReadWriteFlags::NOWAIT) != Err(Errno::AGAIN)
        })
    }

    fn begin_warming(&mut self) {
        let (file, offset, len) = (Arc::clone(&self.file), self.range.start, self.step(WINDOW));
        let warm = move || {
            let mut buffer = vec![0; CHUNK];
            let mut done = 0;
            while done < len {
                let step = CHUNK.min(len - done);
                file.read_exact_at(&mut buffer[..step], offset + done as u64)?;
                done += step;
            }
            Ok(())
        };
        self.waiting = Some(Waiting::Warm(spawn_blocking(warm)));
    }

    fn begin(&mut self) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Way::Kernel(lane) = &self.way else {
            return self.read_chunk();
        };
        let lane = lane.clone();
        if self.is_warm() {
            return self.send_window(&lane);
        }
        self.begin_warming();
        Poll::Pending
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            match self.waiting.take() {
                None if self.left() == 0 => return Poll::Ready(None),
                None => match self.begin() {
                    Poll::Ready(frame) => return Poll::Ready(frame),
                    Poll::Pending => {}
                },
                Some(Waiting::Warm(mut task)) => match Pin::new(&mut task).poll(cx) {
                    Poll::Pending => {
                        self.waiting = Some(Waiting::Warm(task));
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(Ok(()))) => {
                        if let Way::Kernel(lane) = &self.way {
                            let lane = lane.clone();
                            return self.send_window(&lane);
                        }
                    }
                    Poll::Ready(Ok(Err(e))) => return Poll::Ready(Some(Err(e))),
                    Poll::Ready(Err(e)) => return Poll::Ready(Some(Err(io::Error::other(e)))),
                },
                Some(Waiting::Read(mut task)) => match Pin::new(&mut task).poll(cx) {
                    Poll::Pending => {
                        self.waiting = Some(Waiting::Read(task));
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(Ok(buffer))) => return self.advance(buffer.into()),
                    Poll::Ready(Ok(Err(e))) => return Poll::Ready(Some(Err(e))),
                    Poll::Ready(Err(e)) => return Poll::Ready(Some(Err(io::Error::other(e)))),
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use http_body_util::BodyExt as _;

    use super::*;

    fn file(content: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(content).expect("written");
        Arc::new(file)
    }

    #[tokio::test]
    async fn reads_exactly_the_range() {
        let content: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
        for range in [0..0, 0..1, 5..600_000, 0..1_000_000_usize] {
            let expected = &content[range.clone()];
            let range = range.start as u64..range.end as u64;
            let body = FileBody::new(file(&content), range, Way::Read);
            let read = body.collect().await.expect("readable").to_bytes();
            assert!(read == expected);
        }
    }

    #[tokio::test]
    async fn a_file_that_shrank_is_an_error() {
        let body = FileBody::new(file(b"short"), 0..1000, Way::Read);
        assert!(body.collect().await.is_err());
    }
}
