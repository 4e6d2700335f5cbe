//! Reports of reverse proxies about a request: `X-Forwarded-For`, `X-Forwarded-Host` and `Forwarded` (RFC 7239).
//!
//! Each proxy appends to what it received, and a client can send these headers itself. So the entries are read from the
//! end: the client is the last one that is not a trusted proxy, and what precedes it is ignored.

mod parse;

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use axum::http::HeaderMap;

use self::parse::{Hop, forwarded, forwarded_for, with_port};
use crate::config::{Config, Network};

const FORWARDED: &str = "forwarded";
const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PORT: &str = "x-forwarded-port";
/// Headers that only proxies add. A page cannot make a browser send them with a WebSocket.
const ADDED_BY_PROXIES: [&str; 5] = [FORWARDED, FORWARDED_FOR, FORWARDED_HOST, "x-forwarded-proto", "via"];
/// The number of hosts that are read in each header; the last ones, which the nearest proxies have added.
const MAX_HOSTS: usize = 16;
/// The same of ports, each of which may belong to any host.
const MAX_PORTS: usize = 8;
/// The length to which a header is cut in the log, in characters.
const MAX_LOGGED_CHARS: usize = 200;

/// The trusted proxies.
#[derive(Debug, Default)]
pub struct TrustedProxies {
    /// `true` if there are any.
    enabled: bool,
    /// Their addresses; empty if everybody who connects is one.
    networks: Vec<Network>,
    warned: Warned,
}

/// Problems that have been logged. Each is logged once: it usually concerns every request.
#[derive(Debug, Default)]
struct Warned {
    missing: AtomicBool,
    unreadable: AtomicBool,
    contradictory: AtomicBool,
}

impl TrustedProxies {
    /// The proxies of the settings.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let networks = config.proxy_addresses.iter().copied().map(Network::canonical).collect();
        Self { enabled: config.trust_proxy, networks, warned: Warned::default() }
    }

    /// Returns `true` if the headers of a connection from this address are trusted.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.enabled && (self.networks.is_empty() || self.is_known(peer))
    }

    /// The client's address: that of the socket or, behind a trusted proxy, the one that the proxy reports.
    /// `X-Forwarded-For` takes precedence over `Forwarded`, because most proxies set only the former, and pass on the
    /// latter as the client sent it.
    #[must_use]
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let (by_list, by_standard) = (forwarded_for(headers), forwarded(headers));
        let by_standard: Vec<_> = by_standard.into_iter().map(|hop| hop.address).collect();
        if by_list.is_empty() && by_standard.is_empty() {
            self.warn_once(
                &self.warned.missing,
                peer,
                headers,
                "the proxy sends neither X-Forwarded-For nor Forwarded, so all of its users count as one address",
            );
            return peer;
        }
        let address = self.client_of(peer, if by_list.is_empty() { &by_standard } else { &by_list });
        if address.is_err() {
            self.warn_once(
                &self.warned.unreadable,
                peer,
                headers,
                "the client's address as reported by the proxy can't be read, so such users count as one address",
            );
        } else if !by_list.is_empty()
            && !by_standard.is_empty()
            && self.client_of(peer, &by_standard) != address
        {
            self.warn_once(
                &self.warned.contradictory,
                peer,
                headers,
                "Forwarded and X-Forwarded-For report different clients, and the latter is used; the proxy must \
                 remove the one that it does not set itself",
            );
        }
        address.unwrap_or_else(|nearest| nearest)
    }

    /// The last hop that is not a trusted proxy. If it cannot be read, the error is the nearest known hop.
    fn client_of(&self, peer: IpAddr, hops: &[Option<IpAddr>]) -> Result<IpAddr, IpAddr> {
        let mut nearest = peer;
        for hop in hops.iter().rev() {
            nearest = hop.ok_or(nearest)?;
            if !self.is_known(nearest) {
                break;
            }
        }
        Ok(nearest)
    }

    /// The hosts that clients named, as trusted proxies report them, with ports if they are known.
    #[must_use]
    pub fn hosts(&self, peer: IpAddr, headers: &HeaderMap) -> Vec<String> {
        if !self.trusts(peer) {
            return Vec::new();
        }
        let listed = entries(headers, FORWARDED_HOST).filter(|host| !host.is_empty()).map(str::to_owned);
        let standard = forwarded(headers).into_iter().filter_map(|Hop { host, .. }| host);
        let standard = standard.filter(|host| !host.is_empty());
        let mut hosts: Vec<String> = last(MAX_HOSTS, listed);
        hosts.extend(last(MAX_HOSTS, standard));
        // Each proxy may add its own port.
        let with_ports: Vec<_> = last(MAX_PORTS, entries(headers, FORWARDED_PORT))
            .into_iter()
            .flat_map(|port| hosts.iter().filter_map(move |host| with_port(host, port)))
            .collect();
        hosts.extend(with_ports);
        hosts
    }

    /// Returns `true` if the request came through a proxy, trusted or not.
    #[must_use]
    pub fn is_proxied(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.trusts(peer) || ADDED_BY_PROXIES.iter().any(|name| headers.contains_key(*name))
    }

    fn is_known(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(address))
    }

    fn warn_once(&self, warned: &AtomicBool, proxy: IpAddr, headers: &HeaderMap, problem: &str) {
        if warned.swap(true, Relaxed) {
            return;
        }
        let shown = |name: &str| {
            let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            values.collect::<Vec<_>>().join(", ").chars().take(MAX_LOGGED_CHARS).collect::<String>()
        };
        tracing::warn!(
            %proxy,
            x_forwarded_for = ?shown(FORWARDED_FOR),
            forwarded = ?shown(FORWARDED),
            "{problem} (setting trust_proxy; logged once)"
        );
    }
}

/// The entries of a header that is a list.
fn entries<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim)
}

/// The last `count` items.
fn last<T>(count: usize, items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<_> = items.collect();
    items.drain(..items.len().saturating_sub(count));
    items
}

#[cfg(test)]
mod tests;
