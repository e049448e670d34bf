//! `wharf session`

use clap::Subcommand;
use serde_json::{Value, json};

use super::{change, fields, print, table, user::read_password, web_sign_in};
use crate::{
    api::{Api, Method},
    failure::Exit,
    output::{self, Output},
};

pub(crate) const EXAMPLE: &str = "\
Example:
  wharf session begin alice --code 123456 < password
  wharf session begin --with keycloak
  wharf session ls
  wharf session second-factor begin";

/// How you sign in: sessions, and the second factor
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in with a password, read from standard input, or in a browser, and
    /// print the session's value; it is good as a password for twelve hours
    Begin {
        #[arg(required_unless_present = "with")]
        login: Option<String>,
        /// Of the authenticator app, or a recovery code
        #[arg(long)]
        code: Option<String>,
        /// Sign in at this identity provider, in a browser on this machine
        #[arg(long, value_name = "PROVIDER", conflicts_with_all = ["login", "code"])]
        with: Option<String>,
    },
    /// List where people sign in, beside passwords
    Providers,
    /// List your sessions (never their values)
    Ls,
    /// End a session, by its id
    End { id: i64 },
    /// The second factor: an authenticator app's codes beside the password
    #[command(subcommand)]
    SecondFactor(SecondFactor),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecondFactor {
    /// Print the secret for the app; it is asked for once it is confirmed
    Begin,
    /// Confirm it by a code, and print recovery codes, each good once
    Confirm { code: String },
    /// Remove it by a code
    Remove { code: String },
}

pub(crate) async fn run(command: Command, api: &Api, output: Output) -> anyhow::Result<Exit> {
    match command {
        Command::Begin { login, code, with } => {
            let begun = match with {
                Some(provider) => web_sign_in::sign_in(api, output, &provider).await?,
                None => with_password(api, login, code).await?,
            };
            if output.is_json() {
                output::json(&begun)?;
            } else {
                output::line(table::text(&begun["value"]))?;
            }
            Ok(Exit::Ok)
        }
        Command::Providers => {
            let Value::Array(providers) = api.get("sign-in").await? else {
                anyhow::bail!("the registry does not say where to sign in");
            };
            print(output, &providers, |provider| {
                table::line([
                    table::text(&provider["name"]).to_owned(),
                    table::text(&provider["title"]).to_owned(),
                ])
            })
        }
        Command::Ls => print(output, &api.all("sessions").await?, line),
        Command::End { id } => {
            let to = (Method::Delete, format!("sessions/{id}"));
            change(api, output, to, None, format!("session {id} is over")).await
        }
        Command::SecondFactor(command) => second_factor(command, api, output).await,
    }
}

async fn with_password(
    api: &Api,
    login: Option<String>,
    code: Option<String>,
) -> anyhow::Result<Value> {
    let body = fields([
        ("login", login.map(Value::from)),
        ("password", Some(json!(read_password()?))),
        ("code", code.map(Value::from)),
    ]);
    api.send(Method::Post, "sessions", Some(body)).await
}

async fn second_factor(command: SecondFactor, api: &Api, output: Output) -> anyhow::Result<Exit> {
    const PATH: &str = "user/second-factor";
    match command {
        SecondFactor::Begin => {
            let begun = api.send(Method::Post, PATH, None).await?;
            if output.is_json() {
                output::json(&begun)?;
                return Ok(Exit::Ok);
            }
            output::line(format_args!("secret\t{}", table::text(&begun["secret"])))?;
            output::line(format_args!("uri\t{}", table::text(&begun["uri"])))?;
            output.note(format_args!(
                "put it into an app, then: wharf session second-factor confirm CODE"
            ));
            Ok(Exit::Ok)
        }
        SecondFactor::Confirm { code } => {
            let body = Some(json!({"code": code}));
            let confirmed = api.send(Method::Put, PATH, body).await?;
            let Value::Array(codes) = &confirmed["recovery_codes"] else {
                anyhow::bail!("the registry names no recovery codes");
            };
            print(output, codes, |code| table::text(code).to_owned())
        }
        SecondFactor::Remove { code } => {
            let body = Some(json!({"code": code}));
            let to = (Method::Delete, PATH.to_owned());
            change(
                api,
                output,
                to,
                body,
                "the second factor is removed".to_owned(),
            )
            .await
        }
    }
}

fn line(session: &Value) -> String {
    table::line([
        session["id"].to_string(),
        table::text(&session["address"]).to_owned(),
        table::with("since ", &session["created_at"]),
        table::with("until ", &session["expires_at"]),
        table::text(&session["agent"]).to_owned(),
    ])
}
