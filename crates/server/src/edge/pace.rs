//! The least pace at which a peer must take or bring bytes: one that stops
//! would hold a file, a buffer and a connection for ever.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a peer may keep us waiting for [`LEAST`] bytes.
const PATIENCE: Duration = Duration::from_secs(30);
/// 1 KiB per second.
const LEAST: u64 = 30 * 1024;

/// Counts bytes, and the time spent waiting for the peer; time in which the
/// peer waits for us is not held against it.
#[derive(Debug, Default)]
pub struct Pace {
    bytes: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// The peer took or brought `bytes`.
    pub fn moved(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        self.bytes += bytes as u64;
        if self.bytes >= LEAST {
            self.bytes = 0;
            self.waited = Duration::ZERO;
        }
    }

    /// To be asked while the peer is waited for; ready once it was for too long.
    pub fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = || Instant::now() + PATIENCE.saturating_sub(self.waited);
        match (&mut self.timer, self.waiting_since) {
            (None, _) => self.timer = Some(Box::pin(sleep_until(end()))),
            (Some(timer), None) => timer.as_mut().reset(end()),
            (Some(_), Some(_)) => {}
        }
        self.waiting_since.get_or_insert_with(Instant::now);
        let timer = self.timer.as_mut();
        timer.map_or(Poll::Pending, |timer| timer.as_mut().poll(cx))
    }
}
