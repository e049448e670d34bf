//! `wharf admin org`

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;
use wharf_app::{App, authz::By};
use wharf_db::{
    accounts::AccountKind,
    organizations::{MemberRole, Policy},
};

use super::{
    package::VisibilityArg,
    pages::{self, PAGE},
    user::{list, report},
};
use crate::{
    failure::Exit,
    output::{self, Output},
};

/// Organizations, and who belongs to them
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
    /// Add a member, or change what a member is
    #[command(after_help = "\
Example:
  wharf admin org add acme bob
  wharf admin org add acme alice --owner")]
    Add {
        organization: String,
        user: String,
        /// Owners manage the organization and all its packages
        #[arg(long)]
        owner: bool,
    },
    /// Remove a member, from its teams and grants too
    Remove { organization: String, user: String },
    /// List an organization's members
    Members { organization: String },
    /// Show or change what members who are not owners may do
    #[command(after_help = "\
Example:
  wharf admin org policy acme --members-create no
  wharf admin org policy acme --members-visibility public")]
    Policy {
        organization: String,
        /// Create packages by pushing; whoever does becomes the package's admin
        #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
        members_create: Option<bool>,
        /// The widest visibility they may give to packages they administer
        #[arg(long, value_name = "VISIBILITY")]
        members_visibility: Option<VisibilityArg>,
    },
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        other => Err(format!("`{other}` is neither yes nor no")),
    }
}

pub(super) async fn run(command: Command, app: &Arc<App>, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Create { login, owner } => {
            let account = app.create_organization(&login, &owner).await?;
            report(&account, output, "created")?;
        }
        Command::Ls => list(&app.list_accounts(AccountKind::Organization).await?, output)?,
        Command::Add {
            organization,
            user,
            owner,
        } => {
            let role = if owner {
                MemberRole::Owner
            } else {
                MemberRole::Member
            };
            app.put_member(&By::Operator, &organization, &user, role)
                .await?;
            let role = role.as_str();
            output.note(format_args!("{user} is {role} of {organization}"));
        }
        Command::Remove { organization, user } => {
            app.remove_member(&By::Operator, &organization, &user)
                .await?;
            output.note(format_args!("{user} is no longer in {organization}"));
        }
        Command::Members { organization } => members(app, &organization, output).await?,
        Command::Policy {
            organization,
            members_create,
            members_visibility,
        } => {
            let mut policy = app.organization_policy(&organization).await?;
            let before = policy;
            if let Some(may) = members_create {
                policy.members_may_create = may;
            }
            if let Some(widest) = members_visibility {
                policy.members_widest_visibility = widest.into();
            }
            if policy != before {
                app.set_organization_policy(&By::Operator, &organization, policy)
                    .await?;
            }
            show(policy, output)?;
        }
    }
    Ok(Exit::Ok)
}

async fn members(app: &App, organization: &str, output: Output) -> anyhow::Result<()> {
    let page = async |after: String| app.members(organization, &after, PAGE).await;
    let members = pages::all(page, |(login, _)| login).await?;
    if output.is_json() {
        let describe =
            |(login, role): &(String, MemberRole)| json!({"login": login, "role": role.as_str()});
        let all: Vec<_> = members.iter().map(describe).collect();
        return output::json(&all);
    }
    for (login, role) in members {
        output::line(format_args!("{login}\t{}", role.as_str()))?;
    }
    Ok(())
}

fn show(policy: Policy, output: Output) -> anyhow::Result<()> {
    let widest = policy.members_widest_visibility.as_str();
    if output.is_json() {
        return output::json(&json!({
            "members_may_create": policy.members_may_create,
            "members_widest_visibility": widest,
        }));
    }
    let create = if policy.members_may_create {
        "yes"
    } else {
        "no"
    };
    output::line(format_args!("members create packages\t{create}"))?;
    output::line(format_args!("members may make them\t{widest} at most"))?;
    Ok(())
}
