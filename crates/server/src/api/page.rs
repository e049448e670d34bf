//! Lists, a page at a time: each costs what it holds, wherever it begins.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Page size when none is asked for.
const DEFAULT: u32 = 30;
/// The most one gets.
const MAX: u32 = 100;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// `next` of the page before
    pub after: Option<String>,
    /// Items on a page: 1 to 100, 30 unless said
    pub limit: Option<u32>,
}

impl Paging {
    pub fn after(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }

    pub fn limit(&self) -> i64 {
        limit(self.limit)
    }
}

pub fn limit(asked: Option<u32>) -> i64 {
    i64::from(asked.unwrap_or(DEFAULT).clamp(1, MAX))
}

/// One more than a page holds, to know whether there is another.
pub fn one_more(limit: i64) -> i64 {
    limit + 1
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// What to pass as `after` for the following page; absent on the last one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// From up to [`one_more`] rows. `cursor`: what the page after a row begins with.
    pub fn of<R>(
        mut rows: Vec<R>,
        limit: i64,
        cursor: impl Fn(&R) -> String,
        item: impl FnMut(R) -> T,
    ) -> Self {
        let most = usize::try_from(limit).unwrap_or_default();
        let more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().filter(|_| more).map(cursor);
        Self {
            items: rows.into_iter().map(item).collect(),
            next,
        }
    }
}
