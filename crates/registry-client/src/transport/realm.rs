//! May this token server see the registry's credentials? A registry names
//! its token server (the *realm*) in an answer, and an answer can be forged:
//! distribution leaked passwords that way (2026-03).
//!
//! Credentials go to the registry's own origin, to a host of the same
//! organization's domain over https, or to a host the caller trusts by name.

use url::{Host, Url};

use crate::error::{Error, Result, host_of};

/// Reads the realm of a challenge from `registry`, refusing unsafe ones.
pub(super) fn parse(registry: &Url, realm: &str) -> Result<Url> {
    let url = Url::parse(realm).map_err(|e| {
        Error::protocol(
            registry,
            format!("its token server `{realm}` is not a URL: {e}"),
        )
    })?;
    match (registry.scheme(), url.scheme()) {
        (_, "https") | ("http", "http") => Ok(url),
        _ => Err(Error::Unsafe(format!(
            "{} names a token server without https ({realm}): not contacted",
            host_of(registry)
        ))),
    }
}

/// Refuses a realm that must not see the credentials of `registry`.
pub(super) fn check_credentials(registry: &Url, realm: &Url, trusted: &[String]) -> Result<()> {
    let named = host_of(realm);
    if is_related(registry, realm) || trusted.contains(&named) {
        return Ok(());
    }
    Err(Error::UntrustedRealm {
        host: host_of(registry),
        realm: named,
    })
}

fn is_related(registry: &Url, realm: &Url) -> bool {
    if registry.origin() == realm.origin() {
        return true;
    }
    match (registry.host(), realm.host()) {
        (Some(Host::Domain(registry)), Some(Host::Domain(server))) => {
            realm.scheme() == "https" && realm.port().is_none() && share_domain(registry, server)
        }
        _ => false,
    }
}

/// `registry.example.com` and `auth.example.com`, or one below the other.
fn share_domain(a: &str, b: &str) -> bool {
    let domain = match a.split_once('.') {
        Some((_, parent)) if is_organization(parent) => parent,
        _ => a,
    };
    b == domain
        || b.strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

/// Whether a domain can belong to one organization. Without the public
/// suffix list, `co.uk` and its like are told by their shape.
fn is_organization(domain: &str) -> bool {
    const SECOND_LEVEL: [&str; 9] = ["ac", "co", "com", "edu", "go", "gov", "ne", "net", "org"];
    match domain.split('.').collect::<Vec<_>>()[..] {
        [_] => false,
        [second, top] => top.len() > 2 || !SECOND_LEVEL.contains(&second),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(registry: &str, realm: &str) -> bool {
        let registry = Url::parse(registry).expect("valid");
        parse(&registry, realm).is_ok_and(|realm| check_credentials(&registry, &realm, &[]).is_ok())
    }

    #[test]
    fn the_realms_of_real_registries() {
        for (registry, realm) in [
            (
                "https://registry-1.docker.io/",
                "https://auth.docker.io/token",
            ),
            ("https://ghcr.io/", "https://ghcr.io/token"),
            (
                "https://registry.gitlab.com/",
                "https://gitlab.com/jwt/auth",
            ),
            (
                "https://registry.cn-hangzhou.aliyuncs.com/",
                "https://dockerauth.cn-hangzhou.aliyuncs.com/auth",
            ),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/token"),
            (
                "https://registry.example.co.uk/",
                "https://auth.example.co.uk/t",
            ),
        ] {
            assert!(allowed(registry, realm), "{registry} -> {realm}");
        }
    }

    #[test]
    fn forged_realms_get_nothing() {
        for (registry, realm) in [
            ("https://registry.example.com/", "https://evil.com/token"),
            (
                "https://registry.example.com/",
                "http://registry.example.com/token",
            ),
            (
                "https://registry.example.com/",
                "https://registry.example.com:8443/token",
            ),
            (
                "https://registry.example.com/",
                "https://example.com.evil.net/token",
            ),
            (
                "https://registry.example.com/",
                "https://evilexample.com/token",
            ),
            ("https://ghcr.io/", "https://evil.io/token"),
            ("https://example.co.uk/", "https://evil.co.uk/token"),
            ("https://registry.example.com/", "https://192.0.2.1/token"),
            ("https://192.0.2.1/", "https://192.0.2.2/token"),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:6000/token"),
            ("https://registry.example.com/", "file:///etc/passwd"),
        ] {
            assert!(!allowed(registry, realm), "{registry} -> {realm}");
        }
    }

    #[test]
    fn a_trusted_realm_is_named_with_its_port() {
        let registry = Url::parse("http://127.0.0.1:5000/").expect("valid");
        let realm = Url::parse("http://127.0.0.1:6000/token").expect("valid");
        let trusted = ["127.0.0.1:6000".to_owned()];
        assert!(check_credentials(&registry, &realm, &trusted).is_ok());
    }
}
