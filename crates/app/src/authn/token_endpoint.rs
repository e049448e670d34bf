//! `/token`: from a credential and the scopes asked for to a registry token.
//!
//! Docker's token protocol: distribution's docs, "Token Authentication Specification".

use std::collections::BTreeSet;

use wharf_oci::Name;

use super::{Caller, Rejected, registry_token::AccessClaim};
use crate::{
    App, Error,
    authz::{Action, Credential, policy},
    entropy,
};

/// Most scopes looked at in one request.
pub const MAX_SCOPES: usize = 64;

/// One `type:name:actions` of a token request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeRequest {
    pub name: Name,
    pub actions: BTreeSet<Action>,
}

/// A scope as asked for, as far as we serve it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParsedScope {
    Repository(ScopeRequest),
    /// `registry:catalog:*`
    Catalog,
    /// Nothing to grant: types of other registries, and names that cannot
    /// exist, about which the request itself will say what is wrong.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeParseError {
    #[error("`{0}` is not a scope: expected repository:NAME:pull[,push][,delete]")]
    Shape(String),
    #[error("{0} scopes in one request; at most {MAX_SCOPES} are allowed")]
    TooMany(usize),
}

/// Reads the `scope` parameters; each may hold several, separated by spaces.
pub fn parse_scopes<'a>(
    parameters: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<ParsedScope>, ScopeParseError> {
    let words = parameters.into_iter().flat_map(str::split_ascii_whitespace);
    let words: Vec<&str> = words.collect();
    if words.len() > MAX_SCOPES {
        return Err(ScopeParseError::TooMany(words.len()));
    }
    words.into_iter().map(parse_scope).collect()
}

fn parse_scope(word: &str) -> Result<ParsedScope, ScopeParseError> {
    let shape = || ScopeParseError::Shape(word.chars().take(200).collect());
    let (kind, rest) = word.split_once(':').ok_or_else(shape)?;
    let (name, actions) = rest.rsplit_once(':').ok_or_else(shape)?;
    let kind = kind.split_once('(').map_or(kind, |(kind, _)| kind);
    if (kind, name) == ("registry", "catalog") {
        return Ok(ParsedScope::Catalog);
    }
    if kind != "repository" {
        return Ok(ParsedScope::Other);
    }
    let mut granted = BTreeSet::new();
    for action in actions.split(',') {
        match action {
            "*" => granted.extend(Action::OF_REGISTRY_TOKENS),
            other => granted.extend(
                Action::OF_REGISTRY_TOKENS
                    .into_iter()
                    .find(|a| a.as_str() == other),
            ),
        }
    }
    Ok(name.parse().map_or(ParsedScope::Other, |name| {
        ParsedScope::Repository(ScopeRequest {
            name,
            actions: granted,
        })
    }))
}

/// A token, and what a client may want to know about it.
pub struct IssuedToken {
    pub token: String,
    /// Microseconds since 1970.
    pub issued_at: i64,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuedToken(at {})", self.issued_at)
    }
}

impl App {
    /// Issues a token for as much of `scopes` as the caller may have.
    ///
    /// A credential that is no good is an error, unless what is asked for is
    /// public anyway: an expired login must not break `docker pull` of public packages.
    pub async fn issue_token(
        &self,
        caller: &Caller,
        scopes: &[ParsedScope],
    ) -> Result<IssuedToken, Error> {
        if caller.actor.narrowed.is_some() {
            return Err(Rejected::NotExchangeable.into());
        }
        let (mut access, mut complete) = self.grantable(caller, scopes).await?;
        if !complete && let Some(renewed) = self.renewed(caller).await? {
            (access, complete) = self.grantable(&renewed, scopes).await?;
        }
        if let Some(rejected) = &caller.rejected
            && (scopes.is_empty() || !complete)
        {
            return Err(rejected.clone().into());
        }
        let now = self.clock.now();
        let (sub, credential) = subject(caller);
        let jti = entropy::base62(&*self.entropy, 22);
        let token = self
            .registry_tokens
            .issue(sub, credential, access, jti, now);
        Ok(IssuedToken {
            token: token.map_err(Error::Internal)?,
            issued_at: now,
        })
    }

    /// What of `scopes` the caller may have, and whether that is all of it.
    async fn grantable(
        &self,
        caller: &Caller,
        scopes: &[ParsedScope],
    ) -> Result<(Vec<AccessClaim>, bool), Error> {
        let (mut access, mut complete) = (Vec::new(), true);
        for scope in scopes {
            match scope {
                ParsedScope::Repository(scope) => {
                    let claim = self.grantable_on(caller, scope).await?;
                    complete &= claim.actions.len() == scope.actions.len();
                    access.push(claim);
                }
                ParsedScope::Catalog => access.push(catalog()),
                ParsedScope::Other => complete = false,
            }
        }
        Ok((access, complete))
    }

    async fn grantable_on(
        &self,
        caller: &Caller,
        scope: &ScopeRequest,
    ) -> Result<AccessClaim, Error> {
        let target = self.target(&caller.caches, &scope.name).await?;
        let now = self.clock.now();
        let allowed =
            |action: &&Action| policy::decide(&caller.actor, &target, **action, now).is_ok();
        let actions: BTreeSet<Action> = scope.actions.iter().filter(allowed).copied().collect();
        // Where nothing is granted, not even whether there is such an owner is told.
        let owner = target.effective_owner().filter(|_| !actions.is_empty());
        Ok(AccessClaim {
            kind: "repository".to_owned(),
            name: scope.name.to_string(),
            owner: owner.map(|owner| owner.id),
            actions,
        })
    }
}

/// `sub` and the credential that a registry token names.
fn subject(caller: &Caller) -> (String, String) {
    let Some((user, credential)) = &caller.actor.user else {
        return ("anonymous".to_owned(), "none".to_owned());
    };
    let credential = match credential {
        Credential::Token { id, .. } => format!("token:{id}"),
        Credential::Session { id } => format!("session:{id}"),
        Credential::Password { fingerprint } => format!("password:{fingerprint}"),
    };
    (format!("user:{}", user.id), credential)
}

/// Whoever asks may list packages; which ones is decided when they do.
fn catalog() -> AccessClaim {
    AccessClaim {
        kind: "registry".to_owned(),
        name: "catalog".to_owned(),
        owner: None,
        actions: BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(scope: &str) -> Result<Vec<ParsedScope>, ScopeParseError> {
        parse_scopes([scope])
    }

    #[test]
    fn scopes_as_clients_send_them() {
        let repository = |name: &str, actions: &[Action]| {
            ParsedScope::Repository(ScopeRequest {
                name: name.parse().expect("valid"),
                actions: actions.iter().copied().collect(),
            })
        };
        let both = parse("repository:a/b:pull,push repository:a/c:pull").expect("valid");
        assert_eq!(
            both,
            [
                repository("a/b", &[Action::Pull, Action::Push]),
                repository("a/c", &[Action::Pull])
            ]
        );
        assert_eq!(
            parse("repository:a/b:*").expect("valid"),
            [repository("a/b", &Action::OF_REGISTRY_TOKENS)]
        );
        assert_eq!(
            parse("repository(plugin):a/b:pull,x").expect("valid"),
            [repository("a/b", &[Action::Pull])]
        );
        assert_eq!(
            parse("registry:catalog:*").expect("valid"),
            [ParsedScope::Catalog]
        );
        assert_eq!(
            parse("plugin:x:install").expect("valid"),
            [ParsedScope::Other]
        );
        assert_eq!(parse("").expect("valid"), []);
        assert_eq!(
            parse("repository:app:pull").expect("valid"),
            [ParsedScope::Other]
        );
        for bad in ["repository", "repository:a/b", "pull"] {
            assert!(
                matches!(parse(bad), Err(ScopeParseError::Shape(_))),
                "{bad}"
            );
        }
        let many = "repository:a/b:pull ".repeat(65);
        assert_eq!(parse(&many), Err(ScopeParseError::TooMany(65)));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(s in ".{0,200}") {
            let _ = parse(&s);
        }
    }
}
