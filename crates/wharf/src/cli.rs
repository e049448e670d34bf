//! What can be typed. Flags and output are a contract: see docs/guide.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::{
    commands::{
        self,
        manage::{self, Remote},
    },
    failure::Exit,
};

/// A container registry you run yourself, and the client for every other one.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) reporting: Reporting,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Images are written HOST/OWNER/NAME[:TAG][@DIGEST]. With WHARF_HOST set, HOST may be left out.

Exit codes: 0 ok, 1 usage or configuration, 2 done in part, 3 source missing,
4 not signed in or not allowed, 5 rate-limited: try again later.";

/// How a command reports.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Reporting {
    /// Print the result as JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but the result and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say on standard error what is asked of whom
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

/// How to reach registries.
#[derive(Debug, Clone, Args)]
pub(crate) struct Connection {
    /// Speak http, not https (implied for this machine's own addresses)
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// A token server outside the registry's domain that may see its password
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) trust_realm: Vec<String>,
}

/// Which registry is meant, and how to reach it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reach {
    /// The registry meant when a name has no HOST
    #[arg(long, env = "WHARF_HOST", value_name = "HOST")]
    pub(crate) host: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Which registry's API is meant, and how to reach it.
#[derive(Debug, Clone, Args)]
pub(crate) struct ApiReach {
    /// The registry: HOST or HOST:PORT
    #[arg(long, env = "WHARF_HOST", value_name = "HOST", global = true)]
    pub(crate) host: Option<String>,
    /// Speak http, not https (implied for this machine's own addresses)
    #[arg(long, global = true)]
    plain_http: bool,
}

impl ApiReach {
    pub(crate) fn connection(&self) -> Connection {
        Connection {
            plain_http: self.plain_http,
            trust_realm: Vec::new(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "server")]
    Serve(commands::serve::Args),
    #[cfg(feature = "server")]
    Admin(commands::admin::Args),
    #[command(flatten)]
    Client(ClientCommand),
}

/// The commands that speak to registries; the small client has no others.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    #[command(flatten)]
    Image(ImageCommand),
    #[command(flatten)]
    Manage(ManageCommand),
}

/// What runs a registry by its API, on any Wharf.
#[derive(Debug, Subcommand)]
pub(crate) enum ManageCommand {
    Visibility(manage::visibility::Args),
    Explain(manage::explain::Args),
    Usage(manage::usage::Args),
    Quota(manage::quota::Args),
    /// Packages: who may do what, names, what they tell about themselves
    #[command(after_help = manage::package::EXAMPLE)]
    Package(Remote<manage::package::Command>),
    /// Versions: every digest of a package, what belongs to it, and taking it away
    #[command(after_help = manage::version::EXAMPLE)]
    Versions(Remote<manage::version::Command>),
    /// Tags: their history, rolling back, promoting, and what must not move
    #[command(after_help = manage::tag::EXAMPLE)]
    Tags(Remote<manage::tag::Command>),
    /// Tokens: a password's work, with limits
    #[command(after_help = manage::token::EXAMPLE)]
    Token(Remote<manage::token::Command>),
    /// Organizations, and who belongs to them
    #[command(after_help = manage::organization::EXAMPLE)]
    Org(Remote<manage::organization::Command>),
    /// Teams: members of an organization who are granted roles together
    #[command(after_help = manage::team::EXAMPLE)]
    Team(Remote<manage::team::Command>),
    /// Service accounts: they act for an organization, with tokens only
    #[command(after_help = manage::service_account::EXAMPLE)]
    ServiceAccount(Remote<manage::service_account::Command>),
    /// Source repositories: where packages are built, and whose access they inherit
    #[command(after_help = manage::repository::EXAMPLE)]
    Repository(Remote<manage::repository::Command>),
    /// How you sign in: sessions, and the second factor
    #[command(after_help = manage::session::EXAMPLE)]
    Session(Remote<manage::session::Command>),
    /// Users
    #[command(after_help = manage::user::EXAMPLE)]
    User(Remote<manage::user::Command>),
}

/// What any registry can be asked about images.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    Login(commands::login::Args),
    Logout(commands::logout::Args),
    Whoami(commands::whoami::Args),
    Inspect(commands::inspect::Args),
    Ls(commands::ls::Args),
    Tag(commands::tag::Args),
    Delete(commands::delete::Args),
    Copy(commands::copy::Args),
}

/// Reads the command line. Help and version are answered here.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|answer| {
        // A closed pipe is no reason to fail.
        answer.print().ok();
        if answer.use_stderr() {
            Exit::Usage.into()
        } else {
            ExitCode::SUCCESS
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands_mut() {
            if matches!(command.get_name(), "serve" | "admin" | "help") {
                continue;
            }
            let help = command.render_long_help().to_string();
            assert!(
                help.contains("Example"),
                "`{}` has none",
                command.get_name()
            );
        }
    }
}
