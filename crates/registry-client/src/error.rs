//! What can go wrong with another registry, kept so that the user learns
//! whose move it is: the status, the codes and the words of the server.

use std::time::Duration;

use http::StatusCode;
use url::Url;
use wharf_oci::{Digest, manifest::ManifestError};

use crate::answer::Answer;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request to a registry, or a copy, failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry refused.
    #[error(transparent)]
    Answer(Box<Answer>),
    /// No answer, or half of one: name lookup, connection, TLS, a broken body.
    #[error("cannot reach {host}: {reason}")]
    Unreachable { host: String, reason: String },
    /// The registry answered something the specification does not allow.
    #[error("{host} broke the registry protocol: {reason}")]
    Protocol { host: String, reason: String },
    /// Continuing would send credentials or content somewhere unsafe.
    #[error("{0}")]
    Unsafe(String),
    /// The registry wants its credentials sent to a token server that nothing
    /// shows to be its own; see [`crate::ClientOptions::trusted_realms`].
    #[error(
        "{host} wants its password sent to {realm}, which is not visibly the same organization: \
         not sent"
    )]
    UntrustedRealm { host: String, realm: String },
    /// Content does not have the digest it was asked for by.
    #[error(
        "{origin} served wrong bytes for {expected}: they are {actual}; the content was discarded"
    )]
    DigestMismatch {
        origin: String,
        expected: Digest,
        actual: String,
    },
    /// A manifest that cannot be read.
    #[error("the manifest {what} cannot be used: {source}")]
    Manifest {
        what: String,
        #[source]
        source: ManifestError,
    },
    /// The image does not exist for the platform asked for.
    #[error("{image} has no image for {wanted}; it has: {available}")]
    NoPlatform {
        image: String,
        wanted: String,
        available: String,
    },
    /// The caller's own mistake.
    #[error("{0}")]
    Invalid(String),
}

/// Whose move it is, for exit codes and for deciding what to try next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller asked for something that cannot be.
    Invalid,
    /// The image, tag, blob or repository is not there.
    NotFound,
    /// Not signed in, refused, or not allowed.
    Auth,
    /// Too many requests: come back later.
    RateLimited,
    /// The registry is down, overloaded or out of reach.
    Unavailable,
    /// The registry's content or behaviour is wrong.
    Faulty,
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Answer(answer) => answer.kind(),
            Self::Unreachable { .. } => ErrorKind::Unavailable,
            Self::NoPlatform { .. } => ErrorKind::NotFound,
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::Protocol { .. }
            | Self::Unsafe(_)
            | Self::UntrustedRealm { .. }
            | Self::DigestMismatch { .. }
            | Self::Manifest { .. } => ErrorKind::Faulty,
        }
    }

    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether the same request may succeed later without anybody acting.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable)
            || matches!(self, Self::DigestMismatch { .. })
    }

    /// The registry's status, if it answered.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Answer(answer) => Some(answer.status),
            _ => None,
        }
    }

    /// How long the registry asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answer(answer) => answer.retry_after,
            _ => None,
        }
    }

    pub(crate) fn unreachable(url: &Url, error: &reqwest::Error) -> Self {
        Self::Unreachable {
            host: host_of(url),
            reason: innermost(error),
        }
    }

    pub(crate) fn protocol(url: &Url, reason: impl Into<String>) -> Self {
        Self::Protocol {
            host: host_of(url),
            reason: reason.into(),
        }
    }
}

/// `host[:port]` of a URL, as users know it.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The last cause says what happened; the outer ones say "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
