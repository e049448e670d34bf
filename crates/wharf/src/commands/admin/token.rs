//! `wharf admin token`

use clap::Subcommand;
use serde_json::json;
use wharf_app::{
    App,
    accounts::TokenSummary,
    authz::Scope,
    clock::{self, DAY, HOUR, MINUTE},
};

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
        /// read:packages, write:packages or delete:packages; a wider one includes reading
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

/// Microseconds; `None`: for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime(Option<i64>);

fn lifetime(text: &str) -> Result<Lifetime, String> {
    if text == "never" {
        return Ok(Lifetime(None));
    }
    let wrong = || format!("`{text}` is not a lifetime: write 30m, 12h, 90d or never");
    let unit = match text.chars().last() {
        Some('m') => MINUTE,
        Some('h') => HOUR,
        Some('d') => DAY,
        _ => return Err(wrong()),
    };
    let count: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let micros = count.checked_mul(unit).filter(|micros| *micros > 0);
    Ok(Lifetime(Some(micros.ok_or_else(wrong)?)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes() {
        assert_eq!(lifetime("90d").expect("valid").0, Some(90 * DAY));
        assert_eq!(lifetime("30m").expect("valid").0, Some(30 * MINUTE));
        assert_eq!(lifetime("never").expect("valid").0, None);
        for bad in ["", "d", "90", "-1d", "0h", "1y", "99999999999999999d", "1é"] {
            assert!(lifetime(bad).is_err(), "{bad:?}");
        }
    }
}
