//! One file per command.

#[cfg(feature = "server")]
pub(crate) mod admin;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod inspect;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod ls;
#[cfg(feature = "server")]
pub(crate) mod serve;
pub(crate) mod tag;
pub(crate) mod whoami;

use crate::{
    cli::{Cli, ClientCommand, Command},
    failure::Exit,
    logging,
    output::Output,
};

/// Runs what was typed. An `Ok` may still be [`Exit::Partial`]: the command
/// has said itself what it could not do.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let output = Output::new(cli.reporting);
    match cli.command {
        #[cfg(feature = "server")]
        Command::Serve(args) => serve::run(args, output).await,
        #[cfg(feature = "server")]
        Command::Admin(args) => admin::run(args, output).await,
        Command::Client(command) => {
            logging::start(cli.reporting.verbose);
            run_client(command, output).await
        }
    }
}

async fn run_client(command: ClientCommand, output: Output) -> anyhow::Result<Exit> {
    match command {
        ClientCommand::Login(args) => login::run(args, output).await,
        ClientCommand::Logout(args) => logout::run(&args, output),
        ClientCommand::Whoami(args) => whoami::run(args, output).await,
        ClientCommand::Inspect(args) => inspect::run(args, output).await,
        ClientCommand::Ls(args) => ls::run(args, output).await,
        ClientCommand::Tag(args) => tag::run(args, output).await,
        ClientCommand::Delete(args) => delete::run(args, output).await,
        ClientCommand::Copy(args) => copy::run(args, output).await,
    }
}
