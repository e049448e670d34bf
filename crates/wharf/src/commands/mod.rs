//! One file per command.

#[cfg(feature = "server")]
pub(crate) mod admin;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod inspect;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod ls;
pub(crate) mod manage;
#[cfg(feature = "server")]
pub(crate) mod serve;
pub(crate) mod tag;
pub(crate) mod whoami;

use crate::{
    api::Api,
    cli::{Cli, ClientCommand, Command, ImageCommand, ManageCommand},
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
        ClientCommand::Image(command) => run_image(command, output).await,
        ClientCommand::Manage(command) => run_manage(command, output).await,
    }
}

async fn run_manage(command: ManageCommand, output: Output) -> anyhow::Result<Exit> {
    macro_rules! remote {
        ($group:ident, $remote:expr) => {{
            let api = Api::remote(&$remote.reach)?;
            manage::$group::run($remote.command, &api, output).await
        }};
    }
    match command {
        ManageCommand::Visibility(args) => manage::visibility::run(args, output).await,
        ManageCommand::Explain(args) => {
            let api = Api::remote(&args.reach)?;
            manage::explain::run(args.question, &api, output).await
        }
        ManageCommand::Usage(args) => {
            let api = Api::remote(&args.reach)?;
            manage::usage::run(args.question, &api, output).await
        }
        ManageCommand::Quota(args) => {
            let api = Api::remote(&args.reach)?;
            manage::quota::run(args.limits, &api, output).await
        }
        ManageCommand::Package(remote) => remote!(package, remote),
        ManageCommand::Versions(remote) => remote!(version, remote),
        ManageCommand::Tags(remote) => remote!(tag, remote),
        ManageCommand::Token(remote) => remote!(token, remote),
        ManageCommand::Org(remote) => remote!(organization, remote),
        ManageCommand::Team(remote) => remote!(team, remote),
        ManageCommand::ServiceAccount(remote) => remote!(service_account, remote),
        ManageCommand::Repository(remote) => remote!(repository, remote),
        ManageCommand::Session(remote) => remote!(session, remote),
        ManageCommand::User(remote) => remote!(user, remote),
    }
}

async fn run_image(command: ImageCommand, output: Output) -> anyhow::Result<Exit> {
    match command {
        ImageCommand::Login(args) => login::run(args, output).await,
        ImageCommand::Logout(args) => logout::run(&args, output),
        ImageCommand::Whoami(args) => whoami::run(args, output).await,
        ImageCommand::Inspect(args) => inspect::run(args, output).await,
        ImageCommand::Ls(args) => ls::run(args, output).await,
        ImageCommand::Tag(args) => tag::run(args, output).await,
        ImageCommand::Delete(args) => delete::run(args, output).await,
        ImageCommand::Copy(args) => copy::run(args, output).await,
    }
}
