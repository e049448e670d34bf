//! Who is asking: from a credential to an [`Actor`], by immutable ids.
//!
//! A credential that is no good makes the caller nobody, not an error: public
//! packages are pulled all the same. What was wrong with it is said as soon
//! as it would have been needed.

mod caller;
pub mod password;
pub mod pat;
mod records;
pub mod registry_token;
mod rejected;
pub mod token_endpoint;
pub mod totp;

use std::{net::IpAddr, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};
use wharf_db::{
    Conn, accounts,
    sessions::{self, Session},
    tokens,
};

pub(crate) use self::records::facts_of;
pub use self::{
    caller::Caller,
    records::{TokenRecord, UserRecord},
    rejected::Rejected,
};
use self::{
    password::PasswordError,
    records::load_user,
    registry_token::{Claims, TokenError},
};
use crate::{
    App, Error,
    authz::{Actor, Credential},
    cache::Caches,
};

/// A credential as it came with a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Presented {
    Nothing,
    Basic {
        user: String,
        secret: String,
    },
    Bearer(String),
    /// An `Authorization` header of another scheme, or a broken one.
    Unreadable,
}

impl std::fmt::Debug for Presented {
    /// Never the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Basic { user, .. } => write!(f, "Basic({user})"),
            Self::Bearer(_) => f.write_str("Bearer"),
            Self::Unreadable => f.write_str("Unreadable"),
        }
    }
}

/// An accepted credential.
#[derive(Debug, Clone)]
pub struct Identity {
    pub actor: Actor,
    /// Last moment it is accepted, in microseconds.
    pub not_after: i64,
}

impl App {
    /// Finds out who presents a credential, from which address. Fails only if
    /// that cannot be found out.
    pub async fn authenticate(
        &self,
        presented: &Presented,
        from: Option<IpAddr>,
    ) -> Result<Caller, Error> {
        let caches = self.caches();
        let outcome = match presented {
            Presented::Nothing => Ok(Actor::default()),
            Presented::Unreadable => Err(Rejected::Unknown),
            Presented::Basic { user, secret }
                if !secret.starts_with(pat::PREFIX) && !pat::is_session(secret) =>
            {
                self.by_password(user, secret).await?
            }
            Presented::Basic { secret: value, .. } | Presented::Bearer(value) => {
                self.by_value(&caches, value).await?
            }
        };
        let (actor, rejected) = match outcome.and_then(|actor| admitted(actor, from)) {
            Ok(actor) => (actor, None),
            Err(rejected) => (Actor::default(), Some(rejected)),
        };
        Ok(Caller {
            actor,
            rejected,
            caches,
        })
    }

    /// By a registry token, a personal access token, or base64 of one.
    async fn by_value(
        &self,
        caches: &Caches,
        value: &str,
    ) -> Result<Result<Actor, Rejected>, Error> {
        let now = self.clock.now();
        if let Some(identity) = caches.identities.get(value)
            && now <= identity.not_after
        {
            self.note_use(&identity.actor, now);
            return Ok(Ok(identity.actor.clone()));
        }
        let found = match token_in(value) {
            Value::Pat(token) => self.by_pat(caches, &token).await?,
            Value::Session => self.by_session(caches, value).await?,
            Value::RegistryToken => self.by_registry_token(caches, value).await?,
            Value::Other => Err(Rejected::Unknown),
        };
        Ok(found.map(|identity| {
            self.note_use(&identity.actor, now);
            let actor = identity.actor.clone();
            caches
                .identities
                .insert(value.to_owned(), Arc::new(identity));
            actor
        }))
    }

    async fn by_pat(
        &self,
        caches: &Caches,
        token: &str,
    ) -> Result<Result<Identity, Rejected>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let Some(row) = tokens::find_by_hash(conn, &pat::stored_hash(token)).await? else {
            return Ok(Err(Rejected::Unknown));
        };
        let record = Arc::new(TokenRecord::from(row));
        caches.tokens.insert(record.id, Arc::clone(&record));
        let user = self.user_record(conn, caches, record.account_id).await?;
        Ok(self.accept_pat(&record, user.as_deref()))
    }

    fn accept_pat(
        &self,
        token: &TokenRecord,
        user: Option<&UserRecord>,
    ) -> Result<Identity, Rejected> {
        let user = user.ok_or(Rejected::Unknown)?;
        token.check(self.clock.now())?;
        user.check()?;
        let credential = token.credential();
        Ok(Identity {
            actor: Actor {
                user: Some((Arc::clone(&user.facts), credential)),
                narrowed: None,
            },
            not_after: token.expires_at.unwrap_or(i64::MAX),
        })
    }

    async fn by_session(
        &self,
        caches: &Caches,
        value: &str,
    ) -> Result<Result<Identity, Rejected>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let session = sessions::find_by_hash(conn, &pat::stored_hash(value)).await?;
        self.accept_session(conn, caches, session).await
    }

    async fn accept_session(
        &self,
        conn: &mut Conn<'_>,
        caches: &Caches,
        session: Option<Session>,
    ) -> Result<Result<Identity, Rejected>, Error> {
        let now = self.clock.now();
        let Some(session) = session.filter(|session| now < session.expires_at) else {
            return Ok(Err(Rejected::SessionOver));
        };
        let Some(user) = self.user_record(conn, caches, session.account_id).await? else {
            return Ok(Err(Rejected::SessionOver));
        };
        Ok(user.check().map(|()| Identity {
            actor: Actor {
                user: Some((
                    Arc::clone(&user.facts),
                    Credential::Session { id: session.id },
                )),
                narrowed: None,
            },
            not_after: session.expires_at,
        }))
    }

    async fn by_registry_token(
        &self,
        caches: &Caches,
        token: &str,
    ) -> Result<Result<Identity, Rejected>, Error> {
        let claims = match self.registry_tokens.verify(token, self.clock.now()) {
            Ok(claims) => claims,
            Err(error) => return Ok(Err(error.into())),
        };
        let mut identity = match self.holder(caches, &claims).await? {
            Ok(identity) => identity,
            Err(rejected) => return Ok(Err(rejected)),
        };
        identity.not_after = identity.not_after.min(claims.not_after());
        identity.actor.narrowed = Some(Arc::new(claims.access_list()));
        Ok(Ok(identity))
    }

    /// Who a registry token was made for, if that credential is still good.
    async fn holder(
        &self,
        caches: &Caches,
        claims: &Claims,
    ) -> Result<Result<Identity, Rejected>, Error> {
        if claims.sub == "anonymous" {
            return Ok(Ok(Identity {
                actor: Actor::default(),
                not_after: i64::MAX,
            }));
        }
        let id = |text: &str, prefix: &str| text.strip_prefix(prefix)?.parse::<i64>().ok();
        let Some(user_id) = id(&claims.sub, "user:") else {
            return Ok(Err(TokenError::Invalid.into()));
        };
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let user = self.user_record(conn, caches, user_id).await?;
        if let Some(token_id) = id(&claims.credential, "token:") {
            let token = self.token_record(conn, caches, token_id).await?;
            let Some(token) = token.filter(|token| token.account_id == user_id) else {
                return Ok(Err(Rejected::Revoked));
            };
            return Ok(self.accept_pat(&token, user.as_deref()));
        }
        if let Some(session_id) = id(&claims.credential, "session:") {
            let session = sessions::find(conn, session_id).await?;
            let session = session.filter(|session| session.account_id == user_id);
            return self.accept_session(conn, caches, session).await;
        }
        let Some(user) = user else {
            return Ok(Err(Rejected::Unknown));
        };
        if user.second_factor {
            return Ok(Err(Rejected::CodeNeeded));
        }
        let fingerprint = user.password_fingerprint();
        if claims.credential != format!("password:{fingerprint}") {
            return Ok(Err(Rejected::Revoked));
        }
        Ok(user.check().map(|()| Identity {
            actor: Actor {
                user: Some((
                    Arc::clone(&user.facts),
                    Credential::Password { fingerprint },
                )),
                narrowed: None,
            },
            not_after: i64::MAX,
        }))
    }

    async fn by_password(
        &self,
        login: &str,
        password: &str,
    ) -> Result<Result<Actor, Rejected>, Error> {
        let login = login.to_ascii_lowercase();
        // No connection is held while a password is hashed: there are few, and hashing is slow.
        let account = {
            let mut reader = self.db.reader().await?;
            accounts::find_by_login(&mut reader.conn(), &login).await?
        };
        let stored = account.as_ref().and_then(|a| a.password_hash.as_deref());
        if !self.verify_password(password, stored).await? {
            return Ok(Err(Rejected::Password));
        }
        let Some(account) = account else {
            return Ok(Err(Rejected::Password));
        };
        let mut reader = self.db.reader().await?;
        let record = load_user(&mut reader.conn(), account).await?;
        if record.second_factor {
            return Ok(Err(Rejected::CodeNeeded));
        }
        let fingerprint = record.password_fingerprint();
        Ok(record.check().map(|()| Actor {
            user: Some((
                Arc::clone(&record.facts),
                Credential::Password { fingerprint },
            )),
            narrowed: None,
        }))
    }

    /// Remembers a right password for a minute under a key made at start-up:
    /// some clients send it with every request.
    pub(crate) async fn verify_password(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> Result<bool, Error> {
        let mut key = Sha256::new_with_prefix(self.process_secret);
        key.update(stored.unwrap_or_default());
        key.update([0]);
        key.update(password);
        let key: [u8; 32] = key.finalize().into();
        if stored.is_some() && self.right_passwords.contains_key(&key) {
            return Ok(true);
        }
        let right = match self.passwords.verify(password, stored).await {
            Ok(right) => right,
            Err(PasswordError::Busy) => return Err(Rejected::Busy.into()),
            Err(error) => return Err(error.into()),
        };
        if right {
            self.right_passwords.insert(key, ());
        }
        Ok(right)
    }

    /// Whether what the caller was let in with is still good: after the epoch
    /// has moved, or inside a transaction.
    pub(crate) async fn refresh_actor(
        &self,
        conn: &mut Conn<'_>,
        actor: &Actor,
    ) -> Result<Actor, Error> {
        let Some((known, credential)) = &actor.user else {
            return Ok(actor.clone());
        };
        let account = accounts::find(conn, known.id)
            .await?
            .ok_or(Rejected::Unknown)?;
        let user = load_user(conn, account).await?;
        user.check()?;
        let credential = match credential {
            Credential::Password { .. } if user.second_factor => {
                return Err(Rejected::CodeNeeded.into());
            }
            Credential::Password { fingerprint } => {
                if *fingerprint != user.password_fingerprint() {
                    return Err(Rejected::Password.into());
                }
                credential.clone()
            }
            Credential::Session { id } => {
                let session = sessions::find(conn, *id).await?;
                let good = session.is_some_and(|session| {
                    session.account_id == known.id && self.clock.now() < session.expires_at
                });
                if !good {
                    return Err(Rejected::SessionOver.into());
                }
                Credential::Session { id: *id }
            }
            Credential::Token { id, .. } => {
                let token = tokens::find(conn, *id).await?.ok_or(Rejected::Revoked)?;
                let token = TokenRecord::from(token);
                token.check(self.clock.now())?;
                token.credential()
            }
        };
        Ok(Actor {
            user: Some((user.facts, credential)),
            narrowed: actor.narrowed.clone(),
        })
    }
}

/// A token that is limited to addresses is good from no other.
fn admitted(actor: Actor, from: Option<IpAddr>) -> Result<Actor, Rejected> {
    match &actor.user {
        Some((_, Credential::Token { limits, .. })) if !limits.admit(from) => {
            Err(Rejected::Address)
        }
        _ => Ok(actor),
    }
}

/// What a bearer's value is.
enum Value {
    Pat(String),
    Session,
    RegistryToken,
    Other,
}

fn token_in(value: &str) -> Value {
    if pat::is_well_formed(value) {
        return Value::Pat(value.to_owned());
    }
    if pat::is_session(value) {
        return Value::Session;
    }
    if value.bytes().filter(|&b| b == b'.').count() == 2 {
        return Value::RegistryToken;
    }
    let decoded = BASE64_STANDARD.decode(value).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    // `base64(PAT)`, and `base64(user:PAT)` from clients that copy Basic's form.
    let token = text
        .as_deref()
        .map(|t| t.rsplit(':').next().unwrap_or(t).trim());
    match token {
        Some(token) if pat::is_well_formed(token) => Value::Pat(token.to_owned()),
        _ => Value::Other,
    }
}
