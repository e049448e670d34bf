//! Rules that no compiler checks: who may depend on whom, how long a file
//! may get, and that each one says why it exists.

use std::{collections::BTreeSet, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Longest source file, in lines, tests inside it not counted.
const MAX_LINES: usize = 500;

/// Each crate, and everything of ours that it may use outside tests.
const LAYERS: &[(&str, &[&str])] = &[
    ("wharf-oci", &[]),
    ("wharf-registry-client", &["wharf-oci"]),
    ("wharf-blob-store", &["wharf-oci"]),
    ("wharf-db", &["wharf-oci"]),
    (
        "wharf-app",
        &[
            "wharf-oci",
            "wharf-registry-client",
            "wharf-blob-store",
            "wharf-db",
        ],
    ),
    (
        "wharf-server",
        &["wharf-oci", "wharf-blob-store", "wharf-db", "wharf-app"],
    ),
    (
        "wharf",
        &[
            "wharf-oci",
            "wharf-registry-client",
            "wharf-blob-store",
            "wharf-db",
            "wharf-app",
            "wharf-server",
        ],
    ),
    (
        "wharf-testkit",
        &[
            "wharf-oci",
            "wharf-blob-store",
            "wharf-db",
            "wharf-app",
            "wharf-server",
        ],
    ),
    ("wharf-benches", &["wharf-oci"]),
    ("xtask", &[]),
];

/// Crates of others that one of ours must not use.
const FORBIDDEN: &[(&str, &str)] = &[
    ("wharf-app", "axum"),
    ("wharf-app", "sqlx"),
    ("wharf-server", "sqlx"),
    ("wharf-oci", "tokio"),
];

/// Every broken rule, as a sentence.
pub fn check() -> anyhow::Result<Vec<String>> {
    let mut complaints = dependencies()?;
    complaints.extend(files()?);
    Ok(complaints)
}

fn dependencies() -> anyhow::Result<Vec<String>> {
    let metadata = output("cargo", &["metadata", "--no-deps", "--format-version", "1"])?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let mut complaints = Vec::new();
    for package in metadata["packages"].as_array().context("packages")? {
        let name = package["name"].as_str().context("name")?;
        let layer = LAYERS.iter().find(|(layer, _)| *layer == name);
        let Some((_, allowed)) = layer else {
            complaints.push(format!("{name} is not in the list of layers"));
            continue;
        };
        for used in normal_dependencies(package) {
            if used.starts_with("wharf") && !allowed.contains(&used) {
                complaints.push(format!("{name} must not depend on {used}"));
            }
            if FORBIDDEN.contains(&(name, used)) {
                complaints.push(format!("{name} must not depend on {used}"));
            }
        }
    }
    Ok(complaints)
}

fn normal_dependencies(package: &Value) -> BTreeSet<&str> {
    let all = package["dependencies"].as_array();
    let normal = all.into_iter().flatten().filter(|d| d["kind"].is_null());
    normal.filter_map(|d| d["name"].as_str()).collect()
}

fn files() -> anyhow::Result<Vec<String>> {
    let list = output(
        "git",
        &[
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "*.rs",
        ],
    )?;
    let mut complaints = Vec::new();
    for path in list.lines().filter(|path| Path::new(path).exists()) {
        let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
        let is_test = path.contains("/tests/");
        if !is_test && !text.starts_with("//!") {
            complaints.push(format!(
                "{path} does not say why it exists (`//!` on its first line)"
            ));
        }
        let lines = text
            .lines()
            .take_while(|line| *line != "#[cfg(test)]")
            .count();
        if !is_test && lines > MAX_LINES {
            complaints.push(format!(
                "{path} has {lines} lines; split it before {MAX_LINES}"
            ));
        }
        if !path.starts_with("crates/db/") && !is_test && has_sql(&text) {
            complaints.push(format!("{path} holds SQL; that lives in crates/db"));
        }
    }
    Ok(complaints)
}

fn has_sql(text: &str) -> bool {
    ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM "]
        .iter()
        .any(|start| text.contains(&start.replace('"', "\\\"")) || text.contains(start))
        && !text.contains("fn has_sql")
}

fn output(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    ensure!(output.status.success(), "{program} {arguments:?} failed");
    Ok(String::from_utf8(output.stdout)?)
}
