//! What is said about a credential that is no good.

use super::registry_token::TokenError;

/// Why a presented credential is no good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("sign in with `docker login`")]
    Missing,
    #[error(
        "this credential is unknown here: sign in again with `docker login` (a revoked or mistyped token, or one of another registry)"
    )]
    Unknown,
    #[error("the user name or password is wrong, or there is no such user")]
    Password,
    #[error("this token expired on {0}; make a new one and sign in again with `docker login`")]
    Expired(String),
    #[error("this token was revoked; make a new one and sign in again with `docker login`")]
    Revoked,
    #[error("this token may not be used from this address; use it where it was made for")]
    Address,
    #[error("the account {0} is disabled; ask a site administrator")]
    Disabled(String),
    #[error(transparent)]
    RegistryToken(#[from] TokenError),
    #[error(
        "a registry token cannot be exchanged for another; sign in with a password or a personal access token"
    )]
    NotExchangeable,
    #[error("too many sign-ins at once; try again in a moment")]
    Busy,
    #[error("too many failed sign-ins from here; try again in a quarter of an hour")]
    TooManyFailures,
    #[error("too many people sign in from here at once; try again in ten minutes")]
    TooManySignIns,
    #[error("this account has a second factor: give its code, or use a token")]
    CodeNeeded,
    #[error("the code is wrong, or was used already; wait for the next one")]
    WrongCode,
    #[error("this session is over; sign in again")]
    SessionOver,
    #[error("{0}'s sign-in was not confirmed by the identity provider; sign in there again")]
    Lapsed(String),
}
