//! All SQL and nothing else: schema, statements, and the two engines that run
//! them, SQLite and PostgreSQL, by the same text.
//!
//! Reads go through [`Db::reader`]; every change is a [`Write`], which either
//! commits as a whole or leaves nothing. One module per table or small group
//! of tables; each holds its statements above the functions that run them.

#[macro_use]
mod statement;

pub mod about;
pub mod accounts;
pub mod blobs;
pub mod downloads;
mod engine;
pub mod epochs;
mod error;
pub mod grants;
pub mod holdings;
pub mod identities;
pub mod ids;
pub mod immutable_tags;
pub mod organizations;
pub mod packages;
mod postgres;
pub mod purges;
pub mod quotas;
pub mod referrers;
pub mod repositories;
pub mod second_factors;
pub mod sessions;
pub mod sign_ins;
mod sqlite;
pub mod tags;
pub mod teams;
pub mod tokens;
pub mod uploads;
pub mod usage;
pub mod verify;
pub mod versions;
pub mod visibilities;

pub use engine::{Conn, Db, Reader, Tx, Write, WriteError};
pub use error::{Error, ErrorKind};

/// Every statement by module and name, for the test that prepares them on both engines.
pub fn statements() -> Vec<(&'static str, &'static str, &'static str)> {
    let modules: [(&str, &[(&str, &str)]); 27] = [
        ("about", about::STATEMENTS),
        ("accounts", accounts::STATEMENTS),
        ("blobs", blobs::STATEMENTS),
        ("downloads", downloads::STATEMENTS),
        ("epochs", epochs::STATEMENTS),
        ("grants", grants::STATEMENTS),
        ("holdings", holdings::STATEMENTS),
        ("identities", identities::STATEMENTS),
        ("ids", ids::STATEMENTS),
        ("immutable_tags", immutable_tags::STATEMENTS),
        ("organizations", organizations::STATEMENTS),
        ("packages", packages::STATEMENTS),
        ("purges", purges::STATEMENTS),
        ("quotas", quotas::STATEMENTS),
        ("referrers", referrers::STATEMENTS),
        ("repositories", repositories::STATEMENTS),
        ("second_factors", second_factors::STATEMENTS),
        ("sessions", sessions::STATEMENTS),
        ("sign_ins", sign_ins::STATEMENTS),
        ("tags", tags::STATEMENTS),
        ("teams", teams::STATEMENTS),
        ("tokens", tokens::STATEMENTS),
        ("uploads", uploads::STATEMENTS),
        ("usage", usage::STATEMENTS),
        ("verify", verify::STATEMENTS),
        ("versions", versions::STATEMENTS),
        ("visibilities", visibilities::STATEMENTS),
    ];
    modules
        .into_iter()
        .flat_map(|(module, list)| list.iter().map(move |(name, sql)| (module, *name, *sql)))
        .collect()
}
