//! Accounts: users, organizations with their members, teams and service
//! accounts, and tokens.

mod create;
mod delete;
mod find;
mod members;
mod part_name;
mod policy;
mod profile;
mod rename;
mod repositories;
mod second_factor;
mod service_accounts;
mod sessions;
mod teams;
mod tokens;
mod usage;

pub(crate) use create::insert as insert_account;
pub use find::{AccountSummary, PrincipalName};
pub(crate) use find::{
    find_holder, find_principal, find_repository, find_team, find_user, somebody,
};
pub use part_name::{PartName, PartNameError, ServiceAccountName, TeamName};
pub use profile::ProfileChange;
pub use second_factor::NewSecondFactor;
pub use sessions::{Client, NewSession, SignIn};
pub use tokens::{NewToken, TokenRequest, TokenSummary};
pub(crate) use usage::amounts;
pub use usage::{LimitEdit, OwnerStorage, QuotaChange};
