//! Second factors: begun, confirmed by a first code, removed by another; and
//! by the operator for who has lost theirs.

use std::sync::Arc;

use wharf_db::{
    Tx, accounts,
    second_factors::{self, SecondFactor},
};

use super::find::find_user;
use crate::{
    App, Error,
    authn::{
        Rejected, pat,
        totp::{self, Secret},
    },
    authz::By,
    change::Change,
};

/// What an authenticator app is told.
pub struct NewSecondFactor {
    /// To be typed.
    pub secret: String,
    /// To be scanned.
    pub uri: String,
}

impl std::fmt::Debug for NewSecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewSecondFactor")
    }
}

impl App {
    /// Begins a second factor for whoever signed in with a password. It is
    /// asked for once it is confirmed.
    pub async fn begin_second_factor(self: &Arc<Self>, by: &By) -> Result<NewSecondFactor, Error> {
        let secret = Secret::generate(&*self.entropy);
        self.change(by, Begin(secret)).await
    }

    /// Confirms it by a code of the app; the recovery codes are shown this once.
    pub async fn confirm_second_factor(
        self: &Arc<Self>,
        by: &By,
        code: &str,
    ) -> Result<Vec<String>, Error> {
        let confirm = Confirm {
            code: code.to_owned(),
            recovery_codes: totp::recovery_codes(&*self.entropy),
        };
        self.change(by, confirm).await
    }

    /// Removes one's own second factor, by a code.
    pub async fn remove_second_factor(self: &Arc<Self>, by: &By, code: &str) -> Result<(), Error> {
        self.change(by, Remove(code.to_owned())).await
    }

    /// Removes a user's second factor, for site administrators.
    pub async fn reset_second_factor(self: &Arc<Self>, by: &By, login: &str) -> Result<(), Error> {
        self.change(by, Reset(login.to_owned())).await
    }
}

fn secret_of(factor: &SecondFactor) -> Result<Secret, Error> {
    let bytes = factor.secret.as_slice().try_into();
    let bytes = bytes.map_err(|_| Error::Internal("a second factor is damaged".to_owned()))?;
    Ok(Secret::from_bytes(bytes))
}

/// Whether a code is right, of the app or for recovery; it is used up by that.
pub(super) async fn accept(
    tx: &mut Tx<'_>,
    account_id: i64,
    factor: &SecondFactor,
    code: &str,
    now: i64,
) -> Result<bool, Error> {
    if let Some(step) = secret_of(factor)?.verify(code, now, factor.last_step) {
        return Ok(second_factors::use_step(tx, account_id, step).await?);
    }
    let Some(code) = totp::normalized_recovery_code(code) else {
        return Ok(false);
    };
    let hash = pat::stored_hash(&code);
    let mut left: Vec<String> = serde_json::from_str(&factor.recovery_codes).unwrap_or_default();
    let before = left.len();
    left.retain(|known| *known != hash);
    if left.len() == before {
        return Ok(false);
    }
    let after = serde_json::to_string(&left).unwrap_or_else(|_| "[]".to_owned());
    let known = &factor.recovery_codes;
    Ok(second_factors::replace_recovery_codes(tx, account_id, known, &after).await?)
}

struct Begin(Secret);

impl Change for Begin {
    type Output = NewSecondFactor;

    async fn apply(
        &self,
        app: &Arc<App>,
        by: &By,
        tx: &mut Tx<'_>,
    ) -> Result<NewSecondFactor, Error> {
        let id = app.themselves(tx, by).await?;
        let known = second_factors::find(tx, id).await?;
        if known.is_some_and(|factor| factor.confirmed_at.is_some()) {
            return Err(Error::HasSecondFactor);
        }
        let account = accounts::find(tx, id).await?.ok_or(Rejected::Unknown)?;
        second_factors::put(tx, id, self.0.as_bytes()).await?;
        let url = &app.settings.public_url;
        let issuer = url.split("://").nth(1).unwrap_or(url);
        Ok(NewSecondFactor {
            secret: self.0.to_base32(),
            uri: self.0.uri(issuer, &account.login),
        })
    }
}

struct Confirm {
    code: String,
    recovery_codes: Vec<String>,
}

impl Change for Confirm {
    type Output = Vec<String>;

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
        let id = app.themselves(tx, by).await?;
        let factor = second_factors::find(tx, id).await?;
        let factor = factor.filter(|factor| factor.confirmed_at.is_none());
        let factor = factor.ok_or(Error::NoSecondFactor)?;
        let now = app.clock.now();
        let step = secret_of(&factor)?.verify(&self.code, now, None);
        let step = step.ok_or_else(wrong_code)?;
        let hashes: Vec<String> = self
            .recovery_codes
            .iter()
            .filter_map(|code| totp::normalized_recovery_code(code))
            .map(|code| pat::stored_hash(&code))
            .collect();
        let hashes = serde_json::to_string(&hashes).unwrap_or_else(|_| "[]".to_owned());
        second_factors::confirm(tx, id, now, step, &hashes).await?;
        Ok(self.recovery_codes.clone())
    }
}

fn wrong_code() -> Error {
    Error::Field {
        field: "code",
        reason: "it is not the app's code; look again, and at the clock of its device".to_owned(),
    }
}

struct Remove(String);

impl Change for Remove {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let id = app.themselves(tx, by).await?;
        let factor = second_factors::find(tx, id).await?;
        let factor = factor.ok_or(Error::NoSecondFactor)?;
        let confirmed = factor.confirmed_at.is_some();
        if confirmed && !accept(tx, id, &factor, &self.0, app.clock.now()).await? {
            return Err(wrong_code());
        }
        second_factors::delete(tx, id).await?;
        Ok(())
    }
}

struct Reset(String);

impl Change for Reset {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        app.permit_site(tx, by).await?;
        let user = find_user(tx, &self.0).await?;
        if second_factors::delete(tx, user.id).await? {
            return Ok(());
        }
        Err(Error::NoSecondFactor)
    }
}
