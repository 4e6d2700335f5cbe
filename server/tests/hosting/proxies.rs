//! Headers of reverse proxies.

use std::net::SocketAddr;

use crate::{
    common::{Socket, eventually},
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
