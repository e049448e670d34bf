//! Configuration: one TOML file, overridden by `WHARF_SECTION__KEY`, overridden
//! by flags. Every key is in [`KEYS`] and in `docs/config.md`.

mod load;
mod sign_in;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use serde::Deserialize;

pub use load::{ConfigError, load};
pub use sign_in::{PROVIDER_KEYS, SignInConfig, SignInKind};

/// Every key there is; a test compares it with the structs and the documentation.
pub const KEYS: &[&str] = &[
    "server.listen",
    "server.public_url",
    "server.allow_plain_http",
    "server.tls_cert",
    "server.tls_key",
    "server.trusted_proxies",
    "server.max_connections",
    "server.max_connections_per_address",
    "server.shutdown_seconds",
    "storage.data",
    "log.format",
    "log.level",
    "limits.lease_seconds",
    "limits.upload_idle_seconds",
    "limits.uploads_per_user",
];

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub server: ServerConfig,
    pub storage: StorageConfig,
    pub log: LogConfig,
    pub limits: LimitsConfig,
    /// By name.
    pub sign_in: BTreeMap<String, SignInConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    pub listen: SocketAddr,
    /// Where clients reach the registry; from `listen` if not set.
    pub public_url: Option<String>,
    /// Serve plain HTTP on an address that other machines can reach.
    pub allow_plain_http: bool,
    /// PEM files; both or neither.
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    pub max_connections: usize,
    pub max_connections_per_address: usize,
    /// How long requests may finish after SIGTERM.
    pub shutdown_seconds: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5000)),
            public_url: None,
            allow_plain_http: false,
            tls_cert: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            max_connections: 4096,
            max_connections_per_address: 256,
            shutdown_seconds: 30,
        }
    }
}

impl ServerConfig {
    /// Whether the registry itself speaks TLS.
    pub fn has_tls(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// Without a slash at the end.
    pub fn public_url(&self) -> String {
        let derived = || {
            let scheme = if self.has_tls() { "https" } else { "http" };
            format!("{scheme}://{}", self.listen)
        };
        let url = self.public_url.clone().unwrap_or_else(derived);
        url.trim_end_matches('/').to_owned()
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    pub data: PathBuf,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./wharf-data"),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    #[default]
    Auto,
    Pretty,
    Json,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            level: "info".to_owned(),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    pub lease_seconds: u64,
    pub upload_idle_seconds: u64,
    pub uploads_per_user: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            lease_seconds: 24 * 3600,
            upload_idle_seconds: 24 * 3600,
            uploads_per_user: 1000,
        }
    }
}

impl Config {
    /// What the use cases need of it.
    pub fn settings(&self) -> wharf_app::Settings {
        wharf_app::Settings {
            public_url: self.server.public_url(),
            lease: Duration::from_secs(self.limits.lease_seconds),
            upload_idle: Duration::from_secs(self.limits.upload_idle_seconds),
            uploads_per_user: i64::from(self.limits.uploads_per_user),
            providers: self
                .sign_in
                .iter()
                .filter_map(|(name, provider)| provider.settings(name))
                .collect(),
        }
    }
}
