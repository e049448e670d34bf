//! The browser's part: to the provider, and back from it.

use std::{net::IpAddr, sync::Arc};

use wharf_db::{
    Tx, Write,
    sign_ins::{self, SignIn, SignedIn},
};

use super::{
    ReturnTo, SignInError,
    admit::Admit,
    pkce,
    provider::{Person, Provider, ProviderSettings, Request},
};
use crate::{
    App, Error,
    authn::{Rejected, pat::stored_hash},
    authz::By,
    clock::MINUTE,
};

/// How long somebody may take at the provider, in microseconds.
const AT_THE_PROVIDER: i64 = 10 * MINUTE;
/// How long the program may take to fetch its session.
const FETCHED_WITHIN: i64 = MINUTE;
/// Sign-ins from one address that may be under way: whoever begins one has
/// shown nothing yet.
const MOST_OF_ADDRESS: u32 = 100;
/// Sign-ins that may be under way at once.
const MOST: i64 = 20_000;
/// Longest state of a program that is carried along, in bytes.
const LONGEST_STATE: usize = 200;

/// A sign-in that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Where the browser goes.
    pub address: String,
    /// What only the browser knows from now on.
    pub browser: String,
}

/// What a browser came back with.
#[derive(Clone, Default)]
pub struct Came {
    pub state: String,
    pub code: Option<String>,
    /// What the provider says instead of a code.
    pub error: Option<String>,
    /// What it was given in the beginning.
    pub browser: Option<String>,
}

impl std::fmt::Debug for Came {
    /// Never the code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Came({:?})", self.error)
    }
}

impl App {
    /// With what people can sign in, beside passwords.
    pub fn sign_in_providers(&self) -> impl Iterator<Item = &ProviderSettings> {
        self.providers.settings()
    }

    /// Begins a sign-in for a program that waits at `return_to`, shows
    /// `challenge` (PKCE, S256) and gets `state` back.
    pub async fn begin_sign_in(
        &self,
        provider: &str,
        return_to: &ReturnTo,
        state: &str,
        challenge: &str,
        address: Option<IpAddr>,
    ) -> Result<Begun, Error> {
        let provider = self.providers.find(provider)?;
        self.note_beginning(address)?;
        if !pkce::is_challenge(challenge) {
            let reason = "it must be the SHA-256 of a verifier in base64url";
            return Err(field("code_challenge", reason));
        }
        if state.len() > LONGEST_STATE {
            return Err(field("state", "it has more than 200 bytes"));
        }
        let own_state = pkce::secret(&*self.entropy);
        let browser = pkce::secret(&*self.entropy);
        let now = self.clock.now();
        let sign_in = SignIn {
            provider: provider.settings.name.to_string(),
            browser_hash: stored_hash(&browser),
            nonce: pkce::secret(&*self.entropy),
            verifier: pkce::secret(&*self.entropy),
            return_to: return_to.to_string(),
            return_state: state.to_owned(),
            challenge: challenge.to_owned(),
            expires_at: now + AT_THE_PROVIDER,
        };
        let callback = self.callback(&provider);
        let request = request(&sign_in, &callback, &own_state);
        let address = provider.address(&request, now).await;
        let address = address.map_err(|failure| provider.error(failure))?;
        let begin = Begin {
            state_hash: stored_hash(&own_state),
            sign_in,
            now,
        };
        self.db.write(begin).await?;
        Ok(Begun {
            address: address.into(),
            browser,
        })
    }

    /// Counts what one address begins, by spans of time.
    fn note_beginning(&self, address: Option<IpAddr>) -> Result<(), Error> {
        let now = self.clock.now();
        let counted = self.begun_sign_ins.get(&address);
        let counted = counted.filter(|(since, _)| now - since < AT_THE_PROVIDER);
        let (since, before) = counted.unwrap_or((now, 0));
        if before >= MOST_OF_ADDRESS {
            return Err(Rejected::TooManySignIns.into());
        }
        self.begun_sign_ins.insert(address, (since, before + 1));
        Ok(())
    }

    /// Ends the browser's part. Returns where it goes then: to the program
    /// that waits, with a code for it.
    pub async fn end_sign_in(
        self: &Arc<Self>,
        provider: &str,
        came: &Came,
    ) -> Result<String, Error> {
        let provider = self.providers.find(provider)?;
        let take = Take(stored_hash(&came.state));
        let sign_in = self.db.write(take).await?;
        let now = self.clock.now();
        let known = sign_in
            .filter(|s| s.provider == provider.settings.name.as_str() && now <= s.expires_at);
        let sign_in = known.ok_or(Error::SignIn(SignInError::State))?;
        let browser = came.browser.as_deref().map(stored_hash);
        if browser.as_ref() != Some(&sign_in.browser_hash) {
            return Err(SignInError::OtherBrowser.into());
        }
        let person = self.person(&provider, &sign_in, came, now).await?;
        let admit = Admit {
            person,
            settings: provider.settings.clone(),
            account_id: self.ids.next().await?,
            identity_id: self.ids.next().await?,
        };
        let identity_id = self.change(&By::Operator, admit).await?;
        let code = pkce::secret(&*self.entropy);
        let keep = Keep {
            hash: stored_hash(&code),
            signed_in: SignedIn {
                identity_id,
                challenge: sign_in.challenge,
                expires_at: now + FETCHED_WITHIN,
            },
            now,
        };
        self.db.write(keep).await?;
        let return_to: ReturnTo = sign_in
            .return_to
            .parse()
            .map_err(|_| Error::Internal("a stored address is damaged".to_owned()))?;
        Ok(return_to.with(&[("code", &code), ("state", &sign_in.return_state)]))
    }

    async fn person(
        &self,
        provider: &Provider,
        sign_in: &SignIn,
        came: &Came,
        now: i64,
    ) -> Result<Person, Error> {
        let Some(code) = &came.code else {
            let said = came.error.as_deref().unwrap_or("it gave no code");
            let shown = said.chars().filter(|c| !c.is_control()).take(200);
            return Err(SignInError::Refused {
                provider: provider.settings.name.to_string(),
                reason: shown.collect(),
            }
            .into());
        };
        let callback = self.callback(provider);
        let request = request(sign_in, &callback, &came.state);
        let person = provider.person(&request, code, now).await;
        person.map_err(|failure| provider.error(failure))
    }

    /// Where a provider sends browsers; to be entered there.
    fn callback(&self, provider: &Provider) -> String {
        let (site, name) = (&self.settings.public_url, &provider.settings.name);
        format!("{site}/sign-in/{name}/callback")
    }
}

fn request<'a>(sign_in: &'a SignIn, callback: &'a str, state: &'a str) -> Request<'a> {
    Request {
        callback,
        state,
        nonce: &sign_in.nonce,
        verifier: &sign_in.verifier,
    }
}

fn field(field: &'static str, reason: &str) -> Error {
    Error::Field {
        field,
        reason: reason.to_owned(),
    }
}

struct Begin {
    state_hash: String,
    sign_in: SignIn,
    now: i64,
}

impl Write for Begin {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if sign_ins::count(tx, MOST).await? >= MOST {
            return Err(Rejected::TooManySignIns.into());
        }
        Ok(sign_ins::insert(tx, &self.state_hash, &self.sign_in, self.now).await?)
    }
}

struct Take(String);

impl Write for Take {
    type Output = Option<SignIn>;
    type Error = wharf_db::Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<SignIn>, wharf_db::Error> {
        sign_ins::take(tx, &self.0).await
    }
}

struct Keep {
    hash: String,
    signed_in: SignedIn,
    now: i64,
}

impl Write for Keep {
    type Output = ();
    type Error = wharf_db::Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), wharf_db::Error> {
        sign_ins::insert_code(tx, &self.hash, &self.signed_in, self.now).await
    }
}
