//! Credential helpers: `docker-credential-NAME`, programs that keep secrets
//! in the system's key store (protocol: docker/docker-credential-helpers).

use std::{
    io::{self, Write},
    process::{Command, Stdio},
};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use wharf_registry_client::Credentials;

use crate::failure::Failure;

/// The user name that marks a secret as an identity token.
const TOKEN_USER: &str = "<token>";

/// A helper by its name in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Helper {
    name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    #[serde(rename = "ServerURL", default)]
    server_url: String,
    username: String,
    secret: String,
}

impl Helper {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
        }
    }

    /// The program's file name.
    pub(super) fn program(&self) -> String {
        format!("docker-credential-{}", self.name)
    }

    /// What is kept for `server`, if anything.
    pub(super) fn get(&self, server: &str) -> anyhow::Result<Option<(String, Credentials)>> {
        let Some(answer) = self.run("get", server)? else {
            return Ok(None);
        };
        let kept: Kept = serde_json::from_slice(&answer)
            .with_context(|| format!("{} answered something unreadable", self.program()))?;
        let Kept {
            username, secret, ..
        } = kept;
        let credentials = if username == TOKEN_USER {
            Credentials::IdentityToken(secret)
        } else {
            Credentials::Password {
                username: username.clone(),
                password: secret,
            }
        };
        Ok(Some((username, credentials)))
    }

    pub(super) fn store(&self, server: &str, username: &str, secret: &str) -> anyhow::Result<()> {
        let input = serde_json::to_string(&Kept {
            server_url: server.to_owned(),
            username: username.to_owned(),
            secret: secret.to_owned(),
        })?;
        self.run("store", &input).map(drop)
    }

    /// Whether there was something to erase.
    pub(super) fn erase(&self, server: &str) -> anyhow::Result<bool> {
        let known = self.get(server)?.is_some();
        if known {
            self.run("erase", server)?;
        }
        Ok(known)
    }

    /// Runs one command of the protocol; `None` if nothing is kept.
    fn run(&self, command: &str, input: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let program = self.program();
        let mut child = Command::new(&program)
            .arg(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| not_started(&program, &error))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that exits early tells why itself.
            stdin.write_all(input.as_bytes()).ok();
        }
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(Some(output.stdout));
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if command == "get" && said.contains("credentials not found") {
            return Ok(None);
        }
        anyhow::bail!("`{program} {command}` failed: {}", said.trim())
    }
}

fn not_started(program: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot run {program}: {error}")).hint(
        "Docker's config.json names it as credential helper: install it, \
         or remove it from `credsStore` and `credHelpers`",
    )
}
