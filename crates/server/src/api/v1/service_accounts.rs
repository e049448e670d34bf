//! `/organizations/{organization}/service-accounts/…`

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use wharf_app::accounts::ServiceAccountName;

use super::accounts::AccountBody;
use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, OrganizationOf, Query, parse, segment},
        page::{Page, Paging, one_more},
    },
};

/// The service account that `{organization}` and `{account}` name.
#[derive(Debug)]
pub struct ServiceAccountOf(ServiceAccountName);

impl<S: Send + Sync> FromRequestParts<S> for ServiceAccountOf {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let organization = segment(parts, state, "organization").await?;
        let account = segment(parts, state, "account").await?;
        Ok(Self(parse(
            "account",
            &format!("{organization}+{account}"),
        )?))
    }
}

pub type AccountPage = Page<AccountBody>;

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    OrganizationOf(organization): OrganizationOf,
    Query(paging): Query<Paging>,
) -> Result<Json<AccountPage>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let organization = organization.as_str();
    let rows = site
        .app
        .service_accounts(&by, organization, after, one_more(limit));
    let page = Page::of(
        rows.await?,
        limit,
        |row| row.login.clone(),
        AccountBody::from,
    );
    Ok(Json(page))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewServiceAccount {
    /// Its login will be ORGANIZATION+NAME
    name: String,
    /// What it is for
    #[serde(default)]
    description: String,
}

pub async fn create(
    State(site): State<Site>,
    Acting(by): Acting,
    OrganizationOf(organization): OrganizationOf,
    Body(new): Body<NewServiceAccount>,
) -> Result<(StatusCode, Json<AccountBody>), Failure> {
    let name = parse("name", &format!("{organization}+{}", new.name))?;
    let created = site
        .app
        .create_service_account(&by, &name, &new.description);
    Ok((StatusCode::CREATED, Json(created.await?.into())))
}

pub async fn delete(
    State(site): State<Site>,
    Acting(by): Acting,
    ServiceAccountOf(name): ServiceAccountOf,
) -> Result<StatusCode, Failure> {
    site.app.delete_service_account(&by, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
