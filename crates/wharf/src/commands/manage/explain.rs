//! `wharf explain`

use wharf_oci::Name;

use super::table;
use crate::{
    api::{Api, encode, package_path},
    cli::ApiReach,
    failure::Exit,
    output::{self, Output},
};

/// Say what somebody may do to a package, and why or why not
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  wharf explain acme/app --as bob
  wharf explain acme/app --as acme+deploy --json")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) question: Question,
    #[command(flatten)]
    pub(crate) reach: ApiReach,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Question {
    /// OWNER/NAME
    package: Name,
    /// A user, a service account, or `anonymous`; you, unless said
    #[arg(long = "as", value_name = "PRINCIPAL")]
    principal: Option<String>,
}

pub(crate) async fn run(question: Question, api: &Api, output: Output) -> anyhow::Result<Exit> {
    let mut path = format!("{}/explain", package_path(&question.package));
    if let Some(principal) = &question.principal {
        path = format!("{path}?principal={}", encode(principal));
    }
    let told = api.get(&path).await?;
    if output.is_json() {
        output::json(&told)?;
        return Ok(Exit::Ok);
    }
    let (who, package) = (
        table::text(&told["principal"]),
        table::text(&told["package"]),
    );
    let role = told["role"].as_str().unwrap_or("no role");
    output::line(format_args!("{who}\t{package}\t{role}"))?;
    if let Some(name) = told["renamed_to"].as_str() {
        output::line(format_args!("renamed\t{name}"))?;
    }
    for reason in told["because"].as_array().into_iter().flatten() {
        let (role, text) = (table::text(&reason["role"]), table::text(&reason["reason"]));
        output::line(format_args!("because\t{role}\t{text}"))?;
    }
    for answer in told["actions"].as_array().into_iter().flatten() {
        let action = table::text(&answer["action"]);
        let verdict = answer["refusal"].as_str().unwrap_or("yes");
        output::line(format_args!("{action}\t{verdict}"))?;
    }
    Ok(Exit::Ok)
}
