//! A request's body that must come at a pace, and ends when the server stops.

use std::{
    error::Error as StdError,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{lingering::Unread, pace::Pace};

/// Why a body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body ended early: the connection was cut, or its Content-Length is wrong")]
    Broken,
    #[error("the body came at less than 1 KiB per second; try again over a better connection")]
    TooSlow,
    #[error("the registry is restarting; what arrived is kept: continue in a moment")]
    Stopping,
}

impl BodyError {
    /// Finds the reason in what a body's consumer was given.
    pub fn from_source(error: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return *found;
            }
            next = error.source();
        }
        Self::Broken
    }
}

pub struct PacedBody<B: Body> {
    body: B,
    pace: Pace,
    /// Told if the body is let go before its end.
    unread: Unread,
    stop: CancellationToken,
    stopped: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl<B: Body> PacedBody<B> {
    /// `stop`: gives up on what has not arrived by then.
    pub fn new(body: B, unread: Unread, stop: CancellationToken) -> Self {
        Self {
            body,
            pace: Pace::default(),
            unread,
            stop,
            stopped: None,
        }
    }

    fn poll_given_up(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        let wait = || Box::pin(self.stop.clone().cancelled_owned());
        let stopped = self.stopped.get_or_insert_with(wait);
        if stopped.as_mut().poll(cx).is_ready() {
            return Poll::Ready(BodyError::Stopping);
        }
        self.pace.poll_too_slow(cx).map(|()| BodyError::TooSlow)
    }
}

impl<B: Body> Drop for PacedBody<B> {
    fn drop(&mut self) {
        if !self.body.is_end_stream() {
            self.unread.set();
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for PacedBody<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.pace.moved(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BodyError::Broken))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self.poll_given_up(cx).map(|error| Some(Err(error))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use futures_util::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};
    use tokio::time::{sleep, timeout};

    use super::*;

    /// `count` frames of `len` bytes, one per `pause`; then nothing, for ever.
    fn drip(len: usize, pause: Duration, count: usize) -> impl Body<Data = Bytes> + Unpin {
        let frames = stream::iter(0..count).then(move |_| async move {
            sleep(pause).await;
            Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; len])))
        });
        StreamBody::new(Box::pin(frames.chain(stream::pending())))
    }

    async fn outcome(body: impl Body<Data = Bytes> + Unpin, stop: CancellationToken) -> BodyError {
        let collected = PacedBody::new(body, Unread::default(), stop).collect();
        let collected = timeout(Duration::from_hours(2), collected).await;
        collected.expect("not for ever").expect_err("given up on")
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_stop_or_drip_are_given_up_on() {
        let second = Duration::from_secs(1);
        for body in [drip(1, second, 0), drip(100, second, usize::MAX)] {
            let error = outcome(body, CancellationToken::new()).await;
            assert_eq!(error, BodyError::TooSlow);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_but_steady_body_may_take_an_hour() {
        let stop = CancellationToken::new();
        let mut body = PacedBody::new(
            drip(2048, Duration::from_secs(1), 3600),
            Unread::default(),
            stop,
        );
        for _ in 0..3600 {
            let frame = body.frame().await.expect("a frame");
            assert!(frame.is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_reader_takes_is_not_the_clients() {
        let stop = CancellationToken::new();
        let mut body = PacedBody::new(drip(1, Duration::from_secs(1), 5), Unread::default(), stop);
        for _ in 0..5 {
            assert!(body.frame().await.expect("a frame").is_ok());
            sleep(Duration::from_hours(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_ends_when_the_server_stops() {
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let (error, ()) = tokio::join!(
            outcome(drip(1, Duration::from_secs(1), 0), stop),
            async move { stopping.cancel() }
        );
        assert_eq!(error, BodyError::Stopping);
        let axum = axum::Error::new(error);
        assert_eq!(BodyError::from_source(&axum), BodyError::Stopping);
    }
}
