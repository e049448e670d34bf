//! Registry tokens: the short-lived bearers of the distribution protocol.
//!
//! Signed with ES256 and nothing else. A token says who holds it and what it
//! was narrowed to; whether the holder may is asked again at every use, so
//! revocation does not wait for the token to expire.

use std::collections::BTreeSet;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use wharf_db::epochs::SigningKey;

use crate::{
    authz::{Access, AccessList, Action},
    clock::SECOND,
};

/// How long a token lives, in seconds. A push of many layers asks for more than one.
pub const LIFETIME: i64 = 300;
/// Difference between replicas' clocks that is forgiven, in seconds.
const LEEWAY: i64 = 60;
/// Longest token looked at, in bytes.
const MAX_LEN: usize = 64 * 1024;

/// The `service` of the challenge and the `aud` of every token.
pub const SERVICE: &str = "wharf";

/// What a token says. All fields are required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// Seconds since 1970.
    pub exp: i64,
    pub nbf: i64,
    pub iat: i64,
    pub jti: String,
    /// `user:ID`, or `anonymous`.
    pub sub: String,
    /// `token:ID` or `password:FINGERPRINT`: what the holder signed in with.
    pub credential: String,
    pub access: Vec<AccessClaim>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessClaim {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub owner: Option<i64>,
    pub actions: BTreeSet<Action>,
}

impl Claims {
    /// What the policy narrows the holder to.
    pub fn access_list(&self) -> AccessList {
        let each = |claim: &AccessClaim| Access {
            path: claim.name.clone(),
            owner_id: claim.owner,
            actions: claim.actions.clone(),
        };
        let (packages, others): (Vec<_>, Vec<_>) = self
            .access
            .iter()
            .partition(|claim| claim.kind == "repository");
        AccessList {
            packages: packages.into_iter().map(each).collect(),
            catalog: others
                .iter()
                .any(|c| c.kind == "registry" && c.name == "catalog"),
        }
    }

    /// The last moment the token is accepted, in microseconds.
    pub fn not_after(&self) -> i64 {
        (self.exp + LEEWAY).saturating_mul(SECOND)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("this registry token has expired; ask /token for a new one")]
    Expired,
    #[error("this registry token is not one of this registry's")]
    Invalid,
}

/// Signs and verifies with the installation's keys.
pub struct RegistryTokens {
    issuer: String,
    signing: (String, EncodingKey),
    verifying: Vec<(String, DecodingKey)>,
}

impl RegistryTokens {
    /// `keys`: newest first, at least one.
    pub fn new(issuer: String, keys: &[SigningKey]) -> Result<Self, String> {
        let newest = keys.first().ok_or("there is no signing key")?;
        let encoding = EncodingKey::from_ec_der(&newest.private_key);
        let verifying = keys
            .iter()
            .map(|key| Ok((key.id.clone(), decoding_key(&key.private_key)?)))
            .collect::<Result<_, String>>()?;
        Ok(Self {
            issuer,
            signing: (newest.id.clone(), encoding),
            verifying,
        })
    }

    /// A new private key, PKCS#8.
    pub fn generate_key() -> Result<Vec<u8>, String> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = pair.and_then(|pair| pair.to_pkcs8v1());
        document
            .map(|d| d.as_ref().to_vec())
            .map_err(|e| format!("cannot make a signing key: {e}"))
    }

    /// Signs a token for `sub` at `now` (microseconds).
    pub fn issue(
        &self,
        sub: String,
        credential: String,
        access: Vec<AccessClaim>,
        jti: String,
        now: i64,
    ) -> Result<String, String> {
        let seconds = now / SECOND;
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: SERVICE.to_owned(),
            exp: seconds + LIFETIME,
            nbf: seconds,
            iat: seconds,
            jti,
            sub,
            credential,
            access,
        };
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.signing.0.clone());
        jsonwebtoken::encode(&header, &claims, &self.signing.1)
            .map_err(|e| format!("cannot sign a registry token: {e}"))
    }

    /// The claims of a token that is good at `now` (microseconds).
    pub fn verify(&self, token: &str, now: i64) -> Result<Claims, TokenError> {
        let claims = self.check(token)?;
        let seconds = now / SECOND;
        if seconds > claims.exp + LEEWAY {
            return Err(TokenError::Expired);
        }
        if seconds + LEEWAY < claims.nbf || seconds + LEEWAY < claims.iat {
            return Err(TokenError::Invalid);
        }
        Ok(claims)
    }

    fn check(&self, token: &str) -> Result<Claims, TokenError> {
        if token.len() > MAX_LEN || !has_plain_header(token) {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let key = self
            .verifying
            .iter()
            .find(|(id, _)| Some(id) == header.kid.as_ref());
        let (_, key) = key.ok_or(TokenError::Invalid)?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[SERVICE]);
        validation.set_issuer(&[&self.issuer]);
        // Time is compared at every use, against the injected clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
        decoded.map(|t| t.claims).map_err(|_| TokenError::Invalid)
    }
}

/// Our headers hold `typ`, `alg` and `kid`; one that brings its own key
/// (`jwk`, `jku`, `x5c`) or anything else is not ours.
fn has_plain_header(token: &str) -> bool {
    let Some((header, _)) = token.split_once('.') else {
        return false;
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let value = wharf_oci::json::parse(&bytes).ok();
    let fields = value.as_ref().and_then(|v| v.as_object());
    fields.is_some_and(|fields| {
        fields
            .keys()
            .all(|k| matches!(k.as_str(), "typ" | "alg" | "kid"))
            && fields.get("alg").is_some_and(|alg| alg == "ES256")
    })
}

fn decoding_key(pkcs8: &[u8]) -> Result<DecodingKey, String> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
        .map_err(|e| format!("a stored signing key is damaged: {e}"))?;
    // An uncompressed point: 0x04, x, y.
    let point = pair.public_key().as_ref();
    let (x, y) = point[1..].split_at(32);
    let encode = |part| BASE64_URL_SAFE_NO_PAD.encode(part);
    DecodingKey::from_ec_components(&encode(x), &encode(y))
        .map_err(|e| format!("a stored signing key is damaged: {e}"))
}

impl std::fmt::Debug for RegistryTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegistryTokens({})", self.issuer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_795_219_200 * SECOND;

    fn tokens() -> RegistryTokens {
        let key = SigningKey {
            id: "k1".into(),
            private_key: RegistryTokens::generate_key().expect("a key"),
            created_at: 0,
        };
        RegistryTokens::new("http://127.0.0.1:5000".into(), &[key]).expect("usable")
    }

    fn issue(tokens: &RegistryTokens, now: i64) -> String {
        let access = AccessClaim {
            kind: "repository".into(),
            name: "alice/app".into(),
            owner: Some(1),
            actions: [Action::Pull].into(),
        };
        tokens
            .issue(
                "user:1".into(),
                "token:2".into(),
                vec![access],
                "j".into(),
                now,
            )
            .expect("signs")
    }

    #[test]
    fn a_token_lives_five_minutes() {
        let tokens = tokens();
        let token = issue(&tokens, NOW);
        assert_eq!(tokens.verify(&token, NOW).expect("fresh").sub, "user:1");
        assert!(
            tokens
                .verify(&token, NOW + (LIFETIME + LEEWAY) * SECOND)
                .is_ok()
        );
        assert_eq!(
            tokens.verify(&token, NOW + (LIFETIME + LEEWAY + 1) * SECOND),
            Err(TokenError::Expired)
        );
        // A replica whose clock is a minute behind accepts it, one further behind does not.
        assert!(tokens.verify(&token, NOW - 60 * SECOND).is_ok());
        assert_eq!(
            tokens.verify(&token, NOW - 61 * SECOND),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn another_installations_token_is_refused() {
        let token = issue(&tokens(), NOW);
        assert_eq!(tokens().verify(&token, NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn forged_headers_are_refused() {
        let tokens = tokens();
        let token = issue(&tokens, NOW);
        let (_, rest) = token.split_once('.').expect("three parts");
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256","kid":"k1"}"#,
            r#"{"alg":"ES256","kid":"k2"}"#,
            r#"{"alg":"ES256","kid":"../k1"}"#,
            r#"{"alg":"ES256"}"#,
            r#"{"alg":"ES256","kid":"k1","jwk":{"kty":"EC"}}"#,
            r#"{"alg":"ES256","kid":"k1","kid":"k1"}"#,
            r#"{"alg":"ES256","kid":"k1","typ":"at+jwt"}"#,
        ] {
            let forged = format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header));
            assert_eq!(
                tokens.verify(&forged, NOW),
                Err(TokenError::Invalid),
                "{header}"
            );
        }
        let dots = ".".repeat(1 << 20);
        assert_eq!(tokens.verify(&dots, NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn claims_are_typed_and_complete() {
        let tokens = tokens();
        let good = serde_json::json!({
            "iss": tokens.issuer, "aud": SERVICE, "exp": 1_795_219_500, "nbf": 1_795_219_200,
            "iat": 1_795_219_200, "jti": "j", "sub": "user:1", "credential": "token:2", "access": [],
        });
        let sign = |claims: &serde_json::Value| {
            let mut header = Header::new(Algorithm::ES256);
            header.kid = Some("k1".into());
            jsonwebtoken::encode(&header, claims, &tokens.signing.1).expect("signs")
        };
        assert!(tokens.verify(&sign(&good), NOW).is_ok());
        let spoil: [(&str, serde_json::Value); 9] = [
            ("exp", "1795219500".into()),
            ("exp", 1e300.into()),
            ("exp", serde_json::Value::Null),
            ("nbf", "x".into()),
            ("iat", serde_json::Value::Null),
            ("aud", serde_json::json!(["wharf", "elsewhere"])),
            ("aud", "elsewhere".into()),
            ("iss", "http://elsewhere".into()),
            ("admin", true.into()),
        ];
        for (field, value) in spoil {
            let mut claims = good.clone();
            claims[field] = value.clone();
            assert!(
                tokens.verify(&sign(&claims), NOW).is_err(),
                "{field} = {value}"
            );
        }
        for field in [
            "iss",
            "aud",
            "exp",
            "nbf",
            "iat",
            "jti",
            "sub",
            "credential",
            "access",
        ] {
            let mut claims = good.clone();
            claims.as_object_mut().expect("object").remove(field);
            assert!(
                tokens.verify(&sign(&claims), NOW).is_err(),
                "without {field}"
            );
        }
        let mut future = good;
        future["nbf"] = 1_795_300_000.into();
        assert_eq!(tokens.verify(&sign(&future), NOW), Err(TokenError::Invalid));
    }

    proptest! {
        #[test]
        fn verifying_never_panics(s in ".{0,200}|[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}") {
            let _ = tokens().verify(&s, NOW);
        }
    }
}
