//! `wharf service-account`

use clap::Subcommand;
use serde_json::{Value, json};

use super::{change, print, table};
use crate::{
    api::{Api, Method, encode},
    failure::{Exit, Failure},
    output::Output,
};

pub(crate) const EXAMPLE: &str = "\
Example:
  wharf service-account create acme+deploy --description 'production cluster'
  wharf package grant acme/app acme+deploy read
  wharf token create --user acme+deploy --scope read:packages";

/// Service accounts: they act for an organization, with tokens only
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a service account
    Create {
        /// ORGANIZATION+NAME
        account: String,
        /// What it is for
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Delete a service account, its tokens and its grants
    Delete {
        /// ORGANIZATION+NAME
        account: String,
    },
    /// List an organization's service accounts
    Ls { organization: String },
}

fn parts(account: &str) -> Result<(&str, &str), Failure> {
    let wrong = || {
        Failure::usage(format!(
            "`{account}` is not a service account: write ORGANIZATION+NAME"
        ))
    };
    account.split_once('+').ok_or_else(wrong)
}

fn path(organization: &str) -> String {
    format!("organizations/{}/service-accounts", encode(organization))
}

pub(crate) async fn run(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Create {
            account,
            description,
        } => {
            let (organization, name) = parts(&account)?;
            let body = json!({"name": name, "description": description});
            let note = format!("service account {account} created");
            let to = (Method::Post, path(organization));
            change(api, output, to, Some(body), note).await
        }
        Command::Delete { account } => {
            let (organization, name) = parts(&account)?;
            let to = format!("{}/{}", path(organization), encode(name));
            let note = format!("{account} is deleted");
            change(api, output, (Method::Delete, to), None, note).await
        }
        Command::Ls { organization } => {
            let line = |row: &Value| {
                table::line([
                    table::text(&row["login"]).to_owned(),
                    table::text(&row["description"]).to_owned(),
                ])
            };
            print(output, &api.all(&path(&organization)).await?, line)
        }
    }
}
