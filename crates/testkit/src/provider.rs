//! An OpenID provider that lies on demand. It speaks just enough for a sign-in
//! and believes nothing itself: PKCE and the client's secret are checked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use wharf_app::{
    clock::{Clock, ManualClock, SECOND},
    sign_in::{ProviderKind, ProviderSettings},
};

const CLIENT: &str = "wharf";
const SECRET: &str = "a secret: of & sorts";

/// What it says, and what it lies about.
#[derive(Debug)]
pub struct Says {
    /// The claims of whoever signs in.
    pub person: Value,
    /// Put over the claims of an ID token; `null` takes one away.
    pub lies: Value,
    /// Instead of a signature by its key: `none`, `HS256` or `other key`.
    pub forged: Option<&'static str>,
    /// An error code instead of refreshed tokens.
    pub refuses: Option<&'static str>,
    /// A refresh token to which it answers 500.
    pub breaks_on: Option<&'static str>,
    /// It answers 500 to everything.
    pub is_down: bool,
    /// How often its keys were read.
    pub keys_read: u32,
    /// Counts the refresh tokens: only the last one is good, and that once.
    refreshed: u32,
}

#[derive(Debug)]
pub struct TestProvider {
    pub url: String,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    url: String,
    key: EcdsaKeyPair,
    clock: Arc<ManualClock>,
    says: Mutex<Says>,
    /// By code: the nonce, and the challenge that the verifier must answer.
    codes: Mutex<HashMap<String, (String, String)>>,
}

impl TestProvider {
    pub async fn start(clock: Arc<ManualClock>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let says = Says {
            person: json!({"sub": "s-1", "preferred_username": "octocat", "groups": []}),
            lies: json!({}),
            forged: None,
            refuses: None,
            breaks_on: None,
            is_down: false,
            keys_read: 0,
            refreshed: 0,
        };
        let inner = Arc::new(Inner {
            url: url.clone(),
            key,
            clock,
            says: Mutex::new(says),
            codes: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    /// What the operator writes into the configuration.
    pub fn settings(&self, name: &str, sign_up: bool) -> ProviderSettings {
        ProviderSettings {
            name: name.parse().expect("a name"),
            title: "Test".to_owned(),
            kind: ProviderKind::OpenId,
            issuer: self.url.parse().expect("a URL"),
            client_id: CLIENT.to_owned(),
            client_secret: SECRET.to_owned(),
            scopes: vec!["profile".to_owned()],
            login_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            sign_up,
            valid: std::time::Duration::from_hours(24),
        }
    }

    pub fn says(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.inner.says());
    }

    pub fn keys_read(&self) -> u32 {
        self.inner.says().keys_read
    }

    /// Whoever was sent to `address` signs in: the code and the state that
    /// the browser takes back.
    pub fn sign_in(&self, address: &str) -> (String, String) {
        let address = Url::parse(address).expect("a URL");
        let asked: HashMap<_, _> = address.query_pairs().into_owned().collect();
        assert_eq!(asked["client_id"], CLIENT);
        assert_eq!(asked["code_challenge_method"], "S256");
        let mut codes = self
            .inner
            .codes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let code = format!("code-{}", codes.len());
        let bound = (asked["nonce"].clone(), asked["code_challenge"].clone());
        codes.insert(code.clone(), bound);
        (code, asked["state"].clone())
    }
}

type Answer = (StatusCode, Json<Value>);

impl Inner {
    fn says(&self) -> std::sync::MutexGuard<'_, Says> {
        self.says.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, body: Value) -> Answer {
        if self.says().is_down {
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({})));
        }
        (StatusCode::OK, Json(body))
    }

    fn new_refresh_token(&self) -> String {
        let mut says = self.says();
        says.refreshed += 1;
        format!("r-{}", says.refreshed)
    }

    fn id_token(&self, nonce: Option<&str>) -> String {
        let says = self.says();
        let now = self.clock.now() / SECOND;
        let mut claims = json!({"iss": self.url, "aud": CLIENT, "exp": now + 300, "iat": now});
        merge(&mut claims, &says.person);
        merge(&mut claims, &json!({"nonce": nonce}));
        merge(&mut claims, &says.lies);
        let (algorithm, key) = match says.forged {
            Some("none") => {
                let encode = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
                return format!("{}.{}.", encode(json!({"alg": "none"})), encode(claims));
            }
            Some("HS256") => (
                Algorithm::HS256,
                EncodingKey::from_secret(SECRET.as_bytes()),
            ),
            Some(_) => {
                let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
                (Algorithm::ES256, encoding(&other.expect("a key")))
            }
            None => (Algorithm::ES256, encoding(&self.key)),
        };
        let mut header = Header::new(algorithm);
        header.kid = Some("one".to_owned());
        jsonwebtoken::encode(&header, &claims, &key).expect("signs")
    }
}

fn encoding(key: &EcdsaKeyPair) -> EncodingKey {
    let document = key.to_pkcs8v1().expect("encodes");
    EncodingKey::from_ec_der(document.as_ref())
}

fn merge(claims: &mut Value, over: &Value) {
    let claims = claims.as_object_mut().expect("an object");
    for (name, value) in over.as_object().expect("an object") {
        if value.is_null() {
            claims.remove(name);
        } else {
            claims.insert(name.clone(), value.clone());
        }
    }
}

async fn discovery(State(inner): State<Arc<Inner>>) -> Answer {
    let url = &inner.url;
    inner.answer(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "scopes_supported": ["openid", "profile", "offline_access"],
    }))
}

async fn keys(State(inner): State<Arc<Inner>>) -> Answer {
    inner.says().keys_read += 1;
    let point = inner.key.public_key().as_ref();
    let (x, y) = point[1..].split_at(32);
    let encode = |part| BASE64_URL_SAFE_NO_PAD.encode(part);
    inner.answer(json!({"keys": [
        {"kty": "EC", "crv": "P-256", "kid": "one", "alg": "ES256", "x": encode(x), "y": encode(y)},
    ]}))
}

async fn token(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Answer {
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error})));
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(CLIENT), encode(SECRET));
    let expected = format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair));
    if headers.get("authorization").map(HeaderValue::as_bytes) != Some(expected.as_bytes()) {
        return refused("invalid_client");
    }
    if form["grant_type"] == "refresh_token" {
        if inner.says().breaks_on == Some(form["refresh_token"].as_str()) {
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({})));
        }
        if let Some(error) = inner.says().refuses {
            return refused(error);
        }
        if form["refresh_token"] != format!("r-{}", inner.says().refreshed) {
            return refused("invalid_grant");
        }
        let (id_token, refresh_token) = (inner.id_token(None), inner.new_refresh_token());
        return inner.answer(json!({
            "access_token": "a", "id_token": id_token, "refresh_token": refresh_token,
        }));
    }
    let bound = {
        let mut codes = inner.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.remove(&form["code"])
    };
    let Some((nonce, challenge)) = bound else {
        return refused("invalid_grant");
    };
    let shown = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    if shown != challenge {
        return refused("invalid_grant");
    }
    let (id_token, refresh_token) = (inner.id_token(Some(&nonce)), inner.new_refresh_token());
    inner.answer(json!({"access_token": "a", "id_token": id_token, "refresh_token": refresh_token}))
}
