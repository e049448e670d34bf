//! `wharf admin token`

use clap::Subcommand;
use serde_json::json;
use wharf_app::{App, accounts::TokenSummary, authz::Scope, clock};

use super::lifetime::{Lifetime, lifetime};
use crate::{
    failure::Exit,
    output::{self, Output},
};

/// Personal access tokens
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a token and print it alone on standard output
    #[command(after_help = "\
Example:
  wharf admin token create --user alice --scope write:packages --expires 90d")]
    Create {
        #[arg(long, value_name = "LOGIN")]
        user: String,
        /// read:packages, write:packages, delete:packages or admin:packages; each
        /// includes reading, the last one everything
        #[arg(long, required = true)]
        scope: Vec<Scope>,
        /// How long it lives: 30m, 12h, 90d, or never
        #[arg(long, default_value = "90d", value_parser = lifetime)]
        expires: Lifetime,
        /// What it is for
        #[arg(long, default_value = "")]
        name: String,
    },
    /// List a user's tokens (never their values)
    Ls {
        #[arg(long, value_name = "LOGIN")]
        user: String,
    },
    /// Refuse a token from now on, by its id
    Revoke { id: i64 },
}

pub(super) async fn run(command: Command, app: &App, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Create {
            user,
            scope,
            expires,
            name,
        } => {
            let token = app.create_token(&user, &name, scope, expires.0).await?;
            if output.is_json() {
                let expires_at = token.expires_at.map(clock::rfc3339);
                output::json(
                    &json!({"id": token.id, "token": token.value, "expires_at": expires_at}),
                )?;
            } else {
                output::line(&token.value)?;
            }
        }
        Command::Ls { user } => list(&app.list_tokens(&user).await?, output)?,
        Command::Revoke { id } => {
            app.revoke_token(id).await?;
            output.note(format_args!("token {id} is revoked"));
        }
    }
    Ok(Exit::Ok)
}

fn list(tokens: &[TokenSummary], output: Output) -> anyhow::Result<()> {
    if output.is_json() {
        let all: Vec<_> = tokens.iter().map(describe).collect();
        return output::json(&all);
    }
    for token in tokens {
        let state = match (token.revoked_at, token.expires_at) {
            (Some(_), _) => "revoked".to_owned(),
            (None, Some(at)) => format!("expires {}", clock::display(at)),
            (None, None) => "never expires".to_owned(),
        };
        let used = token.last_used_at.map_or_else(
            || "never used".to_owned(),
            |at| format!("last used {}", clock::display(at)),
        );
        output::line(format_args!(
            "{}\t{}\t{}\t{state}\t{used}",
            token.id, token.name, token.scopes
        ))?;
    }
    Ok(())
}

fn describe(token: &TokenSummary) -> serde_json::Value {
    json!({
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes.to_string().split(' ').collect::<Vec<_>>(),
        "created_at": clock::rfc3339(token.created_at),
        "expires_at": token.expires_at.map(clock::rfc3339),
        "last_used_at": token.last_used_at.map(clock::rfc3339),
        "revoked_at": token.revoked_at.map(clock::rfc3339),
    })
}
