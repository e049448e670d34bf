//! Running a registry by its API: accounts, packages, tags, versions. The same
//! commands work over the network (`wharf package …`) and straight on this
//! machine's store (`wharf admin package …`).

pub(crate) mod explain;
pub(crate) mod lifetime;
pub(crate) mod organization;
pub(crate) mod package;
pub(crate) mod quota;
pub(crate) mod repository;
pub(crate) mod service_account;
pub(crate) mod session;
mod table;
pub(crate) mod tag;
pub(crate) mod team;
pub(crate) mod token;
pub(crate) mod usage;
pub(crate) mod user;
pub(crate) mod version;
pub(crate) mod visibility;
mod web_sign_in;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::{
    api::{Api, Method},
    cli::ApiReach,
    failure::Exit,
    output::{self, Output},
};

/// A group of commands, at a registry on the network.
#[derive(Debug, Args)]
pub(crate) struct Remote<C: Subcommand> {
    #[command(flatten)]
    pub(crate) reach: ApiReach,
    #[command(subcommand)]
    pub(crate) command: C,
}

/// Makes a change and says what is so now; with `--json`, the answer.
async fn change(
    api: &Api,
    output: Output,
    (method, path): (Method, String),
    body: Option<Value>,
    note: String,
) -> anyhow::Result<Exit> {
    let answer = api.send(method, &path, body).await?;
    if output.is_json() && !answer.is_null() {
        output::json(&answer)?;
    }
    output.note(format_args!("{note}"));
    Ok(Exit::Ok)
}

/// Prints rows: as JSON, or a line each.
fn print(output: Output, rows: &[Value], line: impl Fn(&Value) -> String) -> anyhow::Result<Exit> {
    if output.is_json() {
        output::json(&rows)?;
    } else {
        rows.iter().try_for_each(|row| output::line(line(row)))?;
    }
    Ok(Exit::Ok)
}

/// Prints a list of plain texts.
async fn print_texts(api: &Api, output: Output, path: &str) -> anyhow::Result<Exit> {
    let Value::Array(rows) = api.get(path).await? else {
        anyhow::bail!("the registry answered with something that is no list");
    };
    print(output, &rows, |row| table::text(row).to_owned())
}

/// Fields that were given, as a JSON object.
fn fields<const N: usize>(given: [(&str, Option<Value>); N]) -> Value {
    let given = given.into_iter();
    given
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
