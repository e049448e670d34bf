//! Deleting accounts. Their logins stay taken, so that nobody inherits what
//! still points at them.

use std::sync::Arc;

use wharf_db::{
    Tx,
    accounts::{self, Account, AccountKind},
    grants::{self, Principal},
    identities, organizations, packages, second_factors, sessions, teams, tokens,
};

use super::create::keep_an_administrator;
use crate::{App, Error, authz::By, change::Change, target::find_account};

impl App {
    /// Deletes a user or an organization that owns no packages any more.
    pub async fn delete_account(self: &Arc<Self>, by: &By, login: &str) -> Result<(), Error> {
        self.change(by, Delete(login.to_owned())).await
    }
}

struct Delete(String);

impl Change for Delete {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        app.permit_owner(tx, by, &self.0).await?;
        let account = find_account(tx, &self.0).await?;
        let account = account.filter(|account| account.kind != AccountKind::Upstream);
        let account = account.ok_or_else(|| Error::NoSuchAccount {
            login: self.0.clone(),
        })?;
        let login = account.login.clone();
        match packages::any_of_owner(tx, account.id).await? {
            Some((package, false)) => return Err(Error::StillOwns { login, package }),
            Some((package, true)) => return Err(Error::StillKeeps { login, package }),
            None => {}
        }
        match account.kind {
            AccountKind::User => {
                keep_an_administrator(tx, &account).await?;
                leave_organizations(tx, &account).await?;
            }
            AccountKind::Organization => dissolve(tx, app, account.id).await?,
            AccountKind::ServiceAccount | AccountKind::Upstream => {}
        }
        delete(tx, app, account.id).await
    }
}

/// Ends an account and everything it was given.
pub(super) async fn delete(tx: &mut Tx<'_>, app: &App, id: i64) -> Result<(), Error> {
    let now = app.clock.now();
    grants::remove_all(tx, Principal::Account(id)).await?;
    tokens::revoke_all(tx, id, now).await?;
    sessions::delete_all(tx, id).await?;
    second_factors::delete(tx, id).await?;
    identities::delete_all(tx, id).await?;
    Ok(accounts::delete(tx, id, now).await?)
}

async fn leave_organizations(tx: &mut Tx<'_>, user: &Account) -> Result<(), Error> {
    for (id, role) in organizations::memberships(tx, user.id).await? {
        let is_last = role == organizations::MemberRole::Owner
            && !organizations::has_other_owner(tx, id, user.id).await?;
        if is_last {
            let organization = accounts::find(tx, id).await?;
            return Err(Error::LastOwner {
                login: user.login.clone(),
                organization: organization.map(|o| o.login).unwrap_or_default(),
            });
        }
        organizations::remove_member(tx, id, user.id).await?;
        teams::leave_all(tx, id, user.id).await?;
    }
    Ok(())
}

async fn dissolve(tx: &mut Tx<'_>, app: &App, id: i64) -> Result<(), Error> {
    const PAGE: i64 = 1000;
    loop {
        let page = teams::list(tx, id, "", PAGE).await?;
        if page.is_empty() {
            break;
        }
        for team in page {
            super::teams::delete(tx, team.id).await?;
        }
    }
    loop {
        let page = accounts::service_accounts(tx, id, "", PAGE).await?;
        if page.is_empty() {
            break;
        }
        for account in page {
            delete(tx, app, account.id).await?;
        }
    }
    Ok(organizations::remove_all_members(tx, id).await?)
}
