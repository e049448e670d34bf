//! `/sessions/…`, `/user/second-factor`: how people sign in.

use std::net::IpAddr;

use axum::{Json, extract::State};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_app::{
    accounts::{Client, NewSession, SignIn},
    clock::rfc3339,
};
use wharf_db::sessions::Session;

use crate::{
    Site,
    api::{
        acting::{Acting, Failure, From},
        extract::{Body, LoginOf, Query, parse},
        page::{Page, Paging, one_more},
    },
};

/// A session, without its value.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionBody {
    id: i64,
    /// What the client said it is
    agent: String,
    address: String,
    created_at: String,
    expires_at: String,
}

impl std::convert::From<Session> for SessionBody {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            agent: session.agent,
            address: session.address,
            created_at: rfc3339(session.created_at),
            expires_at: rfc3339(session.expires_at),
        }
    }
}

/// A session that was just begun.
#[derive(Serialize, ToSchema)]
pub struct BegunSession {
    /// As Bearer, or as a password: shown this once
    value: String,
    #[serde(flatten)]
    session: SessionBody,
}

impl std::convert::From<NewSession> for BegunSession {
    fn from(begun: NewSession) -> Self {
        Self {
            value: begun.value,
            session: begun.session.into(),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    login: String,
    password: String,
    /// Of the authenticator app, or a recovery code
    code: Option<String>,
}

pub async fn begin(
    State(site): State<Site>,
    From(address): From,
    headers: HeaderMap,
    Body(credentials): Body<Credentials>,
) -> Result<(StatusCode, Json<BegunSession>), Failure> {
    let sign_in = SignIn {
        login: credentials.login,
        password: credentials.password,
        code: credentials.code,
        client: client(&headers, address),
    };
    let begun = site.app.sign_in(&sign_in).await?;
    Ok((StatusCode::CREATED, Json(begun.into())))
}

/// The end of a sign-in at a provider, as the program got it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fetched {
    code: String,
    /// Of PKCE (RFC 7636)
    code_verifier: String,
}

pub async fn fetch(
    State(site): State<Site>,
    From(address): From,
    headers: HeaderMap,
    Body(fetched): Body<Fetched>,
) -> Result<(StatusCode, Json<BegunSession>), Failure> {
    let client = client(&headers, address);
    let Fetched {
        code,
        code_verifier,
    } = fetched;
    let begun = site
        .app
        .fetch_session(&code, &code_verifier, &client)
        .await?;
    Ok((StatusCode::CREATED, Json(begun.into())))
}

fn client(headers: &HeaderMap, address: Option<IpAddr>) -> Client {
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    Client {
        agent: agent.unwrap_or_default().to_owned(),
        address,
    }
}

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<SessionBody>>, Failure> {
    let after = match &paging.after {
        Some(text) => parse("after", text)?,
        None => 0,
    };
    let limit = paging.limit();
    let rows = site.app.sessions(&by, after, one_more(limit)).await?;
    let page = Page::of(rows, limit, |row| row.id.to_string(), SessionBody::from);
    Ok(Json(page))
}

pub async fn end(
    State(site): State<Site>,
    Acting(by): Acting,
    axum::extract::Path(id): axum::extract::Path<String>,
) -> Result<StatusCode, Failure> {
    site.app.end_session(&by, parse("id", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an authenticator app is told.
#[derive(Serialize, ToSchema)]
pub struct SecondFactorBody {
    /// To be typed
    secret: String,
    /// To be shown as a QR code
    uri: String,
}

pub async fn begin_second_factor(
    State(site): State<Site>,
    Acting(by): Acting,
) -> Result<Json<SecondFactorBody>, Failure> {
    let begun = site.app.begin_second_factor(&by).await?;
    Ok(Json(SecondFactorBody {
        secret: begun.secret,
        uri: begun.uri,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    code: String,
}

/// For who has lost the app: each is good once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

pub async fn confirm_second_factor(
    State(site): State<Site>,
    Acting(by): Acting,
    Body(code): Body<Code>,
) -> Result<Json<RecoveryCodes>, Failure> {
    let recovery_codes = site.app.confirm_second_factor(&by, &code.code).await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

pub async fn remove_second_factor(
    State(site): State<Site>,
    Acting(by): Acting,
    Body(code): Body<Code>,
) -> Result<StatusCode, Failure> {
    site.app.remove_second_factor(&by, &code.code).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn reset_second_factor(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
) -> Result<StatusCode, Failure> {
    site.app.reset_second_factor(&by, &login).await?;
    Ok(StatusCode::NO_CONTENT)
}
