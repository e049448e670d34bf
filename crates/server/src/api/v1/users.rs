//! `/users/…`: for site administrators.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use wharf_db::accounts::AccountKind;

use super::accounts::AccountBody;
use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, LoginOf, Query},
        page::{Page, Paging, one_more},
    },
};

pub type UserPage = Page<AccountBody>;

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    Query(paging): Query<Paging>,
) -> Result<Json<UserPage>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let kind = AccountKind::User;
    let rows = site
        .app
        .all_accounts(&by, kind, after, one_more(limit))
        .await?;
    let page = Page::of(rows, limit, |row| row.login.clone(), AccountBody::from);
    Ok(Json(page))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    login: String,
    /// Without one the user can only use tokens
    password: Option<String>,
    #[serde(default)]
    site_admin: bool,
}

pub async fn create(
    State(site): State<Site>,
    Acting(by): Acting,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<AccountBody>), Failure> {
    let password = new.password.as_deref();
    let created = site
        .app
        .create_user(&by, &new.login, new.site_admin, password);
    Ok((StatusCode::CREATED, Json(created.await?.into())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Password {
    password: String,
}

pub async fn set_password(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
    Body(new): Body<Password>,
) -> Result<StatusCode, Failure> {
    site.app.set_password(&by, &login, &new.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn disable(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
) -> Result<StatusCode, Failure> {
    site.app.set_user_disabled(&by, &login, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn enable(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
) -> Result<StatusCode, Failure> {
    site.app.set_user_disabled(&by, &login, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
