//! Turns the server address that a user types into the URL of its socket.

use core::net::Ipv4Addr;

use crate::status::Status;

/// The port of an address without one on an unencrypted page, as in the original client.
pub const DEFAULT_PORT: u16 = 8080;
/// The path of the socket, as in the original server.
pub const DEFAULT_PATH: &str = "/ws";
/// The query with which a server that refuses a socket accepts it and closes it at once with the reason. Browsers do not show
/// pages the response to a failed handshake.
pub const REFUSAL_QUERY: &str = "refusal=close";

/// The maximum length of an address, in bytes.
const MAX_ADDRESS_BYTES: usize = 512;

/// The address from which the page was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageAddress {
    /// `true` if it was loaded over https.
    pub secure: bool,
    /// The host, with its port unless that is the default of the scheme.
    pub host: String,
    /// The path, such as `/` or `/chat/index.html`.
    pub path: String,
}

/// The `ws://` or `wss://` URL of an address.
///
/// * `host:port` and `host` become `ws://host:port/ws`. On a page loaded over https the scheme is `wss://`, and the
///   default port is that of https. The local machine is an exception, unless the page was loaded from this address.
/// * `ws://` and `wss://` URLs are used as they are, and so are `http://` and `https://` ones, which users copy from
///   the address bar. Without a path they get `/ws`.
///
/// # Errors
/// [`Status::BadAddress`] for anything else: no host, an invalid port, a user name before the host, a query, a
/// fragment, white space. [`Status::InsecureAddress`] for a `ws://` address on an encrypted page, which browsers
/// allow for the local machine only.
pub fn socket_url(typed: &str, page: &PageAddress) -> Result<String, Status> {
    let typed = typed.trim();
    let is_forbidden =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '\\' | '"' | '<' | '>');
    if typed.is_empty() || typed.len() > MAX_ADDRESS_BYTES || typed.contains(is_forbidden) {
        return Err(Status::BadAddress);
    }
    let (scheme, rest) = match typed.split_once("://").filter(|(scheme, _)| !scheme.contains('/')) {
        None => (None, typed),
        Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => (Some(false), rest),
            "wss" | "https" => (Some(true), rest),
            _ => return Err(Status::BadAddress),
        },
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = split_port(authority)?;
    let is_trusted = is_local(host) && !page.is_at(host, port);
    let secure = scheme.unwrap_or(page.secure && !is_trusted);
    if page.secure && !secure && !is_local(host) {
        return Err(Status::InsecureAddress);
    }
    let port = match (port, scheme) {
        (Some(port), _) => format!(":{port}"),
        (None, None) if !secure => format!(":{DEFAULT_PORT}"),
        (None, _) => String::new(),
    };
    let path = match path.trim_end_matches('/') {
        "" => DEFAULT_PATH,
        path => &format!("/{path}"),
    };
    let scheme = if secure { "wss" } else { "ws" };
    Ok(format!("{scheme}://{host}{port}{path}"))
}

/// The address that the login page suggests: that of the server beside the page.
#[must_use]
pub fn suggested(page: &PageAddress) -> String {
    let has_port = split_port(&page.host).is_ok_and(|(_, port)| port.is_some());
    let port = if has_port || page.secure || page.host.is_empty() { "" } else { ":80" };
    let directory = page.path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let path = if directory.is_empty() { String::new() } else { format!("{directory}{DEFAULT_PATH}") };
    format!("{}{port}{path}", page.host)
}

impl PageAddress {
    /// Returns `true` if the page was loaded from this host and port.
    fn is_at(&self, host: &str, port: Option<u16>) -> bool {
        let default_port = if self.secure { 443 } else { 80 };
        split_port(&self.host).is_ok_and(|(own_host, own_port)| {
            own_host.eq_ignore_ascii_case(host)
                && own_port.unwrap_or(default_port) == port.unwrap_or(default_port)
        })
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), Status> {
    // An IPv6 address is in brackets; the colons inside do not start a port.
    let end = match (authority.starts_with('['), authority.find(']')) {
        (true, Some(end)) => end + 1,
        (true, None) => return Err(Status::BadAddress),
        (false, _) => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end).ok_or(Status::BadAddress)?;
    let is_valid = if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.trim_end_matches(']');
        !inner.is_empty() && inner.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '%'))
    } else {
        !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || !c.is_ascii() || matches!(c, '.' | '-' | '_'))
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return Err(Status::BadAddress),
        Some(digits) => Some(digits.parse().ok().filter(|p| *p != 0).ok_or(Status::BadAddress)?),
    };
    if is_valid { Ok((host, port)) } else { Err(Status::BadAddress) }
}

/// Returns `true` if a host is the local machine, which browsers trust without encryption.
fn is_local(host: &str) -> bool {
    let name = host.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name == "[::1]"
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page on another host than the typed one.
    fn page(secure: bool) -> PageAddress {
        PageAddress { secure, ..PageAddress::default() }
    }

    #[test]
    fn typed_addresses_become_urls() {
        for (typed, secure, url) in [
            ("localhost:8080", false, "ws://localhost:8080/ws"),
            ("chat.example.org", false, "ws://chat.example.org:8080/ws"),
            ("chat.example.org", true, "wss://chat.example.org/ws"),
            ("chat.example.org:9000", true, "wss://chat.example.org:9000/ws"),
            ("localhost:8080", true, "ws://localhost:8080/ws"),
            (" ws://10.0.0.1 ", false, "ws://10.0.0.1/ws"),
            ("wss://example.org/chat/ws", false, "wss://example.org/chat/ws"),
            ("https://example.org/", true, "wss://example.org/ws"),
            ("[::1]:8080", false, "ws://[::1]:8080/ws"),
            ("聊天.example", true, "wss://聊天.example/ws"),
        ] {
            assert_eq!(socket_url(typed, &page(secure)).as_deref(), Ok(url), "{typed}");
        }
    }

    #[test]
    fn invalid_addresses_are_refused() {
        for typed in [
            "",
            "  ",
            "a b",
            "ftp://x",
            "host:",
            "host:0",
            "host:70000",
            "host:x",
            ":80",
            "u@h",
            "h?x",
            "h#x",
            "[::1",
            "ws://",
            "[x]:1",
        ] {
            assert_eq!(socket_url(typed, &page(false)), Err(Status::BadAddress), "{typed:?}");
        }
        assert_eq!(socket_url(&"h".repeat(600), &page(false)), Err(Status::BadAddress));
        assert_eq!(socket_url("ws://example.org", &page(true)), Err(Status::InsecureAddress));
    }

    #[test]
    fn the_suggested_address_resolves_to_the_host_of_the_page() {
        for (host, secure) in [("localhost:8080", false), ("example.org", true), ("example.org", false)] {
            let page = PageAddress { secure, host: host.into(), path: "/".into() };
            let suggestion = suggested(&page);
            let url = socket_url(&suggestion, &page).unwrap();
            let scheme = if secure { "wss" } else { "ws" };
            assert!(url.starts_with(&format!("{scheme}://{host}")), "{url}");
        }
        let page = PageAddress { secure: false, host: "example.org".into(), path: "/".into() };
        assert_eq!(suggested(&page), "example.org:80");
    }

    #[test]
    fn socket_is_beside_the_page() {
        for (secure, host, path, url) in [
            (false, "example.org", "/chat/", "ws://example.org:80/chat/ws"),
            (true, "example.org", "/chat/", "wss://example.org/chat/ws"),
            (true, "example.org:8443", "/a/b/index.html", "wss://example.org:8443/a/b/ws"),
            (true, "example.org", "/@team/caf%C3%A9/", "wss://example.org/@team/caf%C3%A9/ws"),
            (true, "example.org", "/index.html", "wss://example.org/ws"),
            (true, "127.0.0.1", "/", "wss://127.0.0.1/ws"),
            (true, "127.0.0.1:8443", "/", "wss://127.0.0.1:8443/ws"),
            (true, "localhost:8443", "/chat/", "wss://localhost:8443/chat/ws"),
            (true, "[::1]:8443", "/", "wss://[::1]:8443/ws"),
            (false, "[::1]", "/chat/", "ws://[::1]:80/chat/ws"),
            (false, "127.0.0.1:8080", "/chat/", "ws://127.0.0.1:8080/chat/ws"),
        ] {
            let page = PageAddress { secure, host: host.into(), path: path.into() };
            assert_eq!(socket_url(&suggested(&page), &page).as_deref(), Ok(url), "{page:?}");
        }
        assert_eq!(suggested(&PageAddress::default()), "");
    }

    #[test]
    fn only_the_page_itself_is_encrypted_on_the_local_machine() {
        let page = PageAddress { secure: true, host: "localhost:8443".into(), path: "/".into() };
        for (typed, url) in [
            ("localhost:8443", "wss://localhost:8443/ws"),
            ("LOCALHOST:8443", "wss://LOCALHOST:8443/ws"),
            ("localhost:8080", "ws://localhost:8080/ws"),
            ("localhost", "ws://localhost:8080/ws"),
            ("127.0.0.2:8080", "ws://127.0.0.2:8080/ws"),
            ("ws://localhost:8443", "ws://localhost:8443/ws"),
        ] {
            assert_eq!(socket_url(typed, &page).as_deref(), Ok(url), "{typed}");
        }
    }
}
