//! Tags: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution-spec § Pulling manifests).

use std::{fmt, str::FromStr};

/// Longest tag the specification allows, in characters.
pub const MAX_LEN: usize = 128;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a tag: up to {MAX_LEN} letters, digits, `_`, `.` and `-`, starting with a letter, digit or `_`"
)]
pub struct TagError(String);

/// A validated tag.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Box<str>);

impl Tag {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let starts = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let continues = |b: u8| starts(b) || b == b'.' || b == b'-';
        match s.as_bytes() {
            [first, rest @ ..]
                if s.len() <= MAX_LEN && starts(*first) && rest.iter().all(|&b| continues(b)) =>
            {
                Ok(Self(s.into()))
            }
            _ => Err(TagError(s.chars().take(MAX_LEN + 12).collect())),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        for good in ["latest", "1.2.3", "_x", "V1-rc.1", &"a".repeat(128)] {
            assert_eq!(good.parse::<Tag>().expect(good).as_str(), good);
        }
        for bad in ["", ".x", "-x", "a b", "a/b", "ü", "a:b", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad:?} was accepted");
        }
    }
}
