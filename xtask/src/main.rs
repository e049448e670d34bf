//! Chores of the project: `cargo xtask tidy` checks the shape of the house.

mod tidy;

use std::{io::Write as _, process::ExitCode};

fn main() -> anyhow::Result<ExitCode> {
    let mut stderr = std::io::stderr().lock();
    if let Some("tidy") = std::env::args().nth(1).as_deref() {
        let complaints = tidy::check()?;
        for complaint in &complaints {
            writeln!(stderr, "tidy: {complaint}")?;
        }
        Ok(if complaints.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    } else {
        writeln!(stderr, "usage: cargo xtask tidy")?;
        Ok(ExitCode::FAILURE)
    }
}
