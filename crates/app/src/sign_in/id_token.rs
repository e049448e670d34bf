//! Checking an ID token (OpenID Connect Core 1.0 §3.1.3.7).

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::Jwk};
use serde_json::{Map, Value};

use super::provider::Failure;
use crate::clock::SECOND;

/// Difference between the provider's clock and ours that is forgiven, in seconds.
const LEEWAY: i64 = 60;
/// Longest token looked at, in bytes.
const MAX_LEN: usize = 256 * 1024;

/// Signatures by key pairs; what is signed with the client's secret, or not at
/// all, is not believed.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

pub type Claims = Map<String, Value>;

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// `None`: of a refreshed token, which need not repeat it.
    pub nonce: Option<&'a str>,
    /// Microseconds.
    pub now: i64,
}

/// The key a token names.
pub fn key_id(token: &str) -> Result<Option<String>, Failure> {
    if token.len() > MAX_LEN {
        return Err(wrong("it is too long"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| wrong("it cannot be read"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(wrong("it is not signed with a key pair"));
    }
    Ok(header.kid)
}

/// The claims of a token that `key` signed for us, now.
pub fn verify(token: &str, key: &Jwk, expected: &Expected<'_>) -> Result<Claims, Failure> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| wrong("it cannot be read"))?;
    let named = key
        .common
        .key_algorithm
        .map(|algorithm| algorithm.to_string());
    if named.is_some_and(|named| named != format!("{:?}", header.alg)) {
        return Err(wrong("its key is for another algorithm"));
    }
    let mut validation = Validation::new(header.alg);
    // By our own clock, below.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_jwk(key).map_err(|_| wrong("its key cannot be used"))?;
    let decoded = jsonwebtoken::decode::<Claims>(token, &key, &validation);
    let claims = decoded
        .map_err(|_| wrong("its signature is not right"))?
        .claims;
    check(&claims, expected)?;
    Ok(claims)
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), Failure> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
    if text("iss") != Some(expected.issuer) {
        return Err(wrong("it is of another issuer"));
    }
    if !is_for(claims, expected.client_id) {
        return Err(wrong("it is for another client"));
    }
    if expected.nonce.is_some() && text("nonce") != expected.nonce {
        return Err(wrong("it is of another sign-in"));
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 have room in 52 bits"
    )]
    let now = (expected.now / SECOND) as f64;
    #[expect(clippy::cast_precision_loss, reason = "a minute")]
    let leeway = LEEWAY as f64;
    if seconds("exp").is_none_or(|exp| now > exp + leeway) {
        return Err(wrong("it has expired"));
    }
    if seconds("iat").is_none_or(|iat| now + leeway < iat) {
        return Err(wrong("it is of the future"));
    }
    Ok(())
}

/// `aud` is one client or a list; of several, `azp` says which was meant.
fn is_for(claims: &Claims, client_id: &str) -> bool {
    let authorized = claims.get("azp").and_then(Value::as_str);
    match claims.get("aud") {
        Some(Value::String(one)) => one == client_id && authorized.is_none_or(|a| a == client_id),
        Some(Value::Array(many)) => {
            let is_named = many.iter().any(|one| one.as_str() == Some(client_id));
            let is_meant = authorized.map_or(many.len() == 1, |a| a == client_id);
            is_named && is_meant
        }
        _ => false,
    }
}

fn wrong(reason: &str) -> Failure {
    Failure::Unbelievable(format!("its ID token: {reason}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(change: Value) -> Claims {
        let good = json!({"iss": "https://id.example", "aud": "wharf", "nonce": "n", "exp": 1000, "iat": 900});
        let Value::Object(mut claims) = good else {
            unreachable!("an object");
        };
        let Value::Object(change) = change else {
            unreachable!("an object");
        };
        claims.extend(change);
        claims.retain(|_, value| !value.is_null());
        claims
    }

    fn is_believed(change: Value) -> bool {
        let expected = Expected {
            issuer: "https://id.example",
            client_id: "wharf",
            nonce: Some("n"),
            now: 950 * SECOND,
        };
        check(&claims(change), &expected).is_ok()
    }

    #[test]
    fn what_is_meant_for_us_now() {
        for good in [
            json!({}),
            json!({"aud": ["wharf"]}),
            json!({"aud": ["other", "wharf"], "azp": "wharf"}),
            json!({"exp": 891}),
            json!({"iat": 1009}),
        ] {
            assert!(is_believed(good.clone()), "{good}");
        }
    }

    #[test]
    fn nothing_else() {
        for bad in [
            json!({"iss": "https://id.example/"}),
            json!({"iss": null}),
            json!({"aud": "other"}),
            json!({"aud": null}),
            json!({"aud": []}),
            json!({"aud": ["other", "wharf"]}),
            json!({"aud": ["wharf", "other"], "azp": "other"}),
            json!({"azp": "other"}),
            json!({"nonce": "m"}),
            json!({"nonce": null}),
            json!({"exp": 889}),
            json!({"exp": null}),
            json!({"exp": "1000"}),
            json!({"iat": 1011}),
            json!({"iat": null}),
        ] {
            assert!(!is_believed(bad.clone()), "{bad}");
        }
    }
}
