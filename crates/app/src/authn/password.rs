//! Passwords: Argon2id, on a blocking thread, few at a time.

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::phc::PasswordHash,
};
use tokio::sync::Semaphore;

/// Longest password accepted, in bytes. All of it counts.
pub const MAX_LEN: usize = 1024;
/// Shortest one that may be set.
pub const MIN_LEN: usize = 8;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("the password is too short: at least {MIN_LEN} characters")]
    TooShort,
    #[error("the password is too long: at most {MAX_LEN} bytes")]
    TooLong,
    #[error("too many sign-ins at once; try again in a moment")]
    Busy,
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// Hashes and verifies, two at a time, so that guessing cannot take the machine.
#[derive(Debug)]
pub struct Passwords {
    permits: Semaphore,
    waiting: Semaphore,
    /// Verified for logins that do not exist, so that they take as long.
    decoy: tokio::sync::OnceCell<String>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            permits: Semaphore::new(2),
            waiting: Semaphore::new(64),
            decoy: tokio::sync::OnceCell::new(),
        }
    }
}

impl Passwords {
    /// The PHC string to store.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        if password.chars().count() < MIN_LEN {
            return Err(PasswordError::TooShort);
        }
        if password.len() > MAX_LEN {
            return Err(PasswordError::TooLong);
        }
        let password = password.to_owned();
        self.run(move || {
            let hash = hasher().hash_password(password.as_bytes());
            hash.map(|h| h.to_string())
                .map_err(|e| PasswordError::Hash(e.to_string()))
        })
        .await?
    }

    /// Whether `password` is the one behind `stored`; `None` takes as long and is never right.
    pub async fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> Result<bool, PasswordError> {
        if password.len() > MAX_LEN {
            return Ok(false);
        }
        let known = stored.is_some();
        let stored = match stored {
            Some(stored) => stored.to_owned(),
            None => self.decoy().await?,
        };
        let password = password.to_owned();
        let matches = self
            .run(move || {
                PasswordHash::new(&stored)
                    .is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(matches && known)
    }

    async fn decoy(&self) -> Result<String, PasswordError> {
        let make = || self.hash("nobody has this password");
        self.decoy.get_or_try_init(make).await.cloned()
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = self
            .waiting
            .try_acquire()
            .map_err(|_| PasswordError::Busy)?;
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| PasswordError::Busy)?;
        let task = tokio::task::spawn_blocking(work).await;
        task.map_err(|e| PasswordError::Hash(e.to_string()))
    }
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("valid parameters");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_of_a_password_counts() {
        let passwords = Passwords::default();
        let long = "x".repeat(73);
        let stored = passwords.hash(&long).await.expect("hashes");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(passwords.verify(&long, Some(&stored)).await, Ok(true));
        assert_eq!(
            passwords.verify(&long[..72], Some(&stored)).await,
            Ok(false)
        );
        assert_eq!(passwords.verify(&long, None).await, Ok(false));
        assert_eq!(passwords.verify("x", Some("nonsense")).await, Ok(false));
        assert_eq!(passwords.hash("short").await, Err(PasswordError::TooShort));
        assert_eq!(
            passwords.hash(&"x".repeat(1025)).await,
            Err(PasswordError::TooLong)
        );
    }
}
