//! `wharf visibility`

use clap::ValueEnum;
use serde_json::json;
use wharf_oci::Name;

use super::change;
use crate::{
    api::{Api, Method, package_path},
    cli::ApiReach,
    failure::Exit,
    output::Output,
};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum VisibilityArg {
    /// Those with a role
    Private,
    /// Everybody signed in
    Internal,
    /// Everybody
    Public,
}

impl VisibilityArg {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Internal => "internal",
            Self::Public => "public",
        }
    }
}

/// Change who may see a package
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  wharf visibility alice/app public")]
pub(crate) struct Args {
    /// OWNER/NAME
    package: Name,
    visibility: VisibilityArg,
    #[command(flatten)]
    pub(crate) reach: ApiReach,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let api = Api::remote(&args.reach)?;
    set(&api, output, &args.package, args.visibility).await
}

pub(super) async fn set(
    api: &Api,
    output: Output,
    package: &Name,
    visibility: VisibilityArg,
) -> anyhow::Result<Exit> {
    let visibility = visibility.as_str();
    let to = (Method::Patch, package_path(package));
    let body = Some(json!({"visibility": visibility}));
    change(api, output, to, body, format!("{package} is {visibility}")).await
}
