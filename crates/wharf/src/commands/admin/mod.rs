//! `wharf admin`: works on the server's store, on the server's machine.

use crate::{
    failure::{Exit, Failure},
    output::Output,
};

/// Administer the registry on this machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[expect(clippy::unused_async, reason = "the commands to come are asynchronous")]
pub(crate) async fn run(_: Args, _: Output) -> anyhow::Result<Exit> {
    Err(Failure::usage("`wharf admin` is not part of this build").into())
}
