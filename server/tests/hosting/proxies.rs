//! Headers of reverse proxies.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use crate::{
    common::{PATIENCE, Socket, eventually},
    program::Program,
};

/// Starts the program behind a proxy, with this many connections per address.
fn start(limit: &str, arguments: &[&str]) -> (Program, SocketAddr) {
    let proxied = ["--listen", "127.0.0.1:0", "--trust-proxy", "--max-connections-per-address", limit];
    let mut program = Program::start(&[&proxied, arguments].concat());
    let address = program.address();
    (program, address)
}

#[test]
fn users_are_told_apart_by_what_the_proxy_reports() {
    for [first, second, first_again] in [
        [
            "X-Forwarded-For: 1.2.3.4:5678",
            "X-Forwarded-For: 1.2.3.5:5678",
            "X-Forwarded-For: 9.9.9.9, 1.2.3.4:1",
        ],
        [
            "X-Forwarded-For: [2001:db8::1]:443",
            "X-Forwarded-For: [2001:db8:0:1::1]:443",
            "X-Forwarded-For: 2001:db8::2",
        ],
        [
            "Forwarded: for=\"[2001:db8::1]:443\"",
            "Forwarded: for=1.2.3.4",
            "Forwarded: for=x, For=\"[2001:db8::1]\"",
        ],
    ] {
        let (program, address) = start("1", &[]);
        let open = |header: &str| Socket::open(address, &format!("{header}\r\n"));
        let _first = open(first).unwrap();
        let _second = open(second).unwrap();
        let refused = open(first_again).unwrap_err();
        assert!(refused.to_string().contains(" 429 "), "{first_again}: {refused}");
        assert!(program.logged("trust_proxy").is_empty(), "{:#?}", program.logged(""));
    }
}

#[test]
fn unreadable_addresses_are_logged_once() {
    let (program, address) = start("0", &[]);
    for header in ["X-Forwarded-For: unknown", "X-Forwarded-For: 1.1.1.1, what", "Forwarded: for=\"1.1.1.1"] {
        Socket::open(address, &format!("{header}\r\n")).unwrap();
    }
    let line = program.until_logged("can't be read");
    assert!(line.contains("trust_proxy") && line.contains("x_forwarded_for=\"unknown\""), "{line}");
    Socket::open(address, "").unwrap();
    let line = program.until_logged("sends neither");
    assert!(line.contains("proxy=127.0.0.1"), "{line}");
    for _ in 0..3 {
        Socket::open(address, "").unwrap();
    }
    eventually("all are connected", || program.logged("connection ended").len() == 7);
    assert_eq!((program.logged("can't be read").len(), program.logged("sends neither").len()), (1, 1));
}

#[test]
fn chain_of_known_proxies_is_followed() {
    let (_program, address) = start("1", &["--proxy-addresses", "127.0.0.0/8,10.0.0.0/8"]);
    let open = |list: &str| Socket::open(address, &format!("X-Forwarded-For: {list}\r\n"));
    let _first = open("1.1.1.1, 10.0.0.2").unwrap();
    let _second = open("1.1.1.2, 10.0.0.2").unwrap();
    assert!(open("9.9.9.9, 1.1.1.1").is_err());
    // Who connects from elsewhere is not believed.
    let (_program, address) = start("1", &["--proxy-addresses", "10.0.0.0/8"]);
    let open = |list: &str| Socket::open(address, &format!("X-Forwarded-For: {list}\r\n"));
    let _first = open("1.1.1.1").unwrap();
    assert!(open("1.1.1.2").is_err());
}

#[test]
fn any_host_of_the_proxies_may_be_that_of_the_page() {
    let (_program, address) = start("0", &[]);
    for headers in [
        "X-Forwarded-Host: chat.example.org, inner",
        "X-Forwarded-Host: inner, chat.example.org:443",
        "Forwarded: for=1.1.1.1;host=chat.example.org;proto=https",
        "Forwarded: for=1.1.1.1;host=inner, for=10.0.0.1;host=\"chat.example.org:443\"",
    ] {
        let origin =
            |host: &str| format!("Origin: https://{host}\r\nX-Forwarded-For: 1.1.1.1\r\n{headers}\r\n");
        Socket::open(address, &origin("chat.example.org"))
            .unwrap_or_else(|error| panic!("{headers}: {error}"));
        let refused = Socket::open(address, &origin("other.example.org")).unwrap_err();
        assert!(refused.to_string().contains(" 403 "), "{headers}: {refused}");
    }
}

#[test]
fn any_port_of_the_proxies_may_be_that_of_the_page() {
    let (_program, address) = start("0", &[]);
    let origin = "Origin: https://chat.example.org:8443\r\nX-Forwarded-For: 1.1.1.1\r\n";
    let hosts = "X-Forwarded-Host: chat.example.org\r\n";
    for ports in ["8443", "8443, 8080", "80,8443", "80\r\nX-Forwarded-Port: 8443"] {
        Socket::open(address, &format!("{origin}{hosts}X-Forwarded-Port: {ports}\r\n"))
            .unwrap_or_else(|error| panic!("{ports}: {error}"));
    }
    for ports in ["443", "443, 80", ""] {
        assert!(Socket::open(address, &format!("{origin}{hosts}X-Forwarded-Port: {ports}\r\n")).is_err());
    }
}

#[test]
fn who_connects_past_the_proxies_cannot_use_up_their_connections() {
    // 64 more than WebSockets, for the page.
    const ALLOWED: usize = 1 + 64;
    for (proxies, is_limited) in [("10.0.0.0/8", true), ("127.0.0.0/8", false)] {
        let (_program, address) = start("1", &["--proxy-addresses", proxies, "--header-timeout", "3s"]);
        let mut silent: Vec<_> = (0..=ALLOWED).map(|_| TcpStream::connect(address).unwrap()).collect();
        let last = silent.last_mut().unwrap();
        last.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        // Without a request the server answers only who is over the limit, and closes the others.
        let _ = last.read_to_string(&mut answer);
        assert_eq!(answer.starts_with("HTTP/1.1 429 "), is_limited, "{proxies}: {answer:?}");
    }
}

#[test]
fn users_of_a_proxy_that_is_not_trusted_are_explained_in_the_log() {
    let mut program = Program::start(&["--listen", "127.0.0.1:0", "--max-connections-per-address", "1"]);
    let address = program.address();
    let _first = Socket::open(address, "X-Forwarded-For: 1.1.1.1\r\n").unwrap();
    for _ in 0..3 {
        let refused = Socket::open(address, "X-Forwarded-For: 1.1.1.2\r\n").unwrap_err();
        assert!(refused.to_string().contains(" 429 "), "{refused}");
    }
    let line = program.until_logged("too many connections");
    assert!(line.contains("setting=\"trust_proxy\"") && line.contains("address=127.0.0.1"), "{line}");
    assert_eq!(program.logged("too many connections").len(), 1, "once");
    // Behind a trusted one it is the limit itself.
    let (program, address) = start("1", &[]);
    let open = || Socket::open(address, "X-Forwarded-For: 1.1.1.1\r\n");
    let _first = open().unwrap();
    assert!(open().is_err());
    let line = program.until_logged("too many connections");
    assert!(
        line.contains("setting=\"max_connections_per_address\"") && line.contains("address=1.1.1.1"),
        "{line}"
    );
}

#[test]
fn proxy_that_removes_the_upgrade_is_explained_in_the_log() {
    let (program, address) = start("0", &[]);
    // As nginx sends it without `proxy_http_version` and `proxy_set_header Upgrade`.
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET /ws HTTP/1.0\r\nHost: chat.example.org\r\nConnection: close\r\nX-Forwarded-For: 1.1.1.1\r\n\
             Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 426 "), "{answer}");
    }
    let line = program.until_logged("without the header Upgrade");
    assert!(line.contains("$http_upgrade") && line.contains("chat.example.org"), "{line}");
    assert_eq!(program.logged("without the header Upgrade").len(), 1);
    // Somebody who opens the address in a browser is no reason for a warning.
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /ws HTTP/1.1\r\nHost: other.example.org\r\nConnection: close\r\n\r\n").unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
    assert!(program.logged("other.example.org").is_empty());
}
