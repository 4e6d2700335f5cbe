//! A case: what a logged-in client sends, and the expected response.

use std::{fmt, io::Write as _, net::TcpStream};

use parlour_core::codec;

use crate::{
    bytes::{BINARY, FIN, frame, talk},
    common::{Client, Message, PATIENCE, TestServer},
};

/// Sent after each case: when it is received, everything before has been handled.
const END: &str = "the end";

/// A server, and a client that records the messages of the room.
#[derive(Debug)]
pub struct Room {
    // Dropped before the server, which would otherwise wait for its Close.
    witness: Client,
    server: TestServer,
    played: u32,
}

/// One rule.
#[derive(Debug)]
pub struct Case {
    /// The section of RFC 6455.
    pub section: &'static str,
    /// The description.
    pub what: String,
    /// The expected response.
    pub wanted: Answer,
    steps: Vec<Step>,
    /// Of many Pings, only the last must be answered.
    last_pong: bool,
}

#[derive(Debug)]
enum Step {
    Send(Vec<u8>),
    /// This Pong must arrive before anything more is sent.
    Await(Vec<u8>),
}

/// The way in which bytes are passed to the network.
#[derive(Debug, Clone, Copy)]
pub enum Delivery {
    /// All of a step in one call.
    Whole,
    /// Each byte in its own call; large steps in small chunks.
    Bytes,
}

/// The response.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The messages that the witness received.
    pub messages: Vec<String>,
    /// The payloads of Pongs.
    pub pongs: Vec<Vec<u8>>,
    /// The end of the connection: the code of a Close, or an empty Close. The end of the stream without a Close is
    /// 1006.
    pub closed: Option<Option<u16>>,
    /// The final message was received.
    ended: bool,
}

impl Room {
    pub fn open() -> Self {
        let server = TestServer::start();
        let witness = Client::login(server.address, "witness");
        Self { witness, server, played: 0 }
    }

    /// The contents received since the last call.
    fn take_received(&mut self) -> Vec<String> {
        self.witness.until(|c| c.has_received(END));
        let frames = std::mem::take(&mut self.witness.frames).into_iter();
        let talk = frames.filter(|frame| frame.r#type == codec::TALK && frame.content != END);
        talk.map(|frame| frame.content).collect()
    }
}

impl Case {
    pub fn new(section: &'static str, what: impl Into<String>) -> Self {
        Self { section, what: what.into(), wanted: Answer::default(), steps: Vec::new(), last_pong: false }
    }

    pub fn send(mut self, bytes: Vec<u8>) -> Self {
        self.steps.push(Step::Send(bytes));
        self
    }

    /// The room receives this text.
    pub fn expect_message(mut self, text: &str) -> Self {
        self.wanted.messages.push(text.into());
        self
    }

    /// A Pong with this payload arrives.
    pub fn pong(mut self, payload: &[u8]) -> Self {
        self.wanted.pongs.push(payload.into());
        self
    }

    /// A Pong with this payload arrives before anything more is sent.
    pub fn pong_at_once(mut self, payload: &[u8]) -> Self {
        self.steps.push(Step::Await(payload.into()));
        self.pong(payload)
    }

    /// A Pong with this payload arrives, after any others.
    pub fn pong_at_last(mut self, payload: &[u8]) -> Self {
        self.last_pong = true;
        self.pong(payload)
    }

    pub fn closed(mut self, code: u16) -> Self {
        self.wanted.closed = Some(Some(code));
        self
    }

    pub fn closed_empty(mut self) -> Self {
        self.wanted.closed = Some(None);
        self
    }

    /// Runs the case on its own connection.
    pub fn play(&self, room: &mut Room, delivery: Delivery) -> Answer {
        room.played += 1;
        let mut client = Client::login(room.server.address, &format!("peer {}", room.played));
        let mut answer = Answer::default();
        for step in &self.steps {
            match step {
                Step::Send(bytes) => deliver(&mut client.socket.stream, bytes, delivery),
                Step::Await(payload) => answer.read(&mut client, |a| a.pongs.contains(payload)),
            }
        }
        deliver(&mut client.socket.stream, &frame(FIN | BINARY, &talk(END)), Delivery::Whole);
        answer.read(&mut client, |a| a.ended);
        let was_open = answer.closed.is_none();
        if was_open {
            // A Pong may be written after a message that was sent later, but before the answer to a Close.
            client.socket.send(8, &1000_u16.to_be_bytes()).expect("an open connection");
            answer.read(&mut client, |_| false);
        }
        let after = client.socket.next(PATIENCE).expect("the end of the stream");
        assert_eq!(after, Message::End, "{}: something after the Close", self.what);
        if was_open {
            assert_eq!(answer.closed.take(), Some(Some(1000)), "{}", self.what);
        } else {
            room.witness.talk(END);
        }
        answer.ended = false;
        answer.messages = room.take_received();
        if self.last_pong {
            answer.pongs.drain(..answer.pongs.len().saturating_sub(1));
        }
        answer
    }
}

/// Sends bytes until the server has closed the connection, which the response then shows.
fn deliver(stream: &mut TcpStream, bytes: &[u8], delivery: Delivery) {
    let len = match delivery {
        Delivery::Whole => bytes.len().max(1),
        Delivery::Bytes => 1 + bytes.len() / 4096,
    };
    for part in bytes.chunks(len) {
        if stream.write_all(part).is_err() {
            return;
        }
    }
}

impl Answer {
    /// Reads until a condition holds or the connection is closed.
    fn read(&mut self, client: &mut Client, done: impl Fn(&Self) -> bool) {
        while self.closed.is_none() && !done(self) {
            match client.socket.next(PATIENCE).expect("an answer") {
                Message::Pong(payload) => self.pongs.push(payload),
                Message::Close(code) => self.closed = Some(code),
                Message::End => self.closed = Some(Some(1006)),
                Message::Ping(_) => {}
                Message::Data(_, payload) => {
                    let frames = codec::decode_rich(&payload).expect("a frame");
                    self.ended |= frames.iter().any(|frame| frame.content == END);
                }
            }
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message =
            |text: &String| format!("message \"{text:.24}{}\"", if text.len() > 24 { "..." } else { "" });
        let mut parts: Vec<String> = self.messages.iter().map(message).collect();
        parts.extend(self.pongs.iter().map(|payload| match payload.as_slice() {
            short @ ([] | [_]) => format!("Pong {short:?}"),
            long => format!("Pong of {} bytes", long.len()),
        }));
        parts.extend(self.closed.map(|code| match code {
            Some(code) => format!("Close {code}"),
            None => "Close without a code".into(),
        }));
        if parts.is_empty() {
            parts.push("none".into());
        } else if parts.len() > 4 {
            parts.splice(1..parts.len() - 1, ["...".into()]);
        }
        f.write_str(&parts.join(", "))
    }
}
