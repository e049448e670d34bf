//! `wharf user`

use std::io::Read as _;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{change, fields, print, table};
use crate::{
    api::{Api, Method, encode},
    failure::{Exit, Failure},
    output::Output,
};

pub(crate) const EXAMPLE: &str = "\
Example:
  wharf user create alice --password-stdin < password
  wharf user rename alice alicia";

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
    /// Edit what a user or an organization tells about itself
    Profile {
        login: String,
        /// As people are called
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        description: Option<String>,
        #[arg(long)]
        url: Option<String>,
    },
    /// Give a user another login; the old one leads to it
    Rename { login: String, to: String },
    /// Refuse all of a user's credentials
    Disable { login: String },
    /// Accept them again
    Enable { login: String },
    /// Remove the second factor of a user who has lost it
    ResetSecondFactor { login: String },
    /// Say who a user is at an identity provider; for site administrators
    Link {
        login: String,
        provider: String,
        /// The `sub` of OpenID Connect, the numeric id of GitHub
        subject: String,
    },
    /// Take that back, with the sessions and the teams that came of it
    Unlink {
        login: String,
        provider: String,
        subject: String,
    },
    /// List who a user is at identity providers, and in which groups
    Identities { login: String },
    /// Delete a user who owns no packages; the login stays taken
    Delete { login: String },
}

pub(crate) async fn run(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Create {
            login,
            admin,
            password_stdin,
        } => {
            let password = password_stdin.then(read_password).transpose()?;
            let body = fields([
                ("login", Some(json!(login))),
                ("site_admin", Some(json!(admin))),
                ("password", password.map(Value::from)),
            ]);
            let to = (Method::Post, "users".to_owned());
            change(api, output, to, Some(body), format!("user {login} created")).await
        }
        Command::Ls => {
            let users = api.all("users").await?;
            print(output, &users, line)
        }
        Command::Password { login } => {
            let body = json!({"password": read_password()?});
            let to = (Method::Put, format!("users/{}/password", encode(&login)));
            let note = format!("the password of {login} is set");
            change(api, output, to, Some(body), note).await
        }
        Command::Profile {
            login,
            name,
            description,
            url,
        } => {
            let body = fields([
                ("name", name.map(Value::from)),
                ("description", description.map(Value::from)),
                ("url", url.map(Value::from)),
            ]);
            let to = (Method::Patch, account(&login));
            let note = format!("the profile of {login} is changed");
            change(api, output, to, Some(body), note).await
        }
        Command::Rename { login, to } => rename(api, output, &login, &to).await,
        Command::Disable { login } => {
            let to = (Method::Put, format!("users/{}/disabled", encode(&login)));
            change(api, output, to, None, format!("{login} is disabled")).await
        }
        Command::Enable { login } => {
            let to = (Method::Delete, format!("users/{}/disabled", encode(&login)));
            change(api, output, to, None, format!("{login} is enabled")).await
        }
        Command::ResetSecondFactor { login } => {
            let path = format!("users/{}/second-factor", encode(&login));
            let note = format!("{login} has no second factor any more");
            change(api, output, (Method::Delete, path), None, note).await
        }
        Command::Link {
            login,
            provider,
            subject,
        } => {
            let body = json!({"provider": provider, "subject": subject});
            let to = (Method::Post, identities(&login));
            let note = format!("{subject} of {provider} is {login}");
            change(api, output, to, Some(body), note).await
        }
        Command::Unlink {
            login,
            provider,
            subject,
        } => {
            let (named, shown) = (encode(&provider), encode(&subject));
            let path = format!("{}?provider={named}&subject={shown}", identities(&login));
            let note = format!("{subject} of {provider} is no longer {login}");
            change(api, output, (Method::Delete, path), None, note).await
        }
        Command::Identities { login } => {
            let Value::Array(rows) = api.get(&identities(&login)).await? else {
                anyhow::bail!("the registry answered with something that is no list");
            };
            print(output, &rows, identity)
        }
        Command::Delete { login } => delete(api, output, &login).await,
    }
}

fn identities(login: &str) -> String {
    format!("users/{}/identities", encode(login))
}

fn identity(row: &Value) -> String {
    table::line([
        table::text(&row["provider"]).to_owned(),
        table::text(&row["subject"]).to_owned(),
        table::text(&row["name"]).to_owned(),
        table::with("confirmed ", &row["confirmed_at"]),
        table::with("ended ", &row["ended_at"]),
        table::joined(&row["groups"]),
    ])
}

fn account(login: &str) -> String {
    format!("accounts/{}", encode(login))
}

pub(super) async fn rename(
    api: &Api,
    output: Output,
    login: &str,
    to: &str,
) -> anyhow::Result<Exit> {
    let target = (Method::Post, format!("{}/rename", account(login)));
    let note = format!("{login} is {to} now, and {login} leads to it");
    change(api, output, target, Some(json!({"login": to})), note).await
}

pub(super) async fn delete(api: &Api, output: Output, login: &str) -> anyhow::Result<Exit> {
    let target = (Method::Delete, account(login));
    change(api, output, target, None, format!("{login} is deleted")).await
}

pub(super) fn line(account: &Value) -> String {
    let admin = if account["site_admin"] == true {
        "\tadmin"
    } else {
        ""
    };
    let disabled = table::with("\tdisabled since ", &account["disabled_at"]);
    format!("{}{admin}{disabled}", table::text(&account["login"]))
}

pub(super) fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(64 * 1024)
        .read_to_string(&mut text)?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        let hint = "pipe it in: printf %s \"$PASSWORD\" | wharf user …";
        return Err(Failure::usage("no password on standard input")
            .hint(hint)
            .into());
    }
    Ok(password.to_owned())
}
