//! `wharf admin`: works straight on the server's store, on the server's
//! machine, whether the server runs or not. A running server notices at once.

mod config;
mod lifetime;
mod org;
mod package;
mod pages;
mod sweep;
mod tag;
mod team;
mod token;
mod user;
mod verify;

use std::{path::PathBuf, sync::Arc};

use clap::Subcommand;
use wharf_app::App;
use wharf_server::config::{Config, load};

use crate::{failure::Exit, output::Output};

/// Administer the registry on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf admin user create alice --password-stdin
  wharf admin token create --user alice --scope write:packages --expires 90d
  wharf admin package visibility alice/app public")]
pub(crate) struct Args {
    /// Directory of the database and the blobs [default: ./wharf-data]
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// A TOML file with settings
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    Org(org::Command),
    #[command(subcommand)]
    Tag(tag::Command),
    #[command(subcommand)]
    Team(team::Command),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Package(package::Command),
    Verify(verify::Args),
    Sweep(sweep::Args),
    #[command(subcommand)]
    Config(config::Command),
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let mut flags = Vec::new();
    if let Some(data) = &args.data {
        let data = data.to_string_lossy().into_owned();
        flags.push(("storage.data", toml::Value::String(data)));
    }
    let config = load(args.config.as_deref(), std::env::vars(), flags)?;
    if let Command::Config(command) = args.command {
        return config::run(command, &config, output);
    }
    let app = open(&config).await?;
    let result = match args.command {
        Command::User(command) => user::run(command, &app, output).await,
        Command::Org(command) => org::run(command, &app, output).await,
        Command::Tag(command) => tag::run(command, &app, output).await,
        Command::Team(command) => team::run(command, &app, output).await,
        Command::Token(command) => token::run(command, &app, output).await,
        Command::Package(command) => package::run(command, &app, output).await,
        Command::Verify(args) => verify::run(args, &app, output).await,
        Command::Sweep(args) => sweep::run(args, &app, output).await,
        Command::Config(_) => Ok(Exit::Ok),
    };
    app.close().await;
    result
}

/// Opens an installation that exists: a mistyped directory must not become a new one.
async fn open(config: &Config) -> anyhow::Result<Arc<App>> {
    let data = &config.storage.data;
    if !data.join("wharf.db").exists() {
        let message = format!("there is no Wharf data in {}", data.display());
        let hint = "name the directory with --data, or start `wharf serve` there once";
        return Err(crate::failure::Failure::usage(message).hint(hint).into());
    }
    wharf_server::open_app(config).await
}
