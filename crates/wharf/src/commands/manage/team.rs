//! `wharf team`

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
  wharf team create acme/backend
  wharf team create acme/payments --parent backend
  wharf team add acme/payments bob
  wharf team add-group acme/payments keycloak payments-developers";

/// Teams: members of an organization who are granted roles together
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a team
    Create {
        /// ORGANIZATION/TEAM
        team: String,
        /// A team of the same organization whose grants it has too
        #[arg(long, value_name = "TEAM")]
        parent: Option<String>,
    },
    /// Delete a team, the teams below it, and their grants
    Delete {
        /// ORGANIZATION/TEAM
        team: String,
    },
    /// Put a member of the organization into a team
    Add {
        /// ORGANIZATION/TEAM
        team: String,
        user: String,
    },
    /// Take a user out of a team
    Remove {
        /// ORGANIZATION/TEAM
        team: String,
        user: String,
    },
    /// List an organization's teams
    Ls { organization: String },
    /// Put the members of an identity provider's group into a team, for as long
    /// as the provider says they are in it
    AddGroup {
        /// ORGANIZATION/TEAM
        team: String,
        provider: String,
        /// As the provider names it; of GitHub ORG/TEAM or ORG
        group: String,
    },
    /// Take a group's members out of a team
    RemoveGroup {
        /// ORGANIZATION/TEAM
        team: String,
        provider: String,
        group: String,
    },
    /// List a team's groups
    Groups {
        /// ORGANIZATION/TEAM
        team: String,
    },
    /// List a team's members
    Members {
        /// ORGANIZATION/TEAM
        team: String,
    },
}

/// The organization's and the team's own name.
fn parts(team: &str) -> Result<(&str, &str), Failure> {
    let wrong = || Failure::usage(format!("`{team}` is not a team: write ORGANIZATION/TEAM"));
    team.split_once('/').ok_or_else(wrong)
}

fn path(team: &str) -> Result<String, Failure> {
    let (organization, name) = parts(team)?;
    Ok(format!(
        "organizations/{}/teams/{}",
        encode(organization),
        encode(name)
    ))
}

pub(crate) async fn run(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Create { team, parent } => {
            let (organization, name) = parts(&team)?;
            let body = fields([
                ("name", Some(json!(name))),
                ("parent", parent.map(Value::from)),
            ]);
            let teams = format!("organizations/{}/teams", encode(organization));
            let note = format!("{team} is created");
            change(api, output, (Method::Post, teams), Some(body), note).await
        }
        Command::Delete { team } => {
            let note = format!("{team} is deleted");
            change(api, output, (Method::Delete, path(&team)?), None, note).await
        }
        Command::Add { team, user } => {
            let member = format!("{}/members/{}", path(&team)?, encode(&user));
            let note = format!("{user} is in {team}");
            change(api, output, (Method::Put, member), None, note).await
        }
        Command::Remove { team, user } => {
            let member = format!("{}/members/{}", path(&team)?, encode(&user));
            let note = format!("{user} is no longer in {team}");
            change(api, output, (Method::Delete, member), None, note).await
        }
        Command::Ls { organization } => {
            let teams = format!("organizations/{}/teams", encode(&organization));
            let line = |row: &Value| {
                let below = table::with("\tbelow ", &row["parent"]);
                format!("{}{below}", table::text(&row["team"]))
            };
            print(output, &api.all(&teams).await?, line)
        }
        Command::AddGroup {
            team,
            provider,
            group,
        } => {
            let body = json!({"provider": provider, "group": group});
            let to = (Method::Post, format!("{}/groups", path(&team)?));
            let note = format!("whoever is in {group} of {provider} is in {team}");
            change(api, output, to, Some(body), note).await
        }
        Command::RemoveGroup {
            team,
            provider,
            group,
        } => {
            let (named, shown) = (encode(&provider), encode(&group));
            let path = format!("{}/groups?provider={named}&group={shown}", path(&team)?);
            let note = format!("{group} of {provider} is no longer in {team}");
            change(api, output, (Method::Delete, path), None, note).await
        }
        Command::Groups { team } => {
            let groups = api.get(&format!("{}/groups", path(&team)?)).await?;
            let Value::Array(groups) = groups else {
                anyhow::bail!("the registry answered with something that is no list");
            };
            print(output, &groups, |row| {
                let (provider, group) = (table::text(&row["provider"]), table::text(&row["group"]));
                format!("{provider}\t{group}")
            })
        }
        Command::Members { team } => {
            let members = api.all(&format!("{}/members", path(&team)?)).await?;
            print(output, &members, |row| table::text(row).to_owned())
        }
    }
}
