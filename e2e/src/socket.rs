//! WebSocket by hand (RFC 6455), blocking, for either end: what a frame holds is nobody's business here, so a
//! Text frame may hold what is not UTF-8, as that of the original programs does.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};

/// Text, whatever is in it.
pub const TEXT: u8 = 1;
/// Binary.
pub const BINARY: u8 = 2;
const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What the other end sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message, Text or Binary.
    Message(Vec<u8>),
    /// A Close frame; an empty one has no code.
    Close(Option<u16>),
}

/// The reading half.
#[derive(Debug)]
pub struct Reader {
    stream: BufReader<TcpStream>,
    writer: Writer,
}

/// The writing half; clones write to the same socket.
#[derive(Debug)]
pub struct Writer {
    stream: TcpStream,
    /// A client masks what it writes. The key may be zero where no proxy listens.
    masks: bool,
}

/// Opens a socket to `ws://<address>/ws`, with one more header.
///
/// # Errors
/// When the server can't be reached or does not upgrade.
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
    assert_eq!(accepts, accept_key(&key), "the server's handshake");
    let reader = Reader { stream, writer: writer.clone() };
    Ok((reader, writer))
}

/// Answers a browser that opens a socket.
///
/// # Errors
/// When what came is no request for one.
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

/// The lines of a request or an answer, up to the empty one.
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
    /// The next message or Close. Pings are answered on the way.
    ///
    /// # Errors
    /// When the connection ends without a Close frame.
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
    /// Writes one message in one frame.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn write(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        self.frame(opcode, payload)
    }

    /// Writes a Close frame, with a code or an empty one.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn close(&mut self, code: Option<u16>) -> io::Result<()> {
        self.frame(CLOSE, code.map(u16::to_be_bytes).as_ref().map_or(&[], |code| &code[..]))
    }

    /// Ends the TCP connection.
    pub fn shut_down(&self) {
        // Gone already is as good.
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
        let stream = self.stream.try_clone().expect("a socket can be shared");
        Self { stream, masks: self.masks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_is_that_of_the_standard() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn both_ends_understand_each_other() {
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
