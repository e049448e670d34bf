//! `wharf admin package`

use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use wharf_app::{App, authz::By, clock, packages::PrincipalName};
use wharf_db::{
    grants::{GrantDetails, Role},
    packages::Visibility,
};
use wharf_oci::Name;

use super::lifetime::{Lifetime, lifetime};
use crate::{
    failure::Exit,
    output::{self, Output},
};

/// Packages
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Change who may see a package
    #[command(after_help = "\
Example:
  wharf admin package visibility alice/app public")]
    Visibility {
        /// OWNER/NAME
        package: Name,
        visibility: VisibilityArg,
    },
    /// Give a user or a team a role on a package
    #[command(after_help = "\
Example:
  wharf admin package grant acme/app bob write
  wharf admin package grant acme/app acme/backend read --expires 30d")]
    Grant {
        /// OWNER/NAME
        package: Name,
        /// LOGIN, or ORGANIZATION/TEAM
        to: PrincipalName,
        role: RoleArg,
        /// How long it is good: 30m, 12h, 90d, or never
        #[arg(long, default_value = "never", value_parser = lifetime)]
        expires: Lifetime,
    },
    /// Take back what was granted
    Revoke {
        /// OWNER/NAME
        package: Name,
        /// LOGIN, or ORGANIZATION/TEAM
        from: PrincipalName,
    },
    /// List who was granted what
    Grants {
        /// OWNER/NAME
        package: Name,
    },
    /// List an owner's packages
    Ls { owner: String },
    /// Delete a package with all its versions and tags
    Delete {
        /// OWNER/NAME
        package: Name,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RoleArg {
    /// Pull
    Read,
    /// Pull and push
    Write,
    /// All of it, delete and grant too
    Admin,
}

impl From<RoleArg> for Role {
    fn from(arg: RoleArg) -> Self {
        match arg {
            RoleArg::Read => Self::Read,
            RoleArg::Write => Self::Write,
            RoleArg::Admin => Self::Admin,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum VisibilityArg {
    /// Those with a role
    Private,
    /// Everybody signed in
    Internal,
    /// Everybody
    Public,
}

impl From<VisibilityArg> for Visibility {
    fn from(arg: VisibilityArg) -> Self {
        match arg {
            VisibilityArg::Private => Self::Private,
            VisibilityArg::Internal => Self::Internal,
            VisibilityArg::Public => Self::Public,
        }
    }
}

pub(super) async fn run(command: Command, app: &Arc<App>, output: Output) -> anyhow::Result<Exit> {
    let by = &By::Operator;
    match command {
        Command::Visibility {
            package,
            visibility,
        } => {
            let visibility = Visibility::from(visibility);
            app.set_visibility(by, &package, visibility).await?;
            output.note(format_args!("{package} is {}", visibility.as_str()));
        }
        Command::Grant {
            package,
            to,
            role,
            expires,
        } => {
            let role = Role::from(role);
            app.grant(by, &package, &to, role, expires.0).await?;
            output.note(format_args!("{to} has {role} on {package}"));
        }
        Command::Revoke { package, from } => {
            app.revoke_grant(by, &package, &from).await?;
            output.note(format_args!("{from} is granted nothing on {package}"));
        }
        Command::Grants { package } => show_grants(&app.grants(by, &package).await?, output)?,
        Command::Ls { owner } => list(app, &owner, output).await?,
        Command::Delete { package } => {
            app.delete_package(by, &package).await?;
            output.note(format_args!("{package} is deleted"));
        }
    }
    Ok(Exit::Ok)
}

fn show_grants(grants: &[GrantDetails], output: Output) -> anyhow::Result<()> {
    if output.is_json() {
        let describe = |grant: &GrantDetails| {
            json!({
                "principal": grant.principal,
                "kind": grant.principal_kind,
                "role": grant.role,
                "granted_by": grant.granted_by,
                "created_at": clock::rfc3339(grant.created_at),
                "expires_at": grant.expires_at.map(clock::rfc3339),
            })
        };
        let all: Vec<_> = grants.iter().map(describe).collect();
        return output::json(&all);
    }
    for grant in grants {
        let by = grant.granted_by.as_deref().unwrap_or("the operator");
        let end = grant
            .expires_at
            .map_or_else(String::new, |at| format!("\tuntil {}", clock::display(at)));
        output::line(format_args!(
            "{}\t{}\tby {by}{end}",
            grant.principal, grant.role
        ))?;
    }
    Ok(())
}

async fn list(app: &App, owner: &str, output: Output) -> anyhow::Result<()> {
    let packages = app.list_packages_of(owner).await?;
    if output.is_json() {
        let describe = |p: &wharf_db::packages::Package| {
            json!({
                "id": p.id,
                "name": p.path,
                "visibility": p.visibility.as_str(),
                "created_at": clock::rfc3339(p.created_at),
                "published_at": p.published_at.map(clock::rfc3339),
            })
        };
        let all: Vec<_> = packages.iter().map(describe).collect();
        return output::json(&all);
    }
    for package in packages {
        let visibility = package.visibility.as_str();
        output::line(format_args!("{}\t{visibility}", package.path))?;
    }
    Ok(())
}
