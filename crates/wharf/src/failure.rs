//! Failures as a user meets them: a message, perhaps a hint, an exit code.

use std::{error::Error, fmt, io, process::ExitCode};

use wharf_registry_client as client;

use crate::output;

/// The exit codes, as documented in `wharf --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok = 0,
    /// Usage, configuration, and everything without a code of its own.
    Usage = 1,
    /// Some of several things were done.
    Partial = 2,
    /// What was asked for does not exist.
    Missing = 3,
    /// Not signed in, refused, or not allowed.
    Auth = 4,
    /// Rate-limited, or the registry is overloaded: try again later.
    Deferred = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure that is not a registry's answer, or needs a hint of its own.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
        }
    }

    /// A mistake in what was typed.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Says what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

/// Prints the failure and tells its exit code.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    if is_closed_pipe(error) {
        return Exit::Ok;
    }
    output::error(format_args!("{error:#}"));
    if let Some(hint) = hint_of(error) {
        output::hint(&hint);
    }
    exit_of(error)
}

/// The exit code that says what kind of failure this is.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.exit;
    }
    match error.downcast_ref::<client::Error>() {
        Some(error) => exit_of_client(error),
        None => Exit::Usage,
    }
}

fn exit_of_client(error: &client::Error) -> Exit {
    use client::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => Exit::Missing,
        ErrorKind::Auth => Exit::Auth,
        ErrorKind::RateLimited => Exit::Deferred,
        // It is up, but not now; out of reach may as well be a wrong name.
        ErrorKind::Unavailable if error.status().is_some() => Exit::Deferred,
        ErrorKind::Unavailable | ErrorKind::Invalid | ErrorKind::Faulty => Exit::Usage,
    }
}

fn hint_of(error: &anyhow::Error) -> Option<String> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.hint.clone();
    }
    let error = error.downcast_ref::<client::Error>()?;
    if let client::Error::UntrustedRealm { realm, .. } = error {
        return Some(format!(
            "if you know that server to be right, add --trust-realm {realm}"
        ));
    }
    let hint = match error.kind() {
        client::ErrorKind::Auth => "sign in with `wharf login HOST -u USER --password-stdin`, \
             or use an account that has the right"
            .to_owned(),
        client::ErrorKind::RateLimited => match error.retry_after() {
            Some(wait) => format!("the registry asks to come back in {} s", wait.as_secs()),
            None => "come back later; signing in often raises the limit".to_owned(),
        },
        client::ErrorKind::Unavailable if speaks_plain_http(error) => {
            "the registry does not speak TLS there; if that is meant to be, add --plain-http"
                .to_owned()
        }
        _ => return None,
    };
    Some(hint)
}

/// rustls, when the first bytes of an answer are not TLS.
fn speaks_plain_http(error: &client::Error) -> bool {
    error.to_string().contains("InvalidContentType")
}

/// Whoever read our output has read enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn context_does_not_hide_the_kind() {
        let failure = Failure::new(Exit::Missing, "gone").hint("look elsewhere");
        let error = Err::<(), _>(failure)
            .context("cannot copy")
            .expect_err("failed");
        assert_eq!(exit_of(&error), Exit::Missing);
        assert_eq!(hint_of(&error).as_deref(), Some("look elsewhere"));
        assert_eq!(format!("{error:#}"), "cannot copy: gone");
    }

    #[test]
    fn unknown_failures_are_configuration() {
        assert_eq!(exit_of(&anyhow::anyhow!("?")), Exit::Usage);
    }
}
