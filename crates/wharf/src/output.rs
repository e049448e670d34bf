//! Where words go: results on standard output, everything else on standard
//! error. The only file that prints.

use std::{
    fmt::{Arguments, Display},
    io::{self, Write},
};

use serde::Serialize;

use crate::cli::Reporting;

/// How this run reports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    reporting: Reporting,
}

impl Output {
    pub(crate) fn new(reporting: Reporting) -> Self {
        Self { reporting }
    }

    /// Whether results are wanted as JSON.
    pub(crate) fn is_json(self) -> bool {
        self.reporting.json
    }

    pub(crate) fn is_quiet(self) -> bool {
        self.reporting.quiet
    }

    /// Something worth knowing that is not the result.
    pub(crate) fn note(self, note: Arguments<'_>) {
        if !self.reporting.quiet {
            writeln!(io::stderr().lock(), "{note}").ok();
        }
    }
}

/// One line of the result. What others wrote into it must not steer the terminal.
pub(crate) fn line(line: impl Display) -> io::Result<()> {
    let plain = |c: char| {
        if c.is_control() && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    let line: String = line.to_string().chars().map(plain).collect();
    writeln!(io::stdout().lock(), "{line}")
}

/// The result as one JSON document.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(line(serde_json::to_string_pretty(value)?)?)
}

/// The result as bytes, exactly.
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// What went wrong; shown even to those who want it quiet.
pub(crate) fn error(message: Arguments<'_>) {
    writeln!(io::stderr().lock(), "error: {message}").ok();
}

/// What to do about it.
pub(crate) fn hint(message: &str) {
    writeln!(io::stderr().lock(), "hint: {message}").ok();
}
