//! What accounts tell about themselves.

use std::sync::Arc;

use wharf_db::{
    Tx,
    accounts::{self, Profile},
};

use crate::{App, Error, authz::By, change::Change, target::find_account};

/// Most characters of each field.
const MAX: usize = 256;

/// What to change; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChange {
    pub name: Option<String>,
    pub description: Option<String>,
    /// `https://…`
    pub url: Option<String>,
}

impl App {
    /// Changes a user's or an organization's profile.
    pub async fn change_profile(
        self: &Arc<Self>,
        by: &By,
        login: &str,
        change: ProfileChange,
    ) -> Result<(), Error> {
        for (field, text) in [
            ("name", &change.name),
            ("description", &change.description),
            ("url", &change.url),
        ] {
            check(field, text.as_deref().unwrap_or_default())?;
        }
        let login = login.to_owned();
        self.change(by, ChangeProfile { login, change }).await
    }
}

fn check(field: &'static str, text: &str) -> Result<(), Error> {
    let wrong = |reason: &str| Error::Field {
        field,
        reason: reason.to_owned(),
    };
    if text.chars().count() > MAX {
        return Err(wrong("it has more than 256 characters"));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong("it has control characters"));
    }
    let is_link = text.starts_with("https://") || text.starts_with("http://");
    if field == "url" && !text.is_empty() && (!is_link || text.contains(char::is_whitespace)) {
        return Err(wrong("it must begin with https:// and have no spaces"));
    }
    Ok(())
}

struct ChangeProfile {
    login: String,
    change: ProfileChange,
}

impl Change for ChangeProfile {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let permit = app.permit_owner(tx, by, &self.login).await?;
        let account = find_account(tx, &self.login).await?;
        let before = account.map(|account| account.profile).unwrap_or_default();
        let change = self.change.clone();
        let after = Profile {
            name: change.name.unwrap_or(before.name),
            description: change.description.unwrap_or(before.description),
            url: change.url.unwrap_or(before.url),
        };
        Ok(accounts::set_profile(tx, permit.owner_id(), &after).await?)
    }
}
