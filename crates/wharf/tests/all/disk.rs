//! What disks do to a registry: full ones, read-only ones, and very large layers.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Method, StatusCode};
use tempfile::TempDir;
use wharf_oci::{Algorithm, Digest, Hasher};
use wharf_testkit::{Caller, image, push_image};

use crate::process::{Process, admin, free_port, serve_fails, text};

/// A small disk of its own; gone when dropped.
struct Disk {
    dir: TempDir,
}

impl Disk {
    /// `None`, and said so, where this machine lets nobody mount one.
    fn new(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = Self { dir };
        if disk.mount(options) {
            return Some(disk);
        }
        let required = std::env::var_os("WHARF_TEST_REQUIRE_ALL").is_some();
        assert!(!required, "a tmpfs is required and cannot be mounted");
        let line = "SKIPPED: tests of full and read-only disks (cannot mount a tmpfs)\n";
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).ok();
        None
    }

    fn mount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]);
        mount
            .arg(self.dir.path())
            .output()
            .is_ok_and(|output| output.status.success())
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.dir.path())
            .status();
    }
}

async fn push(caller: &Caller, content: Vec<u8>) -> StatusCode {
    let digest = Digest::sha256(&content);
    let path = format!("/v2/admin/app/blobs/uploads/?digest={digest}");
    let request = caller.request(Method::POST, &path).body(content);
    request.send().await.expect("an answer").status()
}

/// Pushes pieces of `len` bytes until one is refused for want of room; how many fit.
async fn fill(caller: &Caller, len: usize) -> usize {
    for n in 0..100 {
        let mut content = vec![0; len];
        content[..8].copy_from_slice(&[n, 1, 2, 3, 4, 5, 6, 7]);
        match push(caller, content).await {
            StatusCode::CREATED => {}
            StatusCode::INSUFFICIENT_STORAGE => return n.into(),
            other => panic!("{other} after {n} pieces of {len} bytes"),
        }
    }
    panic!("the disk was never full");
}

#[tokio::test]
async fn a_full_disk_reads_and_deletes_on_and_loses_nothing() {
    let Some(disk) = Disk::new("size=100m") else {
        return;
    };
    let server = Process::start(&disk.data());
    let caller = Caller::at(&server.host, &server.admin_token());
    for tag in ["1", "2"] {
        push_image(&caller, "admin/app", tag, &image(tag)).await;
    }
    assert!(fill(&caller, 8 << 20).await > 0);
    // What was refused gave its room back.
    assert!(fill(&caller, 1 << 20).await > 0);
    assert!(fill(&caller, 64 << 10).await > 0);
    let manifest = |tag: &str| format!("/v2/admin/app/manifests/{tag}");
    assert_eq!(caller.get(&manifest("1")).await.status(), StatusCode::OK);
    let deleted = caller.delete(&manifest("2")).await.status();
    assert_eq!(deleted, StatusCode::ACCEPTED);
    let mut ready = StatusCode::OK;
    for _ in 0..10 {
        // The database gives room back when it tidies its log.
        fill(&caller, 4 << 10).await;
        ready = caller.get("/readyz").await.status();
        if ready == StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
    }
    assert_eq!(ready, StatusCode::SERVICE_UNAVAILABLE);
    assert!(disk.mount("remount,size=200m"), "more room");
    assert_eq!(push(&caller, vec![9; 8 << 20]).await, StatusCode::CREATED);
    server.admin(&["verify", "--deep"]);
}

#[test]
fn a_read_only_disk_is_named_at_the_start() {
    let Some(disk) = Disk::new("size=16m") else {
        return;
    };
    drop(Process::start(&disk.data()));
    assert!(disk.mount("remount,ro"), "read-only");
    let listen = format!("127.0.0.1:{}", free_port());
    let message = serve_fails(&["--listen", &listen], &disk.data());
    assert!(message.contains("must be writable"), "{message}");
    let verified = admin(&disk.data(), &["verify"], "");
    let message = text(&verified.stderr);
    assert!(!message.contains("panicked"), "{message}");
}

/// GiB of the layer; `WHARF_TEST_LAYER_GIB=10` is the size that must work.
fn gibibytes() -> u64 {
    let given = std::env::var("WHARF_TEST_LAYER_GIB");
    given.map_or(1, |text| text.parse().expect("a number"))
}

const PIECE: usize = 1 << 20;

/// The `n`th mebibyte of a layer in which no two are the same.
fn piece(n: u64) -> Bytes {
    let mut bytes = vec![0xa5; PIECE];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    bytes.into()
}

fn peak_memory_mib(status: &Path) -> u64 {
    let status = std::fs::read_to_string(status).expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.expect("a peak").parse::<u64>().expect("KiB") / 1024
}

#[tokio::test]
async fn a_huge_layer_streams_in_and_out_in_little_memory() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Process::start(dir.path());
    let caller = Caller::at(&server.host, &server.admin_token());
    let pieces = gibibytes() * 1024;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    (0..pieces).for_each(|n| hasher.update(&piece(n)));
    let digest = hasher.finish();

    let upload = caller.begin_upload("admin/app").await;
    let stream = stream::iter((0..pieces).map(|n| Ok::<_, std::io::Error>(piece(n))));
    let patch = caller.request(Method::PATCH, &upload);
    let patched = patch.body(reqwest::Body::wrap_stream(stream)).send().await;
    assert_eq!(patched.expect("an answer").status(), StatusCode::ACCEPTED);
    let put = caller.request(Method::PUT, &format!("{upload}?digest={digest}"));
    let stored = put.send().await.expect("an answer").status();
    assert_eq!(stored, StatusCode::CREATED);

    let mut pulled = caller.get(&format!("/v2/admin/app/blobs/{digest}")).await;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    while let Some(bytes) = pulled.chunk().await.expect("bytes") {
        hasher.update(&bytes);
    }
    assert_eq!(hasher.finish(), digest);
    let peak = peak_memory_mib(&server.proc("status"));
    assert!(peak < 128, "the server took {peak} MiB");
}
