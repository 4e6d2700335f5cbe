//! Reads a server's stored messages with this crate's own protocol code, which shares nothing with the code under test.

use crate::{
    socket::{self, BINARY, Reader, Received},
    wire::{Envelope, Value, field, fields, number_field},
};

/// The field numbers of three extensions in `proto/chat.proto`.
const WELCOME: u64 = 17;
const COMMAND: u64 = 41;
const EVENT: u64 = 42;
/// The number of messages that are requested at once.
const PAGE_MESSAGES: u64 = 100;

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// The message id in hexadecimal digits, as the page shows it.
    pub id: String,
    /// The sequence number.
    pub seq: u64,
    /// The sender's nick.
    pub nick: String,
    /// The text.
    pub content: String,
}

/// A page of the lobby, as received.
#[derive(Debug, Default)]
struct MessagePage {
    messages: Vec<StoredMessage>,
    to: u64,
    head: u64,
}

/// All stored messages of the server at `host:port` in order of `seq`. Logs in as `nick`.
///
/// # Panics
/// If the server does not answer as expected.
#[must_use]
pub fn read_history(address: &str, nick: &str) -> Vec<StoredMessage> {
    let (mut reader, mut writer) =
        socket::connect(address, &format!("username: {nick}")).expect("the server accepts the connection");
    let mut login = Vec::new();
    number_field(&mut login, 1, 1);
    field(&mut login, 2, b"rooms");
    writer.write(BINARY, &extension(nick, "login", 15, &login)).expect("the connection is open");
    // Commands are refused until the login is answered.
    receive(&mut reader, WELCOME, |_| Some(()));
    let (mut all, mut after) = (Vec::new(), 0);
    for request in 1.. {
        let (mut query, mut command) = (Vec::new(), Vec::new());
        number_field(&mut query, 2, after);
        number_field(&mut query, 5, PAGE_MESSAGES);
        number_field(&mut command, 1, request);
        field(&mut command, 6, &query);
        writer.write(BINARY, &extension("", "", COMMAND, &command)).expect("the connection is open");
        let page = receive(&mut reader, EVENT, |event| answer(event, request));
        all.extend(page.messages);
        assert!(page.to >= page.head || page.to > after, "each page makes progress");
        after = page.to;
        if page.to >= page.head {
            break;
        }
    }
    writer.write(BINARY, &Envelope::new(nick, "exit", "exit").encode()).expect("the connection is open");
    writer.close(Some(1000)).expect("the connection is open");
    all
}

/// Receives messages up to the first with this extension that is `wanted`.
fn receive<T>(reader: &mut Reader, extension: u64, wanted: impl Fn(&[u8]) -> Option<T>) -> T {
    loop {
        let message = match reader.read().expect("the server answers") {
            Received::Message(message) => message,
            Received::Close(code) => panic!("the server closed with {code:?}"),
        };
        let content =
            fields(&message).find_map(|(number, value)| value.bytes().filter(|_| number == extension));
        if let Some(found) = content.and_then(&wanted) {
            return found;
        }
    }
}

fn extension(nick: &str, kind: &str, number: u64, value: &[u8]) -> Vec<u8> {
    let mut envelope = Envelope::new(nick, kind, "");
    field(&mut envelope.unknown, number, value);
    envelope.encode()
}

/// The page in an event, if it is the answer to this request.
fn answer(event: &[u8], request: u64) -> Option<MessagePage> {
    let response = fields(event).find_map(|(number, value)| value.bytes().filter(|_| number == 2))?;
    let is_it = fields(response).any(|(number, value)| number == 1 && value == Value::Number(request));
    let page = fields(response).find_map(|(number, value)| value.bytes().filter(|_| number == 5));
    page.filter(|_| is_it).map(MessagePage::read)
}

impl MessagePage {
    fn read(bytes: &[u8]) -> Self {
        let (mut page, mut nicks) = (Self::default(), Vec::new());
        for (number, value) in fields(bytes) {
            match (number, value) {
                (2, Value::Bytes(person)) => nicks.push(nick(person)),
                (4, Value::Number(to)) => page.to = to,
                (6, Value::Number(head)) => page.head = head,
                _ => {}
            }
        }
        let messages = fields(bytes).filter_map(|(number, value)| value.bytes().filter(|_| number == 1));
        page.messages = messages.map(|message| StoredMessage::read(message, &nicks)).collect();
        page
    }
}

fn nick(person: &[u8]) -> String {
    let nick = fields(person).find_map(|(number, value)| value.bytes().filter(|_| number == 2));
    text(nick.unwrap_or_default())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

impl StoredMessage {
    fn read(bytes: &[u8], nicks: &[String]) -> Self {
        let mut stored = Self { id: String::new(), seq: 0, nick: String::new(), content: String::new() };
        let mut sender = 0;
        for (number, value) in fields(bytes) {
            match (number, value) {
                (1, Value::Bytes(id)) => stored.id = id.iter().map(|byte| format!("{byte:02x}")).collect(),
                (2, Value::Number(seq)) => stored.seq = seq,
                (5, Value::Number(index)) => sender = usize::try_from(index).expect("an index"),
                (6, Value::Bytes(content)) => stored.content = text(content),
                _ => {}
            }
        }
        stored.nick.clone_from(&nicks[sender]);
        stored
    }
}
