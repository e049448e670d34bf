//! `wharf usage`

use clap::Args as ClapArgs;
use serde_json::Value;
use wharf_oci::{Name, Size};

use super::table;
use crate::{
    api::{Api, encode, package_path},
    cli::ApiReach,
    failure::Exit,
    output::{self, Output},
};

/// Show what an owner or a package stores
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) reach: ApiReach,
    #[command(flatten)]
    pub(crate) question: Question,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Question {
    /// OWNER or OWNER/NAME
    of: String,
}

const EXAMPLE: &str = "\
Example:
  wharf usage acme          all of it, then package by package
  wharf usage acme/app";

pub(crate) async fn run(question: Question, api: &Api, output: Output) -> anyhow::Result<Exit> {
    if question.of.contains('/') {
        let package: Name = question.of.parse()?;
        let usage = api
            .get(&format!("{}/usage", package_path(&package)))
            .await?;
        return report(output, &usage, &[]);
    }
    let path = format!("owners/{}/usage", encode(&question.of));
    let mut usage = api.get(&path).await?;
    let packages = api.all(&format!("{path}/packages")).await?;
    if output.is_json() {
        usage["by_package"] = packages.into();
        return report(output, &usage, &[]);
    }
    report(output, &usage, &packages)
}

fn report(output: Output, usage: &Value, packages: &[Value]) -> anyhow::Result<Exit> {
    if output.is_json() {
        output::json(usage)?;
        return Ok(Exit::Ok);
    }
    let limit = &usage["quota"];
    let limited =
        |shown: Option<String>| shown.map_or_else(String::new, |most| format!("of {most}"));
    for (what, shown) in [
        ("bytes", size as fn(&Value) -> Option<String>),
        ("packages", count),
        ("tags", count),
    ] {
        if let Some(used) = shown(&usage[what]) {
            output::line(table::line([
                what.to_owned(),
                used,
                limited(shown(&limit[what])),
            ]))?;
        }
    }
    for what in ["own_bytes", "deleted_bytes"] {
        if let Some(bytes) = size(&usage[what]) {
            output::line(table::line([
                what.trim_end_matches("_bytes").to_owned(),
                bytes,
            ]))?;
        }
    }
    packages
        .iter()
        .try_for_each(|package| output::line(line(package)))?;
    Ok(Exit::Ok)
}

fn line(package: &Value) -> String {
    let of = |what: &str| size(&package[what]).unwrap_or_default();
    table::line([
        table::text(&package["name"]).to_owned(),
        of("bytes"),
        format!("own {}", of("own_bytes")),
        format!("deleted {}", of("deleted_bytes")),
    ])
}

fn size(bytes: &Value) -> Option<String> {
    bytes.as_u64().map(|bytes| Size(bytes).to_string())
}

fn count(count: &Value) -> Option<String> {
    count.as_u64().map(|count| count.to_string())
}
