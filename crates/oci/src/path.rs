//! The paths under `/v2/`, parsed from the right because names contain slashes.
//!
//! One decoding, one parse, before any routing: what does not parse here
//! reaches nothing (distribution-spec § Endpoints).

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::{
    digest::{Digest, DigestError},
    name::{Name, NameError},
    reference::{Reference, ReferenceError},
};

/// A parsed path under `/v2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// `/v2/`
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/NAME/tags/list`
    Tags(Name),
    /// `/v2/NAME/manifests/REFERENCE`
    Manifest(Name, Reference),
    /// `/v2/NAME/blobs/DIGEST`
    Blob(Name, Digest),
    /// `/v2/NAME/blobs/uploads/`
    Uploads(Name),
    /// `/v2/NAME/blobs/uploads/ID`
    Upload(Name, UploadId),
    /// `/v2/NAME/referrers/DIGEST`
    Referrers(Name, Digest),
}

impl Path {
    /// The package the path is about.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Tags(name)
            | Self::Manifest(name, _)
            | Self::Blob(name, _)
            | Self::Uploads(name)
            | Self::Upload(name, _)
            | Self::Referrers(name, _) => Some(name),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No endpoint has this shape.
    #[error(
        "there is nothing at this path; the API is /v2/NAME/{{manifests,blobs,tags,referrers}}/…"
    )]
    Unknown,
    #[error("the path is not valid UTF-8 after percent-decoding")]
    Encoding,
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error("`{0}` is not an upload of this registry: start again with POST …/blobs/uploads/")]
    UploadId(String),
}

/// The random name of an upload session. Only the shape is checked here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadId(Box<str>);

impl UploadId {
    /// 32 lowercase hex digits: 128 random bits.
    pub const LEN: usize = 32;

    pub fn new(random: [u8; 16]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(Self::LEN);
        for byte in random {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for UploadId {
    type Err = PathError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if s.len() == Self::LEN && s.bytes().all(hex) {
            Ok(Self(s.into()))
        } else {
            Err(PathError::UploadId(s.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Parses a request path that starts with `/v2`, still percent-encoded.
pub fn parse(raw: &str) -> Result<Path, PathError> {
    let rest = raw.strip_prefix("/v2").ok_or(PathError::Unknown)?;
    if rest.is_empty() || rest == "/" {
        return Ok(Path::Base);
    }
    let rest = rest.strip_prefix('/').ok_or(PathError::Unknown)?;
    let rest = percent_decode_str(rest)
        .decode_utf8()
        .map_err(|_| PathError::Encoding)?;
    if rest == "_catalog" {
        return Ok(Path::Catalog);
    }
    let rest = rest.strip_suffix('/').unwrap_or(&rest);
    let mut parts = rest.rsplitn(3, '/');
    let (last, second, head) = (parts.next(), parts.next(), parts.next());
    let (Some(last), Some(second), Some(head)) = (last, second, head) else {
        return Err(PathError::Unknown);
    };
    match (second, last) {
        ("blobs", "uploads") => Ok(Path::Uploads(head.parse()?)),
        ("uploads", id) => {
            let name = head.strip_suffix("/blobs").ok_or(PathError::Unknown)?;
            Ok(Path::Upload(name.parse()?, id.parse()?))
        }
        ("blobs", digest) => Ok(Path::Blob(head.parse()?, digest.parse()?)),
        ("manifests", reference) => Ok(Path::Manifest(head.parse()?, reference.parse()?)),
        ("referrers", digest) => Ok(Path::Referrers(head.parse()?, digest.parse()?)),
        ("tags", "list") => Ok(Path::Tags(head.parse()?)),
        _ => Err(PathError::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_endpoint() {
        let name: Name = "alice/tools/app".parse().expect("valid");
        let digest = Digest::sha256(b"x");
        let id = UploadId::new([7; 16]);
        let cases = [
            ("/v2".to_owned(), Path::Base),
            ("/v2/".to_owned(), Path::Base),
            ("/v2/_catalog".to_owned(), Path::Catalog),
            (
                "/v2/alice/tools/app/tags/list".to_owned(),
                Path::Tags(name.clone()),
            ),
            (
                "/v2/alice/tools/app/manifests/latest".to_owned(),
                Path::Manifest(name.clone(), "latest".parse().expect("tag")),
            ),
            (
                format!("/v2/alice/tools/app/manifests/{digest}"),
                Path::Manifest(name.clone(), Reference::Digest(digest.clone())),
            ),
            (
                format!(
                    "/v2/alice/tools/app/blobs/{}",
                    digest.as_str().replace(':', "%3A")
                ),
                Path::Blob(name.clone(), digest.clone()),
            ),
            (
                "/v2/alice/tools/app/blobs/uploads/".to_owned(),
                Path::Uploads(name.clone()),
            ),
            (
                "/v2/alice/tools/app/blobs/uploads".to_owned(),
                Path::Uploads(name.clone()),
            ),
            (
                format!("/v2/alice/tools/app/blobs/uploads/{id}"),
                Path::Upload(name.clone(), id),
            ),
            (
                format!("/v2/alice/tools/app/referrers/{digest}"),
                Path::Referrers(name, digest),
            ),
        ];
        for (raw, expected) in cases {
            assert_eq!(parse(&raw), Ok(expected), "{raw}");
        }
    }

    #[test]
    fn names_may_contain_the_words_of_the_api() {
        let name: Name = "alice/blobs/uploads".parse().expect("valid");
        assert_eq!(
            parse("/v2/alice/blobs/uploads/manifests/x"),
            Ok(Path::Manifest(name.clone(), "x".parse().expect("tag")))
        );
        assert_eq!(
            parse("/v2/alice/blobs/uploads/tags/list"),
            Ok(Path::Tags(name))
        );
    }

    #[test]
    fn mistakes_say_what_they_are() {
        assert_eq!(
            parse("/v2/ga-hit-counter/blobs/uploads/"),
            Err(PathError::Name(NameError::NoOwner("ga-hit-counter".into())))
        );
        assert!(matches!(
            parse("/v2/Alice/App/manifests/x"),
            Err(PathError::Name(NameError::Uppercase(_)))
        ));
        assert!(matches!(
            parse("/v2/a/b/blobs/sha256:xyz"),
            Err(PathError::Digest(_))
        ));
        assert!(matches!(
            parse("/v2/a/b/manifests/a:b"),
            Err(PathError::Reference(_))
        ));
        assert!(matches!(
            parse("/v2/a/b/blobs/uploads/nope"),
            Err(PathError::UploadId(_))
        ));
        assert_eq!(parse("/v2/a/b/%ff/x"), Err(PathError::Encoding));
        for unknown in [
            "/v2/a",
            "/v2/a/b",
            "/v2x",
            "/v1/",
            "/v2/a/b/things/x",
            "/v2/uploads/x",
        ] {
            assert!(parse(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn traversal_in_every_encoding_reaches_nothing() {
        for name in [
            "../../etc",
            "a/../b",
            "%2e%2e/%2e%2e/etc",
            "a%2f..%2fb",
            "a/%252e%252e/b",
            "a//b",
            "a/./b",
            "a\\b/c",
            "a;x/b",
            "a%00/b",
            "ａ/b",
            "a/b%0d%0a",
            "./a/b",
        ] {
            for tail in ["manifests/latest", "tags/list", "blobs/uploads/"] {
                let raw = format!("/v2/{name}/{tail}");
                assert!(parse(&raw).is_err(), "{raw} was accepted");
            }
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(s in "/v2/[a-zA-Z0-9._/:%-]{0,120}|.{0,80}") {
            let _ = parse(&s);
        }
    }
}
