//! `/tokens/…`, and revoking what leaked.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_app::{
    Error as AppError,
    accounts::{TokenRequest, TokenSummary},
    authn::Rejected,
    authz::{By, PackagePattern, Scope},
    clock::{SECOND, rfc3339},
};

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, Query, parse},
        page::{Page, limit, one_more},
    },
    error::ApiError,
};

/// A token, without its value.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenBody {
    id: i64,
    name: String,
    scopes: Vec<String>,
    /// What it is limited to; empty: whatever its holder may
    packages: Vec<String>,
    /// From where it is good; empty: from anywhere
    addresses: Vec<String>,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

impl From<TokenSummary> for TokenBody {
    fn from(token: TokenSummary) -> Self {
        let scopes = token.scopes.to_string();
        Self {
            id: token.id,
            name: token.name,
            scopes: scopes.split(' ').map(str::to_owned).collect(),
            packages: token.packages,
            addresses: token.addresses.iter().map(ToString::to_string).collect(),
            created_at: rfc3339(token.created_at),
            expires_at: token.expires_at.map(rfc3339),
            last_used_at: token.last_used_at.map(rfc3339),
            revoked_at: token.revoked_at.map(rfc3339),
        }
    }
}

/// Whose tokens, and which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// A user or a service account: you, unless said
    holder: Option<String>,
    /// `next` of the page before
    after: Option<String>,
    /// Items on a page: 1 to 100, 30 unless said
    limit: Option<u32>,
}

pub type TokenPage = Page<TokenBody>;

/// Whoever is named, or else who asks.
fn holder(by: &By, named: Option<String>) -> Result<String, AppError> {
    match (named, by) {
        (Some(named), _) => Ok(named),
        (None, By::Caller(caller)) => {
            let rejected = caller.rejected.clone().unwrap_or(Rejected::Missing);
            caller.login().map(str::to_owned).ok_or(rejected.into())
        }
        (None, By::Operator) => Err(AppError::Field {
            field: "holder",
            reason: "say whose token it is".to_owned(),
        }),
    }
}

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    Query(listing): Query<Listing>,
) -> Result<Json<TokenPage>, Failure> {
    let holder = holder(&by, listing.holder)?;
    let after = listing.after.as_deref().unwrap_or("0");
    let (after, limit) = (parse("after", after)?, limit(listing.limit));
    let rows = site
        .app
        .list_tokens(&by, &holder, after, one_more(limit))
        .await?;
    let page = Page::of(rows, limit, |row| row.id.to_string(), TokenBody::from);
    Ok(Json(page))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// A user or a service account: you, unless said
    holder: Option<String>,
    /// What it is for
    #[serde(default)]
    name: String,
    /// `read:packages`, `write:packages`, `delete:packages`, `admin:packages`
    scopes: Vec<String>,
    /// Seconds; absent: it never expires
    expires_in: Option<i64>,
    /// OWNER, OWNER/NAME or OWNER/BEGINNING*; empty: whatever its holder may
    #[serde(default)]
    packages: Vec<String>,
    /// Networks such as 10.0.0.0/8; empty: from anywhere
    #[serde(default)]
    addresses: Vec<String>,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
pub struct CreatedToken {
    /// The value: shown this once
    value: String,
    #[serde(flatten)]
    token: TokenBody,
}

pub async fn create(
    State(site): State<Site>,
    Acting(by): Acting,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<CreatedToken>), Failure> {
    let holder = holder(&by, new.holder.clone())?;
    let created = site.app.create_token(&by, &holder, request(new)?).await?;
    let body = CreatedToken {
        value: created.value,
        token: created.summary.into(),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

fn request(new: NewToken) -> Result<TokenRequest, ApiError> {
    let lifetime = match new.expires_in {
        Some(seconds) if seconds > 0 => Some(seconds.saturating_mul(SECOND)),
        Some(_) => {
            return Err(ApiError::Field {
                field: "expires_in".to_owned(),
                reason: "it must be more than 0 seconds".to_owned(),
            });
        }
        None => None,
    };
    Ok(TokenRequest {
        name: new.name,
        scopes: each::<Scope>("scopes", &new.scopes)?,
        lifetime,
        packages: each::<PackagePattern>("packages", &new.packages)?,
        addresses: networks(&new.addresses)?,
    })
}

fn each<T>(field: &str, texts: &[String]) -> Result<Vec<T>, ApiError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    texts.iter().map(|text| parse(field, text)).collect()
}

/// An address alone is a network of one.
fn networks(texts: &[String]) -> Result<Vec<ipnet::IpNet>, ApiError> {
    let network = |text: &String| match text.parse::<std::net::IpAddr>() {
        Ok(address) => Ok(address.into()),
        Err(_) => parse("addresses", text),
    };
    texts.iter().map(network).collect()
}

pub async fn revoke(
    State(site): State<Site>,
    Acting(by): Acting,
    axum::extract::Path(id): axum::extract::Path<String>,
) -> Result<StatusCode, Failure> {
    site.app.revoke_token(&by, parse("id", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leaked {
    /// Values of tokens, 100 at most; those that are none of this registry's are passed over
    credentials: Vec<String>,
}

/// Most values in one request.
const MOST_LEAKED: usize = 100;

pub async fn revoke_leaked(
    State(site): State<Site>,
    Body(leaked): Body<Leaked>,
) -> Result<StatusCode, Failure> {
    if leaked.credentials.len() > MOST_LEAKED {
        return Err(ApiError::Field {
            field: "credentials".to_owned(),
            reason: format!("at most {MOST_LEAKED} at once"),
        }
        .into());
    }
    site.app.revoke_leaked(&leaked.credentials).await?;
    Ok(StatusCode::NO_CONTENT)
}
