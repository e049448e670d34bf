//! Lists that come page by page, whole.

use wharf_app::Error;

/// Names on a page.
pub(super) const PAGE: i64 = 1000;

/// Everything there is: asks `page` for what comes after a name until there is no more.
pub(super) async fn all<T>(
    mut page: impl AsyncFnMut(String) -> Result<Vec<T>, Error>,
    name: impl Fn(&T) -> &str,
) -> Result<Vec<T>, Error> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let after = all.last().map(&name).unwrap_or_default().to_owned();
        let next = page(after).await?;
        if next.is_empty() {
            return Ok(all);
        }
        all.extend(next);
    }
}
