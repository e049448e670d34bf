//! HTTP/2 bodies that nobody takes. A client that grants no flow-control window
//! blocks no write, so the pace of the connection tells nothing; each body
//! tells when it was last taken from instead.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// How long a body may wait for its client to take the next chunk of 64 KiB.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often that is looked at.
const GLANCE: Duration = Duration::from_secs(15);

/// The bodies that one connection is sending.
#[derive(Debug, Clone, Default)]
pub struct Stalls(Arc<Mutex<Bodies>>);

#[derive(Debug, Default)]
struct Bodies {
    next: u64,
    last_taken: HashMap<u64, Instant>,
}

impl Stalls {
    /// Watches a body until the guard is dropped.
    pub fn watch(&self) -> Watched {
        let mut bodies = self.lock();
        let id = bodies.next;
        bodies.next += 1;
        bodies.last_taken.insert(id, Instant::now());
        Watched {
            id,
            stalls: self.clone(),
        }
    }

    /// Ends when a body was waiting for too long: time to close the connection.
    pub async fn stalled(&self) {
        while !self.has_stalled() {
            sleep(GLANCE).await;
        }
    }

    fn has_stalled(&self) -> bool {
        let bodies = self.lock();
        let mut taken = bodies.last_taken.values();
        taken.any(|at| at.elapsed() > PATIENCE)
    }

    fn lock(&self) -> MutexGuard<'_, Bodies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub struct Watched {
    id: u64,
    stalls: Stalls,
}

impl Watched {
    /// The client took a chunk.
    pub fn taken(&self) {
        let mut bodies = self.stalls.lock();
        bodies.last_taken.insert(self.id, Instant::now());
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stalls.lock().last_taken.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    async fn stalls_within(stalls: &Stalls, time: Duration) -> bool {
        timeout(time, stalls.stalled()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn one_body_that_nobody_takes_is_enough() {
        let stalls = Stalls::default();
        assert!(!stalls_within(&stalls, 10 * PATIENCE).await, "idle");
        let _stuck = stalls.watch();
        let flowing = stalls.watch();
        sleep(PATIENCE / 2).await;
        flowing.taken();
        assert!(!stalls_within(&stalls, PATIENCE / 4).await);
        assert!(stalls_within(&stalls, PATIENCE).await);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_and_finished_bodies_are_fine() {
        let stalls = Stalls::default();
        let slow = stalls.watch();
        for _ in 0..10 {
            assert!(!stalls_within(&stalls, PATIENCE / 2).await);
            slow.taken();
        }
        drop(slow);
        assert!(!stalls_within(&stalls, 10 * PATIENCE).await);
    }
}
