//! `wharf whoami`: who a saved login is, and whether it still works.

use anyhow::Context;
use serde::Serialize;
use wharf_registry_client::{ErrorKind, Login};

use crate::{
    cli::Reach,
    credentials::{self, Saved},
    failure::{Exit, Failure},
    output::{self, Output},
    registries::Registries,
};

/// Say which account is saved for a registry, and whether it is accepted
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  wharf whoami ghcr.io

Prints the account's name. Exits with 4 if there is no login or it is refused.
With --json: {\"host\", \"account\", \"source\", \"accepted\"}; `accepted` is null
if the registry asks nobody for credentials.")]
pub(crate) struct Args {
    /// The registry, HOST or HOST:PORT (default: --host)
    #[arg(value_name = "HOST")]
    registry: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Serialize)]
struct Report<'a> {
    host: &'a str,
    account: Option<&'a str>,
    source: &'a str,
    accepted: Option<bool>,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let host = args.registry.as_ref().or(args.reach.host.as_ref());
    let host = host.ok_or_else(|| Failure::usage("which registry? write `wharf whoami HOST`"))?;
    let saved = credentials::find(host, None)?.ok_or_else(|| not_signed_in(host))?;
    let registries = Registries::new(&args.reach.connection)?;
    let client = registries.client_as(host, saved.credentials.clone())?;
    match client.check_login().await {
        Ok(Login::Accepted) => {
            report(output, host, &saved, Some(true))?;
            Ok(Exit::Ok)
        }
        Ok(Login::NotAsked) => {
            output.note(format_args!(
                "{host} asks for no credentials, so they are unproven"
            ));
            report(output, host, &saved, None)?;
            Ok(Exit::Ok)
        }
        Err(error) => {
            if error.kind() == ErrorKind::Auth {
                report(output, host, &saved, Some(false))?;
            }
            let what = || format!("the login saved in {} does not work", saved.source);
            Err(error).with_context(what)
        }
    }
}

fn report(output: Output, host: &str, saved: &Saved, accepted: Option<bool>) -> anyhow::Result<()> {
    let account = saved.account.as_deref();
    if output.is_json() {
        return output::json(&Report {
            host,
            account,
            source: &saved.source,
            accepted,
        });
    }
    Ok(output::line(account.unwrap_or("(a token without a name)"))?)
}

fn not_signed_in(host: &str) -> Failure {
    Failure::new(Exit::Auth, format!("there is no saved login for {host}")).hint(format!(
        "sign in with `wharf login {host} -u USER --password-stdin`"
    ))
}
