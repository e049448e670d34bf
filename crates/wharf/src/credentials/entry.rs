//! One entry under `auths`: how credentials are spelled, and which registry
//! a key stands for.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use wharf_registry_client::{Credentials, quirks};

/// Reads an entry; `None` if it holds nothing usable, as the empty ones that
/// Docker leaves beside a credential helper.
pub(super) fn read(entry: &Value) -> Option<(Option<String>, Credentials)> {
    let text = |name: &str| {
        entry[name]
            .as_str()
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
    };
    let (username, password) = match text("auth") {
        Some(auth) => decode(&auth)?,
        None => (
            text("username").unwrap_or_default(),
            text("password").unwrap_or_default(),
        ),
    };
    let account = Some(username.clone()).filter(|name| !name.is_empty());
    let credentials = if let Some(token) = text("identitytoken") {
        Credentials::IdentityToken(token)
    } else if let Some(token) = text("registrytoken") {
        Credentials::RegistryToken(token)
    } else if password.is_empty() {
        return None;
    } else {
        Credentials::Password { username, password }
    };
    Some((account, credentials))
}

/// The entry of a user name and password, as Docker writes it.
pub(super) fn write(username: &str, password: &str) -> Value {
    json!({"auth": BASE64_STANDARD.encode(format!("{username}:{password}"))})
}

fn decode(auth: &str) -> Option<(String, String)> {
    let bytes = BASE64_STANDARD.decode(auth).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.split_once(':')?;
    // Docker pads some passwords with NUL.
    Some((
        username.to_owned(),
        password.trim_end_matches('\0').to_owned(),
    ))
}

/// The key of `auths` that fits `path` on `host` best: keys may be a host, a
/// URL (Docker), or a host with the beginning of a path (podman).
pub(super) fn best_key<'a>(
    auths: &'a Map<String, Value>,
    host: &str,
    path: Option<&str>,
) -> Option<&'a str> {
    let host = quirks::canonical_host(host);
    let wanted = match path {
        Some(path) => format!("{host}/{path}"),
        None => host.to_owned(),
    };
    let fits = |key: &&str| {
        let key = normal(key);
        wanted
            .strip_prefix(&key)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    auths
        .keys()
        .map(String::as_str)
        .filter(fits)
        .max_by_key(|key| normal(key).len())
}

/// `https://HOST/v1/` is `HOST`; Docker Hub is one host.
fn normal(key: &str) -> String {
    let rest = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    let key = match rest {
        // A URL's path is the API's, not an image's.
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => key.trim_end_matches('/'),
    };
    match key.split_once('/') {
        Some((host, path)) => format!("{}/{path}", quirks::canonical_host(host)),
        None => quirks::canonical_host(key).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auths(keys: &[&str]) -> Map<String, Value> {
        keys.iter()
            .map(|key| ((*key).to_owned(), json!({})))
            .collect()
    }

    #[test]
    fn the_longest_fitting_key_wins() {
        let auths = auths(&["quay.io", "quay.io/acme", "quay.io/acme/app", "ghcr.io"]);
        assert_eq!(
            best_key(&auths, "quay.io", Some("acme/app")),
            Some("quay.io/acme/app")
        );
        assert_eq!(
            best_key(&auths, "quay.io", Some("acme/other")),
            Some("quay.io/acme")
        );
        assert_eq!(
            best_key(&auths, "quay.io", Some("acmeother/x")),
            Some("quay.io")
        );
        assert_eq!(best_key(&auths, "quay.io", None), Some("quay.io"));
        assert_eq!(best_key(&auths, "quay.io.evil", None), None);
    }

    #[test]
    fn docker_hub_by_any_name() {
        let key = "https://index.docker.io/v1/";
        let auths = auths(&[key]);
        for host in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
            assert_eq!(best_key(&auths, host, Some("library/nginx")), Some(key));
        }
    }

    #[test]
    fn entries_round_trip() {
        let (account, credentials) = read(&write("alice", "a:b\"c")).expect("credentials");
        assert_eq!(account.as_deref(), Some("alice"));
        assert_eq!(
            credentials,
            Credentials::Password {
                username: "alice".into(),
                password: "a:b\"c".into(),
            }
        );
    }

    #[test]
    fn other_spellings() {
        let token = read(&json!({"auth": "YTo=", "identitytoken": "t"})).expect("credentials");
        assert_eq!(token.1, Credentials::IdentityToken("t".into()));
        let plain = read(&json!({"username": "a", "password": "b"})).expect("credentials");
        assert_eq!(plain.0.as_deref(), Some("a"));
        for empty in [
            json!({}),
            json!({"auth": "!"}),
            json!({"auth": "YTo="}),
            Value::Null,
        ] {
            assert!(read(&empty).is_none(), "{empty}");
        }
    }
}
