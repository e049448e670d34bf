//! `/owners/{owner}/…`: what holds for all packages of a user or an organization.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_app::{
    clock::rfc3339,
    packages::{DeletedSummary, KEPT},
    tags::TagScope,
};

use super::{
    packages::{FormerName, VisibilityBody},
    tags::Pattern,
};
use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, OwnerOf, Query, parse},
        page::{Page, Paging, one_more},
    },
};

/// A package that can be restored.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedBody {
    name: String,
    /// What its owner stores less once it is gone for good
    bytes: i64,
    deleted_at: String,
    /// Absent: the operator
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_by: Option<String>,
    /// Until when
    restorable_until: String,
}

pub type DeletedPage = Page<DeletedBody>;

pub async fn deleted_packages(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Query(paging): Query<Paging>,
) -> Result<Json<DeletedPage>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let rows = site
        .app
        .deleted_packages(&by, owner.as_str(), after, one_more(limit));
    let item = |DeletedSummary { package, bytes }| DeletedBody {
        name: package.path,
        bytes,
        deleted_at: rfc3339(package.deleted_at),
        deleted_by: package.deleted_by,
        restorable_until: rfc3339(package.deleted_at + KEPT),
    };
    let page = Page::of(rows.await?, limit, |row| row.package.path.clone(), item);
    Ok(Json(page))
}

/// How visible new packages begin whose names begin so.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultVisibility {
    /// Without the owner; empty: all names
    prefix: String,
    visibility: VisibilityBody,
}

pub async fn default_visibilities(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
) -> Result<Json<Vec<DefaultVisibility>>, Failure> {
    let rules = site.app.default_visibilities(&by, owner.as_str()).await?;
    let body = rules
        .into_iter()
        .map(|(prefix, visibility)| DefaultVisibility {
            prefix,
            visibility: visibility.into(),
        });
    Ok(Json(body.collect()))
}

pub async fn set_default_visibility(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Body(rule): Body<DefaultVisibility>,
) -> Result<StatusCode, Failure> {
    let visibility = Some(rule.visibility.into());
    let set = site
        .app
        .set_default_visibility(&by, owner.as_str(), &rule.prefix, visibility);
    set.await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    /// As it was set
    prefix: String,
}

pub async fn remove_default_visibility(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Query(asked): Query<Prefix>,
) -> Result<StatusCode, Failure> {
    let removed = site
        .app
        .set_default_visibility(&by, owner.as_str(), &asked.prefix, None);
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn immutable_tags(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
) -> Result<Json<Vec<String>>, Failure> {
    let scope = TagScope::Owner(owner);
    Ok(Json(site.app.immutable_tags(&by, &scope).await?))
}

pub async fn protect(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Body(pattern): Body<Pattern>,
) -> Result<StatusCode, Failure> {
    let pattern = parse("pattern", &pattern.pattern)?;
    site.app
        .make_immutable(&by, &TagScope::Owner(owner), &pattern)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn unprotect(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Query(pattern): Query<Pattern>,
) -> Result<StatusCode, Failure> {
    let pattern = parse("pattern", &pattern.pattern)?;
    site.app
        .make_mutable(&by, &TagScope::Owner(owner), &pattern)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A name that leads to a package.
#[derive(Debug, Serialize, ToSchema)]
pub struct FormerBody {
    name: String,
    /// The package's name now
    leads_to: String,
}

pub async fn former_names(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<FormerBody>>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let rows = site
        .app
        .names_leading_on(&by, owner.as_str(), after, one_more(limit));
    let item = |(name, leads_to)| FormerBody { name, leads_to };
    let page = Page::of(rows.await?, limit, |(name, _)| name.clone(), item);
    Ok(Json(page))
}

pub async fn reclaim_name(
    State(site): State<Site>,
    Acting(by): Acting,
    OwnerOf(owner): OwnerOf,
    Query(former): Query<FormerName>,
) -> Result<StatusCode, Failure> {
    let former = parse("name", &former.name)?;
    site.app.reclaim_name(&by, owner.as_str(), &former).await?;
    Ok(StatusCode::NO_CONTENT)
}
