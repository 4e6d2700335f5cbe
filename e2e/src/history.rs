//! Reads a server's stored messages with this crate's own protocol code, which shares nothing with the code under test.

use crate::{
    socket::{self, BINARY, Reader, Received},
    wire::{Envelope, Value, field, fields, number_field},
};

/// The field numbers of two extensions in `proto/chat.proto`.
const WELCOME: u64 = 17;
const HISTORY_PAGE: u64 = 27;

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

/// A page of the history, as received.
#[derive(Debug, Default)]
struct HistoryPage {
    request: u64,
    messages: Vec<StoredMessage>,
    reached_end: bool,
    to: u64,
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
    field(&mut login, 2, b"history");
    writer.write(BINARY, &extension(nick, "login", 15, &login)).expect("the connection is open");
    // Requests are refused until the login is answered.
    receive(&mut reader, WELCOME, |_| Some(()));
    let (mut all, mut after) = (Vec::new(), 0);
    for request in 1.. {
        let mut query = Vec::new();
        number_field(&mut query, 2, after);
        number_field(&mut query, 5, request);
        writer.write(BINARY, &extension("", "", 26, &query)).expect("the connection is open");
        let page = receive(&mut reader, HISTORY_PAGE, |bytes| {
            Some(HistoryPage::read(bytes)).filter(|page| page.request == request)
        });
        all.extend(page.messages);
        assert!(page.reached_end || page.to > after, "each page makes progress");
        after = page.to;
        if page.reached_end {
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

impl HistoryPage {
    fn read(bytes: &[u8]) -> Self {
        let mut page = Self::default();
        for (number, value) in fields(bytes) {
            match (number, value) {
                (1, Value::Number(request)) => page.request = request,
                (2, Value::Bytes(envelope)) => page.messages.push(StoredMessage::read(envelope)),
                (4, Value::Number(reached)) => page.reached_end = reached != 0,
                (6, Value::Number(to)) => page.to = to,
                _ => {}
            }
        }
        page
    }
}

impl StoredMessage {
    fn read(bytes: &[u8]) -> Self {
        let envelope = Envelope::decode(bytes).expect("a valid envelope");
        let mut stored =
            Self { id: String::new(), seq: 0, nick: envelope.user_name, content: envelope.content };
        for (number, value) in fields(&envelope.unknown) {
            match (number, value) {
                (6, Value::Bytes(id)) => stored.id = id.iter().map(|byte| format!("{byte:02x}")).collect(),
                (7, Value::Number(seq)) => stored.seq = seq,
                _ => {}
            }
        }
        stored
    }
}
