//! `[sign_in.NAME]`: identity providers.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use toml::{Table, Value};
use url::{Host, Url};
use wharf_app::sign_in::{ProviderKind, ProviderName, ProviderSettings};

use super::load::ConfigError;

/// Every key of a provider; a test compares it with the struct and the documentation.
pub const PROVIDER_KEYS: &[&str] = &[
    "kind",
    "title",
    "issuer",
    "client_id",
    "client_secret_file",
    "scopes",
    "login_claim",
    "groups_claim",
    "sign_up",
    "valid_seconds",
];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignInKind {
    #[default]
    OpenId,
    GitHub,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignInConfig {
    pub kind: SignInKind,
    /// Its name if not set.
    pub title: Option<String>,
    /// Of GitHub, `https://github.com` if not set.
    pub issuer: Option<Url>,
    pub client_id: String,
    pub client_secret_file: Option<PathBuf>,
    pub scopes: Vec<String>,
    pub login_claim: String,
    pub groups_claim: String,
    pub sign_up: bool,
    pub valid_seconds: u64,
    #[serde(skip)]
    secret: Secret,
}

/// What was read from the file; never shown.
#[derive(Clone, Default)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Default for SignInConfig {
    fn default() -> Self {
        Self {
            kind: SignInKind::default(),
            title: None,
            issuer: None,
            client_id: String::new(),
            client_secret_file: None,
            scopes: vec!["profile".to_owned()],
            login_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            sign_up: false,
            valid_seconds: 24 * 3600,
            secret: Secret::default(),
        }
    }
}

/// Refuses keys that a provider does not have, as `check` says.
pub(super) fn check_keys(
    section: &Table,
    check: impl Fn(&str, &[&str]) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    for (name, provider) in section {
        let keys = provider.as_table().into_iter().flat_map(Table::keys);
        for key in keys {
            let known: Vec<String> = PROVIDER_KEYS
                .iter()
                .map(|known| format!("sign_in.{name}.{known}"))
                .collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            check(&format!("sign_in.{name}.{key}"), &known)?;
        }
        if !matches!(provider, Value::Table(_)) {
            return Err(wrong(name, "it must be a table: [sign_in.NAME]"));
        }
    }
    Ok(())
}

impl SignInConfig {
    /// Checks what was said of the provider `name`, and reads its secret.
    pub(super) fn complete(&mut self, name: &str) -> Result<(), ConfigError> {
        if let Err(error) = name.parse::<ProviderName>() {
            return Err(wrong(name, &error.to_string()));
        }
        if self.client_id.is_empty() {
            return Err(wrong(name, "client_id is missing"));
        }
        if self.kind == SignInKind::GitHub && self.issuer.is_none() {
            self.issuer = Url::parse("https://github.com").ok();
        }
        let Some(issuer) = &self.issuer else {
            return Err(wrong(name, "issuer is missing"));
        };
        if !is_safe(issuer) {
            let reason = "issuer must be https://, or on this machine";
            return Err(wrong(name, reason));
        }
        if let Some(path) = &self.client_secret_file {
            self.secret = read(path)?;
        }
        Ok(())
    }

    /// What the use cases need of it, once it is complete.
    pub(super) fn settings(&self, name: &str) -> Option<ProviderSettings> {
        Some(ProviderSettings {
            name: name.parse().ok()?,
            title: self.title.clone().unwrap_or_else(|| name.to_owned()),
            kind: match self.kind {
                SignInKind::OpenId => ProviderKind::OpenId,
                SignInKind::GitHub => ProviderKind::GitHub,
            },
            issuer: self.issuer.clone()?,
            client_id: self.client_id.clone(),
            client_secret: self.secret.0.clone(),
            scopes: self.scopes.clone(),
            login_claim: self.login_claim.clone(),
            groups_claim: self.groups_claim.clone(),
            sign_up: self.sign_up,
            valid: Duration::from_secs(self.valid_seconds),
        })
    }
}

fn is_safe(issuer: &Url) -> bool {
    let is_here = match issuer.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    issuer.scheme() == "https" || (issuer.scheme() == "http" && is_here)
}

fn read(path: &Path) -> Result<Secret, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn wrong(name: &str, reason: &str) -> ConfigError {
    ConfigError::SignIn {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}
