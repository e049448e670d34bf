//! Opening registries with what is saved about them.

use wharf_oci::ImageReference;
use wharf_registry_client::{Client, ClientOptions, Credentials, Http, Repository};

use crate::{cli::Connection, credentials};

/// The registries of one run; they share connections.
#[derive(Debug)]
pub(crate) struct Registries {
    http: Http,
    options: ClientOptions,
}

impl Registries {
    pub(crate) fn new(connection: &Connection) -> anyhow::Result<Self> {
        Ok(Self {
            http: Http::new()?,
            options: ClientOptions {
                plain_http: connection.plain_http,
                trusted_realms: connection.trust_realm.clone(),
            },
        })
    }

    /// The registry `host`, as the account saved for `path` on it, or as nobody.
    pub(crate) fn client(&self, host: &str, path: Option<&str>) -> anyhow::Result<Client> {
        let saved = credentials::find(host, path)?;
        let credentials = saved.map_or(Credentials::Anonymous, |saved| saved.credentials);
        self.client_as(host, credentials)
    }

    /// The registry `host`, with these credentials.
    pub(crate) fn client_as(&self, host: &str, credentials: Credentials) -> anyhow::Result<Client> {
        Ok(Client::new(&self.http, host, credentials, &self.options)?)
    }

    /// The repository that `image` is in.
    pub(crate) fn repository(&self, image: &ImageReference) -> anyhow::Result<Repository> {
        let client = self.client(&image.host, Some(&image.path))?;
        Ok(client.repository(&image.path)?)
    }
}
