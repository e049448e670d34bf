//! Randomness, as an argument.

/// Fills buffers with unpredictable bytes.
pub trait Entropy: Send + Sync + std::fmt::Debug + 'static {
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system has randomness");
    }
}

/// `N` random bytes.
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut buffer = [0; N];
    entropy.fill(&mut buffer);
    buffer
}

/// `len` random characters out of `0-9A-Za-z`, each as likely as any other.
pub fn base62(entropy: &dyn Entropy, len: usize) -> String {
    let mut text = String::with_capacity(len);
    while text.len() < len {
        for byte in bytes::<64>(entropy) {
            // 248 is the largest multiple of 62 in a byte: the rest would favour some characters.
            if byte < 248 && text.len() < len {
                text.push(char::from(BASE62[usize::from(byte % 62)]));
            }
        }
    }
    text
}

pub const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
