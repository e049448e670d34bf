//! The progress of a copy as one bar, on a terminal only.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wharf_registry_client::copy::{Event, Progress};

use crate::output::Output;

/// A bar over the bytes of all blobs.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(crate) fn new(output: Output, what: &str) -> Self {
        let visible = std::io::stderr().is_terminal() && !output.is_quiet();
        let target = if visible {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let template = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what.to_owned());
        if visible {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar }
    }

    /// Takes the bar off the screen, so that results stand alone.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn on(&self, event: Event<'_>) {
        match event {
            Event::Planned { bytes, .. } => self.bar.inc_length(bytes),
            Event::BlobMoving { bytes, .. } => self.bar.inc(bytes),
            Event::BlobPresent { size, .. } | Event::BlobMounted { size, .. } => self.bar.inc(size),
            Event::BlobRestarted { bytes, .. } => self.bar.dec(bytes),
            _ => {}
        }
    }
}
