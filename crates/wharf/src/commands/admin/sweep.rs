//! `wharf admin sweep`

use std::sync::Arc;

use serde_json::json;
use wharf_app::App;

use crate::{
    failure::Exit,
    output::{self, Output},
};

/// Clear up now what abandoned uploads left behind, and what was deleted 30 days ago
/// (the server does so every ten minutes)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(super) async fn run(_: Args, app: &Arc<App>, output: Output) -> anyhow::Result<Exit> {
    let swept = app.sweep().await?;
    if output.is_json() {
        output::json(&json!({
            "uploads": swept.uploads,
            "objects": swept.objects,
            "purged": swept.purged,
        }))?;
    } else {
        let (uploads, objects, purged) = (swept.uploads, swept.objects, swept.purged);
        output.note(format_args!(
            "removed {uploads} uploads, {objects} objects, {purged} deleted packages and versions"
        ));
    }
    Ok(Exit::Ok)
}
