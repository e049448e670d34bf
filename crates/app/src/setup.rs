//! The first start: an administrator, with a password nobody else knows.

use wharf_db::accounts::AccountKind;

use crate::{App, Error, entropy};

/// What the first start made.
pub struct FirstStart {
    pub login: String,
    pub password: String,
}

impl std::fmt::Debug for FirstStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FirstStart({})", self.login)
    }
}

/// The account of the first start.
const LOGIN: &str = "admin";

impl App {
    /// Makes the account `admin` if there is no user yet.
    ///
    /// `keep` stores the password where the operator finds it, before the
    /// account exists: a crash between the two leaves an unused password, never a lost one.
    pub async fn first_start(
        &self,
        keep: impl FnOnce(&FirstStart) -> Result<(), Error>,
    ) -> Result<Option<FirstStart>, Error> {
        if !self.list_accounts(AccountKind::User).await?.is_empty() {
            return Ok(None);
        }
        let first = FirstStart {
            login: LOGIN.to_owned(),
            password: entropy::base62(&*self.entropy, 24),
        };
        keep(&first)?;
        match self.create_user(LOGIN, true, Some(&first.password)).await {
            Ok(_) => Ok(Some(first)),
            Err(Error::LoginTaken { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
