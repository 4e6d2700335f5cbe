//! Shutdown of the server, in process and as a program.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod common;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::Instant,
};

use common::{Client, Desktop, Dir, Message, PATIENCE, Socket, TestServer};
use parlour_core::{codec::Extension, status::Status};
use parlour_server::config::Span;

#[test]
fn shutdown_closes_all_connections() {
    // The connections end by themselves.
    let mut server = TestServer::with(|config| config.shutdown_timeout = Span::seconds(60));
    let mut rich = Client::login(server.address, "lili");
    let mut desktop = Desktop::join(server.address, "tom").unwrap();
    let mut unauthenticated = Client::connect(server.address);
    rich.send_message("a last word");
    server.stop();
    rich.until(|c| c.frames.iter().any(|f| matches!(f.extension, Some(Extension::GoingAway(_)))));
    assert_eq!(rich.until_closed(), Some(Status::ShuttingDown.code()));
    assert_eq!(desktop.until_closed().unwrap(), Message::Close(Some(1001)));
    assert_eq!(unauthenticated.until_closed(), Some(Status::ShuttingDown.code()));
    assert!(desktop.shows("lili:a last word"));
    drop((rich, desktop, unauthenticated));
    server.join().unwrap();
    assert_eq!((server.sockets(), server.members()), (0, 0));
    assert!(Socket::open(server.address, "").is_err(), "the listener is closed");
}

#[test]
fn shutdown_does_not_wait_for_unresponsive_peers() {
    let mut server = TestServer::start();
    let mut unresponsive = Client::login(server.address, "unresponsive");
    let begun = Instant::now();
    server.stop();
    server.join().unwrap();
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(unresponsive.until_closed(), Some(Status::ShuttingDown.code()));
}

/// The program with its own log directory; killed when dropped.
struct Program(Child, #[allow(dead_code, reason = "removed when dropped")] Dir);

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let dir = Dir::new();
        let program = Command::new(env!("CARGO_BIN_EXE_parlour-server"))
            .arg("--data-dir")
            .arg(dir.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self(program.unwrap(), dir)
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        self.0.stderr.as_mut().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn program_prints_its_address_and_stops_on_request() {
    let mut program = Program::start(&["--listen", "127.0.0.1:0", "--log-format", "json"]);
    let line = program.first_line();
    let address =
        line.strip_prefix("Parlour listens on http://").and_then(|l| l.strip_suffix("/\n")).unwrap();
    let address: std::net::SocketAddr = address.parse().unwrap();
    let mut client = Client::login(address, "lili");
    client.send_message("hello log");

    // A second server on the same port prints one line that says what to do.
    let mut second = Program::start(&["--listen", &address.to_string()]);
    assert_eq!(second.0.wait().unwrap().code(), Some(1));
    let sentence = second.errors();
    assert!(sentence.contains("is in use") && sentence.lines().count() == 1, "{sentence}");

    let killed = Command::new("kill").arg(program.0.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert_eq!(client.until_closed(), Some(Status::ShuttingDown.code()));
    client.socket.send(8, &4500_u16.to_be_bytes()).unwrap();
    drop(client);
    assert_eq!(program.0.wait().unwrap().code(), Some(0));
    let log = program.errors();
    let opened = log.lines().filter(|l| l.contains("connection opened")).count();
    let ended: Vec<_> = log.lines().filter(|l| l.contains("connection ended")).collect();
    assert_eq!((opened, ended.len()), (1, 1), "{log}");
    for part in ["\"dialect\":\"rich\"", "\"agent\":\"test\"", "\"address\":\"127.0.0.1\"", "\"code\":4500"] {
        assert!(ended[0].contains(part), "{part}: {log}");
    }
    assert!(!log.contains("hello log"), "diagnostics must not contain messages");
}

#[test]
fn program_that_has_just_started_stops_on_request() {
    for signal in ["TERM", "INT"] {
        let mut program = Program::start(&["--listen", "127.0.0.1:0"]);
        assert!(program.first_line().starts_with("Parlour listens on "));
        let sent = Command::new("kill").args(["-s", signal, &program.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(program.0.wait().unwrap().code(), Some(0), "{signal}: {}", program.errors());
    }
}

#[test]
fn invalid_settings_are_reported_in_one_sentence() {
    let mut program = Program::start(&["--nick-chars", "99"]);
    assert_eq!(program.0.wait().unwrap().code(), Some(1));
    assert_eq!(program.errors(), "nick_chars must be at most 32.\n");
    let mut program = Program::start(&["--assets", "/nowhere/at/all", "--listen", "127.0.0.1:0"]);
    assert_eq!(program.0.wait().unwrap().code(), Some(1));
    assert!(program.errors().starts_with("The page can't be read"));
}
