//! What happens around every request: an id, limits on its head, a log line,
//! metrics, and a net under panics.

use std::{
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use wharf_app::authn::pat::PREFIX;
use wharf_oci::{ErrorCode, ErrorEnvelope};

use crate::{
    Site,
    edge::Peer,
    extract::client_address,
    metrics::{RequestLabels, RouteLabels},
};

const MAX_URI: usize = 8 * 1024;
const MAX_HEADER_BYTES: usize = 32 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: in its log line, its error detail and `X-Request-Id`.
#[derive(Debug, Clone)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Unlike every other one of this process, and very likely of any other:
    /// a count, scrambled from a random beginning.
    fn next() -> Self {
        static BEGINNING: LazyLock<AtomicU64> = LazyLock::new(|| {
            let mut bytes = [0; 8];
            // Without randomness ids merely begin the same after each start.
            let _ = getrandom::fill(&mut bytes);
            AtomicU64::new(u64::from_le_bytes(bytes))
        });
        // Weyl's sequence and the finalizer of SplitMix64: a bijection, so no id comes twice.
        let mut id = BEGINNING.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(format!("{:016x}", id ^ (id >> 31)).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a request comes from, as far as trusted proxies say.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    pub fn of(extensions: &http::Extensions) -> Option<IpAddr> {
        extensions.get::<Self>().map(|address| address.0)
    }
}

/// What a handler found out about its request, for the log and the metrics.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub route: &'static str,
    pub caller: Option<String>,
    pub package: Option<String>,
}

/// The outermost layer.
pub async fn observe(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let id = RequestId::next();
    request.extensions_mut().insert(id.clone());
    let (method, path) = (request.method().clone(), loggable(request.uri().path()));
    let client = request
        .extensions()
        .get::<Peer>()
        .and_then(|peer| client_address(peer.address, request.headers(), &site.trusted_proxies));
    if let Some(address) = client {
        request.extensions_mut().insert(ClientAddress(address));
    }
    let open = OpenRequest::new(&site, &method, &path, &id, client);
    let mut response = if let Some(refusal) = refuse_head(&request) {
        refusal
    } else {
        let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        answered.unwrap_or_else(|_| panicked(&site, &id))
    };
    let outcome = response
        .extensions_mut()
        .remove::<Outcome>()
        .unwrap_or_default();
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    open.close(response.status(), &outcome);
    response
}

/// A path without a token that somebody put into it.
fn loggable(path: &str) -> String {
    match path.split_once(PREFIX) {
        Some((before, _)) => format!("{before}{PREFIX}…"),
        None => path.to_owned(),
    }
}

/// A request that is being answered. If its client hangs up before the answer
/// is ready, it is counted and logged all the same: what it asked for may have been done.
struct OpenRequest<'a> {
    site: &'a Site,
    method: &'a Method,
    path: &'a str,
    id: &'a RequestId,
    client: Option<IpAddr>,
    started: Instant,
    answered: bool,
}

/// The status that nginx logs for it; nobody receives it.
const CLIENT_GONE: u16 = 499;

impl<'a> OpenRequest<'a> {
    fn new(
        site: &'a Site,
        method: &'a Method,
        path: &'a str,
        id: &'a RequestId,
        client: Option<IpAddr>,
    ) -> Self {
        site.metrics.in_flight.inc();
        Self {
            site,
            method,
            path,
            id,
            client,
            started: Instant::now(),
            answered: false,
        }
    }

    fn close(mut self, status: StatusCode, outcome: &Outcome) {
        self.answered = true;
        self.note(status, outcome);
    }

    fn note(&self, status: StatusCode, outcome: &Outcome) {
        let seconds = self.started.elapsed().as_secs_f64();
        let route = match outcome.route {
            "" => "other",
            route => route,
        };
        let labels = RequestLabels {
            method: method_label(self.method),
            route,
            status: status.as_u16(),
        };
        let metrics = &self.site.metrics;
        metrics.requests.get_or_create(&labels).inc();
        let durations = metrics.durations.get_or_create(&RouteLabels { route });
        durations.observe(seconds);
        log(
            self.method,
            self.path,
            status,
            seconds,
            self.id,
            self.client,
            outcome,
        );
    }
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        self.site.metrics.in_flight.dec();
        if !self.answered
            && let Ok(status) = StatusCode::from_u16(CLIENT_GONE)
        {
            self.note(status, &Outcome::default());
        }
    }
}

/// Reading is the bulk of a registry's requests and changes nothing: it is logged at `debug`.
fn log(
    method: &Method,
    path: &str,
    status: StatusCode,
    seconds: f64,
    id: &RequestId,
    client: Option<IpAddr>,
    outcome: &Outcome,
) {
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                %method,
                path,
                status = status.as_u16(),
                duration_ms = (seconds * 1e6).round() / 1e3,
                request_id = id.as_str(),
                client = client.map(tracing::field::display),
                caller = outcome.caller.as_deref(),
                package = outcome.package.as_deref(),
                "{method} {path} {}", status.as_u16()
            )
        };
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if status.is_server_error() {
        line!(error);
    } else if reads && (status.is_success() || status == StatusCode::UNAUTHORIZED) {
        line!(debug);
    } else {
        line!(info);
    }
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}

fn refuse_head(request: &Request) -> Option<Response> {
    let uri = request.uri();
    let uri_len = uri.path_and_query().map_or(0, |pq| pq.as_str().len());
    if uri_len > MAX_URI {
        let message = format!("the URI has {uri_len} bytes; at most {MAX_URI} are allowed");
        return Some(plain_refusal(StatusCode::URI_TOO_LONG, message));
    }
    let headers = request.headers();
    let bytes: usize = headers
        .iter()
        .map(|(k, v)| k.as_str().len() + v.len())
        .sum();
    if bytes > MAX_HEADER_BYTES {
        let message =
            format!("the headers have {bytes} bytes; at most {MAX_HEADER_BYTES} are allowed");
        return Some(plain_refusal(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            message,
        ));
    }
    let hosts = headers.get_all(header::HOST).iter().count();
    if request.version() == Version::HTTP_11 && hosts != 1 {
        let message = format!("the request has {hosts} Host headers; it must have one");
        return Some(plain_refusal(StatusCode::BAD_REQUEST, message));
    }
    None
}

fn plain_refusal(status: StatusCode, message: String) -> Response {
    let envelope = ErrorEnvelope::one(ErrorCode::Unsupported, message, serde_json::Value::Null);
    (status, axum::Json(envelope)).into_response()
}

fn panicked(site: &Site, id: &RequestId) -> Response {
    site.metrics.panics.inc();
    tracing::error!(request_id = id.as_str(), "a request ended in a panic");
    let message =
        "something broke inside the registry; its log has the reason under this request's id";
    let detail = serde_json::json!({"request_id": id.as_str()});
    let envelope = ErrorEnvelope::one(ErrorCode::Unknown, message, detail);
    let body = Body::from(serde_json::to_vec(&envelope).unwrap_or_default());
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}
