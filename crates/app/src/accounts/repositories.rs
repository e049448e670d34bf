//! Source repositories that an owner has connected, and who has which role on
//! all packages that inherit their access.

use std::sync::Arc;

use wharf_db::{
    Conn, Tx, accounts,
    grants::{self, Grant, GrantDetails, Granted, Principal, Role},
    repositories::{self, Repository},
};
use wharf_oci::SourceRepository;

use super::{
    PrincipalName,
    find::{find_principal, find_repository},
};
use crate::{
    App, Error,
    authz::{By, facts::OwnerFacts, permit::OwnerPermit},
    change::Change,
    target::owner_facts,
};

impl App {
    /// Connects a repository: packages may be linked to it, and its CI may be
    /// granted roles on them.
    pub async fn connect_repository(
        self: &Arc<Self>,
        by: &By,
        owner: &str,
        repository: &SourceRepository,
    ) -> Result<(), Error> {
        let connect = Connect {
            id: self.ids.next().await?,
            owner: owner.to_owned(),
            repository: repository.clone(),
        };
        self.change(by, connect).await
    }

    /// Disconnects a repository, with every link to it and every grant to its CI.
    pub async fn disconnect_repository(
        self: &Arc<Self>,
        by: &By,
        owner: &str,
        repository: &SourceRepository,
    ) -> Result<(), Error> {
        let (owner, repository) = (owner.to_owned(), repository.clone());
        self.change(by, Disconnect { owner, repository }).await
    }

    /// Up to `limit` repositories of an owner after the name `after`.
    pub async fn repositories(
        &self,
        by: &By,
        owner: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Repository>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let permit = self.permit_owner(conn, by, owner).await?;
        let after = after.to_lowercase();
        Ok(repositories::list(conn, permit.owner_id(), &after, limit).await?)
    }

    /// Grants a role on all packages that inherit a repository's access, or,
    /// without a role, takes it back. `lifetime`: microseconds.
    pub async fn grant_on_repository(
        self: &Arc<Self>,
        by: &By,
        owner: &str,
        repository: &SourceRepository,
        to: &PrincipalName,
        role: Option<(Role, Option<i64>)>,
    ) -> Result<(), Error> {
        let grant = GrantOn {
            owner: owner.to_owned(),
            repository: repository.clone(),
            to: to.clone(),
            role,
        };
        self.change(by, grant).await
    }

    pub async fn repository_grants(
        &self,
        by: &By,
        owner: &str,
        repository: &SourceRepository,
    ) -> Result<Vec<GrantDetails>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let permit = self.permit_owner(conn, by, owner).await?;
        let facts = facts(conn, &permit).await?;
        let found = find_repository(conn, &facts, repository).await?;
        Ok(grants::details(conn, Granted::Repository(found.id)).await?)
    }
}

async fn facts(conn: &mut Conn<'_>, permit: &OwnerPermit) -> Result<OwnerFacts, Error> {
    let account = accounts::find(conn, permit.owner_id()).await?;
    let account = account.ok_or_else(|| Error::Internal("an owner is gone".to_owned()))?;
    owner_facts(conn, account).await
}

struct Connect {
    id: i64,
    owner: String,
    repository: SourceRepository,
}

impl Change for Connect {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_owner(tx, by, &self.owner).await?;
        let repository = Repository {
            id: self.id,
            owner_id: permit.owner_id(),
            name: self.repository.to_string(),
            created_at: app.clock.now(),
        };
        let key = self.repository.key();
        Ok(repositories::insert_if_absent(tx, &repository, key).await?)
    }
}

struct Disconnect {
    owner: String,
    repository: SourceRepository,
}

impl Change for Disconnect {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_owner(tx, by, &self.owner).await?;
        let facts = facts(tx, &permit).await?;
        let found = find_repository(tx, &facts, &self.repository).await?;
        grants::remove_all(tx, Principal::SourceRepository(found.id)).await?;
        Ok(repositories::delete(tx, found.id).await?)
    }
}

struct GrantOn {
    owner: String,
    repository: SourceRepository,
    to: PrincipalName,
    role: Option<(Role, Option<i64>)>,
}

impl Change for GrantOn {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_owner(tx, by, &self.owner).await?;
        let facts = facts(tx, &permit).await?;
        let found = find_repository(tx, &facts, &self.repository).await?;
        let on = Granted::Repository(found.id);
        let principal = find_principal(tx, &self.to, &facts).await?;
        if matches!(principal, Principal::SourceRepository(_)) {
            return Err(Error::Field {
                field: "principal",
                reason: "a repository has no role on another; grant it on a package".to_owned(),
            });
        }
        let Some((role, lifetime)) = self.role else {
            if grants::remove(tx, on, principal).await? {
                return Ok(());
            }
            return Err(Error::NotGranted {
                principal: self.to.to_string(),
                package: self.repository.to_string(),
            });
        };
        let now = app.clock.now();
        let grant = Grant {
            principal,
            role,
            expires_at: lifetime.map(|lifetime| now.saturating_add(lifetime)),
        };
        Ok(grants::put(tx, on, &grant, permit.actor_id(), now).await?)
    }
}
