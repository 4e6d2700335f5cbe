//! The host names under which this server is known.
//!
//! With DNS rebinding a page of `evil.example` reaches an inner server: the attacker lets the name point to that server's
//! address after the page was loaded. To the browser both have the same origin. What the attacker cannot change is the
//! name, which the browser sends as `Host`. See docs/adr/0055-served-host-names.md.

use std::net::IpAddr;

/// Top-level domains that are not in the public DNS: RFC 6761, RFC 6762, RFC 8375, and ICANN's for private use.
const PRIVATE_DOMAINS: [&str; 5] = [".localhost", ".local", ".home.arpa", ".internal", ".test"];

/// The host names that are served, in addition to those that no attacker can own.
#[derive(Debug, Clone, Default)]
pub struct ServedHosts {
    /// The names in lower case; `*` is any name, and `*.example.org` any name below `example.org`.
    names: Vec<String>,
}

impl ServedHosts {
    /// The names in `allow_host`, and those of the origins in `allow_origin`.
    #[must_use]
    pub fn new(allow_host: &[String], allow_origin: &[String]) -> Self {
        let of_origins = allow_origin.iter().filter_map(|origin| {
            let (_, authority) = origin.trim_end_matches('/').split_once("://")?;
            Some(split_port(authority).0)
        });
        let names = allow_host.iter().map(String::as_str).chain(of_origins);
        Self { names: names.map(normalise).collect() }
    }

    /// Returns `true` if a host, without port, is served: an IP address, a name that the public DNS cannot have, or a
    /// listed name.
    #[must_use]
    pub fn contains(&self, host: &str) -> bool {
        let host = normalise(host);
        is_address(&host)
            || (!host.is_empty() && !host.contains('.'))
            || PRIVATE_DOMAINS.iter().any(|domain| host.ends_with(domain))
            || self.names.iter().any(|name| match name.strip_prefix('*') {
                Some("") => true,
                Some(parent) => host.ends_with(parent),
                None => host == *name,
            })
    }
}

/// Returns `true` if a value of `allow_host` is a host name, without scheme, port and path.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    text == "*"
        || is_address(name)
        || (!name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
}

/// Host and port of an authority; an empty port if there is none.
#[must_use]
pub fn split_port(authority: &str) -> (&str, &str) {
    match authority.rsplit_once(':') {
        // The colons inside an IPv6 address precede its bracket.
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    }
}

fn normalise(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn is_address(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(names: &[&str], origins: &[&str]) -> ServedHosts {
        let owned = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        ServedHosts::new(&owned(names), &owned(origins))
    }

    #[test]
    fn names_that_nobody_else_can_own_are_served() {
        let hosts = served(&[], &[]);
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "chat.localhost",
            "127.0.0.1",
            "192.168.1.7",
            "[::1]",
            "[2001:db8::1]",
            "nas",
            "raspberrypi.local",
            "chat.home.arpa",
            "chat.internal",
        ] {
            assert!(hosts.contains(host), "{host}");
        }
        for host in [
            "",
            ".",
            "evil.example",
            "evil.example.",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "local.example",
            "notlocal.com",
            "127.0.0.1.nip.io",
            "chat.example.org",
        ] {
            assert!(!hosts.contains(host), "{host}");
        }
    }

    #[test]
    fn listed_names_are_served() {
        let hosts = served(&["Chat.Example.org", "*.example.net"], &["https://page.example:8443/", "*"]);
        for host in
            ["chat.example.org", "CHAT.example.org.", "a.example.net", "a.b.example.net", "page.example"]
        {
            assert!(hosts.contains(host), "{host}");
        }
        for host in ["example.org", "x.chat.example.org", "example.net", "evilexample.net", "other.example"] {
            assert!(!hosts.contains(host), "{host}");
        }
        assert!(served(&["*"], &[]).contains("evil.example"));
    }

    #[test]
    fn only_host_names_are_patterns() {
        for text in ["*", "chat.example.org", "*.example.org", "xn--bcher-kva.example", "10.0.0.1", "[::1]"] {
            assert!(is_pattern(text), "{text}");
        }
        for text in [
            "",
            "*.",
            "https://chat.example.org",
            "chat.example.org:8443",
            "chat.example.org/",
            "a b",
            "a.*.b",
        ] {
            assert!(!is_pattern(text), "{text}");
        }
    }
}
