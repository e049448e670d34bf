//! Roles on a package: who was granted what, by whom, until when.

use std::{fmt, str::FromStr, sync::Arc};

use wharf_db::{
    Conn, Tx, Write,
    grants::{self, Grant, GrantDetails, Principal, Role},
};
use wharf_oci::{Login, Name};

use crate::{
    App, Error,
    accounts::{TeamName, TeamNameError, find_team, find_user},
    authz::{By, Permit, permit::Administer},
};

/// Whom a role is granted to: `LOGIN`, or `ORGANIZATION/TEAM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalName {
    Account(Login),
    Team(TeamName),
}

impl FromStr for PrincipalName {
    type Err = TeamNameError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s.contains('/') {
            return Ok(Self::Team(s.parse()?));
        }
        Ok(Self::Account(s.parse()?))
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(login) => login.fmt(f),
            Self::Team(team) => team.fmt(f),
        }
    }
}

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
        Ok(grants::details(&mut reader.conn(), permit.package_id()).await?)
    }

    async fn change_grant(
        self: &Arc<Self>,
        by: &By,
        package: &Name,
        principal: &PrincipalName,
        change: Change,
    ) -> Result<(), Error> {
        let change = ChangeGrant {
            app: Arc::clone(self),
            by: by.clone(),
            package: package.clone(),
            principal: principal.clone(),
            change,
        };
        self.write_and_void(change).await
    }
}

enum Change {
    Grant { role: Role, lifetime: Option<i64> },
    Revoke,
}

struct ChangeGrant {
    app: Arc<App>,
    by: By,
    package: Name,
    principal: PrincipalName,
    change: Change,
}

impl Write for ChangeGrant {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let app = &self.app;
        let permit = app
            .permit_in::<Administer>(tx, &self.by, &self.package)
            .await?;
        let principal = self.resolve(tx).await?;
        match self.change {
            Change::Grant { role, lifetime } => {
                let now = app.clock.now();
                let grant = Grant {
                    principal,
                    role,
                    expires_at: lifetime.map(|lifetime| now.saturating_add(lifetime)),
                };
                grants::put(tx, permit.package_id(), &grant, permit.actor_id(), now).await?;
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
        if grants::remove(tx, permit.package_id(), principal).await? {
            return Ok(());
        }
        Err(Error::NotGranted {
            principal: self.principal.to_string(),
            package: self.package.to_string(),
        })
    }

    async fn resolve(&self, conn: &mut Conn<'_>) -> Result<Principal, Error> {
        match &self.principal {
            PrincipalName::Account(login) => Ok(Principal::Account(
                find_user(conn, login.as_str()).await?.id,
            )),
            PrincipalName::Team(team) => {
                let owner = self.package.owner_str().to_owned();
                if team.organization() != owner {
                    let team = team.to_string();
                    return Err(Error::ForeignTeam { team, owner });
                }
                Ok(Principal::Team(find_team(conn, team).await?.id))
            }
        }
    }
}
