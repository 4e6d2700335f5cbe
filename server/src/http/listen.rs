//! Opens the listening sockets.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::net::TcpListener;

/// The number of connections that may wait to be accepted. After an outage many clients reconnect at once.
const BACKLOG_CONNECTIONS: i32 = 4096;

/// The reason why an address cannot be listened on.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Another program listens on it.
    #[error(
        "Port {} is in use, perhaps by another Parlour; stop that one, or choose another port with --listen {}.",
        .0.port(), other_port(.0)
    )]
    InUse(SocketAddr),
    /// It cannot be bound for another reason.
    #[error("The server can't listen on {address}: {error}. Choose another address with --listen.")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The error.
        error: io::Error,
    },
}

/// Listens on all of these addresses, each with a large backlog. Addresses that another one includes, such as 127.0.0.1
/// beside 0.0.0.0, need no socket of their own.
///
/// `[::]` is the IPv6 half if an IPv4 address with the same port is listed too; otherwise it accepts IPv4 as well.
///
/// # Errors
/// [`ListenError`] for the first address that cannot be bound.
pub fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let addresses: Vec<_> = addresses.iter().copied().map(canonical).collect();
    let mut listeners = Vec::new();
    for (nth, &address) in addresses.iter().enumerate() {
        let is_included = |other: SocketAddr| includes(other, address) && !includes(address, other);
        // A port chosen by the system is a new one each time.
        if address.port() != 0
            && (addresses[..nth].contains(&address) || addresses.iter().any(|&other| is_included(other)))
        {
            continue;
        }
        let has_ipv4 = addresses.iter().any(|other| other.is_ipv4() && other.port() == address.port());
        listeners.push(bind_socket(address, has_ipv4).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(address),
            _ => ListenError::Bind { address, error },
        })?);
    }
    Ok(listeners)
}

/// Listens on one address.
///
/// # Errors
/// The address cannot be bound.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    bind_socket(canonical(address), false)
}

fn bind_socket(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // The default differs between systems. Some support only one value; then `bind` may fail.
        let _ = socket.set_only_v6(only_v6);
    }
    // On Windows this option would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_CONNECTIONS)?;
    TcpListener::from_std(socket.into())
}

/// The address with an IPv4-mapped IPv6 address as the IPv4 address that it means.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        // Keeps the scope of a link-local address.
        IpAddr::V6(_) => address,
    }
}

/// Returns `true` if a socket on `a` accepts all connections to `b`.
fn includes(a: SocketAddr, b: SocketAddr) -> bool {
    a.ip().is_unspecified() && a.is_ipv4() == b.is_ipv4() && a.port() == b.port()
}

/// The same address with the next port, or the previous one after the last.
fn other_port(address: &SocketAddr) -> SocketAddr {
    let mut address = *address;
    address.set_port(address.port().checked_add(1).unwrap_or(u16::MAX - 1));
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggested_address_can_be_typed() {
        for (address, suggestion) in [
            ("127.0.0.1:8080", "127.0.0.1:8081"),
            ("[::1]:8080", "[::1]:8081"),
            ("[::ffff:127.0.0.1]:8080", "[::ffff:127.0.0.1]:8081"),
            ("[fe80::1%3]:8080", "[fe80::1%3]:8081"),
            ("0.0.0.0:65535", "0.0.0.0:65534"),
        ] {
            let text = ListenError::InUse(address.parse().unwrap()).to_string();
            assert!(text.contains(&format!("--listen {suggestion}.")), "{text}");
            assert!(suggestion.parse::<SocketAddr>().is_ok());
        }
    }

    #[tokio::test]
    async fn included_addresses_need_no_socket() {
        let port = bind("127.0.0.1:0".parse().unwrap()).unwrap().local_addr().unwrap().port();
        let listening = |addresses: &[&str]| {
            let addresses: Vec<_> =
                addresses.iter().map(|ip| format!("{ip}:{port}").parse().unwrap()).collect();
            let listeners = listen(&addresses).unwrap();
            listeners
                .iter()
                .map(|listener| listener.local_addr().unwrap().ip().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(listening(&["[::ffff:127.0.0.1]", "127.0.0.1"]), ["127.0.0.1"]);
        assert_eq!(listening(&["127.0.0.1", "0.0.0.0", "[::1]", "[::]"]), ["0.0.0.0", "::"]);
        assert_eq!(listening(&["[::]", "[::ffff:0.0.0.0]", "0.0.0.0"]), ["::", "0.0.0.0"]);
        assert_eq!(listening(&["[::1]", "127.0.0.1"]), ["::1", "127.0.0.1"]);
        let any = ["127.0.0.1:0".parse().unwrap(); 2];
        assert_eq!(listen(&any).unwrap().len(), 2, "two ports chosen by the system");
    }
}
