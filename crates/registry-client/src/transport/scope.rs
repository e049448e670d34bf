//! Token scopes: what a registry token is asked to allow
//! (distribution's token specification, `type:name:actions`).

use std::collections::BTreeSet;

/// A set of scopes; also the key under which a token is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Scopes(BTreeSet<String>);

impl Scopes {
    /// No scope: a token that only proves who asks.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn pull(path: &str) -> Self {
        Self::one(format!("repository:{path}:pull"))
    }

    pub(crate) fn push(path: &str) -> Self {
        Self::one(format!("repository:{path}:pull,push"))
    }

    pub(crate) fn delete(path: &str) -> Self {
        Self::one(format!("repository:{path}:pull,push,delete"))
    }

    pub(crate) fn catalog() -> Self {
        Self::one("registry:catalog:*".to_owned())
    }

    fn one(scope: String) -> Self {
        Self(BTreeSet::from([scope]))
    }

    /// Both sets in one token: a mount reads one repository and writes another.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().cloned());
        self
    }

    /// Adds the scopes of a challenge, which separates them with spaces.
    pub(crate) fn and_challenged(mut self, scope: &str) -> Self {
        let named = scope.split(' ').filter(|s| !s.is_empty());
        self.0.extend(named.map(str::to_owned));
        self
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_merge_without_duplicates() {
        let scopes = Scopes::push("a/b")
            .and(&Scopes::pull("c/d"))
            .and_challenged("repository:a/b:pull,push  registry:catalog:*");
        let all: Vec<&str> = scopes.iter().collect();
        assert_eq!(
            all,
            [
                "registry:catalog:*",
                "repository:a/b:pull,push",
                "repository:c/d:pull"
            ]
        );
    }
}
