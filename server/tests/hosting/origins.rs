//! Pages that may not connect, and what the operator reads about them.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use parlour_core::status::Status;

use crate::{common::PATIENCE, program::Program};

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n";

/// Sends a request for a WebSocket with these headers, and returns the response's status and text.
fn open(address: SocketAddr, headers: &str) -> (u16, String) {
    request(address, "/ws", &format!("{UPGRADE}{headers}"))
}

/// Sends the same request, but asks the server to refuse it by a Close, and sends a login at once. Returns everything that
/// follows the handshake until the server ends the connection.
fn open_to_be_closed(address: SocketAddr, headers: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("GET /ws?refusal=close HTTP/1.1\r\n{UPGRADE}{headers}\r\n").into_bytes();
    // userName "tom", type "talk", masked with zeros.
    request.extend([0x81, 0x80 | 11, 0, 0, 0, 0]);
    request.extend(b"\x0A\x03tom\x12\x04talk");
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    answer.split_off(head)
}

fn request(address: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\n{headers}\r\n").unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    // A WebSocket stays open after the head.
    while !answer.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).unwrap();
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
}

/// The code of a Close frame, which has to be the only one.
fn close_code(received: &[u8]) -> u16 {
    let [0x88, length, high, low, ..] = *received else { panic!("{received:?}") };
    assert_eq!(usize::from(length), received.len() - 2, "{received:?}");
    u16::from_be_bytes([high, low])
}

fn start(arguments: &[&str]) -> (Program, SocketAddr) {
    let mut program = Program::start(&[&["--listen", "127.0.0.1:0"], arguments].concat());
    let address = program.address();
    (program, address)
}

#[test]
fn refused_origin_is_logged_with_the_setting_that_allows_it() {
    let (program, address) = start(&[]);
    // As behind nginx with `$host`, which has no port, and `listen 8443`.
    let headers =
        "Host: chat.example.org\r\nOrigin: https://chat.example.org:8443\r\nX-Forwarded-For: 1.1.1.1\r\n";
    for _ in 0..10 {
        let (status, text) = open(address, headers);
        assert_eq!(status, 403);
        assert!(text.contains("$http_host") && text.contains("allow_origin"), "{text}");
    }
    let line = program.until_logged("a page was refused");
    for part in [
        "https://chat.example.org:8443",
        "host=\"chat.example.org\"",
        "$http_host",
        "setting=\"allow_origin\"",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(open(address, &format!("Host: {address}\r\nOrigin: https://www.example.net\r\n")).0, 403);
    let line = program.until_logged("https://www.example.net");
    assert!(line.contains("setting=\"allow_origin\"") && line.contains("not_logged=9"), "{line}");
    assert_eq!(program.logged("a page was refused").len(), 2);
}

#[test]
fn page_under_an_unknown_host_name_is_refused() {
    let (program, address) = start(&[]);
    // DNS rebinding: evil.example points to this server.
    let rebound = format!("Host: evil.example:{0}\r\nOrigin: http://evil.example:{0}\r\n", address.port());
    let (status, text) = open(address, &rebound);
    assert_eq!(status, 403);
    assert!(text.contains("allow_host"), "{text}");
    let line = program.until_logged("a page was refused");
    for part in ["http://evil.example:", "host=\"evil.example:", "setting=\"allow_host\""] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // Whoever opens the page under a name that was forgotten in the settings reads why it does not work.
    for path in ["/", "/config.json"] {
        let (status, text) = request(address, path, "Host: chat.example.org:80\r\n");
        assert_eq!(status, 421, "{path}");
        assert!(text.contains("--allow-host chat.example.org,"), "{text}");
    }
    assert_eq!(request(address, "/healthz", "Host: any.example.org\r\n").0, 200);
    // Behind a proxy the page may have been loaded over https.
    assert_eq!(request(address, "/", "Host: chat.example.org\r\nX-Forwarded-For: 1.1.1.1\r\n").0, 200);
    let secure = "Host: chat.example.org\r\nOrigin: https://chat.example.org\r\nX-Forwarded-For: 1.1.1.1\r\n";
    assert_eq!(open(address, secure).0, 101);
    for host in
        [format!("localhost:{}", address.port()), address.to_string(), "nas.local".into(), "[::1]:80".into()]
    {
        assert_eq!(open(address, &format!("Host: {host}\r\nOrigin: http://{host}\r\n")).0, 101, "{host}");
        assert_eq!(request(address, "/", &format!("Host: {host}\r\n")).0, 200, "{host}");
    }
    assert_eq!(open(address, "Host: evil.example\r\n").0, 101, "not a browser");
}

#[test]
fn refused_page_that_asks_for_the_reason_is_closed_with_it() {
    let (program, address) = start(&[]);
    let port = address.port();
    for (host, origin, status) in [
        (address.to_string(), "https://www.example.net".to_owned(), Status::PageNotAllowed),
        ("localhost".to_owned(), format!("http://localhost:{port}"), Status::PortRemoved),
        (format!("evil.example:{port}"), format!("http://evil.example:{port}"), Status::HostNotServed),
    ] {
        let headers = format!("Host: {host}\r\nOrigin: {origin}\r\n");
        assert_eq!(close_code(&open_to_be_closed(address, &headers)), status.code(), "{origin}");
        assert_eq!(open(address, &headers).0, 403, "{origin}");
    }
    program.until_logged("https://www.example.net");

    // The same for other reasons.
    let (_program, address) = start(&["--max-connections-per-address", "1"]);
    let mut connected = TcpStream::connect(address).unwrap();
    write!(connected, "GET /ws HTTP/1.1\r\n{UPGRADE}Host: {address}\r\n\r\n").unwrap();
    let mut status = [0; 12];
    connected.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 101");
    let received = open_to_be_closed(address, &format!("Host: {address}\r\n"));
    assert_eq!(close_code(&received), Status::TooManyConnections.code());
}

#[test]
fn host_names_of_the_settings_are_served() {
    let (_program, address) =
        start(&["--allow-host", "chat.example.org,*.example.net", "--allow-origin", "http://page.example"]);
    for host in
        ["chat.example.org", "chat.example.org:8080", "a.example.net", "page.example", "page.example:81"]
    {
        assert_eq!(open(address, &format!("Host: {host}\r\nOrigin: http://{host}\r\n")).0, 101, "{host}");
        assert_eq!(request(address, "/", &format!("Host: {host}\r\n")).0, 200, "{host}");
    }
    assert_eq!(open(address, "Host: example.net\r\nOrigin: http://example.net\r\n").0, 403);
    for flags in [["--allow-host", "*"], ["--allow-origin", "*"]] {
        let (_program, address) = start(&flags);
        assert_eq!(open(address, "Host: any.example\r\nOrigin: http://any.example\r\n").0, 101, "{flags:?}");
    }
}
