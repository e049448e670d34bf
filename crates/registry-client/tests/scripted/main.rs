//! What must hold whatever a server does: credentials stay with their
//! origin, wrong bytes never end well, broken transfers go on, a server that
//! asks for patience gets it. Real servers on loopback ports, scripted.

mod server;

use futures_util::TryStreamExt;
use server::{Request, Server, announced, answer};
use wharf_oci::Digest;
use wharf_registry_client::{
    Client, ClientOptions, Credentials, Error, ErrorKind, Http, Repository, Result,
};

const CONTENT: &[u8] = b"0123456789";

fn repository(server: &Server) -> Repository {
    let credentials = Credentials::Password {
        username: "alice".to_owned(),
        password: "hunter2".to_owned(),
    };
    let http = Http::new().expect("TLS is set up");
    Client::new(&http, &server.host, credentials, &ClientOptions::default())
        .and_then(|client| client.repository("a/b"))
        .expect("valid")
}

async fn read(repository: &Repository) -> Result<Vec<u8>> {
    let digest = Digest::sha256(CONTENT);
    let mut stream = repository
        .get_blob(&digest, Some(CONTENT.len() as u64))
        .await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.try_next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn challenge(text: &str) -> Vec<u8> {
    answer("401 Unauthorized", &[("WWW-Authenticate", text)], b"")
}

/// A script for a registry with Basic authentication.
fn signed_in(request: &Request, then: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    match request.header("authorization") {
        Some("Basic YWxpY2U6aHVudGVyMg==") => then(),
        _ => challenge("Basic realm=\"x\""),
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_loses_the_credentials() {
    let cdn = Server::start(|_| answer("200 OK", &[], CONTENT)).await;
    let target = format!("http://{}/content", cdn.host);
    let registry = Server::start(move |request| {
        signed_in(request, || {
            answer("307 Temporary Redirect", &[("Location", &target)], b"")
        })
    })
    .await;
    assert_eq!(read(&repository(&registry)).await.expect("served"), CONTENT);
    let requests = cdn.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("authorization"), None);
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let registry = Server::start(|request| {
        signed_in(request, || {
            answer("307 Temporary Redirect", &[("Location", "/again")], b"")
        })
    })
    .await;
    let error = repository(&registry).tags().await.expect_err("a circle");
    assert!(
        error.to_string().contains("more than 5 redirects"),
        "{error}"
    );
}

#[tokio::test]
async fn a_foreign_token_server_gets_no_password() {
    let thief = Server::start(|_| answer("200 OK", &[], b"{\"token\":\"t\"}")).await;
    let realm = format!("Bearer realm=\"http://{}/token\"", thief.host);
    let registry = Server::start(move |_| challenge(&realm)).await;
    let error = repository(&registry).tags().await.expect_err("refused");
    assert!(matches!(error, Error::UntrustedRealm { .. }), "{error}");
    assert!(thief.requests().is_empty());
}

#[tokio::test]
async fn a_broken_transfer_goes_on_where_it_broke() {
    let registry = Server::start(|request| {
        signed_in(request, || match request.header("range") {
            Some("bytes=4-") => {
                let range = [("Content-Range", "bytes 4-9/10")];
                answer("206 Partial Content", &range, &CONTENT[4..])
            }
            _ if request.line.contains("/blobs/") => {
                announced("200 OK", &[], &CONTENT[..4], CONTENT.len())
            }
            _ => answer("200 OK", &[], b"{}"),
        })
    })
    .await;
    assert_eq!(
        read(&repository(&registry)).await.expect("resumed"),
        CONTENT
    );
}

#[tokio::test]
async fn wrong_bytes_never_end_well() {
    for wrong in [&b"0123456780"[..], b"01234567890", b""] {
        let registry =
            Server::start(move |request| signed_in(request, || answer("200 OK", &[], wrong))).await;
        let repository = repository(&registry);
        let digest = Digest::sha256(CONTENT);
        let stream = repository.get_blob(&digest, None).await.expect("opened");
        let outcome: Result<Vec<_>> = stream.try_collect().await;
        let error = outcome.expect_err("wrong bytes");
        assert!(matches!(error, Error::DigestMismatch { .. }), "{error}");
    }
}

/// An upload that announces its length ends with the last byte: an error
/// after that would not be seen.
#[tokio::test]
async fn the_last_byte_is_given_out_after_the_check() {
    let registry =
        Server::start(|request| signed_in(request, || answer("200 OK", &[], b"0123456780"))).await;
    let repository = repository(&registry);
    let digest = Digest::sha256(CONTENT);
    let mut stream = repository
        .get_blob(&digest, Some(10))
        .await
        .expect("opened");
    let mut received = 0;
    while let Ok(Some(chunk)) = stream.try_next().await {
        received += chunk.len();
    }
    assert!(received < CONTENT.len());
}

#[tokio::test]
async fn patience_is_given_once_asked_for_and_not_for_an_hour() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let registry = Server::start(move |request| {
        signed_in(request, || {
            match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 | 1 => answer("429 Too Many Requests", &[("Retry-After", "0")], b""),
                2 => answer("200 OK", &[], b"{\"tags\":[\"1\"]}"),
                _ => answer("429 Too Many Requests", &[("Retry-After", "3600")], b""),
            }
        })
    })
    .await;
    let repository = repository(&registry);
    assert_eq!(repository.tags().await.expect("third time"), ["1"]);
    let error = repository.tags().await.expect_err("an hour");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(3600));
}
