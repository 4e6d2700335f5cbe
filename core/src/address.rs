//! Turns the server address that a user types into the URL of its socket.

use crate::status::Status;

/// The port of an address without one on an unencrypted page, as in the original client.
pub const DEFAULT_PORT: u16 = 8080;
/// The path of the socket, as in the original server.
pub const DEFAULT_PATH: &str = "/ws";

/// The maximum length of an address, in bytes.
const MAX_ADDRESS_BYTES: usize = 512;

/// The `ws://` or `wss://` URL of an address.
///
/// * `host:port` and `host` become `ws://host:port/ws`. On a page loaded over https (`secure_page`) the scheme is
///   `wss://`, and the default port is that of https.
/// * `ws://` and `wss://` URLs are used as they are, and so are `http://` and `https://` ones, which users copy from
///   the address bar. Without a path they get `/ws`.
///
/// # Errors
/// [`Status::BadAddress`] for anything else: no host, an invalid port, a user name before the host, a query, a
/// fragment, white space. [`Status::InsecureAddress`] for a `ws://` address on an encrypted page, which browsers
/// allow for the local machine only.
pub fn socket_url(typed: &str, secure_page: bool) -> Result<String, Status> {
    let typed = typed.trim();
    let is_forbidden = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '\\' | '"' | '<' | '>')
    };
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
    let secure = scheme.unwrap_or(secure_page && !is_local(host));
    if secure_page && !secure && !is_local(host) {
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

/// The address that the login page suggests when the page was loaded from `host` (with its port, unless that is the
/// default of the scheme).
#[must_use]
pub fn suggested(host: &str, secure_page: bool) -> String {
    let has_port = split_port(host).is_ok_and(|(_, port)| port.is_some());
    if has_port || secure_page || host.is_empty() { host.to_owned() } else { format!("{host}:80") }
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

/// Whether a host is the local machine, which browsers trust without encryption.
fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(socket_url(typed, secure).as_deref(), Ok(url), "{typed}");
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
            assert_eq!(socket_url(typed, false), Err(Status::BadAddress), "{typed:?}");
        }
        assert_eq!(socket_url(&"h".repeat(600), false), Err(Status::BadAddress));
        assert_eq!(socket_url("ws://example.org", true), Err(Status::InsecureAddress));
    }

    #[test]
    fn the_suggested_address_resolves_to_the_host_of_the_page() {
        for (host, secure) in [("localhost:8080", false), ("example.org", true), ("example.org", false)] {
            let suggestion = suggested(host, secure);
            let url = socket_url(&suggestion, secure).unwrap();
            let scheme = if secure { "wss" } else { "ws" };
            assert!(url.starts_with(&format!("{scheme}://{host}")), "{url}");
        }
        assert_eq!(suggested("example.org", false), "example.org:80");
    }
}
