//! The routes: the socket, the page, and whether the server is well.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
        header::{
            ALLOW, CONNECTION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER, SEC_WEBSOCKET_VERSION,
            UPGRADE, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::map_response,
    routing::any,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{
    assets::{Assets, plain},
    config::Config,
    gate::{Closed, Gate, Place, peer_address},
    hub::table::Ids,
    origin,
    relay::{Inbox, Input},
    stats::Stats,
    ws::{
        queue::{self, Bounds},
        socket::{Socket, Times},
        upgrade::{self, HandshakeError},
    },
};

/// When somebody who is turned away should try again, in seconds.
const RETRY_AFTER_SECONDS: &str = "5";

/// What every request needs.
#[derive(Debug)]
pub struct Site {
    /// The settings.
    pub config: Config,
    /// The page.
    pub assets: Assets,
    /// Places for WebSockets.
    pub gate: Arc<Gate>,
    /// Where sockets bring what they hear.
    pub inbox: Inbox,
    /// Numbers for connections.
    pub ids: Arc<Ids>,
    /// The sockets' deadlines.
    pub times: Arc<Times>,
    /// What is counted.
    pub stats: Arc<Stats>,
    /// The server stops.
    pub stopping: AtomicBool,
}

/// The peer of a request's TCP connection, and something that lasts as long as any of its tasks.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Held by what belongs to the connection, until it ends.
    pub held: Arc<dyn std::any::Any + Send + Sync>,
}

/// All routes.
pub fn router(site: Arc<Site>) -> Router {
    let headers = security_headers(&site.config);
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
        .with_state(site)
}

async fn health(State(site): State<Arc<Site>>, method: Method) -> Response<Body> {
    if let Some(refusal) = reading_only(&method) {
        return refusal;
    }
    if site.stopping.load(Relaxed) {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    plain(StatusCode::OK, "ok\n")
}

async fn page(State(site): State<Arc<Site>>, request: Request) -> Response<Body> {
    if let Some(refusal) = reading_only(request.method()) {
        return refusal;
    }
    site.assets.answer(request.uri().path(), request.headers())
}

fn reading_only(method: &Method) -> Option<Response<Body>> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are done here.\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(response)
}

/// Turns a request into a WebSocket, or away.
async fn socket(
    State(site): State<Arc<Site>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Response<Body> {
    let headers = match upgrade::accept(request.method(), request.version(), request.headers()) {
        Ok(headers) => headers,
        Err(error) => return no_handshake(error),
    };
    let (address, place) = match admit(&site, &peer, request.headers()) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            Stats::add(&site.stats.turned_away);
            return *refusal;
        }
    };
    tokio::spawn(carry(site, hyper::upgrade::on(&mut request), peer, address, place));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    response
}

fn no_handshake(error: HandshakeError) -> Response<Body> {
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

/// Looks whether there is a place for the peer, before anything is upgraded.
fn admit(site: &Site, peer: &Peer, headers: &HeaderMap) -> Result<(IpAddr, Place), Box<Response<Body>>> {
    if !origin::may_connect(headers, &site.config.allow_origin, site.config.trust_proxy) {
        let text = "Pages of this origin may not connect here; see the server's setting allow_origin.\n";
        return Err(plain(StatusCode::FORBIDDEN, text).into());
    }
    if site.stopping.load(Relaxed) {
        return Err(later(StatusCode::SERVICE_UNAVAILABLE, "The server is stopping; try again later.\n"));
    }
    let address = peer_address(peer.address.ip(), headers, site.config.trust_proxy);
    match site.gate.enter(address) {
        Ok(place) => Ok((address, place)),
        Err(Closed::Full) => {
            Err(later(StatusCode::SERVICE_UNAVAILABLE, "The server is full; try again later.\n"))
        }
        Err(Closed::Address) => Err(later(
            StatusCode::TOO_MANY_REQUESTS,
            "There are too many connections from your network; try again later.\n",
        )),
    }
}

fn later(status: StatusCode, text: &'static str) -> Box<Response<Body>> {
    let mut response = plain(status, text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    response.into()
}

/// A WebSocket from its handshake to its end.
async fn carry(
    site: Arc<Site>,
    upgrade: hyper::upgrade::OnUpgrade,
    peer: Peer,
    address: IpAddr,
    place: Place,
) {
    let Ok(upgraded) = upgrade.await else { return };
    // It is always this type: the server's own accept loop made it.
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else { return };
    let (read, write) = parts.io.into_inner().into_split();
    let write = Arc::new(write);
    let bounds =
        Bounds { bytes: site.config.queue_bytes, frames: site.config.queue_frames, grace: queue::GRACE };
    let sink = Arc::downgrade(&write);
    let (sender, receiver) = queue::channel(bounds, sink);
    let conn = site.ids.take();
    if site.inbox.send(Input::Open { conn, queue: sender, address }).is_err() {
        return;
    }
    site.stats.sockets.fetch_add(1, Relaxed);
    let limit = site.config.frame_bytes;
    let socket = Socket::new((read, write), conn, limit, receiver, site.inbox.clone(), site.times.clone());
    Box::pin(socket.run(parts.read_buf)).await;
    drop(place);
    drop(peer);
    site.stats.sockets.fetch_sub(1, Relaxed);
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

/// What every answer says to the browser.
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
