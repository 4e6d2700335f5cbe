//! A desktop client of the basic dialect, written independently of our code: its own WebSocket and protobuf
//! implementation on the standard library. It sends protobuf in Text frames, sends its name in a header that
//! is ignored, and ends with an exit envelope, an empty Close and the end of the stream.
//!
//! The file is self-contained, so that tests of other crates can include it with `#[path]`.

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// The time that anything may take on a busy machine before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A frame that a WebSocket client reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The payload of a Text or Binary frame; the opcode.
    Data(u8, Vec<u8>),
    /// A Ping with its payload.
    Ping(Vec<u8>),
    /// A Pong with its payload.
    Pong(Vec<u8>),
    /// A Close and its code.
    Close(Option<u16>),
    /// The end of the stream.
    End,
}

/// The client's end of a WebSocket.
#[derive(Debug)]
pub struct Socket {
    /// The underlying stream, for tests that violate the rules.
    pub stream: TcpStream,
    buffer: Vec<u8>,
    mask: u32,
}

impl Socket {
    /// Opens a TCP connection and sends the handshake; `headers` are additional lines with line ends. A
    /// response other than 101 is an error with the status line.
    pub fn open(address: SocketAddr, headers: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
        )?;
        let mut socket = Self { stream, buffer: Vec::new(), mask: 0x1234_5678 };
        let end = loop {
            if let Some(at) = socket.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            if socket.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head: Vec<u8> = socket.buffer.drain(..end).collect();
        let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
        if !line.starts_with("HTTP/1.1 101 ") {
            return Err(io::Error::other(line));
        }
        Ok(socket)
    }

    /// Sends a complete masked frame: opcode 1 is Text, 2 Binary, 8 Close, 9 Ping, 10 Pong.
    pub fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let frame = self.frame(0x80 | opcode, payload);
        self.stream.write_all(&frame)
    }

    /// The bytes of a masked frame with this first byte.
    pub fn frame(&mut self, first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            n @ 0..=125 => frame.push(0x80 | n as u8),
            n @ 126..=0xFFFF => {
                frame.push(0x80 | 126);
                frame.extend((n as u16).to_be_bytes());
            }
            n => {
                frame.push(0x80 | 127);
                frame.extend((n as u64).to_be_bytes());
            }
        }
        self.mask = self.mask.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mask = self.mask.to_be_bytes();
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// Reads the next message; after `within` without one, a `TimedOut` error.
    pub fn next(&mut self, within: Duration) -> io::Result<Message> {
        let until = Instant::now() + within;
        loop {
            if let Some(message) = self.parse() {
                return Ok(message);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.fill() {
                Ok(0) => return Ok(Message::End),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(Message::End),
                Err(error) => return Err(error),
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let n = self.stream.read(&mut chunk)?;
        self.buffer.extend_from_slice(&chunk[..n]);
        Ok(n)
    }

    /// Parses a frame from the buffer. Server frames are never masked, and ours are never fragmented.
    fn parse(&mut self) -> Option<Message> {
        let [first, second, ..] = *self.buffer.as_slice() else { return None };
        assert_eq!(first & 0xF0, 0x80, "a whole frame without reserved bits");
        let (len, at) = match second {
            126 => (u16::from_be_bytes(self.buffer.get(2..4)?.try_into().ok()?).into(), 4),
            127 => (u64::from_be_bytes(self.buffer.get(2..10)?.try_into().ok()?) as usize, 10),
            n => (usize::from(n), 2),
        };
        if self.buffer.len() < at + len {
            return None;
        }
        let payload = self.buffer[at..at + len].to_vec();
        self.buffer.drain(..at + len);
        Some(match first & 0x0F {
            8 => Message::Close(payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]))),
            9 => Message::Ping(payload),
            10 => Message::Pong(payload),
            opcode => Message::Data(opcode, payload),
        })
    }
}

/// An envelope of the basic dialect, which has four fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Basic {
    /// Field 1.
    pub user_name: String,
    /// Field 2.
    pub kind: String,
    /// Field 3.
    pub content: String,
    /// Field 4; `None` if absent.
    pub user_list: Option<BTreeMap<String, String>>,
}

impl Basic {
    /// Encodes it as protobuf.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (tag, text) in [(0x0A, &self.user_name), (0x12, &self.kind), (0x1A, &self.content)] {
            if !text.is_empty() {
                put(&mut out, tag, text.as_bytes());
            }
        }
        for (key, value) in self.user_list.iter().flatten() {
            let mut entry = Vec::new();
            put(&mut entry, 0x0A, key.as_bytes());
            put(&mut entry, 0x12, value.as_bytes());
            put(&mut out, 0x22, &entry);
        }
        out
    }

    /// Decodes it from protobuf; unknown fields are skipped.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut frame = Self::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (tag, payload) = field(&mut rest)?;
            let text = || String::from_utf8(payload.to_vec()).ok();
            match tag {
                0x0A => frame.user_name = text()?,
                0x12 => frame.kind = text()?,
                0x1A => frame.content = text()?,
                0x22 => {
                    let (mut key, mut value) = (String::new(), String::new());
                    let mut entry = payload;
                    while !entry.is_empty() {
                        let (tag, text) = field(&mut entry)?;
                        let text = String::from_utf8(text.to_vec()).ok()?;
                        if tag == 0x0A { key = text } else { value = text }
                    }
                    frame.user_list.get_or_insert_default().insert(key, value);
                }
                _ => {}
            }
        }
        Some(frame)
    }
}

fn put(out: &mut Vec<u8>, tag: u8, payload: &[u8]) {
    out.push(tag);
    let mut n = payload.len();
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out.extend_from_slice(payload);
}

/// Reads a field: its tag, and its payload if it is length-delimited.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let tag = varint(rest)?;
    let len = match tag & 7 {
        0 => {
            varint(rest)?;
            0
        }
        1 => 8,
        2 => usize::try_from(varint(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let payload = rest.get(..len)?;
    *rest = &rest[len..];
    Some((tag, payload))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// The client.
#[derive(Debug)]
pub struct Desktop {
    /// The connection.
    pub socket: Socket,
    /// The name.
    pub name: String,
    /// The member list as shown: replaced by each envelope that has one.
    pub list: BTreeMap<String, String>,
    /// The lines as shown: `name:content` of each envelope that has both.
    pub lines: Vec<String>,
    /// The received envelopes.
    pub frames: Vec<Basic>,
    /// The server's Close; `None` while the connection is open.
    pub closed: Option<Message>,
}

impl Desktop {
    /// Connects. The name is sent with the first envelope.
    pub fn connect(address: SocketAddr, name: &str) -> io::Result<Self> {
        // A header cannot contain every name that an envelope can.
        let header: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let socket = Socket::open(address, &format!("username: {header}\r\n"))?;
        Ok(Self {
            socket,
            name: name.into(),
            list: BTreeMap::new(),
            lines: Vec::new(),
            frames: Vec::new(),
            closed: None,
        })
    }

    /// Connects and sends an empty message, which logs the client in.
    pub fn join(address: SocketAddr, name: &str) -> io::Result<Self> {
        let mut desktop = Self::connect(address, name)?;
        desktop.talk("")?;
        let name = desktop.name.clone();
        desktop.until(|d| d.list.contains_key(&name))?;
        Ok(desktop)
    }

    /// Handles a line of the input box: two words are commands.
    pub fn type_line(&mut self, line: &str) -> io::Result<()> {
        match line {
            "exit" => self.exit(),
            "userlist" => self.send("userlist", ""),
            _ => self.talk(line),
        }
    }

    /// Sends a message.
    pub fn talk(&mut self, content: &str) -> io::Result<()> {
        self.send("talk", content)
    }

    /// Sends any envelope in a Text frame.
    pub fn send(&mut self, kind: &str, content: &str) -> io::Result<()> {
        let frame = Basic {
            user_name: self.name.clone(),
            kind: kind.into(),
            content: content.into(),
            user_list: None,
        };
        self.socket.send(1, &frame.encode())
    }

    /// Leaves: an exit envelope, an empty Close, the end of the stream.
    pub fn exit(&mut self) -> io::Result<()> {
        self.send("exit", "exit")?;
        self.socket.send(8, &[])?;
        self.socket.stream.shutdown(std::net::Shutdown::Write)
    }

    /// Reads until a condition holds. An error if the server closes first or it takes too long.
    pub fn until(&mut self, done: impl Fn(&Self) -> bool) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            if Instant::now() > end {
                return Err(io::Error::other(format!("timed out; {:?}", self.lines)));
            }
            if let Some(closed) = &self.closed {
                return Err(io::Error::other(format!("closed unexpectedly: {closed:?}; {:?}", self.lines)));
            }
            self.step()?;
        }
        Ok(())
    }

    /// Returns `true` if a line is shown.
    pub fn shows(&self, line: &str) -> bool {
        self.lines.iter().any(|shown| shown == line)
    }

    /// Reads until the server has closed.
    pub fn until_closed(&mut self) -> io::Result<Message> {
        loop {
            if let Some(closed) = &self.closed {
                return Ok(closed.clone());
            }
            self.step()?;
        }
    }

    fn step(&mut self) -> io::Result<()> {
        match self.socket.next(PATIENCE)? {
            Message::Ping(payload) => self.socket.send(10, &payload)?,
            Message::Pong(_) => {}
            closed @ (Message::Close(_) | Message::End) => self.closed = Some(closed),
            Message::Data(_, payload) => {
                let frame = Basic::decode(&payload)
                    .ok_or_else(|| io::Error::other("a frame that a desktop client can't read"))?;
                if !frame.user_name.is_empty() && !frame.content.is_empty() {
                    self.lines.push(format!("{}:{}", frame.user_name, frame.content));
                }
                if let Some(list) = &frame.user_list {
                    self.list = list.clone();
                }
                self.frames.push(frame);
            }
        }
        Ok(())
    }
}
