//! Accounts: users, organizations, and their tokens.

mod create;
mod tokens;

pub use tokens::{NewToken, TokenSummary};
