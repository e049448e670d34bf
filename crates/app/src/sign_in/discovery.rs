//! What a provider says of itself (OpenID Connect Discovery 1.0), and its keys.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicI64, Ordering},
};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;
use wharf_registry_client::{Http, WebAuth};

use super::provider::Failure;
use crate::clock::{HOUR, MINUTE, SECOND};

/// How long what was read is believed, in microseconds.
const GOOD_FOR: i64 = HOUR;
/// What could not be read is tried again no sooner, in microseconds.
const TRIED_AGAIN_AFTER: i64 = 10 * SECOND;
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

/// Reads and remembers both. One request reads at a time, and nobody waits for
/// it who can go on with what was read before.
#[derive(Debug)]
pub struct Discovery {
    http: Http,
    known: RwLock<Option<Arc<Known>>>,
    reading: Mutex<()>,
    /// When reading failed last, in microseconds.
    failed_at: AtomicI64,
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
            known: RwLock::default(),
            reading: Mutex::default(),
            failed_at: AtomicI64::new(i64::MIN / 2),
        }
    }

    /// `now`: microseconds.
    pub async fn metadata(&self, issuer: &Url, now: i64) -> Result<Metadata, Failure> {
        Ok(self.known(issuer, now).await?.metadata.clone())
    }

    /// The key that a token names, or the only one if it names none.
    pub async fn key(&self, issuer: &Url, id: Option<&str>, now: i64) -> Result<Jwk, Failure> {
        let known = self.known(issuer, now).await?;
        if let Some(key) = find(&known.keys, id) {
            return Ok(key);
        }
        let key = find(&self.newer_keys(&known, now).await?.keys, id);
        key.ok_or_else(|| Failure::Unbelievable("its ID token names a key it does not have".into()))
    }

    async fn known(&self, issuer: &Url, now: i64) -> Result<Arc<Known>, Failure> {
        let is_good = |known: &Arc<Known>| now - known.read_at < GOOD_FOR;
        let before = self.current();
        if let Some(known) = before.as_ref().filter(|known| is_good(known)) {
            return Ok(Arc::clone(known));
        }
        let _turn = match (self.reading.try_lock(), &before) {
            (Ok(turn), _) => turn,
            (Err(_), Some(known)) => return Ok(Arc::clone(known)),
            (Err(_), None) => self.reading.lock().await,
        };
        if let Some(known) = self.current().filter(is_good) {
            return Ok(known);
        }
        match (self.read_all(issuer, now).await, before) {
            (Ok(known), _) => Ok(self.remember(known)),
            (Err(failure), None) => Err(failure),
            // What was true an hour ago most likely still is.
            (Err(_), Some(known)) => Ok(known),
        }
    }

    async fn newer_keys(&self, known: &Arc<Known>, now: i64) -> Result<Arc<Known>, Failure> {
        let Ok(_turn) = self.reading.try_lock() else {
            return Ok(Arc::clone(known));
        };
        if now - known.keys_read_at < READ_AGAIN_AFTER {
            return Ok(Arc::clone(known));
        }
        let keys = self.read(&known.metadata.jwks_uri).await?;
        Ok(self.remember(Known {
            keys,
            keys_read_at: now,
            ..Known::clone(known)
        }))
    }

    /// Not sooner than a while after it failed.
    async fn read_all(&self, issuer: &Url, now: i64) -> Result<Known, Failure> {
        if now - self.failed_at.load(Ordering::Relaxed) < TRIED_AGAIN_AFTER {
            return Err(Failure::Unreachable("it did not answer just now".into()));
        }
        let reading = async {
            let metadata = self.read_metadata(issuer).await?;
            let keys = self.read(&metadata.jwks_uri).await?;
            Ok(Known {
                metadata,
                keys,
                read_at: now,
                keys_read_at: now,
            })
        };
        let read = reading.await;
        if read.is_err() {
            self.failed_at.store(now, Ordering::Relaxed);
        }
        read
    }

    fn current(&self) -> Option<Arc<Known>> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn remember(&self, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        let mut slot = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::clone(&known));
        known
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
