//! `/token`: registry tokens by GET (Docker) and by OAuth2 POST (containerd).

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderValue, header};
use serde::Serialize;
use wharf_app::{
    authn::{
        Caller, Presented,
        registry_token::LIFETIME,
        token_endpoint::{IssuedToken, ParsedScope, parse_scopes},
    },
    clock::rfc3339,
};

use crate::{
    Site, body,
    error::{ApiError, ErrorContext},
    extract::{credential, query_value, query_values},
    middleware::{ClientAddress, Outcome, RequestId},
    reply,
};

/// Longest form accepted, in bytes.
const MAX_FORM: usize = 64 * 1024;

#[derive(Debug, Serialize)]
struct TokenReply {
    token: String,
    access_token: String,
    /// Seconds.
    expires_in: i64,
    issued_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
}

/// Docker's form: scopes in the query, the credential as Basic.
pub async fn get(State(site): State<Site>, request: Request) -> Response {
    let presented = credential(request.headers());
    let scopes: Vec<String> = query_values(request.uri().query(), "scope").collect();
    let asked = Asked::new(&request, presented);
    answer(&site, asked, scopes, false).await
}

/// The OAuth2 form: everything in the body (RFC 6749 §4.3, §6). A personal
/// access token is accepted as the refresh token.
pub async fn post(State(site): State<Site>, request: Request) -> Response {
    let header = credential(request.headers());
    let asked = Asked::new(&request, Presented::Nothing);
    let id = asked.id.clone();
    let form = match body::read(request.into_body(), MAX_FORM).await {
        Ok(form) => String::from_utf8_lossy(&form).into_owned(),
        Err(error) => return error.reply(&site, &context(id, None)),
    };
    let field = |name| query_value(Some(&form), name);
    let presented = match field("grant_type").as_deref() {
        Some("password") => Presented::Basic {
            user: field("username").unwrap_or_default(),
            secret: field("password").unwrap_or_default(),
        },
        Some("refresh_token") => Presented::Bearer(field("refresh_token").unwrap_or_default()),
        None if header != Presented::Nothing => header,
        other => {
            let given = other.map(str::to_owned);
            return ApiError::GrantType(given).reply(&site, &context(id, None));
        }
    };
    let scopes: Vec<String> = query_values(Some(&form), "scope").collect();
    answer(&site, Asked { presented, ..asked }, scopes, true).await
}

/// Who asks.
struct Asked {
    id: Option<RequestId>,
    from: Option<IpAddr>,
    presented: Presented,
}

impl Asked {
    fn new(request: &Request, presented: Presented) -> Self {
        Self {
            id: request.extensions().get().cloned(),
            from: ClientAddress::of(request.extensions()),
            presented,
        }
    }
}

async fn answer(site: &Site, asked: Asked, scopes: Vec<String>, oauth: bool) -> Response {
    let id = asked.id;
    let caller = match site.app.authenticate(&asked.presented, asked.from).await {
        Ok(caller) => caller,
        Err(error) => return ApiError::from(error).reply(site, &context(id, None)),
    };
    let context = context(id, Some(&caller));
    let mut response = match issue(site, &caller, &scopes).await {
        Ok(issued) => success(issued, scopes, oauth),
        Err(error) => error.reply(site, &context),
    };
    response.extensions_mut().insert(Outcome {
        route: "token",
        caller: caller.login().map(str::to_owned),
        package: None,
    });
    response
}

async fn issue(site: &Site, caller: &Caller, scopes: &[String]) -> Result<IssuedToken, ApiError> {
    let parsed: Vec<ParsedScope> = parse_scopes(scopes.iter().map(String::as_str))?;
    Ok(site.app.issue_token(caller, &parsed).await?)
}

fn success(issued: IssuedToken, scopes: Vec<String>, oauth: bool) -> Response {
    let reply = TokenReply {
        access_token: issued.token.clone(),
        token: issued.token,
        expires_in: LIFETIME,
        issued_at: rfc3339(issued.issued_at),
        scope: oauth.then(|| scopes.join(" ")),
        token_type: oauth.then_some("Bearer"),
    };
    let mut response = reply::json(&reply, "application/json");
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}

fn context(id: Option<RequestId>, caller: Option<&Caller>) -> ErrorContext {
    ErrorContext {
        request_id: id,
        login: caller.and_then(Caller::login).map(str::to_owned),
        challenge: false,
        ..ErrorContext::default()
    }
}
