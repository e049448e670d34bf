//! Organizations: who belongs to them, and what they let their members do.

use std::sync::Arc;

use wharf_db::{
    Conn, Tx, Write,
    accounts::{self, Account, AccountKind},
    epochs, grants,
    organizations::{self, MemberRole, Policy},
    teams,
};

use crate::{
    App, Error,
    authz::{
        By,
        facts::OwnerFacts,
        permit::{self, OwnerPermit},
    },
};

impl App {
    /// Adds a user to an organization, or changes its role there.
    pub async fn put_member(
        self: &Arc<Self>,
        by: &By,
        organization: &str,
        login: &str,
        role: MemberRole,
    ) -> Result<(), Error> {
        let change = PutMember {
            app: Arc::clone(self),
            by: by.clone(),
            organization: organization.to_owned(),
            login: login.to_owned(),
            role,
        };
        self.write_and_void(change).await
    }

    /// Takes a user out of an organization, its teams, and every grant on its packages.
    pub async fn remove_member(
        self: &Arc<Self>,
        by: &By,
        organization: &str,
        login: &str,
    ) -> Result<(), Error> {
        let change = RemoveMember {
            app: Arc::clone(self),
            by: by.clone(),
            organization: organization.to_owned(),
            login: login.to_owned(),
        };
        self.write_and_void(change).await
    }

    /// Up to `limit` members after the login `after`.
    pub async fn members(
        &self,
        organization: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(String, MemberRole)>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = find_organization(conn, organization).await?.id;
        Ok(organizations::members(conn, id, after, limit).await?)
    }

    pub async fn organization_policy(&self, organization: &str) -> Result<Policy, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = find_organization(conn, organization).await?.id;
        Ok(organizations::policy(conn, id).await?)
    }

    pub async fn set_organization_policy(
        self: &Arc<Self>,
        by: &By,
        organization: &str,
        policy: Policy,
    ) -> Result<(), Error> {
        let change = SetPolicy {
            app: Arc::clone(self),
            by: by.clone(),
            organization: organization.to_owned(),
            policy,
        };
        self.write_and_void(change).await
    }

    /// Permission to manage an organization.
    pub(super) async fn permit_organization(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
        organization: &str,
    ) -> Result<OwnerPermit, Error> {
        find_organization(conn, organization).await?;
        self.permit_owner(conn, by, organization).await
    }

    /// Permission to manage an owner of packages: an organization, or oneself.
    pub(crate) async fn permit_owner(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
        login: &str,
    ) -> Result<OwnerPermit, Error> {
        let account = accounts::find_by_login(conn, &login.to_ascii_lowercase()).await?;
        let account = account.ok_or_else(|| Error::NoSuchUser {
            login: login.to_owned(),
        })?;
        let facts = OwnerFacts {
            members_may_create: false,
            id: account.id,
            kind: account.kind,
            login: account.login,
        };
        let By::Caller(caller) = by else {
            return Ok(OwnerPermit::of_operator(&facts));
        };
        let actor = if epochs::current(conn).await? == caller.caches.epoch {
            caller.actor.clone()
        } else {
            self.refresh_actor(conn, &caller.actor).await?
        };
        permit::authorize_owner(&actor, &facts).map_err(|r| caller.explain(r))
    }
}

pub(super) async fn find_organization(conn: &mut Conn<'_>, login: &str) -> Result<Account, Error> {
    let account = accounts::find_by_login(conn, &login.to_ascii_lowercase()).await?;
    let organization = account.filter(|account| account.kind == AccountKind::Organization);
    organization.ok_or_else(|| Error::NoSuchOrganization {
        login: login.to_owned(),
    })
}

pub(crate) async fn find_user(conn: &mut Conn<'_>, login: &str) -> Result<Account, Error> {
    let account = accounts::find_by_login(conn, &login.to_ascii_lowercase()).await?;
    let user = account.filter(|account| account.kind == AccountKind::User);
    user.ok_or_else(|| Error::NoSuchUser {
        login: login.to_owned(),
    })
}

/// An organization always has an owner.
async fn keep_an_owner(
    conn: &mut Conn<'_>,
    organization_id: i64,
    organization: &str,
    user: &Account,
) -> Result<(), Error> {
    let role = organizations::role(conn, organization_id, user.id).await?;
    if role == Some(MemberRole::Owner)
        && !organizations::has_other_owner(conn, organization_id, user.id).await?
    {
        return Err(Error::LastOwner {
            login: user.login.clone(),
            organization: organization.to_owned(),
        });
    }
    Ok(())
}

struct PutMember {
    app: Arc<App>,
    by: By,
    organization: String,
    login: String,
    role: MemberRole,
}

impl Write for PutMember {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let app = &self.app;
        let permit = app
            .permit_organization(tx, &self.by, &self.organization)
            .await?;
        let id = permit.owner_id();
        let user = find_user(tx, &self.login).await?;
        if self.role == MemberRole::Member {
            keep_an_owner(tx, id, &self.organization, &user).await?;
        }
        let now = app.clock.now();
        Ok(organizations::put_member(tx, id, user.id, self.role, now).await?)
    }
}

struct RemoveMember {
    app: Arc<App>,
    by: By,
    organization: String,
    login: String,
}

impl Write for RemoveMember {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = self
            .app
            .permit_organization(tx, &self.by, &self.organization)
            .await?;
        let id = permit.owner_id();
        let user = find_user(tx, &self.login).await?;
        keep_an_owner(tx, id, &self.organization, &user).await?;
        if !organizations::remove_member(tx, id, user.id).await? {
            return Err(Error::NotMember {
                login: user.login,
                organization: self.organization.clone(),
            });
        }
        teams::leave_all(tx, id, user.id).await?;
        Ok(grants::leave(tx, id, user.id).await?)
    }
}

struct SetPolicy {
    app: Arc<App>,
    by: By,
    organization: String,
    policy: Policy,
}

impl Write for SetPolicy {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = self
            .app
            .permit_organization(tx, &self.by, &self.organization)
            .await?;
        Ok(organizations::set_policy(tx, permit.owner_id(), self.policy).await?)
    }
}
