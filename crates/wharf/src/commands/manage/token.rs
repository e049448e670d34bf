//! `wharf token`

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    change, fields,
    lifetime::{Lifetime, lifetime},
    print, table,
};
use crate::{
    api::{Api, Method, encode},
    failure::Exit,
    output::{self, Output},
};

pub(crate) const EXAMPLE: &str = "\
Example:
  wharf token create --scope read:packages --expires 30d
  wharf token create --user acme+ci --scope write:packages --package acme/ci-* --from 10.0.0.0/8";

/// Tokens: a password's work, with limits
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a token and print it alone on standard output
    Create {
        /// A user, or a service account: you, unless said
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// read:packages, write:packages, delete:packages or admin:packages; each
        /// includes reading, the last one everything
        #[arg(long, required = true)]
        scope: Vec<String>,
        /// How long it lives: 30m, 12h, 90d, or never
        #[arg(long, default_value = "90d", value_parser = lifetime)]
        expires: Lifetime,
        /// What it is for
        #[arg(long, default_value = "")]
        name: String,
        /// Good for these alone: OWNER, OWNER/NAME, or OWNER/BEGINNING*
        #[arg(long, value_name = "PACKAGES")]
        package: Vec<String>,
        /// Good from these networks alone: 10.0.0.0/8
        #[arg(long, value_name = "NETWORK")]
        from: Vec<String>,
    },
    /// List tokens (never their values)
    Ls {
        /// A user, or a service account: you, unless said
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
    },
    /// Refuse a token from now on, by its id
    Revoke { id: i64 },
}

pub(crate) async fn run(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Create {
            user,
            scope,
            expires,
            name,
            package,
            from,
        } => {
            let body = fields([
                ("holder", user.map(Value::from)),
                ("name", Some(json!(name))),
                ("scopes", Some(json!(scope))),
                ("expires_in", expires.0.map(Value::from)),
                ("packages", Some(json!(package))),
                ("addresses", Some(json!(from))),
            ]);
            let mut token = api.send(Method::Post, "tokens", Some(body)).await?;
            if output.is_json() {
                // As it has been called since the first release.
                if let Some(fields) = token.as_object_mut() {
                    let value = fields.remove("value");
                    fields.insert("token".to_owned(), value.unwrap_or_default());
                }
                output::json(&token)?;
            } else {
                output::line(table::text(&token["value"]))?;
            }
            Ok(Exit::Ok)
        }
        Command::Ls { user } => {
            let path = match user {
                Some(user) => format!("tokens?holder={}", encode(&user)),
                None => "tokens".to_owned(),
            };
            print(output, &api.all(&path).await?, line)
        }
        Command::Revoke { id } => {
            let to = (Method::Delete, format!("tokens/{id}"));
            change(api, output, to, None, format!("token {id} is revoked")).await
        }
    }
}

fn line(token: &Value) -> String {
    let state = match (token["revoked_at"].as_str(), token["expires_at"].as_str()) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(at)) => format!("expires {at}"),
        (None, None) => "never expires".to_owned(),
    };
    let used = match token["last_used_at"].as_str() {
        Some(at) => format!("last used {at}"),
        None => "never used".to_owned(),
    };
    let limits = [
        table::joined(&token["packages"]),
        table::joined(&token["addresses"]),
    ];
    table::line([
        token["id"].to_string(),
        table::text(&token["name"]).to_owned(),
        table::joined(&token["scopes"]),
        state,
        used,
        limits.join(" ").trim().to_owned(),
    ])
}
