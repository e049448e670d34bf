//! Other people's programs.
//!
//! One that is not installed is skipped by name; where
//! `WHARF_TEST_REQUIRE_ALL` is set, as in CI, it is a failure.

use std::{path::PathBuf, process::Command};

/// Whether every one of `programs` can be run.
pub fn installed(programs: &[(&str, &[&str])]) -> bool {
    for (program, probe) in programs {
        let works = Command::new(program)
            .args(*probe)
            .output()
            .is_ok_and(|o| o.status.success());
        if !works {
            let required = std::env::var_os("WHARF_TEST_REQUIRE_ALL").is_some();
            assert!(!required, "{program} is required and does not work");
            // The summary of `./test` collects these lines.
            let line = format!("SKIPPED: {program} is not installed or does not work\n");
            std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).ok();
            return false;
        }
    }
    true
}

pub const DOCKER: (&str, &[&str]) = ("docker", &["info"]);
pub const PODMAN: (&str, &[&str]) = ("podman", &["--version"]);
pub const SKOPEO: (&str, &[&str]) = ("skopeo", &["--version"]);
pub const BUILDAH: (&str, &[&str]) = ("buildah", &["--version"]);

/// The static busybox of an architecture; the machine's own where there is no other.
pub fn busybox(architecture: &str) -> PathBuf {
    let variable = format!("WHARF_TEST_BUSYBOX_{}", architecture.to_uppercase());
    std::env::var_os(variable).map_or_else(|| PathBuf::from("/bin/busybox"), PathBuf::from)
}
