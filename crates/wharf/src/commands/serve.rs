//! `wharf serve`: runs the registry.

use crate::{
    failure::{Exit, Failure},
    output::Output,
};

/// Run the registry
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[expect(clippy::unused_async, reason = "the server to come is asynchronous")]
pub(crate) async fn run(_: Args, _: Output) -> anyhow::Result<Exit> {
    Err(Failure::usage("`wharf serve` is not part of this build").into())
}
