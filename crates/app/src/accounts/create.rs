//! Making users and organizations.

use wharf_db::{
    ErrorKind, Tx, Write,
    accounts::{self, Account, AccountKind},
    epochs,
    organizations::{self, MemberRole},
};
use wharf_oci::Login;

use super::organizations::find_user;
use crate::{App, Error};

impl App {
    /// Creates a user; without a password it can only use tokens.
    pub async fn create_user(
        &self,
        login: &str,
        site_admin: bool,
        password: Option<&str>,
    ) -> Result<Account, Error> {
        let login = Login::new_account(login)?;
        let password_hash = match password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let account = self.new_account(&login, AccountKind::User).await?;
        self.insert_account(NewAccount {
            account: Account {
                site_admin,
                password_hash,
                ..account
            },
            owner: None,
        })
        .await
    }

    /// Creates an organization owned by a user.
    pub async fn create_organization(&self, login: &str, owner: &str) -> Result<Account, Error> {
        let login = Login::new_account(login)?;
        let owner = self.find_user(owner).await?;
        let account = self.new_account(&login, AccountKind::Organization).await?;
        self.insert_account(NewAccount {
            account,
            owner: Some(owner.id),
        })
        .await
    }

    /// Sets a user's password; registry tokens made with the old one end.
    pub async fn set_password(&self, login: &str, password: &str) -> Result<(), Error> {
        let id = self.find_user(login).await?.id;
        let hash = self.passwords.hash(password).await?;
        self.write_and_void(SetPassword { id, hash }).await
    }

    /// Disables a user (or enables it again): none of its credentials works any more.
    pub async fn set_user_disabled(&self, login: &str, disabled: bool) -> Result<(), Error> {
        let id = self.find_user(login).await?.id;
        let at = disabled.then(|| self.clock.now());
        self.write_and_void(SetDisabled { id, at }).await
    }

    /// Every account of a kind, in order of login.
    pub async fn list_accounts(&self, kind: AccountKind) -> Result<Vec<Account>, Error> {
        const PAGE: i64 = 1000;
        let mut reader = self.db.reader().await?;
        let mut all: Vec<Account> = Vec::new();
        loop {
            let after = all.last().map(|a| a.login.clone()).unwrap_or_default();
            let page = accounts::list(&mut reader.conn(), kind, &after, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    pub(crate) async fn find_user(&self, login: &str) -> Result<Account, Error> {
        let mut reader = self.db.reader().await?;
        find_user(&mut reader.conn(), login).await
    }

    async fn new_account(&self, login: &Login, kind: AccountKind) -> Result<Account, Error> {
        Ok(Account {
            id: self.ids.next().await?,
            login: login.to_string(),
            kind,
            site_admin: false,
            password_hash: None,
            disabled_at: None,
            created_at: self.clock.now(),
        })
    }

    async fn insert_account(&self, new: NewAccount) -> Result<Account, Error> {
        let account = new.account.clone();
        match self.db.write(new).await {
            Ok(epoch) => {
                self.enter_epoch(epoch);
                Ok(account)
            }
            Err(error) if error.kind == ErrorKind::Duplicate => Err(Error::LoginTaken {
                login: account.login,
            }),
            Err(error) => Err(error.into()),
        }
    }
}

struct NewAccount {
    account: Account,
    owner: Option<i64>,
}

impl Write for NewAccount {
    type Output = i64;
    type Error = wharf_db::Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, wharf_db::Error> {
        let (account, role) = (&self.account, MemberRole::Owner);
        accounts::insert(tx, account).await?;
        if let Some(owner) = self.owner {
            organizations::put_member(tx, account.id, owner, role, account.created_at).await?;
        }
        epochs::raise(tx).await
    }
}

struct SetPassword {
    id: i64,
    hash: String,
}

impl Write for SetPassword {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        Ok(accounts::set_password(tx, self.id, &self.hash).await?)
    }
}

struct SetDisabled {
    id: i64,
    at: Option<i64>,
}

impl Write for SetDisabled {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        Ok(accounts::set_disabled(tx, self.id, self.at).await?)
    }
}
