//! Section 4.2: requirements of a client's handshake, and the response.

use std::{
    fmt,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use crate::common::PATIENCE;

/// A handshake.
pub struct Handshake {
    pub section: &'static str,
    pub what: &'static str,
    pub wanted: Answer,
    line: &'static str,
    headers: Vec<(&'static str, &'static str)>,
}

/// The headers compared in the response, in this order.
const SHOWN: [&str; 7] = [
    "connection",
    "upgrade",
    "sec-websocket-accept",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "allow",
];

/// A response: its status and the headers of the handshake.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
}

/// Key and response of the example in 1.3 and 4.2.2.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

impl Handshake {
    /// The RFC's example, which is accepted.
    fn new(section: &'static str, what: &'static str) -> Self {
        let headers = vec![
            ("Host", "server.example.com"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
        ];
        let wanted = Answer::new(
            101,
            &[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", ACCEPT)],
        );
        Self { section, what, wanted, line: "GET /ws HTTP/1.1", headers }
    }

    fn line(mut self, line: &'static str) -> Self {
        self.line = line;
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| *n != name);
        self
    }

    /// Adds a line.
    fn and(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn with(self, name: &'static str, value: &'static str) -> Self {
        self.without(name).and(name, value)
    }

    /// Refused as a bad request.
    fn bad(mut self) -> Self {
        self.wanted = Answer::new(400, &[]);
        self
    }

    /// Refused with the accepted version.
    fn upgrade_required(mut self) -> Self {
        self.wanted = Answer::new(
            426,
            &[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")],
        );
        self
    }

    /// Refused because of its method.
    fn not_allowed(mut self) -> Self {
        self.wanted = Answer::new(405, &[("allow", "GET")]);
        self
    }

    /// Sends it.
    pub fn send(&self, address: SocketAddr) -> Answer {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "{}\r\n{headers}\r\n", self.line).unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("an answer");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            let values: Vec<_> =
                lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).collect();
            (!values.is_empty()).then(|| (name.to_owned(), values.join(" and ")))
        };
        let mut headers: Vec<_> = SHOWN.into_iter().filter_map(header).collect();
        // A reset after a refusal is irrelevant.
        headers.retain(|(name, value)| name != "connection" || value.eq_ignore_ascii_case("upgrade"));
        Answer { status: head["HTTP/1.1 ".len()..][..3].parse().unwrap(), headers }
    }
}

impl Answer {
    fn new(status: u16, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self { status, headers }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        self.headers.iter().try_for_each(|(name, value)| {
            let short = name.trim_start_matches("sec-websocket-");
            write!(f, ", {short}: {value}")
        })
    }
}

pub fn cases() -> Vec<Handshake> {
    let new = Handshake::new;
    vec![
        new("4.2.2", "the RFC's example"),
        new("4.2.1", "tokens in another case").with("Upgrade", "WebSocket").with("Connection", "uPGRADE"),
        new("4.2.1", "tokens in lists")
            .with("Connection", "keep-alive, Upgrade")
            .with("Upgrade", "h2c, websocket"),
        new("4.2.1", "tokens in lists over several lines")
            .and("Connection", "keep-alive")
            .and("Upgrade", "h2c"),
        new("4.2.1", "header names in another case")
            .without("Sec-WebSocket-Key")
            .and("sEC-wEBsOCKET-kEY", KEY),
        new("4.2.1", "unknown headers").and("X-Something", "else").and("Cookie", "a=b"),
        new("9.1", "an offered extension is not accepted")
            .and("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
        new("4.2.2", "an offered subprotocol is not accepted")
            .and("Sec-WebSocket-Protocol", "chat, superchat"),
        new("4.2.1", "not a GET: POST").line("POST /ws HTTP/1.1").and("Content-Length", "0").not_allowed(),
        new("4.2.1", "not a GET: HEAD").line("HEAD /ws HTTP/1.1").not_allowed(),
        new("4.2.1", "HTTP/1.0").line("GET /ws HTTP/1.0").upgrade_required(),
        new("4.2.1", "no Host").without("Host").bad(),
        new("4.2.1", "two Hosts").and("Host", "other.example.com").bad(),
        new("4.2.1", "no Upgrade").without("Upgrade").upgrade_required(),
        new("4.2.1", "an Upgrade to something else").with("Upgrade", "h2c").upgrade_required(),
        new("4.2.1", "an Upgrade to something like it").with("Upgrade", "websockets").upgrade_required(),
        new("4.2.1", "no Connection").without("Connection").upgrade_required(),
        new("4.2.1", "a Connection without upgrade").with("Connection", "keep-alive").upgrade_required(),
        new("4.2.1", "no key").without("Sec-WebSocket-Key").bad(),
        new("4.2.1", "an empty key").with("Sec-WebSocket-Key", "").bad(),
        new("4.2.1", "a key that is not base64").with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j!Q==").bad(),
        new("4.2.1", "a key without its padding").with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ").bad(),
        new("4.2.1", "a key of 15 bytes").with("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4P").bad(),
        new("4.2.1", "a key of 17 bytes").with("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEBE=").bad(),
        new("11.3.1", "two keys").and("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==").bad(),
        new("4.2.1", "no version").without("Sec-WebSocket-Version").upgrade_required(),
        new("4.4", "version 8").with("Sec-WebSocket-Version", "8").upgrade_required(),
        new("4.4", "version 14").with("Sec-WebSocket-Version", "14").upgrade_required(),
        new("4.2.1", "a version that is not a number")
            .with("Sec-WebSocket-Version", "thirteen")
            .upgrade_required(),
        new("11.3.5", "two versions").and("Sec-WebSocket-Version", "8").upgrade_required(),
    ]
}
