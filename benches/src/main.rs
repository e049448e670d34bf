//! Speed beside peers: Wharf, Debian's docker-registry, distribution 3 and nginx
//! (static files) in one interleaved run on one machine. By hand only; never a test.
//!
//! `cargo build --release -p wharf && cargo run --release -p wharf-benches`

mod http;
mod lists;
mod load;
mod report;
mod seed;
mod servers;
mod tls;
mod workloads;

use std::{io::Write as _, path::PathBuf, time::Duration};

use clap::Parser;

/// Measure Wharf beside docker-registry and nginx, and print Markdown tables
#[derive(Debug, Parser)]
pub struct Options {
    /// The release binary to measure
    #[arg(long, default_value = "target/release/wharf")]
    wharf: PathBuf,
    /// The `registry` binary of distribution 3, to be measured too
    #[arg(long)]
    distribution: Option<PathBuf>,
    /// Where the servers keep their data; a real disk, not tmpfs
    #[arg(long, default_value = "target")]
    dir: PathBuf,
    /// Interleaved rounds; medians are reported
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds per measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only workloads whose name contains this
    #[arg(long)]
    only: Option<String>,
}

impl Options {
    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    writeln!(std::io::stdout().lock(), "{}", report::machine(&options)?)?;
    workloads::run(&options)
}
