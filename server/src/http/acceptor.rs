//! The accept loop, and HTTP on each connection.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{unconstrained, yield_now},
    time::{sleep, timeout},
};

use crate::{
    conn::limiter::{ConnectionLimiter, ConnectionPermit},
    http::{
        accept_errors::{AcceptError, AcceptErrors, wait_after},
        routes::{AppState, TcpPeer},
    },
    stats::Stats,
};

/// The number of connections that are accepted before other tasks run. Connections that overflow the operating system's
/// queue retry only a second later.
const ACCEPTS_PER_TURN: usize = 1024;
/// The size limit of request headers; larger ones are answered with 431.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// The time for which one connection may be used for HTTP requests.
const HTTP_LIFETIME: Duration = Duration::from_secs(300);
/// The number of TCP connections that an address may have in addition to its WebSockets, for pages and rejections.
const EXTRA_CONNECTIONS_PER_ADDRESS: usize = 64;
/// The response to a TCP connection over the limit. Its request is not read.
const TOO_MANY_REQUESTS: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Accepts connections and serves HTTP on them.
#[derive(Debug, Clone)]
pub(crate) struct Acceptor {
    pub state: Arc<AppState>,
    pub router: Router,
    /// Limits TCP connections.
    pub limiter: Arc<ConnectionLimiter>,
    /// Limits the log lines about connections that cannot be accepted.
    pub errors: Arc<AcceptErrors>,
    /// Becomes true when the server stops.
    pub stopping: watch::Receiver<bool>,
}

impl Acceptor {
    /// A limiter for as many TCP connections as the settings allow WebSockets, and some more.
    pub(crate) fn limiter(max: usize, per_address: usize) -> Arc<ConnectionLimiter> {
        let spare = |n: usize, more| if n == 0 { 0 } else { n.saturating_add(more) };
        ConnectionLimiter::new(spare(max, 1024), spare(per_address, EXTRA_CONNECTIONS_PER_ADDRESS))
    }

    /// Accepts until the server stops.
    pub(crate) async fn accept(self, listener: TcpListener) {
        // Tokio's cooperative budget would interrupt the loop after 128 connections, while thousands may be
        // waiting.
        unconstrained(self.accept_loop(listener)).await;
    }

    async fn accept_loop(mut self, listener: TcpListener) {
        let mut errors_in_a_row = 0;
        for nth in 1_usize.. {
            if nth.is_multiple_of(ACCEPTS_PER_TURN) {
                yield_now().await;
            }
            let accepted = tokio::select! {
                () = stopped(&mut self.stopping) => return,
                accepted = listener.accept() => accepted,
            };
            let error = match accepted {
                Ok((stream, address)) => {
                    errors_in_a_row = 0;
                    self.serve_accepted(stream, address);
                    continue;
                }
                Err(error) => error,
            };
            if self.log_error(&error) == AcceptError::Connection {
                continue;
            }
            errors_in_a_row += 1;
            tokio::select! {
                () = stopped(&mut self.stopping) => return,
                () = sleep(wait_after(errors_in_a_row)) => {}
            }
        }
    }

    fn log_error(&self, error: &io::Error) -> AcceptError {
        let kind = AcceptError::of(error);
        if kind == AcceptError::Connection {
            tracing::debug!(%error, "a connection ended before it was accepted");
        } else if let Some(attempts) = self.errors.record(Instant::now()) {
            let connections = self.state.stats.tcp.load(Relaxed);
            tracing::error!(
                %error,
                connections,
                attempts,
                "new connections can't be accepted and have to wait: {}",
                kind.advice()
            );
        }
        kind
    }

    fn serve_accepted(&self, stream: TcpStream, address: SocketAddr) {
        let permit = match self.state.proxies.trusts(address.ip()) {
            true => self.limiter.acquire_for_proxy(address.ip()),
            false => self.limiter.acquire(address.ip()),
        };
        let Ok(permit) = permit else {
            Stats::add(&self.state.stats.rejected);
            // Written only if it fits into the empty send buffer.
            let _ = stream.try_write(TOO_MANY_REQUESTS);
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was closed before it was accepted");
            return;
        }
        let guard = Arc::new(ConnectionGuard::new(permit, self.state.stats.clone()));
        tokio::spawn(serve(stream, TcpPeer { address, guard }, self.clone()));
    }
}

/// Serves HTTP on one connection, until it ends or is upgraded.
async fn serve(stream: TcpStream, peer: TcpPeer, mut acceptor: Acceptor) {
    let router = TowerToHyperService::new(acceptor.router);
    let header_timeout = acceptor.state.config.header_timeout.duration();
    let service = {
        let peer = peer.clone();
        service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            hyper::service::Service::call(&router, request)
        })
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(MAX_HEADER_BYTES);
    let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = timeout(HTTP_LIFETIME, async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut acceptor.stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    });
    match ended.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(address = %peer.address, %error, "HTTP connection failed"),
        Err(_) => tracing::debug!(address = %peer.address, "HTTP connection timed out"),
    }
}

/// Completes when the server stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, so the server has stopped.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Counts a TCP connection while it exists.
#[derive(Debug)]
struct ConnectionGuard {
    stats: Arc<Stats>,
    _permit: ConnectionPermit,
}

impl ConnectionGuard {
    fn new(permit: ConnectionPermit, stats: Arc<Stats>) -> Self {
        stats.tcp.fetch_add(1, Relaxed);
        Self { stats, _permit: permit }
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.stats.tcp.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn maximum_limits_do_not_overflow() {
        let limiter = Acceptor::limiter(usize::MAX, usize::MAX);
        assert!(limiter.acquire(Ipv4Addr::LOCALHOST.into()).is_ok());
    }
}
