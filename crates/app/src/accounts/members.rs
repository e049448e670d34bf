//! Who belongs to an organization.

use std::sync::Arc;

use wharf_db::{
    Conn, Tx,
    accounts::Account,
    grants,
    organizations::{self, MemberRole},
    teams,
};

use super::find::{find_organization, find_user, somebody};
use crate::{
    App, Error,
    authz::{By, policy::decide_member},
    change::Change,
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
        let put = PutMember {
            organization: organization.to_owned(),
            login: login.to_owned(),
            role,
        };
        self.change(by, put).await
    }

    /// Takes a user out of an organization, its teams, and every grant on its packages.
    pub async fn remove_member(
        self: &Arc<Self>,
        by: &By,
        organization: &str,
        login: &str,
    ) -> Result<(), Error> {
        let remove = RemoveMember {
            organization: organization.to_owned(),
            login: login.to_owned(),
        };
        self.change(by, remove).await
    }

    /// Up to `limit` members after the login `after`, for the members themselves.
    pub async fn members(
        &self,
        by: &By,
        organization: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(String, MemberRole)>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = self.must_belong(conn, by, organization).await?;
        Ok(organizations::members(conn, id, after, limit).await?)
    }

    /// The id of an organization whose members and teams somebody may see:
    /// members, and site administrators. To others it shows nothing.
    pub(super) async fn must_belong(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
        organization: &str,
    ) -> Result<i64, Error> {
        somebody(by, organization)?;
        let account = find_organization(conn, organization).await?;
        let By::Caller(caller) = by else {
            return Ok(account.id);
        };
        let actor = self.current_actor(conn, caller).await?;
        let seen = decide_member(&actor, account.id, &account.login);
        seen.map_err(|r| caller.explain(r))?;
        Ok(account.id)
    }
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
    organization: String,
    login: String,
    role: MemberRole,
}

impl Change for PutMember {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_organization(tx, by, &self.organization).await?;
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
    organization: String,
    login: String,
}

impl Change for RemoveMember {
    type Output = ();

    /// Members may leave by themselves.
    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        somebody(by, &self.organization)?;
        let user = find_user(tx, &self.login).await?;
        let organization = find_organization(tx, &self.organization).await?;
        let id = organization.id;
        if app.permit_account(tx, by, user.clone()).await.is_err() {
            app.permit_account(tx, by, organization).await?;
        }
        keep_an_owner(tx, id, &self.organization, &user).await?;
        if !organizations::remove_member(tx, id, user.id).await? {
            if organizations::role(tx, id, user.id).await?.is_some() {
                return Err(Error::MemberByGroup {
                    login: user.login,
                    organization: self.organization.clone(),
                });
            }
            return Err(Error::NotMember {
                login: user.login,
                organization: self.organization.clone(),
            });
        }
        teams::leave_all(tx, id, user.id).await?;
        Ok(grants::leave(tx, id, user.id).await?)
    }
}
