//! Starting, and every way not to.

use std::{os::unix::fs::PermissionsExt as _, process::Command};

use crate::process::{Process, admin, free_port, run, serve_fails, text};

#[test]
fn the_first_start_tells_how_to_sign_in_and_the_second_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut first = Process::start(dir.path());
    let password_file = dir.path().join("admin-password");
    assert!(
        first
            .greeting
            .contains(password_file.to_str().expect("text"))
    );
    assert!(first.greeting.contains(&format!(
        "docker login {} -u admin --password-stdin <",
        first.host
    )));
    let mode = std::fs::metadata(&password_file)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let data = std::fs::metadata(dir.path()).expect("there").permissions();
    assert_eq!(data.mode() & 0o077, 0, "nobody else looks inside");
    assert!(
        !first.greeting.contains(&first.admin_password()),
        "the password itself is not printed"
    );
    assert!(first.terminate(), "SIGTERM ends it well");
    let second = Process::start(dir.path());
    assert!(!second.greeting.contains("First start"));
}

#[tokio::test]
async fn tls_from_pem_files() {
    let dir = tempfile::tempdir().expect("a directory");
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args(["-subj", "/CN=localhost", "-days", "2", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert);
    let made = run(openssl, "");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let config = dir.path().join("wharf.toml");
    let paths = format!(
        "[server]\ntls_cert = \"{}\"\ntls_key = \"{}\"\n",
        cert.display(),
        key.display()
    );
    std::fs::write(&config, paths).expect("written");
    let server = Process::start_with(&dir.path().join("data"), free_port(), &config);
    let client = reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .no_proxy()
        .build()
        .expect("a client");
    let base = format!("https://{}", server.host);
    let answer = client
        .get(format!("{base}/v2/"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    let challenge = answer.headers()["www-authenticate"].to_str().expect("text");
    assert!(
        challenge.contains(&format!("realm=\"{base}/token\"")),
        "{challenge}"
    );

    let token = server.admin_token();
    let content = vec![7; 3_000_000];
    let digest = wharf_oci::Digest::sha256(&content);
    let upload = format!("{base}/v2/admin/app/blobs/uploads/?digest={digest}");
    let pushed = client
        .post(upload)
        .bearer_auth(&token)
        .body(content.clone())
        .send()
        .await;
    assert_eq!(pushed.expect("an answer").status(), 201);
    let http1 = reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .http1_only()
        .no_proxy()
        .build()
        .expect("a client");
    for client in [client, http1] {
        let blob = client.get(format!("{base}/v2/admin/app/blobs/{digest}"));
        let answer = blob.bearer_auth(&token).send().await.expect("an answer");
        assert!(answer.bytes().await.expect("a body") == content);
    }
    std::fs::write(&cert, "not a certificate").expect("written");
    let message = serve_fails(&["--config", config.to_str().expect("text")], dir.path());
    assert!(message.contains("holds no certificate"), "{message}");
}

#[test]
fn a_port_in_use_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let running = Process::start(dir.path());
    let other = tempfile::tempdir().expect("a directory");
    let message = serve_fails(&["--listen", &running.host], other.path());
    assert!(
        message.contains("is in use by another program"),
        "{message}"
    );
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("written");
    let listen = format!("127.0.0.1:{}", free_port());
    let message = serve_fails(&["--listen", &listen], &file);
    assert!(message.contains("data directory"), "{message}");
    assert!(message.contains(file.to_str().expect("text")), "{message}");
}

#[test]
fn configuration_mistakes_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("wharf.toml");
    std::fs::write(&file, "[server]\nlisen = \"127.0.0.1:1\"\n").expect("written");
    let path = file.to_str().expect("text");
    let message = serve_fails(&["--config", path], dir.path());
    assert!(
        message.contains("did you mean `server.listen`?"),
        "{message}"
    );
    let message = serve_fails(&["--listen", "0.0.0.0:0"], dir.path());
    assert!(message.contains("allow_plain_http"), "{message}");
    let message = serve_fails(&["--config", "/nowhere/wharf.toml"], dir.path());
    assert!(
        message.contains("cannot read the configuration file"),
        "{message}"
    );
    let checked = admin(dir.path(), &["config", "check", "--config", path], "");
    assert_eq!(checked.status.code(), Some(1));
    std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1\"\n").expect("written");
    let checked = admin(dir.path(), &["config", "check", "--config", path], "");
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}
