//! Identity providers, as the configuration names them.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use url::Url;
use wharf_registry_client::Http;

use super::{SignInError, github::GitHub, oidc::OpenId};
use crate::Error;

/// A provider's name in the configuration, in paths and in team groups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(String);

/// Why a text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 32 lowercase letters, digits and hyphens")]
pub struct ProviderNameError;

impl ProviderName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderName {
    type Err = ProviderNameError;

    fn from_str(s: &str) -> Result<Self, ProviderNameError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_name = (1..=32).contains(&s.len()) && s.bytes().all(allowed);
        is_name.then(|| Self(s.to_owned())).ok_or(ProviderNameError)
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProviderKind {
    /// Anything with a discovery document.
    #[default]
    OpenId,
    /// github.com or GitHub Enterprise Server, which sign people in by OAuth alone.
    GitHub,
}

/// What the operator says of a provider.
#[derive(Clone)]
pub struct ProviderSettings {
    pub name: ProviderName,
    /// For people to read.
    pub title: String,
    pub kind: ProviderKind,
    /// Of OpenID Connect, exactly as in its discovery document; of GitHub, its address.
    pub issuer: Url,
    pub client_id: String,
    pub client_secret: String,
    /// Asked for beside `openid`.
    pub scopes: Vec<String>,
    pub login_claim: String,
    pub groups_claim: String,
    /// Whether people without an account here get one.
    pub sign_up: bool,
    /// How long a sign-in counts that the provider does not confirm.
    pub valid: Duration,
}

impl fmt::Debug for ProviderSettings {
    /// Never the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProviderSettings({} at {})", self.name, self.issuer)
    }
}

/// Who somebody is, by the word of a provider.
#[derive(Clone)]
pub(crate) struct Person {
    /// Never given to anybody else.
    pub subject: String,
    /// What they call themselves there.
    pub name: String,
    /// All their groups, in order, each once.
    pub groups: Vec<String>,
    /// With it the provider is asked again.
    pub refresh_token: Option<String>,
}

/// Longest name, subject and group that are kept, in bytes; longer ones are not believed.
const LONGEST: usize = 255;
/// Most groups of one person.
const MOST_GROUPS: usize = 2000;

impl Person {
    /// What a provider said, if it is in bounds.
    pub fn checked(self) -> Result<Self, Failure> {
        let texts = [&self.subject, &self.name];
        if !texts
            .into_iter()
            .chain(&self.groups)
            .all(|text| is_name(text))
        {
            let reason = "a name is empty, too long or not to be shown";
            return Err(Failure::Unbelievable(reason.into()));
        }
        let mut groups = self.groups;
        groups.sort();
        groups.dedup();
        if groups.len() > MOST_GROUPS {
            let reason = format!("it names more than {MOST_GROUPS} groups");
            return Err(Failure::Unbelievable(reason));
        }
        Ok(Self { groups, ..self })
    }
}

/// Nothing that would move what is shown around it, or end a line.
fn is_name(text: &str) -> bool {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (1..=LONGEST).contains(&text.len()) && !text.chars().any(|c| c.is_control() || turns(c))
}

/// What came of asking a provider again.
pub(crate) struct Again {
    /// To be kept whatever else was said: the one before may be spent.
    pub refresh_token: String,
    pub person: Result<Person, Failure>,
}

/// What came of asking a provider.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It said no.
    Refused(String),
    /// It said nothing, or something that tells nothing of the person.
    Unreachable(String),
    /// It said what must not be believed.
    Unbelievable(String),
}

impl From<wharf_registry_client::Error> for Failure {
    fn from(error: wharf_registry_client::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// What a sign-in shows the provider, and must find again.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// Where the provider sends the browser.
    pub callback: &'a str,
    pub state: &'a str,
    pub nonce: &'a str,
    /// Of PKCE.
    pub verifier: &'a str,
}

/// A provider, ready to be asked.
#[derive(Debug)]
pub(crate) struct Provider {
    pub settings: ProviderSettings,
    protocol: Protocol,
}

#[derive(Debug)]
enum Protocol {
    OpenId(Box<OpenId>),
    GitHub(GitHub),
}

impl Provider {
    /// Where the browser goes to sign in. `now`: microseconds.
    pub async fn address(&self, request: &Request<'_>, now: i64) -> Result<Url, Failure> {
        match &self.protocol {
            Protocol::OpenId(openid) => openid.address(&self.settings, request, now).await,
            Protocol::GitHub(github) => Ok(github.address(&self.settings, request)),
        }
    }

    /// Who came back with that code.
    pub async fn person(
        &self,
        request: &Request<'_>,
        code: &str,
        now: i64,
    ) -> Result<Person, Failure> {
        let person = match &self.protocol {
            Protocol::OpenId(openid) => openid.person(&self.settings, request, code, now).await,
            Protocol::GitHub(github) => github.person(&self.settings, request, code).await,
        };
        person?.checked()
    }

    /// Asks again who somebody is, who signed in before.
    pub async fn again(&self, refresh_token: &str, now: i64) -> Result<Again, Failure> {
        let again = match &self.protocol {
            Protocol::OpenId(openid) => openid.again(&self.settings, refresh_token, now).await?,
            Protocol::GitHub(github) => Again {
                refresh_token: refresh_token.to_owned(),
                person: github.again(refresh_token).await,
            },
        };
        Ok(Again {
            person: again.person.and_then(Person::checked),
            ..again
        })
    }

    pub fn error(&self, failure: Failure) -> Error {
        let provider = self.settings.name.to_string();
        Error::SignIn(match failure {
            Failure::Refused(reason) => SignInError::Refused { provider, reason },
            Failure::Unreachable(reason) => SignInError::Unreachable { provider, reason },
            Failure::Unbelievable(reason) => SignInError::Unbelievable { provider, reason },
        })
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Providers(Vec<Arc<Provider>>);

impl Providers {
    pub fn new(settings: &[ProviderSettings]) -> Result<Self, Error> {
        if settings.is_empty() {
            return Ok(Self::default());
        }
        let http = Http::new().map_err(|e| Error::Internal(e.to_string()))?;
        let ready = |settings: &ProviderSettings| {
            let protocol = match settings.kind {
                ProviderKind::OpenId => Protocol::OpenId(Box::new(OpenId::new(http.clone()))),
                ProviderKind::GitHub => {
                    Protocol::GitHub(GitHub::new(http.clone(), &settings.issuer))
                }
            };
            Arc::new(Provider {
                settings: settings.clone(),
                protocol,
            })
        };
        Ok(Self(settings.iter().map(ready).collect()))
    }

    pub fn find(&self, name: &str) -> Result<Arc<Provider>, Error> {
        let found = self.0.iter().find(|p| p.settings.name.as_str() == name);
        found.cloned().ok_or_else(|| {
            let name = name.chars().take(40).collect();
            Error::SignIn(SignInError::NoSuchProvider(name))
        })
    }

    pub fn settings(&self) -> impl Iterator<Item = &ProviderSettings> {
        self.0.iter().map(|provider| &provider.settings)
    }
}
