//! A stream whose peer must take what is written to it; see [`Pace`].

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pace::Pace;

#[derive(Debug)]
pub struct Paced<S> {
    stream: S,
    pace: Pace,
}

impl<S> Paced<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            pace: Pace::default(),
        }
    }

    fn note(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(n)) => self.pace.moved(n),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let too_slow = self.pace.poll_too_slow(cx);
                return too_slow.map(|()| Err(io::ErrorKind::TimedOut.into()));
            }
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::{sleep, timeout},
    };

    use super::*;

    const LONG: Duration = Duration::from_mins(10);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stops_reading_is_let_go() {
        let (ours, _theirs) = duplex(1024);
        let written = timeout(LONG, Paced::new(ours).write_all(&[0; 4096])).await;
        let error = written.expect("not for ever").expect_err("let go");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sips_is_let_go() {
        let (ours, mut theirs) = duplex(1024);
        let sipping = tokio::spawn(async move {
            let mut byte = [0];
            while theirs.read_exact(&mut byte).await.is_ok() {
                sleep(Duration::from_secs(5)).await;
            }
        });
        let written = timeout(LONG, Paced::new(ours).write_all(&[0; 4096])).await;
        let error = written.expect("not for ever").expect_err("let go");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        sipping.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_but_steady_peer_gets_everything() {
        let (ours, mut theirs) = duplex(1024);
        let reading = tokio::spawn(async move {
            let (mut total, mut buffer) = (0, [0; 1024]);
            while total < 500_000 {
                total += theirs.read(&mut buffer).await.expect("bytes");
                sleep(Duration::from_millis(400)).await;
            }
            total
        });
        let written = Paced::new(ours).write_all(&vec![0; 500_000]).await;
        written.expect("all of it");
        assert_eq!(reading.await.expect("read"), 500_000);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_between_writes_is_nobodys_fault() {
        let (ours, mut theirs) = duplex(1024);
        let mut ours = Paced::new(ours);
        for _ in 0..5 {
            let reading = async {
                sleep(Duration::from_secs(1)).await;
                theirs.read_exact(&mut [0; 2048]).await
            };
            let (written, read) = tokio::join!(ours.write_all(&[0; 2048]), reading);
            written.expect("in time");
            read.expect("bytes");
            sleep(LONG).await;
        }
    }
}
