//! `wharf serve` as a process, and commands against it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

pub const WHARF: &str = env!("CARGO_BIN_EXE_wharf");

/// A server on a port and a data directory; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pub host: String,
    pub data: PathBuf,
    /// What it printed until it served.
    pub greeting: String,
}

/// A port for a server that will be started again on it: below the range from
/// which the kernel gives ports to everybody else's connections.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() % 10_000;
    loop {
        let offset = (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let port = 20_000 + u16::try_from(offset).expect("small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Process {
    pub fn start(data: &Path) -> Self {
        Self::start_at(data, free_port())
    }

    pub fn start_at(data: &Path, port: u16) -> Self {
        Self::spawn(data, port, &[])
    }

    /// With a configuration file.
    pub fn start_with(data: &Path, port: u16, config: &Path) -> Self {
        Self::spawn(data, port, &["--config", config.to_str().expect("text")])
    }

    fn spawn(data: &Path, port: u16, more: &[&str]) -> Self {
        let host = format!("127.0.0.1:{port}");
        let mut child = Command::new(WHARF)
            .args(["serve", "--listen", &host, "--data"])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let stdout = child.stdout.take().expect("piped");
        let mut greeting = String::new();
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            greeting += &line;
            greeting.push('\n');
            if line.starts_with("Wharf serves at") {
                break;
            }
        }
        assert!(
            greeting.contains("Wharf serves at"),
            "it did not start: {greeting}"
        );
        Self {
            child,
            host,
            data: data.to_owned(),
            greeting,
        }
    }

    /// A file under `/proc` about the server.
    pub fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.child.id()).into()
    }

    /// SIGKILL: nothing is flushed, nothing is said.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    /// SIGTERM; returns whether it ended well.
    pub fn terminate(&mut self) -> bool {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("kill runs").success());
        self.child.wait().expect("reaped").success()
    }

    /// `wharf admin …` on this data directory; must succeed.
    pub fn admin(&self, arguments: &[&str]) -> String {
        let output = admin(&self.data, arguments, "");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// The password of the first start.
    pub fn admin_password(&self) -> String {
        let password = std::fs::read_to_string(self.data.join("admin-password"));
        password.expect("written").trim_end().to_owned()
    }

    /// A token of `admin` with every scope.
    pub fn admin_token(&self) -> String {
        let token = self.admin(&[
            "token",
            "create",
            "--user",
            "admin",
            "--scope",
            "write:packages",
            "--scope",
            "delete:packages",
        ]);
        token.trim_end().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn admin(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(WHARF);
    command.arg("admin").arg("--data").arg(data).args(arguments);
    run(command, input)
}

/// Runs a command with `input` on its standard input.
pub fn run(mut command: Command, input: &str) -> Output {
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let mut stdin = child.stdin.take().expect("piped");
    // It may not want any.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("ends")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `wharf serve` that must not start; returns what it said.
pub fn serve_fails(arguments: &[&str], data: &Path) -> String {
    let mut command = Command::new(WHARF);
    command.arg("serve").arg("--data").arg(data).args(arguments);
    let output = run(command, "");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let message = text(&output.stderr);
    assert!(!message.contains("panicked"), "{message}");
    message
}
