//! Accounts: users, organizations with their members and teams, and tokens.

mod create;
mod organizations;
mod team_name;
mod teams;
mod tokens;

pub(crate) use organizations::find_user;
pub use team_name::{TeamName, TeamNameError};
pub(crate) use teams::find_team;
pub use tokens::{NewToken, TokenSummary};
