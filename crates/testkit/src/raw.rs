//! Requests that no decent client would send.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Sends bytes as they are; the connection stays open.
pub async fn raw_open(url: &str, request: impl AsRef<[u8]>) -> TcpStream {
    let address = url.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(request.as_ref()).await.expect("sends");
    stream
}

/// Sends bytes as they are and returns everything that comes back until the
/// server closes.
pub async fn raw(url: &str, request: impl AsRef<[u8]>) -> String {
    let mut stream = raw_open(url, request).await;
    let mut answer = Vec::new();
    // A reset after the answer is an answer too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
