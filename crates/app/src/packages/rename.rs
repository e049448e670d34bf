//! Other names for packages: renaming, transfer to another owner, and the
//! former names that keep leading to them.

use std::sync::Arc;

use wharf_db::{
    ErrorKind, Tx, accounts,
    grants::{self, Grant, Granted, Principal, Role},
    holdings, packages,
    quotas::Amounts,
    repositories, uploads, usage,
};
use wharf_oci::Name;

use super::visibility;
use crate::{
    App, Error,
    authz::{By, Permit, Refusal, permit::Administer, policy},
    change::Change,
    quota::charge,
    target::{find_account, owner_facts},
};

impl App {
    /// Gives a package another name, perhaps another owner. The old name keeps
    /// leading to it, for pulls and pushes, until it is released.
    pub async fn rename_package(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        to: &Name,
    ) -> Result<(), Error> {
        let (package, to) = (package.clone(), to.clone());
        self.change(by, Rename { package, to }).await
    }

    /// The former names of a package.
    pub async fn former_names(&self, by: &By, package: &Name) -> Result<Vec<String>, Error> {
        let permit = self.permit::<Administer>(by, package).await?;
        let mut reader = self.db.reader().await?;
        Ok(packages::redirects(&mut reader.conn(), permit.package_id()).await?)
    }

    /// Makes a former name free again; for those who own the package.
    pub async fn release_name(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        former: &Name,
    ) -> Result<(), Error> {
        let (package, former) = (package.clone(), former.clone());
        self.change(by, Release { package, former }).await
    }
}

/// Most names that lead to one package.
const MOST_FORMER_NAMES: usize = 20;

struct Rename {
    package: Name,
    to: Name,
}

impl Change for Rename {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Administer>(tx, by, &self.package).await?;
        let owner_id = self.new_owner(app, by, tx, &permit).await?;
        let (id, to, now) = (permit.package_id(), self.to.as_str(), app.clock.now());
        if permit.path() == to {
            return Ok(());
        }
        let former = packages::redirects(tx, id).await?;
        let goes_back = former.iter().any(|name| name == to);
        if !goes_back && former.len() >= MOST_FORMER_NAMES {
            return Err(Error::TooManyNames {
                package: permit.path().to_owned(),
                most: MOST_FORMER_NAMES,
            });
        }
        let leads_to = packages::find_redirect(tx, to).await?;
        if leads_to.is_some_and(|other| other != id) {
            return Err(self.taken());
        }
        packages::remove_redirect(tx, to, id).await?;
        match packages::rename(tx, id, to, owner_id, now).await {
            Err(error) if error.kind == ErrorKind::Duplicate => return Err(self.taken()),
            result => result?,
        }
        packages::redirect(tx, permit.path(), id, now).await?;
        if owner_id != permit.owner_id() {
            hand_over(tx, &permit, now).await?;
            hand_over_charges(tx, &permit, owner_id).await?;
        }
        Ok(())
    }
}

impl Rename {
    fn taken(&self) -> Error {
        Error::PackageTaken {
            path: self.to.to_string(),
        }
    }

    /// The account the package will belong to. Whoever renames it must be
    /// allowed to create packages by that name; and only those who own a
    /// package give it to another owner, with the name it leaves behind.
    async fn new_owner(
        &self,
        app: &App,
        by: &By,
        tx: &mut Tx<'_>,
        permit: &Permit<Administer>,
    ) -> Result<i64, Error> {
        if permit.path() == self.to.as_str() {
            return Ok(permit.owner_id());
        }
        let login = self.to.owner_str();
        let owner = find_account(tx, login).await?;
        // Not by a former login: the package would have a name that only leads on.
        let owner = owner.filter(|account| account.login == login);
        let owner = owner.ok_or_else(|| Error::NoSuchAccount {
            login: login.to_owned(),
        })?;
        let facts = owner_facts(tx, owner).await?;
        let leaves = facts.id != permit.owner_id();
        let By::Caller(caller) = by else {
            return Ok(facts.id);
        };
        if leaves && !permit.by_owning() {
            return Err(Error::Refused(Refusal::NotOwner {
                login: caller.login().unwrap_or_default().to_owned(),
                owner: permit.owner().login.clone(),
            }));
        }
        let actor = app.current_actor(tx, caller).await?;
        policy::decide_creation(&actor, &facts, self.to.as_str())
            .map_err(|refusal| caller.explain(refusal))?;
        if leaves && policy::decide_owner(&actor, &facts).is_err() {
            visibility::check(tx, permit, &facts).await?;
        }
        Ok(facts.id)
    }
}

/// What the package stores is charged to its new owner, who must have room for it.
async fn hand_over_charges(
    tx: &mut Tx<'_>,
    permit: &Permit<Administer>,
    new_owner: i64,
) -> Result<(), Error> {
    let (id, old_owner) = (permit.package_id(), permit.owner_id());
    let used = usage::of_package(tx, id).await?;
    let with_blobs = |bytes| Amounts {
        bytes: bytes + used.manifests.bytes + used.uploads.bytes,
        packages: 1,
        tags: used.tags,
    };
    let gained = with_blobs(holdings::new_to_owner(tx, id, new_owner).await?);
    let given = with_blobs(holdings::of_package_alone(tx, id).await?);
    holdings::set_owner(tx, id, new_owner).await?;
    uploads::set_owner(tx, id, new_owner).await?;
    charge(tx, old_owner, -given).await?;
    charge(tx, new_owner, gained).await
}

/// With a new owner the teams, service accounts and repositories of the old
/// one lose what they had; whoever handed it over stays its admin.
async fn hand_over(tx: &mut Tx<'_>, permit: &Permit<Administer>, now: i64) -> Result<(), Error> {
    let on = Granted::Package(permit.package_id());
    repositories::link(tx, permit.package_id(), None, false).await?;
    for grant in grants::on(tx, on).await? {
        let is_theirs = match grant.principal {
            Principal::Team(_) | Principal::SourceRepository(_) => true,
            Principal::Account(account) => accounts::find(tx, account)
                .await?
                .is_some_and(|account| account.organization_id == Some(permit.owner_id())),
        };
        if is_theirs {
            grants::remove(tx, on, grant.principal).await?;
        }
    }
    let Some(actor) = permit.actor_id() else {
        return Ok(());
    };
    let grant = Grant {
        principal: Principal::Account(actor),
        role: Role::Admin,
        expires_at: None,
    };
    Ok(grants::put(tx, on, &grant, Some(actor), now).await?)
}

impl App {
    /// Up to `limit` names in an owner's namespace that lead to packages, and
    /// where they lead, after the name `after`.
    pub async fn names_leading_on(
        &self,
        by: &By,
        owner: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        self.permit_owner(conn, by, owner).await?;
        let login = find_account(conn, owner)
            .await?
            .map(|account| account.login);
        let login = login.unwrap_or_default();
        Ok(packages::redirects_under(conn, &login, after, limit).await?)
    }

    /// Makes a name in an owner's namespace free again, wherever it leads.
    pub async fn reclaim_name(
        self: &Arc<Self>,
        by: &By,
        owner: &str,
        former: &Name,
    ) -> Result<(), Error> {
        let (owner, former) = (owner.to_owned(), former.clone());
        self.change(by, Reclaim { owner, former }).await
    }
}

struct Reclaim {
    owner: String,
    former: Name,
}

impl Change for Reclaim {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_owner(tx, by, &self.owner).await?;
        let owner = accounts::find(tx, permit.owner_id()).await?;
        let login = owner.map(|account| account.login).unwrap_or_default();
        let name = self.former.as_str();
        if self.former.owner_str() == login
            && let Some(package) = packages::find_redirect(tx, name).await?
        {
            packages::remove_redirect(tx, name, package).await?;
            return Ok(());
        }
        Err(Error::NotFormerName {
            package: login,
            name: name.to_owned(),
        })
    }
}

struct Release {
    package: Name,
    former: Name,
}

impl Change for Release {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Administer>(tx, by, &self.package).await?;
        if !permit.by_owning() {
            let login = match by {
                By::Caller(caller) => caller.login().unwrap_or_default().to_owned(),
                By::Operator => String::new(),
            };
            let owner = permit.owner().login.clone();
            return Err(Error::Refused(Refusal::NotOwner { login, owner }));
        }
        if packages::remove_redirect(tx, self.former.as_str(), permit.package_id()).await? {
            return Ok(());
        }
        Err(Error::NotFormerName {
            package: permit.path().to_owned(),
            name: self.former.to_string(),
        })
    }
}
