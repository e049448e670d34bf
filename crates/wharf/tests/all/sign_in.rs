//! Signing in from the command line at a real OpenID provider, with a browser's
//! steps done by curl.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::{
    process::{Process, WHARF, free_port, run, text},
    programs::installed,
};

struct Provider {
    child: Child,
    /// It must not find its output closed.
    _out: BufReader<ChildStdout>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/openid")
}

fn is_installed() -> bool {
    let parts = here().join("node_modules/oidc-provider");
    let parts = parts.to_str().expect("text");
    // Installed by `npm ci` in tests/openid, as ./test does.
    installed(&[
        ("node", &["--version"]),
        (
            "node",
            &["-e", &format!("require('fs').statSync('{parts}')")],
        ),
        ("curl", &["--version"]),
    ])
}

fn start_provider(port: u16, callback: &str, people: &Path) -> Provider {
    let mut command = Command::new("node");
    command.args(["provider.mjs", &port.to_string(), callback]);
    command.arg(people).current_dir(here());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("node starts");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    Provider { child, _out: out }
}

/// A browser with its cookies.
struct Browser(PathBuf);

impl Browser {
    /// Goes there, and wherever it is sent from there; the page at the end.
    fn open(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--location", "--noproxy", "*"]);
        command
            .arg("--cookie")
            .arg(&self.0)
            .arg("--cookie-jar")
            .arg(&self.0);
        command.args(arguments);
        let output = run(command, "");
        let said = text(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        text(&output.stdout)
    }
}

/// Where the form of a page is sent.
fn form(page: &str) -> String {
    let (_, rest) = page
        .split_once("action=\"")
        .unwrap_or_else(|| panic!("no form: {page}"));
    let (address, _) = rest.split_once('"').expect("it ends");
    address.to_owned()
}

#[test]
fn somebody_signs_in_at_a_real_provider() {
    if !is_installed() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    let (port, provider_port) = (free_port(), free_port());
    std::fs::write(at("secret"), "the secret of wharf\n").expect("written");
    std::fs::write(at("people"), r#"{"octocat": {"groups": ["devs"]}}"#).expect("written");
    let config = format!(
        "[sign_in.sso]\nissuer = \"http://127.0.0.1:{provider_port}\"\nclient_id = \"wharf\"\n\
         client_secret_file = {:?}\nsign_up = true\n",
        at("secret")
    );
    std::fs::write(at("wharf.toml"), config).expect("written");
    let server = Process::start_with(&at("data"), port, &at("wharf.toml"));
    let callback = format!("http://{}/sign-in/sso/callback", server.host);
    let _provider = start_provider(provider_port, &callback, &at("people"));
    for line in ["org create acme --owner admin", "team create acme/backend"] {
        server.admin(&line.split(' ').collect::<Vec<_>>());
    }
    let wharf = |arguments: &[&str]| {
        let mut command = Command::new(WHARF);
        command.args(arguments).env("WHARF_HOST", &server.host);
        command.env("DOCKER_CONFIG", at("docker"));
        command.env_remove("REGISTRY_AUTH_FILE");
        command
    };
    let providers = run(wharf(&["session", "providers"]), "");
    assert_eq!(text(&providers.stdout), "sso\tsso\n");

    let mut signing_in = wharf(&["session", "begin", "--with", "sso"]);
    signing_in.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut signing_in = signing_in.spawn().expect("starts");
    let told = BufReader::new(signing_in.stderr.take().expect("piped"));
    let address = told
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with("http"));
    let browser = Browser(at("cookies"));
    let login = browser.open(&[&address.expect("an address")]);
    let consent = browser.open(&[
        "--data",
        "prompt=login&login=octocat&password=anything",
        &form(&login),
    ]);
    let end = browser.open(&["--data", "prompt=consent", &form(&consent)]);
    assert_eq!(end, "You are signed in. Go back to the command line.\n");
    let session = signing_in.wait_with_output().expect("ends");
    assert!(session.status.success());
    let session = text(&session.stdout).trim().to_owned();
    assert!(session.starts_with("wharf_ses_"), "{session}");

    let host = server.host.as_str();
    let signed_in = run(
        wharf(&["login", host, "-u", "octocat", "--password-stdin"]),
        &session,
    );
    assert!(signed_in.status.success(), "{}", text(&signed_in.stderr));
    let known = run(wharf(&["user", "identities", "octocat"]), "");
    let known = text(&known.stdout);
    assert!(known.starts_with("sso\toctocat\toctocat\t"), "{known}");
    assert!(known.trim_end().ends_with("\tdevs"), "{known}");
    let config = at("wharf.toml");
    let config = config.to_str().expect("text");
    server.admin(&[
        "team",
        "add-group",
        "acme/backend",
        "sso",
        "devs",
        "--config",
        config,
    ]);
    let members = run(wharf(&["team", "members", "acme/backend"]), "");
    assert_eq!(text(&members.stdout), "octocat\n");
}
