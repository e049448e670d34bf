//! Reading the configuration, and saying exactly what is wrong with it.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, KEYS, sign_in};

const PREFIX: &str = "WHARF_";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration file {path}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} is not valid TOML: {reason}")]
    Toml { path: PathBuf, reason: String },
    #[error("unknown setting `{key}`{}", suggestion(.nearest.as_deref()))]
    Unknown {
        key: String,
        nearest: Option<String>,
    },
    #[error("a setting has the wrong form: {0}")]
    Form(String),
    #[error("server.{given} is set without server.{missing}: TLS needs both")]
    HalfTls {
        given: &'static str,
        missing: &'static str,
    },
    #[error(
        "server.listen = {0} can be reached by other machines, and passwords would cross the network in the clear: set server.tls_cert and server.tls_key, listen on 127.0.0.1 behind a TLS proxy, or set server.allow_plain_http = true (--allow-plain-http)"
    )]
    PlainHttp(std::net::SocketAddr),
    #[error("server.public_url = `{0}` must be http:// or https:// and a host, without a path")]
    PublicUrl(String),
    #[error("log.level = `{0}` must be error, warn, info, debug or trace")]
    LogLevel(String),
    #[error("sign_in.{name}: {reason}")]
    SignIn { name: String, reason: String },
    #[error("{0} must be at least 1")]
    Zero(&'static str),
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; see docs/config.md for every setting".to_owned(),
        |key| format!("; did you mean `{key}`?"),
    )
}

/// Loads the file (if any), the environment and `flags` (dotted key, value), in that order.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: Vec<(&'static str, Value)>,
) -> Result<Config, ConfigError> {
    let mut table = match file {
        Some(path) => read(path)?,
        None => Table::new(),
    };
    check_keys(&table)?;
    for (name, text) in environment {
        if let Some(key) = name.strip_prefix(PREFIX).filter(|key| key.contains("__")) {
            let key = key.to_ascii_lowercase().replace("__", ".");
            known(&key)?;
            set(&mut table, &key, scalar(&text));
        }
    }
    for (key, value) in flags {
        set(&mut table, key, value);
    }
    let mut config: Config = Value::Table(table)
        .try_into()
        .map_err(|e: toml::de::Error| ConfigError::Form(e.message().to_owned()))?;
    check(&config)?;
    for (name, provider) in &mut config.sign_in {
        provider.complete(name)?;
    }
    Ok(config)
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    text.parse()
        .map_err(|e: toml::de::Error| ConfigError::Toml {
            path: path.to_owned(),
            reason: e.to_string(),
        })
}

fn check_keys(table: &Table) -> Result<(), ConfigError> {
    for (section, value) in table {
        let Some(section_table) = value.as_table() else {
            known(section)?;
            continue;
        };
        if section == "sign_in" {
            sign_in::check_keys(section_table, one_of)?;
            continue;
        }
        for key in section_table.keys() {
            known(&format!("{section}.{key}"))?;
        }
    }
    Ok(())
}

fn known(key: &str) -> Result<(), ConfigError> {
    one_of(key, KEYS)
}

fn one_of(key: &str, keys: &[&str]) -> Result<(), ConfigError> {
    if keys.contains(&key) {
        return Ok(());
    }
    let distance = |candidate: &&&str| strsim::damerau_levenshtein(key, candidate);
    let nearest = keys.iter().min_by_key(distance);
    let close = nearest.filter(|k| strsim::damerau_levenshtein(key, k) <= key.len() / 2);
    Err(ConfigError::Unknown {
        key: key.to_owned(),
        nearest: close.map(|&k| k.to_owned()),
    })
}

/// A variable's text as a number, a truth value, a list or a string.
fn scalar(text: &str) -> Value {
    let as_toml = format!("value = {text}").parse::<Table>();
    let parsed = as_toml.ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, key: &str, value: Value) {
    let (section, name) = key.split_once('.').unwrap_or(("", key));
    let entry = table
        .entry(section)
        .or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = entry {
        section.insert(name.to_owned(), value);
    }
}

fn check(config: &Config) -> Result<(), ConfigError> {
    let server = &config.server;
    let half = |given, missing| Err(ConfigError::HalfTls { given, missing });
    match (&server.tls_cert, &server.tls_key) {
        (Some(_), None) => return half("tls_cert", "tls_key"),
        (None, Some(_)) => return half("tls_key", "tls_cert"),
        _ => {}
    }
    if !server.listen.ip().is_loopback() && !server.has_tls() && !server.allow_plain_http {
        return Err(ConfigError::PlainHttp(server.listen));
    }
    if let Some(url) = &server.public_url {
        check_public_url(url)?;
    }
    if config.log.level.parse::<tracing::Level>().is_err() {
        return Err(ConfigError::LogLevel(config.log.level.clone()));
    }
    let positive = [
        ("server.max_connections", server.max_connections as u64),
        (
            "server.max_connections_per_address",
            server.max_connections_per_address as u64,
        ),
        ("limits.lease_seconds", config.limits.lease_seconds),
        (
            "limits.upload_idle_seconds",
            config.limits.upload_idle_seconds,
        ),
        (
            "limits.uploads_per_user",
            u64::from(config.limits.uploads_per_user),
        ),
    ];
    for (key, value) in positive {
        if value == 0 {
            return Err(ConfigError::Zero(key));
        }
    }
    Ok(())
}

fn check_public_url(text: &str) -> Result<(), ConfigError> {
    let plain = url::Url::parse(text).ok().is_some_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if plain {
        return Ok(());
    }
    Err(ConfigError::PublicUrl(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{super::PROVIDER_KEYS, *};

    fn from_text(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("wharf.toml");
        std::fs::write(&path, text).expect("written");
        load(Some(&path), std::iter::empty(), Vec::new())
    }

    fn from_environment(name: &str, value: &str) -> Result<Config, ConfigError> {
        let variables = [(name.to_owned(), value.to_owned())];
        load(None, variables.into_iter(), Vec::new())
    }

    #[test]
    fn file_environment_flags() {
        let config = from_text("[server]\nlisten = \"127.0.0.1:5001\"").expect("valid");
        assert_eq!(config.server.public_url(), "http://127.0.0.1:5001");
        let config = from_environment("WHARF_SERVER__MAX_CONNECTIONS", "7").expect("valid");
        assert_eq!(config.server.max_connections, 7);
        let config = from_environment("WHARF_SERVER__TRUSTED_PROXIES", r#"["10.0.0.0/8"]"#);
        assert_eq!(config.expect("valid").server.trusted_proxies.len(), 1);
        let flags = vec![("storage.data", Value::String("/srv".into()))];
        let config = load(None, std::iter::empty(), flags).expect("valid");
        assert_eq!(config.storage.data, PathBuf::from("/srv"));
        assert!(
            from_environment("WHARF_TOKEN", "x").is_ok(),
            "not a setting"
        );
    }

    #[test]
    fn mistakes_are_named() {
        let message = |text: &str| from_text(text).expect_err(text).to_string();
        assert!(message("[server]\nlisen = 1").contains("did you mean `server.listen`?"));
        assert!(message("[sever]\nlisten = \"x\"").contains("`server.listen`"));
        assert!(message("listen = 1").contains("unknown setting `listen`"));
        assert!(message("[server").contains("not valid TOML"));
        assert!(message("[server]\nlisten = \"nowhere\"").contains("wrong form"));
        assert!(message("[server]\nlisten = \"0.0.0.0:5000\"").contains("allow_plain_http"));
        assert!(message("[server]\ntls_cert = \"x\"").contains("tls_key"));
        assert!(message("[server]\npublic_url = \"ftp://x\"").contains("http://"));
        assert!(message("[server]\npublic_url = \"https://x/y\"").contains("without a path"));
        assert!(message("[log]\nlevel = \"loud\"").contains("log.level"));
        assert!(message("[limits]\nuploads_per_user = 0").contains("at least 1"));
        let provider = |text: &str| message(&format!("[sign_in.sso]\nclient_id = \"x\"\n{text}"));
        assert!(provider("isuer = \"x\"").contains("did you mean `sign_in.sso.issuer`?"));
        assert!(provider("").contains("sign_in.sso: issuer is missing"));
        assert!(provider("issuer = \"http://sso.example\"").contains("must be https://"));
        assert!(provider("kind = \"ldap\"").contains("wrong form"));
        assert!(message("[sign_in.sso]\nissuer = \"https://x\"").contains("client_id is missing"));
        assert!(message("[sign_in.SSO]\nclient_id = \"x\"").contains("lowercase"));
        assert!(message("[sign_in]\nsso = 1").contains("must be a table"));
        let unknown = from_environment("WHARF_SERVER__LISTN", "x").expect_err("unknown");
        assert!(
            unknown
                .to_string()
                .contains("did you mean `server.listen`?")
        );
    }

    #[test]
    fn every_key_is_documented() {
        let documentation = include_str!("../../../../docs/config.md");
        for key in KEYS.iter().chain(PROVIDER_KEYS) {
            assert!(
                documentation.contains(&format!("`{key}`")),
                "{key} is not in docs/config.md"
            );
        }
    }
}
