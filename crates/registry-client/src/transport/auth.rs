//! Who we are to one registry: learns how it wants to be convinced, and keeps
//! a token for each set of scopes.

use std::{collections::HashMap, time::Instant};

use http::{HeaderMap, Method, StatusCode};
use tokio::sync::{Mutex, MutexGuard};
use url::Url;

use super::{
    challenge::{self, BearerChallenge, Challenge},
    http::{Authorization, Call, Http},
    realm,
    scope::Scopes,
    token::{self, Token, Wanted},
};
use crate::{
    credentials::Credentials,
    error::{Error, Result},
};

/// The authentication state of one registry.
#[derive(Debug)]
pub(super) struct Authenticator {
    registry: Url,
    credentials: Credentials,
    trusted_realms: Vec<String>,
    /// Locked while a token is fetched, so that many requests at once cause
    /// one token request.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    scheme: Scheme,
    tokens: HashMap<Scopes, Token>,
}

/// What the registry asks for, as far as it is known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Scheme {
    #[default]
    Unknown,
    /// It answers without any credentials.
    Open,
    Asked(Challenge),
}

impl Authenticator {
    pub(super) fn new(
        registry: Url,
        credentials: Credentials,
        trusted_realms: Vec<String>,
    ) -> Self {
        Self {
            registry,
            credentials,
            trusted_realms,
            state: Mutex::default(),
        }
    }

    /// The header for a request that needs `scopes`, if any.
    pub(super) async fn authorization(
        &self,
        http: &Http,
        scopes: &Scopes,
    ) -> Result<Option<Authorization>> {
        if let Credentials::RegistryToken(token) = &self.credentials {
            return token::bearer(token, &self.registry).map(Some);
        }
        let mut state = self.state.lock().await;
        if state.scheme == Scheme::Unknown && !self.credentials.is_anonymous() {
            state.scheme = self.ask(http).await?;
        }
        match state.scheme.clone() {
            Scheme::Unknown | Scheme::Open => Ok(None),
            Scheme::Asked(Challenge::Basic) => self.basic(),
            Scheme::Asked(Challenge::Bearer(challenge)) => self
                .token(http, &mut state, &challenge, scopes, scopes)
                .await
                .map(Some),
        }
    }

    /// Learns from a 401. Returns whether sending the request again, with
    /// the new [`Authenticator::authorization`], can help.
    pub(super) async fn refused(
        &self,
        http: &Http,
        answer: &HeaderMap,
        scopes: &Scopes,
        sent: Option<&Authorization>,
    ) -> Result<bool> {
        let Some(challenge) = challenge::parse(answer) else {
            return Ok(false);
        };
        let mut state = self.state.lock().await;
        state.scheme = Scheme::Asked(challenge.clone());
        match challenge {
            _ if matches!(self.credentials, Credentials::RegistryToken(_)) => Ok(false),
            Challenge::Basic => Ok(self.basic()?.as_ref() != sent),
            Challenge::Bearer(challenge) => {
                self.renew(http, state, &challenge, scopes, sent).await?;
                Ok(true)
            }
        }
    }

    /// Replaces a token that was refused, unless somebody else already has.
    async fn renew(
        &self,
        http: &Http,
        mut state: MutexGuard<'_, State>,
        challenge: &BearerChallenge,
        scopes: &Scopes,
        sent: Option<&Authorization>,
    ) -> Result<()> {
        let refused = |token: &Token| Some(&token.authorization) == sent;
        if state.tokens.get(scopes).is_some_and(refused) {
            state.tokens.remove(scopes);
        }
        let named = challenge.scope.as_deref().unwrap_or_default();
        let wanted = scopes.clone().and_challenged(named);
        self.token(http, &mut state, challenge, scopes, &wanted)
            .await?;
        Ok(())
    }

    /// The kept token for `key`, or a new one that covers `wanted`.
    async fn token(
        &self,
        http: &Http,
        state: &mut State,
        challenge: &BearerChallenge,
        key: &Scopes,
        wanted: &Scopes,
    ) -> Result<Authorization> {
        if let Some(token) = state.tokens.get(key).filter(|t| t.is_fresh(Instant::now())) {
            return Ok(token.authorization.clone());
        }
        let realm = realm::parse(&self.registry, &challenge.realm)?;
        if !self.credentials.is_anonymous() {
            realm::check_credentials(&self.registry, &realm, &self.trusted_realms)?;
        }
        let wanted = Wanted {
            registry: &self.registry,
            realm: &realm,
            challenge,
            scopes: wanted,
        };
        let token = token::fetch(http, &wanted, &self.credentials).await?;
        let authorization = token.authorization.clone();
        state.tokens.insert(key.clone(), token);
        Ok(authorization)
    }

    /// The credentials themselves, for the registry alone.
    pub(super) fn as_they_are(&self) -> Result<Option<Authorization>> {
        match &self.credentials {
            Credentials::Anonymous => Ok(None),
            Credentials::Password { .. } => self.basic(),
            Credentials::IdentityToken(token) | Credentials::RegistryToken(token) => {
                token::bearer(token, &self.registry).map(Some)
            }
        }
    }

    fn basic(&self) -> Result<Option<Authorization>> {
        let Credentials::Password { username, password } = &self.credentials else {
            return Ok(None);
        };
        let value = token::basic(username, password)?;
        Ok(Some(Authorization::new(value, &self.registry)))
    }

    /// Asks `/v2/` how to sign in. Needed because a registry may answer an
    /// anonymous request in a way that never asks for the credentials we have.
    async fn ask(&self, http: &Http) -> Result<Scheme> {
        let mut call = Call::new(Method::GET, self.base()?, Scopes::none());
        let response = http.send(&mut call, None).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let reason = "it asks for credentials in no way we know";
            return challenge::parse(response.headers())
                .map(Scheme::Asked)
                .ok_or_else(|| Error::protocol(response.url(), reason));
        }
        response.success().await?;
        Ok(Scheme::Open)
    }

    fn base(&self) -> Result<Url> {
        let not_a_base = |e| Error::Invalid(format!("{} has no /v2/: {e}", self.registry));
        self.registry.join("v2/").map_err(not_a_base)
    }

    /// Whether the registry has asked for credentials so far.
    pub(super) async fn was_asked(&self) -> bool {
        matches!(self.state.lock().await.scheme, Scheme::Asked(_))
    }
}
