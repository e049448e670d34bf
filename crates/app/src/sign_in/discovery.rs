//! What a provider says of itself (OpenID Connect Discovery 1.0), and its keys.

use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;
use wharf_registry_client::{Http, WebAuth};

use super::provider::Failure;
use crate::clock::{HOUR, MINUTE};

/// How long what was read is believed, in microseconds.
const GOOD_FOR: i64 = HOUR;
/// Keys are read again no sooner, whatever key a token names, in microseconds.
const READ_AGAIN_AFTER: i64 = MINUTE;

/// The part of the document that is used.
#[derive(Debug, Clone, Deserialize)]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    pub jwks_uri: Url,
    pub userinfo_endpoint: Option<Url>,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    pub scopes_supported: Vec<String>,
}

/// Reads and remembers both.
#[derive(Debug)]
pub struct Discovery {
    http: Http,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    metadata: Metadata,
    keys: JwkSet,
    read_at: i64,
    keys_read_at: i64,
}

impl Discovery {
    pub fn new(http: Http) -> Self {
        Self {
            http,
            known: Mutex::default(),
        }
    }

    /// `now`: microseconds.
    pub async fn metadata(&self, issuer: &Url, now: i64) -> Result<Metadata, Failure> {
        let mut known = self.known.lock().await;
        Ok(self.known(&mut known, issuer, now).await?.metadata.clone())
    }

    /// The key that a token names, or the only one if it names none.
    pub async fn key(&self, issuer: &Url, id: Option<&str>, now: i64) -> Result<Jwk, Failure> {
        let mut known = self.known.lock().await;
        let known = self.known(&mut known, issuer, now).await?;
        if let Some(key) = find(&known.keys, id) {
            return Ok(key);
        }
        if now - known.keys_read_at >= READ_AGAIN_AFTER {
            known.keys = self.read(&known.metadata.jwks_uri).await?;
            known.keys_read_at = now;
        }
        let key = find(&known.keys, id);
        key.ok_or_else(|| Failure::Unbelievable("its ID token names a key it does not have".into()))
    }

    async fn known<'a>(
        &self,
        slot: &'a mut Option<Known>,
        issuer: &Url,
        now: i64,
    ) -> Result<&'a mut Known, Failure> {
        let is_good = slot
            .as_ref()
            .is_some_and(|known| now - known.read_at < GOOD_FOR);
        if !is_good {
            let metadata = self.read_metadata(issuer).await?;
            let keys = self.read(&metadata.jwks_uri).await?;
            *slot = Some(Known {
                metadata,
                keys,
                read_at: now,
                keys_read_at: now,
            });
        }
        slot.as_mut()
            .ok_or_else(|| Failure::Unreachable("nothing was read".into()))
    }

    async fn read_metadata(&self, issuer: &Url) -> Result<Metadata, Failure> {
        let base = issuer.as_str().trim_end_matches('/');
        let address = format!("{base}/.well-known/openid-configuration");
        let address = Url::parse(&address).map_err(|e| Failure::Unreachable(e.to_string()))?;
        let metadata: Metadata = self.read(&address).await?;
        if metadata.issuer.trim_end_matches('/') != base {
            let reason = format!("it says it is {}, not {base}", metadata.issuer);
            return Err(Failure::Unbelievable(reason));
        }
        let endpoints = [
            Some(&metadata.authorization_endpoint),
            Some(&metadata.token_endpoint),
            Some(&metadata.jwks_uri),
            metadata.userinfo_endpoint.as_ref(),
        ];
        if endpoints
            .into_iter()
            .flatten()
            .any(|url| url.scheme() != issuer.scheme())
        {
            return Err(Failure::Unbelievable("it mixes https and others".into()));
        }
        Ok(metadata)
    }

    async fn read<T: for<'de> Deserialize<'de>>(&self, address: &Url) -> Result<T, Failure> {
        let answer = self.http.get_json(address, WebAuth::Nobody).await?;
        if !answer.status.is_success() {
            return Err(Failure::Unreachable(format!(
                "{address}: {}",
                answer.status
            )));
        }
        Ok(answer.json()?)
    }
}

fn find(keys: &JwkSet, id: Option<&str>) -> Option<Jwk> {
    match id {
        Some(id) => keys.find(id).cloned(),
        None if keys.keys.len() == 1 => keys.keys.first().cloned(),
        None => None,
    }
}
