//! Sharing one session between the tabs of a browser.
//!
//! One tab, the *leader*, owns the session; the *followers* send it commands and replay its events, over a channel that
//! all tabs receive. The leader's messages are numbered: a follower that detects a gap requests a snapshot. Text sent in
//! a follower is persisted by that follower before the leader sees it, so the next leader finds it on the device.
//!
//! Sans-IO, like the session: [`Leader`] and [`Follower`] take input and return output.

mod events;
mod follower;

use bytes::Bytes;
use prost::Message as _;

pub use self::follower::{Follower, FollowerAction, FollowerMessage};
pub use crate::device::TabCommand;
use crate::{
    Millis,
    device::{TabEvent, TabMessage},
    event::{Event, LOCAL, Requester},
    model::{Connection, Identity, MessageId, SeekTarget},
    ranges::Range,
    session::{Clocks, Session},
    timeline::Notice,
};

/// The state of the tab that owns the session.
#[derive(Debug)]
pub struct Leader {
    id: u64,
    /// The number of the last message.
    number: u64,
    identity: Option<Identity>,
    connection: Option<Connection>,
    from_device: bool,
    /// The last sequence number that is loaded; live messages follow it.
    live: Option<u64>,
    /// A sequence number in the gap that is being loaded, or 0.
    loading: u64,
    /// The epoch of the session's log, or 0.
    epoch: u64,
    /// Whether there are, or were, followers.
    has_followers: bool,
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
    /// A new leader. `id` distinguishes it from others; 0 counts as 1. `was_follower` means that the tab was a follower
    /// before: it takes over the other followers, so the caller has to publish [`Leader::snapshot`]. Any other leader
    /// publishes nothing until it receives a command.
    #[must_use]
    pub fn new(id: u64, was_follower: bool) -> Self {
        Self {
            id: id.max(1),
            number: 0,
            identity: None,
            connection: None,
            from_device: false,
            live: None,
            loading: 0,
            epoch: 0,
            has_followers: was_follower,
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
            _ => {}
        }
        self.epoch = session.epoch();
        if !self.has_followers {
            return None;
        }
        let events = match event {
            Event::MembersChanged => vec![members(session)],
            // Each tab has its own gaps; the one that is being loaded is in every message.
            Event::Gaps(_) => Vec::new(),
            // The answers to requests of this tab.
            Event::Notice(Notice::Members { .. })
            | Event::SeekFinished { requester: LOCAL, .. }
            | Event::SearchFinished { requester: LOCAL, .. } => return None,
            event => vec![events::encode(now, event)?],
        };
        Some(self.message(false, events))
    }

    /// Encodes the complete state, except the data that followers read from the device.
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
        events.push(members(session));
        self.message(true, events)
    }

    fn message(&mut self, snapshot: bool, events: Vec<TabEvent>) -> Bytes {
        self.number += 1;
        let (leader, number, seq, epoch) = (self.id, self.number, self.loading, self.epoch);
        let message = TabMessage { leader, number, snapshot, events, seq, epoch, ..TabMessage::default() };
        message.encode_to_vec().into()
    }

    /// Handles a message on the channel. Anything but a command is ignored.
    pub fn handle_message(&mut self, now: Clocks, bytes: &[u8], session: &mut Session) -> LeaderAction {
        let Ok(message) = TabMessage::decode(bytes) else { return LeaderAction::Nothing };
        let Ok(command) = TabCommand::try_from(message.command) else { return LeaderAction::Nothing };
        if message.leader != 0 {
            return LeaderAction::Nothing;
        }
        self.has_followers = true;
        let id = MessageId::from_wire(&message.bytes);
        let requester = message.number;
        // A sequence number of a log that was replaced is that of another message now.
        let is_outdated = message.epoch != 0 && message.epoch != session.epoch();
        match (command, id) {
            (TabCommand::RequestSnapshot, _) => return LeaderAction::PublishSnapshot,
            (TabCommand::Visible, _) => return LeaderAction::Visibility(true),
            (TabCommand::Hidden, _) => return LeaderAction::Visibility(false),
            (TabCommand::Leave, _) => return LeaderAction::Leave,
            (TabCommand::Send, _) => session.handle_adopt(now, &message.bytes),
            (TabCommand::Retry, Some(id)) => session.handle_retry(now, id),
            (TabCommand::Discard, Some(id)) => session.handle_discard(now, id),
            (TabCommand::Reconnect, _) => session.handle_reconnect(now),
            (TabCommand::Rename, _) => {
                // Validated by the follower. Not applied if the nick is not refused any more.
                let _ = session.handle_rename(now, &String::from_utf8_lossy(&message.bytes));
            }
            (TabCommand::LoadGap, _) => session.handle_load_gap_for(now, message.seq),
            (TabCommand::Seek, _) if is_outdated => session.handle_outdated_seek(requester),
            (TabCommand::Seek, _) => session.handle_seek_for(now, requester, SeekTarget::Seq(message.seq)),
            (TabCommand::SeekTime, _) => {
                session.handle_seek_for(now, requester, SeekTarget::Time(message.time))
            }
            (TabCommand::Search, _) if is_outdated && message.seq != 0 => {
                session.handle_outdated_search(requester);
            }
            (TabCommand::Search, _) => {
                let words = String::from_utf8_lossy(&message.bytes);
                session.handle_search_for(now, requester, &words, message.seq);
            }
            (TabCommand::Retry | TabCommand::Discard, None) => {}
        }
        LeaderAction::Nothing
    }
}

fn members(session: &Session) -> TabEvent {
    let (members, total) = session.members();
    events::members(&members, total)
}

/// Encodes a command without an argument.
#[must_use]
pub fn command(command: TabCommand) -> Bytes {
    encode_command(command, TabMessage::default())
}

/// Encodes a command about a message.
#[must_use]
pub fn message_command(command: TabCommand, id: MessageId) -> Bytes {
    encode_command(command, TabMessage { bytes: id.0.to_vec(), ..TabMessage::default() })
}

/// Encodes the command to continue under another nick.
#[must_use]
pub fn rename_command(nick: &str) -> Bytes {
    encode_command(TabCommand::Rename, TabMessage { bytes: nick.into(), ..TabMessage::default() })
}

/// Encodes the command to load the newest part of the gap that ends with `to`.
#[must_use]
pub fn load_gap_command(to: u64) -> Bytes {
    encode_command(TabCommand::LoadGap, TabMessage { seq: to, ..TabMessage::default() })
}

/// Encodes the command to seek; the answer carries the requester.
fn seek_command(requester: Requester, epoch: u64, target: SeekTarget) -> Bytes {
    let message = TabMessage { number: requester, epoch, ..TabMessage::default() };
    match target {
        SeekTarget::Seq(seq) => encode_command(TabCommand::Seek, TabMessage { seq, ..message }),
        SeekTarget::Time(time) => encode_command(TabCommand::SeekTime, TabMessage { time, ..message }),
    }
}

fn encode_command(command: TabCommand, arguments: TabMessage) -> Bytes {
    TabMessage { command: command.into(), ..arguments }.encode_to_vec().into()
}

#[cfg(test)]
mod tests;
