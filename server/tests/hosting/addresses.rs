//! The addresses the program listens on.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{
    common::{Socket, port::free_port},
    program::Program,
};

fn listen(addresses: &[&str], port: u16) -> Program {
    let addresses: Vec<_> = addresses.iter().map(|ip| format!("{ip}:{port}")).collect();
    let mut program = Program::start(&["--listen", &addresses.join(",")]);
    let (code, errors) = loop {
        if !program.printed().is_empty() {
            return program;
        }
        if program.has_ended() {
            break program.end();
        }
        std::thread::yield_now();
    };
    panic!("{addresses:?}: {code:?} {errors}");
}

fn answers(address: SocketAddr) -> bool {
    Socket::open(address, "").is_ok()
}

#[test]
fn both_versions_of_ip_are_served_on_one_port() {
    for addresses in [["0.0.0.0", "[::]"], ["[::]", "0.0.0.0"], ["127.0.0.1", "[::]"]] {
        let port = free_port();
        let _program = listen(&addresses, port);
        assert!(answers((Ipv4Addr::LOCALHOST, port).into()), "{addresses:?}");
        assert!(answers((Ipv6Addr::LOCALHOST, port).into()), "{addresses:?}");
    }
}

#[test]
fn unspecified_ipv6_address_alone_serves_ipv4_too() {
    let port = free_port();
    let _program = listen(&["[::]"], port);
    assert!(answers((Ipv4Addr::LOCALHOST, port).into()));
    assert!(answers((Ipv6Addr::LOCALHOST, port).into()));
}

#[test]
fn ipv4_mapped_address_is_the_ipv4_address() {
    let port = free_port();
    for addresses in [&["[::ffff:127.0.0.1]"][..], &["[::ffff:127.0.0.1]", "127.0.0.1"]] {
        let program = listen(addresses, port);
        assert_eq!(program.printed(), [format!("Parlour listens on http://127.0.0.1:{port}/")]);
        assert!(answers((Ipv4Addr::LOCALHOST, port).into()));
    }
}

#[test]
fn suggested_address_of_a_port_in_use_can_be_typed() {
    for (ip, suggested_ip) in [("[::1]", "[::1]"), ("[::ffff:127.0.0.1]", "127.0.0.1"), ("[::]", "[::]")] {
        let port = free_port();
        let _first = listen(&[ip], port);
        let mut second = Program::start(&["--listen", &format!("{ip}:{port}")]);
        let (code, errors) = second.end();
        assert_eq!(code, Some(1));
        let suggestion = errors.rsplit_once("--listen ").unwrap().1.trim_end_matches('.');
        assert_eq!(suggestion, format!("{suggested_ip}:{}", port + 1), "{errors}");
        let parsed: SocketAddr = suggestion.parse().unwrap();
        assert_eq!(parsed.port(), port + 1);
    }
}
