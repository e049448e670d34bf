//! `/packages/{owner}/{name}/downloads`

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_app::clock::{DAY, rfc3339};

use crate::{
    Site,
    api::{
        acting::{Acting, Failure},
        extract::{Package, Query, parse},
    },
};

/// Of what, and how far back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// A tag or a digest; absent: of the package
    of: Option<String>,
    /// 1 to 366, today included; 30 unless said
    days: Option<u32>,
}

/// Downloads, counted when a manifest is sent; what an index lists counts for
/// itself, not for the package. A tag counts whenever it is resolved.
#[derive(Debug, Serialize, ToSchema)]
pub struct DownloadsBody {
    /// Of all time
    total: i64,
    days: Vec<DayBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DayBody {
    /// 2026-11-21, UTC
    day: String,
    count: i64,
}

pub async fn show(
    State(site): State<Site>,
    Acting(by): Acting,
    Package(name): Package,
    Query(asked): Query<Asked>,
) -> Result<Json<DownloadsBody>, Failure> {
    let of = match &asked.of {
        Some(text) => Some(parse("of", text)?),
        None => None,
    };
    let days = i64::from(asked.days.unwrap_or(30));
    let series = site.app.downloads(&by, &name, of.as_ref(), days).await?;
    let day = |(day, count): (i64, i64)| DayBody {
        day: rfc3339(day * DAY).chars().take(10).collect(),
        count,
    };
    Ok(Json(DownloadsBody {
        total: series.total,
        days: series.days.into_iter().map(day).collect(),
    }))
}
