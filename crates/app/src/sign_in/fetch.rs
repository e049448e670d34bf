//! The program's part: from the code it was sent to a session.

use std::sync::Arc;

use wharf_db::{
    Tx, Write, accounts, identities,
    sessions::{self, Session},
    sign_ins,
};

use super::{SignInError, pkce};
use crate::{
    App, Error,
    accounts::{Client, NewSession},
    authn::{Rejected, pat},
};

impl App {
    /// Begins the session of a sign-in that succeeded. `verifier`: what the
    /// program showed the challenge of.
    pub async fn fetch_session(
        self: &Arc<Self>,
        code: &str,
        verifier: &str,
        client: &Client,
    ) -> Result<NewSession, Error> {
        let code_hash = pat::stored_hash(code);
        let mut reader = self.db.reader().await?;
        let is_known = sign_ins::has_code(&mut reader.conn(), &code_hash).await?;
        drop(reader);
        // Guesses cost no write.
        if !is_known {
            return Err(SignInError::Code.into());
        }
        let fetch = Fetch {
            app: Arc::clone(self),
            code_hash,
            challenge: pkce::challenge(verifier),
            session: client.session(self.ids.next().await?, self.clock.now()),
            value: pat::generate(pat::SESSION_PREFIX, &*self.entropy),
        };
        // A wrong verifier ends the code, so that is no error of the transaction.
        let fetched = self.db.write(fetch).await?;
        fetched.ok_or_else(|| SignInError::Code.into())
    }
}

/// It gives nobody less than they had, so no cache has to be voided.
struct Fetch {
    app: Arc<App>,
    code_hash: String,
    challenge: String,
    session: Session,
    value: String,
}

impl Write for Fetch {
    type Output = Option<NewSession>;
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<NewSession>, Error> {
        let now = self.app.clock.now();
        let Some(signed_in) = sign_ins::take_code(tx, &self.code_hash).await? else {
            return Ok(None);
        };
        if signed_in.expires_at < now || signed_in.challenge != self.challenge {
            return Ok(None);
        }
        let identity = identities::find(tx, signed_in.identity_id).await?;
        let Some(identity) = identity.filter(|identity| identity.ended_at.is_none()) else {
            return Ok(None);
        };
        let Some(account) = accounts::find(tx, identity.account_id).await? else {
            return Ok(None);
        };
        if account.disabled_at.is_some() {
            return Err(Rejected::Disabled(account.login).into());
        }
        let session = Session {
            account_id: account.id,
            identity_id: Some(identity.id),
            ..self.session.clone()
        };
        sessions::delete_expired(tx, now).await?;
        sessions::insert(tx, &session, &pat::stored_hash(&self.value)).await?;
        Ok(Some(NewSession {
            value: self.value.clone(),
            session,
        }))
    }
}
