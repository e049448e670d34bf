//! `wharf admin tag`

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;
use wharf_app::{
    App,
    authz::By,
    clock,
    tags::{TagPattern, TagScope},
};
use wharf_db::tags::PastMove;
use wharf_oci::{Digest, Name, Tag};

use super::pages::PAGE;
use crate::{
    failure::Exit,
    output::{self, Output},
};

/// Tags: their history, rolling back, and what must not move
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show where a tag pointed, since when, and who moved it
    History {
        /// OWNER/NAME
        package: Name,
        tag: Tag,
    },
    /// Point a tag at what it pointed at before its last move, or at any version
    #[command(after_help = "\
Example:
  wharf admin tag rollback acme/app latest
  wharf admin tag rollback acme/app latest --to sha256:…")]
    Rollback {
        /// OWNER/NAME
        package: Name,
        tag: Tag,
        /// A version of the package
        #[arg(long, value_name = "DIGEST")]
        to: Option<Digest>,
    },
    /// Keep tags where they are once they exist
    #[command(after_help = "\
Example:
  wharf admin tag protect acme/app 'v*'
  wharf admin tag protect acme '*.*.*'")]
    Protect {
        /// OWNER/NAME, or OWNER for all its packages
        scope: TagScope,
        /// `*` stands for any characters, `?` for one
        pattern: TagPattern,
    },
    /// Let them move again
    Unprotect {
        /// OWNER/NAME, or OWNER for all its packages
        scope: TagScope,
        pattern: TagPattern,
    },
    /// List the patterns that hold there
    Protected {
        /// OWNER/NAME, or OWNER for all its packages
        scope: TagScope,
    },
}

pub(super) async fn run(command: Command, app: &Arc<App>, output: Output) -> anyhow::Result<Exit> {
    let by = &By::Operator;
    match command {
        Command::History { package, tag } => history(app, &package, &tag, output).await?,
        Command::Rollback { package, tag, to } => {
            let digest = app.roll_back_tag(by, &package, &tag, to.as_ref()).await?;
            output.note(format_args!("{package}:{tag} is {digest}"));
        }
        Command::Protect { scope, pattern } => {
            app.make_immutable(by, &scope, &pattern).await?;
            output.note(format_args!(
                "tags {pattern} of {scope} stay where they are"
            ));
        }
        Command::Unprotect { scope, pattern } => {
            app.make_mutable(by, &scope, &pattern).await?;
            output.note(format_args!("tags {pattern} of {scope} may move"));
        }
        Command::Protected { scope } => {
            let patterns = app.immutable_tags(by, &scope).await?;
            if output.is_json() {
                output::json(&patterns)?;
            } else {
                patterns.iter().try_for_each(output::line)?;
            }
        }
    }
    Ok(Exit::Ok)
}

async fn history(app: &App, package: &Name, tag: &Tag, output: Output) -> anyhow::Result<()> {
    let mut moves: Vec<PastMove> = Vec::new();
    loop {
        let before = moves.last().map_or(i64::MAX, |last| last.number);
        let page = app
            .tag_history(&By::Operator, package, tag, before, PAGE)
            .await?;
        if page.is_empty() {
            break;
        }
        moves.extend(page);
    }
    if output.is_json() {
        let describe = |past: &PastMove| {
            json!({
                "move": past.number,
                "digest": past.digest,
                "previous": past.previous,
                "actor": past.actor,
                "at": clock::rfc3339(past.at),
            })
        };
        let all: Vec<_> = moves.iter().map(describe).collect();
        return output::json(&all);
    }
    for past in &moves {
        let digest = past.digest.as_deref().unwrap_or("removed");
        let actor = past.actor.as_deref().unwrap_or("the operator");
        let at = clock::display(past.at);
        output::line(format_args!("{at}\t{digest}\tby {actor}"))?;
    }
    Ok(())
}
