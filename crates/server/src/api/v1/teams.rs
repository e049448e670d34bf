//! `/organizations/{organization}/teams/…`

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_app::accounts::TeamName;
use wharf_db::teams::Team;

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, LoginOf, OrganizationOf, Query, parse, segment},
        page::{Page, Paging, one_more},
    },
};

/// The team that `{organization}` and `{team}` name.
#[derive(Debug)]
pub struct TeamOf(pub TeamName);

impl<S: Send + Sync> FromRequestParts<S> for TeamOf {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let organization = segment(parts, state, "organization").await?;
        let team = segment(parts, state, "team").await?;
        Ok(Self(parse("team", &format!("{organization}/{team}"))?))
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TeamBody {
    /// ORGANIZATION/TEAM, as it is granted roles
    team: String,
    name: String,
    /// The team above it, whose grants it has too
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
}

pub type TeamPage = Page<TeamBody>;
pub type LoginPage = Page<String>;

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    OrganizationOf(organization): OrganizationOf,
    Query(paging): Query<Paging>,
) -> Result<Json<TeamPage>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let rows = site
        .app
        .teams(&by, organization.as_str(), after, one_more(limit))
        .await?;
    let item = |(team, parent): (Team, Option<String>)| TeamBody {
        team: format!("{organization}/{}", team.slug),
        name: team.slug,
        parent,
    };
    let page = Page::of(rows, limit, |(team, _)| team.slug.clone(), item);
    Ok(Json(page))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTeam {
    name: String,
    /// A team of the same organization whose grants it has too
    parent: Option<String>,
}

pub async fn create(
    State(site): State<Site>,
    Acting(by): Acting,
    OrganizationOf(organization): OrganizationOf,
    Body(new): Body<NewTeam>,
) -> Result<(StatusCode, Json<TeamBody>), Failure> {
    let team: TeamName = parse("name", &format!("{organization}/{}", new.name))?;
    site.app
        .create_team(&by, &team, new.parent.as_deref())
        .await?;
    let body = TeamBody {
        team: team.to_string(),
        name: new.name,
        parent: new.parent,
    };
    Ok((StatusCode::CREATED, Json(body)))
}

pub async fn delete(
    State(site): State<Site>,
    Acting(by): Acting,
    TeamOf(team): TeamOf,
) -> Result<StatusCode, Failure> {
    site.app.delete_team(&by, &team).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn members(
    State(site): State<Site>,
    Acting(by): Acting,
    TeamOf(team): TeamOf,
    Query(paging): Query<Paging>,
) -> Result<Json<LoginPage>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let rows = site
        .app
        .team_members(&by, &team, after, one_more(limit))
        .await?;
    let page = Page::of(rows, limit, Clone::clone, |login| login);
    Ok(Json(page))
}

pub async fn join(
    State(site): State<Site>,
    Acting(by): Acting,
    TeamOf(team): TeamOf,
    LoginOf(login): LoginOf,
) -> Result<StatusCode, Failure> {
    site.app.join_team(&by, &team, &login).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn leave(
    State(site): State<Site>,
    Acting(by): Acting,
    TeamOf(team): TeamOf,
    LoginOf(login): LoginOf,
) -> Result<StatusCode, Failure> {
    site.app.leave_team(&by, &team, &login).await?;
    Ok(StatusCode::NO_CONTENT)
}
