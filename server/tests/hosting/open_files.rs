//! The limit of open files.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use crate::{
    common::{PATIENCE, eventually},
    program::Program,
};

/// Returns `true` if the server answers a request.
fn is_healthy(address: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.starts_with("HTTP/1.1 200 ")
}

#[test]
fn exhausted_open_files_are_logged_once_with_advice() {
    let mut program = Program::start_with_open_files(64, &["--listen", "127.0.0.1:0"]);
    let address = program.address();
    let warning = program.until_logged("too low for max_connections");
    assert!(warning.contains("LimitNOFILE") && warning.contains("limit=64"), "{warning}");

    let idle: Vec<_> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
    let line = program.until_logged("can't be accepted");
    for part in ["LimitNOFILE=65536", "ulimit -n", "max_connections", "Too many open files"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // Connections that end make room. Each round is refused many times before.
    drop(idle);
    assert!(is_healthy(address));
    for _ in 0..5 {
        let idle: Vec<_> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
        drop(idle);
        eventually("the server answers again", || is_healthy(address));
    }
    assert_eq!(program.logged("can't be accepted").len(), 1, "{:#?}", program.logged(""));
}
