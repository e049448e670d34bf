//! Other names for packages: renaming, transfer to another owner, and the
//! former names that keep leading to them.

use std::sync::Arc;

use wharf_db::{
    ErrorKind, Tx, accounts,
    grants::{self, Grant, Granted, Principal, Role},
    packages, repositories,
};
use wharf_oci::Name;

use crate::{
    App, Error,
    authz::{By, Permit, permit::Administer},
    change::Change,
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

    /// Makes a former name free again.
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

    /// The account the package will belong to: whoever renames it must be
    /// allowed to create packages there.
    async fn new_owner(
        &self,
        app: &App,
        by: &By,
        tx: &mut Tx<'_>,
        permit: &Permit<Administer>,
    ) -> Result<i64, Error> {
        let login = self.to.owner_str();
        let owner = find_account(tx, login).await?;
        // Not by a former login: the package would have a name that only leads on.
        let owner = owner.filter(|account| account.login == login);
        let owner = owner.ok_or_else(|| Error::NoSuchAccount {
            login: login.to_owned(),
        })?;
        if owner.id == permit.owner_id() {
            return Ok(owner.id);
        }
        let facts = owner_facts(tx, owner).await?;
        if let By::Caller(caller) = by {
            let actor = app.current_actor(tx, caller).await?;
            crate::authz::policy::decide_creation(&actor, &facts, self.to.as_str())
                .map_err(|refusal| caller.explain(refusal))?;
        }
        Ok(facts.id)
    }
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

struct Release {
    package: Name,
    former: Name,
}

impl Change for Release {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Administer>(tx, by, &self.package).await?;
        if packages::remove_redirect(tx, self.former.as_str(), permit.package_id()).await? {
            return Ok(());
        }
        Err(Error::NotFormerName {
            package: permit.path().to_owned(),
            name: self.former.to_string(),
        })
    }
}
