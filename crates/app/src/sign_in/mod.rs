//! Signing in at an identity provider: OpenID Connect, or GitHub's OAuth.
//!
//! A program (the command line) opens a browser here and waits on its own
//! machine. The browser goes to the provider and comes back with a code; what
//! that says is checked and recorded as an identity; the program gets a code
//! of ours, and for it a session. Every step is good once, and bound to whoever
//! began it: the browser by a cookie, the program by PKCE, the provider by
//! state, nonce and PKCE.

mod admit;
mod confirm;
mod discovery;
mod fetch;
mod flow;
mod github;
mod id_token;
mod identities;
mod oidc;
mod pkce;
mod provider;
mod return_to;

pub use flow::{Begun, Came};
pub use identities::KnownIdentity;
pub(crate) use provider::Providers;
pub use provider::{ProviderKind, ProviderName, ProviderNameError, ProviderSettings};
pub use return_to::{ReturnTo, ReturnToError};

/// Why somebody is not signed in. The text is what they read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    #[error("nobody signs in with {0} here; GET /api/v1/sign-in lists with what")]
    NoSuchProvider(String),
    #[error("this sign-in is unknown, was used already or took too long; begin again")]
    State,
    #[error("this sign-in began in another browser; begin again in this one")]
    OtherBrowser,
    #[error("{provider} did not sign you in: {reason}")]
    Refused { provider: String, reason: String },
    #[error("{provider} cannot be asked right now; try again in a moment")]
    Unreachable { provider: String, reason: String },
    #[error("{provider} says who you are in a way that is not to be believed: {reason}")]
    Unbelievable { provider: String, reason: String },
    #[error(
        "nobody here is {name} of {provider}; ask a site administrator for `wharf user link LOGIN {provider} {subject}`"
    )]
    Stranger {
        provider: String,
        subject: String,
        name: String,
    },
    #[error(
        "there is already an account {login} here; if it is yours, ask a site administrator for `wharf user link {login} {provider} {subject}`"
    )]
    Taken {
        login: String,
        provider: String,
        subject: String,
    },
    #[error(
        "{name} of {provider} makes no login here; ask a site administrator for an account, and for `wharf user link LOGIN {provider} {subject}`"
    )]
    NoLogin {
        provider: String,
        subject: String,
        name: String,
    },
    #[error("this code is unknown, was used already or took too long; sign in again")]
    Code,
}
