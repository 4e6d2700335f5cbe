//! The messages between tabs: types of this module, encoded as [`TabPost`].

use bytes::Bytes;
use prost::Message as _;

pub use crate::device::tab_post::Report;
use crate::{
    client::{Command, Origin},
    device::{
        ClientEvent, ExecutedCommand, FollowerCommand, MessageRef, Publication, Renewal, TabPost,
        follower_command::Operation, tab_post::Content,
    },
    model::{MessageId, RoomId, UserId},
    persist::{DATABASE_VERSION, queue},
    send_queue::QueuedMessage,
};

/// What a follower asks the leader to do.
#[derive(Clone, Debug, PartialEq)]
pub enum TabCommand {
    /// A command for the server.
    Server(Command),
    /// Send a message that the follower has persisted.
    Send(RoomId, QueuedMessage),
    /// Send a failed message again.
    Retry(RoomId, MessageId),
    /// Discard a failed message.
    Discard(RoomId, MessageId),
    /// Reconnect now instead of waiting.
    Reconnect,
    /// Continue under another nick.
    Rename(String),
    /// Log out.
    LogOut,
}

/// A message of another tab.
#[derive(Debug)]
pub(super) struct Post {
    /// The tab that has sent it.
    pub tab: Origin,
    /// The lease number of the leader that has sent it or that it is for.
    pub lease: u64,
    /// From a leader: the version of its database.
    pub database: u32,
    pub content: PostContent,
}

#[derive(Debug)]
pub(super) enum PostContent {
    Publication {
        number: u64,
        snapshot: bool,
        events: Vec<ClientEvent>,
    },
    Renewal {
        number: u64,
        age: u64,
        due: Option<u64>,
        executed: Vec<(Origin, u32)>,
        roll_call: bool,
    },
    Report(Report),
    /// `log` is the id of the log that the follower knew, `account` the account that it is logged in to.
    Command {
        number: u32,
        expires: i64,
        command: TabCommand,
        log: Vec<u8>,
        account: Option<UserId>,
    },
}

impl Post {
    /// `None` if the message is invalid, or of a later version of the client.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let TabPost { tab, lease, database, content } = TabPost::decode(bytes).ok()?;
        let content = match content? {
            Content::Publication(Publication { number, snapshot, events }) => {
                PostContent::Publication { number, snapshot, events }
            }
            Content::Renewal(Renewal { number, age, due, executed, roll_call }) => PostContent::Renewal {
                number,
                age,
                due: due.checked_sub(1),
                executed: executed.iter().map(|done| (Origin(done.tab), done.number)).collect(),
                roll_call,
            },
            Content::Report(report) => PostContent::Report(Report::try_from(report).ok()?),
            Content::Command(FollowerCommand { number, expires, operation, log, account }) => {
                let (command, account) = (decode_operation(operation?)?, UserId::from_wire(&account));
                PostContent::Command { number, expires, command, log, account }
            }
        };
        (tab != 0).then_some(Self { tab: Origin(tab), lease, database, content })
    }

    /// The lease number of the leader that has sent this; `None` from a follower.
    pub fn leader(&self) -> Option<u64> {
        let is_leader = matches!(self.content, PostContent::Publication { .. } | PostContent::Renewal { .. });
        (is_leader && self.lease != 0).then_some(self.lease)
    }

    pub fn encode(&self) -> Bytes {
        let content = match &self.content {
            PostContent::Publication { number, snapshot, events } => Content::Publication(Publication {
                number: *number,
                snapshot: *snapshot,
                events: events.clone(),
            }),
            PostContent::Renewal { number, age, due, executed, roll_call } => Content::Renewal(Renewal {
                number: *number,
                age: *age,
                due: due.map_or(0, |due| due.saturating_add(1)),
                executed: executed
                    .iter()
                    .map(|(tab, number)| ExecutedCommand { tab: tab.0, number: *number })
                    .collect(),
                roll_call: *roll_call,
            }),
            PostContent::Report(report) => Content::Report((*report).into()),
            PostContent::Command { number, expires, command, log, account } => {
                Content::Command(FollowerCommand {
                    number: *number,
                    expires: *expires,
                    operation: Some(encode_operation(*number, command)),
                    log: log.clone(),
                    account: account.map(|account| account.0.to_vec()).unwrap_or_default(),
                })
            }
        };
        let (tab, lease, database) = (self.tab.0, self.lease, self.database);
        TabPost { tab, lease, database, content: Some(content) }.encode_to_vec().into()
    }

    /// A message of the leader with this lease number.
    pub fn of_leader(tab: Origin, lease: u64, content: PostContent) -> Self {
        Self { tab, lease, database: DATABASE_VERSION, content }
    }

    /// A report of a follower.
    pub fn report(tab: Origin, report: Report) -> Self {
        Self { tab, lease: 0, database: 0, content: PostContent::Report(report) }
    }
}

fn encode_operation(number: u32, command: &TabCommand) -> Operation {
    let reference = |room: &RoomId, id: &MessageId| MessageRef { room: room.to_wire(), id: id.0.to_vec() };
    match command {
        TabCommand::Server(command) => Operation::Command(command.to_wire(number)),
        TabCommand::Send(room, message) => Operation::Send(queue::to_wire(*room, message)),
        TabCommand::Retry(room, id) => Operation::Retry(reference(room, id)),
        TabCommand::Discard(room, id) => Operation::Discard(reference(room, id)),
        TabCommand::Reconnect => Operation::Reconnect(true),
        TabCommand::Rename(nick) => Operation::Rename(nick.clone()),
        TabCommand::LogOut => Operation::LogOut(true),
    }
}

fn decode_operation(operation: Operation) -> Option<TabCommand> {
    Some(match operation {
        Operation::Command(command) => TabCommand::Server(Command::from_wire(command)?.1),
        Operation::Send(message) => {
            let (room, message) = queue::from_wire(message)?;
            TabCommand::Send(room, message)
        }
        Operation::Retry(reference) => {
            let (room, id) = decode_reference(&reference)?;
            TabCommand::Retry(room, id)
        }
        Operation::Discard(reference) => {
            let (room, id) = decode_reference(&reference)?;
            TabCommand::Discard(room, id)
        }
        Operation::Reconnect(_) => TabCommand::Reconnect,
        Operation::Rename(nick) => TabCommand::Rename(nick),
        Operation::LogOut(_) => TabCommand::LogOut,
    })
}

pub(super) fn decode_reference(reference: &MessageRef) -> Option<(RoomId, MessageId)> {
    Some((RoomId::from_wire(&reference.room)?, MessageId::from_wire(&reference.id)?))
}
