//! Where real registries differ from the specification. Each quirk names its
//! registry; nothing outside this file knows a registry by name.

use std::borrow::Cow;

/// Docker Hub: names of images say `docker.io`, the API lives elsewhere.
const HUB: &str = "docker.io";
const HUB_API: &str = "registry-1.docker.io";
/// Docker Hub: the key under which Docker saves its credentials.
const HUB_CREDENTIALS: &str = "https://index.docker.io/v1/";

/// Docker Hub answers to four names; the one used in image names stands for all.
pub fn canonical_host(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => HUB,
        _ => host,
    }
}

/// The host (and port) whose `/v2/` serves the images of `host`.
pub(crate) fn api_host(host: &str) -> &str {
    match canonical_host(host) {
        HUB => HUB_API,
        other => other,
    }
}

/// Docker Hub: official images are typed `nginx` and stored as `library/nginx`.
pub fn api_path<'a>(host: &str, path: &'a str) -> Cow<'a, str> {
    if canonical_host(host) == HUB && !path.contains('/') {
        Cow::Owned(format!("library/{path}"))
    } else {
        Cow::Borrowed(path)
    }
}

/// The key under which Docker's `config.json` and the credential helpers
/// file the credentials of `host`.
pub fn credential_key(host: &str) -> &str {
    match canonical_host(host) {
        HUB => HUB_CREDENTIALS,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_has_several_names() {
        for host in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
            assert_eq!(api_host(host), "registry-1.docker.io");
            assert_eq!(credential_key(host), "https://index.docker.io/v1/");
            assert_eq!(api_path(host, "nginx"), "library/nginx");
            assert_eq!(api_path(host, "grafana/grafana"), "grafana/grafana");
        }
    }

    #[test]
    fn other_registries_are_taken_at_their_word() {
        assert_eq!(api_host("ghcr.io"), "ghcr.io");
        assert_eq!(credential_key("127.0.0.1:5000"), "127.0.0.1:5000");
        assert_eq!(api_path("127.0.0.1:5000", "app"), "app");
    }
}
