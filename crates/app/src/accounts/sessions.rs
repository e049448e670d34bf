//! Sessions: begun with a password and, where there is one, a second factor;
//! listed, ended.

use std::{net::IpAddr, sync::Arc};

use wharf_db::{
    Conn, Tx,
    accounts::{self, AccountKind},
    second_factors,
    sessions::{self, Session},
};

use super::second_factor;
use crate::{
    App, Error,
    authn::{Rejected, pat},
    authz::{By, policy::decide_themselves},
    change::Change,
    clock::HOUR,
};

/// How long a session lasts, in microseconds.
const LIFETIME: i64 = 12 * HOUR;
/// Longest name of a client that is kept, in characters.
const LONGEST_AGENT: usize = 200;

/// A session that was just begun. The value is not kept anywhere.
pub struct NewSession {
    pub value: String,
    pub session: Session,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewSession({})", self.session.id)
    }
}

/// The program that will use a session.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// What it says it is.
    pub agent: String,
    pub address: Option<IpAddr>,
}

impl Client {
    /// A session of it, of nobody yet.
    pub(crate) fn session(&self, id: i64, now: i64) -> Session {
        let agent = self.agent.chars().filter(|c| !c.is_control());
        let address = self.address.map(|address| address.to_string());
        Session {
            id,
            account_id: 0,
            agent: agent.take(LONGEST_AGENT).collect(),
            address: address.unwrap_or_default(),
            created_at: now,
            expires_at: now + LIFETIME,
            identity_id: None,
        }
    }
}

/// Who signs in, and from where.
#[derive(Clone)]
pub struct SignIn {
    pub login: String,
    pub password: String,
    /// Of the authenticator app, or a recovery code.
    pub code: Option<String>,
    pub client: Client,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignIn({})", self.login)
    }
}

impl App {
    /// Begins a session.
    pub async fn sign_in(self: &Arc<Self>, sign_in: &SignIn) -> Result<NewSession, Error> {
        let login = sign_in.login.to_ascii_lowercase();
        let who = (login.clone(), sign_in.client.address);
        if self.failed_sign_ins.get(&who).unwrap_or_default() >= MOST_FAILURES {
            return Err(Rejected::TooManyFailures.into());
        }
        let begun = self.try_sign_in(&login, sign_in).await;
        let failed = matches!(
            begun,
            Err(Error::Rejected(Rejected::Password | Rejected::WrongCode))
        );
        if failed {
            let failures = self.failed_sign_ins.get(&who).unwrap_or_default();
            self.failed_sign_ins.insert(who, failures + 1);
        }
        begun
    }

    async fn try_sign_in(
        self: &Arc<Self>,
        login: &str,
        sign_in: &SignIn,
    ) -> Result<NewSession, Error> {
        let account = {
            let mut reader = self.db.reader().await?;
            accounts::find_by_login(&mut reader.conn(), login).await?
        };
        let stored = account.as_ref().and_then(|a| a.password_hash.as_deref());
        if !self.verify_password(&sign_in.password, stored).await? {
            return Err(Rejected::Password.into());
        }
        let account = account.ok_or(Rejected::Password)?;
        if account.disabled_at.is_some() {
            return Err(Rejected::Disabled(account.login).into());
        }
        let now = self.clock.now();
        let value = pat::generate(pat::SESSION_PREFIX, &*self.entropy);
        let session = Session {
            account_id: account.id,
            ..sign_in.client.session(self.ids.next().await?, now)
        };
        let begin = Begin {
            session,
            value,
            password_hash: account.password_hash,
            code: sign_in.code.clone(),
        };
        self.change(&By::Operator, begin).await
    }

    /// One's own sessions after the id `after`, oldest first.
    pub async fn sessions(&self, by: &By, after: i64, limit: i64) -> Result<Vec<Session>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let id = self.themselves(conn, by).await?;
        Ok(sessions::list(conn, id, self.clock.now(), after, limit).await?)
    }

    /// Ends one of one's own sessions.
    pub async fn end_session(self: &Arc<Self>, by: &By, id: i64) -> Result<(), Error> {
        self.change(by, End(id)).await
    }

    /// The user who signed in with a password, now or in the beginning of a
    /// session: what a token's holder may not do with the token.
    pub(super) async fn themselves(&self, conn: &mut Conn<'_>, by: &By) -> Result<i64, Error> {
        let By::Caller(caller) = by else {
            return Err(Rejected::Missing.into());
        };
        let actor = self.current_actor(conn, caller).await?;
        decide_themselves(&actor).map_err(|refusal| caller.explain(refusal))
    }
}

/// Failures from one place, in a quarter of an hour, after which no more is tried.
const MOST_FAILURES: u32 = 10;

struct Begin {
    session: Session,
    value: String,
    /// As it was when the password was found right.
    password_hash: Option<String>,
    code: Option<String>,
}

impl Change for Begin {
    type Output = NewSession;

    async fn apply(&self, app: &Arc<App>, _: &By, tx: &mut Tx<'_>) -> Result<NewSession, Error> {
        let account = accounts::find(tx, self.session.account_id).await?;
        let account = account.filter(|account| {
            account.kind == AccountKind::User && account.password_hash == self.password_hash
        });
        let account = account.ok_or(Rejected::Password)?;
        if let Some(factor) = second_factors::find(tx, account.id).await?
            && factor.confirmed_at.is_some()
        {
            let code = self.code.as_deref().ok_or(Rejected::CodeNeeded)?;
            let now = app.clock.now();
            if !second_factor::accept(tx, account.id, &factor, code, now).await? {
                return Err(Rejected::WrongCode.into());
            }
        }
        sessions::delete_expired(tx, app.clock.now()).await?;
        sessions::insert(tx, &self.session, &pat::stored_hash(&self.value)).await?;
        Ok(NewSession {
            value: self.value.clone(),
            session: self.session.clone(),
        })
    }
}

struct End(i64);

impl Change for End {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let id = app.themselves(tx, by).await?;
        if sessions::delete(tx, self.0, id).await? {
            return Ok(());
        }
        Err(Error::NoSuchSession { id: self.0 })
    }
}
