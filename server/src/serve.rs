//! The accept loop, and HTTP on each connection.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::{unconstrained, yield_now},
    time::{sleep, timeout},
};

use crate::{
    gate::{Gate, Place},
    http::{Peer, Site},
    stats::Stats,
};

/// How many connections may wait to be accepted: clients that were cut off together come back together.
const BACKLOG: u32 = 4096;
/// So many connections are accepted in a row before others have their turn. What waits longer than the system's own queue
/// is long comes back a second later.
const IN_A_ROW: usize = 1024;
/// The longest headers of a request, in bytes; longer ones are answered with 431.
const HEADER_BYTES: usize = 16 * 1024;
/// How long one connection may go on asking for pages.
const HTTP_LIFETIME: Duration = Duration::from_secs(300);
/// How many TCP connections one address may have beyond its WebSockets: for pages, and for being told no.
const SPARE: usize = 64;
/// The answer to a TCP connection too many, which is not read at all.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Listens on an address, with what a server of many sockets needs.
///
/// # Errors
/// The address can't be listened on.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // On Windows this would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What the accept loop shares with its connections.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub site: Arc<Site>,
    pub router: Router,
    /// Places for TCP connections.
    pub gate: Arc<Gate>,
    /// Becomes true when the server stops.
    pub stopping: watch::Receiver<bool>,
}

impl Door {
    /// A door for as many TCP connections as the settings allow WebSockets, and some more.
    pub(crate) fn gate(max: usize, per_address: usize, trust_proxy: bool) -> Arc<Gate> {
        let spare = |n: usize, more| if n == 0 { 0 } else { n.saturating_add(more) };
        // Behind a proxy they all come from one address.
        let each = if trust_proxy { 0 } else { spare(per_address, SPARE) };
        Gate::new(spare(max, 1024), each)
    }

    /// Accepts until the server stops.
    pub(crate) async fn accept(self, listener: TcpListener) {
        // By itself the runtime would go on with something else after 128, and there may be thousands to come back.
        unconstrained(self.accept_in_rows(listener)).await;
    }

    async fn accept_in_rows(mut self, listener: TcpListener) {
        for nth in 1_usize.. {
            if nth.is_multiple_of(IN_A_ROW) {
                yield_now().await;
            }
            let accepted = tokio::select! {
                () = stopped(&mut self.stopping) => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, address),
                Err(error) => {
                    // One connection's own trouble passes; no file descriptor left needs a moment.
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr) {
        let Ok(place) = self.gate.enter(address.ip()) else {
            Stats::add(&self.site.stats.turned_away);
            // What does not fit into an empty send buffer is not worth waiting for.
            let _ = stream.try_write(TOO_MANY);
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it began");
            return;
        }
        let held = Arc::new(Held::new(place, self.site.stats.clone()));
        tokio::spawn(serve(stream, Peer { address, held }, self.clone()));
    }
}

/// Speaks HTTP on one connection, until it ends or becomes a WebSocket.
async fn serve(stream: TcpStream, peer: Peer, mut door: Door) {
    let router = TowerToHyperService::new(door.router);
    let header_timeout = door.site.config.header_timeout.duration();
    let service = {
        let peer = peer.clone();
        service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            hyper::service::Service::call(&router, request)
        })
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(HEADER_BYTES);
    let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = timeout(HTTP_LIFETIME, async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut door.stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    });
    match ended.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(address = %peer.address, %error, "an HTTP connection broke"),
        Err(_) => tracing::debug!(address = %peer.address, "an HTTP connection took too long"),
    }
}

/// Is done when the server stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that whoever would say so is gone.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Counts a TCP connection as long as it lasts.
#[derive(Debug)]
struct Held {
    stats: Arc<Stats>,
    _place: Place,
}

impl Held {
    fn new(place: Place, stats: Arc<Stats>) -> Self {
        stats.tcp.fetch_add(1, Relaxed);
        Self { stats, _place: place }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stats.tcp.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn as_many_as_there_are_numbers_is_no_less() {
        let gate = Door::gate(usize::MAX, usize::MAX, false);
        assert!(gate.enter(Ipv4Addr::LOCALHOST.into()).is_ok());
    }
}
