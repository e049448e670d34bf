//! Making users and organizations, and letting users in or not.

use std::sync::Arc;

use wharf_db::{
    Conn, ErrorKind, Tx,
    accounts::{self, Account, AccountKind},
    organizations::{self, MemberRole},
    sessions, tokens,
};
use wharf_oci::Login;

use super::find::{find_user, somebody};
use crate::{
    App, Error,
    authz::{
        By, Credential,
        policy::{decide_listing, decide_themselves},
    },
    change::Change,
};

impl App {
    /// Creates a user; without a password it can only use tokens.
    pub async fn create_user(
        self: &Arc<Self>,
        by: &By,
        login: &str,
        site_admin: bool,
        password: Option<&str>,
    ) -> Result<Account, Error> {
        self.permit_lasting(&mut self.db.reader().await?.conn(), by)
            .await?;
        let login = Login::new_account(login)?;
        let password_hash = match password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let account = self.new_account(login.as_str(), AccountKind::User).await?;
        let account = Account {
            site_admin,
            password_hash,
            ..account
        };
        self.change(by, CreateUser(account)).await
    }

    /// Creates an organization owned by a user.
    pub async fn create_organization(
        self: &Arc<Self>,
        by: &By,
        login: &str,
        owner: &str,
    ) -> Result<Account, Error> {
        let login = Login::new_account(login)?;
        let kind = AccountKind::Organization;
        let create = CreateOrganization {
            account: self.new_account(login.as_str(), kind).await?,
            owner: owner.to_owned(),
        };
        self.change(by, create).await
    }

    /// Sets a user's password; sessions and registry tokens made with the old one end.
    pub async fn set_password(
        self: &Arc<Self>,
        by: &By,
        login: &str,
        password: &str,
    ) -> Result<(), Error> {
        // Hashing costs: it is done for nobody who may not.
        self.permit_password(&mut self.db.reader().await?.conn(), by, login)
            .await?;
        let hash = self.passwords.hash(password).await?;
        let login = login.to_owned();
        self.change(by, SetPassword { login, hash }).await
    }

    /// Whoever signed in with a password may set another; a token is not enough.
    async fn permit_password(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
        login: &str,
    ) -> Result<(), Error> {
        if let By::Caller(caller) = by {
            let actor = self.current_actor(conn, caller).await?;
            let own = actor.user.as_ref().map(|(user, _)| user.login.as_str());
            let is_own = own.is_some_and(|own| own.eq_ignore_ascii_case(login));
            if is_own && decide_themselves(&actor).is_ok() {
                // Whoever is known by an identity provider alone would outlast it.
                let has_one = find_user(conn, login).await?.password_hash.is_some();
                if has_one || actor.user.as_ref().is_some_and(|(user, _)| user.site_admin) {
                    return Ok(());
                }
                return Err(Error::NoPasswordYet {
                    login: login.to_owned(),
                });
            }
        }
        self.permit_lasting(conn, by).await
    }

    /// Permission to make what outlives the credential it is made with: users
    /// and passwords. A token that ends, or is good in some places only, must
    /// not leave one behind that does not and is not.
    pub(crate) async fn permit_lasting(&self, conn: &mut Conn<'_>, by: &By) -> Result<(), Error> {
        self.permit_site(conn, by).await?;
        let By::Caller(caller) = by else {
            return Ok(());
        };
        let Some(Credential::Token { id, limits, .. }) = caller.credential() else {
            return Ok(());
        };
        let token = tokens::find(conn, *id).await?;
        let ends = token.is_none_or(|token| token.expires_at.is_some());
        if ends || !limits.is_empty() {
            let reason = "users and passwords outlive a token that ends or is limited; use a password, or a token without an end";
            return Err(Error::Invalid(reason.to_owned()));
        }
        Ok(())
    }

    /// Disables a user (or enables it again): none of its credentials works any more.
    pub async fn set_user_disabled(
        self: &Arc<Self>,
        by: &By,
        login: &str,
        disabled: bool,
    ) -> Result<(), Error> {
        let login = login.to_owned();
        self.change(by, SetDisabled { login, disabled }).await
    }

    /// Up to `limit` accounts of a kind after the login `after`, for site administrators.
    pub async fn all_accounts(
        &self,
        by: &By,
        kind: AccountKind,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Account>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        self.permit_site(conn, by).await?;
        Ok(accounts::list(conn, kind, after, limit).await?)
    }

    /// Up to `limit` organizations after the login `after`: for site
    /// administrators all, for others those they belong to.
    pub async fn organizations(
        &self,
        by: &By,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Account>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let By::Caller(caller) = by else {
            return Ok(accounts::list(conn, AccountKind::Organization, after, limit).await?);
        };
        let actor = self.current_actor(conn, caller).await?;
        let user_id = decide_listing(&actor).map_err(|r| caller.explain(r))?;
        if actor.user.as_ref().is_some_and(|(user, _)| user.site_admin) {
            return Ok(accounts::list(conn, AccountKind::Organization, after, limit).await?);
        }
        Ok(accounts::organizations_of(conn, user_id, after, limit).await?)
    }

    pub(super) async fn new_account(
        &self,
        login: &str,
        kind: AccountKind,
    ) -> Result<Account, Error> {
        let (id, now) = (self.ids.next().await?, self.clock.now());
        Ok(Account::new(id, login, kind, now))
    }
}

/// Records an account whose login nobody has, or had.
pub(crate) async fn insert(tx: &mut Tx<'_>, account: &Account) -> Result<(), Error> {
    let taken = || Error::LoginTaken {
        login: account.login.clone(),
    };
    if accounts::kept_for(tx, &account.login).await?.is_some() {
        return Err(taken());
    }
    match accounts::insert(tx, account).await {
        Err(error) if error.kind == ErrorKind::Duplicate => Err(taken()),
        result => Ok(result?),
    }
}

/// A site always has an administrator who can sign in.
pub(super) async fn keep_an_administrator(
    conn: &mut Conn<'_>,
    user: &Account,
) -> Result<(), Error> {
    if user.site_admin && !accounts::has_other_administrator(conn, user.id).await? {
        return Err(Error::LastAdministrator {
            login: user.login.clone(),
        });
    }
    Ok(())
}

struct CreateUser(Account);

impl Change for CreateUser {
    type Output = Account;

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<Account, Error> {
        app.permit_lasting(tx, by).await?;
        insert(tx, &self.0).await?;
        Ok(self.0.clone())
    }
}

struct CreateOrganization {
    account: Account,
    owner: String,
}

impl Change for CreateOrganization {
    type Output = Account;

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<Account, Error> {
        somebody(by, &self.owner)?;
        let owner = find_user(tx, &self.owner).await?;
        let owner_id = owner.id;
        app.permit_account(tx, by, owner).await?;
        insert(tx, &self.account).await?;
        let Account { id, created_at, .. } = self.account;
        organizations::put_member(tx, id, owner_id, MemberRole::Owner, created_at).await?;
        Ok(self.account.clone())
    }
}

struct SetPassword {
    login: String,
    hash: String,
}

impl Change for SetPassword {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        app.permit_password(tx, by, &self.login).await?;
        let user = find_user(tx, &self.login).await?;
        // Whoever knew the old one is out.
        sessions::delete_all(tx, user.id).await?;
        Ok(accounts::set_password(tx, user.id, &self.hash).await?)
    }
}

struct SetDisabled {
    login: String,
    disabled: bool,
}

impl Change for SetDisabled {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_site(tx, by).await?;
        let user = find_user(tx, &self.login).await?;
        if self.disabled && permit.actor_id() == Some(user.id) {
            return Err(Error::DisablesThemselves { login: user.login });
        }
        if self.disabled {
            keep_an_administrator(tx, &user).await?;
        }
        let at = self.disabled.then(|| app.clock.now());
        Ok(accounts::set_disabled(tx, user.id, at).await?)
    }
}
