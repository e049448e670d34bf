//! The edge: limits on a request's head, and bytes through each way out.

use std::time::Duration;

use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wharf_testkit::{TestRegistry, raw, raw_open};

#[tokio::test]
async fn heads_have_limits() {
    let registry = TestRegistry::start().await;
    let get = |path: &str, headers: &str| {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        raw(&registry.url, request)
    };
    let long = "a".repeat(9000);
    assert!(
        get(&format!("/v2/{long}"), "")
            .await
            .starts_with("HTTP/1.1 414")
    );
    let header = format!("X-Long: {}\r\n", "a".repeat(33_000));
    assert!(get("/v2/", &header).await.starts_with("HTTP/1.1 431"));
    let many: String = vec!["X-Many: y\r\n"; 200].concat();
    assert!(get("/v2/", &many).await.starts_with("HTTP/1.1 431"));
    assert!(get("/livez", "").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn smuggling_is_refused() {
    let registry = TestRegistry::start().await;
    for headers in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: x\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: nonsense\r\n",
    ] {
        let request =
            format!("POST /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\nabcde");
        let answer = raw(&registry.url, request).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{headers}: {answer}"
        );
    }
}

#[tokio::test]
async fn whoever_still_sends_gets_the_answer() {
    let registry = TestRegistry::start().await;
    let head =
        "PUT /v2/alice/app/manifests/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n";
    let mut stream = raw_open(&registry.url, head).await;
    // More than the kernel keeps for the other side, so that somebody must take it.
    let sent = stream.write_all(&vec![0; 20_000_000]).await;
    sent.expect("is taken");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 401");
}

#[tokio::test]
async fn pipelined_blobs_keep_their_order() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let token = alice.pat.clone().expect("a token");
    // Larger than a window, and tiny; each body is told apart by its letter.
    let mut requests = String::new();
    let mut lengths = Vec::new();
    for (letter, len) in [(b'a', 5_000_000), (b'b', 10), (b'c', 2_100_000), (b'd', 1)] {
        let digest = alice.push_blob("alice/app", vec![letter; len]).await;
        let close = if letter == b'd' {
            "Connection: close\r\n"
        } else {
            ""
        };
        let head = format!("GET /v2/alice/app/blobs/{digest} HTTP/1.1\r\nHost: x");
        requests.extend([
            &head,
            "\r\nAuthorization: Bearer ",
            &token,
            "\r\n",
            close,
            "\r\n",
        ]);
        lengths.push((char::from(letter), len));
    }
    let answer = raw(&registry.url, requests).await;
    let mut rest = answer.as_str();
    for (letter, len) in lengths {
        let (head, tail) = rest.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(
            tail[..len].chars().all(|c| c == letter),
            "the body of {letter}"
        );
        rest = &tail[len..];
    }
    assert!(rest.is_empty());
}

#[tokio::test]
async fn http_2_without_tls() {
    let registry = TestRegistry::start().await;
    let alice = registry.user("alice").await;
    let content = vec![5; 3_000_000];
    let digest = alice.push_blob("alice/app", content.clone()).await;
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .no_proxy()
        .build()
        .expect("a client");
    let response = client
        .get(format!("{}/v2/alice/app/blobs/{digest}", registry.url))
        .bearer_auth(alice.pat.expect("a token"))
        .timeout(Duration::from_mins(1))
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert!(response.bytes().await.expect("a body") == content);
}
