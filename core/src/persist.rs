//! The data that a client persists on its device, for one account on one server (a scope): the keys and encoded values,
//! and the changes to make to them.
//!
//! Changes that belong together are reported together and must be made in one transaction: the position of a room is
//! recorded only together with its messages.
//!
//! Values are protobuf: the types of `proto/device.proto`, which stay readable for all later versions of the client.
//! Values that can't be decoded are skipped, because the server still has the messages of the room. Decoding never panics.
//!
//! | module | contents |
//! | --- | --- |
//! | `key` | tables, keys and changes |
//! | `scope` | the names of scopes, and the accounts that they belong to |
//! | [`account`], [`room`], [`queue`] | the values of a client with many rooms |
//! | `stored` | all that such a client reads when it starts |
//! | [`draft`], [`scroll`] | what each tab keeps of a room |
//!
//! The types in this module itself are those of a client that knows one room, the lobby. Each message is stored with the
//! epoch of its log: if a write fails, messages of a log that was replaced may stay.

pub mod account;
pub mod draft;
mod key;
pub mod queue;
pub mod room;
mod scope;
pub mod scroll;
mod stored;

use bytes::Bytes;
use prost::Message as _;

pub use self::{
    key::{Change, DATABASE_VERSION, Key, KeyRange, Rows, Table},
    scope::{ScopeChange, Scopes, server_url},
    stored::Stored,
};
use crate::{
    codec, device,
    ids::RoomId,
    model::{Delivery, Dialect, Identity, Message, MessageId},
    ranges::{Range, Ranges},
    send_queue::{QueuedMessage, Stage},
    status::Status,
};

/// The number of a room's newest messages that are persisted. Older ones are deleted together, once half as many have
/// accumulated.
pub const PERSISTED_MESSAGES: usize = 500;

/// The decoded content of the storage.
#[derive(Clone, Debug, Default)]
pub struct Persisted {
    pub(crate) account: Option<Account>,
    /// The queued messages in the order of their ids; the send queue sorts them.
    pub(crate) send_queue: Vec<QueuedMessage>,
    pub(crate) messages: Vec<Message>,
    /// The messages of the room on the device are of a log that no longer exists, and were dropped.
    pub(crate) is_outdated: bool,
    /// The order of the last message that was sent in this tab, while it followed another one.
    pub(crate) last_order: u64,
    /// The ranges of the log that this tab shows completely since it followed another one, and the newest message that it
    /// shows. The device may lack some of them.
    pub(crate) shown: Ranges,
    pub(crate) newest_shown: Option<(u64, MessageId)>,
    /// Own messages that were acknowledged or discarded while this tab followed another one. The device may have them
    /// still.
    pub(crate) settled: Vec<MessageId>,
}

/// The value of the table `Account`: the user's identity, and which part of the room is persisted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub identity: Identity,
    pub secret: Vec<u8>,
    pub log: Vec<u8>,
    /// Identifies the log on this device, see [`Persisted::drop_other_log`]; 0 if it was written by an earlier version.
    pub epoch: u64,
    /// The ranges of which the table `Messages` has every message.
    pub known: Ranges,
    /// The number of messages in these ranges.
    pub messages: usize,
    /// The number of the last login attempt.
    pub attempt: u64,
}

impl Persisted {
    /// The keys to read for [`Persisted::read`].
    #[must_use]
    pub fn ranges() -> [KeyRange; 3] {
        let lobby = |table| KeyRange::of_room(table, RoomId::LOBBY);
        [KeyRange::all(Table::Account), lobby(Table::SendQueue), lobby(Table::Messages)]
    }

    /// Decodes the values of [`Persisted::ranges`], each in the order of its keys.
    #[must_use]
    pub fn read(account: Option<&[u8]>, send_queue: &[Vec<u8>], messages: &[Vec<u8>]) -> Self {
        let account = account.and_then(decode_account);
        let epoch = account.as_ref().map(|account| account.epoch);
        let mut persisted = Self {
            account,
            send_queue: send_queue.iter().filter_map(|value| decode_queued(value)).collect(),
            messages: messages.iter().filter_map(|value| decode_message(value, epoch?)).collect(),
            ..Self::default()
        };
        persisted.verify_known_ranges();
        persisted
    }

    /// Decodes the rows of a storage in memory.
    #[must_use]
    pub fn of(rows: &Rows) -> Self {
        let [account, send_queue, messages] = Self::ranges().map(|range| rows.values(&range));
        Self::read(account.first().map(Vec::as_slice), &send_queue, &messages)
    }

    /// Clears the known ranges if any of their messages is missing; then drops all messages outside of the known
    /// ranges.
    fn verify_known_ranges(&mut self) {
        let Some(account) = &mut self.account else { return self.messages.clear() };
        let nick = account.identity.nick.clone();
        let found = self.messages.iter().filter(|message| account.known.contains(message.seq)).count();
        if found != account.messages {
            account.known.clear();
        }
        self.messages.retain(|message| account.known.contains(message.seq));
        self.messages.iter_mut().for_each(|message| message.own = message.nick == nick);
    }

    /// The data that a follower has mirrored, for a tab that becomes the leader and can't read the device: an account
    /// without known ranges, and the messages that are not acknowledged.
    pub(crate) fn mirrored(account: &[u8], unacknowledged: &[Message]) -> Self {
        let account = decode_account(account).map(|account| Account {
            known: Ranges::default(),
            messages: 0,
            ..account
        });
        let is_basic = account.as_ref().is_some_and(|account| account.identity.dialect == Dialect::Basic);
        let queued = |message: &Message| {
            let stage = match message.delivery {
                Delivery::Failed(status) => Stage::Failed(status),
                // As in the table: it is unknown whether the message was sent.
                _ if is_basic => Stage::Failed(Status::Unconfirmed),
                _ => Stage::Queued,
            };
            QueuedMessage::new(message.id, message.content.clone(), message.time, message.seq, stage)
        };
        Self { account, send_queue: unacknowledged.iter().map(queued).collect(), ..Self::default() }
    }

    /// Drops the messages of the room unless they are of the log with this epoch. Another tab may have reached a server
    /// with another log while they were read, and sequence numbers of the two must not be mixed.
    pub(crate) fn drop_other_log(&mut self, epoch: u64) {
        if let Some(account) = self.account.as_mut().filter(|account| account.epoch != epoch) {
            account.known.clear();
            self.messages.clear();
            self.is_outdated = true;
        }
    }

    /// Replaces the account by the one that the previous leader has reported, if that belongs to a later login, which could
    /// not be written.
    pub(crate) fn continue_session(&mut self, account: &[u8]) {
        let (Some(account), Some(reported)) = (&mut self.account, decode_account(account)) else { return };
        if reported.attempt > account.attempt && reported.secret != account.secret {
            account.identity = reported.identity;
            (account.secret, account.attempt) = (reported.secret, reported.attempt);
        }
    }

    /// Replaces the log by the one with this epoch, which the previous leader has reported with `account`, but has not
    /// persisted. The messages of the room are of an earlier one, and are dropped. `false` if the log was not reported.
    pub(crate) fn continue_log(&mut self, account: &[u8], epoch: u64) -> bool {
        self.drop_other_log(epoch);
        let reported = decode_account(account).filter(|reported| reported.epoch == epoch);
        let (Some(account), Some(reported)) = (&mut self.account, reported) else { return false };
        (account.log, account.epoch) = (reported.log, epoch);
        true
    }

    /// The epoch of the log of which the device has messages; `None` when nobody is logged in.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.account.as_ref().map(|account| account.epoch)
    }

    /// Returns `true` if the user has not logged out since the data was persisted.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.account.is_some()
    }

    /// The nick of the user, unless they have logged out.
    #[must_use]
    pub fn nick(&self) -> Option<&str> {
        self.account.as_ref().map(|account| &*account.identity.nick)
    }
}

pub(crate) fn put_account(account: &Account) -> Change {
    Change::Put(Key::Account, encode_account(account))
}

/// Encodes the value of the table `Account`.
pub(crate) fn encode_account(account: &Account) -> Bytes {
    let value = device::Account {
        secret: account.secret.clone(),
        log: account.log.clone(),
        known: account.known.iter().flat_map(|range| [range.from, range.to]).collect(),
        messages: account.messages as u64,
        attempt: account.attempt,
        epoch: account.epoch,
        ..account::with_identity(&account.identity)
    };
    value.encode_to_vec().into()
}

fn decode_account(bytes: &[u8]) -> Option<Account> {
    let value = device::Account::decode(bytes).ok()?;
    let identity = account::identity(&value)?;
    let known = value.known.chunks_exact(2).map(|pair| Range { from: pair[0], to: pair[1] }).collect();
    let messages = usize::try_from(value.messages).ok()?;
    let (secret, log, epoch, attempt) = (value.secret, value.log, value.epoch, value.attempt);
    Some(Account { identity, secret, log, epoch, known, messages, attempt })
}

pub(crate) fn put_queued(message: &QueuedMessage) -> Change {
    queue::put(RoomId::LOBBY, message)
}

/// Encodes a value of the table `SendQueue`.
pub(crate) fn encode_queued(message: &QueuedMessage) -> Bytes {
    queue::encode(RoomId::LOBBY, message)
}

/// Decodes a value of the table `SendQueue`; `None` if it is invalid, or of another room than the lobby.
#[must_use]
pub fn decode_queued(bytes: &[u8]) -> Option<QueuedMessage> {
    queue::decode(bytes).filter(|(room, _)| *room == RoomId::LOBBY).map(|(_, message)| message)
}

pub(crate) fn put_message(message: &Message, epoch: u64) -> Change {
    let envelope = codec::encode(&codec::delivered(message)).to_vec();
    let value = device::StoredMessage { epoch, envelope };
    Change::Put(Key::Message(RoomId::LOBBY, message.seq), value.encode_to_vec().into())
}

/// `None` if the value is invalid, or the message is not in the log with this epoch.
fn decode_message(bytes: &[u8], epoch: u64) -> Option<Message> {
    let value = device::StoredMessage::decode(bytes).ok().filter(|value| value.epoch == epoch)?;
    codec::received(codec::decode(&value.envelope).ok()?).filter(|message| message.seq > 0)
}

#[cfg(test)]
mod tests;
