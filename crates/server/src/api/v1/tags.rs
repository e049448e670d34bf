//! `/packages/{owner}/{name}/tags/…`, `…/promote`, `…/immutable-tags`

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_app::{
    clock::rfc3339,
    tags::{Promotion, TagScope},
};
use wharf_db::tags::{PastMove, TagDetails};

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Body, Package, Query, TagOf, parse},
        page::{Page, Paging, one_more},
    },
};

#[derive(Debug, Serialize, ToSchema)]
pub struct TagBody {
    name: String,
    digest: String,
    media_type: String,
    updated_at: String,
    /// Absent: the operator
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<String>,
}

pub type TagPage = Page<TagBody>;

pub async fn list(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Query(paging): Query<Paging>,
) -> Result<Json<TagPage>, Failure> {
    let (after, limit) = (paging.after(), paging.limit());
    let rows = site
        .app
        .tag_details(&by, &name, after, one_more(limit))
        .await?;
    let item = |row: TagDetails| TagBody {
        name: row.name,
        digest: row.digest,
        media_type: row.media_type,
        updated_at: rfc3339(row.updated_at),
        updated_by: row.updated_by,
    };
    let page = Page::of(rows, limit, |row| row.name.clone(), item);
    Ok(Json(page))
}

pub async fn remove(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    TagOf(tag): TagOf,
) -> Result<StatusCode, Failure> {
    site.app.remove_tag(&by, &name, &tag).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A move of a tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct MoveBody {
    /// Counts the moves of this tag
    r#move: i64,
    /// Where it pointed from then on; absent: it was removed
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// Absent: the operator
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    at: String,
}

pub type MovePage = Page<MoveBody>;

pub async fn history(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    TagOf(tag): TagOf,
    Query(paging): Query<Paging>,
) -> Result<Json<MovePage>, Failure> {
    let before = match &paging.after {
        Some(text) => parse("after", text)?,
        None => i64::MAX,
    };
    let limit = paging.limit();
    let rows = site
        .app
        .tag_history(&by, &name, &tag, before, one_more(limit))
        .await?;
    let item = |row: PastMove| MoveBody {
        r#move: row.number,
        digest: row.digest,
        previous: row.previous,
        actor: row.actor,
        at: rfc3339(row.at),
    };
    let page = Page::of(rows, limit, |row| row.number.to_string(), item);
    Ok(Json(page))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RollBack {
    /// A digest of the package; absent: what the tag pointed at before its last move
    to: Option<String>,
}

/// A tag, and where it points now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pointed {
    tag: String,
    digest: String,
}

pub async fn roll_back(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    TagOf(tag): TagOf,
    Body(back): Body<RollBack>,
) -> Result<Json<Pointed>, Failure> {
    let to = match &back.to {
        Some(text) => Some(parse("to", text)?),
        None => None,
    };
    let digest = site
        .app
        .roll_back_tag(&by, &name, &tag, to.as_ref())
        .await?;
    Ok(Json(Pointed {
        tag: tag.to_string(),
        digest: digest.to_string(),
    }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promote {
    /// Each tag, and the tag or digest it is to point at
    tags: BTreeMap<String, String>,
    /// OWNER/NAME; absent: within the package
    to: Option<String>,
}

pub async fn promote(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Body(promote): Body<Promote>,
) -> Result<Json<Vec<Pointed>>, Failure> {
    let to = match &promote.to {
        Some(text) => parse("to", text)?,
        None => name.clone(),
    };
    let mut promotions = Vec::new();
    for (tag, source) in &promote.tags {
        promotions.push(Promotion {
            tag: parse("tags", tag)?,
            source: parse("tags", source)?,
        });
    }
    let promoted = site.app.promote(&by, &name, &to, promotions).await?;
    let body = promoted.into_iter().map(|promoted| Pointed {
        tag: promoted.tag.to_string(),
        digest: promoted.digest.to_string(),
    });
    Ok(Json(body.collect()))
}

/// Which tags.
#[derive(Debug, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// `*` stands for any characters, `?` for one
    pub pattern: String,
}

pub async fn immutable(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
) -> Result<Json<Vec<String>>, Failure> {
    let scope = TagScope::Package(name);
    Ok(Json(site.app.immutable_tags(&by, &scope).await?))
}

pub async fn protect(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Body(pattern): Body<Pattern>,
) -> Result<StatusCode, Failure> {
    let pattern = parse("pattern", &pattern.pattern)?;
    site.app
        .make_immutable(&by, &TagScope::Package(name), &pattern)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn unprotect(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Query(pattern): Query<Pattern>,
) -> Result<StatusCode, Failure> {
    let pattern = parse("pattern", &pattern.pattern)?;
    site.app
        .make_mutable(&by, &TagScope::Package(name), &pattern)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
