//! The origin check. Browsers let any page on the web open a WebSocket, and send the page's origin in `Origin`.

use axum::http::{
    HeaderMap,
    header::{HOST, ORIGIN},
};

/// Whether a request may open a WebSocket. One without `Origin` does not come from a browser and may.
///
/// An origin may connect if its host and port are those of the request, or if it is listed in `allowed`
/// (whole origins, as `https://chat.example.org`, or `*`). Behind a trusted proxy, the host in
/// `X-Forwarded-Host` counts as well.
#[must_use]
pub fn may_connect(headers: &HeaderMap, allowed: &[String], trust_proxy: bool) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    if allowed.iter().any(|entry| entry == "*") {
        return true;
    }
    let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
    if allowed.iter().any(|entry| entry.trim_end_matches('/').eq_ignore_ascii_case(origin)) {
        return true;
    }
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let page = split(authority, port);
    let forwarded = trust_proxy.then(|| headers.get("x-forwarded-host")).flatten();
    headers
        .get(HOST)
        .into_iter()
        .chain(forwarded)
        .filter_map(|value| value.to_str().ok())
        .any(|host| same(split(host.trim(), port), page))
}

/// Host and port; the default port if there is none.
fn split<'a>(authority: &'a str, default: &'a str) -> (&'a str, &'a str) {
    match authority.rsplit_once(':') {
        // The colons inside an IPv6 address precede its bracket.
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, default),
    }
}

fn same(a: (&str, &str), b: (&str, &str)) -> bool {
    !a.0.is_empty() && a.0.eq_ignore_ascii_case(b.0) && a.1 == b.1
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(
        origin: &'static str,
        host: &'static str,
        allowed: &[&str],
        forwarded: Option<&'static str>,
    ) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(forwarded) = forwarded {
            headers.insert("x-forwarded-host", HeaderValue::from_static(forwarded));
        }
        let allowed: Vec<_> = allowed.iter().map(|&s| s.to_owned()).collect();
        may_connect(&headers, &allowed, forwarded.is_some())
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
        assert!(!check("http://a.example", "b.example", &["https://a.example"], None));
        assert!(check("https://a.example", "10.0.0.1:8080", &[], Some("a.example")));
        assert!(may_connect(&HeaderMap::new(), &[], false));
    }

    #[test]
    fn several_origins_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("a"));
        headers.append(ORIGIN, HeaderValue::from_static("http://a"));
        headers.append(ORIGIN, HeaderValue::from_static("http://b"));
        assert!(!may_connect(&headers, &[], false));
    }
}
