//! What is remembered of the holders of credentials, and of tokens.

use std::sync::Arc;

use wharf_db::{
    Conn,
    accounts::{self, AccountKind},
    identities::{self, Identity},
    organizations::{self, MemberRole},
    second_factors, teams, tokens,
};

use super::{Rejected, pat};
use crate::{
    App, Error,
    authz::{Credential, Limits, Scopes, facts::UserFacts},
    cache::Caches,
    clock,
};

/// A user as cached: facts, and what voids its credentials.
#[derive(Debug)]
pub struct UserRecord {
    pub facts: Arc<UserFacts>,
    pub disabled: bool,
    /// Known by identity providers alone, none of which says so any more.
    pub lapsed: bool,
    pub password_hash: Option<String>,
    /// The password alone is not enough.
    pub second_factor: bool,
}

/// A token as cached.
#[derive(Debug)]
pub struct TokenRecord {
    pub id: i64,
    pub account_id: i64,
    pub scopes: Scopes,
    pub limits: Arc<Limits>,
    pub expires_at: Option<i64>,
    pub revoked: bool,
}

impl App {
    pub(super) async fn user_record(
        &self,
        conn: &mut Conn<'_>,
        caches: &Caches,
        id: i64,
    ) -> Result<Option<Arc<UserRecord>>, Error> {
        if let Some(record) = caches.users.get(&id) {
            return Ok(Some(record));
        }
        let Some(account) = accounts::find(conn, id).await? else {
            return Ok(None);
        };
        let record = Arc::new(load_user(conn, account).await?);
        caches.users.insert(id, Arc::clone(&record));
        Ok(Some(record))
    }

    pub(super) async fn token_record(
        &self,
        conn: &mut Conn<'_>,
        caches: &Caches,
        id: i64,
    ) -> Result<Option<Arc<TokenRecord>>, Error> {
        if let Some(record) = caches.tokens.get(&id) {
            return Ok(Some(record));
        }
        let Some(row) = tokens::find(conn, id).await? else {
            return Ok(None);
        };
        let record = Arc::new(TokenRecord::from(row));
        caches.tokens.insert(id, Arc::clone(&record));
        Ok(Some(record))
    }
}

/// The facts of a user or a service account, as they are now.
pub(crate) async fn facts_of(
    conn: &mut Conn<'_>,
    account: accounts::Account,
) -> Result<Arc<UserFacts>, Error> {
    Ok(load_user(conn, account).await?.facts)
}

pub(super) async fn load_user(
    conn: &mut Conn<'_>,
    account: accounts::Account,
) -> Result<UserRecord, Error> {
    let memberships = match (account.kind, account.organization_id) {
        (AccountKind::ServiceAccount, Some(id)) => vec![(id, MemberRole::Member)],
        _ => organizations::memberships(conn, account.id).await?,
    };
    let teams = teams::of_user(conn, account.id).await?;
    let factor = second_factors::find(conn, account.id).await?;
    let mut identities = identities::of_account(conn, account.id).await?;
    identities.retain(|identity| identity.confirmed_at.is_some());
    let has_ended = |identity: &Identity| identity.ended_at.is_some();
    Ok(UserRecord {
        lapsed: account.password_hash.is_none()
            && !identities.is_empty()
            && identities.iter().all(has_ended),
        second_factor: factor.is_some_and(|factor| factor.confirmed_at.is_some()),
        disabled: account.disabled_at.is_some(),
        password_hash: account.password_hash,
        facts: Arc::new(UserFacts {
            id: account.id,
            login: account.login,
            site_admin: account.site_admin,
            memberships,
            teams,
        }),
    })
}

impl UserRecord {
    pub(super) fn check(&self) -> Result<(), Rejected> {
        if self.disabled {
            return Err(Rejected::Disabled(self.facts.login.clone()));
        }
        if self.lapsed {
            return Err(Rejected::Lapsed(self.facts.login.clone()));
        }
        Ok(())
    }

    /// Changes with the password, and says nothing about it.
    pub fn password_fingerprint(&self) -> String {
        let stored = self.password_hash.as_deref().unwrap_or_default();
        pat::stored_hash(stored)[..16].to_owned()
    }
}

impl TokenRecord {
    pub(super) fn credential(&self) -> Credential {
        Credential::Token {
            id: self.id,
            scopes: self.scopes.clone(),
            limits: Arc::clone(&self.limits),
        }
    }

    pub(super) fn check(&self, now: i64) -> Result<(), Rejected> {
        if self.revoked {
            return Err(Rejected::Revoked);
        }
        match self.expires_at {
            Some(at) if at < now => Err(Rejected::Expired(clock::display(at))),
            _ => Ok(()),
        }
    }
}

impl From<tokens::Token> for TokenRecord {
    fn from(row: tokens::Token) -> Self {
        Self {
            id: row.id,
            account_id: row.account_id,
            scopes: Scopes::parse_stored(&row.scopes),
            limits: Arc::new(
                row.limits
                    .as_deref()
                    .map(Limits::parse_stored)
                    .unwrap_or_default(),
            ),
            expires_at: row.expires_at,
            revoked: row.revoked_at.is_some(),
        }
    }
}
