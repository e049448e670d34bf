//! `wharf admin org`

use clap::Subcommand;
use wharf_app::App;
use wharf_db::accounts::AccountKind;

use super::user::{list, report};
use crate::{failure::Exit, output::Output};

/// Organizations
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create an organization
    Create {
        login: String,
        /// The user who owns it
        #[arg(long, value_name = "USER")]
        owner: String,
    },
    /// List organizations
    Ls,
}

pub(super) async fn run(command: Command, app: &App, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Create { login, owner } => {
            let account = app.create_organization(&login, &owner).await?;
            report(&account, output, "created")?;
        }
        Command::Ls => list(&app.list_accounts(AccountKind::Organization).await?, output)?,
    }
    Ok(Exit::Ok)
}
