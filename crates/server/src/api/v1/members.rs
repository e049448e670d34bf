//! `/organizations/{organization}/members/…`

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_db::organizations::MemberRole;

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, LoginOf, OrganizationOf, Query},
        page::{Page, Paging, one_more},
    },
};

/// Owners manage the organization and all its packages.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberRoleBody {
    Owner,
    Member,
}

impl From<MemberRole> for MemberRoleBody {
    fn from(role: MemberRole) -> Self {
        match role {
            MemberRole::Owner => Self::Owner,
            MemberRole::Member => Self::Member,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MemberBody {
    login: String,
    role: MemberRoleBody,
}

pub type MemberPage = Page<MemberBody>;

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    OrganizationOf(organization): OrganizationOf,
    Query(paging): Query<Paging>,
) -> Result<Json<MemberPage>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let rows = site
        .app
        .members(&by, organization.as_str(), after, one_more(limit));
    let item = |(login, role): (String, MemberRole)| MemberBody {
        login,
        role: role.into(),
    };
    let page = Page::of(rows.await?, limit, |(login, _)| login.clone(), item);
    Ok(Json(page))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    role: MemberRoleBody,
}

pub async fn put(
    State(site): State<Site>,
    Acting(by): Acting,
    OrganizationOf(organization): OrganizationOf,
    LoginOf(login): LoginOf,
    Body(membership): Body<Membership>,
) -> Result<StatusCode, Failure> {
    let role = match membership.role {
        MemberRoleBody::Owner => MemberRole::Owner,
        MemberRoleBody::Member => MemberRole::Member,
    };
    site.app
        .put_member(&by, organization.as_str(), &login, role)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn remove(
    State(site): State<Site>,
    Acting(by): Acting,
    OrganizationOf(organization): OrganizationOf,
    LoginOf(login): LoginOf,
) -> Result<StatusCode, Failure> {
    site.app
        .remove_member(&by, organization.as_str(), &login)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
