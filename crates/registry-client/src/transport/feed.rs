//! A request body that streams, watched from the outside: an upload may take
//! hours, but not a minute without moving; and if it is the source that
//! breaks, the source's error is the one to report.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};

use crate::error::{Error, Result};

/// Longest time between two pieces of a body, or between its end and the answer.
const STALL: Duration = Duration::from_mins(5);
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// Bytes on their way to a registry.
pub(crate) type Source = BoxStream<'static, Result<Bytes>>;

/// What is known about a body being sent.
#[derive(Clone, Debug)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    moved: Instant,
    failure: Option<Error>,
}

/// Splits `source` into a body to send and a watch on it.
pub(super) fn feed(source: Source) -> (reqwest::Body, Watch) {
    let watch = Watch(Arc::new(Mutex::new(Seen {
        moved: Instant::now(),
        failure: None,
    })));
    let body = reqwest::Body::wrap_stream(observed(source, watch.clone()));
    (body, watch)
}

fn observed(
    source: Source,
    watch: Watch,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    source.map(move |item| {
        let mut seen = watch.lock();
        seen.moved = Instant::now();
        item.map_err(|error| {
            let told = std::io::Error::other(error.to_string());
            seen.failure = Some(error);
            told
        })
    })
}

impl Watch {
    /// Runs `sending` to its end, unless the body stops moving.
    pub(super) async fn guard<T>(&self, sending: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = sending => Some(done),
            () = self.stalled() => None,
        }
    }

    /// The error with which the source of the body broke off.
    pub(super) fn failure(&self) -> Option<Error> {
        self.lock().failure.take()
    }

    async fn stalled(&self) {
        while self.lock().moved.elapsed() < STALL {
            tokio::time::sleep(CHECK_EVERY).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
