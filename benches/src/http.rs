//! A small HTTP/1.1 client: on two shared cores, what the client costs is
//! taken from the server, so it reads bodies into one buffer and parses no
//! more than it needs.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use anyhow::{Context as _, ensure};

use crate::servers::Server;

trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// One keep-alive connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    host: SocketAddr,
    authorization: String,
    buffer: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    /// Bytes of the body.
    pub len: u64,
    /// The body, where it was asked for.
    pub body: Vec<u8>,
}

impl Connection {
    /// `authorization`: the header's value, or empty.
    pub fn open(server: &Server, authorization: &str) -> anyhow::Result<Self> {
        let host = server.address;
        let plain = TcpStream::connect(host)?;
        plain.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &server.tls {
            Some(tls) => Box::new(tls.connect(plain)?),
            None => Box::new(plain),
        };
        let authorization = match authorization {
            "" => String::new(),
            value => format!("Authorization: {value}\r\n"),
        };
        Ok(Self {
            stream,
            host,
            authorization,
            buffer: vec![0; 1024 * 1024],
        })
    }

    /// Sends a request whose body is `parts` one after the other, and drains the answer.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        more: &str,
        parts: &[&[u8]],
    ) -> anyhow::Result<Answer> {
        self.exchange(method, path, more, parts, false)
    }

    /// As [`send`](Self::send), and keeps the body.
    pub fn fetch(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.exchange("GET", path, "", &[], true)
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        more: &str,
        parts: &[&[u8]],
        keep: bool,
    ) -> anyhow::Result<Answer> {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let length = match method {
            "GET" | "HEAD" => String::new(),
            _ => format!("Content-Length: {len}\r\n"),
        };
        let (host, authorization) = (self.host, &self.authorization);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}{more}{length}\r\n"
        );
        self.stream.write_all(head.as_bytes())?;
        for part in parts {
            self.stream.write_all(part)?;
        }
        self.read_answer(method == "HEAD", keep)
    }

    fn read_answer(&mut self, is_head: bool, keep: bool) -> anyhow::Result<Answer> {
        let mut filled = 0;
        let end = loop {
            let n = self.stream.read(&mut self.buffer[filled..])?;
            ensure!(n > 0, "the server closed the connection");
            filled += n;
            if let Some(at) = find(&self.buffer[..filled], b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..end])?;
        let field = |name: &str| {
            let mut lines = head.split("\r\n");
            lines.find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_owned())
            })
        };
        let status = head.split(' ').nth(1).context("a status")?.parse()?;
        let location = field("location");
        let is_chunked = field("transfer-encoding").is_some_and(|value| value == "chunked");
        if is_chunked && !is_head {
            let len = self.drain_chunks(end, filled)?;
            let body = Vec::new();
            return Ok(Answer {
                status,
                location,
                len,
                body,
            });
        }
        let len: u64 = match field("content-length") {
            Some(text) if !is_head => text.parse()?,
            _ => 0,
        };
        let mut body = self.buffer[end..filled].to_vec();
        let mut left = len - (filled - end) as u64;
        while left > 0 {
            let n = self.stream.read(&mut self.buffer)?;
            ensure!(n > 0, "the body ended early");
            left -= n as u64;
            if keep {
                body.extend_from_slice(&self.buffer[..n]);
            }
        }
        Ok(Answer {
            status,
            location,
            len,
            body,
        })
    }
}

impl Connection {
    /// Reads up to the last chunk of a JSON body, which cannot hold what that looks like.
    fn drain_chunks(&mut self, begin: usize, mut filled: usize) -> anyhow::Result<u64> {
        while !self.buffer[begin..filled].ends_with(b"\r\n0\r\n\r\n") {
            let n = self.stream.read(&mut self.buffer[filled..])?;
            ensure!(n > 0, "the body ended early");
            filled += n;
        }
        Ok((filled - begin) as u64)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
