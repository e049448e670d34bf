//! `/sign-in`, `/users/{login}/identities`, `…/teams/{team}/groups`: who people
//! are at identity providers.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_app::{
    clock::rfc3339,
    sign_in::{KnownIdentity, ProviderName},
};

use super::teams::TeamOf;
use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, LoginOf, Query, parse},
    },
};

/// Where people sign in, beside passwords.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderBody {
    name: String,
    title: String,
    /// Where the browser goes, with `return_to`, `state` and `code_challenge`
    address: String,
}

pub async fn providers(State(site): State<Site>) -> Json<Vec<ProviderBody>> {
    let body = site.app.sign_in_providers().map(|provider| ProviderBody {
        name: provider.name.to_string(),
        title: provider.title.clone(),
        address: format!("{}/sign-in/{}", site.public_url, provider.name),
    });
    Json(body.collect())
}

/// Who a user is at a provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct IdentityBody {
    provider: String,
    /// Never given to anybody else there
    subject: String,
    name: String,
    groups: Vec<String>,
    /// Absent: nobody has signed in by it yet
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<String>,
    /// Since when the provider no longer says so
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
}

impl From<KnownIdentity> for IdentityBody {
    fn from(KnownIdentity { identity, groups }: KnownIdentity) -> Self {
        Self {
            provider: identity.provider,
            subject: identity.subject,
            name: identity.name,
            groups,
            confirmed_at: identity.confirmed_at.map(rfc3339),
            ended_at: identity.ended_at.map(rfc3339),
        }
    }
}

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
) -> Result<Json<Vec<IdentityBody>>, Failure> {
    let known = site.app.identities(&by, login.as_str()).await?;
    Ok(Json(known.into_iter().map(IdentityBody::from).collect()))
}

/// Somebody at a provider.
#[derive(Debug, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    provider: String,
    /// The `sub` of OpenID Connect, the numeric id of GitHub
    subject: String,
}

impl Subject {
    fn provider(&self) -> Result<ProviderName, Failure> {
        Ok(parse("provider", &self.provider)?)
    }
}

pub async fn link(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
    Body(subject): Body<Subject>,
) -> Result<StatusCode, Failure> {
    let provider = subject.provider()?;
    let linked = site
        .app
        .link_identity(&by, login.as_str(), &provider, &subject.subject);
    linked.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn unlink(
    State(site): State<Site>,
    Acting(by): Acting,
    LoginOf(login): LoginOf,
    Query(subject): Query<Subject>,
) -> Result<StatusCode, Failure> {
    let provider = subject.provider()?;
    let unlinked = site
        .app
        .unlink_identity(&by, login.as_str(), &provider, &subject.subject);
    unlinked.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A group of a provider.
#[derive(Debug, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Group {
    provider: String,
    /// As the provider names it; of GitHub ORG/TEAM or ORG
    group: String,
}

pub async fn team_groups(
    State(site): State<Site>,
    Acting(by): Acting,
    TeamOf(team): TeamOf,
) -> Result<Json<Vec<Group>>, Failure> {
    let groups = site.app.team_groups(&by, &team).await?;
    let body = groups
        .into_iter()
        .map(|(provider, group)| Group { provider, group });
    Ok(Json(body.collect()))
}

pub async fn add_group(
    State(site): State<Site>,
    Acting(by): Acting,
    TeamOf(team): TeamOf,
    Body(group): Body<Group>,
) -> Result<StatusCode, Failure> {
    let provider = parse("provider", &group.provider)?;
    let added = site
        .app
        .set_team_group(&by, &team, &provider, &group.group, true);
    added.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn remove_group(
    State(site): State<Site>,
    Acting(by): Acting,
    TeamOf(team): TeamOf,
    Query(group): Query<Group>,
) -> Result<StatusCode, Failure> {
    let provider = parse("provider", &group.provider)?;
    let removed = site
        .app
        .set_team_group(&by, &team, &provider, &group.group, false);
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}
