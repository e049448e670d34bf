//! kill -9 in the middle of pushes, again and again: whatever was
//! acknowledged is there, and nothing is left behind.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, StatusCode};
use wharf_oci::{Digest, media_type::OCI_MANIFEST};
use wharf_testkit::{Image, image};

use crate::process::{Process, free_port};

/// `WHARF_TEST_KILLS` runs the long form.
fn kills() -> usize {
    let wanted = std::env::var("WHARF_TEST_KILLS").ok();
    wanted.and_then(|n| n.parse().ok()).unwrap_or(10)
}

const PUSHERS: usize = 8;

/// What the server said it has.
#[derive(Default)]
struct Acknowledged {
    blobs: Vec<(String, Digest)>,
    tags: Vec<(String, Digest)>,
}

#[derive(Clone)]
struct Pusher {
    client: Client,
    host: String,
    token: String,
    log: Arc<Mutex<Acknowledged>>,
    stop: Arc<AtomicBool>,
}

impl Pusher {
    /// Pushes images until it is told to stop; an error ends one image only.
    async fn run(self, round: usize, n: usize) {
        let mut i = 0;
        while !self.stop.load(Ordering::SeqCst) {
            i += 1;
            // Half of the layers are shared between the pushers.
            let seed = if i % 2 == 0 {
                format!("{round}-{i}")
            } else {
                format!("{round}-{n}-{i}")
            };
            let _ = self
                .push(
                    &format!("admin/app{}", n % 3),
                    &format!("t{n}-{i}"),
                    &image(&seed),
                )
                .await;
        }
    }

    async fn push(&self, name: &str, tag: &str, image: &Image) -> Result<(), reqwest::Error> {
        for blob in &image.blobs {
            let url = format!("http://{}/v2/{name}/blobs/uploads/", self.host);
            let begun = self
                .client
                .post(url)
                .bearer_auth(&self.token)
                .send()
                .await?;
            let Some(upload) = begun
                .headers()
                .get("location")
                .and_then(|l| l.to_str().ok())
            else {
                return Ok(());
            };
            let url = format!("http://{}{upload}", self.host);
            let (first, second) = blob.split_at(blob.len() / 2);
            let patch = self
                .client
                .patch(&url)
                .bearer_auth(&self.token)
                .body(first.to_vec());
            patch.send().await?;
            let digest = Digest::sha256(blob);
            let put = self
                .client
                .put(format!("{url}?digest={digest}"))
                .bearer_auth(&self.token);
            let stored = put.body(second.to_vec()).send().await?;
            if stored.status() == StatusCode::CREATED {
                self.log
                    .lock()
                    .expect("unpoisoned")
                    .blobs
                    .push((name.to_owned(), digest));
            }
        }
        let url = format!("http://{}/v2/{name}/manifests/{tag}", self.host);
        let put = self
            .client
            .put(url)
            .bearer_auth(&self.token)
            .header("content-type", OCI_MANIFEST);
        let tagged = put.body(image.manifest.clone()).send().await?;
        if tagged.status() == StatusCode::CREATED {
            let name = format!("{name}/manifests/{tag}");
            self.log
                .lock()
                .expect("unpoisoned")
                .tags
                .push((name, image.digest.clone()));
        }
        Ok(())
    }

    async fn assert_there(&self) {
        let log = std::mem::take(&mut *self.log.lock().expect("unpoisoned"));
        for (name, digest) in log.blobs {
            let head = self
                .client
                .head(format!("http://{}/v2/{name}/blobs/{digest}", self.host));
            let answer = head
                .bearer_auth(&self.token)
                .send()
                .await
                .expect("an answer");
            assert_eq!(
                answer.status(),
                StatusCode::OK,
                "{name}@{digest} was acknowledged"
            );
        }
        for (path, digest) in log.tags {
            let get = self.client.get(format!("http://{}/v2/{path}", self.host));
            let answer = get
                .bearer_auth(&self.token)
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK, "{path} was acknowledged");
            let body = answer.bytes().await.expect("a body");
            assert_eq!(Digest::sha256(&body), digest, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost() {
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let mut server = Process::start_at(dir.path(), port);
    let pusher = Pusher {
        client: Client::builder().no_proxy().build().expect("a client"),
        host: server.host.clone(),
        token: server.admin_token(),
        log: Arc::default(),
        stop: Arc::default(),
    };
    for round in 0..kills() {
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|n| tokio::spawn(pusher.clone().run(round, n)))
            .collect();
        // Long enough to be in the middle, and never at the same place.
        let pause = 60 + (round * 37) % 200;
        tokio::time::sleep(Duration::from_millis(u64::try_from(pause).expect("small"))).await;
        server.kill();
        pusher.stop.store(true, Ordering::SeqCst);
        for task in pushers {
            task.await.expect("runs");
        }
        pusher.stop.store(false, Ordering::SeqCst);
        server = Process::start_at(dir.path(), port);
        pusher.assert_there().await;
    }
    assert!(server.terminate());
    // Uploads that were open when it was killed wait for their clients; once
    // their time is up, the sweep leaves no trace of them.
    expire_uploads(dir.path()).await;
    server.admin(&["sweep"]);
    let report = server.admin(&["verify", "--deep", "--json"]);
    assert!(
        report.contains("\"problems\": []") && report.contains("\"leaks\": []"),
        "{report}"
    );
    let left = std::fs::read_dir(dir.path().join("uploads"))
        .expect("there")
        .count();
    assert_eq!(left, 0, "no temporary file is left");
}

/// What a stream had brought when the server was killed is still there: a
/// layer of many gigabytes does not begin anew.
#[tokio::test]
async fn a_long_stream_continues_after_a_kill() {
    use std::io::Write as _;
    const MIB: usize = 1024 * 1024;
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let mut server = Process::start_at(dir.path(), port);
    let (host, token) = (server.host.clone(), server.admin_token());
    // A pooled connection would still lead to the killed server.
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0);
    let client = client.build().expect("a client");
    let uploads = client.post(format!("http://{host}/v2/admin/app/blobs/uploads/"));
    let begun = uploads.bearer_auth(&token).send().await.expect("an answer");
    let upload = begun.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();

    let mut stream = std::net::TcpStream::connect(&host).expect("connects");
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9999999999\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mebibyte = vec![7; MIB];
    for _ in 0..300 {
        stream.write_all(&mebibyte).expect("sent");
    }
    let standing = async || {
        let status = client
            .get(format!("http://{host}{upload}"))
            .bearer_auth(&token);
        let answer = status.send().await.expect("an answer");
        let range = answer.headers()["range"].to_str().expect("text").to_owned();
        range
            .trim_start_matches("0-")
            .parse::<usize>()
            .expect("a number")
            + 1
    };
    while standing().await < 256 * MIB {
        tokio::task::yield_now().await;
    }
    server.kill();
    server = Process::start_at(dir.path(), port);
    let kept = standing().await;
    assert!(kept >= 256 * MIB, "{kept} bytes were kept");
    let content = vec![7; kept];
    let finish = format!("http://{host}{upload}?digest={}", Digest::sha256(&content));
    let put = client
        .put(finish)
        .bearer_auth(&token)
        .send()
        .await
        .expect("an answer");
    assert_eq!(put.status(), StatusCode::CREATED);
    assert!(
        server
            .admin(&["verify", "--deep", "--json"])
            .contains("\"problems\": []")
    );
}

/// A day passes for the uploads.
async fn expire_uploads(data: &std::path::Path) {
    use wharf_app::{
        App, Settings,
        clock::{Clock as _, DAY, ManualClock, SystemClock},
        entropy::SystemEntropy,
    };
    let db = wharf_db::Db::open_sqlite(&data.join("wharf.db"))
        .await
        .expect("opens");
    let store = wharf_blob_store::fs::FsStore::open(data).expect("opens");
    let clock = ManualClock::at(SystemClock.now() + 2 * DAY);
    let app = App::start(
        db,
        Arc::new(store),
        Arc::new(clock),
        Arc::new(SystemEntropy),
        Settings::default(),
    );
    let app = app.await.expect("starts");
    app.sweep().await.expect("sweeps");
    app.close().await;
}
