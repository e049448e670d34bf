//! `wharf admin package`

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use wharf_app::{App, clock};
use wharf_db::packages::Visibility;
use wharf_oci::Name;

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
    /// List an owner's packages
    Ls { owner: String },
    /// Delete a package with all its versions and tags
    Delete {
        /// OWNER/NAME
        package: Name,
    },
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

pub(super) async fn run(command: Command, app: &App, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Visibility {
            package,
            visibility,
        } => {
            let visibility = Visibility::from(visibility);
            app.set_visibility_as_operator(&package, visibility).await?;
            output.note(format_args!("{package} is {}", visibility.as_str()));
        }
        Command::Ls { owner } => list(app, &owner, output).await?,
        Command::Delete { package } => {
            app.delete_package_as_operator(&package).await?;
            output.note(format_args!("{package} is deleted"));
        }
    }
    Ok(Exit::Ok)
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
