//! `wharf login`: checks credentials with the registry, then saves them where
//! Docker, podman, skopeo and we look for them.

use std::io::{self, Read};

use anyhow::Context;
use serde::Serialize;
use wharf_registry_client::{Credentials, Error, ErrorKind, Login};

use crate::{
    cli::Connection,
    credentials,
    failure::{Exit, Failure},
    output::{self, Output},
    registries::Registries,
};

const MORE: &str = "\
The password or token is read from standard input, so that it is in no shell history:

Example:
  printf %s \"$TOKEN\" | wharf login ghcr.io -u alice --password-stdin

It is checked with the registry first, and then saved in Docker's config.json
($DOCKER_CONFIG or ~/.docker), or in the credential helper configured there.

With --json: {\"host\", \"account\", \"verified\", \"saved_in\"}";

/// Sign in to a registry and save the login
#[derive(Debug, clap::Args)]
#[command(after_long_help = MORE, after_help = "Example: printf %s \"$TOKEN\" | wharf login ghcr.io -u alice --password-stdin")]
pub(crate) struct Args {
    /// The registry, HOST or HOST:PORT
    #[arg(value_name = "HOST")]
    registry: String,
    /// The account's name
    #[arg(short, long)]
    username: String,
    /// Read the password or token from standard input
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Serialize)]
struct Report<'a> {
    host: &'a str,
    account: &'a str,
    /// False if the registry asked for no credentials.
    verified: bool,
    saved_in: String,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let Args {
        registry: host,
        username,
        ..
    } = &args;
    let password = password(&args)?;
    let credentials = Credentials::Password {
        username: username.clone(),
        password: password.clone(),
    };
    let client = Registries::new(&args.connection)?.client_as(host, credentials)?;
    let login = client.check_login().await;
    let login = login.map_err(|error| not_accepted(error, host, username))?;
    let saved_in = credentials::save(host, username, &password)?;
    let verified = login == Login::Accepted;
    if output.is_json() {
        let report = Report {
            host,
            account: username,
            verified,
            saved_in,
        };
        output::json(&report)?;
    } else if verified {
        output.note(format_args!(
            "signed in to {host} as {username}; saved in {saved_in}"
        ));
    } else {
        output.note(format_args!(
            "{host} asked for no credentials, so these are unproven; saved in {saved_in}"
        ));
    }
    Ok(Exit::Ok)
}

/// A refusal gets a hint of its own: the usual one is to log in.
fn not_accepted(error: Error, host: &str, username: &str) -> anyhow::Error {
    let what = format!("cannot sign in to {host} as {username}");
    if error.kind() != ErrorKind::Auth {
        return anyhow::Error::from(error).context(what);
    }
    Failure::new(Exit::Auth, format!("{what}: {error}"))
        .hint(
            "check the name and the password; many registries take an access token instead, \
             and those expire",
        )
        .into()
}

fn password(args: &Args) -> anyhow::Result<String> {
    if !args.password_stdin {
        let hint = format!(
            "printf %s \"$TOKEN\" | wharf login {} -u {} --password-stdin",
            args.registry, args.username
        );
        let failure = Failure::usage("the password is read from standard input only").hint(hint);
        return Err(failure.into());
    }
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .context("cannot read the password")?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        let failure = Failure::usage("standard input held no password");
        return Err(failure.hint("is the variable you print empty?").into());
    }
    Ok(password.to_owned())
}
