//! From a person at a provider to an account here: the one they are known to
//! be, or a new one where the operator lets people sign up. Never one that
//! merely has the same name or address: whoever chooses those there would be
//! somebody else here.

use std::sync::Arc;

use wharf_db::{
    Tx,
    accounts::{self, Account, AccountKind},
    identities::{self, Identity},
};
use wharf_oci::Login;

use super::{
    SignInError,
    provider::{Person, ProviderSettings},
};
use crate::{App, Error, accounts::insert_account, authn::Rejected, authz::By, change::Change};

/// Finds or makes the identity of a person, as the provider just said.
pub struct Admit {
    pub person: Person,
    pub settings: ProviderSettings,
    /// Of what may have to be created.
    pub account_id: i64,
    pub identity_id: i64,
}

impl Change for Admit {
    /// The identity.
    type Output = i64;

    async fn apply(&self, app: &Arc<App>, _: &By, tx: &mut Tx<'_>) -> Result<i64, Error> {
        let now = app.clock.now();
        let (provider, person) = (self.settings.name.as_str(), &self.person);
        let known = identities::find_by_subject(tx, provider, &person.subject).await?;
        let identity = match known {
            Some(identity) => identity,
            None => self.sign_up(tx, now).await?,
        };
        let account = accounts::find(tx, identity.account_id).await?;
        let account = account.filter(|account| account.kind == AccountKind::User);
        let account = account.ok_or_else(|| self.stranger())?;
        if account.disabled_at.is_some() {
            return Err(Rejected::Disabled(account.login).into());
        }
        let identity = Identity {
            name: person.name.clone(),
            // Some give one at the first consent only.
            refresh_token: person.refresh_token.clone().or(identity.refresh_token),
            ..identity
        };
        identities::confirm(tx, &identity, &person.groups, now).await?;
        Ok(identity.id)
    }
}

impl Admit {
    fn stranger(&self) -> Error {
        Error::SignIn(SignInError::Stranger {
            provider: self.settings.name.to_string(),
            subject: self.person.subject.clone(),
            name: self.person.name.clone(),
        })
    }

    async fn sign_up(&self, tx: &mut Tx<'_>, now: i64) -> Result<Identity, Error> {
        if !self.settings.sign_up {
            return Err(self.stranger());
        }
        let (provider, person) = (self.settings.name.to_string(), &self.person);
        let Some(login) = login_of(&person.name) else {
            return Err(Error::SignIn(SignInError::NoLogin {
                provider,
                subject: person.subject.clone(),
                name: person.name.clone(),
            }));
        };
        let account = Account::new(self.account_id, login.as_str(), AccountKind::User, now);
        match insert_account(tx, &account).await {
            Err(Error::LoginTaken { login }) => Err(Error::SignIn(SignInError::Taken {
                login,
                provider,
                subject: person.subject.clone(),
            })),
            Err(error) => Err(error),
            Ok(()) => {
                let identity = Identity {
                    id: self.identity_id,
                    account_id: account.id,
                    provider,
                    subject: person.subject.clone(),
                    name: person.name.clone(),
                    refresh_token: None,
                    created_at: now,
                    confirmed_at: None,
                    ended_at: None,
                };
                identities::insert(tx, &identity).await?;
                Ok(identity)
            }
        }
    }
}

/// The login that a name makes: of an address what is before the `@`, hyphens
/// for what no login holds.
fn login_of(name: &str) -> Option<Login> {
    let name = name.split('@').next().unwrap_or_default();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    Login::new_account(&words.join("-")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_logins() {
        for (name, login) in [
            ("octocat", Some("octocat")),
            ("Jane.Doe@example.com", Some("jane-doe")),
            ("jane__doe", Some("jane-doe")),
            ("-x-", Some("x")),
            ("王小明", None),
            ("", None),
            ("@example.com", None),
            ("root", None),
        ] {
            let made = login_of(name);
            assert_eq!(made.as_ref().map(Login::as_str), login, "{name}");
        }
    }
}
