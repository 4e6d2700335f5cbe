//! Files of the page that cannot be read.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::symlink,
};

use crate::{
    common::{Dir, Socket},
    program::Program,
};

#[test]
fn files_that_cannot_be_read_are_logged_once() {
    let dir = Dir::new();
    for name in ["index.html", "main.js"] {
        // A link to itself cannot be resolved, whoever asks.
        symlink(dir.path().join(name), dir.path().join(name)).unwrap();
    }
    let mut program = Program::start(&["--listen", "127.0.0.1:0", "--assets", dir.path().to_str().unwrap()]);
    let address = program.address();
    for path in ["/", "/main.js", "/"] {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{path}: {answer}");
    }
    // The line of a later event.
    Socket::open(address, "").unwrap();
    program.until_logged("connection opened");
    let lines = program.logged("can't be read");
    assert!(lines.len() == 1 && lines[0].contains("index.html"), "{lines:#?}");
}
