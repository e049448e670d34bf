//! Measurements as Markdown.

use std::{fmt::Write as _, process::Command};

use crate::{Options, load::Measurement};

/// What is shown of each measurement.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    /// GB/s and CPU seconds per GB.
    Bytes,
    /// Operations per second and CPU seconds per thousand.
    Operations,
}

/// One table: servers down, cases across, medians of the rounds in the cells.
pub struct Table {
    title: String,
    unit: Unit,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Vec<Measurement>>)>,
}

impl Table {
    pub fn new(title: &str, unit: Unit) -> Self {
        Self {
            title: title.to_owned(),
            unit,
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub fn add(&mut self, row: &str, column: &str, measurement: Measurement) {
        let at = self
            .columns
            .iter()
            .position(|c| c == column)
            .unwrap_or_else(|| {
                self.columns.push(column.to_owned());
                self.columns.len() - 1
            });
        let index = self
            .rows
            .iter()
            .position(|(name, _)| name == row)
            .unwrap_or_else(|| {
                self.rows.push((row.to_owned(), Vec::new()));
                self.rows.len() - 1
            });
        let cells = &mut self.rows[index].1;
        cells.resize_with(cells.len().max(at + 1), Vec::new);
        cells[at].push(measurement);
    }

    pub fn render(&self) -> String {
        let what = match self.unit {
            Unit::Bytes => "GB/s · CPU s per GB · p50/p99 ms",
            Unit::Operations => "operations/s · CPU s per 1,000 · p50/p99 ms",
        };
        let mut text = format!(
            "## {}\n\n{what}\n\n| server | {} |\n|---|",
            self.title,
            self.columns.join(" | ")
        );
        text += &"---|".repeat(self.columns.len());
        for (name, cells) in &self.rows {
            let _ = write!(text, "\n| {name} |");
            for at in 0..self.columns.len() {
                let cell = cells.get(at).filter(|c| !c.is_empty());
                let _ = write!(
                    text,
                    " {} |",
                    cell.map_or_else(|| "–".to_owned(), |c| self.cell(c))
                );
            }
        }
        text.push('\n');
        text
    }

    fn cell(&self, rounds: &[Measurement]) -> String {
        let median = |of: fn(&Measurement) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let (p50, p99) = (median(|m| m.percentile(50)), median(|m| m.percentile(99)));
        let (rate, cpu) = match self.unit {
            Unit::Bytes => (
                format!("{:.2}", median(Measurement::gigabytes_per_second)),
                median(Measurement::cpu_per_gigabyte),
            ),
            Unit::Operations => (
                format!("{:.0}", median(Measurement::per_second)),
                median(Measurement::cpu_per_thousand),
            ),
        };
        format!("**{rate}** · {cpu:.3} · {p50:.2}/{p99:.2}")
    }
}

/// The machine and the peers, for the head of the page.
pub fn machine(options: &Options) -> anyhow::Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model
        .and_then(|line| line.split(": ").nth(1))
        .unwrap_or("unknown CPU");
    let cores = std::thread::available_parallelism()?;
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        let output = output
            .map(|o| [o.stdout, o.stderr].concat())
            .unwrap_or_default();
        String::from_utf8_lossy(&output)
            .lines()
            .next()
            .unwrap_or("not installed")
            .to_owned()
    };
    let distribution = options
        .distribution
        .as_ref()
        .map_or_else(String::new, |path| {
            format!(" {};", said(&path.to_string_lossy(), "--version"))
        });
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    Ok(format!(
        "{model}, {cores} cores, Linux {}; {};{distribution} {}\n\n    cargo run --release -p wharf-benches -- {}\n",
        said("uname", "-r"),
        said("docker-registry", "--version"),
        said("/usr/sbin/nginx", "-v"),
        arguments.join(" "),
    ))
}
