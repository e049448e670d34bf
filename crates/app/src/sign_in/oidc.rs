//! OpenID Connect: the authorization code with PKCE, and asking again with a
//! refresh token.

use serde::Deserialize;
use serde_json::Value;
use url::Url;
use wharf_registry_client::{Http, WebAnswer, WebAuth};

use super::{
    discovery::{Discovery, Metadata},
    id_token::{self, Claims, Expected},
    pkce,
    provider::{Again, Failure, Person, ProviderSettings, Request},
};

#[derive(Debug)]
pub struct OpenId {
    http: Http,
    discovery: Discovery,
}

/// What a token endpoint answers (OpenID Connect Core 1.0 §3.1.3.3).
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the specification's names")]
struct Tokens {
    access_token: String,
    id_token: Option<String>,
    refresh_token: Option<String>,
}

/// RFC 6749 §5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

impl OpenId {
    pub fn new(http: Http) -> Self {
        Self {
            discovery: Discovery::new(http.clone()),
            http,
        }
    }

    pub async fn address(
        &self,
        settings: &ProviderSettings,
        request: &Request<'_>,
        now: i64,
    ) -> Result<Url, Failure> {
        let metadata = self.discovery.metadata(&settings.issuer, now).await?;
        let mut scopes = vec!["openid"];
        scopes.extend(settings.scopes.iter().map(String::as_str));
        let offline = "offline_access";
        let is_known = metadata
            .scopes_supported
            .iter()
            .any(|scope| scope == offline);
        if is_known && !scopes.contains(&offline) {
            scopes.push(offline);
        }
        let mut address = metadata.authorization_endpoint;
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", request.callback)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", request.state)
            .append_pair("nonce", request.nonce)
            .append_pair("code_challenge", &pkce::challenge(request.verifier))
            .append_pair("code_challenge_method", "S256");
        Ok(address)
    }

    pub async fn person(
        &self,
        settings: &ProviderSettings,
        request: &Request<'_>,
        code: &str,
        now: i64,
    ) -> Result<Person, Failure> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", request.callback),
            ("code_verifier", request.verifier),
        ];
        let metadata = self.discovery.metadata(&settings.issuer, now).await?;
        let tokens = self.tokens(settings, &metadata, &fields).await?;
        let Some(id_token) = &tokens.id_token else {
            return Err(Failure::Unbelievable("it gave no ID token".into()));
        };
        let nonce = Some(request.nonce);
        let claims = self
            .verified(settings, &metadata, id_token, nonce, now)
            .await?;
        self.complete(settings, &metadata, claims, &tokens).await
    }

    pub async fn again(
        &self,
        settings: &ProviderSettings,
        refresh_token: &str,
        now: i64,
    ) -> Result<Again, Failure> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        let metadata = self.discovery.metadata(&settings.issuer, now).await?;
        let mut tokens = self.tokens(settings, &metadata, &fields).await?;
        // Without a new one the old one stays good (RFC 6749 §6).
        let kept = tokens
            .refresh_token
            .get_or_insert_with(|| refresh_token.to_owned());
        let refresh_token = kept.clone();
        let person = self.refreshed(settings, &metadata, &tokens, now).await;
        Ok(Again {
            refresh_token,
            person,
        })
    }

    async fn refreshed(
        &self,
        settings: &ProviderSettings,
        metadata: &Metadata,
        tokens: &Tokens,
        now: i64,
    ) -> Result<Person, Failure> {
        let claims = match &tokens.id_token {
            Some(token) => self.verified(settings, metadata, token, None, now).await?,
            None => Claims::new(),
        };
        self.complete(settings, metadata, claims, tokens).await
    }

    async fn tokens(
        &self,
        settings: &ProviderSettings,
        metadata: &Metadata,
        fields: &[(&str, &str)],
    ) -> Result<Tokens, Failure> {
        let (id, secret) = (settings.client_id.as_str(), settings.client_secret.as_str());
        let methods = &metadata.token_endpoint_auth_methods_supported;
        let by_form = !methods.is_empty() && !methods.iter().any(|m| m == "client_secret_basic");
        let mut fields = fields.to_vec();
        let auth = if secret.is_empty() || by_form {
            fields.push(("client_id", id));
            if !secret.is_empty() {
                fields.push(("client_secret", secret));
            }
            WebAuth::Nobody
        } else {
            WebAuth::Client { id, secret }
        };
        let answer = self
            .http
            .post_form(&metadata.token_endpoint, &fields, auth)
            .await?;
        if answer.status.is_success() {
            return Ok(answer.json()?);
        }
        Err(refusal(&answer))
    }

    async fn verified(
        &self,
        settings: &ProviderSettings,
        metadata: &Metadata,
        token: &str,
        nonce: Option<&str>,
        now: i64,
    ) -> Result<Claims, Failure> {
        let id = id_token::key_id(token)?;
        let key = self
            .discovery
            .key(&settings.issuer, id.as_deref(), now)
            .await?;
        let expected = Expected {
            issuer: &metadata.issuer,
            client_id: &settings.client_id,
            nonce,
            now,
        };
        id_token::verify(token, &key, &expected)
    }

    /// Who the claims are about; what they do not say is asked at the userinfo
    /// endpoint, which must speak of the same subject (§5.3.2).
    async fn complete(
        &self,
        settings: &ProviderSettings,
        metadata: &Metadata,
        mut claims: Claims,
        tokens: &Tokens,
    ) -> Result<Person, Failure> {
        let wanted = ["sub", &settings.login_claim, &settings.groups_claim];
        let is_missing = wanted.iter().any(|name| !claims.contains_key(*name));
        if let Some(endpoint) = metadata.userinfo_endpoint.as_ref().filter(|_| is_missing) {
            let more = self.user_info(endpoint, &tokens.access_token).await?;
            if claims
                .get("sub")
                .is_some_and(|sub| more.get("sub") != Some(sub))
            {
                return Err(Failure::Unbelievable(
                    "it speaks of two people at once".into(),
                ));
            }
            for (name, value) in more {
                claims.entry(name).or_insert(value);
            }
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let subject = text("sub").ok_or_else(|| Failure::Unbelievable("it names nobody".into()))?;
        let name = text(&settings.login_claim).filter(|name| !name.is_empty());
        Ok(Person {
            name: name.unwrap_or_else(|| subject.clone()),
            subject,
            groups: groups(claims.get(&settings.groups_claim)),
            refresh_token: tokens.refresh_token.clone(),
        })
    }

    async fn user_info(&self, endpoint: &Url, access_token: &str) -> Result<Claims, Failure> {
        let answer = self
            .http
            .get_json(endpoint, WebAuth::Bearer(access_token))
            .await?;
        match answer.status.as_u16() {
            200..300 => Ok(answer.json()?),
            401 | 403 => Err(refusal(&answer)),
            _ => Err(Failure::Unreachable(format!(
                "{endpoint}: {}",
                answer.status
            ))),
        }
    }
}

/// A 4xx says no about the person only if it says so by an error code; of a
/// broken client nobody learns anything.
fn refusal(answer: &WebAnswer) -> Failure {
    let Ok(refusal) = answer.json::<Refusal>() else {
        return Failure::Unreachable(format!("it answered {}", answer.status));
    };
    let Refusal {
        error,
        error_description,
    } = refusal;
    let reason = error_description.unwrap_or_else(|| error.clone());
    match error.as_str() {
        "invalid_grant" | "invalid_token" | "access_denied" => Failure::Refused(reason),
        _ => Failure::Unreachable(format!("{error}: {reason}")),
    }
}

/// A list, or one text; Keycloak writes groups as paths.
fn groups(claim: Option<&Value>) -> Vec<String> {
    let texts = match claim {
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    let clean = texts
        .iter()
        .map(|text| text.strip_prefix('/').unwrap_or(text));
    clean
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_come_in_several_shapes() {
        for (claim, expected) in [
            (json!(["a", "/b/c", "", 5]), vec!["a", "b/c"]),
            (json!("one"), vec!["one"]),
            (json!({"a": 1}), vec![]),
        ] {
            assert_eq!(groups(Some(&claim)), expected, "{claim}");
        }
        assert!(groups(None).is_empty());
    }
}
