//! Ports for servers that are started on a known address.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

/// The ports that are tried for one server.
const TRIED: u16 = 50;

/// A port that is free in IPv4 and IPv6, and stays free while no server uses it.
///
/// Not an ephemeral port: a client that connects to an ephemeral port without a listener may be assigned the same port, and so
/// be connected to itself, and any other socket may take it. Each server has its own range of ports, because a port that is free
/// for one test while its server is down must not be used by another.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let own = TAKEN.fetch_add(TRIED, Ordering::Relaxed);
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap() + own;
    // A system without IPv6 has another error.
    let is_free = |address: SocketAddr| {
        TcpListener::bind(address).map_or_else(|error| error.kind() != ErrorKind::AddrInUse, |_| true)
    };
    let is_free = |port: &u16| {
        is_free((Ipv4Addr::UNSPECIFIED, *port).into()) && is_free((Ipv6Addr::LOCALHOST, *port).into())
    };
    (first..first + TRIED).find(is_free).expect("a free port")
}
