//! A minimal blocking WebSocket implementation (RFC 6455) for client and server. It does not check the payload, so a Text
//! frame may contain invalid UTF-8, as those of the original programs do.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};

/// Opcode of a Text frame.
pub const TEXT: u8 = 1;
/// Opcode of a Binary frame.
pub const BINARY: u8 = 2;
const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Input from the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A Text or Binary message.
    Message(Vec<u8>),
    /// A Close frame, with its code if it has one.
    Close(Option<u16>),
}

/// The reading half of a connection.
#[derive(Debug)]
pub struct Reader {
    stream: BufReader<TcpStream>,
    writer: Writer,
}

/// The writing half of a connection. Clones write to the same connection.
#[derive(Debug)]
pub struct Writer {
    stream: TcpStream,
    /// Clients mask their frames. The key is zero, which is safe because no proxy is involved.
    masks: bool,
}

/// Connects to `ws://<address>/ws` with one additional header.
///
/// # Errors
/// If the server cannot be reached or does not upgrade the connection.
pub fn connect(address: &str, header: &str) -> io::Result<(Reader, Writer)> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut writer = Writer { stream: stream.try_clone()?, masks: true };
    let key = STANDARD.encode([7; 16]);
    write!(
        writer.stream,
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{header}\r\n\r\n"
    )?;
    let mut stream = BufReader::new(stream);
    let head = read_head(&mut stream)?;
    if head[0].split(' ').nth(1) != Some("101") {
        return Err(io::Error::other(format!("no upgrade: {}", head[0])));
    }
    let accepts = header_of(&head, "sec-websocket-accept").unwrap_or_default();
    assert_eq!(accepts, accept_key(&key), "the server's Sec-WebSocket-Accept");
    let reader = Reader { stream, writer: writer.clone() };
    Ok((reader, writer))
}

/// Accepts a client's WebSocket handshake.
///
/// # Errors
/// If the request is not a WebSocket handshake.
pub fn accept(stream: TcpStream) -> io::Result<(Reader, Writer)> {
    stream.set_nodelay(true)?;
    let mut writer = Writer { stream: stream.try_clone()?, masks: false };
    let mut stream = BufReader::new(stream);
    let head = read_head(&mut stream)?;
    let key = header_of(&head, "sec-websocket-key").ok_or(io::ErrorKind::InvalidData)?;
    let accept = accept_key(&key);
    write!(
        writer.stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    let reader = Reader { stream, writer: writer.clone() };
    Ok((reader, writer))
}

/// Reads the head of a request or response, up to the empty line.
pub(crate) fn read_head(stream: &mut impl BufRead) -> io::Result<Vec<String>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() && !head.is_empty() {
            return Ok(head);
        }
        head.push(line.to_owned());
    }
}

fn header_of(head: &[String], name: &str) -> Option<String> {
    let mut headers = head.iter().filter_map(|line| line.split_once(':'));
    headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

fn accept_key(key: &str) -> String {
    STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
}

impl Reader {
    /// Reads the next message or Close frame. Answers pings.
    ///
    /// # Errors
    /// If the connection ends without a Close frame.
    pub fn read(&mut self) -> io::Result<Received> {
        let mut message = Vec::new();
        loop {
            let (last, opcode, payload) = self.frame()?;
            match opcode {
                CONTINUATION | TEXT | BINARY => {
                    message.extend(payload);
                    if last {
                        return Ok(Received::Message(message));
                    }
                }
                CLOSE => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    return Ok(Received::Close(code));
                }
                PING => self.writer.frame(PONG, &payload)?,
                _ => {}
            }
        }
    }

    fn frame(&mut self) -> io::Result<(bool, u8, Vec<u8>)> {
        let [first, second] = self.bytes()?;
        let len = match second & 0x7F {
            126 => u64::from(u16::from_be_bytes(self.bytes()?)),
            127 => u64::from_be_bytes(self.bytes()?),
            len => u64::from(len),
        };
        let mask: [u8; 4] = if second & 0x80 == 0 { [0; 4] } else { self.bytes()? };
        let mut payload = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        self.stream.read_exact(&mut payload)?;
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        Ok((first & 0x80 != 0, first & 0x0F, payload))
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Writer {
    /// Writes a message as one frame.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn write(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        self.frame(opcode, payload)
    }

    /// Writes a Close frame.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn close(&mut self, code: Option<u16>) -> io::Result<()> {
        self.frame(CLOSE, code.map(u16::to_be_bytes).as_ref().map_or(&[], |code| &code[..]))
    }

    /// Shuts down the TCP connection.
    pub fn shut_down(&self) {
        // Fails if the connection is lost already.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    fn frame(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut out = vec![0x80 | opcode];
        let mask = if self.masks { 0x80 } else { 0 };
        match payload.len() {
            len @ ..126 => out.push(mask | u8::try_from(len).unwrap()),
            len @ ..0x1_0000 => {
                out.push(mask | 126);
                out.extend(u16::try_from(len).unwrap().to_be_bytes());
            }
            len => {
                out.push(mask | 127);
                out.extend((len as u64).to_be_bytes());
            }
        }
        if self.masks {
            out.extend([0; 4]);
        }
        out.extend(payload);
        self.stream.write_all(&out)
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        let stream = self.stream.try_clone().expect("duplicate a socket");
        Self { stream, masks: self.masks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_key_matches_the_example_of_rfc_6455() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn client_and_server_exchange_messages_of_all_sizes() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut reader, mut writer) = accept(listener.accept().unwrap().0).unwrap();
            writer.frame(PING, b"are you there").unwrap();
            loop {
                match reader.read().unwrap() {
                    Received::Message(message) => writer.write(TEXT, &message).unwrap(),
                    Received::Close(code) => return code,
                }
            }
        });
        let (mut reader, mut writer) = connect(&address, "username: tom").unwrap();
        for len in [0, 125, 126, 65_535, 65_536] {
            let message = vec![0xFF; len];
            writer.write(BINARY, &message).unwrap();
            assert_eq!(reader.read().unwrap(), Received::Message(message), "{len} bytes");
        }
        writer.close(Some(1009)).unwrap();
        assert_eq!(server.join().unwrap(), Some(1009));
    }
}
