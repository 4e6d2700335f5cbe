//! Frames that the server sends: complete Binary frames without a mask (5.1), with lengths in the shortest
//! form (5.2).

use std::{
    fmt,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use parlour_core::codec;
use parlour_server::config::Config;

use crate::{
    bytes::{BINARY, FIN, frame, talk},
    common::{Client, TestServer},
};

/// A frame without its payload.
#[derive(Debug, PartialEq, Eq)]
pub struct Header(Vec<u8>);

impl Header {
    /// The expected header.
    fn shortest(len: usize) -> Self {
        let mut out = vec![FIN | BINARY];
        match len {
            0..=125 => out.push(len as u8),
            126..=0xFFFF => {
                out.push(126);
                out.extend((len as u16).to_be_bytes());
            }
            _ => {
                out.push(127);
                out.extend((len as u64).to_be_bytes());
            }
        }
        Self(out)
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("header")?;
        self.0.iter().try_for_each(|byte| write!(f, " {byte:02X}"))
    }
}

/// Settings for messages that need a 64-bit length.
pub fn long_messages(config: &mut Config) {
    config.content_bytes = 100_000;
    config.frame_bytes = 200_000;
}

/// A message for each form of length: its description, the expected header, and the actual one.
pub fn frames(server: &TestServer) -> Vec<(&'static str, Header, Header)> {
    let mut client = Client::login(server.address, "reader");
    // Nothing follows this, so the stream is at the beginning of a frame.
    client.settle();
    let stream = &mut client.socket.stream;
    let texts = [
        ("the server's own frames: a length of 7 bits", 40),
        ("the server's own frames: a length of 16 bits", 40_000),
        ("the server's own frames: a length of 64 bits", 80_000),
    ];
    texts
        .map(|(what, len)| {
            let text = "x".repeat(len);
            stream.write_all(&frame(FIN | BINARY, &talk(&text))).expect("sent");
            loop {
                let (header, payload) = read(stream);
                if codec::decode(&payload).expect("a frame").content == text {
                    return (what, Header::shortest(payload.len()), header);
                }
            }
        })
        .into()
}

/// Reads any frame.
fn read(stream: &mut TcpStream) -> (Header, Vec<u8>) {
    let mut header = vec![0; 2];
    stream.read_exact(&mut header).expect("a frame");
    let more = match header[1] & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mut length = vec![0; more];
    stream.read_exact(&mut length).expect("a length");
    let len = match more {
        0 => usize::from(header[1] & 0x7F),
        _ => length.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
    };
    header.extend(length);
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).expect("a payload");
    (Header(header), payload)
}
