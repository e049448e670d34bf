//! `wharf admin user`

use std::io::Read as _;

use clap::Subcommand;
use serde_json::json;
use wharf_app::{App, clock};
use wharf_db::accounts::{Account, AccountKind};

use crate::{
    failure::{Exit, Failure},
    output::{self, Output},
};

/// Users
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a user; without a password it can only use tokens
    Create {
        login: String,
        /// Make it a site administrator
        #[arg(long)]
        admin: bool,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List users
    Ls,
    /// Set a user's password, read from standard input
    Password { login: String },
    /// Refuse all of a user's credentials
    Disable { login: String },
    /// Accept them again
    Enable { login: String },
}

pub(super) async fn run(command: Command, app: &App, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Create {
            login,
            admin,
            password_stdin,
        } => {
            let password = if password_stdin {
                Some(read_password()?)
            } else {
                None
            };
            let account = app.create_user(&login, admin, password.as_deref()).await?;
            report(&account, output, "created")?;
        }
        Command::Ls => {
            let accounts = app.list_accounts(AccountKind::User).await?;
            list(&accounts, output)?;
        }
        Command::Password { login } => {
            app.set_password(&login, &read_password()?).await?;
            output.note(format_args!("the password of {login} is set"));
        }
        Command::Disable { login } => {
            app.set_user_disabled(&login, true).await?;
            output.note(format_args!("{login} is disabled"));
        }
        Command::Enable { login } => {
            app.set_user_disabled(&login, false).await?;
            output.note(format_args!("{login} is enabled"));
        }
    }
    Ok(Exit::Ok)
}

fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(64 * 1024)
        .read_to_string(&mut text)?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        let hint = "pipe it in: printf %s \"$PASSWORD\" | wharf admin user …";
        return Err(Failure::usage("no password on standard input")
            .hint(hint)
            .into());
    }
    Ok(password.to_owned())
}

pub(super) fn report(account: &Account, output: Output, done: &str) -> anyhow::Result<()> {
    if output.is_json() {
        return output::json(&describe(account));
    }
    output.note(format_args!(
        "{} {} {done}",
        account.kind.as_str(),
        account.login
    ));
    Ok(())
}

pub(super) fn list(accounts: &[Account], output: Output) -> anyhow::Result<()> {
    if output.is_json() {
        let all: Vec<_> = accounts.iter().map(describe).collect();
        return output::json(&all);
    }
    for account in accounts {
        let admin = if account.site_admin { "\tadmin" } else { "" };
        let disabled = if account.disabled_at.is_some() {
            "\tdisabled"
        } else {
            ""
        };
        output::line(format_args!("{}{admin}{disabled}", account.login))?;
    }
    Ok(())
}

fn describe(account: &Account) -> serde_json::Value {
    json!({
        "id": account.id,
        "login": account.login,
        "type": account.kind.as_str(),
        "site_admin": account.site_admin,
        "created_at": clock::rfc3339(account.created_at),
        "disabled_at": account.disabled_at.map(clock::rfc3339),
    })
}
