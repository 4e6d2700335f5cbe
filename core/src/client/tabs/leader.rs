//! The state of the tab that owns the client.

use crate::sorted::SortedMap;
use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    events,
    follower::SentMessage,
    post::{Post, PostContent, Report, TabCommand},
};
use crate::{
    Clocks, Millis,
    client::{Client, Command, Event, Origin},
    codec::{self, Extension},
    limits::SEND_QUEUE_MESSAGES,
    model::{Connection, MessageId, RoomId},
    persist::DATABASE_VERSION,
    wire,
};

/// The number of executed commands that are remembered. More than all tabs of a user have in flight.
const REMEMBERED_COMMANDS: usize = 64;
/// The number of ids of own messages that a tab remembers.
pub(super) const REMEMBERED_MESSAGES: usize = 2 * SEND_QUEUE_MESSAGES;
/// The minimum time between two roll calls, and the time that a tab has to answer one, in ms. A tab in the background is
/// told at once, although its timers are delayed.
const ROLL_CALL_MS: Millis = 30_000;

/// The state of the tab that owns the client.
#[derive(Debug)]
pub struct Leader {
    /// This tab.
    tab: Origin,
    /// The lease number.
    pub(super) lease: u64,
    /// The version of the database.
    pub(super) database: u32,
    /// The number of the last publication.
    number: u64,
    /// Whether there are, or were, followers.
    has_followers: bool,
    connection: Option<Connection>,
    /// The followers, and when each was heard last.
    followers: SortedMap<Origin, Millis>,
    /// When the last roll call began.
    roll_call: Option<Millis>,
    /// The last executed commands, oldest first.
    executed: VecDeque<(Origin, u32)>,
    /// The ids of the last own messages that this client and those before it have had, oldest first.
    pub(super) own_messages: VecDeque<MessageId>,
    /// The messages that this tab has sent as a follower and that were being stored when it became the leader. The client adopts
    /// each once it is stored.
    pub(super) unadopted: Vec<SentMessage>,
    renewal: Option<PendingRenewal>,
}

/// A renewal that is to be published.
#[derive(Debug, Default)]
struct PendingRenewal {
    executed: Vec<(Origin, u32)>,
    roll_call: bool,
}

/// The action that the caller takes after [`Leader::handle_message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderAction {
    /// Nothing.
    Nothing,
    /// Publish [`Leader::snapshot`].
    PublishSnapshot,
    /// A follower has become visible or hidden. The client counts as visible while any tab is.
    Visibility(bool),
    /// Log out.
    LogOut,
}

impl Leader {
    /// A new leader. `lease` is larger than the number of every earlier leader; 0 counts as 1. `has_followers` means that
    /// there may be followers that know of this leader: the caller has to publish [`Leader::snapshot`]. Any other leader
    /// publishes nothing until it hears of a follower.
    #[must_use]
    pub fn new(tab: Origin, lease: u64, has_followers: bool) -> Self {
        Self {
            tab,
            lease: lease.max(1),
            database: DATABASE_VERSION,
            number: 0,
            has_followers,
            connection: None,
            followers: SortedMap::new(),
            roll_call: None,
            executed: VecDeque::new(),
            own_messages: VecDeque::new(),
            unadopted: Vec::new(),
            renewal: None,
        }
    }

    /// The lease number.
    #[must_use]
    pub fn lease(&self) -> u64 {
        self.lease
    }

    /// Encodes an event of the client for the followers, if there are any.
    pub fn publish(&mut self, now: Millis, event: &Event, client: &Client) -> Option<Bytes> {
        match event {
            Event::Connection(connection) => self.connection = Some(connection.clone()),
            Event::Own(message) if !self.own_messages.contains(&message.id) => {
                remember(&mut self.own_messages, message.id, REMEMBERED_MESSAGES);
            }
            _ => {}
        }
        let event = events::encode(now, event, client.record().as_ref())?;
        if !self.has_followers {
            // A tab that this one does not know has missed it.
            self.number += 1;
            return None;
        }
        Some(self.publication(false, vec![event]))
    }

    /// Encodes the complete state, except for messages of the log: followers subscribe to the rooms that they show, each
    /// from its own position.
    pub fn snapshot(&mut self, now: Millis, client: &Client) -> Bytes {
        let record = client.record();
        let mut events = Vec::new();
        let mut add = |event: &Event| events.extend(events::encode(now, event, record.as_ref()));
        if let Some(record) = &record {
            add(&Event::LoggedIn(record.identity.clone(), record.account));
        }
        if let Some(welcome) = welcome(client) {
            add(&Event::Received(Box::new(codec::extension(Extension::Welcome(welcome)))));
            // A follower that becomes the leader tells the server of them.
            for (room, cursor) in client.state().account().unconfirmed_cursors() {
                add(&Event::Cursor(room, cursor));
            }
        }
        if let Some(connection) = &self.connection {
            add(&Event::Connection(connection.clone()));
        }
        client.unacknowledged().into_iter().for_each(|message| add(&Event::Own(message)));
        self.publication(true, events)
    }

    fn publication(&mut self, snapshot: bool, events: Vec<crate::device::ClientEvent>) -> Bytes {
        self.number += 1;
        self.post(PostContent::Publication { number: self.number, snapshot, events })
    }

    fn post(&self, content: PostContent) -> Bytes {
        Post { tab: self.tab, lease: self.lease, database: self.database, content }.encode()
    }

    /// Returns `true` if a message on the channel is from a leader that has taken the leadership over. Then this tab becomes
    /// a follower, without sending or persisting anything.
    #[must_use]
    pub fn is_superseded_by(&self, bytes: &[u8]) -> bool {
        Post::decode(bytes).and_then(|post| post.leader()).is_some_and(|lease| lease > self.lease)
    }

    /// Handles a message on the channel that does not supersede this leader.
    pub fn handle_message(&mut self, now: Clocks, bytes: &[u8], client: &mut Client) -> LeaderAction {
        let Some(post) = Post::decode(bytes) else { return LeaderAction::Nothing };
        if post.leader().is_some() {
            // That tab has missed that it is not the leader any more.
            self.renewal.get_or_insert_default();
            return LeaderAction::Nothing;
        }
        let (tab, lease) = (post.tab, post.lease);
        match post.content {
            PostContent::Report(Report::Closed) => {
                self.followers.remove(&tab);
                client.handle_closed_tab(tab);
                return LeaderAction::Visibility(false);
            }
            PostContent::Report(report) => {
                self.heard(now, tab);
                return match report {
                    Report::WantsSnapshot => LeaderAction::PublishSnapshot,
                    Report::Visible => {
                        self.renewal.get_or_insert_default();
                        LeaderAction::Visibility(true)
                    }
                    Report::Hidden | Report::Closed => LeaderAction::Visibility(false),
                };
            }
            PostContent::Command { number, expires, command, log, account } => {
                self.heard(now, tab);
                // The tab may not know yet that its account has logged out.
                let is_of_other = account.is_some() && account != client.account();
                let is_for_other = is_of_other || lease != 0 && lease != self.lease;
                if !is_for_other && now.unix <= expires {
                    let command = if log == client.state().log() { command } else { command.of_other_log() };
                    return self.execute(now, tab, number, command, client);
                }
            }
            PostContent::Publication { .. } | PostContent::Renewal { .. } => {}
        }
        LeaderAction::Nothing
    }

    fn heard(&mut self, now: Clocks, tab: Origin) {
        self.has_followers = true;
        self.followers.insert(tab, now.monotonic);
    }

    /// Executes a command. One that was executed already is not executed again, unless that has no second effect: then its
    /// answer was lost, and the tab waits for another one.
    fn execute(
        &mut self,
        now: Clocks,
        tab: Origin,
        number: u32,
        command: TabCommand,
        client: &mut Client,
    ) -> LeaderAction {
        if let TabCommand::Send(room, message) = command {
            // A message has an id, so that it is known which one was sent.
            if !self.own_messages.contains(&message.id) {
                client.handle_adopt(now, room, message);
            } else if client.handle_settled(now, room, message.id) {
                self.executed_now(tab, number);
            }
            return LeaderAction::Nothing;
        }
        if let TabCommand::Server(Command::Subscribe { .. }) = &command {
            self.call_roll(now, client);
        }
        if !command.is_repeatable() {
            self.executed_now(tab, number);
            if self.executed.contains(&(tab, number)) {
                return LeaderAction::Nothing;
            }
            remember(&mut self.executed, (tab, number), REMEMBERED_COMMANDS);
        }
        if command == TabCommand::LogOut {
            return LeaderAction::LogOut;
        }
        command.execute(now, tab, number, client);
        LeaderAction::Nothing
    }

    fn executed_now(&mut self, tab: Origin, number: u32) {
        self.renewal.get_or_insert_default().executed.push((tab, number));
    }

    /// Forgets the tabs that did not answer the last roll call, and begins another one. Only when a tab subscribes to a room,
    /// because only then it matters how many rooms the tabs show.
    fn call_roll(&mut self, now: Clocks, client: &mut Client) {
        match self.roll_call {
            Some(begun) if now.monotonic < begun.saturating_add(ROLL_CALL_MS) => return,
            Some(begun) => {
                let silent = self.followers.iter().filter(|(_, heard)| **heard < begun);
                let silent: Vec<_> = silent.map(|(tab, _)| *tab).collect();
                for tab in silent {
                    self.followers.remove(&tab);
                    client.handle_closed_tab(tab);
                }
            }
            None => {}
        }
        self.roll_call = Some(now.monotonic);
        self.renewal.get_or_insert_default().roll_call = true;
    }

    /// The answer to the questions and commands that were handled, to be published after the events of the client.
    pub fn poll_renewal(&mut self, now: Millis, client: &Client) -> Option<Bytes> {
        let PendingRenewal { executed, roll_call } = self.renewal.take()?;
        Some(self.post(PostContent::Renewal {
            number: self.number,
            age: client.silence(now).unwrap_or(0),
            due: client.poll_timeout().map(|due| due.saturating_sub(now)),
            executed,
            roll_call,
        }))
    }

    /// Encodes the announcement of a tab that has taken the leadership over and is still reading the device.
    #[must_use]
    pub fn announcement(tab: Origin, lease: u64) -> Bytes {
        let (number, age, due, executed, roll_call) = (0, 0, None, Vec::new(), false);
        Post::of_leader(tab, lease.max(1), PostContent::Renewal { number, age, due, executed, roll_call })
            .encode()
    }
}

impl TabCommand {
    /// Executes the command in the tab that owns the client, for the tab `origin`. [`TabCommand::LogOut`] is executed by the
    /// caller.
    pub fn execute(self, now: Clocks, origin: Origin, number: u32, client: &mut Client) {
        match self {
            Self::Server(command) => client.handle_command(now, origin, number, command),
            Self::Send(room, message) => client.handle_adopt(now, room, message),
            Self::Retry(room, id) => client.handle_retry(now, room, id),
            Self::Discard(room, id) => client.handle_discard(now, room, id),
            Self::Reconnect => client.handle_reconnect(now),
            Self::Rename(nick) => {
                // Refused if the user's nick is not refused any more.
                let _ = client.handle_rename(now, &nick);
            }
            Self::LogOut => {}
        }
    }

    /// The command without what refers to another log than that of the client.
    fn of_other_log(self) -> Self {
        match self {
            Self::Server(command) => Self::Server(command.of_other_log()),
            command => command,
        }
    }

    /// Returns `true` if executing the command twice has the same effect as once: it only reads, has an idempotency key, or
    /// is merged.
    pub(super) fn is_repeatable(&self) -> bool {
        match self {
            Self::Send(..) => true,
            Self::Server(command) => !matches!(command, Command::ReadAll),
            Self::Retry(..) | Self::Discard(..) | Self::Reconnect | Self::Rename(_) | Self::LogOut => false,
        }
    }

    /// The room of the command.
    pub(super) fn room(&self) -> RoomId {
        match self {
            Self::Server(command) => command.room(),
            Self::Send(room, _) | Self::Retry(room, _) | Self::Discard(room, _) => *room,
            Self::Reconnect | Self::Rename(_) | Self::LogOut => RoomId::LOBBY,
        }
    }
}

/// The account and its room list, as a server tells it; `None` before the first login.
fn welcome(client: &Client) -> Option<wire::Welcome> {
    let state = client.state();
    Some(wire::Welcome {
        version: crate::PROTOCOL_VERSION,
        account: state.me()?.0.to_vec(),
        nick: state.account().nick().to_string(),
        log: state.log().to_vec(),
        rows: Some(state.account_rows()),
        ..wire::Welcome::default()
    })
}

/// Appends an item and forgets the oldest ones above `limit`.
pub(super) fn remember<T>(items: &mut VecDeque<T>, item: T, limit: usize) {
    items.push_back(item);
    while items.len() > limit {
        items.pop_front();
    }
}
