//! `/user`, `/accounts/…`

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_app::{
    Error as AppError,
    accounts::ProfileChange,
    authn::Rejected,
    authz::{By, Credential},
    clock::rfc3339,
};
use wharf_db::accounts::{Account, AccountKind};

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, LoginOf},
    },
};

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountBody {
    id: i64,
    login: String,
    /// `user`, `organization` or `service_account`
    r#type: &'static str,
    name: String,
    description: String,
    url: String,
    site_admin: bool,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<String>,
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            login: account.login,
            r#type: account.kind.as_str(),
            name: account.profile.name,
            description: account.profile.description,
            url: account.profile.url,
            site_admin: account.site_admin,
            created_at: rfc3339(account.created_at),
            disabled_at: account.disabled_at.map(rfc3339),
        }
    }
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Viewer {
    #[serde(flatten)]
    account: AccountBody,
    credential: CredentialBody,
}

/// What was signed in with.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialBody {
    /// password, session or token
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<i64>,
    /// Absent: everything the account may
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    /// The token is limited to some packages
    limited: bool,
}

impl From<&Credential> for CredentialBody {
    fn from(credential: &Credential) -> Self {
        match credential {
            Credential::Password { .. } | Credential::Session { .. } => Self {
                kind: if matches!(credential, Credential::Password { .. }) {
                    "password"
                } else {
                    "session"
                },
                token_id: None,
                scopes: None,
                limited: false,
            },
            Credential::Token { id, scopes, limits } => Self {
                kind: "token",
                token_id: Some(*id),
                scopes: Some(scopes.to_string().split(' ').map(str::to_owned).collect()),
                limited: !limits.packages.is_empty(),
            },
        }
    }
}

pub async fn viewer(State(site): State<Site>, Acting(by): Acting) -> Result<Json<Viewer>, Failure> {
    let By::Caller(caller) = &by else {
        return Err(AppError::from(Rejected::Missing).into());
    };
    let (Some(login), Some(credential)) = (caller.login(), caller.credential()) else {
        let rejected = caller.rejected.clone().unwrap_or(Rejected::Missing);
        return Err(AppError::from(rejected).into());
    };
    let found = site.app.account(&by, login).await?;
    Ok(Json(Viewer {
        account: found.account.into(),
        credential: credential.into(),
    }))
}

/// Accounts are shown to whoever is signed in.
pub async fn show(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
) -> Result<Json<AccountBody>, Failure> {
    let mut account = site.app.account(&by, &login).await?.account;
    if account.kind == AccountKind::User {
        account.disabled_at = None;
    }
    Ok(Json(account.into()))
}

/// What to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileEdit {
    name: Option<String>,
    description: Option<String>,
    url: Option<String>,
}

pub async fn edit(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
    Body(edit): Body<ProfileEdit>,
) -> Result<StatusCode, Failure> {
    let change = ProfileChange {
        name: edit.name,
        description: edit.description,
        url: edit.url,
    };
    site.app.change_profile(&by, &login, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn delete(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
) -> Result<StatusCode, Failure> {
    site.app.delete_account(&by, &login).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The new login
    login: String,
}

pub async fn rename(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
    Body(to): Body<Rename>,
) -> Result<StatusCode, Failure> {
    site.app.rename_account(&by, &login, &to.login).await?;
    Ok(StatusCode::NO_CONTENT)
}
