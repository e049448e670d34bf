//! Scopes of personal access tokens, as on GitHub: a wider one includes the
//! narrower. `admin:packages` is ours: on GitHub what it allows has no API.

use std::{fmt, str::FromStr};

/// One scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Read,
    Write,
    Delete,
    /// Change who may do what; includes all others.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Delete, Self::Admin];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read:packages",
            Self::Write => "write:packages",
            Self::Delete => "delete:packages",
            Self::Admin => "admin:packages",
        }
    }

    /// `write:packages` and `delete:packages` each include `read:packages`;
    /// deleting is not writing, nor the other way round.
    const fn includes(self, other: Self) -> bool {
        matches!(
            (self, other),
            (_, Self::Read)
                | (Self::Write, Self::Write)
                | (Self::Delete, Self::Delete)
                | (Self::Admin, _)
        )
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a scope: use read:packages, write:packages, delete:packages or admin:packages"
)]
pub struct ScopeError(String);

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == s);
        found.ok_or_else(|| ScopeError(s.chars().take(80).collect()))
    }
}

/// The scopes of a token, as they were granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    /// Reads the stored form; scopes of a later release are ignored.
    pub fn parse_stored(s: &str) -> Self {
        Self::new(
            s.split_ascii_whitespace()
                .filter_map(|word| word.parse().ok()),
        )
    }

    pub fn allow(&self, needed: Scope) -> bool {
        self.0.iter().any(|scope| scope.includes(needed))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { " " };
            write!(f, "{separator}{scope}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_scopes_include_narrower_ones() {
        let write = Scopes::parse_stored("write:packages");
        assert!(write.allow(Scope::Read) && write.allow(Scope::Write));
        assert!(!write.allow(Scope::Delete));
        let delete = Scopes::parse_stored("delete:packages something:new");
        assert!(delete.allow(Scope::Read) && !delete.allow(Scope::Write));
        assert!(!Scopes::default().allow(Scope::Read));
        assert_eq!(
            Scopes::new([Scope::Write, Scope::Read]).to_string(),
            "read:packages write:packages"
        );
    }
}
