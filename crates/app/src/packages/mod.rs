//! Packages as their admins handle them.

mod grants;

pub use grants::PrincipalName;

use std::sync::Arc;

use wharf_db::{
    Tx, Write, accounts, organizations,
    packages::{self, Package, Visibility},
};
use wharf_oci::Name;

use crate::{
    App, Error,
    authz::{
        By,
        permit::{Administer, Delete},
    },
};

impl App {
    /// Changes who may see a package, as widely as its owner allows.
    pub async fn set_visibility(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        visibility: Visibility,
    ) -> Result<(), Error> {
        let change = SetVisibility {
            app: Arc::clone(self),
            by: by.clone(),
            package: package.clone(),
            visibility,
        };
        self.write_and_void(change).await
    }

    /// Deletes a package with its versions and tags.
    pub async fn delete_package(self: &Arc<Self>, by: &By, package: &Name) -> Result<(), Error> {
        let delete = DeletePackage {
            app: Arc::clone(self),
            by: by.clone(),
            package: package.clone(),
        };
        self.write_and_void(delete).await
    }

    /// An owner's packages, in order of name.
    pub async fn list_packages_of(&self, login: &str) -> Result<Vec<Package>, Error> {
        const PAGE: i64 = 1000;
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let owner = accounts::find_by_login(conn, &login.to_ascii_lowercase()).await?;
        let owner = owner.ok_or_else(|| Error::NoSuchUser {
            login: login.to_owned(),
        })?;
        let mut all: Vec<Package> = Vec::new();
        loop {
            let after = all.last().map(|p| p.path.clone()).unwrap_or_default();
            let page = packages::list_of_owner(conn, owner.id, &after, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }
}

struct SetVisibility {
    app: Arc<App>,
    by: By,
    package: Name,
    visibility: Visibility,
}

impl Write for SetVisibility {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let app = &self.app;
        let permit = app
            .permit_in::<Administer>(tx, &self.by, &self.package)
            .await?;
        if !permit.by_owning() {
            self.check_policy(tx).await?;
        }
        let now = app.clock.now();
        Ok(packages::set_visibility(tx, permit.package_id(), self.visibility, now).await?)
    }
}

impl SetVisibility {
    /// Those who own the package are not held to what members may.
    async fn check_policy(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let owner = accounts::find_by_login(tx, self.package.owner_str()).await?;
        let Some(owner) = owner else { return Ok(()) };
        let policy = organizations::policy(tx, owner.id).await?;
        if self.visibility <= policy.members_widest_visibility {
            return Ok(());
        }
        Err(Error::TooVisible {
            package: self.package.to_string(),
            wanted: self.visibility.as_str(),
            allowed: policy.members_widest_visibility.as_str(),
            owner: owner.login,
        })
    }
}

struct DeletePackage {
    app: Arc<App>,
    by: By,
    package: Name,
}

impl Write for DeletePackage {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = self
            .app
            .permit_in::<Delete>(tx, &self.by, &self.package)
            .await?;
        Ok(packages::delete(tx, permit.package_id()).await?)
    }
}
