//! Wharf's own API beside the protocol: JSON in, JSON out.

use http::{HeaderValue, Method, header::CONTENT_TYPE};
use serde_json::Value;

use crate::{
    client::Client,
    error::{Error, Result},
    transport::{Call, Payload, Scopes},
};

/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

impl Client {
    /// Sends a request to `/api/v1/PATH` of a Wharf. No content is `null`.
    pub async fn api(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = self.url(&format!("api/v1/{path}"))?;
        let mut call = Call::new(method, url.clone(), Scopes::none());
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json");
            call.headers.insert(CONTENT_TYPE, json);
            call.payload = Payload::Bytes(body.to_string().into());
        }
        let answer = self.send_directly(call).await?;
        let bytes = answer.bytes(MAX_ANSWER).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| Error::protocol(&url, format!("its answer is not JSON: {error}")))
    }
}
