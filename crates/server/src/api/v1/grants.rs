//! `/packages/{owner}/{name}/grants/…`

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_app::clock::{SECOND, rfc3339};
use wharf_db::grants::{GrantDetails, Role};

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, Package, PrincipalOf},
    },
    error::ApiError,
};

/// Pull; pull and push; all of it, delete and grant too.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleBody {
    Read,
    Write,
    Admin,
}

impl From<RoleBody> for Role {
    fn from(body: RoleBody) -> Self {
        match body {
            RoleBody::Read => Self::Read,
            RoleBody::Write => Self::Write,
            RoleBody::Admin => Self::Admin,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct GrantBody {
    /// LOGIN, ORGANIZATION+NAME or ORGANIZATION/TEAM
    principal: String,
    role: String,
    /// Absent: the operator
    #[serde(skip_serializing_if = "Option::is_none")]
    granted_by: Option<String>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl From<GrantDetails> for GrantBody {
    fn from(grant: GrantDetails) -> Self {
        Self {
            principal: grant.principal,
            role: grant.role,
            granted_by: grant.granted_by,
            created_at: rfc3339(grant.created_at),
            expires_at: grant.expires_at.map(rfc3339),
        }
    }
}

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<Json<Vec<GrantBody>>, Failure> {
    let grants = site.app.grants(&by, &name).await?;
    Ok(Json(grants.into_iter().map(GrantBody::from).collect()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    pub role: RoleBody,
    /// Seconds; absent: it does not end
    expires_in: Option<i64>,
}

/// In microseconds.
pub fn lifetime(new: &NewGrant) -> Result<Option<i64>, ApiError> {
    match new.expires_in {
        Some(seconds) if seconds > 0 => Ok(Some(seconds.saturating_mul(SECOND))),
        Some(_) => Err(ApiError::Field {
            field: "expires_in".to_owned(),
            reason: "it must be more than 0 seconds".to_owned(),
        }),
        None => Ok(None),
    }
}

pub async fn put(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    PrincipalOf(principal): PrincipalOf,
    Body(new): Body<NewGrant>,
) -> Result<StatusCode, Failure> {
    let lifetime = lifetime(&new)?;
    let role = Role::from(new.role);
    site.app
        .grant(&by, &name, &principal, role, lifetime)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn revoke(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    PrincipalOf(principal): PrincipalOf,
) -> Result<StatusCode, Failure> {
    site.app.revoke_grant(&by, &name, &principal).await?;
    Ok(StatusCode::NO_CONTENT)
}
