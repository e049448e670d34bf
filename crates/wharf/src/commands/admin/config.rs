//! `wharf admin config`

use clap::Subcommand;
use serde_json::json;
use wharf_server::config::Config;

use crate::{
    failure::Exit,
    output::{self, Output},
};

/// Settings
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the configuration file and the environment without starting
    Check,
}

pub(super) fn run(command: Command, config: &Config, output: Output) -> anyhow::Result<Exit> {
    let Command::Check = command;
    if output.is_json() {
        output::json(&json!({"valid": true, "public_url": config.server.public_url()}))?;
    } else {
        output.note(format_args!(
            "the configuration is valid: Wharf would serve {} at {}",
            config.storage.data.display(),
            config.server.public_url(),
        ));
    }
    Ok(Exit::Ok)
}
