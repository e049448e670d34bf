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
            writeln!(io::stderr().lock(), "{}", plain(note)).ok();
        }
    }
}

/// What others wrote into a text must not steer the terminal.
fn plain(text: impl Display) -> String {
    let shown = |c: char| {
        if c.is_control() && !matches!(c, '\t' | '\n') {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.to_string().chars().map(shown).collect()
}

/// Lines of the result.
pub(crate) fn line(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", plain(line))
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
    writeln!(io::stderr().lock(), "error: {}", plain(message)).ok();
}

/// What to do about it.
pub(crate) fn hint(message: &str) {
    writeln!(io::stderr().lock(), "hint: {}", plain(message)).ok();
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(
            plain("\x1b]0;owned\x07\u{9b}2J\r"),
            "\u{fffd}]0;owned\u{fffd}\u{fffd}2J\u{fffd}"
        );
    }

    #[test]
    fn lines_and_json_stay_what_they_are() {
        let json = serde_json::to_string_pretty(&serde_json::json!({"a": ["\u{7}", "b"]}));
        let json = json.expect("JSON");
        assert_eq!(plain(&json), json);
    }
}
