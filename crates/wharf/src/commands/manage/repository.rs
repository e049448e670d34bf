//! `wharf repository`

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    change, fields,
    lifetime::{Lifetime, lifetime},
    package::{RoleArg, grant_line},
    print, table,
};
use crate::{
    api::{Api, Method, encode},
    failure::Exit,
    output::Output,
};

pub(crate) const EXAMPLE: &str = "\
Example:
  wharf repository connect acme github.com/acme/app
  wharf repository grant acme github.com/acme/app acme/backend write
  wharf package link acme/app github.com/acme/app
  wharf package grant acme/other github.com/acme/app write";

/// Source repositories: where packages are built, and whose access they inherit
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connect a repository: packages can be linked to it, its CI granted roles
    Connect {
        /// An organization, or a user
        owner: String,
        /// HOST/PATH, or its URL
        repository: String,
    },
    /// Disconnect a repository, its links and what its CI was granted
    Disconnect { owner: String, repository: String },
    /// List connected repositories
    Ls { owner: String },
    /// Give a role on all packages that inherit the repository's access
    Grant {
        owner: String,
        repository: String,
        /// LOGIN, ORGANIZATION+NAME, or ORGANIZATION/TEAM
        to: String,
        role: RoleArg,
        /// How long it is good: 30m, 12h, 90d, or never
        #[arg(long, default_value = "never", value_parser = lifetime)]
        expires: Lifetime,
    },
    /// Take it back
    Revoke {
        owner: String,
        repository: String,
        from: String,
    },
    /// List who has which role
    Grants { owner: String, repository: String },
}

fn path(owner: &str, repository: &str) -> String {
    format!(
        "owners/{}/repositories/{}",
        encode(owner),
        encode(repository)
    )
}

pub(crate) async fn run(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Connect { owner, repository } => {
            let to = (
                Method::Post,
                format!("owners/{}/repositories", encode(&owner)),
            );
            let body = Some(json!({"repository": repository}));
            change(api, output, to, body, format!("{repository} is connected")).await
        }
        Command::Disconnect { owner, repository } => {
            let to = (Method::Delete, path(&owner, &repository));
            change(
                api,
                output,
                to,
                None,
                format!("{repository} is disconnected"),
            )
            .await
        }
        Command::Ls { owner } => {
            let all = api
                .all(&format!("owners/{}/repositories", encode(&owner)))
                .await?;
            print(output, &all, |row| table::text(&row["name"]).to_owned())
        }
        Command::Grant {
            owner,
            repository,
            to,
            role,
            expires,
        } => {
            let role = role.as_str();
            let body = fields([
                ("role", Some(json!(role))),
                ("expires_in", expires.0.map(Value::from)),
            ]);
            let grant = format!("{}/grants/{}", path(&owner, &repository), encode(&to));
            let note = format!("{to} has {role} on packages that inherit from {repository}");
            change(api, output, (Method::Put, grant), Some(body), note).await
        }
        Command::Revoke {
            owner,
            repository,
            from,
        } => {
            let grant = format!("{}/grants/{}", path(&owner, &repository), encode(&from));
            let note = format!("{from} is granted nothing on {repository}");
            change(api, output, (Method::Delete, grant), None, note).await
        }
        Command::Grants { owner, repository } => {
            let path = format!("{}/grants", path(&owner, &repository));
            let Value::Array(grants) = api.get(&path).await? else {
                anyhow::bail!("the registry answered with something that is no list");
            };
            print(output, &grants, grant_line)
        }
    }
}
