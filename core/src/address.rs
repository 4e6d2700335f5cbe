//! From what a user types as the server's address to the URL of its socket.

use crate::status::Status;

/// The port where the user names none and the page itself is not encrypted, as in the original client.
pub const DEFAULT_PORT: u16 = 8080;
/// The path of the socket, as in the original server.
pub const DEFAULT_PATH: &str = "/ws";

/// The longest address that is looked at, in bytes.
const LONGEST: usize = 512;

/// Gives the `ws://` or `wss://` URL of an address.
///
/// * `host:port` and `host` become `ws://host:port/ws`; on a page loaded over https (`secure_page`)
///   `wss://`, and then without a port the one of https.
/// * `ws://`, `wss://`, and `http://`, `https://` for those who copy from the address bar, are taken as they
///   are; without a path they get `/ws`.
///
/// # Errors
/// [`Status::BadAddress`] for anything else: no host, a port that is none, a user name in front of the host, a
/// query, a fragment, white space. [`Status::InsecureAddress`] for a `ws://` address on an encrypted page,
/// where every browser refuses it, but for the machine itself.
pub fn socket_url(typed: &str, secure_page: bool) -> Result<String, Status> {
    let typed = typed.trim();
    let odd = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '\\' | '"' | '<' | '>')
    };
    if typed.is_empty() || typed.len() > LONGEST || typed.contains(odd) {
        return Err(Status::BadAddress);
    }
    // Looked for by a letter: searching for a text is two kilobytes of code that nothing else in the page needs.
    let (scheme, rest) = match typed
        .split_once('/')
        .and_then(|(head, tail)| Some((head.strip_suffix(':')?, tail.strip_prefix('/')?)))
    {
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

/// What the login page proposes on a page that came from `host` (with its port, if that is not the scheme's).
#[must_use]
pub fn of_page(host: &str, secure_page: bool) -> String {
    let has_port = split_port(host).is_ok_and(|(_, port)| port.is_some());
    if has_port || secure_page || host.is_empty() { host.to_owned() } else { format!("{host}:80") }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), Status> {
    // An IPv6 address stands in brackets; its own colons are no port's.
    let end = match (authority.starts_with('['), authority.find(']')) {
        (true, Some(end)) => end + 1,
        (true, None) => return Err(Status::BadAddress),
        (false, _) => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end).ok_or(Status::BadAddress)?;
    let fits = if let Some(inner) = host.strip_prefix('[') {
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
    if fits { Ok((host, port)) } else { Err(Status::BadAddress) }
}

/// Browsers trust the machine itself, encrypted or not.
fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_type_becomes_a_url() {
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
    fn what_is_no_address_is_refused() {
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
    fn a_page_proposes_where_it_came_from() {
        for (host, secure) in [("localhost:8080", false), ("example.org", true), ("example.org", false)] {
            let proposed = of_page(host, secure);
            let url = socket_url(&proposed, secure).unwrap();
            let scheme = if secure { "wss" } else { "ws" };
            assert!(url.starts_with(&format!("{scheme}://{host}")), "{url}");
        }
        assert_eq!(of_page("example.org", false), "example.org:80");
    }
}
