//! Proof that two requests come from the same program (RFC 7636), by S256 only.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::entropy::{Entropy, bytes};

/// 256 random bits as text: a verifier, a state, a nonce.
pub fn secret(entropy: &dyn Entropy) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes::<32>(entropy))
}

/// What is shown first of a verifier.
pub fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// Whether a text can be a challenge at all: 32 bytes in base64url.
pub fn is_challenge(text: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .is_ok_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let shown = challenge(verifier);
        assert_eq!(shown, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_challenge(&shown));
        for text in [
            "",
            "plain",
            &shown[1..],
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw/cM",
        ] {
            assert!(!is_challenge(text), "{text}");
        }
    }
}
