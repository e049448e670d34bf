//! `wharf tags`

use clap::Subcommand;
use serde_json::{Map, Value, json};
use wharf_oci::{Digest, Name, Tag};

use super::{change, fields, print, print_texts, table};
use crate::{
    api::{Api, Method, encode, package_path},
    failure::{Exit, Failure},
    output::{self, Output},
};

pub(crate) const EXAMPLE: &str = "\
Example:
  wharf tags history acme/app latest
  wharf tags rollback acme/app latest
  wharf tags promote acme/app stable=1.4.2 latest=1.4.2
  wharf tags promote acme/app 1.4.2=1.4.2 --to acme/released
  wharf tags protect acme/app 'v*'";

/// Tags: their history, rolling back, promoting, and what must not move
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List tags, with where they point and who moved them last
    Ls {
        /// OWNER/NAME
        package: Name,
    },
    /// Remove a tag; the version stays
    Remove {
        /// OWNER/NAME
        package: Name,
        tag: Tag,
    },
    /// Show where a tag pointed, since when, and who moved it
    History {
        /// OWNER/NAME
        package: Name,
        tag: Tag,
    },
    /// Point a tag at what it pointed at before its last move, or at any version
    Rollback {
        /// OWNER/NAME
        package: Name,
        tag: Tag,
        /// A version of the package
        #[arg(long, value_name = "DIGEST")]
        to: Option<Digest>,
    },
    /// Point several tags at once, all or none
    Promote {
        /// OWNER/NAME
        package: Name,
        /// A tag, and the tag or digest it is to point at
        #[arg(value_name = "TAG=SOURCE", required = true)]
        tags: Vec<String>,
        /// Another package, OWNER/NAME; what the tags point at is brought along
        #[arg(long, value_name = "PACKAGE")]
        to: Option<Name>,
    },
    /// Keep tags where they are once they exist
    Protect {
        /// OWNER/NAME, or OWNER for all its packages
        scope: String,
        /// `*` stands for any characters, `?` for one
        pattern: String,
    },
    /// Let them move again
    Unprotect {
        /// OWNER/NAME, or OWNER for all its packages
        scope: String,
        pattern: String,
    },
    /// List the patterns that hold there
    Protected {
        /// OWNER/NAME, or OWNER for all its packages
        scope: String,
    },
}

pub(crate) async fn run(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Ls { package } => {
            let tags = format!("{}/tags", package_path(&package));
            print(output, &api.all(&tags).await?, tag_line)
        }
        Command::Remove { package, tag } => {
            let target = (Method::Delete, tag_path(&package, &tag));
            let note = format!("{package} has no tag {tag} any more");
            change(api, output, target, None, note).await
        }
        Command::History { package, tag } => {
            let moves = format!("{}/history", tag_path(&package, &tag));
            print(output, &api.all(&moves).await?, move_line)
        }
        Command::Rollback { package, tag, to } => {
            let path = format!("{}/rollback", tag_path(&package, &tag));
            let body = fields([("to", to.map(|to| json!(to.as_str())))]);
            let pointed = api.send(Method::Post, &path, Some(body)).await?;
            report(output, &package, &[pointed])
        }
        Command::Promote { package, tags, to } => {
            let body = fields([
                ("tags", Some(promotions(&tags)?)),
                ("to", to.as_ref().map(|to| json!(to.as_str()))),
            ]);
            let path = format!("{}/promote", package_path(&package));
            let Value::Array(pointed) = api.send(Method::Post, &path, Some(body)).await? else {
                anyhow::bail!("the registry answered with something that is no list");
            };
            report(output, to.as_ref().unwrap_or(&package), &pointed)
        }
        Command::Protect { scope, pattern } => {
            let note = format!("tags {pattern} of {scope} stay where they are");
            let target = (Method::Put, patterns(&scope)?);
            change(api, output, target, Some(json!({"pattern": pattern})), note).await
        }
        Command::Unprotect { scope, pattern } => {
            let note = format!("tags {pattern} of {scope} may move");
            let path = format!("{}?pattern={}", patterns(&scope)?, encode(&pattern));
            change(api, output, (Method::Delete, path), None, note).await
        }
        Command::Protected { scope } => print_texts(api, output, &patterns(&scope)?).await,
    }
}

fn tag_path(package: &Name, tag: &Tag) -> String {
    format!("{}/tags/{}", package_path(package), encode(tag.as_str()))
}

/// Where patterns of a package, or of all packages of an owner, are kept.
fn patterns(scope: &str) -> Result<String, Failure> {
    if !scope.contains('/') {
        return Ok(format!("owners/{}/immutable-tags", encode(scope)));
    }
    let package = scope.parse().map_err(|e| Failure::usage(format!("{e}")))?;
    Ok(format!("{}/immutable-tags", package_path(&package)))
}

fn promotions(tags: &[String]) -> Result<Value, Failure> {
    let mut all = Map::new();
    for text in tags {
        let wrong = || Failure::usage(format!("`{text}` is not TAG=SOURCE"));
        let (tag, source) = text.split_once('=').ok_or_else(wrong)?;
        if all.insert(tag.to_owned(), json!(source)).is_some() {
            return Err(Failure::usage(format!("{tag} is named twice")));
        }
    }
    Ok(Value::Object(all))
}

fn tag_line(tag: &Value) -> String {
    table::line([
        table::text(&tag["name"]).to_owned(),
        table::text(&tag["digest"]).to_owned(),
        table::text(&tag["updated_at"]).to_owned(),
        format!("by {}", table::actor(&tag["updated_by"])),
    ])
}

fn move_line(past: &Value) -> String {
    let digest = past["digest"].as_str().unwrap_or("removed");
    table::line([
        table::text(&past["at"]).to_owned(),
        digest.to_owned(),
        format!("by {}", table::actor(&past["actor"])),
    ])
}

fn report(output: Output, package: &Name, pointed: &[Value]) -> anyhow::Result<Exit> {
    if output.is_json() {
        output::json(&pointed)?;
    }
    for tag in pointed {
        let (name, digest) = (table::text(&tag["tag"]), table::text(&tag["digest"]));
        output.note(format_args!("{package}:{name} is {digest}"));
    }
    Ok(Exit::Ok)
}
