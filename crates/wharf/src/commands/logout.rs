//! `wharf logout`: forgets a saved login.

use serde::Serialize;

use crate::{
    credentials,
    failure::Exit,
    output::{self, Output},
};

/// Forget the saved login of a registry
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  wharf logout ghcr.io

With --json: {\"host\", \"removed\"}")]
pub(crate) struct Args {
    /// The registry, HOST or HOST:PORT
    #[arg(value_name = "HOST")]
    registry: String,
}

#[derive(Serialize)]
struct Report<'a> {
    host: &'a str,
    /// False if there was no login to forget.
    removed: bool,
}

pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let host = args.registry.as_str();
    let removed = credentials::forget(host)?;
    if output.is_json() {
        output::json(&Report { host, removed })?;
    } else if removed {
        output.note(format_args!("forgot the login for {host}"));
    } else {
        output.note(format_args!("there was no login for {host}"));
    }
    Ok(Exit::Ok)
}
