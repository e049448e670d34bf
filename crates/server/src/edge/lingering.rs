//! A connection whose peer still sends when its answer is out. Were it closed
//! at once, the kernel would reset it, and the peer would often lose the answer.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long a peer may take to notice its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a body of the connection was answered before it had come to its end.
#[derive(Debug, Clone, Default)]
pub struct Unread(Arc<AtomicBool>);

impl Unread {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub struct Lingering<S> {
    stream: S,
    unread: Unread,
    is_shut: bool,
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> Lingering<S> {
    pub fn new(stream: S, unread: Unread) -> Self {
        Self {
            stream,
            unread,
            is_shut: false,
            end: None,
        }
    }
}

impl<S: AsyncRead + Unpin> Lingering<S> {
    /// Throws away what still comes, until the peer has closed too.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        let mut bytes = [0; 16 * 1024];
        while end.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.is_shut = true;
        }
        if self.unread.is_set() {
            ready!(self.poll_discard(cx));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::Instant,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_still_comes_is_taken_until_the_peer_closes() {
        let (ours, mut theirs) = duplex(16);
        let unread = Unread::default();
        unread.set();
        let mut ours = Lingering::new(ours, unread);
        let peer = async {
            theirs.write_all(&[0; 4096]).await.expect("is taken");
            let mut end = [0];
            assert_eq!(theirs.read(&mut end).await.expect("reads"), 0);
            drop(theirs);
        };
        let (shut, ()) = tokio::join!(ours.shutdown(), peer);
        shut.expect("shuts down");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_closes_is_left() {
        let (ours, _theirs) = duplex(16);
        let (unread, begun) = (Unread::default(), Instant::now());
        unread.set();
        let shut = Lingering::new(ours, unread).shutdown().await;
        shut.expect("shuts down");
        assert_eq!(begun.elapsed(), PATIENCE);
    }
}
