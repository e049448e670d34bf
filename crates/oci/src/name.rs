//! Package names `OWNER/NAME`, their owner part and account logins.
//!
//! Grammar of a name: distribution-spec § Pulling manifests. Wharf adds that
//! the first component is an owner: an account's login, or the host of an
//! upstream registry (`docker.io`, `localhost_5000`).

use std::{fmt, str::FromStr};

/// Longest full name, in characters, so that `HOST/NAME` stays inside what clients accept.
pub const MAX_LEN: usize = 255;
/// Most path components of a name, owner included.
pub const MAX_COMPONENTS: usize = 32;
/// Longest login, in characters (as on GitHub).
pub const MAX_LOGIN_LEN: usize = 39;

/// Logins that would collide with Wharf's own paths or look official.
const RESERVED_LOGINS: &[&str] = &[
    "about",
    "account",
    "api",
    "assets",
    "auth",
    "badges",
    "dashboard",
    "deleted",
    "docs",
    "explore",
    "favicon",
    "health",
    "healthz",
    "help",
    "livez",
    "login",
    "logout",
    "metrics",
    "mirrors",
    "new",
    "notifications",
    "operator",
    "orgs",
    "organizations",
    "packages",
    "readyz",
    "registry",
    "robots",
    "search",
    "sessions",
    "settings",
    "setup",
    "signin",
    "signout",
    "signup",
    "site",
    "startupz",
    "static",
    "status",
    "system",
    "token",
    "tokens",
    "upstreams",
    "user",
    "users",
    "v1",
    "v2",
    "webhooks",
    "wharf",
    "anonymous",
    "nobody",
    "root",
    "null",
    "undefined",
];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("the name is empty")]
    Empty,
    #[error("`{0}` has no owner: use OWNER/{0}")]
    NoOwner(String),
    #[error("`{0}` has uppercase letters: names are lowercase, use `{lower}`", lower = .0.to_lowercase())]
    Uppercase(String),
    #[error("the name has {0} characters; at most {MAX_LEN} are allowed")]
    TooLong(usize),
    #[error("the name has {0} components; at most {MAX_COMPONENTS} are allowed")]
    TooDeep(usize),
    #[error(
        "`{0}` is not a valid name: lowercase letters and digits, separated by `.`, `_`, `__`, `-` or `/`"
    )]
    Grammar(String),
    #[error(
        "`{0}` cannot own packages: an owner is an account (letters, digits, single hyphens) or a registry's host (docker.io, localhost_5000)"
    )]
    Owner(String),
}

/// Who a package belongs to, as spelled in its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// An account's login, lowercase.
    Login(Login),
    /// The host of an upstream registry, a port written as `host_5000`.
    Upstream(String),
}

impl Owner {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Login(login) => login.as_str(),
            Self::Upstream(host) => host,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A full package name: an owner and at least one more component.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    text: Box<str>,
    owner_len: usize,
}

impl Name {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first component, as text.
    pub fn owner_str(&self) -> &str {
        &self.text[..self.owner_len]
    }

    /// Everything after the owner; may contain slashes.
    pub fn package(&self) -> &str {
        &self.text[self.owner_len + 1..]
    }

    pub fn owner(&self) -> Owner {
        parse_owner(self.owner_str()).expect("checked when the name was parsed")
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let components = check_path(s)?;
        if components == 1 {
            return Err(NameError::NoOwner(s.to_owned()));
        }
        let owner_len = s.find('/').unwrap_or(s.len());
        parse_owner(&s[..owner_len])?;
        Ok(Self {
            text: s.into(),
            owner_len,
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Checks the specification's grammar for a repository path, which other
/// registries use without Wharf's owner rule. Returns the number of components.
pub fn check_path(s: &str) -> Result<usize, NameError> {
    if s.is_empty() {
        return Err(NameError::Empty);
    }
    if s.len() > MAX_LEN {
        return Err(NameError::TooLong(s.chars().count()));
    }
    if s.chars().any(char::is_uppercase) {
        return Err(NameError::Uppercase(s.to_owned()));
    }
    let components = s.split('/').count();
    if components > MAX_COMPONENTS {
        return Err(NameError::TooDeep(components));
    }
    if !s.split('/').all(is_component) {
        return Err(NameError::Grammar(s.to_owned()));
    }
    Ok(components)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(s: &str) -> bool {
    let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = s.as_bytes();
    let mut i = 0;
    loop {
        let word = bytes[i..].iter().take_while(|&&b| alnum(b)).count();
        if word == 0 {
            return false;
        }
        i += word;
        if i == bytes.len() {
            return true;
        }
        i += match &bytes[i..] {
            [b'_', b'_', ..] => 2,
            [b'.' | b'_', ..] => 1,
            [b'-', ..] => bytes[i..].iter().take_while(|&&b| b == b'-').count(),
            _ => return false,
        };
    }
}

fn parse_owner(s: &str) -> Result<Owner, NameError> {
    if s.contains('.') || is_host_with_port(s) {
        return Ok(Owner::Upstream(s.to_owned()));
    }
    Login::shape(s)
        .map(Owner::Login)
        .map_err(|_| NameError::Owner(s.to_owned()))
}

/// `localhost_5000`: a host without a dot is an upstream only with its port.
fn is_host_with_port(s: &str) -> bool {
    s.rsplit_once('_').is_some_and(|(host, port)| {
        !host.is_empty() && !host.ends_with('_') && port.parse::<u16>().is_ok_and(|p| p > 0)
    })
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    #[error(
        "`{0}` is not a login: letters, digits and single hyphens, not at the ends, at most {MAX_LOGIN_LEN}"
    )]
    Grammar(String),
    #[error("the login `{0}` is reserved; choose another")]
    Reserved(String),
}

/// An account's login in its canonical, lowercase form. Spelled with
/// capitals it is the same account.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Login(Box<str>);

impl Login {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses a login that somebody wants to take: reserved words are refused.
    pub fn new_account(s: &str) -> Result<Self, LoginError> {
        let login = Self::shape(s)?;
        if RESERVED_LOGINS.contains(&login.as_str()) {
            return Err(LoginError::Reserved(login.to_string()));
        }
        Ok(login)
    }

    fn shape(s: &str) -> Result<Self, LoginError> {
        let ok = !s.is_empty()
            && s.len() <= MAX_LOGIN_LEN
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !s.starts_with('-')
            && !s.ends_with('-')
            && !s.contains("--");
        if ok {
            Ok(Self(s.to_ascii_lowercase().into()))
        } else {
            Err(LoginError::Grammar(s.chars().take(80).collect()))
        }
    }
}

impl FromStr for Login {
    type Err = LoginError;

    /// Parses the login of an account that may exist.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::shape(s)
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_have_an_owner() {
        let name: Name = "alice/tools/app".parse().expect("valid");
        assert_eq!((name.owner_str(), name.package()), ("alice", "tools/app"));
        let name: Name = "docker.io/library/nginx".parse().expect("valid");
        assert_eq!(name.owner(), Owner::Upstream("docker.io".into()));
        let name: Name = "localhost_5000/app".parse().expect("valid");
        assert_eq!(name.owner(), Owner::Upstream("localhost_5000".into()));
        assert_eq!(
            "ga-hit-counter".parse::<Name>(),
            Err(NameError::NoOwner("ga-hit-counter".into()))
        );
    }

    #[test]
    fn bad_names_say_why() {
        type Case = (&'static str, fn(&NameError) -> bool);
        let cases: &[Case] = &[
            ("", |e| matches!(e, NameError::Empty)),
            ("Alice/app", |e| matches!(e, NameError::Uppercase(_))),
            ("alice/App", |e| matches!(e, NameError::Uppercase(_))),
            ("alice//app", |e| matches!(e, NameError::Grammar(_))),
            ("alice/app/", |e| matches!(e, NameError::Grammar(_))),
            ("/alice/app", |e| matches!(e, NameError::Grammar(_))),
            ("alice/../app", |e| matches!(e, NameError::Grammar(_))),
            ("alice/a..b", |e| matches!(e, NameError::Grammar(_))),
            ("alice/a___b", |e| matches!(e, NameError::Grammar(_))),
            ("alice/-a", |e| matches!(e, NameError::Grammar(_))),
            ("alice/a b", |e| matches!(e, NameError::Grammar(_))),
            ("alice/a%2fb", |e| matches!(e, NameError::Grammar(_))),
            ("al_ice/app", |e| matches!(e, NameError::Owner(_))),
            ("al--ice/app", |e| matches!(e, NameError::Owner(_))),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Name>().expect_err(text);
            assert!(expected(&error), "{text:?} gave {error:?}");
        }
        let long = format!("alice/{}", "a".repeat(300));
        assert_eq!(long.parse::<Name>(), Err(NameError::TooLong(306)));
        let deep = format!("alice{}", "/a".repeat(100));
        assert_eq!(deep.parse::<Name>(), Err(NameError::TooDeep(101)));
    }

    #[test]
    fn logins() {
        assert_eq!("Alice".parse::<Login>().expect("valid").as_str(), "alice");
        assert!(Login::new_account("admin").is_ok());
        for word in ["v2", "API", "token"] {
            assert!(matches!(
                Login::new_account(word),
                Err(LoginError::Reserved(_))
            ));
        }
        for bad in ["", "-a", "a-", "a--b", "a.b", "a_b", "a/b", &"a".repeat(40)] {
            assert!(Login::new_account(bad).is_err(), "{bad:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_keeps_the_text(s in "[a-zA-Z0-9._/-]{0,300}|.{0,60}") {
            if let Ok(name) = s.parse::<Name>() {
                prop_assert_eq!(name.as_str(), &s);
                let rebuilt = format!("{}/{}", name.owner(), name.package());
                prop_assert_eq!(rebuilt, s);
            }
        }

        #[test]
        fn every_grammatical_name_parses(
            owner in "[a-z0-9]{1,10}(-[a-z0-9]{1,5}){0,2}",
            rest in proptest::collection::vec("[a-z0-9]{1,6}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", 1..5),
        ) {
            let text = format!("{owner}/{}", rest.join("/"));
            prop_assert!(text.parse::<Name>().is_ok(), "{} was refused", text);
        }
    }
}
