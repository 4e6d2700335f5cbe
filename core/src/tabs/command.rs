//! Commands of a follower to the leader.

use bytes::Bytes;
use prost::Message as _;

use crate::{
    Millis,
    device::{TabCommand, TabMessage},
    event::Requester,
    model::{Message, MessageId, SeekTarget},
    session::{Clocks, Session},
};

/// A command that the leader has not answered after this time has failed, and the user is notified. Longer than the time
/// after which a visible follower takes the leadership over and executes the command itself.
pub const COMMAND_TIMEOUT_MS: Millis = 10_000;
/// A leader does not execute a command that is older than this, because the user may be told that it has failed.
const COMMAND_LIFETIME_MS: i64 = 8_000;

/// An action of the user that must be executed exactly once, by whichever tab is the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send a failed message again.
    Retry(MessageId),
    /// Discard a failed message.
    Discard(MessageId),
    /// Reconnect now instead of waiting.
    Reconnect,
    /// Log out.
    Leave,
    /// Continue under another nick, which is valid.
    Rename(String),
}

impl Command {
    /// Executes the command in the tab that owns the session. Before [`Command::Rename`], call
    /// [`Session::handle_new_secret`].
    pub fn execute(self, now: Clocks, session: &mut Session) {
        match self {
            Self::Retry(id) => session.handle_retry(now, id),
            Self::Discard(id) => session.handle_discard(now, id),
            Self::Reconnect => session.handle_reconnect(now),
            Self::Leave => session.handle_leave(now),
            Self::Rename(nick) => {
                // Refused if the user's nick is not refused any more.
                let _ = session.handle_rename(now, &nick);
            }
        }
    }

    /// The command in a message between tabs; `None` for commands of other kinds.
    pub(super) fn decode(message: &TabMessage) -> Option<Self> {
        let id = || MessageId::from_wire(&message.bytes);
        Some(match TabCommand::try_from(message.command).ok()? {
            TabCommand::Retry => Self::Retry(id()?),
            TabCommand::Discard => Self::Discard(id()?),
            TabCommand::Reconnect => Self::Reconnect,
            TabCommand::Leave => Self::Leave,
            TabCommand::Rename => Self::Rename(String::from_utf8_lossy(&message.bytes).into()),
            _ => return None,
        })
    }

    fn encode(&self) -> TabMessage {
        let (command, bytes) = match self {
            Self::Retry(id) => (TabCommand::Retry, id.0.to_vec()),
            Self::Discard(id) => (TabCommand::Discard, id.0.to_vec()),
            Self::Reconnect => (TabCommand::Reconnect, Vec::new()),
            Self::Leave => (TabCommand::Leave, Vec::new()),
            Self::Rename(nick) => (TabCommand::Rename, nick.clone().into()),
        };
        TabMessage { command: command.into(), bytes, ..TabMessage::default() }
    }
}

/// A command of this follower that no leader has answered.
#[derive(Clone, Debug)]
pub(super) struct PendingCommand {
    /// The random number of the command.
    pub request: u64,
    pub command: Command,
    pub issued: Millis,
    /// Must not be executed after this time, Unix ms.
    expires: i64,
    /// The message as it was before the command, which is shown as executed at once.
    pub undo: Option<Message>,
}

impl PendingCommand {
    pub fn new(now: Clocks, request: u64, command: Command, undo: Option<Message>) -> Self {
        let expires = now.unix.saturating_add(COMMAND_LIFETIME_MS);
        Self { request: request.max(1), command, issued: now.monotonic, expires, undo }
    }

    /// Encodes the command for the leader with this lease number.
    pub fn encode(&self, lease: u64) -> Bytes {
        let (request, expires) = (self.request, self.expires);
        TabMessage { lease, request, expires, ..self.command.encode() }.encode_to_vec().into()
    }
}

/// Encodes a command without an argument.
#[must_use]
pub fn command(command: TabCommand) -> Bytes {
    encode(command, TabMessage::default())
}

/// Encodes the command to load the newest part of the gap that ends with `to`; the answer carries the requester.
#[must_use]
pub fn load_gap_command(requester: Requester, to: u64) -> Bytes {
    encode(TabCommand::LoadGap, TabMessage { number: requester, seq: to, ..TabMessage::default() })
}

/// Encodes the command to seek; the answer carries the requester.
pub(super) fn seek_command(requester: Requester, epoch: u64, target: SeekTarget) -> Bytes {
    let message = TabMessage { number: requester, epoch, ..TabMessage::default() };
    match target {
        SeekTarget::Seq(seq) => encode(TabCommand::Seek, TabMessage { seq, ..message }),
        SeekTarget::Time(time) => encode(TabCommand::SeekTime, TabMessage { time, ..message }),
    }
}

pub(super) fn encode(command: TabCommand, arguments: TabMessage) -> Bytes {
    TabMessage { command: command.into(), ..arguments }.encode_to_vec().into()
}
