//! `wharf`: the registry and its command line in one binary.
//!
//! `cli` says what can be typed, `commands/<command>.rs` what it does,
//! `failure` what went wrong and which exit code says so.

mod api;
mod cli;
mod commands;
mod credentials;
mod failure;
mod logging;
mod output;
mod progress;
mod registries;
mod target;

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: with two providers compiled in, rustls would panic at
    // the first handshake unless one was chosen.
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.install_default().ok();
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => failure::report(&error).into(),
    }
}

fn run(cli: cli::Cli) -> anyhow::Result<failure::Exit> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(commands::run(cli))
}
