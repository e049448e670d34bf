//! `wharf admin verify`

use std::sync::Arc;

use wharf_app::{App, verify::Report};

use crate::{
    failure::Exit,
    output::{self, Output},
};

/// Check the data: does everything recorded exist, and is it what it claims to be?
///
/// Changes nothing. Exits 2 if data is lost or wrong. While the server runs,
/// uploads under way can show up as leaks.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Read and hash every byte
    #[arg(long)]
    deep: bool,
}

pub(super) async fn run(args: Args, app: &Arc<App>, output: Output) -> anyhow::Result<Exit> {
    let report = app.verify(args.deep).await?;
    if output.is_json() {
        output::json(&report)?;
    } else {
        print(&report, output)?;
    }
    Ok(if report.is_clean() {
        Exit::Ok
    } else {
        Exit::Partial
    })
}

fn print(report: &Report, output: Output) -> anyhow::Result<()> {
    for problem in &report.problems {
        output::line(format_args!(
            "PROBLEM\t{}\t{}",
            problem.invariant, problem.what
        ))?;
    }
    for leak in &report.leaks {
        output::line(format_args!("LEAK\t{}\t{}", leak.invariant, leak.what))?;
    }
    output.note(format_args!(
        "{} manifests, {} blobs, {} bytes: {} problems, {} leaks",
        report.versions,
        report.blobs,
        report.bytes,
        report.problems.len(),
        report.leaks.len(),
    ));
    Ok(())
}
