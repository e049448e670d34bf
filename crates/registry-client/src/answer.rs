//! An answer that is not success, in the server's own words: what a user
//! needs to know is mostly in there.

use std::{fmt, time::Duration};

use http::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::error::{ErrorKind, host_of};

/// What the registry said instead of doing what it was asked.
#[derive(Debug, Clone)]
pub struct Answer {
    pub method: Method,
    /// Without query: it may hold signatures.
    pub url: Url,
    pub status: StatusCode,
    /// The entries of the OCI error envelope, if the body was one.
    pub errors: Vec<AnswerError>,
    /// The start of a body that was no envelope, if it was plain text.
    pub text: Option<String>,
    pub retry_after: Option<Duration>,
}

/// One entry of an OCI error envelope (distribution-spec § Error codes).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AnswerError {
    pub code: String,
    pub message: String,
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<AnswerError>,
}

/// The shape OAuth 2 token endpoints use (RFC 6749 §5.2), and a bare `message`.
#[derive(Deserialize)]
struct PlainReason {
    #[serde(alias = "message", alias = "details")]
    error_description: String,
}

impl Answer {
    pub(crate) fn new(method: Method, mut url: Url, status: StatusCode, body: &[u8]) -> Self {
        url.set_query(None);
        let errors = serde_json::from_slice::<Envelope>(body)
            .map(|envelope| envelope.errors)
            .unwrap_or_default();
        let text = if errors.is_empty() {
            readable(body)
        } else {
            None
        };
        Self {
            method,
            url,
            status,
            errors,
            text,
            retry_after: None,
        }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        let says = |code: &str| self.errors.iter().any(|e| e.code == code);
        match self.status.as_u16() {
            401 | 403 => ErrorKind::Auth,
            404 | 410 => ErrorKind::NotFound,
            // Whoever asks may; what is there says no.
            409 => ErrorKind::Invalid,
            429 => ErrorKind::RateLimited,
            _ if says("TOOMANYREQUESTS") => ErrorKind::RateLimited,
            408 | 500..=599 => ErrorKind::Unavailable,
            _ if says("UNAUTHORIZED") || says("DENIED") => ErrorKind::Auth,
            _ => ErrorKind::Invalid,
        }
    }

    /// What the server said, in its own words.
    fn words(&self) -> Option<String> {
        let entry = |e: &AnswerError| match (e.message.is_empty(), e.code.is_empty()) {
            (true, _) => e.code.clone(),
            (false, true) => e.message.clone(),
            (false, false) => format!("{} ({})", e.message, e.code),
        };
        let words: Vec<String> = self.errors.iter().map(entry).collect();
        if words.is_empty() {
            self.text.clone()
        } else {
            Some(words.join("; "))
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = host_of(&self.url);
        write!(f, "{host} answered {}", self.status.as_u16())?;
        match (self.words(), self.status.canonical_reason()) {
            (Some(words), _) => write!(f, ": {words}")?,
            (None, Some(reason)) => write!(f, " {reason}")?,
            (None, None) => {}
        }
        write!(f, " [{} {}]", self.method, self.url.path())
    }
}

impl std::error::Error for Answer {}

/// A short one-line reason out of a body that is no OCI envelope. HTML is
/// for browsers: of no use in a message.
fn readable(body: &[u8]) -> Option<String> {
    const LONGEST: usize = 300;
    if let Ok(reason) = serde_json::from_slice::<PlainReason>(body) {
        return Some(reason.error_description.chars().take(LONGEST).collect());
    }
    let text = std::str::from_utf8(body).ok()?.trim();
    let line = text.lines().next()?.trim();
    let plain = !line.starts_with(['<', '{', '[']) && !line.chars().any(char::is_control);
    plain.then(|| line.chars().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &[u8]) -> Answer {
        let url = Url::parse("https://ghcr.io/v2/a/b/manifests/x?sig=secret").expect("valid");
        let status = StatusCode::from_u16(status).expect("valid");
        Answer::new(Method::GET, url, status, body)
    }

    #[test]
    fn the_servers_words_are_shown() {
        let body = br#"{"errors":[{"code":"DENIED","message":"log in first","detail":null}]}"#;
        let answer = answer(403, body);
        assert_eq!(
            answer.to_string(),
            "ghcr.io answered 403: log in first (DENIED) [GET /v2/a/b/manifests/x]"
        );
        assert_eq!(answer.kind(), ErrorKind::Auth);
    }

    #[test]
    fn bodies_that_are_no_envelope() {
        assert_eq!(answer(502, b"<html>").text, None);
        assert_eq!(
            answer(502, b"upstream down\nx").text.as_deref(),
            Some("upstream down")
        );
        assert_eq!(
            answer(401, br#"{"error_description":"expired"}"#)
                .text
                .as_deref(),
            Some("expired")
        );
        assert_eq!(answer(400, b"\xff\x00").text, None);
    }

    #[test]
    fn kinds_follow_status_and_code() {
        let limited = br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#;
        assert_eq!(answer(400, limited).kind(), ErrorKind::RateLimited);
        assert_eq!(answer(404, b"").kind(), ErrorKind::NotFound);
        assert_eq!(answer(503, b"").kind(), ErrorKind::Unavailable);
        assert_eq!(answer(400, b"").kind(), ErrorKind::Invalid);
    }
}
