//! `wharf org`

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    change, fields, print, table,
    user::{delete, line, rename},
    visibility::VisibilityArg,
};
use crate::{
    api::{Api, Method, encode},
    failure::Exit,
    output::{self, Output},
};

pub(crate) const EXAMPLE: &str = "\
Example:
  wharf org create acme
  wharf org add acme bob
  wharf org policy acme --members-visibility public";

/// Organizations, and who belongs to them
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create an organization
    Create {
        login: String,
        /// The user who owns it: you, unless said
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
    },
    /// List organizations
    Ls,
    /// Add a member, or change what a member is
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
    Policy {
        organization: String,
        /// Create packages by pushing; whoever does becomes the package's admin
        #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
        members_create: Option<bool>,
        /// The widest visibility they may give to packages they administer
        #[arg(long, value_name = "VISIBILITY")]
        members_visibility: Option<VisibilityArg>,
        /// Packages inherit the access of the connected repository they name
        #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
        inherit: Option<bool>,
    },
    /// Show or set how visible new packages of an owner begin
    Defaults {
        /// An organization, or a user
        owner: String,
        /// How their names begin, without the owner; empty: all
        #[arg(requires = "visibility")]
        prefix: Option<String>,
        /// `none` forgets the rule
        visibility: Option<DefaultArg>,
    },
    /// List names of an owner that lead to packages, its own or others'
    FormerNames {
        /// An organization, or a user
        owner: String,
    },
    /// Make such a name free
    Reclaim {
        /// OWNER/NAME
        name: wharf_oci::Name,
    },
    /// Give an organization another login; the old one leads to it
    Rename { organization: String, to: String },
    /// Delete an organization that owns no packages; the login stays taken
    Delete { organization: String },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum DefaultArg {
    Private,
    Internal,
    Public,
    None,
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        other => Err(format!("`{other}` is neither yes nor no")),
    }
}

fn path(organization: &str, rest: &str) -> String {
    format!("organizations/{}/{rest}", encode(organization))
}

pub(crate) async fn run(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Create { login, owner } => {
            let body = fields([
                ("login", Some(json!(login))),
                ("owner", owner.map(Value::from)),
            ]);
            let to = (Method::Post, "organizations".to_owned());
            let note = format!("organization {login} created");
            change(api, output, to, Some(body), note).await
        }
        Command::Ls => print(output, &api.all("organizations").await?, line),
        Command::Add {
            organization,
            user,
            owner,
        } => {
            let role = if owner { "owner" } else { "member" };
            let member = path(&organization, &format!("members/{}", encode(&user)));
            let note = format!("{user} is {role} of {organization}");
            let body = Some(json!({"role": role}));
            change(api, output, (Method::Put, member), body, note).await
        }
        Command::Remove { organization, user } => {
            let member = path(&organization, &format!("members/{}", encode(&user)));
            let note = format!("{user} is no longer in {organization}");
            change(api, output, (Method::Delete, member), None, note).await
        }
        Command::Members { organization } => {
            let members = api.all(&path(&organization, "members")).await?;
            let of = |row: &Value| {
                format!(
                    "{}\t{}",
                    table::text(&row["login"]),
                    table::text(&row["role"])
                )
            };
            print(output, &members, of)
        }
        Command::Policy {
            organization,
            members_create,
            members_visibility,
            inherit,
        } => {
            let body = fields([
                ("members_may_create", members_create.map(Value::from)),
                (
                    "members_widest_visibility",
                    members_visibility.map(|widest| json!(widest.as_str())),
                ),
                ("inherit_by_default", inherit.map(Value::from)),
            ]);
            policy(api, output, &path(&organization, "policy"), body).await
        }
        Command::Defaults {
            owner,
            prefix,
            visibility,
        } => defaults(api, output, &owner, prefix.zip(visibility)).await,
        Command::FormerNames { owner } => {
            let path = format!("owners/{}/former-names", encode(&owner));
            let line = |row: &Value| {
                let name = table::text(&row["name"]);
                format!("{name}\t{}", table::text(&row["leads_to"]))
            };
            print(output, &api.all(&path).await?, line)
        }
        Command::Reclaim { name } => {
            let (owner, text) = (encode(name.owner_str()), encode(name.as_str()));
            let path = format!("owners/{owner}/former-names?name={text}");
            change(
                api,
                output,
                (Method::Delete, path),
                None,
                format!("{name} is free"),
            )
            .await
        }
        Command::Rename { organization, to } => rename(api, output, &organization, &to).await,
        Command::Delete { organization } => delete(api, output, &organization).await,
    }
}

async fn policy(api: &Api, output: Output, path: &str, body: Value) -> anyhow::Result<Exit> {
    if body != json!({}) {
        api.send(Method::Patch, path, Some(body)).await?;
    }
    let policy = api.get(path).await?;
    if output.is_json() {
        output::json(&policy)?;
        return Ok(Exit::Ok);
    }
    let yes = |field: &str| if policy[field] == true { "yes" } else { "no" };
    let widest = table::text(&policy["members_widest_visibility"]);
    let (create, inherit) = (yes("members_may_create"), yes("inherit_by_default"));
    output::line(format_args!("members create packages\t{create}"))?;
    output::line(format_args!("members may make them\t{widest} at most"))?;
    output::line(format_args!(
        "packages inherit their repository's access\t{inherit}"
    ))?;
    Ok(Exit::Ok)
}

async fn defaults(
    api: &Api,
    output: Output,
    owner: &str,
    set: Option<(String, DefaultArg)>,
) -> anyhow::Result<Exit> {
    let path = format!("owners/{}/default-visibilities", encode(owner));
    let Some((prefix, visibility)) = set else {
        let Value::Array(rules) = api.get(&path).await? else {
            anyhow::bail!("the registry answered with something that is no list");
        };
        let of = |row: &Value| {
            let prefix = table::text(&row["prefix"]);
            format!("{owner}/{prefix}*\t{}", table::text(&row["visibility"]))
        };
        return print(output, &rules, of);
    };
    let visibility = match visibility {
        DefaultArg::Private => "private",
        DefaultArg::Internal => "internal",
        DefaultArg::Public => "public",
        DefaultArg::None => {
            let rule = format!("{path}?prefix={}", encode(&prefix));
            let note = format!("there is no rule for {owner}/{prefix}* any more");
            return change(api, output, (Method::Delete, rule), None, note).await;
        }
    };
    let body = json!({"prefix": prefix, "visibility": visibility});
    let note = format!("new packages {owner}/{prefix}* begin {visibility}");
    change(api, output, (Method::Put, path), Some(body), note).await
}
