//! What a caller proves its identity with. Kept apart so that one `Debug`
//! implementation decides that secrets are never printed.

use std::fmt;

/// How to sign in to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// As nobody: public content only.
    Anonymous,
    /// A user name with a password or an access token.
    Password { username: String, password: String },
    /// An OAuth 2 refresh token, as `docker login` saves for some registries.
    IdentityToken(String),
    /// A ready bearer token, sent as it is.
    RegistryToken(String),
}

impl Credentials {
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Password { username, .. } => write!(f, "Password({username}, …)"),
            Self::IdentityToken(_) => f.write_str("IdentityToken(…)"),
            Self::RegistryToken(_) => f.write_str("RegistryToken(…)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let all = [
            Credentials::Password {
                username: "alice".into(),
                password: "hunter2".into(),
            },
            Credentials::IdentityToken("hunter2".into()),
            Credentials::RegistryToken("hunter2".into()),
        ];
        for credentials in all {
            assert!(!format!("{credentials:?}").contains("hunter2"));
        }
    }
}
