//! `wharf admin team`

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;
use wharf_app::{App, accounts::TeamName, authz::By};

use super::pages::{self, PAGE};
use crate::{
    failure::Exit,
    output::{self, Output},
};

/// Teams: members of an organization who are granted roles together
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a team
    #[command(after_help = "\
Example:
  wharf admin team create acme/backend
  wharf admin team create acme/payments --parent backend")]
    Create {
        /// ORGANIZATION/TEAM
        team: TeamName,
        /// A team of the same organization whose grants it has too
        #[arg(long, value_name = "TEAM")]
        parent: Option<String>,
    },
    /// Delete a team, the teams below it, and their grants
    Delete {
        /// ORGANIZATION/TEAM
        team: TeamName,
    },
    /// Put a member of the organization into a team
    Add {
        /// ORGANIZATION/TEAM
        team: TeamName,
        user: String,
    },
    /// Take a user out of a team
    Remove {
        /// ORGANIZATION/TEAM
        team: TeamName,
        user: String,
    },
    /// List an organization's teams
    Ls { organization: String },
    /// List a team's members
    Members {
        /// ORGANIZATION/TEAM
        team: TeamName,
    },
}

pub(super) async fn run(command: Command, app: &Arc<App>, output: Output) -> anyhow::Result<Exit> {
    let by = &By::Operator;
    match command {
        Command::Create { team, parent } => {
            app.create_team(by, &team, parent.as_deref()).await?;
            output.note(format_args!("{team} is created"));
        }
        Command::Delete { team } => {
            app.delete_team(by, &team).await?;
            output.note(format_args!("{team} is deleted"));
        }
        Command::Add { team, user } => {
            app.join_team(by, &team, &user).await?;
            output.note(format_args!("{user} is in {team}"));
        }
        Command::Remove { team, user } => {
            app.leave_team(by, &team, &user).await?;
            output.note(format_args!("{user} is no longer in {team}"));
        }
        Command::Ls { organization } => list(app, &organization, output).await?,
        Command::Members { team } => {
            let page = async |after: String| app.team_members(&team, &after, PAGE).await;
            let members = pages::all(page, |login| login).await?;
            if output.is_json() {
                output::json(&members)?;
            } else {
                members.iter().try_for_each(output::line)?;
            }
        }
    }
    Ok(Exit::Ok)
}

async fn list(app: &App, organization: &str, output: Output) -> anyhow::Result<()> {
    let page = async |after: String| app.teams(organization, &after, PAGE).await;
    let teams = pages::all(page, |team| &team.slug).await?;
    let parent = |id: Option<i64>| {
        let parent = teams.iter().find(|team| Some(team.id) == id);
        parent.map(|team| team.slug.as_str())
    };
    if output.is_json() {
        let describe = |team: &wharf_db::teams::Team| json!({"id": team.id, "slug": team.slug, "parent": parent(team.parent_id)});
        let all: Vec<_> = teams.iter().map(describe).collect();
        return output::json(&all);
    }
    for team in &teams {
        let below =
            parent(team.parent_id).map_or_else(String::new, |slug| format!("\tbelow {slug}"));
        output::line(format_args!("{organization}/{}{below}", team.slug))?;
    }
    Ok(())
}
