//! Clients that ask as fast as they are answered, for a while.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{anyhow, ensure};

use crate::{http::Connection, servers::Server};

/// docker-registry hides OCI manifests from clients that do not ask for them.
const ACCEPT: &str = "Accept: application/vnd.oci.image.manifest.v1+json\r\n";

/// What one measurement found.
#[derive(Debug, Clone)]
pub struct Measurement {
    pub operations: u64,
    pub bytes: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    /// Milliseconds, sorted.
    pub latencies: Vec<f64>,
}

impl Measurement {
    pub fn per_second(&self) -> f64 {
        count(self.operations) / self.seconds
    }

    pub fn gigabytes_per_second(&self) -> f64 {
        count(self.bytes) / 1e9 / self.seconds
    }

    pub fn cpu_per_gigabyte(&self) -> f64 {
        self.cpu_seconds / (count(self.bytes) / 1e9)
    }

    pub fn cpu_per_thousand(&self) -> f64 {
        self.cpu_seconds / (count(self.operations) / 1e3)
    }

    /// Milliseconds below which `percent` of the operations stayed.
    pub fn percentile(&self, percent: usize) -> f64 {
        let at = self.latencies.len() * percent / 100;
        self.latencies
            .get(at.min(self.latencies.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn count(n: u64) -> f64 {
    n as f64
}

/// Repeats one request from `clients` connections for `duration`.
pub fn repeat(
    server: &Server,
    authorization: &str,
    clients: usize,
    duration: Duration,
    (method, path): (&str, &str),
) -> anyhow::Result<Measurement> {
    let stop = AtomicBool::new(false);
    measure(server, || {
        let workers = |_| || asking(server, authorization, &stop, method, path);
        thread::scope(|scope| {
            let tasks: Vec<_> = (0..clients).map(workers).map(|w| scope.spawn(w)).collect();
            thread::sleep(duration);
            stop.store(true, Ordering::Relaxed);
            tasks
                .into_iter()
                .map(|t| t.join().map_err(|_| anyhow!("a client died"))?)
                .collect()
        })
    })
}

fn asking(
    server: &Server,
    authorization: &str,
    stop: &AtomicBool,
    method: &str,
    path: &str,
) -> anyhow::Result<Vec<(Duration, u64)>> {
    let mut connection = Connection::open(server, authorization)?;
    let mut done = Vec::new();
    while !stop.load(Ordering::Relaxed) || done.is_empty() {
        let begun = Instant::now();
        let answer = connection.send(method, path, ACCEPT, &[])?;
        ensure!(answer.status == 200, "{method} {path}: {}", answer.status);
        done.push((begun.elapsed(), answer.len));
    }
    Ok(done)
}

/// Runs each client's work on a thread of its own, until all is done.
pub fn all<W>(server: &Server, work: Vec<W>) -> anyhow::Result<Measurement>
where
    W: FnOnce() -> anyhow::Result<Vec<(Duration, u64)>> + Send,
{
    measure(server, || {
        thread::scope(|scope| {
            let tasks: Vec<_> = work.into_iter().map(|w| scope.spawn(w)).collect();
            tasks
                .into_iter()
                .map(|t| t.join().map_err(|_| anyhow!("a client died"))?)
                .collect()
        })
    })
}

fn measure(
    server: &Server,
    run: impl FnOnce() -> anyhow::Result<Vec<Vec<(Duration, u64)>>>,
) -> anyhow::Result<Measurement> {
    let (cpu, begun) = (server.cpu_seconds()?, Instant::now());
    let done = run()?.concat();
    let (seconds, cpu_seconds) = (begun.elapsed().as_secs_f64(), server.cpu_seconds()? - cpu);
    let mut latencies: Vec<f64> = done.iter().map(|(t, _)| t.as_secs_f64() * 1e3).collect();
    latencies.sort_by(f64::total_cmp);
    Ok(Measurement {
        operations: done.len() as u64,
        bytes: done.iter().map(|(_, n)| n).sum(),
        seconds,
        cpu_seconds,
        latencies,
    })
}
