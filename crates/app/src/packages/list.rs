//! Packages as people find them: by owner, by name, all that they may see.

use std::collections::BTreeSet;

use wharf_db::{
    about::{self, Origin, PackageAbout},
    accounts,
    grants::{Principal, Role},
    organizations::MemberRole,
    packages::{self, Package, Selection, Visibility},
    tags,
};
use wharf_oci::Name;

use super::latest;
use crate::{
    App, Error,
    accounts::somebody,
    authn::Caller,
    authz::{
        Action, Actor, By, Credential, Refusal, Scope,
        permit::Pull,
        policy::{self, role_of},
    },
    pull::Page,
    target::find_account,
};

/// Tags that are looked at to find the newest release.
const RELEASES_SEEN: i64 = 10_000;
/// Names that one search looks at before it answers with what it has.
const SEARCHED: usize = 20_000;
const SEARCHED_AT_ONCE: usize = 1000;

/// A package in a list.
#[derive(Debug, Clone)]
pub struct PackageSummary {
    pub package: Package,
    pub about: PackageAbout,
}

/// A package, with what is shown on its own page.
#[derive(Debug, Clone)]
pub struct PackageView {
    pub summary: PackageSummary,
    pub owner: String,
    pub created_by: Option<String>,
    /// What people mean who name no tag.
    pub latest: Option<String>,
    /// What whoever asks may do at most.
    pub role: Option<Role>,
}

impl App {
    /// Up to `n` packages after `last` that the caller may see.
    pub async fn catalog(&self, caller: &Caller, last: &str, n: usize) -> Result<Page, Error> {
        self.visible(caller, None, last, n).await
    }

    /// Up to `n` packages after the path `last`, of one owner or of all, whose
    /// names contain `search`. A page may be short, or empty, with more to come.
    pub async fn packages(
        &self,
        by: &By,
        owner: Option<&str>,
        search: Option<&str>,
        last: &str,
        n: usize,
    ) -> Result<(Vec<PackageSummary>, Option<String>), Error> {
        let owner_id = match owner {
            Some(login) => match self.owner_id(login).await? {
                Some(id) => Some(id),
                // To nobody is told which accounts there are.
                None if somebody(by, login).is_err() => return Ok((Vec::new(), None)),
                None => {
                    let login = login.to_owned();
                    return Err(Error::NoSuchAccount { login });
                }
            },
            None => None,
        };
        let (mut found, mut last) = (Vec::new(), last.to_owned());
        let at_once = search.map_or(n, |_| SEARCHED_AT_ONCE);
        let mut seen = 0;
        loop {
            let page = match by {
                By::Caller(caller) => self.visible(caller, owner_id, &last, at_once).await?,
                By::Operator => self.all(owner_id, &last, at_once).await?,
            };
            seen += at_once.max(1);
            for name in page.names {
                if search.is_none_or(|text| name.contains(text)) {
                    found.extend(self.summary(&name).await?);
                }
                if found.len() == n {
                    return Ok((found, Some(name)));
                }
            }
            match page.next {
                Some(next) if seen < SEARCHED => last = next,
                next => return Ok((found, next)),
            }
        }
    }

    /// Everything about a package.
    pub async fn package(&self, by: &By, name: &Name) -> Result<PackageView, Error> {
        let permit = self.permit::<Pull>(by, name).await?;
        let summary = self.summary(permit.path()).await?;
        let summary = summary.ok_or_else(|| Error::NoSuchPackage {
            path: name.to_string(),
        })?;
        let role = match by {
            By::Operator => Some(Role::Admin),
            By::Caller(caller) => {
                let target = self.target(&caller.caches, name).await?;
                let user = caller.actor.user.as_ref();
                user.and_then(|(user, _)| role_of(user, &target, self.clock.now()))
            }
        };
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let creator = match summary.package.created_by {
            Some(id) => accounts::find(conn, id).await?,
            None => None,
        };
        let names = tags::list(conn, permit.package_id(), "", RELEASES_SEEN).await?;
        let latest = latest::latest(names.iter().map(String::as_str)).map(str::to_owned);
        Ok(PackageView {
            owner: permit.owner().login.clone(),
            created_by: creator.map(|account| account.login),
            latest,
            role,
            summary,
        })
    }

    async fn owner_id(&self, login: &str) -> Result<Option<i64>, Error> {
        let mut reader = self.db.reader().await?;
        let owner = find_account(&mut reader.conn(), login).await?;
        Ok(owner.map(|owner| owner.id))
    }

    async fn summary(&self, path: &str) -> Result<Option<PackageSummary>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let Some(package) = packages::find(conn, path).await? else {
            return Ok(None);
        };
        let edited = about::find(conn, package.id, Origin::Edited).await?;
        let about = edited.or(about::find(conn, package.id, Origin::Image).await?);
        Ok(Some(PackageSummary { package, about }))
    }

    async fn all(&self, owner_id: Option<i64>, last: &str, n: usize) -> Result<Page, Error> {
        let selection = owner_id.map_or(Selection::All, Selection::OfOwner);
        let mut reader = self.db.reader().await?;
        let limit = one_more(n);
        let names = packages::list_paths(&mut reader.conn(), selection, last, limit).await?;
        Ok(Page::cut(names, n))
    }

    /// A page of what the caller may see. Each selection is an index of its own.
    async fn visible(
        &self,
        caller: &Caller,
        owner_id: Option<i64>,
        last: &str,
        n: usize,
    ) -> Result<Page, Error> {
        let selections = visible_to(&caller.actor, owner_id, self.clock.now())?;
        let mut paths = BTreeSet::new();
        {
            let mut reader = self.db.reader().await?;
            let conn = &mut reader.conn();
            for selection in selections {
                paths.extend(packages::list_paths(conn, selection, last, one_more(n)).await?);
            }
        }
        let page = Page::cut(paths.into_iter().take(n + 1).collect(), n);
        if owner_id.is_none() && !is_limited(&caller.actor) {
            return Ok(page);
        }
        self.checked(caller, owner_id, page).await
    }

    /// Where selections are wider than what is asked for, the policy is asked for each name.
    async fn checked(
        &self,
        caller: &Caller,
        owner_id: Option<i64>,
        page: Page,
    ) -> Result<Page, Error> {
        let mut names = Vec::new();
        for path in page.names {
            let Ok(name) = path.parse::<Name>() else {
                continue;
            };
            let target = self.target(&caller.caches, &name).await?;
            let of_owner = owner_id
                .is_none_or(|id| target.effective_owner().is_some_and(|owner| owner.id == id));
            let now = self.clock.now();
            if of_owner && policy::decide(&caller.actor, &target, Action::Pull, now).is_ok() {
                names.push(path);
            }
        }
        Ok(Page { names, ..page })
    }
}

fn is_limited(actor: &Actor) -> bool {
    matches!(&actor.user, Some((_, Credential::Token { limits, .. })) if !limits.packages.is_empty())
}

pub(crate) fn one_more(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX - 1) + 1
}

/// The sets of packages whose union somebody may see, of one owner or of all.
fn visible_to(actor: &Actor, owner_id: Option<i64>, now: i64) -> Result<Vec<Selection>, Refusal> {
    let of_visibility = |visibility| match owner_id {
        Some(id) => Selection::OfOwnerOfVisibility(id, visibility),
        None => Selection::OfVisibility(visibility),
    };
    let public = of_visibility(Visibility::Public);
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
        return Ok(vec![owner_id.map_or(Selection::All, Selection::OfOwner)]);
    }
    let controlled = user.memberships.iter();
    let controlled = controlled.filter(|(_, role)| *role == MemberRole::Owner);
    let controlled = controlled.map(|(id, _)| *id).chain([user.id]);
    let owned = controlled.filter(|id| owner_id.is_none_or(|owner| owner == *id));
    let internal = of_visibility(Visibility::Internal);
    let teams = user.teams.iter().map(|id| Principal::Team(*id));
    let granted = teams
        .chain([Principal::Account(user.id)])
        .map(|principal| Selection::GrantedTo(principal, now));
    let selections = [public, internal].into_iter();
    Ok(selections
        .chain(owned.map(Selection::OfOwner))
        .chain(granted)
        .collect())
}
