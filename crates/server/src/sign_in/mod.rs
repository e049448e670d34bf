//! `/sign-in/{provider}` and `…/callback`: where browsers go to sign in, and
//! come back to. What they are told meanwhile is plain text.

use axum::{
    body::Body,
    extract::{Path, Query, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use wharf_app::{Error, sign_in::Came};

use crate::{Site, api::From, error::ApiError, middleware::Outcome, reply};

/// How long the browser keeps what binds it to its sign-in, in seconds.
const KEPT: u32 = 600;

/// What the program asks that opened the browser.
#[derive(Debug, Deserialize)]
pub struct Asked {
    return_to: String,
    #[serde(default)]
    state: String,
    /// Of PKCE (RFC 7636), S256
    code_challenge: String,
}

/// What a provider sends the browser back with (RFC 6749 §4.1.2).
#[derive(Debug, Deserialize)]
pub struct Answered {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

pub async fn begin(
    State(site): State<Site>,
    Path(provider): Path<String>,
    From(address): From,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let begun = async {
        let Query(asked) = asked.map_err(|e| wrong("query", &e.body_text()))?;
        let return_to = asked.return_to.parse();
        let return_to = return_to
            .map_err(|e: wharf_app::sign_in::ReturnToError| wrong("return_to", &e.to_string()))?;
        let (state, challenge) = (&asked.state, &asked.code_challenge);
        let begun = site
            .app
            .begin_sign_in(&provider, &return_to, state, challenge, address);
        Ok(begun.await?)
    };
    let response = match begun.await {
        Ok(begun) => {
            let mut response = go_to(&begun.address);
            let cookie = reply::value(cookie(&site, &begun.browser, KEPT));
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
        Err(error) => told(&site, &error),
    };
    noted(response, "sign_in_begin")
}

pub async fn callback(
    State(site): State<Site>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    answered: Result<Query<Answered>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let ended = async {
        let Query(answered) = answered.map_err(|e| wrong("query", &e.body_text()))?;
        let came = Came {
            state: answered.state,
            code: answered.code,
            error: answered.error_description.or(answered.error),
            browser: browser(&site, &headers),
        };
        Ok(site.app.end_sign_in(&provider, &came).await?)
    };
    let response = match ended.await {
        Ok(address) => {
            let mut response = go_to(&address);
            let forget = reply::value(cookie(&site, "", 0));
            response.headers_mut().insert(header::SET_COOKIE, forget);
            response
        }
        Err(error) => told(&site, &error),
    };
    noted(response, "sign_in_callback")
}

fn wrong(field: &str, reason: &str) -> ApiError {
    ApiError::Field {
        field: field.to_owned(),
        reason: reason.to_owned(),
    }
}

fn go_to(address: &str) -> Response {
    let location = (header::LOCATION, reply::value(address));
    private(reply::empty(StatusCode::SEE_OTHER, [location]))
}

fn told(site: &Site, error: &ApiError) -> Response {
    if let ApiError::App(error @ Error::SignIn(_)) = error {
        // What a person is told leaves out what only the operator can mend.
        tracing::warn!(?error, "a sign-in failed");
    }
    let (status, text) = error.for_people(site);
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    private(response)
}

/// Codes are in the addresses of these pages.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

fn noted(mut response: Response, route: &'static str) -> Response {
    response.extensions_mut().insert(Outcome {
        route,
        caller: None,
        package: None,
    });
    response
}

/// Over TLS the cookie says so in its name, so that nobody sets it over plain HTTP.
fn cookie_name(site: &Site) -> &'static str {
    if site.public_url.starts_with("https:") {
        "__Secure-wharf-sign-in"
    } else {
        "wharf-sign-in"
    }
}

/// `Lax`: the provider's redirect back is a navigation from another site.
fn cookie(site: &Site, value: &str, seconds: u32) -> String {
    let name = cookie_name(site);
    let secure = if name.starts_with("__Secure") {
        "; Secure"
    } else {
        ""
    };
    format!("{name}={value}; Path=/sign-in; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

fn browser(site: &Site, headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let pairs = cookies.filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|text| text.split(';')).map(str::trim);
    let value = pairs.find_map(|pair| pair.strip_prefix(cookie_name(site))?.strip_prefix('='));
    value.map(str::to_owned)
}
