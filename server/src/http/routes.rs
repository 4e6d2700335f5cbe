//! The routes: the WebSocket, the page, and the health check.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
        header::{
            ALLOW, CONNECTION, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, SEC_WEBSOCKET_KEY,
            SEC_WEBSOCKET_VERSION, UPGRADE, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::map_response,
    routing::any,
};
use hyper_util::rt::TokioIo;
use parlour_core::address::REFUSAL_QUERY;
use tokio::net::TcpStream;

use crate::{
    config::Config,
    conn::{
        handshake::{self, HandshakeError},
        input_budget::InputBudget,
        limiter::{ConnectionLimiter, ConnectionPermit, LimitReached},
        socket::Socket,
        timeouts::Timeouts,
        write_queue::{self, Bounds},
    },
    http::{
        assets::{Assets, plain},
        forwarded::TrustedProxies,
        host::split_port,
        origin::{OriginError, OriginPolicy, Proxied},
        refusal::Refusal,
        refusal_log::RefusalLog,
    },
    hub::connection_table::ConnectionIds,
    hub_task::{HubInput, Inbox},
    stats::Stats,
};

/// The length to which a header is cut in the log, in characters.
const MAX_LOGGED_CHARS: usize = 200;

/// The state shared by all requests.
#[derive(Debug)]
pub struct AppState {
    /// The settings.
    pub config: Config,
    /// The page's files.
    pub assets: Assets,
    /// The pages that may connect.
    pub origins: OriginPolicy,
    /// The reverse proxies whose headers are trusted.
    pub proxies: TrustedProxies,
    /// Limits the log lines about refused requests.
    pub refusals: RefusalLog,
    /// Limits WebSocket connections.
    pub limiter: Arc<ConnectionLimiter>,
    /// The inputs of the hub.
    pub inbox: Inbox,
    /// Allocates connection ids.
    pub ids: Arc<ConnectionIds>,
    /// The deadlines of WebSocket connections.
    pub timeouts: Arc<Timeouts>,
    /// Counters.
    pub stats: Arc<Stats>,
    /// The server is stopping.
    pub stopping: AtomicBool,
}

/// The client of a TCP connection, and a guard for tasks that outlive the request.
#[derive(Debug, Clone)]
pub struct TcpPeer {
    /// The socket's address.
    pub address: SocketAddr,
    /// Counts the TCP connection until all of its tasks have ended.
    pub guard: Arc<dyn std::any::Any + Send + Sync>,
}

/// The router with all routes.
pub fn router(state: Arc<AppState>) -> Router {
    let headers = security_headers(&state.config);
    Router::new()
        .route("/ws", any(socket))
        .route("/healthz", any(health))
        .fallback(page)
        .layer(map_response(move |mut response: Response<Body>| {
            let headers = headers.clone();
            async move {
                response.headers_mut().extend(headers);
                response
            }
        }))
        .with_state(state)
}

async fn health(State(state): State<Arc<AppState>>, method: Method) -> Response<Body> {
    if let Some(refusal) = refuse_other_methods(&method) {
        return refusal;
    }
    if state.stopping.load(Relaxed) {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    plain(StatusCode::OK, "ok\n")
}

async fn page(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<TcpPeer>,
    request: Request,
) -> Response<Body> {
    if let Some(refusal) = refuse_other_methods(request.method()) {
        return refusal;
    }
    if let Some(refusal) = refuse_unknown_host(&state, &peer, request.headers()) {
        return refusal;
    }
    state.assets.answer(request.uri().path(), request.headers())
}

fn refuse_other_methods(method: &Method) -> Option<Response<Body>> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Use GET or HEAD for this address.\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(response)
}

/// Refuses the page under a name under which it could not connect, so that whoever set the name up reads why. Behind a
/// proxy the page may have been requested over https, and then the name does not matter.
fn refuse_unknown_host(state: &AppState, peer: &TcpPeer, headers: &HeaderMap) -> Option<Response<Body>> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let (name, _) = split_port(host.trim());
    if state.origins.hosts.contains(name) || state.proxies.is_proxied(peer.address.ip(), headers) {
        return None;
    }
    log_refusal(state, peer, headers, OriginError::UnknownHost);
    let text = format!(
        "This server does not know the host name {name:?}. If it is yours, start the server with --allow-host {name}, \
         or add the name to its setting allow_host.\n"
    );
    Some(plain(StatusCode::MISDIRECTED_REQUEST, text))
}

/// The value of a header for the log.
fn shown(headers: &HeaderMap, name: HeaderName) -> String {
    let value = headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    String::from_utf8_lossy(value).chars().take(MAX_LOGGED_CHARS).collect()
}

fn log_refusal(state: &AppState, peer: &TcpPeer, headers: &HeaderMap, error: OriginError) {
    let (origin, host) = (shown(headers, ORIGIN), shown(headers, HOST));
    let client = state.proxies.client_address(peer.address.ip(), headers);
    if let Some(not_logged) = state.refusals.admit((&origin, &host), client, Instant::now()) {
        tracing::warn!(?origin, ?host, setting = error.setting(), not_logged, "a page was refused: {error}");
    }
}

/// Logs a WebSocket whose Upgrade header did not arrive: a proxy passes it on only if it is told to.
fn log_missing_upgrade(state: &AppState, peer: &TcpPeer, headers: &HeaderMap, error: HandshakeError) {
    if error != HandshakeError::NotAnUpgrade || !headers.contains_key(SEC_WEBSOCKET_KEY) {
        return;
    }
    let (host, client) = (shown(headers, HOST), state.proxies.client_address(peer.address.ip(), headers));
    if let Some(not_logged) = state.refusals.admit(("upgrade", &host), client, Instant::now()) {
        tracing::warn!(
            ?host,
            not_logged,
            "a WebSocket came without the header Upgrade; let the proxy pass it on (nginx: proxy_http_version 1.1; \
             proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade)"
        );
    }
}

/// Logs a connection over the limit of its address. If it came through a proxy that is not trusted, all of the proxy's
/// users count as one.
fn log_address_limit(state: &AppState, peer: &TcpPeer, address: IpAddr, headers: &HeaderMap) {
    let name = address.to_string();
    let Some(not_logged) = state.refusals.admit(("limit", &name), address, Instant::now()) else { return };
    let socket = peer.address.ip();
    if state.proxies.is_proxied(socket, headers) && !state.proxies.trusts(socket) {
        tracing::warn!(
            %address,
            not_logged,
            setting = "trust_proxy",
            "a reverse proxy has too many connections, because its users count as one address; if it is yours, trust it"
        );
    } else {
        tracing::warn!(
            %address,
            not_logged,
            setting = "max_connections_per_address",
            "an address has too many connections, and further ones are refused"
        );
    }
}

/// Upgrades a request to a WebSocket, or rejects it: with a response, or after the upgrade if it has [`REFUSAL_QUERY`].
async fn socket(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<TcpPeer>,
    mut request: Request,
) -> Response<Body> {
    let headers = match handshake::accept(request.method(), request.version(), request.headers()) {
        Ok(headers) => headers,
        Err(error) => {
            log_missing_upgrade(&state, &peer, request.headers(), error);
            return handshake_refusal(error);
        }
    };
    match admit(&state, &peer, request.headers()) {
        Ok((address, permit)) => {
            tokio::spawn(run_websocket(state, hyper::upgrade::on(&mut request), peer, address, permit));
        }
        Err(refusal) => {
            Stats::add(&state.stats.rejected);
            if request.uri().query() != Some(REFUSAL_QUERY) {
                return refusal.response();
            }
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                refusal.close(upgrade).await;
                drop(peer);
            });
        }
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    response
}

fn handshake_refusal(error: HandshakeError) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{error}\n")));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    match error {
        HandshakeError::Method => {
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
        }
        HandshakeError::NotAnUpgrade | HandshakeError::Version => {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        HandshakeError::Host | HandshakeError::Key => {}
    }
    response
}

/// Checks origin, shutdown and limits before the upgrade.
fn admit(
    state: &AppState,
    peer: &TcpPeer,
    headers: &HeaderMap,
) -> Result<(IpAddr, ConnectionPermit), Refusal> {
    let socket = peer.address.ip();
    let proxied = Proxied {
        proxied: state.proxies.is_proxied(socket, headers),
        hosts: state.proxies.hosts(socket, headers),
    };
    if let Err(error) = state.origins.check(headers, &proxied) {
        log_refusal(state, peer, headers, error);
        return Err(error.into());
    }
    if state.stopping.load(Relaxed) {
        return Err(Refusal::Stopping);
    }
    let address = state.proxies.client_address(socket, headers);
    match state.limiter.acquire(address) {
        Ok(permit) => Ok((address, permit)),
        Err(LimitReached::Server) => Err(Refusal::ServerFull),
        Err(LimitReached::Address) => {
            log_address_limit(state, peer, address, headers);
            Err(Refusal::TooManyConnections)
        }
    }
}

/// Runs a WebSocket connection from its handshake to its end.
async fn run_websocket(
    state: Arc<AppState>,
    upgrade: hyper::upgrade::OnUpgrade,
    peer: TcpPeer,
    address: IpAddr,
    permit: ConnectionPermit,
) {
    let Ok(upgraded) = upgrade.await else { return };
    // Succeeds always, because our accept loop creates all connections from this type.
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { return };
    let (read, write) = parts.io.into_inner().into_split();
    let write = Arc::new(write);
    let bounds = Bounds {
        bytes: state.config.queue_bytes,
        frames: state.config.queue_frames,
        grace: write_queue::OVERLOAD_GRACE,
    };
    let sink = Arc::downgrade(&write);
    let (sender, receiver) = write_queue::channel(bounds, sink);
    let conn = state.ids.allocate();
    if state.inbox.send(HubInput::Opened { conn, queue: sender, address }).is_err() {
        return;
    }
    state.stats.sockets.fetch_add(1, Relaxed);
    let limit = state.config.frame_bytes;
    let (inbox, timeouts) = (state.inbox.clone(), state.timeouts.clone());
    let socket = Socket::new((read, write), conn, limit, receiver, inbox, InputBudget::new(permit), timeouts);
    Box::pin(socket.run(parts.read_buf)).await;
    drop(peer);
    state.stats.sockets.fetch_sub(1, Relaxed);
}

/// The page, whose `<meta>` tag contains the Content-Security-Policy.
const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../index.html"));

/// The page's Content-Security-Policy with the configured `connect-src`, and with `frame-ancestors`, which browsers ignore
/// in a page.
fn content_security_policy(config: &Config) -> String {
    let after = PAGE.split_once("http-equiv=\"Content-Security-Policy\" content=\"").map_or("", |(_, it)| it);
    let policy = after.split('"').next().unwrap_or_default();
    let connect_src = format!("connect-src 'self' {}", config.connect_src.join(" "));
    let directives = policy.split(';').map(str::trim).map(|directive| {
        if directive.starts_with("connect-src ") { connect_src.as_str() } else { directive }
    });
    let directives = directives.collect::<Vec<_>>().join("; ");
    format!("{directives}; frame-ancestors {}", config.frame_ancestors.join(" "))
}

/// The security headers of every response.
fn security_headers(config: &Config) -> HeaderMap {
    let policy = content_security_policy(config);
    let mut headers = HeaderMap::new();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers
}
