//! `wharf quota`

use std::str::FromStr;

use clap::Args as ClapArgs;
use serde_json::Value;
use wharf_oci::Size;

use super::{change, fields};
use crate::{
    api::{Api, Method, encode},
    cli::ApiReach,
    failure::Exit,
    output::Output,
};

/// Limit what an owner may store; for site administrators
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) reach: ApiReach,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Limits {
    /// A user or an organization
    owner: String,
    #[command(flatten)]
    edit: Edit,
}

/// Those that are not named stay.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = true)]
struct Edit {
    /// Such as 500MB or 20GiB, or none
    #[arg(long, value_name = "SIZE")]
    bytes: Option<Limit<Size>>,
    /// A number, or none
    #[arg(long, value_name = "COUNT")]
    packages: Option<Limit<u64>>,
    /// A number, or none
    #[arg(long, value_name = "COUNT")]
    tags: Option<Limit<u64>>,
}

const EXAMPLE: &str = "\
Example:
  wharf quota acme --bytes 20GiB --packages 100
  wharf quota acme --packages none
  wharf usage acme";

/// A most, or none.
#[derive(Debug, Clone, Copy)]
struct Limit<T>(Option<T>);

impl<T: FromStr> FromStr for Limit<T> {
    type Err = T::Err;

    fn from_str(s: &str) -> Result<Self, T::Err> {
        if s == "none" {
            return Ok(Self(None));
        }
        s.parse().map(|most| Self(Some(most)))
    }
}

pub(crate) async fn run(limits: Limits, api: &Api, output: Output) -> anyhow::Result<Exit> {
    let Limits { owner, edit } = limits;
    let bytes = edit.bytes.map(|limit| limit.0.map(|size| size.0).into());
    let count = |limit: Option<Limit<u64>>| limit.map(|limit| Value::from(limit.0));
    let body = fields([
        ("bytes", bytes),
        ("packages", count(edit.packages)),
        ("tags", count(edit.tags)),
    ]);
    let target = (Method::Patch, format!("owners/{}/quota", encode(&owner)));
    let note = format!("`usage {owner}` shows what {owner} stores, and may store");
    change(api, output, target, Some(body), note).await
}
