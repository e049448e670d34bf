//! Wharf's API as commands use it: over the network with saved credentials,
//! or, for `wharf admin`, straight on this machine's store.

use serde_json::Value;

use crate::{cli::ApiReach, failure::Failure, registries::Registries};

/// Items that are asked for at once.
const PAGE: usize = 100;

/// Where requests go.
#[derive(Debug)]
pub(crate) enum Api {
    Remote(wharf_registry_client::Client),
    #[cfg(feature = "server")]
    Local(wharf_server::api::LocalApi),
}

/// What is done to a path.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Api {
    /// The registry that was named, as the account saved for it.
    pub(crate) fn remote(reach: &ApiReach) -> anyhow::Result<Self> {
        let host = reach.host.as_deref().ok_or_else(|| {
            Failure::usage("this does not say which registry").hint(
                "add --host HOST, or set WHARF_HOST; `wharf admin` works on this machine's own",
            )
        })?;
        let registries = Registries::new(&reach.connection())?;
        Ok(Self::Remote(registries.client(host, None)?))
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::Get, path, None).await
    }

    /// All items of a paged list.
    pub(crate) async fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{separator}limit={PAGE}");
        let mut items = Vec::new();
        let mut page = self.get(&first).await?;
        loop {
            if let Value::Array(more) = page["items"].take() {
                items.extend(more);
            }
            let Some(next) = page["next"].as_str() else {
                return Ok(items);
            };
            let next = format!("{first}&after={}", encode(next));
            page = self.get(&next).await?;
        }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        match self {
            Self::Remote(client) => Ok(client.api(method.into(), path, body.as_ref()).await?),
            #[cfg(feature = "server")]
            Self::Local(api) => {
                let json = body.map(|body| body.to_string().into_bytes());
                let (status, body) = api.call(method.into(), path, json).await?;
                local_answer(status.as_u16(), &body)
            }
        }
    }
}

impl From<Method> for http::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
        }
    }
}

/// Text as one segment of a path, or one value of a query.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// `packages/OWNER/NAME`.
pub(crate) fn package_path(name: &wharf_oci::Name) -> String {
    format!("packages/{}/{}", name.owner_str(), encode(name.package()))
}

#[cfg(feature = "server")]
fn local_answer(status: u16, body: &[u8]) -> anyhow::Result<Value> {
    use crate::failure::Exit;
    let value: Value = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(body)?
    };
    if (200..300).contains(&status) {
        return Ok(value);
    }
    let exit = match status {
        401 | 403 => Exit::Auth,
        404 => Exit::Missing,
        _ => Exit::Usage,
    };
    let message = value["errors"][0]["message"].as_str();
    let message = message.unwrap_or("the registry said no, and not why");
    Err(Failure::new(exit, message).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_of_a_name_are_no_slashes_of_a_path() {
        let name = "acme/tools/app".parse().expect("a name");
        assert_eq!(package_path(&name), "packages/acme/tools%2Fapp");
        assert_eq!(encode("acme+ci é"), "acme%2Bci%20%C3%A9");
    }
}
