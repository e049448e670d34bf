//! Roles on a package: who was granted what, by whom, until when.

use std::sync::Arc;

use wharf_db::{
    Tx,
    grants::{self, Grant, GrantDetails, Granted, Principal, Role},
};
use wharf_oci::Name;

use crate::{
    App, Error,
    accounts::{PrincipalName, find_principal},
    authz::{By, Permit, permit::Administer},
};

impl App {
    /// Grants a role, in place of an earlier grant. `lifetime`: microseconds; `None` never ends.
    pub async fn grant(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        to: &PrincipalName,
        role: Role,
        lifetime: Option<i64>,
    ) -> Result<(), Error> {
        let change = Change::Grant { role, lifetime };
        self.change_grant(by, package, to, change).await
    }

    /// Takes back what was granted to a principal; it is felt at once.
    pub async fn revoke_grant(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        from: &PrincipalName,
    ) -> Result<(), Error> {
        self.change_grant(by, package, from, Change::Revoke).await
    }

    /// Every grant on a package, for its admins.
    pub async fn grants(&self, by: &By, package: &Name) -> Result<Vec<GrantDetails>, Error> {
        let permit = self.permit::<Administer>(by, package).await?;
        let mut reader = self.db.reader().await?;
        let on = Granted::Package(permit.package_id());
        Ok(grants::details(&mut reader.conn(), on).await?)
    }

    async fn change_grant(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        principal: &PrincipalName,
        change: Change,
    ) -> Result<(), Error> {
        let change = ChangeGrant {
            package: package.clone(),
            principal: principal.clone(),
            change,
        };
        self.change(by, change).await
    }
}

enum Change {
    Grant { role: Role, lifetime: Option<i64> },
    Revoke,
}

struct ChangeGrant {
    package: Name,
    principal: PrincipalName,
    change: Change,
}

impl crate::change::Change for ChangeGrant {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_in::<Administer>(tx, by, &self.package).await?;
        let principal = find_principal(tx, &self.principal, permit.owner()).await?;
        match self.change {
            Change::Grant { role, lifetime } => {
                let now = app.clock.now();
                let grant = Grant {
                    principal,
                    role,
                    expires_at: lifetime.map(|lifetime| now.saturating_add(lifetime)),
                };
                let on = Granted::Package(permit.package_id());
                grants::put(tx, on, &grant, permit.actor_id(), now).await?;
            }
            Change::Revoke => self.revoke(tx, &permit, principal).await?,
        }
        Ok(())
    }
}

impl ChangeGrant {
    async fn revoke(
        &self,
        tx: &mut Tx<'_>,
        permit: &Permit<Administer>,
        principal: Principal,
    ) -> Result<(), Error> {
        if grants::remove(tx, Granted::Package(permit.package_id()), principal).await? {
            return Ok(());
        }
        Err(Error::NotGranted {
            principal: self.principal.to_string(),
            package: self.package.to_string(),
        })
    }
}
