//! What a fine-grained token is limited to beyond its scopes: packages and
//! source addresses. Kept as JSON beside the token, by immutable ids of owners.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use wharf_oci::{Login, Name};

/// Limits of one token. An empty list does not limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<PackageLimit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpNet>,
}

/// Packages of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageLimit {
    pub owner_id: i64,
    /// A name without its owner, or the beginning of names up to a `*`.
    pub pattern: String,
}

impl Limits {
    /// Most entries of each list.
    pub const MOST: usize = 100;

    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.addresses.is_empty()
    }

    /// Reads the stored form. What cannot be read limits to nothing at all.
    pub fn parse_stored(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_else(|_| Self {
            packages: vec![PackageLimit {
                owner_id: 0,
                pattern: String::new(),
            }],
            addresses: Vec::new(),
        })
    }

    /// Whether a package is inside. `name`: without its owner.
    pub fn cover(&self, owner_id: i64, name: &str) -> bool {
        self.packages.is_empty()
            || self
                .packages
                .iter()
                .any(|limit| limit.covers(owner_id, name))
    }

    /// Whether the token may be used from there. An address that is not known is nowhere.
    pub fn admit(&self, address: Option<IpAddr>) -> bool {
        let inside = |address: IpAddr| {
            let address = address.to_canonical();
            self.addresses.iter().any(|net| net.contains(&address))
        };
        self.addresses.is_empty() || address.is_some_and(inside)
    }
}

impl PackageLimit {
    fn covers(&self, owner_id: i64, name: &str) -> bool {
        self.owner_id == owner_id
            && match self.pattern.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => name == self.pattern,
            }
    }
}

/// A limit as people write it: `OWNER` or `OWNER/*`, `OWNER/NAME`, `OWNER/BEGINNING*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagePattern {
    pub owner: Login,
    /// As in [`PackageLimit::pattern`].
    pub pattern: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not name packages: write OWNER, OWNER/NAME, or OWNER/BEGINNING*")]
pub struct PackagePatternError(String);

impl FromStr for PackagePattern {
    type Err = PackagePatternError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let wrong = || PackagePatternError(s.chars().take(300).collect());
        let (owner, pattern) = s.split_once('/').unwrap_or((s, "*"));
        let owner = owner.parse().map_err(|_| wrong())?;
        // Whatever stands for the `*`, the rest must be able to begin a name.
        let example = match pattern.strip_suffix('*') {
            Some(beginning) => format!("{owner}/{beginning}x"),
            None => format!("{owner}/{pattern}"),
        };
        example.parse::<Name>().map_err(|_| wrong())?;
        Ok(Self {
            owner,
            pattern: pattern.to_owned(),
        })
    }
}

impl fmt::Display for PackagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(patterns: &[&str], addresses: &[&str]) -> Limits {
        let package = |text: &&str| PackageLimit {
            owner_id: 1,
            pattern: text.parse::<PackagePattern>().expect("a pattern").pattern,
        };
        Limits {
            packages: patterns.iter().map(package).collect(),
            addresses: addresses
                .iter()
                .map(|a| a.parse().expect("a network"))
                .collect(),
        }
    }

    #[test]
    fn packages_by_owner_name_and_beginning() {
        let whole = limits(&["acme"], &[]);
        assert!(whole.cover(1, "app") && whole.cover(1, "a/b") && !whole.cover(2, "app"));
        let one = limits(&["acme/app"], &[]);
        assert!(one.cover(1, "app") && !one.cover(1, "app2") && !one.cover(1, "app/x"));
        let tools = limits(&["acme/tools/*", "acme/ci-*"], &[]);
        assert!(tools.cover(1, "tools/x") && tools.cover(1, "ci-a"));
        assert!(!tools.cover(1, "tools") && !tools.cover(1, "app"));
        assert!(limits(&[], &[]).cover(9, "anything"));
        for bad in [
            "",
            "*",
            "acme/",
            "acme/a*b",
            "acme/**",
            "Acme/x y",
            "acme/../x",
            "a.b/c",
        ] {
            assert!(bad.parse::<PackagePattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_by_network() {
        let ip = |s: &str| Some(s.parse().expect("an address"));
        let inside = limits(&[], &["10.0.0.0/8", "2001:db8::/32"]);
        assert!(inside.admit(ip("10.1.2.3")) && inside.admit(ip("2001:db8::1")));
        assert!(inside.admit(ip("::ffff:10.1.2.3")), "mapped");
        assert!(!inside.admit(ip("11.0.0.1")) && !inside.admit(None));
        assert!(limits(&[], &[]).admit(None));
    }

    #[test]
    fn what_is_stored_reads_back_and_damage_opens_nothing() {
        let some = limits(&["acme/app"], &["10.0.0.0/8"]);
        let stored = serde_json::to_string(&some).expect("JSON");
        assert_eq!(Limits::parse_stored(&stored), some);
        assert!(!Limits::parse_stored("{").cover(1, "app"));
        assert!(!Limits::parse_stored(r#"{"packages":[],"new":1}"#).cover(1, "app"));
    }
}
