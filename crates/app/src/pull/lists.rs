//! Lists of the protocol: tags, referrers. Each page costs what it holds, wherever it begins.

use wharf_db::{
    Conn,
    referrers::{self, Referrer},
    tags,
};
use wharf_oci::{Digest, Name};

use crate::{App, Error, authn::Caller, packages::one_more};

/// Most bytes of annotations on a page of referrers: clients limit what they read to 4 MiB.
const REFERRER_BYTES: i64 = 4 * 1024 * 1024;

/// A page of names; `next`: where the following page begins, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub names: Vec<String>,
    pub next: Option<String>,
}

impl Page {
    /// From up to one name more than the page holds.
    pub(crate) fn cut(mut names: Vec<String>, n: usize) -> Self {
        let more = names.len() > n;
        names.truncate(n);
        Self {
            next: names.last().filter(|_| more).cloned(),
            names,
        }
    }
}

/// A page of referrers.
#[derive(Debug)]
pub struct ReferrerPage {
    pub referrers: Vec<Referrer>,
    pub more: bool,
}

impl App {
    /// Up to `n` tags of a package after `last`, in the order of their bytes.
    pub async fn tags(
        &self,
        caller: &Caller,
        name: &Name,
        last: &str,
        n: usize,
    ) -> Result<Page, Error> {
        let permit = self.must_pull(caller, name).await?;
        let mut reader = self.db.reader().await?;
        let names = tags::list(&mut reader.conn(), permit.package_id(), last, one_more(n)).await?;
        Ok(Page::cut(names, n))
    }

    /// Up to `n` referrers of `subject` after the digest `last`. A package or
    /// subject that does not exist has none, as the specification asks.
    pub async fn referrers(
        &self,
        caller: &Caller,
        name: &Name,
        subject: &Digest,
        artifact_type: Option<&str>,
        last: &str,
        n: usize,
    ) -> Result<ReferrerPage, Error> {
        let none = ReferrerPage {
            referrers: Vec::new(),
            more: false,
        };
        let Some(permit) = self.may_pull(caller, name).await? else {
            return Ok(none);
        };
        let mut reader = self.db.reader().await?;
        let conn: &mut Conn<'_> = &mut reader.conn();
        let package_id = permit.package_id();
        let subject = subject.as_str();
        let limit = one_more(n);
        let sizes = referrers::sizes(conn, package_id, subject, artifact_type, last, limit).await?;
        let fit = fitting(&sizes, n);
        let rows = referrers::list(conn, package_id, subject, artifact_type, last, fit).await?;
        Ok(ReferrerPage {
            more: rows.len() < sizes.len(),
            referrers: rows,
        })
    }
}

/// How many referrers make a page: up to `n`, and one at least, within the bytes.
fn fitting(sizes: &[i64], n: usize) -> i64 {
    let mut left = REFERRER_BYTES;
    let fits = sizes.iter().take(n).take_while(|size| {
        left = left.saturating_sub(**size);
        left > 0
    });
    let count = fits.count().max(n.min(1));
    i64::try_from(count).unwrap_or(0)
}
