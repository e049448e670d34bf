//! Tags that, once they exist, neither move nor go.

use std::{fmt, str::FromStr, sync::Arc};

use wharf_db::{
    Conn, Tx,
    immutable_tags::{self, Scope},
};
use wharf_oci::{Login, Name, name::LoginError};
use wildmatch::WildMatch;

use crate::{App, Error, authz::By, authz::permit::Administer, change::Change};

/// Which tags: `*` stands for any characters, `?` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPattern(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a pattern of tags: up to 128 of the characters of a tag, `*` for any of them, `?` for one"
)]
pub struct TagPatternError(String);

impl TagPattern {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TagPattern {
    type Err = TagPatternError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let is_good = |c: char| c.is_ascii_alphanumeric() || "._-*?".contains(c);
        if s.is_empty() || s.len() > 128 || !s.chars().all(is_good) {
            return Err(TagPatternError(s.chars().take(128).collect()));
        }
        Ok(Self(s.to_owned()))
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a pattern is about: `OWNER/NAME`, or all packages of `OWNER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagScope {
    Package(Name),
    Owner(Login),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagScopeError {
    #[error(transparent)]
    Package(#[from] wharf_oci::name::NameError),
    #[error(transparent)]
    Owner(#[from] LoginError),
}

impl FromStr for TagScope {
    type Err = TagScopeError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s.contains('/') {
            return Ok(Self::Package(s.parse()?));
        }
        Ok(Self::Owner(s.parse()?))
    }
}

impl fmt::Display for TagScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(name) => name.fmt(f),
            Self::Owner(login) => login.fmt(f),
        }
    }
}

/// The pattern that keeps a tag of a package where it is, if any does.
pub(super) async fn pattern_over(
    conn: &mut Conn<'_>,
    package_id: i64,
    tag: &str,
) -> Result<Option<String>, Error> {
    let patterns = immutable_tags::for_package(conn, package_id).await?;
    let mut patterns = patterns.into_iter();
    Ok(patterns.find(|pattern| WildMatch::new(pattern).matches(tag)))
}

impl App {
    /// From now on tags that match neither move nor go once they exist.
    pub async fn make_immutable(
        self: &Arc<Self>,
        by: &By,
        scope: &TagScope,
        pattern: &TagPattern,
    ) -> Result<(), Error> {
        self.change_immutable(by, scope, pattern, true).await
    }

    pub async fn make_mutable(
        self: &Arc<Self>,
        by: &By,
        scope: &TagScope,
        pattern: &TagPattern,
    ) -> Result<(), Error> {
        self.change_immutable(by, scope, pattern, false).await
    }

    /// The patterns that hold there; for a package, its owner's too.
    pub async fn immutable_tags(&self, by: &By, scope: &TagScope) -> Result<Vec<String>, Error> {
        match scope {
            TagScope::Package(name) => {
                let permit = self.permit::<Administer>(by, name).await?;
                let mut reader = self.db.reader().await?;
                let conn = &mut reader.conn();
                Ok(immutable_tags::for_package(conn, permit.package_id()).await?)
            }
            TagScope::Owner(login) => {
                let mut reader = self.db.reader().await?;
                let conn = &mut reader.conn();
                let permit = self.permit_owner(conn, by, login.as_str()).await?;
                Ok(immutable_tags::of_account(conn, permit.owner_id()).await?)
            }
        }
    }

    async fn change_immutable(
        self: &Arc<Self>,
        by: &By,
        scope: &TagScope,
        pattern: &TagPattern,
        immutable: bool,
    ) -> Result<(), Error> {
        let change = Protect {
            scope: scope.clone(),
            pattern: pattern.clone(),
            immutable,
        };
        self.change(by, change).await
    }
}

/// Most patterns that hold in one place: every move of a tag reads them.
const MOST_PATTERNS: usize = 100;

struct Protect {
    scope: TagScope,
    pattern: TagPattern,
    immutable: bool,
}

impl Change for Protect {
    type Output = ();

    async fn apply(&self, app: &Arc<App>, by: &By, tx: &mut Tx<'_>) -> Result<(), Error> {
        let (scope, actor_id) = self.permitted(app, by, tx).await?;
        let pattern = self.pattern.as_str();
        if self.immutable {
            let known = match scope {
                Scope::Package(id) => immutable_tags::for_package(tx, id).await?,
                Scope::Account(id) => immutable_tags::of_account(tx, id).await?,
            };
            if known.len() >= MOST_PATTERNS && !known.iter().any(|other| other == pattern) {
                let reason = format!(
                    "{} has {MOST_PATTERNS} patterns, the most allowed",
                    self.scope
                );
                return Err(Error::Invalid(reason));
            }
            let now = app.clock.now();
            return Ok(immutable_tags::put(tx, scope, pattern, actor_id, now).await?);
        }
        if immutable_tags::remove(tx, scope, pattern).await? {
            return Ok(());
        }
        Err(Error::NoSuchPattern {
            scope: self.scope.to_string(),
            pattern: pattern.to_owned(),
        })
    }
}

impl Protect {
    async fn permitted(
        &self,
        app: &App,
        by: &By,
        tx: &mut Tx<'_>,
    ) -> Result<(Scope, Option<i64>), Error> {
        match &self.scope {
            TagScope::Package(name) => {
                let permit = app.permit_in::<Administer>(tx, by, name).await?;
                Ok((Scope::Package(permit.package_id()), permit.actor_id()))
            }
            TagScope::Owner(login) => {
                let permit = app.permit_owner(tx, by, login.as_str()).await?;
                Ok((Scope::Account(permit.owner_id()), permit.actor_id()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for bad in ["", "a b", "v1/2", "é", &"x".repeat(129)] {
            assert!(bad.parse::<TagPattern>().is_err(), "{bad:?}");
        }
        for (pattern, tag, matches) in [
            ("v*", "v1.2.3", true),
            ("v*", "latest", false),
            ("*.*.*", "1.2.3", true),
            ("*.*.*", "1.2", false),
            ("v?", "v1", true),
            ("v?", "v10", false),
            ("latest", "latest", true),
            ("*", "anything", true),
        ] {
            assert_eq!(
                WildMatch::new(pattern).matches(tag),
                matches,
                "{pattern} {tag}"
            );
        }
    }
}
