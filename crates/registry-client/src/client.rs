//! A registry and its repositories, as one caller sees them.

use std::{fmt, sync::Arc};

use http::Method;
use url::{Host, Url};
use wharf_oci::{ImageReference, name};

use crate::{
    credentials::Credentials,
    error::{Error, Result},
    quirks,
    transport::{Call, Http, Response, Scopes, Transport},
};

/// How to reach a registry. The default suits every registry with TLS, and
/// those on this machine.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// Speak http to a host that is not this machine.
    pub plain_http: bool,
    /// Token servers (`host[:port]`) outside the registry's own domain that
    /// may see its credentials.
    pub trusted_realms: Vec<String>,
}

/// One registry. Cheap to clone; clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    host: String,
    base: Url,
    transport: Transport,
}

/// What became of credentials that were shown to a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    Accepted,
    /// The registry answered without asking for any, so nothing is proven.
    NotAsked,
}

impl Client {
    /// A client for `host[:port]`. Nothing is sent yet.
    pub fn new(
        http: &Http,
        host: &str,
        credentials: Credentials,
        options: &ClientOptions,
    ) -> Result<Self> {
        let host = quirks::canonical_host(host);
        let base = base_url(quirks::api_host(host), options.plain_http)?;
        let trusted = options.trusted_realms.clone();
        let transport = Transport::new(http.clone(), base.clone(), credentials, trusted);
        Ok(Self {
            inner: Arc::new(Inner {
                host: host.to_owned(),
                base,
                transport,
            }),
        })
    }

    /// The host as it stands in image names.
    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// A repository of this registry by its path, `alice/app`.
    pub fn repository(&self, path: &str) -> Result<Repository> {
        let path = quirks::api_path(self.host(), path);
        name::check_path(&path).map_err(|e| Error::Invalid(e.to_string()))?;
        Ok(Repository {
            client: self.clone(),
            path: path.into(),
        })
    }

    /// Signs in for nothing but to learn whether the credentials are good.
    pub async fn check_login(&self) -> Result<Login> {
        let call = Call::new(Method::GET, self.url("v2/")?, Scopes::none());
        self.send(call).await?;
        Ok(if self.inner.transport.was_asked().await {
            Login::Accepted
        } else {
            Login::NotAsked
        })
    }

    /// Whether both are the same registry, so that blobs can be mounted
    /// instead of moved.
    pub(crate) fn is_same_registry(&self, other: &Self) -> bool {
        self.inner.base.origin() == other.inner.base.origin()
    }

    pub(crate) async fn send(&self, call: Call) -> Result<Response> {
        self.inner.transport.send(call).await
    }

    pub(crate) async fn send_directly(&self, call: Call) -> Result<Response> {
        self.inner.transport.send_directly(call).await
    }

    pub(crate) fn url(&self, path: &str) -> Result<Url> {
        let base = &self.inner.base;
        base.join(path)
            .map_err(|e| Error::Invalid(format!("`{base}{path}` is not a URL: {e}")))
    }
}

/// One repository of a registry. Its methods are in the files of the
/// protocol's nouns: manifests, blobs, tags, referrers.
#[derive(Debug, Clone)]
pub struct Repository {
    client: Client,
    path: Arc<str>,
}

impl Repository {
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The path as the registry's API spells it (`library/nginx`).
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The full name of something in this repository.
    pub fn image(&self, reference: wharf_oci::Reference) -> ImageReference {
        let (tag, digest) = match reference {
            wharf_oci::Reference::Tag(tag) => (Some(tag), None),
            wharf_oci::Reference::Digest(digest) => (None, Some(digest)),
        };
        ImageReference {
            host: self.client.host().to_owned(),
            path: self.path().to_owned(),
            tag,
            digest,
        }
    }

    pub(crate) async fn send(&self, call: Call) -> Result<Response> {
        self.client.send(call).await
    }

    /// `/v2/PATH/REST`.
    pub(crate) fn url(&self, rest: &str) -> Result<Url> {
        self.client.url(&format!("v2/{}/{rest}", self.path))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.client.host(), self.path)
    }
}

/// The root of a registry. Plain http is for this machine, or asked for.
fn base_url(host: &str, plain_http: bool) -> Result<Url> {
    let invalid = || {
        Error::Invalid(format!(
            "`{host}` is not a registry host: write HOST or HOST:PORT, for example ghcr.io"
        ))
    };
    let mut url = Url::parse(&format!("https://{host}/")).map_err(|_| invalid())?;
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !bare {
        return Err(invalid());
    }
    if plain_http || url.host().is_some_and(|host| is_this_machine(&host)) {
        // Not `set_scheme`: an explicit `:443` would have been dropped above.
        url = Url::parse(&format!("http://{host}/")).map_err(|_| invalid())?;
    }
    Ok(url)
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(host: &str, plain_http: bool) -> String {
        base_url(host, plain_http).expect(host).to_string()
    }

    #[test]
    fn plain_http_is_for_this_machine_or_asked_for() {
        assert_eq!(base("ghcr.io", false), "https://ghcr.io/");
        assert_eq!(base("registry:5000", false), "https://registry:5000/");
        assert_eq!(base("registry:5000", true), "http://registry:5000/");
        assert_eq!(base("127.0.0.1:5000", false), "http://127.0.0.1:5000/");
        assert_eq!(base("127.8.8.8:443", false), "http://127.8.8.8:443/");
        assert_eq!(base("localhost:5000", false), "http://localhost:5000/");
        assert_eq!(base("[::1]:5000", false), "http://[::1]:5000/");
        assert_eq!(
            base("localhost.evil.com", false),
            "https://localhost.evil.com/"
        );
        assert_eq!(base("10.0.0.1:5000", false), "https://10.0.0.1:5000/");
    }

    #[test]
    fn only_a_host_is_a_host() {
        for bad in [
            "",
            "a/b",
            "https://ghcr.io",
            "user@host",
            "host:port",
            "a b",
            "h?x",
            "h#x",
        ] {
            assert!(base_url(bad, false).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn requests_can_run_on_any_thread() {
        fn assert_send<T: Send>(_: T) {}
        let client = |http: &Http| {
            Client::new(
                http,
                "localhost",
                Credentials::Anonymous,
                &ClientOptions::default(),
            )
        };
        let http = Http::new().expect("TLS is set up");
        let repository = client(&http)
            .expect("valid")
            .repository("a/b")
            .expect("valid");
        let digest = wharf_oci::Digest::sha256(b"");
        assert_send(repository.tags());
        assert_send(repository.get_blob(&digest, None));
        assert_send(repository.put_blob(&digest, 0, futures_util::stream::empty()));
        let copier = crate::copy::Copier::new(repository.clone(), repository.clone(), ());
        let tag = "x".parse().expect("a tag");
        assert_send(copier.copy(&tag, &[]));
    }
}
