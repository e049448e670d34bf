//! Content digests (`sha256:…`, `sha512:…`) and the hasher that makes them.
//!
//! Grammar: image-spec, descriptor.md § Digests. Only the two registered
//! algorithms are accepted, and only lowercase hex: a digest that can be
//! spelled two ways would be two keys for one content.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::digest::{Digest as _, common::hazmat::SerializableState};

/// The two digest algorithms registered by the image specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of the hex part, in characters.
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(DigestError::Algorithm(clip(s))),
        }
    }
}

/// Why a text is not a digest. The messages are shown to users.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    #[error("`{0}` is not a digest: expected ALGORITHM:HEX, for example sha256:2c26b4…")]
    Shape(String),
    #[error("digest algorithm `{0}` is not supported: use sha256 or sha512")]
    Algorithm(String),
    #[error("a {algorithm} digest has {expected} lowercase hex digits; this one does not")]
    Hex {
        algorithm: Algorithm,
        expected: usize,
    },
}

/// A validated digest; compares, hashes and sorts as its text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    text: Box<str>,
    algorithm: Algorithm,
}

impl Digest {
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The lowercase hex part, without the algorithm.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.as_str().len() + 1..]
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The digest of `bytes`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(algorithm.as_str().len() + 1 + raw.len() * 2);
        text.push_str(algorithm.as_str());
        text.push(':');
        for byte in raw {
            let _ = write!(text, "{byte:02x}");
        }
        Self {
            text: text.into(),
            algorithm,
        }
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (algorithm, hex) = s
            .split_once(':')
            .ok_or_else(|| DigestError::Shape(clip(s)))?;
        let algorithm: Algorithm = algorithm.parse()?;
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if hex.len() != algorithm.hex_len() || !hex.bytes().all(is_hex) {
            return Err(DigestError::Hex {
                algorithm,
                expected: algorithm.hex_len(),
            });
        }
        Ok(Self {
            text: s.into(),
            algorithm,
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Keeps user input in messages short.
fn clip(s: &str) -> String {
    s.chars().take(80).collect()
}

/// Hashes a stream once, and can be put down and picked up again: the saved
/// state lets another process continue an upload without re-reading it.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

/// First byte of a saved state. A state written under another version is
/// refused, and its owner re-hashes the bytes instead of trusting it.
const STATE_VERSION: u8 = 1;

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(h) => h.update(bytes),
            State::Sha512(h) => h.update(bytes),
        }
    }

    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(h) => Digest::from_raw(Algorithm::Sha256, &h.finalize()),
            State::Sha512(h) => Digest::from_raw(Algorithm::Sha512, &h.finalize()),
        }
    }

    /// The state as bytes: version, algorithm, then the hash's own state.
    pub fn save(&self) -> Vec<u8> {
        let (tag, state): (u8, Vec<u8>) = match &self.0 {
            State::Sha256(h) => (0, h.serialize().to_vec()),
            State::Sha512(h) => (1, h.serialize().to_vec()),
        };
        let mut out = vec![STATE_VERSION, tag];
        out.extend_from_slice(&state);
        out
    }

    /// Restores [`Hasher::save`]; `None` when the bytes are of another
    /// version or damaged.
    pub fn restore(saved: &[u8]) -> Option<Self> {
        let (&[version, tag], state) = saved.split_first_chunk::<2>()?;
        if version != STATE_VERSION {
            return None;
        }
        match tag {
            0 => sha2::Sha256::deserialize(state.try_into().ok()?)
                .ok()
                .map(|h| Self(State::Sha256(h))),
            1 => sha2::Sha512::deserialize(state.try_into().ok()?)
                .ok()
                .map(|h| Self(State::Sha512(h))),
            _ => None,
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hasher({})", self.algorithm())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_digests() {
        assert_eq!(
            Digest::sha256(b"").as_str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert!(
            Digest::of(Algorithm::Sha512, b"")
                .as_str()
                .starts_with("sha512:cf83e1357eefb8bd")
        );
    }

    #[test]
    fn refuses_everything_else() {
        let good = Digest::sha256(b"x").to_string();
        for bad in [
            "",
            "sha256",
            "sha256:",
            "sha256:../../etc/passwd",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            &good[..good.len() - 1],
            &format!("{good}0"),
            &good.to_uppercase(),
            &good.replace("sha256:", "sha256:A").replace("AA", "A"),
            &good.replace("sha256", "sha512"),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn a_saved_hasher_continues_where_it_stopped(
            bytes in proptest::collection::vec(any::<u8>(), 0..2000), cut in 0usize..2000, wide: bool,
        ) {
            let algorithm = if wide { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let cut = cut.min(bytes.len());
            let mut first = Hasher::new(algorithm);
            first.update(&bytes[..cut]);
            let mut second = Hasher::restore(&first.save()).expect("own state restores");
            second.update(&bytes[cut..]);
            prop_assert_eq!(second.finish(), Digest::of(algorithm, &bytes));
        }

        #[test]
        fn restore_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Hasher::restore(&bytes);
        }

        #[test]
        fn parsing_never_panics_and_round_trips(s in ".{0,200}") {
            if let Ok(digest) = s.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), s);
            }
        }
    }
}
