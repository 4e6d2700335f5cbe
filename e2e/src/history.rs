//! What a server's log holds, asked by hand and not by what is tested.

use crate::{
    socket::{self, BINARY, Received},
    wire::{Frame, Value, field, fields, number_field},
};

/// A message of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its id, in hexadecimal digits, as a page has it.
    pub id: String,
    /// Its place.
    pub seq: u64,
    /// Who said it.
    pub nick: String,
    /// What was said.
    pub content: String,
}

/// A page of the history.
#[derive(Debug, Default)]
struct Page {
    request: u64,
    messages: Vec<Logged>,
    reached_end: bool,
    to: u64,
}

/// All messages of the server at `host:port`, in the order of its log. Asks as somebody called `nick`.
///
/// # Panics
/// When the server does not answer as it should.
#[must_use]
pub fn history(address: &str, nick: &str) -> Vec<Logged> {
    let (mut reader, mut writer) =
        socket::connect(address, &format!("username: {nick}")).expect("the server lets a reader in");
    let mut login = Vec::new();
    number_field(&mut login, 1, 1);
    field(&mut login, 2, b"history");
    writer.write(BINARY, &extension(nick, "login", 15, &login)).expect("the server listens");
    let (mut all, mut after) = (Vec::new(), 0);
    for request in 1.. {
        let mut asked = Vec::new();
        number_field(&mut asked, 2, after);
        number_field(&mut asked, 5, request);
        writer.write(BINARY, &extension("", "", 26, &asked)).expect("the server listens");
        let page = loop {
            let message = match reader.read().expect("the server answers") {
                Received::Message(message) => message,
                Received::Close(code) => panic!("the server closed with {code:?}"),
            };
            let page = fields(&message).find_map(|(number, value)| value.bytes().filter(|_| number == 27));
            match page.map(Page::read) {
                Some(page) if page.request == request => break page,
                _ => {}
            }
        };
        all.extend(page.messages);
        assert!(page.reached_end || page.to > after, "a page gets further");
        after = page.to;
        if page.reached_end {
            break;
        }
    }
    writer.write(BINARY, &Frame::new(nick, "exit", "exit").encode()).expect("the server listens");
    writer.close(Some(1000)).expect("the server listens");
    all
}

fn extension(nick: &str, kind: &str, number: u64, value: &[u8]) -> Vec<u8> {
    let mut frame = Frame::new(nick, kind, "");
    field(&mut frame.unknown, number, value);
    frame.encode()
}

impl Page {
    fn read(bytes: &[u8]) -> Self {
        let mut page = Self::default();
        for (number, value) in fields(bytes) {
            match (number, value) {
                (1, Value::Number(request)) => page.request = request,
                (2, Value::Bytes(frame)) => page.messages.push(Logged::read(frame)),
                (4, Value::Number(reached)) => page.reached_end = reached != 0,
                (6, Value::Number(to)) => page.to = to,
                _ => {}
            }
        }
        page
    }
}

impl Logged {
    fn read(bytes: &[u8]) -> Self {
        let frame = Frame::decode(bytes).expect("a frame");
        let mut logged = Self { id: String::new(), seq: 0, nick: frame.user_name, content: frame.content };
        for (number, value) in fields(&frame.unknown) {
            match (number, value) {
                (6, Value::Bytes(id)) => logged.id = id.iter().map(|byte| format!("{byte:02x}")).collect(),
                (7, Value::Number(seq)) => logged.seq = seq,
                _ => {}
            }
        }
        logged
    }
}
