//! Packages as their admins handle them.

use wharf_db::{
    Tx, Write, accounts,
    packages::{self, Package, Visibility},
};
use wharf_oci::Name;

use crate::{App, Error};

impl App {
    /// Changes who may see a package. On the server's machine: no permit is asked.
    pub async fn set_visibility_as_operator(
        &self,
        name: &Name,
        visibility: Visibility,
    ) -> Result<(), Error> {
        let change = SetVisibility {
            path: name.to_string(),
            visibility,
            at: self.clock.now(),
        };
        self.write_and_void(change).await
    }

    /// Deletes a package with its versions and tags. On the server's machine: no permit is asked.
    pub async fn delete_package_as_operator(&self, name: &Name) -> Result<(), Error> {
        let path = name.to_string();
        self.write_and_void(DeletePackage { path }).await
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
    path: String,
    visibility: Visibility,
    at: i64,
}

impl Write for SetVisibility {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let id = must_find(tx, &self.path).await?.id;
        Ok(packages::set_visibility(tx, id, self.visibility, self.at).await?)
    }
}

struct DeletePackage {
    path: String,
}

impl Write for DeletePackage {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let id = must_find(tx, &self.path).await?.id;
        Ok(packages::delete(tx, id).await?)
    }
}

async fn must_find(tx: &mut Tx<'_>, path: &str) -> Result<Package, Error> {
    let package = packages::find(tx, path).await?;
    package.ok_or_else(|| Error::NoSuchPackage {
        path: path.to_owned(),
    })
}
