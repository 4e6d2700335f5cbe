//! What a client keeps on its device between visits, of one nick on one server: what the storage holds as bytes
//! under keys, and what is to be done to it.
//!
//! Three tables. `Account` has one value, under the empty key: who we are, and what is known of the room. `Outbox`
//! has what was said and is not acknowledged, by id. `Messages` has the newest part of the room, by sequence number in
//! big-endian order. Changes that belong together come together and must be made in one transaction: a part of the
//! room is called known only together with its messages.
//!
//! Values are protobuf, of `proto/device.proto`, and a message as it came over the wire. What can't be read, or was written by a version that meant something
//! else, is skipped: storage is a convenience, and the server has the room.

use bytes::Bytes;
use prost::Message as _;

use crate::{
    codec, device,
    limits::Limits,
    model::{Dialect, Identity, Message, MessageId},
    outbox::{Entry, Stage},
    ranges::{Range, Ranges},
    status::Status,
    validate,
};

/// How many messages of a room are kept on the device; up to half as many more until it is tidied.
pub const MESSAGES_KEPT: usize = 500;

/// A table of the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Who we are, and what is known.
    Account,
    /// What is not acknowledged yet.
    Outbox,
    /// The newest part of the room.
    Messages,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Account, Self::Outbox, Self::Messages];
}

/// Something to be done to the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Put a value under a key, whether there is one or not.
    Put(Table, Bytes, Bytes),
    /// Take a key out, whether it is there or not.
    Delete(Table, Bytes),
    /// Take out all keys up to this one, itself included.
    DeleteUpTo(Table, Bytes),
    /// Take out all.
    Clear(Table),
}

/// What a nick on a server keeps stands under this, apart from all else on the device. The name as the server may write
/// it: in small or large letters.
#[must_use]
pub fn scope(url: &str, nick: &str) -> String {
    let mut scope = String::with_capacity(url.len() + 1 + nick.len());
    scope.push_str(url);
    scope.push('\n');
    scope.push_str(&nick.to_ascii_lowercase());
    scope
}

/// The server's URL in a [`scope`].
#[must_use]
pub fn url_of(scope: &str) -> &str {
    scope.split('\n').next().unwrap_or_default()
}

/// What the storage had.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    pub(crate) account: Option<Account>,
    /// In no order but that of their ids; an outbox puts them in theirs.
    pub(crate) outbox: Vec<Entry>,
    pub(crate) messages: Vec<Message>,
}

/// Who we are, and what is known of the room.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub identity: Identity,
    pub secret: Vec<u8>,
    pub log: Vec<u8>,
    /// What `Messages` has everything of.
    pub known: Ranges,
    /// How many messages that is.
    pub messages: usize,
    /// The number of the last login.
    pub attempt: u64,
}

impl Kept {
    /// Reads the values of the three tables, each in the order of the keys.
    #[must_use]
    pub fn read(account: Option<&[u8]>, outbox: &[Vec<u8>], messages: &[Vec<u8>]) -> Self {
        let account = account.and_then(read_account);
        // The outbox puts them in order.
        let outbox = outbox.iter().filter_map(|value| read_entry(value)).collect();
        let mut kept = Self {
            account,
            outbox,
            messages: messages.iter().filter_map(|value| read_message(value)).collect(),
        };
        kept.distrust();
        kept
    }

    /// When there are not as many messages as there should be, what is said to be known is not.
    fn distrust(&mut self) {
        let Some(account) = &mut self.account else { return self.messages.clear() };
        let nick = account.identity.nick.clone();
        let there = self.messages.iter().filter(|message| account.known.contains(message.seq)).count();
        if there != account.messages {
            account.known.clear();
        }
        self.messages.retain(|message| account.known.contains(message.seq));
        self.messages.iter_mut().for_each(|message| message.own = message.nick == nick);
    }

    /// Whether somebody is still logged in here.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.account.is_some()
    }

    /// The nick somebody is logged in under.
    #[must_use]
    pub fn nick(&self) -> Option<&str> {
        self.account.as_ref().map(|account| &*account.identity.nick)
    }
}

pub(crate) fn account(account: &Account) -> Change {
    let identity = &account.identity;
    let mut known = Vec::new();
    account.known.iter().for_each(|range| known.extend_from_slice(&[range.from, range.to]));
    let bytes = device::Account {
        nick: identity.nick.to_string(),
        secret: account.secret.clone(),
        log: account.log.clone(),
        known,
        limits: Some(identity.limits.to_wire()),
        server_name: identity.server_name.clone().unwrap_or_default(),
        basic: identity.dialect == Dialect::Basic,
        messages: account.messages as u64,
        attempt: account.attempt,
        search: identity.search,
    };
    Change::Put(Table::Account, Bytes::new(), bytes.encode_to_vec().into())
}

fn read_account(bytes: &[u8]) -> Option<Account> {
    let read = device::Account::decode(bytes).ok()?;
    // One that can't log in is nobody.
    if validate::nick(&read.nick, &Limits::default()).as_deref() != Ok(&read.nick) {
        return None;
    }
    let known = read.known.chunks_exact(2).map(|pair| Range { from: pair[0], to: pair[1] }).collect();
    let identity = Identity {
        nick: read.nick.into(),
        dialect: if read.basic { Dialect::Basic } else { Dialect::Rich },
        limits: Limits::from_wire(&read.limits.unwrap_or_default()),
        server_name: Some(read.server_name).filter(|name| !name.is_empty()),
        search: read.search,
    };
    let messages = usize::try_from(read.messages).ok()?;
    Some(Account { identity, secret: read.secret, log: read.log, known, messages, attempt: read.attempt })
}

pub(crate) fn entry(entry: &Entry) -> Change {
    Change::Put(Table::Outbox, entry_key(entry.id), entry_value(entry))
}

/// One value of `Outbox`.
pub(crate) fn entry_value(entry: &Entry) -> Bytes {
    let failed = match entry.stage {
        Stage::Failed(status) => status.code().into(),
        _ => 0,
    };
    let bytes = device::Entry {
        id: entry.id.0.to_vec(),
        content: entry.content.to_string(),
        time: entry.time,
        order: entry.order,
        failed,
    };
    bytes.encode_to_vec().into()
}

pub(crate) fn entry_key(id: MessageId) -> Bytes {
    Bytes::copy_from_slice(&id.0)
}

/// Reads one value of `Outbox`.
#[must_use]
pub fn read_entry(bytes: &[u8]) -> Option<Entry> {
    let read = device::Entry::decode(bytes).ok()?;
    let id = MessageId::from_wire(&read.id)?;
    let stage = match u16::try_from(read.failed).ok()? {
        0 => Stage::Queued,
        code => Stage::Failed(Status::from_code(code)),
    };
    Some(Entry { id, content: read.content.into(), time: read.time, stage, order: read.order })
}

/// A message is kept as it came over the wire.
pub(crate) fn message(message: &Message) -> Change {
    Change::Put(Table::Messages, message_key(message.seq), codec::encode(&codec::said(message)))
}

pub(crate) fn message_key(seq: u64) -> Bytes {
    Bytes::copy_from_slice(&seq.to_be_bytes())
}

fn read_message(bytes: &[u8]) -> Option<Message> {
    codec::heard(codec::decode(bytes).ok()?).filter(|message| message.seq > 0)
}
