//! Links from packages to the source repositories they are built from.

use std::sync::Arc;

use wharf_db::{
    Tx, epochs, organizations,
    repositories::{self, Link},
};
use wharf_oci::{Name, SourceRepository};

use crate::{
    App, Error,
    accounts::find_repository,
    authz::{
        By, Permit,
        permit::{Administer, Pull, Push},
    },
    change::Change,
};

impl App {
    /// Links a package to a repository that its owner has connected. With
    /// `inherits_access`, whoever has a role on the repository has it on the
    /// package, and the repository's CI may push.
    pub async fn link_package(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        repository: &SourceRepository,
        inherits_access: bool,
    ) -> Result<(), Error> {
        let link = LinkTo {
            package: package.clone(),
            repository: repository.clone(),
            inherits_access,
        };
        self.change(by, link).await
    }

    pub async fn unlink_package(self: &Arc<Self>, by: &By, package: &Name) -> Result<(), Error> {
        self.change(by, Unlink(package.clone())).await
    }

    /// The repository that a package is linked to.
    pub async fn link(&self, by: &By, package: &Name) -> Result<Link, Error> {
        let permit = self.permit::<Pull>(by, package).await?;
        let mut reader = self.db.reader().await?;
        let link = repositories::of_package(&mut reader.conn(), permit.package_id()).await?;
        link.ok_or_else(|| Error::NotLinked {
            package: package.to_string(),
        })
    }
}

/// Links a package that says where it is built, at its first tag: later, or
/// once it is linked, a label moves nothing. It links only to what the owner
/// has connected, and gives nobody access unless an admin of the package
/// pushes, so that who may only write opens it to nobody else.
pub(crate) async fn link_by_label(
    tx: &mut Tx<'_>,
    permit: &Permit<Push>,
    source: &SourceRepository,
) -> Result<(), Error> {
    let owner = permit.owner();
    if repositories::of_package(tx, permit.package_id())
        .await?
        .is_some()
    {
        return Ok(());
    }
    let found = repositories::find(tx, owner.id, source.key()).await?;
    let Some(repository) = found else {
        return Ok(());
    };
    let policy = organizations::policy(tx, owner.id).await?;
    let inherits = policy.inherit_by_default && permit.is_admin();
    repositories::link(tx, permit.package_id(), Some(repository.id), inherits).await?;
    // Others have access from now on that were refused a moment ago.
    epochs::raise(tx).await?;
    Ok(())
}

struct LinkTo {
    package: Name,
    repository: SourceRepository,
    inherits_access: bool,
}

impl Change for LinkTo {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Administer>(tx, by, &self.package).await?;
        let found = find_repository(tx, permit.owner(), &self.repository).await?;
        let (id, inherits) = (Some(found.id), self.inherits_access);
        Ok(repositories::link(tx, permit.package_id(), id, inherits).await?)
    }
}

struct Unlink(Name);

impl Change for Unlink {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Administer>(tx, by, &self.0).await?;
        if repositories::of_package(tx, permit.package_id())
            .await?
            .is_none()
        {
            return Err(Error::NotLinked {
                package: self.0.to_string(),
            });
        }
        Ok(repositories::link(tx, permit.package_id(), None, false).await?)
    }
}
