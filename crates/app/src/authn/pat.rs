//! The form of personal access tokens: `wharf_pat_` + 36 random base62
//! characters (214 bits) + 6 characters of CRC-32 over them.
//!
//! The prefix lets secret scanners find a leaked token, the checksum lets
//! them be sure, and lets us refuse a typing error without a look-up.
//! Scanners' pattern: `wharf_pat_[0-9A-Za-z]{42}`.

use sha2::{Digest as _, Sha256};

use crate::entropy::{BASE62, Entropy, base62};

pub const PREFIX: &str = "wharf_pat_";
/// Of sessions, which have the same form.
pub const SESSION_PREFIX: &str = "wharf_ses_";
const RANDOM: usize = 36;
const CHECKSUM: usize = 6;

/// A new value: shown once, never stored.
pub fn generate(prefix: &str, entropy: &dyn Entropy) -> String {
    let random = base62(entropy, RANDOM);
    let checksum = checksum(&random);
    format!("{prefix}{random}{checksum}")
}

/// Whether a text can be a token at all.
pub fn is_well_formed(s: &str) -> bool {
    has_form(PREFIX, s)
}

/// Whether a text can be a session's value at all.
pub fn is_session(s: &str) -> bool {
    has_form(SESSION_PREFIX, s)
}

fn has_form(prefix: &str, s: &str) -> bool {
    let Some(body) = s.strip_prefix(prefix) else {
        return false;
    };
    body.len() == RANDOM + CHECKSUM
        && body.bytes().all(|b| b.is_ascii_alphanumeric())
        && checksum(&body[..RANDOM]) == body[RANDOM..]
}

/// What is kept of a token: high entropy needs no slow hash.
pub fn stored_hash(token: &str) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(token.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn checksum(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn tokens_carry_their_checksum() {
        let token = generate(PREFIX, &SystemEntropy);
        assert_eq!(token.len(), PREFIX.len() + 42);
        assert!(is_well_formed(&token));
        assert_ne!(token, generate(PREFIX, &SystemEntropy));
        let mut typo = token.clone();
        let last = if typo.pop() == Some('a') { 'b' } else { 'a' };
        typo.push(last);
        assert!(!is_well_formed(&typo));
        for bad in [
            "",
            "wharf_pat_",
            "ghp_123",
            &token[..30],
            &format!("{token}x"),
        ] {
            assert!(!is_well_formed(bad), "{bad:?}");
        }
    }
}
