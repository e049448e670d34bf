//! Personal access tokens: made once, shown once, revoked at once.

use wharf_db::{
    Tx, Write,
    tokens::{self, Token},
};

use crate::{
    App, Error,
    authn::pat,
    authz::{Scope, Scopes},
};

/// A token that was just made. The value is not kept anywhere.
pub struct NewToken {
    pub id: i64,
    pub value: String,
    pub expires_at: Option<i64>,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewToken({})", self.id)
    }
}

/// A token as it is listed.
#[derive(Debug, Clone)]
pub struct TokenSummary {
    pub id: i64,
    pub name: String,
    pub scopes: Scopes,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

impl App {
    /// Makes a token for a user. `lifetime`: microseconds; `None` never expires.
    pub async fn create_token(
        &self,
        login: &str,
        name: &str,
        scopes: Vec<Scope>,
        lifetime: Option<i64>,
    ) -> Result<NewToken, Error> {
        if scopes.is_empty() {
            let reason = "a token needs at least one scope: read:packages, write:packages or delete:packages";
            return Err(Error::Invalid(reason.to_owned()));
        }
        let user = self.find_user(login).await?;
        let now = self.clock.now();
        let value = pat::generate(&*self.entropy);
        let token = Token {
            id: self.ids.next().await?,
            user_id: user.id,
            name: name.to_owned(),
            scopes: Scopes::new(scopes).to_string(),
            created_at: now,
            expires_at: lifetime.map(|lifetime| now.saturating_add(lifetime)),
            last_used_at: None,
            revoked_at: None,
        };
        let (id, expires_at) = (token.id, token.expires_at);
        let hash = pat::stored_hash(&value);
        self.db.write(Insert { token, hash }).await?;
        Ok(NewToken {
            id,
            value,
            expires_at,
        })
    }

    /// A user's tokens, oldest first.
    pub async fn list_tokens(&self, login: &str) -> Result<Vec<TokenSummary>, Error> {
        let user = self.find_user(login).await?;
        let mut reader = self.db.reader().await?;
        let rows = tokens::list(&mut reader.conn(), user.id).await?;
        let each = |row: Token| TokenSummary {
            id: row.id,
            scopes: Scopes::parse_stored(&row.scopes),
            name: row.name,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        };
        Ok(rows.into_iter().map(each).collect())
    }

    /// Revokes a token by its id: it is refused from now on, in uploads under way too.
    pub async fn revoke_token(&self, id: i64) -> Result<(), Error> {
        let at = self.clock.now();
        self.write_and_void(Revoke { id, at }).await
    }
}

struct Insert {
    token: Token,
    hash: String,
}

impl Write for Insert {
    type Output = ();
    type Error = wharf_db::Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), wharf_db::Error> {
        tokens::insert(tx, &self.token, &self.hash).await
    }
}

struct Revoke {
    id: i64,
    at: i64,
}

impl Write for Revoke {
    type Output = ();
    type Error = Error;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        if tokens::revoke(tx, self.id, self.at).await? {
            return Ok(());
        }
        Err(Error::NoSuchToken { id: self.id })
    }
}
