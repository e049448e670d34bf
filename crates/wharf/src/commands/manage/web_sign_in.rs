//! Signing in in a browser: this program waits on a port of this machine for
//! what the registry sends the browser back with (RFC 8252).

use std::time::Duration;

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use url::Url;

use super::table;
use crate::{
    api::{Api, Method},
    failure::{Exit, Failure},
    output::Output,
};

/// How long somebody may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// Longest head of a browser's request, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// Signs in at the identity provider `name`; the session that begins.
pub(super) async fn sign_in(api: &Api, output: Output, name: &str) -> anyhow::Result<Value> {
    let address = address_of(api, name).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.context("cannot wait for the browser on this machine")?;
    let port = listener.local_addr()?.port();
    let (verifier, state) = (secret()?, secret()?);
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let mut address = Url::parse(&address)?;
    address
        .query_pairs_mut()
        .append_pair("return_to", &format!("http://127.0.0.1:{port}/"))
        .append_pair("state", &state)
        .append_pair("code_challenge", &challenge);
    output.note(format_args!("open this in your browser:\n{address}"));
    let code = timeout(PATIENCE, wait(&listener, &state)).await;
    let code =
        code.map_err(|_| Failure::new(Exit::Auth, "nobody signed in within ten minutes"))??;
    let body = json!({"code": code, "code_verifier": verifier});
    api.send(Method::Post, "sessions/fetch", Some(body)).await
}

async fn address_of(api: &Api, name: &str) -> anyhow::Result<String> {
    let Value::Array(providers) = api.get("sign-in").await? else {
        anyhow::bail!("the registry does not say where to sign in");
    };
    let found = providers.iter().find(|provider| provider["name"] == name);
    if let Some(found) = found {
        return Ok(table::text(&found["address"]).to_owned());
    }
    let names: Vec<&str> = providers.iter().map(|p| table::text(&p["name"])).collect();
    let there = if names.is_empty() {
        "nothing but passwords".to_owned()
    } else {
        names.join(", ")
    };
    let wrong = format!("nobody signs in with `{name}` there; there is {there}");
    Err(Failure::usage(wrong).into())
}

fn secret() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the operating system has no randomness")?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Waits until a browser brings a code with our state. Others are turned away.
async fn wait(listener: &TcpListener, state: &str) -> anyhow::Result<String> {
    let (brought, mut codes) = mpsc::channel(1);
    loop {
        tokio::select! {
            Some(code) = codes.recv() => return Ok(code),
            Ok((stream, _)) = listener.accept() => {
                tokio::spawn(answer(stream, state.to_owned(), brought.clone()));
            }
        }
    }
}

async fn answer(mut stream: TcpStream, state: String, brought: mpsc::Sender<String>) {
    let found = timeout(Duration::from_secs(5), head(&mut stream)).await;
    let code = match found {
        Ok(Ok(head)) => code_in(&head, &state),
        _ => None,
    };
    let (status, text) = match &code {
        Some(_) => (
            "200 OK",
            "You are signed in. Go back to the command line.\n",
        ),
        None => ("404 Not Found", "There is nothing here.\n"),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    if let Some(code) = code {
        brought.send(code).await.ok();
    }
}

async fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let (mut head, mut buffer) = (Vec::new(), [0; 2048]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        match stream.read(&mut buffer).await? {
            0 => break,
            n => head.extend_from_slice(&buffer[..n]),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn code_in(head: &str, state: &str) -> Option<String> {
    let path = head.strip_prefix("GET ")?.split(' ').next()?;
    let url = Url::parse("http://127.0.0.1").ok()?.join(path).ok()?;
    let of = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    of("code").filter(|_| of("state").as_deref() == Some(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_code_with_our_state_counts() {
        let code = |head: &str| code_in(head, "s");
        let good = "GET /?code=c%2B&state=s HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_eq!(code(good).as_deref(), Some("c+"));
        for bad in [
            "GET /?code=c&state=t HTTP/1.1\r\n\r\n",
            "GET /?code=c HTTP/1.1\r\n\r\n",
            "GET /favicon.ico HTTP/1.1\r\n\r\n",
            "POST /?code=c&state=s HTTP/1.1\r\n\r\n",
            "",
        ] {
            assert_eq!(code(bad), None, "{bad}");
        }
    }
}
