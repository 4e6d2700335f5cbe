//! The state of the tab that owns the session.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;

use super::{Command, TabCommand, command, events};
use crate::{
    Millis,
    device::{TabEvent, TabMessage},
    event::{Event, LOCAL},
    limits::SEND_QUEUE_MESSAGES,
    model::{Connection, Identity, MessageId, SeekTarget},
    persist::{self, DATABASE_VERSION},
    ranges::Range,
    session::{Clocks, Session},
    timeline::Notice,
};

/// The number of executed commands that are remembered. More than all tabs of a user have in flight.
const REMEMBERED_COMMANDS: usize = 64;
/// The number of ids of own messages that a tab remembers.
pub(super) const REMEMBERED_MESSAGES: usize = 2 * SEND_QUEUE_MESSAGES;

/// The state of the tab that owns the session.
#[derive(Debug)]
pub struct Leader {
    /// The lease number.
    pub(super) lease: u64,
    /// The number of the last message.
    number: u64,
    pub(super) identity: Option<Identity>,
    connection: Option<Connection>,
    from_device: bool,
    /// The last sequence number that is loaded; live messages follow it.
    live: Option<u64>,
    /// Sequence numbers in the gaps that are being loaded.
    loading: Vec<u64>,
    /// The epoch of the session's log, or 0.
    epoch: u64,
    /// Whether there are, or were, followers.
    has_followers: bool,
    /// The numbers of the last executed commands, oldest first.
    executed: VecDeque<u64>,
    /// The ids of the last own messages that this session and those before it have had, oldest first.
    pub(super) own_messages: VecDeque<MessageId>,
    /// A renewal is to be published, with the numbers of these commands.
    renewal: Option<Vec<u64>>,
    /// The version of the database.
    pub(super) database: u32,
}

/// The action that the caller takes after [`Leader::handle_message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderAction {
    /// Nothing.
    Nothing,
    /// Write the pending changes, then publish [`Leader::snapshot`].
    PublishSnapshot,
    /// A follower has become visible or hidden. The session counts as visible while any tab is.
    Visibility(bool),
    /// Log out.
    Leave,
}

impl Leader {
    /// A new leader. `lease` is larger than the number of every earlier leader; 0 counts as 1. `has_followers` means that
    /// there may be followers that know of this leader: the caller has to publish [`Leader::snapshot`]. Any other leader
    /// publishes nothing until it receives a command.
    #[must_use]
    pub fn new(lease: u64, has_followers: bool) -> Self {
        Self {
            lease: lease.max(1),
            number: 0,
            identity: None,
            connection: None,
            from_device: false,
            live: None,
            loading: Vec::new(),
            epoch: 0,
            has_followers,
            executed: VecDeque::new(),
            own_messages: VecDeque::new(),
            renewal: None,
            database: DATABASE_VERSION,
        }
    }

    /// Encodes an event of the session for the followers, if there are any.
    pub fn publish(&mut self, now: Millis, event: &Event, session: &Session) -> Option<Bytes> {
        match event {
            Event::LoggedIn(identity) => self.identity = Some(identity.clone()),
            Event::Connection(connection) => self.connection = Some(connection.clone()),
            Event::FromDevice(flag) => self.from_device = *flag,
            Event::RangeLoaded(range) => self.live = self.live.max(Some(range.to)),
            Event::LogReplaced => self.live = None,
            Event::LoggedOut => self.identity = None,
            Event::Gaps(_) => self.loading = session.loading(),
            Event::Message(message) if message.own && !self.own_messages.contains(&message.id) => {
                remember(&mut self.own_messages, message.id, REMEMBERED_MESSAGES);
            }
            _ => {}
        }
        self.epoch = session.epoch();
        if !self.has_followers {
            // A tab that this one does not know has missed it.
            self.number += 1;
            return None;
        }
        let events = match event {
            Event::MembersChanged => vec![members(session)],
            // Each tab has its own gaps; those that are being loaded are in every message.
            Event::Gaps(_) => Vec::new(),
            // The answers to requests of this tab.
            Event::Notice(Notice::Members { .. })
            | Event::PageFinished { requester: LOCAL, .. }
            | Event::SeekFinished { requester: LOCAL, .. }
            | Event::SearchFinished { requester: LOCAL, .. } => return None,
            event @ Event::LoggedIn(_) => {
                events::encode(now, event).into_iter().chain(account(session)).collect()
            }
            event => vec![events::encode(now, event)?],
        };
        Some(self.message(false, events))
    }

    /// Encodes the complete state, except the history, which followers read from the device.
    pub fn snapshot(&mut self, now: Millis, session: &Session) -> Bytes {
        self.epoch = session.epoch();
        let mut events = Vec::new();
        let mut add = |event: Event| events.extend(events::encode(now, &event));
        if let Some(identity) = &self.identity {
            add(Event::LoggedIn(identity.clone()));
        }
        add(Event::FromDevice(self.from_device));
        if let Some(live) = self.live {
            add(Event::RangeLoaded(Range { from: live, to: live }));
        }
        if let Some(connection) = &self.connection {
            add(Event::Connection(connection.clone()));
        }
        session.unacknowledged().into_iter().for_each(|message| add(Event::Message(message)));
        events.push(members(session));
        events.extend(account(session));
        self.message(true, events)
    }

    fn message(&mut self, snapshot: bool, events: Vec<TabEvent>) -> Bytes {
        self.number += 1;
        let (lease, number, loading) = (self.lease, self.number, self.loading.clone());
        let seq = loading.first().copied().unwrap_or(0);
        let message = TabMessage {
            leader: lease,
            lease,
            number,
            snapshot,
            events,
            seq,
            loading,
            epoch: self.epoch,
            database: self.database,
            ..TabMessage::default()
        };
        message.encode_to_vec().into()
    }

    /// Whether a message on the channel is from a leader that has taken the leadership over. Then this tab becomes a
    /// follower, without sending or persisting anything.
    #[must_use]
    pub fn is_superseded_by(&self, bytes: &[u8]) -> bool {
        TabMessage::decode(bytes).is_ok_and(|message| is_from_leader(&message) && message.lease > self.lease)
    }

    /// Handles a message on the channel that does not supersede this leader.
    pub fn handle_message(&mut self, now: Clocks, bytes: &[u8], session: &mut Session) -> LeaderAction {
        let Ok(message) = TabMessage::decode(bytes) else { return LeaderAction::Nothing };
        let Ok(kind) = TabCommand::try_from(message.command) else { return LeaderAction::Nothing };
        if is_from_leader(&message) {
            if message.lease != 0 {
                // That tab has missed that it is not the leader any more.
                self.renewal.get_or_insert_default();
            }
            return LeaderAction::Nothing;
        }
        self.has_followers = true;
        if let Some(command) = Command::decode(&message) {
            return self.execute(now, command, &message, session);
        }
        let requester = message.number;
        // A sequence number of a log that was replaced is that of another message now.
        let is_outdated = message.epoch != 0 && message.epoch != session.epoch();
        match kind {
            TabCommand::RequestSnapshot => return LeaderAction::PublishSnapshot,
            TabCommand::Visible => {
                self.renewal.get_or_insert_default();
                return LeaderAction::Visibility(true);
            }
            TabCommand::Hidden => return LeaderAction::Visibility(false),
            TabCommand::Send => return self.adopt(now, &message, session),
            TabCommand::LoadGap => session.handle_load_gap_for(now, requester, message.seq),
            TabCommand::Seek if is_outdated => session.handle_outdated_seek(requester),
            TabCommand::Seek => session.handle_seek_for(now, requester, SeekTarget::Seq(message.seq)),
            TabCommand::SeekTime => session.handle_seek_for(now, requester, SeekTarget::Time(message.time)),
            TabCommand::Search if is_outdated && message.seq != 0 => {
                session.handle_outdated_search(requester);
            }
            TabCommand::Search => {
                let words = String::from_utf8_lossy(&message.bytes);
                session.handle_search_for(now, requester, &words, message.seq);
            }
            _ => {}
        }
        LeaderAction::Nothing
    }

    /// Executes a command, unless it was executed already, has expired, or is for another leader. A command without a
    /// number is of an earlier version of the client.
    fn execute(
        &mut self,
        now: Clocks,
        command: Command,
        message: &TabMessage,
        session: &mut Session,
    ) -> LeaderAction {
        let is_for_other = message.lease != 0 && message.lease != self.lease;
        let is_expired = message.request != 0 && now.unix > message.expires;
        if is_for_other || is_expired {
            return LeaderAction::Nothing;
        }
        if message.request != 0 {
            self.renewal.get_or_insert_default().push(message.request);
            if self.executed.contains(&message.request) {
                return LeaderAction::Nothing;
            }
            remember(&mut self.executed, message.request, REMEMBERED_COMMANDS);
        }
        if command == Command::Leave {
            return LeaderAction::Leave;
        }
        command.execute(now, session);
        LeaderAction::Nothing
    }

    /// Adopts a message of a follower, which repeats it when the leader changes. A message that has left the send queue is
    /// not sent again, because a basic server would not detect the duplicate. Then the follower is answered after the
    /// snapshot, so that it finds on the device what became of the message.
    fn adopt(&mut self, now: Clocks, message: &TabMessage, session: &mut Session) -> LeaderAction {
        let Some(queued) = persist::decode_queued(&message.bytes) else { return LeaderAction::Nothing };
        if !self.own_messages.contains(&queued.id) {
            session.handle_adopt(now, &message.bytes);
        } else if session.handle_settled(now, queued.id) {
            self.renewal.get_or_insert_default().push(message.request);
            return LeaderAction::PublishSnapshot;
        }
        LeaderAction::Nothing
    }

    /// The answer to the questions and commands that were handled, to be published after the events of the session.
    pub fn poll_renewal(&mut self, now: Millis, session: &Session) -> Option<Bytes> {
        let answered = self.renewal.take()?;
        let arguments = TabMessage {
            lease: self.lease,
            number: self.number,
            database: self.database,
            answered,
            age: session.silence(now).unwrap_or(0),
            due: session.poll_timeout().map_or(0, |due| due.saturating_sub(now) + 1),
            ..TabMessage::default()
        };
        Some(command::encode(TabCommand::Renewed, arguments))
    }

    /// Encodes the announcement of a tab that has taken the leadership over and is still reading the device.
    #[must_use]
    pub fn announcement(lease: u64) -> Bytes {
        let (lease, database) = (lease.max(1), DATABASE_VERSION);
        command::encode(TabCommand::Renewed, TabMessage { lease, database, ..TabMessage::default() })
    }

    /// The lease number.
    #[must_use]
    pub fn lease(&self) -> u64 {
        self.lease
    }
}

fn is_from_leader(message: &TabMessage) -> bool {
    message.leader != 0 || message.command == i32::from(TabCommand::Renewed)
}

fn members(session: &Session) -> TabEvent {
    let (members, total) = session.members();
    events::members(&members, total)
}

fn account(session: &Session) -> Option<TabEvent> {
    session.account().map(|account| events::account(&account))
}

/// Appends an item and forgets the oldest ones above `limit`.
pub(super) fn remember<T>(items: &mut VecDeque<T>, item: T, limit: usize) {
    items.push_back(item);
    while items.len() > limit {
        items.pop_front();
    }
}
