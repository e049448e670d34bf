//! `wharf package`

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use wharf_oci::{Name, Size};

use super::{
    change, fields,
    lifetime::{Lifetime, lifetime},
    print, print_texts, table,
    visibility::{self, VisibilityArg},
};
use crate::{
    api::{Api, Method, encode, package_path},
    failure::Exit,
    output::{self, Output},
};

pub(crate) const EXAMPLE: &str = "\
Example:
  wharf package grant acme/app bob write
  wharf package grant acme/app acme/backend read --expires 30d
  wharf package rename acme/app acme/server
  wharf package delete acme/old
  wharf package restore acme/old";

/// Packages: who may do what, names, what they tell about themselves
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List packages, of one owner or all that you may see
    Ls {
        owner: Option<String>,
        /// Only those whose names contain this
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Show a package
    Show {
        /// OWNER/NAME
        package: Name,
    },
    /// Change who may see a package
    Visibility {
        /// OWNER/NAME
        package: Name,
        visibility: VisibilityArg,
    },
    /// Edit what a package tells about itself
    Describe {
        /// OWNER/NAME
        package: Name,
        #[arg(long)]
        title: Option<String>,
        #[arg(long)]
        description: Option<String>,
        /// An SPDX expression
        #[arg(long)]
        licenses: Option<String>,
        /// The repository it is built from
        #[arg(long)]
        source: Option<String>,
        #[arg(long)]
        url: Option<String>,
        #[arg(long)]
        documentation: Option<String>,
        /// A file in Markdown
        #[arg(long, value_name = "FILE")]
        readme: Option<PathBuf>,
    },
    /// Give a user, a service account or a team a role on a package
    Grant {
        /// OWNER/NAME
        package: Name,
        /// LOGIN, ORGANIZATION+NAME, ORGANIZATION/TEAM, or a repository, HOST/PATH
        to: String,
        role: RoleArg,
        /// How long it is good: 30m, 12h, 90d, or never
        #[arg(long, default_value = "never", value_parser = lifetime)]
        expires: Lifetime,
    },
    /// Take back what was granted
    Revoke {
        /// OWNER/NAME
        package: Name,
        /// LOGIN, ORGANIZATION+NAME, ORGANIZATION/TEAM, or a repository, HOST/PATH
        from: String,
    },
    /// List who was granted what
    Grants {
        /// OWNER/NAME
        package: Name,
    },
    /// Show or set the repository a package is built from
    Link {
        /// OWNER/NAME
        package: Name,
        /// HOST/PATH, connected by the package's owner
        repository: Option<String>,
        /// Its people have their roles here too, and its CI may push
        #[arg(long, requires = "repository")]
        inherit: bool,
    },
    /// Unlink a package
    Unlink {
        /// OWNER/NAME
        package: Name,
    },
    /// Show downloads, day by day
    Downloads {
        /// OWNER/NAME
        package: Name,
        /// A tag or a digest; the package, unless said
        #[arg(long, value_name = "REFERENCE")]
        of: Option<String>,
        /// 1 to 366
        #[arg(long, default_value = "30")]
        days: u32,
    },
    /// Rename a package, or transfer it to another owner; the old name leads to it
    Rename {
        /// OWNER/NAME
        package: Name,
        /// OWNER/NAME
        to: Name,
    },
    /// List names that lead to a package
    FormerNames {
        /// OWNER/NAME
        package: Name,
    },
    /// Make a former name free again
    ReleaseName {
        /// OWNER/NAME
        package: Name,
        /// OWNER/NAME, as it was
        former: Name,
    },
    /// Delete a package; it can be restored for 30 days
    Delete {
        /// OWNER/NAME
        package: Name,
    },
    /// Remove a deleted package for good, before its 30 days are over
    Purge {
        /// OWNER/NAME
        package: Name,
    },
    /// List an owner's deleted packages
    Deleted { owner: String },
    /// Restore a deleted package
    Restore {
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

impl RoleArg {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

pub(crate) async fn run(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Visibility {
            package,
            visibility,
        } => visibility::set(api, output, &package, visibility).await,
        Command::Grant {
            package,
            to,
            role,
            expires,
        } => {
            let role = role.as_str();
            let body = fields([
                ("role", Some(json!(role))),
                ("expires_in", expires.0.map(Value::from)),
            ]);
            let note = format!("{to} has {role} on {package}");
            let grant = (Method::Put, grant(&package, &to));
            change(api, output, grant, Some(body), note).await
        }
        Command::Revoke { package, from } => {
            let note = format!("{from} is granted nothing on {package}");
            let grant = (Method::Delete, grant(&package, &from));
            change(api, output, grant, None, note).await
        }
        Command::Grants { package } => grants(api, output, &package).await,
        Command::Describe { .. } => describe(command, api, output).await,
        Command::Ls { owner, search } => list(api, output, owner, search).await,
        Command::Show { package } => show(api, output, &package).await,
        other => run_names(other, api, output).await,
    }
}

async fn run_names(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Link {
            package,
            repository,
            inherit,
        } => link(api, output, &package, repository, inherit).await,
        Command::Unlink { package } => {
            let target = (Method::Delete, format!("{}/link", package_path(&package)));
            change(api, output, target, None, format!("{package} is unlinked")).await
        }
        Command::Downloads { package, of, days } => {
            downloads(api, output, &package, of.as_deref(), days).await
        }
        Command::Rename { package, to } => {
            let target = (Method::Post, format!("{}/rename", package_path(&package)));
            let note = format!("{package} is {to} now, and {package} leads to it");
            change(api, output, target, Some(json!({"to": to.as_str()})), note).await
        }
        Command::FormerNames { package } => {
            let names = format!("{}/former-names", package_path(&package));
            print_texts(api, output, &names).await
        }
        Command::ReleaseName { package, former } => {
            let name = encode(former.as_str());
            let names = format!("{}/former-names?name={name}", package_path(&package));
            let note = format!("{former} is free");
            change(api, output, (Method::Delete, names), None, note).await
        }
        Command::Delete { package } => {
            let note =
                format!("{package} is deleted; `package restore` brings it back for 30 days");
            let target = (Method::Delete, package_path(&package));
            change(api, output, target, None, note).await
        }
        Command::Restore { package } => {
            let target = (Method::Post, format!("{}/restore", package_path(&package)));
            change(api, output, target, None, format!("{package} is back")).await
        }
        Command::Purge { package } => {
            let target = (Method::Post, format!("{}/purge", package_path(&package)));
            let note = format!("{package} is gone for good, and its name is free");
            change(api, output, target, None, note).await
        }
        Command::Deleted { owner } => {
            let path = format!("owners/{}/deleted-packages", encode(&owner));
            let line = |row: &Value| {
                table::line([
                    table::text(&row["name"]).to_owned(),
                    format!("by {}", table::actor(&row["deleted_by"])),
                    table::with("until ", &row["restorable_until"]),
                    Size(row["bytes"].as_u64().unwrap_or_default()).to_string(),
                ])
            };
            print(output, &api.all(&path).await?, line)
        }
        _ => unreachable!("`run` handles the others"),
    }
}

fn grant(package: &Name, principal: &str) -> String {
    format!("{}/grants/{}", package_path(package), encode(principal))
}

async fn grants(api: &Api, output: Output, package: &Name) -> anyhow::Result<Exit> {
    let path = format!("{}/grants", package_path(package));
    let Value::Array(grants) = api.get(&path).await? else {
        anyhow::bail!("the registry answered with something that is no list");
    };
    print(output, &grants, grant_line)
}

pub(super) fn grant_line(grant: &Value) -> String {
    table::line([
        table::text(&grant["principal"]).to_owned(),
        table::text(&grant["role"]).to_owned(),
        format!("by {}", table::actor(&grant["granted_by"])),
        table::with("until ", &grant["expires_at"]),
    ])
}

async fn list(
    api: &Api,
    output: Output,
    owner: Option<String>,
    search: Option<String>,
) -> anyhow::Result<Exit> {
    let asked = [("owner", owner), ("search", search)];
    let query: Vec<String> = asked
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encode(&value?))))
        .collect();
    let path = format!("packages?{}", query.join("&"));
    let packages = api.all(path.trim_end_matches('?')).await?;
    let line = |row: &Value| {
        table::line([
            table::text(&row["name"]).to_owned(),
            table::text(&row["visibility"]).to_owned(),
            table::text(&row["description"]).to_owned(),
        ])
    };
    print(output, &packages, line)
}

async fn show(api: &Api, output: Output, package: &Name) -> anyhow::Result<Exit> {
    let found = api.get(&package_path(package)).await?;
    if output.is_json() {
        output::json(&found)?;
        return Ok(Exit::Ok);
    }
    for field in [
        "name",
        "visibility",
        "role",
        "latest",
        "title",
        "description",
        "licenses",
        "source",
        "url",
        "documentation",
        "created_by",
        "created_at",
        "updated_at",
        "image",
    ] {
        if let Some(text) = found[field].as_str() {
            output::line(format_args!("{field}\t{text}"))?;
        }
    }
    Ok(Exit::Ok)
}

async fn describe(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    let Command::Describe {
        package,
        title,
        description,
        licenses,
        source,
        url,
        documentation,
        readme,
    } = command
    else {
        unreachable!("`run` passes nothing else");
    };
    let readme = readme.map(std::fs::read_to_string).transpose()?;
    // An empty text goes back to what the image says.
    let given = |text: Option<String>| {
        text.map(|text| {
            if text.is_empty() {
                Value::Null
            } else {
                text.into()
            }
        })
    };
    let body = fields([
        ("title", given(title)),
        ("description", given(description)),
        ("licenses", given(licenses)),
        ("source", given(source)),
        ("url", given(url)),
        ("documentation", given(documentation)),
        ("readme", given(readme)),
    ]);
    let to = (Method::Patch, package_path(&package));
    change(
        api,
        output,
        to,
        Some(body),
        format!("{package} is described"),
    )
    .await
}

async fn link(
    api: &Api,
    output: Output,
    package: &Name,
    repository: Option<String>,
    inherit: bool,
) -> anyhow::Result<Exit> {
    let path = format!("{}/link", package_path(package));
    if let Some(repository) = repository {
        let body = json!({"repository": repository, "inherits_access": inherit});
        let note = format!("{package} is built from {repository}");
        return change(api, output, (Method::Put, path), Some(body), note).await;
    }
    let linked = api.get(&path).await?;
    let line = |row: &Value| {
        let inherits = row["inherits_access"] == true;
        let access = if inherits { "inherits its access" } else { "" };
        table::line([
            table::text(&row["repository"]).to_owned(),
            access.to_owned(),
        ])
    };
    print(output, &[linked], line)
}

async fn downloads(
    api: &Api,
    output: Output,
    package: &Name,
    of: Option<&str>,
    days: u32,
) -> anyhow::Result<Exit> {
    let of = of.map_or_else(String::new, |of| format!("&of={}", encode(of)));
    let path = format!("{}/downloads?days={days}{of}", package_path(package));
    let series = api.get(&path).await?;
    if output.is_json() {
        output::json(&series)?;
        return Ok(Exit::Ok);
    }
    output::line(format_args!("total\t{}", series["total"]))?;
    for day in series["days"].as_array().into_iter().flatten() {
        output::line(format_args!(
            "{}\t{}",
            table::text(&day["day"]),
            day["count"]
        ))?;
    }
    Ok(Exit::Ok)
}
