//! Asking providers again: whoever is no longer there, or in other groups,
//! loses here what that gave, without waiting for another sign-in.

use std::{collections::HashMap, sync::Arc};

use wharf_db::{
    Tx, Write,
    identities::{self, Identity},
};

use super::provider::{Failure, Person};
use crate::{
    App, Error,
    app::micros,
    clock::{DAY, HOUR},
};

/// How often each is asked about, in microseconds.
const EVERY: i64 = HOUR;
/// How long a sign-in counts at a provider that the configuration lost, in
/// microseconds: it may come back.
const WITHOUT_PROVIDER: i64 = DAY;
/// How often in a row a provider cannot be asked until a pass gives it up: one
/// person whom it cannot tell about must not keep it from the others.
const MOST_FAILURES: u32 = 10;
/// By provider, in a row.
type Failures = HashMap<String, u32>;
/// Identities that are read at a time.
const BATCH: i64 = 100;

impl App {
    /// Asks about everybody whose turn it is. How many are no longer who they were.
    pub async fn confirm_identities(self: &Arc<Self>) -> Result<u64, Error> {
        let (before, mut ended) = (self.clock.now() - EVERY, 0);
        let mut after = (i64::MIN, i64::MIN);
        let mut failures = Failures::new();
        loop {
            let mut reader = self.db.reader().await?;
            let due = identities::due(&mut reader.conn(), before, after, BATCH).await?;
            drop(reader);
            let Some(last) = due.last() else {
                return Ok(ended);
            };
            after = (last.confirmed_at.unwrap_or_default(), last.id);
            for identity in due {
                // One that cannot be decided leaves the others their turn.
                match self.confirm(&identity, &mut failures).await {
                    Ok(is_there) => ended += u64::from(!is_there),
                    Err(error) => tracing::warn!(%error, ?identity, "cannot confirm an identity"),
                }
            }
        }
    }

    /// Whether somebody still is who they were.
    async fn confirm(
        self: &Arc<Self>,
        identity: &Identity,
        failures: &mut Failures,
    ) -> Result<bool, Error> {
        let Ok(provider) = self.providers.find(&identity.provider) else {
            return self.outlive(WITHOUT_PROVIDER, identity).await;
        };
        let valid = micros(provider.settings.valid);
        let token = identity.refresh_token.as_deref();
        let failed = failures.entry(identity.provider.clone()).or_default();
        let Some(token) = token.filter(|_| *failed < MOST_FAILURES) else {
            return self.outlive(valid, identity).await;
        };
        let said = match provider.again(token, self.clock.now()).await {
            Ok(again) => {
                self.keep_token(identity, &again.refresh_token).await?;
                again.person.map(|person| Person {
                    refresh_token: Some(again.refresh_token),
                    ..person
                })
            }
            Err(failure) => Err(failure),
        };
        *failed = match &said {
            Err(Failure::Unreachable(_)) => *failed + 1,
            _ => 0,
        };
        match said {
            Ok(person) if person.subject == identity.subject => {
                self.still_there(identity.clone(), person).await?;
                Ok(true)
            }
            Ok(_) => self.end_identity(identity, "it is somebody else now").await,
            Err(Failure::Refused(reason)) => self.end_identity(identity, &reason).await,
            Err(failure) => {
                tracing::warn!(?failure, ?identity, "an identity provider cannot be asked");
                self.outlive(valid, identity).await
            }
        }
    }

    /// Keeps the token to ask with next, before anything else can fail: the
    /// one before may be spent, and spending it twice looks like theft.
    async fn keep_token(&self, identity: &Identity, token: &str) -> Result<(), Error> {
        if identity.refresh_token.as_deref() == Some(token) {
            return Ok(());
        }
        let keep = KeepToken {
            identity: identity.clone(),
            token: token.to_owned(),
        };
        self.db.write(keep).await
    }

    /// Without the provider's word a sign-in counts for a while.
    async fn outlive(self: &Arc<Self>, valid: i64, identity: &Identity) -> Result<bool, Error> {
        if self.clock.now() < identity.confirmed_at.unwrap_or_default() + valid {
            return Ok(true);
        }
        self.end_identity(identity, "it was not confirmed in time")
            .await
    }

    async fn end_identity(
        self: &Arc<Self>,
        identity: &Identity,
        reason: &str,
    ) -> Result<bool, Error> {
        tracing::info!(?identity, reason, "an identity has ended");
        let end = End {
            identity: identity.clone(),
            at: self.clock.now(),
        };
        self.write_and_void(end).await?;
        Ok(false)
    }

    async fn still_there(
        self: &Arc<Self>,
        identity: Identity,
        person: Person,
    ) -> Result<(), Error> {
        let mut reader = self.db.reader().await?;
        let before = identities::groups(&mut reader.conn(), identity.id).await?;
        drop(reader);
        let is_same = before == person.groups;
        let at = self.clock.now();
        let confirm = Confirm {
            identity,
            person,
            at,
        };
        if is_same {
            // Nobody's access changes.
            return self.db.write(confirm).await;
        }
        self.write_and_void(confirm).await
    }
}

struct KeepToken {
    identity: Identity,
    token: String,
}

impl Write for KeepToken {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if is_as_it_was(tx, &self.identity).await? {
            identities::set_refresh_token(tx, self.identity.id, &self.token).await?;
        }
        Ok(())
    }
}

struct End {
    identity: Identity,
    at: i64,
}

impl Write for End {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if is_as_it_was(tx, &self.identity).await? {
            identities::end(tx, self.identity.id, self.at).await?;
        }
        Ok(())
    }
}

struct Confirm {
    identity: Identity,
    person: Person,
    at: i64,
}

impl Write for Confirm {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if !is_as_it_was(tx, &self.identity).await? {
            return Ok(());
        }
        let identity = Identity {
            name: self.person.name.clone(),
            refresh_token: self.person.refresh_token.clone(),
            ..self.identity.clone()
        };
        Ok(identities::confirm(tx, &identity, &self.person.groups, self.at).await?)
    }
}

/// Whether nobody signed in meanwhile: what the provider said before that counts no more.
async fn is_as_it_was(tx: &mut Tx<'_>, identity: &Identity) -> Result<bool, Error> {
    let now = identities::find(tx, identity.id).await?;
    Ok(now.is_some_and(|now| now.confirmed_at == identity.confirmed_at && now.ended_at.is_none()))
}
