//! A PostgreSQL of the test's own, from the programs installed on the machine.

use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// Stopped and removed when dropped.
#[derive(Debug)]
pub struct TestPostgres {
    pub url: String,
    programs: PathBuf,
    dir: TempDir,
}

impl TestPostgres {
    /// `None`, with a line that says so, where PostgreSQL is not installed;
    /// a failure where `WHARF_TEST_REQUIRE_ALL` is set, as in CI.
    pub fn start() -> Option<Self> {
        let Some(programs) = find_programs() else {
            let required = std::env::var_os("WHARF_TEST_REQUIRE_ALL").is_some();
            assert!(!required, "PostgreSQL is not installed, and it is required");
            return None;
        };
        let dir = tempfile::Builder::new()
            .prefix("wharf-pg")
            .tempdir()
            .expect("a directory");
        give_to_postgres(dir.path());
        let data = dir.path().join("data");
        let data = data.to_str().expect("text");
        run(
            &programs,
            "initdb",
            &["-D", data, "-U", "wharf", "-A", "trust", "--no-sync"],
        );
        let socket = dir.path().to_str().expect("text");
        let options = format!("-k {socket} -c listen_addresses='' -c fsync=off");
        let log = dir.path().join("log");
        let log = log.to_str().expect("text");
        run(
            &programs,
            "pg_ctl",
            &["-D", data, "-w", "-l", log, "-o", &options, "start"],
        );
        let host = socket.replace('/', "%2F");
        Some(Self {
            url: format!("postgres://wharf@{host}/postgres"),
            programs,
            dir,
        })
    }

    /// A new, empty database on this server; returns its URL.
    pub fn create_database(&self, name: &str) -> String {
        let socket = self.dir.path().to_str().expect("text");
        let sql = format!("CREATE DATABASE {name} LOCALE 'C.UTF-8' TEMPLATE template0");
        let arguments = ["-h", socket, "-U", "wharf", "-q", "-c", &sql, "postgres"];
        run(&self.programs, "psql", &arguments);
        let server = self.url.trim_end_matches("postgres");
        format!("{server}{name}")
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        let data = self.dir.path().join("data");
        let data = data.to_str().expect("text");
        run(
            &self.programs,
            "pg_ctl",
            &["-D", data, "-m", "immediate", "stop"],
        );
    }
}

/// The newest version that Debian installed, or whatever is on the path.
fn find_programs() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut versions: Vec<PathBuf> = installed.flatten().map(|e| e.path().join("bin")).collect();
    versions.retain(|bin| bin.join("initdb").exists());
    versions.sort();
    versions.pop()
}

/// PostgreSQL refuses to run as root, and Debian has a user for it.
fn give_to_postgres(dir: &Path) {
    if let Some((uid, gid)) = postgres_user() {
        chown(dir, Some(uid), Some(gid)).expect("changes the owner");
    }
}

fn postgres_user() -> Option<(u32, u32)> {
    let is_root =
        fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    let passwd = fs::read_to_string("/etc/passwd").ok().filter(|_| is_root)?;
    let line = passwd.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn run(programs: &Path, name: &str, arguments: &[&str]) {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(programs.join(name));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .current_dir("/");
    if let Some((uid, gid)) = postgres_user() {
        command.uid(uid).gid(gid);
    }
    let status = command.status().expect("starts");
    assert!(status.success(), "{name} failed");
}
