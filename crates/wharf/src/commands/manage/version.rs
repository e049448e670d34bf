//! `wharf versions`

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use wharf_oci::{Digest, Name, Reference, Size};

use super::{change, print, table};
use crate::{
    api::{Api, Method, encode, package_path},
    failure::Exit,
    output::{self, Output},
};

pub(crate) const EXAMPLE: &str = "\
Example:
  wharf versions ls acme/app
  wharf versions show acme/app 1.4.2
  wharf versions delete acme/app sha256:…
  wharf versions prune acme/app";

/// Versions: every digest of a package, what belongs to it, and taking it away
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List versions, newest first; the images of an index are listed with it
    Ls {
        /// OWNER/NAME
        package: Name,
        #[arg(long, default_value = "all")]
        state: StateArg,
    },
    /// Show the version that a tag or digest names
    Show {
        /// OWNER/NAME
        package: Name,
        /// TAG or DIGEST
        reference: Reference,
    },
    /// Delete a version with its tags, and what belongs to nothing else
    Delete {
        /// OWNER/NAME
        package: Name,
        /// TAG or DIGEST
        reference: Reference,
    },
    /// Restore a deleted version, and its tags where they are free
    Restore {
        /// OWNER/NAME
        package: Name,
        digest: Digest,
    },
    /// Remove deleted versions for good, before their 30 days are over
    Purge {
        /// OWNER/NAME
        package: Name,
    },
    /// Delete all versions that no tag, index or subject holds, and that have
    /// been there for an hour
    Prune {
        /// OWNER/NAME
        package: Name,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StateArg {
    /// What stands for itself
    All,
    /// Of these, those without a tag
    Untagged,
    /// What can be restored
    Deleted,
}

impl StateArg {
    fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Untagged => "untagged",
            Self::Deleted => "deleted",
        }
    }
}

pub(crate) async fn run(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Ls { package, state } => {
            let path = format!(
                "{}/versions?state={}",
                package_path(&package),
                state.as_str()
            );
            print(output, &api.all(&path).await?, line)
        }
        Command::Show { package, reference } => show(api, output, &package, &reference).await,
        Command::Delete { package, reference } => {
            let path = version(&package, &reference.to_string());
            let deleted = api.send(Method::Delete, &path, None).await?;
            report(output, deleted["digests"].clone())
        }
        Command::Restore { package, digest } => {
            let path = format!("{}/restore", version(&package, digest.as_str()));
            let note = format!("{package}@{digest} is back");
            change(api, output, (Method::Post, path), None, note).await
        }
        Command::Prune { package } => prune(api, output, &package).await,
        Command::Purge { package } => purge(api, output, &package).await,
    }
}

fn version(package: &Name, reference: &str) -> String {
    format!("{}/versions/{}", package_path(package), encode(reference))
}

fn line(version: &Value) -> String {
    let bytes = version["size"].as_u64().unwrap_or_default();
    table::line([
        table::text(&version["digest"]).to_owned(),
        Size(bytes).to_string(),
        table::text(&version["created_at"]).to_owned(),
        format!("by {}", table::actor(&version["pushed_by"])),
        table::joined(&version["platforms"]),
        table::joined(&version["tags"]),
    ])
}

async fn show(
    api: &Api,
    output: Output,
    package: &Name,
    reference: &Reference,
) -> anyhow::Result<Exit> {
    let found = api.get(&version(package, &reference.to_string())).await?;
    if output.is_json() {
        output::json(&found)?;
        return Ok(Exit::Ok);
    }
    output::line(line(&found))?;
    for (what, list) in [("image", "children"), ("attached", "referrers")] {
        for part in found[list].as_array().into_iter().flatten() {
            let kind = part["platform"].as_str().or(part["artifact_type"].as_str());
            let digest = table::text(&part["digest"]);
            output::line(format_args!(
                "{what}\t{digest}\t{}",
                kind.unwrap_or_default()
            ))?;
        }
    }
    for texts in ["annotations", "labels"] {
        for (key, value) in found[texts].as_object().into_iter().flatten() {
            output::line(format_args!("{key}\t{}", table::text(value)))?;
        }
    }
    Ok(Exit::Ok)
}

async fn prune(api: &Api, output: Output, package: &Name) -> anyhow::Result<Exit> {
    let path = format!("{}/prune", package_path(package));
    let mut all = Vec::new();
    loop {
        let mut deleted = api.send(Method::Post, &path, Some(json!({}))).await?;
        if let Value::Array(digests) = deleted["digests"].take() {
            all.extend(digests);
        }
        if deleted["more"] != true {
            return report(output, Value::Array(all));
        }
    }
}

async fn purge(api: &Api, output: Output, package: &Name) -> anyhow::Result<Exit> {
    let path = format!("{}/deleted-versions", package_path(package));
    let mut versions = 0;
    loop {
        let purged = api.send(Method::Delete, &path, None).await?;
        versions += purged["versions"].as_u64().unwrap_or_default();
        if purged["more"] != true {
            break;
        }
    }
    if output.is_json() {
        output::json(&json!({ "versions": versions }))?;
    }
    output.note(format_args!("versions gone for good: {versions}"));
    Ok(Exit::Ok)
}

/// What was deleted, one digest a line.
fn report(output: Output, digests: Value) -> anyhow::Result<Exit> {
    let Value::Array(digests) = digests else {
        anyhow::bail!("the registry does not say what it deleted");
    };
    print(output, &digests, |digest| table::text(digest).to_owned())
}
