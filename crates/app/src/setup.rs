//! The first start: an administrator, with a password nobody else knows.

use std::sync::Arc;

use wharf_db::accounts::AccountKind;

use crate::{App, Error, authz::By, entropy};

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
        self: &Arc<Self>,
        keep: impl FnOnce(&FirstStart) -> Result<(), Error>,
    ) -> Result<Option<FirstStart>, Error> {
        let users = self.all_accounts(&By::Operator, AccountKind::User, "", 1);
        if !users.await?.is_empty() {
            return Ok(None);
        }
        let first = FirstStart {
            login: LOGIN.to_owned(),
            password: entropy::base62(&*self.entropy, 24),
        };
        keep(&first)?;
        let password = Some(first.password.as_str());
        match self.create_user(&By::Operator, LOGIN, true, password).await {
            Ok(_) => Ok(Some(first)),
            Err(Error::LoginTaken { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
