use axum::http::{HeaderName, HeaderValue};

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn proxies(networks: &[&str]) -> TrustedProxies {
    let networks = networks.iter().map(|text| text.parse::<Network>().unwrap().canonical()).collect();
    TrustedProxies { enabled: true, networks, ..TrustedProxies::default() }
}

const PROXY: &str = "10.0.0.1";

fn client(lines: &[(&str, &str)]) -> IpAddr {
    proxies(&[]).client_address(ip(PROXY), &headers(lines))
}

#[test]
fn forwarded_address_is_used_only_behind_trusted_proxy() {
    let mut headers = HeaderMap::new();
    let (none, any) = (TrustedProxies::default(), proxies(&[]));
    headers.insert("x-forwarded-for", HeaderValue::from_static("1.1.1.1, 2.2.2.2"));
    assert_eq!(none.client_address(ip("10.0.0.1"), &headers), ip("10.0.0.1"));
    assert_eq!(any.client_address(ip("10.0.0.1"), &headers), ip("2.2.2.2"));
    headers.insert("x-forwarded-for", HeaderValue::from_static("unknown"));
    assert_eq!(any.client_address(ip("10.0.0.1"), &headers), ip("10.0.0.1"));
}

#[test]
fn addresses_are_read_in_all_forms_that_proxies_send() {
    for (sent, address) in [
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.3.4:5678", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[::ffff:1.2.3.4]:443", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("\"[2001:db8::1]:443\"", "2001:db8::1"),
        ("9.9.9.9,1.2.3.4:5678", "1.2.3.4"),
        ("9.9.9.9 ,\t1.2.3.4 ", "1.2.3.4"),
        ("1.2.3.4,", "1.2.3.4"),
    ] {
        assert_eq!(client(&[("x-forwarded-for", sent)]), ip(address), "{sent}");
    }
    for sent in [
        "unknown",
        "_hidden",
        "1.2.3",
        "1.2.3.4:",
        "1.2.3.4:5:6",
        "1.2.3.4 5",
        "[1.2.3.4]:5",
        "[::1",
        "::1]",
        "[::1]x",
        "1.2.3.4\u{e9}",
        ",",
        "",
        "chat.example.org",
        "9.9.9.9, unknown",
    ] {
        assert_eq!(client(&[("x-forwarded-for", sent)]), ip(PROXY), "{sent}");
    }
}

#[test]
fn standard_header_is_read() {
    for (sent, address) in [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
        ("for=\"192.0.2.43:_port\"", "192.0.2.43"),
        ("for=192.0.2.43:47011", "192.0.2.43"),
        ("for=[2001:db8::1];host=chat.example.org", "2001:db8::1"),
        ("host=\"a,b;c\\\"d\" ; FOR=192.0.2.43", "192.0.2.43"),
        ("for=192.0.2.43;;, ,", "192.0.2.43"),
    ] {
        assert_eq!(client(&[("forwarded", sent)]), ip(address), "{sent}");
    }
    for sent in [
        "for=unknown",
        "for=_gazonk",
        "proto=https",
        "for",
        "=1.1.1.1",
        "for=\"1.1.1.1",
        "for=\"1.1.1.1\"x",
        "for=1.1.1.1 for=2.2.2.2",
        "x y=1;for=1.1.1.1",
        "for=9.9.9.9, proto=https",
    ] {
        assert_eq!(client(&[("forwarded", sent)]), ip(PROXY), "{sent}");
    }
}

#[test]
fn clients_cannot_forge_their_address() {
    // The proxy appends the client's address, 2.2.2.2, to what the client sent.
    for sent in ["1.1.1.1", "unknown", "\"", "1.1.1.1, \"", ","] {
        assert_eq!(client(&[("x-forwarded-for", &format!("{sent}, 2.2.2.2"))]), ip("2.2.2.2"), "{sent}");
        assert_eq!(
            client(&[("x-forwarded-for", sent), ("x-forwarded-for", "2.2.2.2")]),
            ip("2.2.2.2"),
            "{sent}"
        );
    }
    for sent in ["for=1.1.1.1", "for=unknown", "for=1.1.1.1;host=x", ";", ","] {
        assert_eq!(client(&[("forwarded", &format!("{sent}, for=2.2.2.2"))]), ip("2.2.2.2"), "{sent}");
    }
    // An open quote hides where the proxy's own element begins, so such a client counts as the proxy.
    for own in ["for=2.2.2.2", "for=\"[2001:db8::1]\""] {
        for sent in ["for=\"", "for=1.1.1.1;x=\"", "for=1.1.1.1;x=\"\\"] {
            assert_eq!(client(&[("forwarded", &format!("{sent}, {own}"))]), ip(PROXY), "{sent}");
        }
    }
    // A proxy that sets one header usually passes on the other.
    assert_eq!(client(&[("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "2.2.2.2")]), ip("2.2.2.2"));
}

#[test]
fn client_is_the_last_hop_that_is_not_a_trusted_proxy() {
    let two = proxies(&["10.0.0.0/8", "2001:db8::/32", "::ffff:192.0.2.0/120"]);
    for (sent, address) in [
        ("1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("9.9.9.9, 1.1.1.1, 10.9.9.9:80, [2001:db8::1]:443, 192.0.2.7", "1.1.1.1"),
        ("1.1.1.1", "1.1.1.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("1.1.1.1, unknown, 10.0.0.2", "10.0.0.2"),
    ] {
        assert_eq!(
            two.client_address(ip(PROXY), &headers(&[("x-forwarded-for", sent)])),
            ip(address),
            "{sent}"
        );
    }
    // Who connects without the proxy is not believed.
    let headers = headers(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-host", "chat.example.org")]);
    assert_eq!(two.client_address(ip("203.0.113.9"), &headers), ip("203.0.113.9"));
    assert_eq!(two.client_address(ip("::ffff:10.0.0.1"), &headers), ip("1.1.1.1"));
    assert!(two.hosts(ip("203.0.113.9"), &headers).is_empty());
    assert!(!TrustedProxies::default().trusts(ip(PROXY)));
}

#[test]
fn all_reported_hosts_are_known() {
    type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);
    let any = proxies(&[]);
    let cases: [Case; 6] = [
        (&[("x-forwarded-host", "chat.example.org, inner")], &["chat.example.org", "inner"]),
        (&[("x-forwarded-host", "a"), ("x-forwarded-host", "b:1,")], &["a", "b:1"]),
        (&[("forwarded", "for=1.1.1.1;host=\"chat.example.org:8443\"")], &["chat.example.org:8443"]),
        (
            &[("x-forwarded-host", "a,b:1,[::1],::2,[::1]:2"), ("x-forwarded-port", "8443")],
            &["a", "b:1", "[::1]", "::2", "[::1]:2", "a:8443", "[::1]:8443", "[::2]:8443"],
        ),
        (&[("x-forwarded-host", "a"), ("x-forwarded-port", "https")], &["a"]),
        (&[], &[]),
    ];
    for (lines, hosts) in cases {
        assert_eq!(any.hosts(ip(PROXY), &headers(lines)), hosts, "{lines:?}");
    }
}

#[test]
fn many_hosts_and_ports_are_not_multiplied() {
    // As many as fit into the headers of a request.
    let (hosts, ports) = ("a,".repeat(4_000), "1,".repeat(4_000));
    let headers = headers(&[("x-forwarded-host", &hosts), ("x-forwarded-port", &ports)]);
    let reported = proxies(&[]).hosts(ip(PROXY), &headers);
    assert!(reported.len() <= 2 * MAX_HOSTS * (1 + MAX_PORTS), "{}", reported.len());
    // The nearest proxies add their entries at the end.
    let headers = self::headers(&[
        ("x-forwarded-host", &format!("{hosts}chat.example.org")),
        ("x-forwarded-port", &format!("{ports}8443")),
    ]);
    assert!(proxies(&[]).hosts(ip(PROXY), &headers).contains(&"chat.example.org:8443".to_owned()));
}

proptest! {
    #[test]
    fn nothing_that_a_client_sends_changes_its_address(sent in "[ -~\t]{0,40}", quoted in "[\",;=\\\\for 1.:\\[\\]]{0,24}") {
        for sent in [sent, quoted] {
            // What the proxy makes of it: one line, or two.
            let line = format!("{sent}, 2.2.2.2");
            prop_assert_eq!(client(&[("x-forwarded-for", &line)]), ip("2.2.2.2"));
            prop_assert_eq!(client(&[("x-forwarded-for", &sent), ("x-forwarded-for", "2.2.2.2")]), ip("2.2.2.2"));
            let line = format!("{sent}, for=\"[2001:db8::1]:80\"");
            // A malformed line says nothing, so the client counts as the proxy.
            let known = [ip("2001:db8::1"), ip(PROXY)];
            prop_assert!(known.contains(&client(&[("forwarded", &line)])), "{}", line);
            let lines = [("forwarded", &*sent), ("forwarded", "for=\"[2001:db8::1]:80\"")];
            prop_assert_eq!(client(&lines), known[0]);
        }
    }
}
