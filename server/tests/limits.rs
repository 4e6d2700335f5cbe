//! The connection limits.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod common;

use std::{io::Read as _, net::TcpStream, sync::atomic::Ordering::Relaxed};

use common::{Client, PATIENCE, Socket, TestServer, eventually};
use parlour_core::codec;
use parlour_server::config::Span;

/// The resident memory of this process, which contains the server, in bytes; 0 if unknown.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

#[test]
fn ten_thousand_connections_from_one_address() {
    let server = TestServer::with(|config| {
        config.max_connections_per_address = 100;
        // The connections stay open without a login, however long the test takes.
        config.login_timeout = Span::seconds(3_600);
    });
    let mut witness = Client::login(server.address, "witness");
    witness.send_message("before");
    let before = resident();
    let (mut open, mut refused) = (Vec::new(), 0);
    for n in 0..10_000 {
        match Socket::open(server.address, "") {
            Ok(socket) => open.push(socket),
            Err(error) => {
                assert!(error.to_string().contains(" 429 "), "{error}");
                refused += 1;
            }
        }
        if n % 1000 == 0 {
            witness.send_message(&format!("while {n}"));
        }
    }
    assert_eq!((open.len(), refused), (99, 9_901));
    assert_eq!(server.stats.rejected.load(Relaxed), 9_901);
    eventually("the open connections are counted", || server.sockets() == 100);
    drop(open);
    eventually("connections are closed", || server.sockets() == 1);
    eventually("TCP connections are closed", || server.stats.tcp.load(Relaxed) == 1);
    assert!(Socket::open(server.address, "").is_ok(), "a permit is free again");
    witness.send_message("after");
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes are not freed");
}

#[test]
fn silent_connections_are_closed() {
    let server = TestServer::with(|config| {
        config.max_connections_per_address = 50;
        // Longer than it takes to open all of them on a busy machine.
        config.header_timeout = Span::seconds(5);
    });
    let mut witness = Client::login(server.address, "witness");
    let mut silent: Vec<_> = (0..1000).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    eventually("most are rejected", || server.stats.rejected.load(Relaxed) > 800);
    assert!(server.stats.tcp.load(Relaxed) <= 50 + 64);
    let mut answer = String::new();
    let last = silent.last_mut().unwrap();
    last.set_read_timeout(Some(PATIENCE)).unwrap();
    last.read_to_string(&mut answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    witness.send_message("still here");
    eventually("the silent connections are closed", || server.stats.tcp.load(Relaxed) == 1);
    drop(silent);
}

#[test]
fn full_server_refuses_connections() {
    let server = TestServer::with(|config| config.max_connections = 2);
    let first = Client::login(server.address, "tom");
    let _second = Client::login(server.address, "lili");
    let refused = Socket::open(server.address, "").unwrap_err();
    assert!(refused.to_string().contains(" 503 "), "{refused}");
    drop(first);
    eventually("a permit is free again", || Socket::open(server.address, "").is_ok());
}

#[test]
fn trusted_proxy_determines_the_address() {
    let server = TestServer::with(|config| {
        config.max_connections_per_address = 1;
        config.trust_proxy = true;
    });
    let from =
        |address: &str| Socket::open(server.address, &format!("X-Forwarded-For: 9.9.9.9, {address}\r\n"));
    let first = from("1.1.1.1").unwrap();
    assert!(from("1.1.1.1").is_err());
    let second = from("1.1.1.2").unwrap();
    eventually("both are connected", || server.sockets() == 2);
    drop((first, second));
    eventually("a permit is free again", || from("1.1.1.1").is_ok());
}

#[test]
fn reconnecting_gives_no_new_burst() {
    let server = TestServer::with(|config| (config.messages_per_minute, config.burst) = (1, 5));
    let mut published = 0;
    let mut secret = vec![];
    for leaves in [false, false, true, true, false] {
        let mut client = Client::connect(server.address);
        client.send_login("tom", &secret);
        client.until(|c| c.welcome.is_some());
        secret.clone_from(&client.welcome.as_ref().unwrap().secret);
        for _ in 0..6 {
            client.talk("hi");
        }
        client.until(|c| c.acks().len() + c.refusals().len() == 6);
        published += client.acks().len();
        if leaves {
            client.send(&codec::exit("tom"));
            client.until_closed();
        }
        drop(client);
        eventually("the connection has ended", || server.members() == 0);
    }
    // One more if the test takes a minute.
    assert!((5..=6).contains(&published), "{published}");
}
