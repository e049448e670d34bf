//! `wharf admin`: works straight on the server's store, on the server's
//! machine, whether the server runs or not. A running server notices at once.

mod config;
mod sweep;
mod verify;

use std::{path::PathBuf, sync::Arc};

use clap::Subcommand;
use wharf_app::App;
use wharf_server::{
    api::LocalApi,
    config::{Config, load},
};

use super::manage;
use crate::{api::Api, failure::Exit, output::Output};

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
    #[command(flatten)]
    Manage(ManageCommand),
    Verify(verify::Args),
    Sweep(sweep::Args),
    #[command(subcommand)]
    Config(config::Command),
}

/// What the network's commands do, as the operator.
#[derive(Debug, Subcommand)]
enum ManageCommand {
    #[command(subcommand, after_help = manage::user::EXAMPLE)]
    User(manage::user::Command),
    #[command(subcommand, after_help = manage::organization::EXAMPLE)]
    Org(manage::organization::Command),
    #[command(subcommand, after_help = manage::team::EXAMPLE)]
    Team(manage::team::Command),
    #[command(subcommand, after_help = manage::service_account::EXAMPLE)]
    ServiceAccount(manage::service_account::Command),
    #[command(subcommand, after_help = manage::repository::EXAMPLE)]
    Repository(manage::repository::Command),
    #[command(subcommand, after_help = manage::token::EXAMPLE)]
    Token(manage::token::Command),
    #[command(subcommand, after_help = manage::package::EXAMPLE)]
    Package(manage::package::Command),
    #[command(subcommand, alias = "version", after_help = manage::version::EXAMPLE)]
    Versions(manage::version::Command),
    #[command(subcommand, alias = "tag", after_help = manage::tag::EXAMPLE)]
    Tags(manage::tag::Command),
    /// Say what somebody may do to a package, and why or why not
    Explain(manage::explain::Question),
    /// Show what an owner or a package stores
    Usage(manage::usage::Question),
    /// Limit what an owner may store
    Quota(manage::quota::Limits),
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
        Command::Manage(command) => {
            let api = Api::Local(LocalApi::new(Arc::clone(&app), &config));
            run_manage(command, &api, output).await
        }
        Command::Verify(args) => verify::run(args, &app, output).await,
        Command::Sweep(args) => sweep::run(args, &app, output).await,
        Command::Config(_) => Ok(Exit::Ok),
    };
    app.close().await;
    result
}

async fn run_manage(command: ManageCommand, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        ManageCommand::User(command) => manage::user::run(command, api, output).await,
        ManageCommand::Org(command) => manage::organization::run(command, api, output).await,
        ManageCommand::Team(command) => manage::team::run(command, api, output).await,
        ManageCommand::ServiceAccount(command) => {
            manage::service_account::run(command, api, output).await
        }
        ManageCommand::Repository(command) => manage::repository::run(command, api, output).await,
        ManageCommand::Token(command) => manage::token::run(command, api, output).await,
        ManageCommand::Package(command) => manage::package::run(command, api, output).await,
        ManageCommand::Versions(command) => manage::version::run(command, api, output).await,
        ManageCommand::Tags(command) => manage::tag::run(command, api, output).await,
        ManageCommand::Explain(question) => manage::explain::run(question, api, output).await,
        ManageCommand::Usage(question) => manage::usage::run(question, api, output).await,
        ManageCommand::Quota(limits) => manage::quota::run(limits, api, output).await,
    }
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
