//! The repository an image was built from. People spell it as a web address,
//! a clone URL or an scp path; packages are linked by it, so all spellings
//! must become one value, and a doubtful one none.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

/// Longest text accepted, in bytes.
pub const MAX_LEN: usize = 512;

/// A scheme and its default port.
type Scheme = (&'static str, u16);

const SCHEMES: &[Scheme] = &[("https", 443), ("http", 80), ("ssh", 22), ("git", 9418)];
/// Components that begin a page inside a repository: GitLab reserves them,
/// so that no project has such a name.
const PAGES: &[&str] = &["tree", "blob", "raw", "blame", "commits"];
/// Forges without nested groups: whatever follows `OWNER/REPOSITORY` is a page.
const FLAT_HOSTS: &[&str] = &["github.com", "bitbucket.org", "codeberg.org"];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceRepositoryError {
    #[error("the repository has {0} bytes; at most {MAX_LEN} are allowed")]
    TooLong(usize),
    #[error(
        "the repository has spaces, backslashes or control characters: write HOST/OWNER/REPOSITORY, for example github.com/alice/app"
    )]
    Characters,
    #[error(
        "`{0}://` is not how repositories are linked: write https://HOST/OWNER/REPOSITORY, for example https://github.com/alice/app"
    )]
    Scheme(String),
    // The text may hold a password: it is not repeated.
    #[error(
        "the user before the host can be read in two ways: leave it out, write HOST/OWNER/REPOSITORY"
    )]
    User,
    #[error(
        "`{0}` is not a forge's host: write HOST/OWNER/REPOSITORY, for example github.com/alice/app"
    )]
    Host(String),
    #[error(
        "`{0}` is not a repository's path: it has two or more parts of letters, digits, `.`, `_`, `-`, `~` or `+`, for example github.com/alice/app"
    )]
    Path(String),
}

/// A repository on a forge: `HOST/PATH`, spelled as its owner does. Two are
/// equal if they differ in case only.
#[derive(Clone)]
pub struct SourceRepository {
    text: Box<str>,
    key: Box<str>,
    host_len: usize,
}

impl SourceRepository {
    /// The host in lowercase, with its port if that is unusual.
    pub fn host(&self) -> &str {
        &self.text[..self.host_len]
    }

    /// `OWNER/REPOSITORY`, or more components on forges with nested groups.
    pub fn path(&self) -> &str {
        &self.text[self.host_len + 1..]
    }

    /// The lowercase text to store and look up by.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The address of the repository's page.
    pub fn url(&self) -> String {
        format!("https://{}", self.text)
    }
}

impl FromStr for SourceRepository {
    type Err = SourceRepositoryError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        check_text(s)?;
        let s = &s[..s.find(['?', '#']).unwrap_or(s.len())];
        let address = Address::split(s)?;
        let host = address.host()?;
        let path = address.path(&host)?;
        let text = format!("{host}/{path}");
        Ok(Self {
            key: text.to_ascii_lowercase().into(),
            text: text.into(),
            host_len: host.len(),
        })
    }
}

fn check_text(s: &str) -> Result<(), SourceRepositoryError> {
    if s.len() > MAX_LEN {
        return Err(SourceRepositoryError::TooLong(s.len()));
    }
    if s.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(SourceRepositoryError::Characters);
    }
    Ok(())
}

/// The parts of a text, not yet checked.
struct Address<'a> {
    host: &'a str,
    port: Option<&'a str>,
    default_port: u16,
    /// The first component where it follows a colon, as in `git@github.com:alice/app`.
    owner: Option<&'a str>,
    path: &'a str,
}

impl<'a> Address<'a> {
    fn split(s: &'a str) -> Result<Self, SourceRepositoryError> {
        let (scheme, rest) = split_scheme(s)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, authority) = split_user(authority, scheme.is_some())?;
        let (host, after) = match authority.split_once(':') {
            Some((host, after)) => (host, Some(after).filter(|text| !text.is_empty())),
            None => (authority, None),
        };
        let is_port = |text: &&str| text.bytes().all(|b| b.is_ascii_digit());
        // Git's rule: without a scheme, a colon after `USER@HOST` begins the path.
        let is_scp = scheme.is_none() && user;
        let port = after.filter(|text| !is_scp && is_port(text));
        let owner = after.filter(|_| port.is_none());
        if owner.is_some() && !matches!(scheme, None | Some(("ssh", _))) {
            return Err(host_error(host));
        }
        Ok(Self {
            host,
            port,
            default_port: scheme.map_or(443, |(_, port)| port),
            owner,
            path,
        })
    }

    fn host(&self) -> Result<String, SourceRepositoryError> {
        let host = self.host.to_ascii_lowercase();
        if !is_host(&host) {
            return Err(host_error(self.host));
        }
        let Some(port) = self.port else {
            return Ok(host);
        };
        match port.parse::<u16>() {
            Err(_) | Ok(0) => Err(host_error(&format!("{host}:{port}"))),
            // The result has no scheme and is read as https.
            Ok(port) if port == 443 || port == self.default_port => Ok(host),
            Ok(port) => Ok(format!("{host}:{port}")),
        }
    }

    fn path(&self, host: &str) -> Result<String, SourceRepositoryError> {
        let path = self.path.strip_suffix('/').unwrap_or(self.path);
        let components: Vec<&str> = (self.owner.into_iter())
            .chain(path.split('/').filter(|_| !path.is_empty()))
            .collect();
        let repository = &components[..repository_len(&components, host)];
        let text = repository.join("/");
        let text = without_git(&text);
        // All of them: a browser would resolve `tree/../..` to another repository.
        let plain = components.iter().all(|c| !matches!(*c, "" | "."))
            && components.iter().all(|c| !c.contains(".."));
        if plain && repository.len() >= 2 && text.split('/').all(is_component) {
            Ok(text.to_owned())
        } else {
            Err(SourceRepositoryError::Path(shown(&components.join("/"))))
        }
    }
}

/// The scheme, if there is one, and the rest.
fn split_scheme(s: &str) -> Result<(Option<Scheme>, &str), SourceRepositoryError> {
    let s = match s.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("git+") => &s[4..],
        _ => s,
    };
    let Some((scheme, rest)) = s.split_once("://") else {
        return Ok((None, s));
    };
    let known = SCHEMES
        .iter()
        .find(|(name, _)| scheme.eq_ignore_ascii_case(name))
        .ok_or_else(|| SourceRepositoryError::Scheme(shown(scheme)))?;
    Ok((Some(*known), rest))
}

/// Whether there is a user, and the authority without it.
///
/// Git and browsers disagree about the host of `a@b:c@d/e`, and without a
/// scheme of `a:b@c/d`.
fn split_user(authority: &str, has_scheme: bool) -> Result<(bool, &str), SourceRepositoryError> {
    match authority.split_once('@') {
        None => Ok((false, authority)),
        Some((user, host)) if host.contains('@') || (!has_scheme && user.contains(':')) => {
            Err(SourceRepositoryError::User)
        }
        Some((_, host)) => Ok((true, host)),
    }
}

/// Letters, digits and hyphens between dots; without a dot only `localhost`.
fn is_host(s: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (s == "localhost" || s.contains('.')) && s.len() <= 253 && s.split('.').all(is_label)
}

/// How many of the components name the repository; a page inside it may follow.
fn repository_len(components: &[&str], host: &str) -> usize {
    let page = components.iter().enumerate().position(|(i, component)| {
        let name = without_git(component);
        let is_page = PAGES.iter().any(|page| name.eq_ignore_ascii_case(page));
        name == "-" || (i >= 2 && is_page)
    });
    let len = page.unwrap_or(components.len());
    if FLAT_HOSTS.contains(&host) {
        len.min(2)
    } else {
        len
    }
}

fn without_git(mut s: &str) -> &str {
    while let Some((rest, suffix)) = s.split_at_checked(s.len().saturating_sub(4)) {
        if !suffix.eq_ignore_ascii_case(".git") {
            break;
        }
        s = rest;
    }
    s
}

fn is_component(s: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'~' | b'+');
    !s.is_empty() && s != "." && s.bytes().all(plain)
}

fn host_error(host: &str) -> SourceRepositoryError {
    SourceRepositoryError::Host(shown(host))
}

fn shown(s: &str) -> String {
    s.chars().take(80).collect()
}

impl PartialEq for SourceRepository {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for SourceRepository {}

impl Hash for SourceRepository {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Display for SourceRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SourceRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn parse(s: &str) -> Result<SourceRepository, SourceRepositoryError> {
        s.parse()
    }

    #[test]
    fn one_repository_in_every_spelling() {
        for text in [
            "github.com/prinsss/ga-hit-counter",
            "GitHub.com/prinsss/ga-hit-counter/",
            "https://github.com/prinsss/ga-hit-counter",
            "HTTPS://github.com:443/prinsss/ga-hit-counter/",
            "http://github.com:80/prinsss/ga-hit-counter.git",
            "https://alice:secret@github.com/prinsss/ga-hit-counter.git/",
            "git+https://github.com/prinsss/ga-hit-counter.git#3fb6ebc:amd64/app",
            "git://github.com/prinsss/ga-hit-counter.git",
            "git+ssh://git@github.com/prinsss/ga-hit-counter.git",
            "ssh://git@github.com:22/prinsss/ga-hit-counter.git",
            "ssh://git@github.com:prinsss/ga-hit-counter.git",
            "git@github.com:prinsss/ga-hit-counter.git",
            "git@github.com:/prinsss/ga-hit-counter",
            "github.com:prinsss/ga-hit-counter.git",
            "git@github.com/prinsss/ga-hit-counter",
            "https://github.com/prinsss/ga-hit-counter?tab=readme-ov-file#usage",
            "https://github.com/prinsss/ga-hit-counter/tree/main/docker",
            "https://github.com/prinsss/ga-hit-counter/blob/main/My%20Dockerfile",
            "https://github.com/prinsss/ga-hit-counter/releases/tag/v1.0.0",
            "https://github.com/prinsss/ga-hit-counter.git/tree/main",
        ] {
            let repository = parse(text).expect(text);
            assert_eq!(repository.to_string(), "github.com/prinsss/ga-hit-counter");
        }
    }

    #[test]
    fn other_forges() {
        for (text, expected) in [
            (
                "https://gitlab.example.com:8443/group/sub/project",
                "gitlab.example.com:8443/group/sub/project",
            ),
            (
                "https://gitlab.com/gitlab-org/build/CNG/-/tree/master/gitaly",
                "gitlab.com/gitlab-org/build/CNG",
            ),
            (
                "git@gitlab.com:123/sub/project.git",
                "gitlab.com/123/sub/project",
            ),
            (
                "ssh://git@git.example.org:2222/team/app.git",
                "git.example.org:2222/team/app",
            ),
            (
                "https://git.sr.ht/~sircmpwn/aerc/tree/master",
                "git.sr.ht/~sircmpwn/aerc",
            ),
            (
                "https://codeberg.org/forgejo/forgejo/src/branch/forgejo",
                "codeberg.org/forgejo/forgejo",
            ),
            (
                "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git",
                "git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux",
            ),
            (
                "https://dev.azure.com/org/project/_git/app",
                "dev.azure.com/org/project/_git/app",
            ),
            (
                "http://localhost:3000/alice/app",
                "localhost:3000/alice/app",
            ),
            ("10.0.0.7:3000/alice/app", "10.0.0.7:3000/alice/app"),
            ("http://forge.test:443/alice/app", "forge.test/alice/app"),
            ("https://forge.test:80/tree/app", "forge.test:80/tree/app"),
        ] {
            assert_eq!(parse(text).expect(text).to_string(), expected);
        }
    }

    #[test]
    fn case_is_shown_and_ignored() {
        let repository = parse("https://GitHub.com/AdguardTeam/AdGuardHome").expect("valid");
        assert_eq!(repository.host(), "github.com");
        assert_eq!(repository.path(), "AdguardTeam/AdGuardHome");
        assert_eq!(repository.key(), "github.com/adguardteam/adguardhome");
        assert_eq!(
            repository.url(),
            "https://github.com/AdguardTeam/AdGuardHome"
        );
        let other = parse("github.com/adguardteam/adguardhome").expect("valid");
        assert_eq!(HashSet::from([repository, other]).len(), 1);
    }

    #[test]
    fn what_is_no_repository_says_why() {
        type Case = (&'static str, fn(&SourceRepositoryError) -> bool);
        let cases: &[Case] = &[
            ("", |e| matches!(e, SourceRepositoryError::Host(_))),
            ("prinsss/ga", |e| {
                matches!(e, SourceRepositoryError::Host(_))
            }),
            ("https:///o/r", |e| {
                matches!(e, SourceRepositoryError::Host(_))
            }),
            ("https://[::1]/o/r", |e| {
                matches!(e, SourceRepositoryError::Host(_))
            }),
            ("https://a..b/o/r", |e| {
                matches!(e, SourceRepositoryError::Host(_))
            }),
            ("https://gіthub.com/o/r", |e| {
                matches!(e, SourceRepositoryError::Host(_))
            }),
            ("https://a.b:0/o/r", |e| {
                matches!(e, SourceRepositoryError::Host(_))
            }),
            ("https://a.b:65536/o/r", |e| {
                matches!(e, SourceRepositoryError::Host(_))
            }),
            ("https://a.b:o/r", |e| {
                matches!(e, SourceRepositoryError::Host(_))
            }),
            ("https://github.com", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://github.com/o", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://github.com?/o/r", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://github.com/o/.git", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://github.com//o/r", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://github.com/o//r", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://github.com/o/../r/s", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://github.com/o/./r", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://github.com/o/r/tree/../../s", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://github.com/o/%2e%2e", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://github.com/o/r\"onclick=", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("https://gitlab.com/group/-/packages", |e| {
                matches!(e, SourceRepositoryError::Path(_))
            }),
            ("javascript://github.com/o/r", |e| {
                matches!(e, SourceRepositoryError::Scheme(_))
            }),
            ("file:///srv/git/r", |e| {
                matches!(e, SourceRepositoryError::Scheme(_))
            }),
            ("git@github.com:o@evil.test/r/s", |e| {
                matches!(e, SourceRepositoryError::User)
            }),
            ("a:b@github.com/o/r", |e| {
                matches!(e, SourceRepositoryError::User)
            }),
            ("https://evil.test\\@github.com/o/r", |e| {
                matches!(e, SourceRepositoryError::Characters)
            }),
            (" github.com/o/r", |e| {
                matches!(e, SourceRepositoryError::Characters)
            }),
            ("github.com/o/r\n", |e| {
                matches!(e, SourceRepositoryError::Characters)
            }),
        ];
        for (text, expected) in cases {
            let error = parse(text).expect_err(text);
            assert!(expected(&error), "{text:?} gave {error:?}");
        }
        let long = format!("github.com/o/{}", "r".repeat(500));
        assert_eq!(parse(&long), Err(SourceRepositoryError::TooLong(513)));
        assert!(parse(&long[..MAX_LEN]).is_ok());
    }

    #[test]
    fn passwords_are_not_repeated() {
        for text in [
            "https://alice:hunter2@nodot/o/r",
            "https://alice:hunter2@github.com/o",
            "alice:hunter2@github.com/o/r",
            "https://alice:hunter2@x@github.com/o/r",
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(s in ".{0,80}") {
            let _ = parse(&s);
        }

        #[test]
        fn parsing_the_display_changes_nothing(
            s in "((git\\+)?(https?|ssh|git)://)?(a:b@|git@)?(github\\.com|A\\.b|localhost)(:|:22|:80|:443|:9418|:8443|:o)?(/(o|R|tree|blob|-|x\\.git|tree\\.GIT|\\.|\\.git|TREE|~u|)){0,6}(\\.git){0,2}/?([?#]x)?",
        ) {
            if let Ok(repository) = parse(&s) {
                for text in [repository.to_string(), repository.url()] {
                    let again = parse(&text).expect("what was shown parses");
                    prop_assert_eq!(again.to_string(), repository.to_string());
                    prop_assert_eq!(&again, &repository);
                }
                let again = parse(repository.key()).expect("the key parses");
                prop_assert_eq!(again.key(), repository.key());
            }
        }

        #[test]
        fn what_is_accepted_is_safe_to_link(s in "(https://)?[a-c.:@]{1,12}(/[ -~]{0,6}){1,4}") {
            if let Ok(repository) = parse(&s) {
                let host = repository.host();
                prop_assert!(host.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-".contains(&b)));
                prop_assert!(repository.path().split('/').count() >= 2);
                prop_assert!(repository.path().split('/').all(is_component));
                prop_assert!(!repository.key().contains(".."));
                prop_assert!(repository.key().len() <= MAX_LEN);
            }
        }
    }
}
