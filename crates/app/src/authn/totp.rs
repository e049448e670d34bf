//! The second factor: codes of an authenticator app (RFC 6238: SHA-1, six
//! digits, 30 seconds, which is all that every app supports), and recovery
//! codes for who has lost theirs.

use std::fmt;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};

use crate::{
    clock::SECOND,
    entropy::{Entropy, bytes},
};

const PERIOD: i64 = 30;
const STEP: i64 = PERIOD * SECOND;
const DIGITS: usize = 6;
const SECRET: usize = 20;

const RECOVERY_CODES: usize = 10;
const HALF: usize = 5;
/// No `0`, `1`, `l` and `o`: 32 characters, 5 bits each.
const READABLE: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";

/// RFC 4648 § 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What an authenticator app shares with us.
#[derive(Clone)]
pub struct Secret([u8; SECRET]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(bytes(entropy))
    }

    pub fn from_bytes(bytes: [u8; SECRET]) -> Self {
        Self(bytes)
    }

    /// What is to be stored.
    pub fn as_bytes(&self) -> &[u8; SECRET] {
        &self.0
    }

    /// As people type it where they cannot scan the [`uri`](Self::uri).
    pub fn to_base32(&self) -> String {
        self.0.chunks(5).flat_map(base32).collect()
    }

    /// What the QR code says: the secret, and whose it is where.
    pub fn uri(&self, issuer: &str, login: &str) -> String {
        // Apps split the label at its first colon, be it encoded: `localhost:5000` must not have one.
        let issuer = percent_encoded(&issuer.replace(':', "-"));
        let login = percent_encoded(login);
        let secret = self.to_base32();
        format!(
            "otpauth://totp/{issuer}:{login}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={PERIOD}"
        )
    }

    /// The step whose code this is, if it is the current one or one beside it
    /// (clocks differ) and after `last_step`, that of the last code accepted.
    ///
    /// It has to be remembered as `last_step`: a code is good for one use.
    pub fn verify(&self, code: &str, now: i64, last_step: Option<i64>) -> Option<i64> {
        let code = digits(code)?;
        let current = now.div_euclid(STEP);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        // The last first: were two steps to share a code, it would be good twice.
        (current - 1..=current + 1)
            .filter(|&step| last_step.is_none_or(|last| step > last))
            .rev()
            .find(|&step| verify_slices_are_equal(&code, &code_of(&key, step)).is_ok())
    }
}

/// The code of one step (RFC 4226 § 5.3).
fn code_of(key: &hmac::Key, step: i64) -> [u8; DIGITS] {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[tag.len() - 1] & 0xf);
    let word = tag[offset..].iter().take(4);
    let mut rest = word.fold(0, |word, &byte| word << 8 | u32::from(byte)) & 0x7fff_ffff;
    let mut code = [b'0'; DIGITS];
    for digit in code.iter_mut().rev() {
        *digit = b"0123456789"[(rest % 10) as usize];
        rest /= 10;
    }
    code
}

/// A code as it was typed, without its spaces.
fn digits(code: &str) -> Option<[u8; DIGITS]> {
    let mut digits = [0; DIGITS];
    let mut typed = code.bytes().filter(|&b| b != b' ');
    for digit in &mut digits {
        *digit = typed.next().filter(u8::is_ascii_digit)?;
    }
    typed.next().is_none().then_some(digits)
}

fn base32(group: &[u8]) -> impl Iterator<Item = char> {
    let bits = group.iter().fold(0u64, |bits, &b| bits << 8 | u64::from(b));
    let of = move |i: usize| char::from(BASE32[(bits >> (5 * i) & 31) as usize]);
    (0..8).rev().map(of)
}

/// All but the unreserved characters of RFC 3986 encoded.
fn percent_encoded(text: &str) -> String {
    use fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Ten new codes like `x7kq2-9mfra`, each good once and worth 50 bits.
pub fn recovery_codes(entropy: &dyn Entropy) -> Vec<String> {
    let code = |_| {
        let random = bytes::<{ 2 * HALF }>(entropy);
        dashed(random.map(|byte| READABLE[usize::from(byte % 32)]))
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// A recovery code as it was generated, however it was typed: in capitals,
/// with spaces, without the dash. Nothing, if it cannot be one.
pub fn normalized_recovery_code(typed: &str) -> Option<String> {
    let typed = typed.bytes().filter(|b| !b" -".contains(b));
    let mut typed = typed.map(|b| b.to_ascii_lowercase());
    let mut code = [0; 2 * HALF];
    for character in &mut code {
        *character = typed.next().filter(|b| READABLE.contains(b))?;
    }
    typed.next().is_none().then(|| dashed(code))
}

fn dashed(code: [u8; 2 * HALF]) -> String {
    let mut text: String = code.into_iter().map(char::from).collect();
    text.insert(HALF, '-');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use proptest::prelude::*;

    const RFC: [u8; SECRET] = *b"12345678901234567890";

    /// RFC 6238, appendix B: seconds and the last six digits of the code.
    const VECTORS: [(i64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    fn code_at(secret: &Secret, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret.0);
        code_of(&key, step).map(char::from).iter().collect()
    }

    #[test]
    fn rfc_6238() {
        let secret = Secret::from_bytes(RFC);
        for (seconds, code) in VECTORS {
            let step = seconds / 30;
            assert_eq!(code_at(&secret, step), code);
            assert_eq!(secret.verify(code, seconds * SECOND, None), Some(step));
        }
    }

    #[test]
    fn one_step_either_side() {
        let secret = Secret::from_bytes(RFC);
        let at = |offset: i64| secret.verify("005924", (1_234_567_890 + offset) * SECOND, None);
        for good in [-30, -1, 0, 29, 59] {
            assert_eq!(at(good), Some(41_152_263), "{good}");
        }
        for bad in [-31, 60, 3600] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_code_is_good_once() {
        let secret = Secret::from_bytes(RFC);
        let now = 59 * SECOND;
        for (last, expected) in [(0, Some(1)), (1, None), (2, None)] {
            assert_eq!(secret.verify("287082", now, Some(last)), expected, "{last}");
        }
    }

    #[test]
    fn codes_are_six_digits() {
        let secret = Secret::from_bytes(RFC);
        let verify = |code| secret.verify(code, 59 * SECOND, None);
        for good in ["287082", "287 082", " 28 70 82 "] {
            assert_eq!(verify(good), Some(1), "{good:?}");
        }
        for bad in [
            "",
            "28708",
            "2870820",
            "94287082",
            "287083",
            "28708x",
            "287-082",
            "+287082",
            "２８７０８２",
            "287\t082",
        ] {
            assert_eq!(verify(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn secrets_are_shown_only_when_asked() {
        let secret = Secret::from_bytes(RFC);
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(secret.to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            secret.uri("Wharf & Söhne", "ana/b?c"),
            "otpauth://totp/Wharf%20%26%20S%C3%B6hne:ana%2Fb%3Fc?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Wharf%20%26%20S%C3%B6hne&algorithm=SHA1&digits=6&period=30"
        );
        let uri = secret.uri("localhost:5000", "ana");
        assert!(
            uri.starts_with("otpauth://totp/localhost-5000:ana?"),
            "{uri}"
        );
        let other = Secret::generate(&SystemEntropy);
        assert_ne!(
            other.as_bytes(),
            Secret::generate(&SystemEntropy).as_bytes()
        );
    }

    #[test]
    fn recovery_codes_are_forgiving() {
        let codes = recovery_codes(&SystemEntropy);
        assert_eq!(codes.len(), 10);
        for code in &codes {
            assert_eq!((code.len(), code.find('-')), (11, Some(5)), "{code}");
            let spaced = format!(" {} ", code.to_uppercase().replace('-', " "));
            for typed in [code, &spaced, &code.replace('-', "")] {
                assert_eq!(normalized_recovery_code(typed).as_ref(), Some(code));
            }
        }
        let distinct: std::collections::HashSet<&String> = codes.iter().collect();
        assert_eq!(distinct.len(), 10);
        for bad in [
            "",
            "-",
            "abcde-fghi",
            "abcde-fghijk",
            "abcde-fgh1j",
            "abcde-fghé",
            "abcde_fghij",
        ] {
            assert_eq!(normalized_recovery_code(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_step_is_accepted_once_and_in_time(
            secret: [u8; SECRET], now in 0..4_000_000_000 * SECOND, offset in -3i64..=3, last in proptest::option::of(-3i64..=3),
        ) {
            let secret = Secret::from_bytes(secret);
            let current = now / STEP;
            let last = last.map(|last| current + last);
            let code = code_at(&secret, current + offset);
            let step = secret.verify(&code, now, last);
            if let Some(step) = step {
                prop_assert!((current - 1..=current + 1).contains(&step));
                prop_assert!(last.is_none_or(|last| step > last));
                prop_assert_eq!(secret.verify(&code, now, Some(step)), None);
            }
            let is_due = offset.abs() <= 1 && last.is_none_or(|last| current + offset > last);
            prop_assert!(step.is_some() || !is_due);
        }

        #[test]
        fn nothing_typed_panics(typed in ".{0,14}", now: i64, last: Option<i64>) {
            let _ = Secret::from_bytes(RFC).verify(&typed, now, last);
            let code = normalized_recovery_code(&typed);
            prop_assert_eq!(code.as_deref().and_then(normalized_recovery_code), code);
        }
    }
}
