//! Lists: the tags of a repository and the repositories of a registry, read
//! to their last page.

use http::Method;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use crate::{
    client::{Client, Repository},
    error::{Error, Result},
    transport::{Call, Scopes, link},
};

/// Entries asked for per page; registries may send fewer.
const PAGE: &str = "1000";
/// Largest page read, in bytes.
const PAGE_LIMIT: usize = 16 * 1024 * 1024;
/// Most pages of one list: ten million entries, or a server that runs in circles.
const MAX_PAGES: usize = 10_000;

#[derive(Deserialize)]
struct TagPage {
    /// `null` at some registries when a repository has lost all its tags.
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct CatalogPage {
    repositories: Option<Vec<String>>,
}

impl Repository {
    /// All tags, in the registry's order.
    pub async fn tags(&self) -> Result<Vec<String>> {
        let mut tags = Vec::new();
        let mut next = Some(self.url(&format!("tags/list?n={PAGE}"))?);
        for _ in 0..MAX_PAGES {
            let Some(url) = next else { return Ok(tags) };
            let page: TagPage;
            (page, next) = self.client().page(url, Scopes::pull(self.path())).await?;
            tags.extend(page.tags.unwrap_or_default());
        }
        Err(endless(self.client()))
    }
}

impl Client {
    /// All repositories the registry admits to (`/v2/_catalog`), in its order.
    /// Many public registries refuse this list.
    pub async fn repositories(&self) -> Result<Vec<String>> {
        let mut repositories = Vec::new();
        let mut next = Some(self.url(&format!("v2/_catalog?n={PAGE}"))?);
        for _ in 0..MAX_PAGES {
            let Some(url) = next else {
                return Ok(repositories);
            };
            let page: CatalogPage;
            (page, next) = self.page(url, Scopes::catalog()).await?;
            repositories.extend(page.repositories.unwrap_or_default());
        }
        Err(endless(self))
    }

    /// One page of a list, and where the next one is.
    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        url: Url,
        scopes: Scopes,
    ) -> Result<(T, Option<Url>)> {
        let response = self.send(Call::new(Method::GET, url, scopes)).await?;
        let next = link::next(response.headers(), response.url())?;
        let url = response.url().clone();
        let body = response.bytes(PAGE_LIMIT).await?;
        let page = serde_json::from_slice(&body)
            .map_err(|e| Error::protocol(&url, format!("a list of it cannot be read: {e}")))?;
        Ok((page, next))
    }
}

fn endless(client: &Client) -> Error {
    Error::Protocol {
        host: client.host().to_owned(),
        reason: format!("a list of it has more than {MAX_PAGES} pages"),
    }
}
