//! Lists: tags, packages, referrers. Each page costs what it holds, wherever it begins.

use std::collections::BTreeSet;

use wharf_db::{
    Conn,
    grants::Principal,
    organizations::MemberRole,
    packages::{self, Selection, Visibility},
    tags,
    versions::{self, Referrer},
};
use wharf_oci::{Digest, Name};

use crate::{
    App, Error,
    authn::Caller,
    authz::{Actor, Credential, Refusal, Scope},
};

/// Most bytes of annotations on a page of referrers: clients limit what they read to 4 MiB.
const REFERRER_BYTES: i64 = 4 * 1024 * 1024;

/// A page of names; `more` if there are names after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub names: Vec<String>,
    pub more: bool,
}

impl Page {
    /// From up to one name more than the page holds.
    fn cut(mut names: Vec<String>, n: usize) -> Self {
        let more = names.len() > n;
        names.truncate(n);
        Self { names, more }
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

    /// Up to `n` packages after `last` that the caller may see.
    pub async fn catalog(&self, caller: &Caller, last: &str, n: usize) -> Result<Page, Error> {
        let selections = visible_to(&caller.actor, self.clock.now())?;
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let mut paths = BTreeSet::new();
        for selection in selections {
            paths.extend(packages::list_paths(conn, selection, last, one_more(n)).await?);
        }
        Ok(Page::cut(paths.into_iter().take(n + 1).collect(), n))
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
        let sizes =
            versions::referrer_sizes(conn, package_id, subject, artifact_type, last, limit).await?;
        let fit = fitting(&sizes, n);
        let rows = versions::referrers(conn, package_id, subject, artifact_type, last, fit).await?;
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

fn one_more(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX - 1) + 1
}

/// The sets of packages whose union somebody may see; each is an index of its own.
fn visible_to(actor: &Actor, now: i64) -> Result<Vec<Selection>, Refusal> {
    let public = Selection::OfVisibility(Visibility::Public);
    let Some((user, credential)) = &actor.user else {
        return Ok(vec![public]);
    };
    if actor.narrowed.as_ref().is_some_and(|list| !list.catalog) {
        return Err(Refusal::CatalogNotInToken);
    }
    if matches!(credential, Credential::Token { scopes, .. } if !scopes.allow(Scope::Read)) {
        return Ok(vec![public]);
    }
    if user.site_admin {
        return Ok(vec![Selection::All]);
    }
    let owned = user
        .memberships
        .iter()
        .filter(|(_, role)| *role == MemberRole::Owner)
        .map(|(id, _)| Selection::OfOwner(*id));
    let internal = Selection::OfVisibility(Visibility::Internal);
    let own = Selection::OfOwner(user.id);
    let teams = user.teams.iter().map(|id| Principal::Team(*id));
    let granted = teams
        .chain([Principal::Account(user.id)])
        .map(|principal| Selection::GrantedTo(principal, now));
    let selections = [public, internal, own].into_iter();
    Ok(selections.chain(owned).chain(granted).collect())
}
