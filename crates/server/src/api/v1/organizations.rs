//! `/organizations/…`: making them, and what they let their members do.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_app::{Error as AppError, authn::Rejected, authz::By};
use wharf_db::organizations::Policy;

use super::{accounts::AccountBody, packages::VisibilityBody};
use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, OrganizationOf, Query},
        page::{Page, Paging, one_more},
    },
};

pub type OrganizationPage = Page<AccountBody>;

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    Query(paging): Query<Paging>,
) -> Result<Json<OrganizationPage>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let rows = site.app.organizations(&by, after, one_more(limit)).await?;
    let page = Page::of(rows, limit, |row| row.login.clone(), AccountBody::from);
    Ok(Json(page))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    login: String,
    /// The user who owns it: you, unless said
    owner: Option<String>,
}

pub async fn create(
    State(site): State<Site>,
    Acting(by): Acting,
    Body(new): Body<NewOrganization>,
) -> Result<(StatusCode, Json<AccountBody>), Failure> {
    let owner = match (new.owner, &by) {
        (Some(owner), _) => owner,
        (None, By::Caller(caller)) => {
            let rejected = caller.rejected.clone().unwrap_or(Rejected::Missing);
            caller
                .login()
                .map(str::to_owned)
                .ok_or(AppError::from(rejected))?
        }
        (None, By::Operator) => {
            return Err(AppError::Field {
                field: "owner",
                reason: "say who owns it".to_owned(),
            }
            .into());
        }
    };
    let created = site
        .app
        .create_organization(&by, &new.login, &owner)
        .await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// What members who are not owners may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyBody {
    members_may_create: bool,
    members_widest_visibility: VisibilityBody,
    /// Packages inherit the access of the connected repository they name
    inherit_by_default: bool,
}

pub async fn policy(
    State(site): State<Site>,
    Acting(by): Acting,
    OrganizationOf(organization): OrganizationOf,
) -> Result<Json<PolicyBody>, Failure> {
    let policy = site
        .app
        .organization_policy(&by, organization.as_str())
        .await?;
    Ok(Json(PolicyBody {
        members_may_create: policy.members_may_create,
        members_widest_visibility: policy.members_widest_visibility.into(),
        inherit_by_default: policy.inherit_by_default,
    }))
}

/// What to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyEdit {
    members_may_create: Option<bool>,
    members_widest_visibility: Option<VisibilityBody>,
    inherit_by_default: Option<bool>,
}

pub async fn edit_policy(
    State(site): State<Site>,
    Acting(by): Acting,
    OrganizationOf(organization): OrganizationOf,
    Body(edit): Body<PolicyEdit>,
) -> Result<StatusCode, Failure> {
    let organization = organization.as_str();
    let before = site.app.organization_policy(&by, organization).await?;
    let widest = edit.members_widest_visibility.map(Into::into);
    let policy = Policy {
        members_may_create: edit.members_may_create.unwrap_or(before.members_may_create),
        members_widest_visibility: widest.unwrap_or(before.members_widest_visibility),
        inherit_by_default: edit.inherit_by_default.unwrap_or(before.inherit_by_default),
    };
    site.app
        .set_organization_policy(&by, organization, policy)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
