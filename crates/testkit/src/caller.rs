//! Somebody who makes requests.

use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use serde_json::Value;
use wharf_oci::Digest;

#[derive(Debug, Clone)]
pub struct Caller {
    client: Client,
    url: String,
    authorization: Option<String>,
    /// The value of the personal access token, if that is the credential.
    pub pat: Option<String>,
    pub login: String,
}

impl Caller {
    pub(crate) fn new(url: &str, authorization: Option<String>) -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        Self {
            client: client.build().expect("a client"),
            url: url.to_owned(),
            authorization,
            pat: None,
            login: String::new(),
        }
    }

    /// A caller of a registry that runs elsewhere, with a personal access token.
    pub fn at(host: &str, pat: &str) -> Self {
        Self::pat(&format!("http://{host}"), "", pat.to_owned())
    }

    pub(crate) fn pat(url: &str, login: &str, pat: String) -> Self {
        let mut caller = Self::new(url, Some(format!("Bearer {pat}")));
        login.clone_into(&mut caller.login);
        caller.pat = Some(pat);
        caller
    }

    /// The same person with a registry token for `scopes`.
    pub async fn with_registry_token(&self, scopes: &[&str]) -> Self {
        let query: Vec<String> = scopes.iter().map(|s| format!("scope={s}")).collect();
        let path = format!("/token?service=wharf&{}", query.join("&"));
        let response = self.get(&path).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body: Value = response.json().await.expect("JSON");
        let token = body["token"].as_str().expect("a token");
        let mut caller = Self::new(&self.url, Some(format!("Bearer {token}")));
        caller.login.clone_from(&self.login);
        caller
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.authorization {
            Some(value) => request.header(header::AUTHORIZATION, value),
            None => request,
        }
    }

    pub async fn send(&self, method: Method, path: &str) -> Response {
        self.request(method, path).send().await.expect("an answer")
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path).await
    }

    pub async fn head(&self, path: &str) -> Response {
        self.send(Method::HEAD, path).await
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.send(Method::DELETE, path).await
    }

    pub async fn post(&self, path: &str) -> Response {
        self.send(Method::POST, path).await
    }

    /// Asks `/api/v1/PATH`; what was answered, `null` if nothing.
    pub async fn api(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.request(method, &format!("/api/v1/{path}"));
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    /// The same, which must succeed.
    pub async fn api_ok(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.api(method.clone(), path, body).await;
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    /// The same, which must fail; status and message.
    pub async fn api_fails(&self, method: Method, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.api(method.clone(), path, body).await;
        assert!(status >= 400, "{method} {path} succeeded: {answer}");
        let message = answer["errors"][0]["message"].as_str();
        (status, message.expect("a message").to_owned())
    }

    /// Begins an upload; returns its path.
    pub async fn begin_upload(&self, name: &str) -> String {
        let response = self.post(&format!("/v2/{name}/blobs/uploads/")).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        location(&response)
    }

    /// Pushes a blob with one PUT.
    pub async fn push_blob(&self, name: &str, content: impl Into<Bytes>) -> Digest {
        let content = content.into();
        let digest = Digest::sha256(&content);
        let upload = self.begin_upload(name).await;
        let put = self.request(Method::PUT, &format!("{upload}?digest={digest}"));
        let response = put.body(content).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::CREATED);
        digest
    }

    pub async fn put_manifest(
        &self,
        name: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Response {
        self.request(Method::PUT, &format!("/v2/{name}/manifests/{reference}"))
            .header(header::CONTENT_TYPE, media_type)
            .body(bytes.into())
            .send()
            .await
            .expect("an answer")
    }
}

/// The path in a reply's `Location`.
pub fn location(response: &Response) -> String {
    let value = response
        .headers()
        .get(header::LOCATION)
        .expect("a Location");
    value.to_str().expect("text").to_owned()
}
