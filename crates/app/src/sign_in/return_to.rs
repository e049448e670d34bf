//! Where a program waits for a sign-in's end: on the machine of its browser,
//! nowhere else (RFC 8252 §7.3). No page of others can have a session sent to it.

use std::{fmt, str::FromStr};

use url::{Host, Url};

/// An address on the browser's own machine: `http://127.0.0.1:PORT/PATH`, or `[::1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(Url);

/// Why a text is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected http://127.0.0.1:PORT/PATH, where the program waits that signs in")]
pub struct ReturnToError;

impl ReturnTo {
    /// The address with parameters.
    pub(super) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = self.0.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        url.into()
    }
}

impl FromStr for ReturnTo {
    type Err = ReturnToError;

    fn from_str(s: &str) -> Result<Self, ReturnToError> {
        let url = Url::parse(s).map_err(|_| ReturnToError)?;
        let is_here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            _ => false,
        };
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let has_port = url.port().is_some() && url.as_str().len() <= 200;
        (is_here && is_plain && has_port && url.scheme() == "http")
            .then_some(Self(url))
            .ok_or(ReturnToError)
    }
}

impl fmt::Display for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_machine_itself() {
        for good in ["http://127.0.0.1:8123/done", "http://[::1]:5/"] {
            assert!(good.parse::<ReturnTo>().is_ok(), "{good}");
        }
        for bad in [
            "http://127.0.0.1/",
            "https://127.0.0.1:80/",
            "http://localhost:80/",
            "http://127.0.0.1.evil.example:80/",
            "http://evil@127.0.0.1:81/",
            "http://127.0.0.1:81/?a=b",
            "http://127.0.0.1:81/#a",
            "http://10.0.0.1:81/",
            &format!("http://127.0.0.1:81/{}", "é".repeat(80)),
            "javascript:alert(1)",
            "",
        ] {
            assert!(bad.parse::<ReturnTo>().is_err(), "{bad}");
        }
    }
}
