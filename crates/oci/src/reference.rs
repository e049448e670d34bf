//! References: the TAG-or-DIGEST of a `/v2` path, and the
//! `HOST/NAME[:TAG][@DIGEST]` that people type.

use std::{fmt, str::FromStr};

use crate::{
    digest::{Digest, DigestError},
    name::{self, NameError},
    tag::{Tag, TagError},
};

/// What a manifest is asked for by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    Tag(Tag),
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// A text with a colon can only be a digest: tags have none.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s.contains(':') {
            Ok(Self::Digest(s.parse()?))
        } else {
            Ok(Self::Tag(s.parse()?))
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error(transparent)]
    Tag(#[from] TagError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("`{0}` has no registry host: write HOST/{0}, for example 127.0.0.1:5000/{0}")]
    NoHost(String),
}

/// An image on a registry as typed: `HOST/PATH[:TAG][@DIGEST]`.
///
/// `PATH` follows the specification's grammar only, because other
/// registries have names without an owner. No host is ever assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference {
    pub host: String,
    pub path: String,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

impl ImageReference {
    /// What to ask the registry for: the digest if given, else the tag, else `latest`.
    pub fn reference(&self) -> Reference {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Reference::Digest(digest.clone()),
            (None, Some(tag)) => Reference::Tag(tag.clone()),
            (None, None) => Reference::Tag("latest".parse().expect("a valid tag")),
        }
    }

    /// The same image without tag and digest.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (rest, digest) = match s.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>()?)),
            None => (s, None),
        };
        let (host, path) = rest
            .split_once('/')
            .filter(|(host, _)| is_host(host))
            .ok_or_else(|| ReferenceError::NoHost(s.to_owned()))?;
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.parse::<Tag>()?)),
            None => (path, None),
        };
        name::check_path(path)?;
        Ok(Self {
            host: host.to_owned(),
            path: path.to_owned(),
            tag,
            digest,
        })
    }
}

/// Docker's rule: the first component is a host if it has a dot or a port, or is `localhost`.
fn is_host(s: &str) -> bool {
    let shape = !s.is_empty()
        && s.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
    shape && (s.contains('.') || s.contains(':') || s == "localhost")
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn typed_references() {
        let digest = Digest::sha256(b"x");
        for text in [
            "127.0.0.1:5000/alice/app",
            "localhost/alice/app:1.2",
            "ghcr.io/a/b/c:latest",
            "[::1]:5000/a/b:x",
            &format!("ghcr.io/a/b:1@{digest}"),
            &format!("ghcr.io/a/b@{digest}"),
        ] {
            let parsed: ImageReference = text.parse().expect(text);
            assert_eq!(parsed.to_string(), text);
        }
        assert!(matches!(
            "alice/app:1".parse::<ImageReference>(),
            Err(ReferenceError::NoHost(_))
        ));
        for bad in [
            "",
            "/",
            "ghcr.io/",
            "ghcr.io/a:",
            "ghcr.io/A/b",
            "ghcr.io/a@sha256:1",
        ] {
            assert!(
                bad.parse::<ImageReference>().is_err(),
                "{bad:?} was accepted"
            );
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(s in ".{0,120}") {
            let _ = s.parse::<ImageReference>();
            let _ = s.parse::<Reference>();
        }
    }
}
