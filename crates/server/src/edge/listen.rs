//! The accept loop, and what each connection is held to.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::{
    Lane, Stalls,
    addresses::{Addresses, Admission},
    lingering::{Lingering, Unread},
    paced::Paced,
    paced_body::PacedBody,
    plain::PlainStream,
    tls::{self, TlsError},
};
use crate::config::ServerConfig;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a client may take over a request's headers, idle time before them included.
const HEADERS: Duration = Duration::from_mins(1);
/// How long the last answers may take when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: u32 = 32 * 1024;
/// HTTP/2 streams of one connection.
const MAX_STREAMS: u32 = 50;

/// Where a request came from; an extension of every request.
#[derive(Debug, Clone)]
pub struct Peer {
    pub address: IpAddr,
    /// Present where a file can be sent without passing through this process.
    pub lane: Option<Lane>,
    /// The bodies that are on their way to it.
    pub stalls: Stalls,
}

/// What the accept loop needs to know.
#[derive(Clone)]
pub struct Edge {
    tls: Option<TlsAcceptor>,
    connections: Arc<Semaphore>,
    addresses: Addresses,
    http: Builder<TokioExecutor>,
    shutdown: Duration,
    /// Ends the bodies that still come in.
    give_up: CancellationToken,
}

impl Edge {
    pub fn new(config: &ServerConfig) -> Result<Self, TlsError> {
        let tls = match (&config.tls_cert, &config.tls_key) {
            (Some(cert), Some(key)) => Some(tls::acceptor(cert, key)?),
            _ => None,
        };
        Ok(Self {
            tls,
            connections: Arc::new(Semaphore::new(config.max_connections)),
            addresses: Addresses::new(config.max_connections_per_address),
            http: http(),
            shutdown: Duration::from_secs(config.shutdown_seconds),
            give_up: CancellationToken::new(),
        })
    }
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Edge")
    }
}

fn http() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(MAX_HEADERS)
        .keep_alive(true);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(4 * 1024 * 1024)
        .max_send_buf_size(128 * 1024)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20));
    http
}

/// Accepts until `stop` says so, then lets open requests finish for a while.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    edge: Edge,
    mut stop: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &edge.connections) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (tcp, address, permit) = accepted;
        let Some(admission) = edge.addresses.admit(address.ip()) else {
            tracing::warn!(%address, "too many connections from this address; closed one");
            continue;
        };
        let watcher = graceful.watcher();
        let (edge, router) = (edge.clone(), router.clone());
        tokio::spawn(async move {
            let _held: (OwnedSemaphorePermit, Admission) = (permit, admission);
            edge.connection(tcp, address, router, watcher).await;
        });
    }
    drop(listener);
    drain(&edge, graceful).await;
}

/// Lets open requests finish. Uploads that take longer are told to come back;
/// downloads that take longer are cut, which their clients resume.
async fn drain(edge: &Edge, graceful: GracefulShutdown) {
    let mut finished = std::pin::pin!(graceful.shutdown());
    if timeout(edge.shutdown, &mut finished).await.is_ok() {
        return;
    }
    tracing::warn!(
        "some requests did not finish in time; uploads are recorded for their clients to resume"
    );
    edge.give_up.cancel();
    let _ = timeout(FAREWELL, finished).await;
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        let permit = Arc::clone(connections).acquire_owned().await;
        match (listener.accept().await, permit) {
            (Ok((tcp, address)), Ok(permit)) => return (tcp, address, permit),
            (Err(error), _) => {
                // Out of file descriptors, most likely: give connections time to end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (_, Err(_)) => unreachable!("the semaphore is never closed"),
        }
    }
}

impl Edge {
    async fn connection(
        &self,
        tcp: TcpStream,
        address: SocketAddr,
        router: Router,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let _ = tcp.set_nodelay(true);
        let address = address.ip().to_canonical();
        let unread = Unread::default();
        let Some(tls) = &self.tls else {
            let lane = Lane::default();
            let peer = Peer {
                address,
                lane: Some(lane.clone()),
                stalls: Stalls::default(),
            };
            let stream = Lingering::new(PlainStream::new(tcp, lane), unread.clone());
            let stream = Paced::new(stream);
            return self.requests(stream, peer, unread, router, watcher).await;
        };
        let tcp = Paced::new(Lingering::new(tcp, unread.clone()));
        let handshake = tls.accept_with(tcp, |connection| {
            connection.set_buffer_limit(Some(tls::BUFFER));
        });
        if let Ok(Ok(stream)) = timeout(HANDSHAKE, handshake).await {
            let peer = Peer {
                address,
                lane: None,
                stalls: Stalls::default(),
            };
            self.requests(stream, peer, unread, router, watcher).await;
        }
    }

    async fn requests<S>(
        &self,
        stream: S,
        peer: Peer,
        unread: Unread,
        router: Router,
        watcher: hyper_util::server::graceful::Watcher,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (give_up, stalls) = (self.give_up.clone(), peer.stalls.clone());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let paced = |body| PacedBody::new(body, unread.clone(), give_up.clone());
            let request = request.map(|body| Body::new(paced(body)));
            answer(router.clone(), peer.clone(), request)
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            result = watcher.watch(connection.into_owned()) => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended early");
                }
            }
            () = stalls.stalled() => tracing::debug!("closed a connection that takes nothing"),
        }
    }
}

async fn answer(
    mut router: Router,
    peer: Peer,
    mut request: Request<Body>,
) -> Result<Response<Body>, Infallible> {
    request.extensions_mut().insert(peer);
    router.call(request).await
}
