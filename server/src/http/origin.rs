//! The origin check. Browsers let any page on the web open a WebSocket, and send the page's origin in `Origin`.

use axum::http::{
    HeaderMap,
    header::{HOST, ORIGIN},
};
use thiserror::Error;

use super::host::{ServedHosts, split_port};
use crate::config::Config;

/// The reason why a page may not connect.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum OriginError {
    /// The page comes from another host.
    #[error("Pages of this origin may not connect; add the origin to the server's setting allow_origin.")]
    Foreign,
    /// The page comes from a port of the host that the Host header does not name. Usually a proxy has removed it.
    #[error(
        "The Host header lacks the port of the page; let the proxy pass on Host with its port (nginx: \
         proxy_set_header Host $http_host), or add the origin to the server's setting allow_origin."
    )]
    MissingPort,
    /// The page comes from this server, under a name that anybody could have pointed to it.
    #[error(
        "The server does not know this host name; if it is yours, add it to the server's setting allow_host."
    )]
    UnknownHost,
}

impl OriginError {
    /// The setting that allows such pages.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Foreign | Self::MissingPort => "allow_origin",
            Self::UnknownHost => "allow_host",
        }
    }
}

/// The pages that may connect.
#[derive(Debug, Clone, Default)]
pub struct OriginPolicy {
    /// Whole origins, as `https://chat.example.org`, or `*`.
    allowed: Vec<String>,
    /// The host names of this server.
    pub hosts: ServedHosts,
}

/// The report of the proxies in front of the server about a request.
#[derive(Debug, Clone, Default)]
pub struct Proxied {
    /// `true` if it came through a proxy, trusted or not.
    pub proxied: bool,
    /// The hosts that the client named, as reported by a trusted proxy.
    pub hosts: Vec<String>,
}

impl OriginPolicy {
    /// The policy of the settings.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let hosts = ServedHosts::new(&config.allow_host, &config.allow_origin);
        Self { allowed: config.allow_origin.iter().map(|origin| normalise(origin)).collect(), hosts }
    }

    /// Checks whether a request may open a WebSocket. One without `Origin` does not come from a browser and may.
    ///
    /// An origin may connect if it is listed in `allow_origin`, or if its host and port are those of the request, and
    /// the host is known. A host is known in one of three ways:
    /// * [`ServedHosts::contains`] it.
    /// * A trusted proxy reports it, so the proxy was set up for it.
    /// * The page was loaded over https through a proxy: then the browser has verified a certificate for the name.
    ///
    /// # Errors
    /// [`OriginError`].
    pub fn check(&self, headers: &HeaderMap, request: &Proxied) -> Result<(), OriginError> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(()) };
        if self.allowed.iter().any(|entry| entry == "*") {
            return Ok(());
        }
        let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return Err(OriginError::Foreign) };
        if self.allowed.contains(&normalise(origin)) {
            return Ok(());
        }
        let (scheme, authority) = origin.split_once("://").ok_or(OriginError::Foreign)?;
        let default_port = default_port(scheme).ok_or(OriginError::Foreign)?;
        let split = |authority| match split_port(authority) {
            (host, "") => (host, default_port),
            split => split,
        };
        let page = split(authority);
        if request.hosts.iter().any(|host| is_same(split(host), page)) {
            return Ok(());
        }
        let authority = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().trim();
        let host = split(authority);
        if !is_same(host, page) {
            let is_port_missing = split_port(authority).1.is_empty() && is_same((host.0, page.1), page);
            return Err(if is_port_missing { OriginError::MissingPort } else { OriginError::Foreign });
        }
        let is_verified = scheme == "https" && request.proxied;
        if is_verified || self.hosts.contains(host.0) { Ok(()) } else { Err(OriginError::UnknownHost) }
    }
}

fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" => Some("80"),
        "https" => Some("443"),
        _ => None,
    }
}

/// An origin as browsers send it: in lower case, without the default port.
fn normalise(origin: &str) -> String {
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    let authority = origin.split_once("://").and_then(|(scheme, authority)| {
        let (host, port) = split_port(authority);
        (default_port(scheme) == Some(port)).then(|| format!("{scheme}://{host}"))
    });
    authority.unwrap_or(origin)
}

/// Returns `true` if a value of `allow_origin` can be the origin of a page.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    if matches!(text, "*" | "null") {
        return true;
    }
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = split_port(authority);
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    !scheme.is_empty()
        && scheme.chars().all(is_scheme)
        && !host.is_empty()
        && host.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '@' | '*'))
        && port.chars().all(|c| c.is_ascii_digit())
}

fn is_same(a: (&str, &str), b: (&str, &str)) -> bool {
    !a.0.is_empty() && a.0.eq_ignore_ascii_case(b.0) && a.1 == b.1
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::config::List;

    fn check(
        origin: &'static str,
        host: &'static str,
        allowed: &[&str],
        forwarded: Option<&'static str>,
    ) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        headers.insert(HOST, HeaderValue::from_static(host));
        let request = Proxied { proxied: true, hosts: forwarded.into_iter().map(Into::into).collect() };
        policy(allowed, &["chat.example.org"]).check(&headers, &request).is_ok()
    }

    fn policy(origins: &[&str], hosts: &[&str]) -> OriginPolicy {
        let list = |entries: &[&str]| List(entries.iter().map(|&entry| entry.to_owned()).collect());
        OriginPolicy::new(&Config {
            allow_origin: list(origins),
            allow_host: list(hosts),
            ..Config::default()
        })
    }

    #[test]
    fn same_origin_may_connect() {
        for (origin, host) in [
            ("http://localhost:8080", "localhost:8080"),
            ("https://Chat.Example.org", "chat.example.org"),
            ("https://chat.example.org", "chat.example.org:443"),
            ("http://chat.example.org:80", "chat.example.org"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("http://[::1]", "[::1]"),
        ] {
            assert!(check(origin, host, &[], None), "{origin} {host}");
        }
    }

    #[test]
    fn foreign_origin_may_not_connect() {
        for (origin, host) in [
            ("http://evil.example", "localhost:8080"),
            ("http://localhost:8081", "localhost:8080"),
            ("https://chat.example.org", "chat.example.org:80"),
            ("http://chat.example.org.evil.example", "chat.example.org"),
            ("null", "localhost"),
            ("file://", ""),
            ("http://", ""),
        ] {
            assert!(!check(origin, host, &[], None), "{origin} {host}");
        }
    }

    #[test]
    fn listed_origin_may_connect() {
        assert!(check("https://a.example", "b.example", &["https://a.example/"], None));
        assert!(check("https://a.example", "b.example", &["*"], None));
        assert!(check("null", "b.example", &["null"], None));
        assert!(check("https://a.example", "b.example", &["https://A.example:443"], None));
        assert!(check("http://a.example", "b.example", &["http://a.example:80/"], None));
        assert!(check("http://[::1]", "b.example", &["http://[::1]:80"], None));
        assert!(!check("https://a.example:8443", "b.example", &["https://a.example:443"], None));
        assert!(!check("http://a.example", "b.example", &["https://a.example"], None));
        assert!(check("https://a.example", "10.0.0.1:8080", &[], Some("a.example")));
        assert_eq!(policy(&[], &[]).check(&HeaderMap::new(), &Proxied::default()), Ok(()));
    }

    #[test]
    fn only_origins_are_accepted_as_such() {
        for text in [
            "*",
            "null",
            "https://chat.example.org",
            "http://[::1]:8080/",
            "http://localhost:3000",
            "capacitor://localhost",
            "chrome-extension://abcdef",
        ] {
            assert!(is_origin(text), "{text}");
        }
        for text in [
            "",
            "chat.example.org",
            "https://",
            "https://chat.example.org/chat",
            "https://*.example.org",
            "https://a.example https://b.example",
            "https://tom@a.example",
            "https://bücher.example",
            "https://a.example:port",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }

    #[test]
    fn several_origins_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("a"));
        headers.append(ORIGIN, HeaderValue::from_static("http://a"));
        headers.append(ORIGIN, HeaderValue::from_static("http://b"));
        assert!(policy(&[], &[]).check(&headers, &Proxied::default()).is_err());
    }

    #[test]
    fn page_under_an_unknown_host_name_may_not_connect() {
        let check = |origin: &str, proxied, reported: &[&str], names: &[&str]| {
            let mut headers = HeaderMap::new();
            headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
            headers.insert(HOST, HeaderValue::from_str(origin.split_once("://").unwrap().1).unwrap());
            let hosts = reported.iter().map(|&host| host.to_owned()).collect();
            policy(&[], names).check(&headers, &Proxied { proxied, hosts })
        };
        let (evil, secure) = ("http://evil.example:8080", "https://evil.example");
        for (origin, proxied) in
            [(evil, false), (evil, true), (secure, false), ("http://10.0.0.1.nip.io", true)]
        {
            assert_eq!(
                check(origin, proxied, &[], &["chat.example.org"]),
                Err(OriginError::UnknownHost),
                "{origin}"
            );
        }
        assert_eq!(check(secure, true, &[], &[]), Ok(()), "the browser has verified its certificate");
        assert_eq!(check(evil, true, &["evil.example:8080"], &[]), Ok(()), "the proxy was set up for it");
        assert_eq!(check(evil, true, &["other.example:8080"], &[]), Err(OriginError::UnknownHost));
        assert_eq!(check(evil, false, &[], &["evil.example"]), Ok(()));
        assert_eq!(check("http://nas:8080", false, &[], &[]), Ok(()));
    }

    #[test]
    fn missing_port_is_told_apart_from_a_foreign_page() {
        let check = |origin: &'static str, host: &'static str| {
            let headers =
                [(ORIGIN, HeaderValue::from_static(origin)), (HOST, HeaderValue::from_static(host))];
            policy(&[], &[]).check(&HeaderMap::from_iter(headers), &Proxied::default())
        };
        let origin = "https://chat.example.org:8443";
        assert_eq!(check(origin, "chat.example.org"), Err(OriginError::MissingPort));
        assert_eq!(check(origin, "other.example.org"), Err(OriginError::Foreign));
        assert_eq!(check(origin, "chat.example.org:8080"), Err(OriginError::Foreign), "another server there");
        assert_eq!(check("null", "chat.example.org"), Err(OriginError::Foreign));
    }
}
