//! Giving an account another login: its packages follow, and the old login
//! keeps leading to it.

use std::sync::Arc;

use wharf_db::{
    ErrorKind, Tx,
    accounts::{self, AccountKind},
    packages,
};
use wharf_oci::Login;

use crate::{App, Error, authz::By, change::Change, target::find_account};

impl App {
    /// Renames a user or an organization. Images keep being pulled by their
    /// old names; nobody else can take the old login.
    pub async fn rename_account(
        self: &Arc<Self>,
        by: &By,
        login: &str,
        to: &str,
    ) -> Result<(), Error> {
        let to = Login::new_account(to)?;
        let login = login.to_owned();
        self.change(by, Rename { login, to }).await
    }
}

/// Most former logins of one account.
const MOST_FORMER: i64 = 10;

struct Rename {
    login: String,
    to: Login,
}

impl Change for Rename {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_owner(tx, by, &self.login).await?;
        let account = find_account(tx, &self.login).await?;
        let account = account.filter(|account| {
            matches!(account.kind, AccountKind::User | AccountKind::Organization)
        });
        let account = account.ok_or_else(|| Error::NoSuchAccount {
            login: self.login.clone(),
        })?;
        let to = self.to.as_str();
        if account.login == to {
            return Ok(());
        }
        let taken = || Error::LoginTaken {
            login: to.to_owned(),
        };
        let kept_for = accounts::kept_for(tx, to).await?;
        if kept_for.is_some_and(|id| id != permit.owner_id()) {
            return Err(taken());
        }
        let had = accounts::count_former(tx, account.id).await?;
        if had >= MOST_FORMER && kept_for.is_none() {
            let login = account.login;
            return Err(Error::TooManyLogins {
                login,
                most: MOST_FORMER,
            });
        }
        match accounts::rename(tx, &account, to, app.clock.now()).await {
            Err(error) if error.kind == ErrorKind::Duplicate => return Err(taken()),
            result => result?,
        }
        Ok(packages::rename_owner(tx, account.id, &account.login, to).await?)
    }
}
