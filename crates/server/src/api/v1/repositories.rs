//! `/owners/{owner}/repositories/…`, `/packages/{owner}/{name}/link`

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_app::clock::rfc3339;
use wharf_db::{grants::Role, repositories::Repository};

use super::grants::{GrantBody, NewGrant, lifetime};
use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, OwnerOf, Package, PrincipalOf, Query, RepositoryOf, parse},
        page::{Page, Paging, one_more},
    },
};

/// A repository that the owner has connected.
#[derive(Debug, Serialize, ToSchema)]
pub struct RepositoryBody {
    /// HOST/PATH
    name: String,
    connected_at: String,
}

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<RepositoryBody>>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let rows = site
        .app
        .repositories(&by, owner.as_str(), after, one_more(limit));
    let item = |row: Repository| RepositoryBody {
        name: row.name,
        connected_at: rfc3339(row.created_at),
    };
    let page = Page::of(rows.await?, limit, |row| row.name.clone(), item);
    Ok(Json(page))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// HOST/PATH, or its URL
    repository: String,
}

pub async fn connect(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Body(connect): Body<Connect>,
) -> Result<StatusCode, Failure> {
    let repository = parse("repository", &connect.repository)?;
    site.app
        .connect_repository(&by, owner.as_str(), &repository)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn disconnect(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    RepositoryOf(repository): RepositoryOf,
) -> Result<StatusCode, Failure> {
    site.app
        .disconnect_repository(&by, owner.as_str(), &repository)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn grants(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    RepositoryOf(repository): RepositoryOf,
) -> Result<Json<Vec<GrantBody>>, Failure> {
    let grants = site
        .app
        .repository_grants(&by, owner.as_str(), &repository)
        .await?;
    Ok(Json(grants.into_iter().map(GrantBody::from).collect()))
}

pub async fn grant(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    RepositoryOf(repository): RepositoryOf,
    PrincipalOf(principal): PrincipalOf,
    Body(new): Body<NewGrant>,
) -> Result<StatusCode, Failure> {
    let role = Some((Role::from(new.role), lifetime(&new)?));
    let (app, owner) = (&site.app, owner.as_str());
    app.grant_on_repository(&by, owner, &repository, &principal, role)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn revoke(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    RepositoryOf(repository): RepositoryOf,
    PrincipalOf(principal): PrincipalOf,
) -> Result<StatusCode, Failure> {
    let (app, owner) = (&site.app, owner.as_str());
    app.grant_on_repository(&by, owner, &repository, &principal, None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The repository a package is built from.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkBody {
    /// HOST/PATH, connected by the package's owner
    repository: String,
    /// Whoever has a role on it has it on the package, and its CI may push
    inherits_access: bool,
}

pub async fn link(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<Json<LinkBody>, Failure> {
    let link = site.app.link(&by, &name).await?;
    Ok(Json(LinkBody {
        repository: link.name,
        inherits_access: link.inherits_access,
    }))
}

pub async fn set_link(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Body(link): Body<LinkBody>,
) -> Result<StatusCode, Failure> {
    let repository = parse("repository", &link.repository)?;
    let linked = site
        .app
        .link_package(&by, &name, &repository, link.inherits_access);
    linked.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn unlink(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<StatusCode, Failure> {
    site.app.unlink_package(&by, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
