//! Tokens: made once, shown once, revoked at once.

use std::sync::Arc;

use ipnet::IpNet;
use wharf_db::{
    Conn, Tx,
    accounts::{Account, AccountKind},
    tokens::{self, Token},
};

use super::find::{find_holder, somebody};
use crate::{
    App, Error,
    authn::{Caller, pat},
    authz::{By, Credential, Limits, PackageLimit, PackagePattern, Refusal, Scope, Scopes},
    change::Change,
    target::find_account,
};

/// A token that was just made. The value is not kept anywhere.
pub struct NewToken {
    pub value: String,
    pub summary: TokenSummary,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewToken({})", self.summary.id)
    }
}

/// What a new token is to be.
#[derive(Debug, Clone, Default)]
pub struct TokenRequest {
    /// What it is for.
    pub name: String,
    pub scopes: Vec<Scope>,
    /// Microseconds; `None` never expires.
    pub lifetime: Option<i64>,
    /// Empty: whatever its holder may.
    pub packages: Vec<PackagePattern>,
    /// Empty: from anywhere.
    pub addresses: Vec<IpNet>,
}

/// A token as it is listed.
#[derive(Debug, Clone)]
pub struct TokenSummary {
    pub id: i64,
    pub name: String,
    pub scopes: Scopes,
    /// Patterns as people write them.
    pub packages: Vec<String>,
    pub addresses: Vec<IpNet>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

impl App {
    /// Makes a token for a user or a service account.
    pub async fn create_token(
        self: &Arc<Self>,
        by: &By,
        holder: &str,
        request: TokenRequest,
    ) -> Result<NewToken, Error> {
        check(&request)?;
        let create = Create {
            holder: holder.to_owned(),
            id: self.ids.next().await?,
            value: pat::generate(pat::PREFIX, &*self.entropy),
            request,
        };
        self.change(by, create).await
    }

    /// A holder's tokens after the id `after`, oldest first.
    pub async fn list_tokens(
        &self,
        by: &By,
        holder: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<TokenSummary>, Error> {
        let mut reader = self.db.reader().await?;
        let conn = &mut reader.conn();
        let account = self.permit_holder(conn, by, holder).await?;
        let mut summaries = Vec::new();
        for token in tokens::list(conn, account.id, after, limit).await? {
            summaries.push(summary(conn, token).await?);
        }
        Ok(summaries)
    }

    /// Revokes a token by its id: it is refused from now on, in uploads under way too.
    pub async fn revoke_token(self: &Arc<Self>, by: &By, id: i64) -> Result<(), Error> {
        self.change(by, Revoke(id)).await
    }

    /// Revokes tokens by their values, whoever found them. Says nothing about any of them.
    pub async fn revoke_leaked(self: &Arc<Self>, values: &[String]) -> Result<(), Error> {
        let good = values.iter().filter(|value| pat::is_well_formed(value));
        let mut found = Vec::new();
        {
            let mut reader = self.db.reader().await?;
            let conn = &mut reader.conn();
            for value in good {
                let token = tokens::find_by_hash(conn, &pat::stored_hash(value)).await?;
                found.extend(token.filter(|t| t.revoked_at.is_none()).map(|t| t.id));
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        self.change(&By::Operator, RevokeAll(found)).await
    }

    /// The account whose tokens somebody manages: their own, a service
    /// account of their organization, or, for the operator, anybody's.
    async fn permit_holder(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
        holder: &str,
    ) -> Result<Account, Error> {
        somebody(by, holder)?;
        let account = find_holder(conn, holder).await?;
        self.permit_tokens_of(conn, by, account).await
    }

    async fn permit_tokens_of(
        &self,
        conn: &mut Conn<'_>,
        by: &By,
        account: Account,
    ) -> Result<Account, Error> {
        let permit = self.permit_account(conn, by, account.clone()).await?;
        let foreign = account.kind == AccountKind::User
            && permit.actor_id().is_some_and(|actor| actor != account.id);
        if foreign {
            let login = match by {
                By::Caller(caller) => caller.login().unwrap_or_default().to_owned(),
                By::Operator => String::new(),
            };
            return Err(Error::Refused(Refusal::NotOwner {
                login,
                owner: account.login,
            }));
        }
        Ok(account)
    }
}

fn check(request: &TokenRequest) -> Result<(), Error> {
    let field = |field, reason: &str| Error::Field {
        field,
        reason: reason.to_owned(),
    };
    if request.scopes.is_empty() {
        let reason = "a token needs at least one scope: read:packages, write:packages, delete:packages or admin:packages";
        return Err(field("scopes", reason));
    }
    if request.name.chars().count() > 100 || request.name.chars().any(char::is_control) {
        return Err(field(
            "name",
            "it must be one line of at most 100 characters",
        ));
    }
    for (name, count) in [
        ("packages", request.packages.len()),
        ("addresses", request.addresses.len()),
    ] {
        if count > Limits::MOST {
            return Err(field(name, "at most 100 are allowed"));
        }
    }
    Ok(())
}

struct Create {
    holder: String,
    id: i64,
    value: String,
    request: TokenRequest,
}

impl Change for Create {
    type Output = NewToken;

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<NewToken, Error> {
        let account = app.permit_holder(tx, by, &self.holder).await?;
        let now = app.clock.now();
        let lifetime = self.request.lifetime;
        let expires_at = lifetime.map(|lifetime| now.saturating_add(lifetime));
        if let By::Caller(caller) = by {
            self.stay_within(tx, caller, expires_at).await?;
        }
        let limits = self.limits(tx).await?;
        let token = Token {
            id: self.id,
            account_id: account.id,
            name: self.request.name.clone(),
            scopes: Scopes::new(self.request.scopes.iter().copied()).to_string(),
            limits: limits.filter(|limits| !limits.is_empty()).map(stored),
            created_at: now,
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        tokens::insert(tx, &token, &pat::stored_hash(&self.value)).await?;
        Ok(NewToken {
            value: self.value.clone(),
            summary: summary(tx, token).await?,
        })
    }
}

fn stored(limits: Limits) -> String {
    serde_json::to_string(&limits).unwrap_or_default()
}

impl Create {
    /// A token makes no token that outlives it or is good where it is not.
    async fn stay_within(
        &self,
        conn: &mut Conn<'_>,
        caller: &Caller,
        expires_at: Option<i64>,
    ) -> Result<(), Error> {
        let Some(Credential::Token { id, limits, .. }) = caller.credential() else {
            return Ok(());
        };
        if !limits.addresses.is_empty() {
            let reason = "a token that is limited to addresses makes no tokens; sign in with a password, or use another token";
            return Err(Error::Invalid(reason.to_owned()));
        }
        let maker = tokens::find(conn, *id).await?;
        let end = maker.and_then(|token| token.expires_at);
        if end.is_some_and(|end| expires_at.is_none_or(|at| at > end)) {
            return Err(Error::Field {
                field: "expires_in",
                reason: "a token makes no token that outlives it; ask for a shorter life, or sign in with a password".to_owned(),
            });
        }
        Ok(())
    }

    async fn limits(&self, conn: &mut Conn<'_>) -> Result<Option<Limits>, Error> {
        let mut packages = Vec::new();
        for limit in &self.request.packages {
            let owner = find_account(conn, limit.owner.as_str()).await?;
            let owner = owner.ok_or_else(|| Error::NoSuchAccount {
                login: limit.owner.to_string(),
            })?;
            packages.push(PackageLimit {
                owner_id: owner.id,
                pattern: limit.pattern.clone(),
            });
        }
        Ok(Some(Limits {
            packages,
            addresses: self.request.addresses.clone(),
        }))
    }
}

async fn summary(conn: &mut Conn<'_>, token: Token) -> Result<TokenSummary, Error> {
    let limits = token.limits.as_deref().map(Limits::parse_stored);
    let limits = limits.unwrap_or_default();
    let mut packages = Vec::new();
    for limit in limits.packages {
        let owner = wharf_db::accounts::find(conn, limit.owner_id).await?;
        let login = owner.map_or_else(|| "(deleted)".to_owned(), |owner| owner.login);
        packages.push(format!("{login}/{}", limit.pattern));
    }
    Ok(TokenSummary {
        id: token.id,
        scopes: Scopes::parse_stored(&token.scopes),
        name: token.name,
        packages,
        addresses: limits.addresses,
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
    })
}

struct Revoke(i64);

impl Change for Revoke {
    type Output = ();

    /// Somebody else's token is unknown.
    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        somebody(by, "tokens")?;
        let unknown = || Error::NoSuchToken { id: self.0 };
        let token = tokens::find(tx, self.0).await?.ok_or_else(unknown)?;
        let holder = wharf_db::accounts::find(tx, token.account_id).await?;
        let holder = holder.ok_or_else(unknown)?;
        if let By::Caller(caller) = by {
            app.may_revoke(tx, caller, &token, holder).await?;
        }
        if tokens::revoke(tx, self.0, app.clock.now()).await? {
            return Ok(());
        }
        Err(unknown())
    }
}

impl App {
    /// A token may revoke itself, whatever its scopes.
    async fn may_revoke(
        &self,
        conn: &mut Conn<'_>,
        caller: &Caller,
        token: &Token,
        holder: Account,
    ) -> Result<(), Error> {
        let itself =
            matches!(caller.credential(), Some(Credential::Token { id, .. }) if *id == token.id);
        if itself {
            return Ok(());
        }
        let by = By::Caller(caller.clone());
        match self.permit_tokens_of(conn, &by, holder).await {
            Err(Error::Refused(Refusal::NotOwner { .. })) => {
                Err(Error::NoSuchToken { id: token.id })
            }
            result => result.map(drop),
        }
    }
}

struct RevokeAll(Vec<i64>);

impl Change for RevokeAll {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, _: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        for id in &self.0 {
            tokens::revoke(tx, *id, app.clock.now()).await?;
        }
        Ok(())
    }
}
