//! The state of a tab that follows a leader.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;

use super::{
    TabCommand, encode_command,
    events::{self, Decoded},
    seek_command,
};
use crate::{
    Millis,
    device::TabMessage,
    event::{Event, GapState, LOCAL, Requester},
    model::{Delivery, Identity, Member, Message, MessageId, SeekTarget},
    persist::{self, Change, Persisted},
    ranges::{Range, Ranges},
    send_queue::{self, QueuedMessage, Stage},
    session::{self, Clocks},
    status::Status,
    validate,
};

/// A message that the user has sent in a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerMessage {
    /// The change that persists it, to be made first.
    pub change: Change,
    /// The command for the leader, to be sent once the change is made or has failed.
    pub command: Bytes,
    /// The value for [`Session::handle_adopt`](session::Session::handle_adopt), in case this tab has become the leader.
    pub value: Bytes,
}

/// The action that the caller takes after [`Follower::handle_message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowerAction {
    /// Nothing.
    Nothing,
    /// Messages were missed: send [`TabCommand::RequestSnapshot`].
    RequestSnapshot,
    /// A snapshot was received: read the device's storage, for [`Follower::handle_persisted`].
    LoadPersisted,
}

/// The state of a tab that follows a leader.
#[derive(Debug, Default)]
pub struct Follower {
    /// The id of the leader, and the number of its last message.
    leader: u64,
    number: u64,
    /// The id of the leader from which a snapshot was requested and not received yet.
    snapshot_requested: Option<u64>,
    identity: Option<Identity>,
    /// The epoch of the log that this tab shows; 0 when it is not known.
    epoch: u64,
    members: Vec<Member>,
    total_members: usize,
    /// The ranges of which this tab has every message.
    pub(super) known: Ranges,
    /// A sequence number in the gap that the leader is loading, or 0.
    loading: u64,
    /// The last reported gaps; `None` before the first report.
    reported: Option<Vec<GapState>>,
    /// The requester numbers of this tab's unfinished seek and search; 0 when there is none.
    pending_seek: Requester,
    pending_search: Requester,
    /// The order of the last message sent in this tab.
    last_order: u64,
    /// Messages whose last reported state is [`Delivery::Queued`]: the leader may not have persisted them yet.
    queued: Vec<Message>,
    events: VecDeque<Event>,
}

impl Follower {
    /// A follower without a leader. It starts by sending [`TabCommand::RequestSnapshot`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles a message on the channel. Commands of other followers are ignored.
    pub fn handle_message(&mut self, now: Millis, bytes: &[u8]) -> FollowerAction {
        let Ok(message) = TabMessage::decode(bytes) else { return FollowerAction::Nothing };
        if message.leader == 0 {
            return FollowerAction::Nothing;
        }
        let is_next = message.leader == self.leader && message.number == self.number + 1;
        if !is_next && !message.snapshot {
            let requested = self.snapshot_requested.replace(message.leader);
            return if requested == Some(message.leader) {
                FollowerAction::Nothing
            } else {
                FollowerAction::RequestSnapshot
            };
        }
        if message.snapshot {
            self.snapshot_requested = None;
            self.known.clear();
            if !is_next {
                // Some of these messages may have been acknowledged meanwhile; the others are persisted by the leader.
                self.queued.clear();
                // The answers to this tab's requests may be among the missed messages.
                self.handle_leader_gone();
            }
        }
        (self.leader, self.number, self.loading) = (message.leader, message.number, message.seq);
        if message.epoch != self.epoch {
            // The log was replaced; the event that reports it may be among the missed messages.
            if self.epoch != 0 {
                self.handle_event(Event::LogReplaced);
            }
            self.epoch = message.epoch;
        }
        for event in message.events {
            match events::decode(now, event) {
                Some(Decoded::Event(event)) => self.handle_event(event),
                Some(Decoded::Members(members, total)) => {
                    (self.members, self.total_members) = (members, total);
                    self.events.push_back(Event::MembersChanged);
                }
                None => {}
            }
        }
        self.emit_gaps();
        if message.snapshot { FollowerAction::LoadPersisted } else { FollowerAction::Nothing }
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::RangeLoaded(range) => return self.known.insert(range.from, range.to),
            Event::SeekFinished { requester, seq } => {
                if take_pending(&mut self.pending_seek, requester) {
                    self.events.push_back(Event::SeekFinished { requester: LOCAL, seq });
                }
                return;
            }
            Event::SearchFinished { requester, results } => {
                if take_pending(&mut self.pending_search, requester) {
                    self.events.push_back(Event::SearchFinished { requester: LOCAL, results });
                }
                return;
            }
            _ => {}
        }
        match &event {
            Event::LoggedIn(identity) => self.identity = Some(identity.clone()),
            Event::LoggedOut => *self = Self { events: std::mem::take(&mut self.events), ..Self::default() },
            Event::LogReplaced => self.known.clear(),
            Event::Message(message) if message.own => {
                self.queued.retain(|queued| queued.id != message.id);
                if message.delivery == Delivery::Queued {
                    self.queued.push(message.clone());
                }
            }
            Event::HistoryPage(page) => {
                self.queued.retain(|queued| page.iter().all(|message| message.id != queued.id))
            }
            // Later states are reported only after the message was persisted.
            Event::Delivery(id, _) => self.queued.retain(|queued| queued.id != *id),
            _ => {}
        }
        self.events.push_back(event);
    }

    /// Handles the content of the device's storage: the newest part of the room, and the send queue.
    pub fn handle_persisted(&mut self, mut persisted: Persisted) {
        persisted.drop_other_log(self.epoch);
        let Some(account) = persisted.account else { return };
        account.known.iter().for_each(|range| self.known.insert(range.from, range.to));
        let nick = account.identity.nick;
        self.events.push_back(Event::HistoryPage(persisted.messages));
        for queued in &persisted.send_queue {
            self.events.push_back(Event::Message(session::own_message(&nick, queued)));
        }
        self.emit_gaps();
    }

    /// Prepares the content of the device's storage for the session of this tab, which becomes the leader: messages of
    /// another log than the one that this tab shows are dropped.
    pub fn handle_promotion(&mut self, persisted: &mut Persisted) {
        if self.epoch != 0 {
            persisted.drop_other_log(self.epoch);
        }
        if persisted.is_outdated {
            self.handle_event(Event::LogReplaced);
        }
    }

    /// Sends a message. It is reported at once.
    ///
    /// # Errors
    /// As [`Session::handle_send`](session::Session::handle_send).
    pub fn handle_send(&mut self, now: Clocks, id: MessageId, text: &str) -> Result<FollowerMessage, Status> {
        let Some(identity) = &self.identity else { return Err(Status::NotConnected) };
        let text = validate::content(text, &identity.limits)?;
        if session::excess_bytes(identity, text) > 0 {
            return Err(Status::ContentTooLong);
        }
        self.last_order = send_queue::order_after(Some(self.last_order), now.unix);
        let (stage, order) = (Stage::Queued, self.last_order);
        let queued = QueuedMessage {
            id,
            content: text.into(),
            time: now.unix,
            stage,
            order,
            ended: 0,
            too_big: 0,
            is_renamed: false,
        };
        self.events.push_back(Event::Message(session::own_message(&identity.nick, &queued)));
        let value = persist::encode_queued(&queued);
        let arguments = TabMessage { bytes: value.to_vec(), ..TabMessage::default() };
        let command = encode_command(TabCommand::Send, arguments);
        Ok(FollowerMessage { change: persist::put_queued(&queued), command, value })
    }

    /// Whether to send the command to load the newest part of the gap that ends with `to`: not when there is no such
    /// gap, or another one is being loaded.
    #[must_use]
    pub fn handle_load_gap(&self, to: u64) -> bool {
        self.loading == 0 && self.known.gaps().any(|gap| gap.to == to)
    }

    /// Seeks, like [`Session::handle_seek`](session::Session::handle_seek). Returns the command for the leader, unless
    /// the target is known. `number` is random, so that no other tab has the same one.
    #[must_use]
    pub fn handle_seek(&mut self, number: u64, target: SeekTarget) -> Option<Bytes> {
        if let SeekTarget::Seq(seq) = target {
            let seq = self.known.nearest(seq);
            if self.known.contains(seq) {
                self.pending_seek = 0;
                self.events.push_back(Event::SeekFinished { requester: LOCAL, seq: Some(seq) });
                return None;
            }
        }
        self.pending_seek = number.max(1);
        Some(seek_command(self.pending_seek, self.epoch, target))
    }

    /// Searches, like [`Session::handle_search`](session::Session::handle_search). Returns the command for the leader.
    /// `number` is random.
    #[must_use]
    pub fn handle_search(&mut self, number: u64, words: &str, before: u64) -> Bytes {
        self.pending_search = number.max(1);
        let bytes = words.as_bytes().to_vec();
        let (number, epoch) = (self.pending_search, self.epoch);
        let arguments = TabMessage { number, bytes, seq: before, epoch, ..TabMessage::default() };
        encode_command(TabCommand::Search, arguments)
    }

    /// Takes the messages that the leader may not have persisted before its tab was closed, for
    /// [`Session::handle_adopt_queued`](session::Session::handle_adopt_queued). None when messages were missed: the
    /// user may have discarded them.
    #[must_use]
    pub fn take_queued(&mut self) -> Vec<Message> {
        let queued = std::mem::take(&mut self.queued);
        if self.snapshot_requested.is_some() { Vec::new() } else { queued }
    }

    /// The leader's tab was closed: unfinished requests fail.
    pub fn handle_leader_gone(&mut self) {
        if std::mem::take(&mut self.pending_seek) != 0 {
            self.events.push_back(Event::SeekFinished { requester: LOCAL, seq: None });
        }
        if std::mem::take(&mut self.pending_search) != 0 {
            let results = Err(Status::NotConnected);
            self.events.push_back(Event::SearchFinished { requester: LOCAL, results });
        }
    }

    /// Reports the member list as a notice, without asking the leader.
    pub fn handle_list_members(&mut self) {
        self.events.push_back(session::members_notice(self.members.iter(), self.total_members));
    }

    /// The timeline has evicted the messages of this range.
    pub fn handle_evicted(&mut self, range: Range) {
        self.known.evict(range);
        self.emit_gaps();
    }

    fn emit_gaps(&mut self) {
        let gaps = GapState::between(&self.known, self.loading);
        // The first report is made even when there are no gaps: it means that the server has a history.
        if self.known.newest().is_some() && self.reported.as_ref() != Some(&gaps) {
            self.reported = Some(gaps.clone());
            self.events.push_back(Event::Gaps(gaps));
        }
    }

    /// The next event for the user interface.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether the user is logged in, according to the leader.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.identity.is_some()
    }

    /// The listed members, in order, and the number of all members.
    #[must_use]
    pub fn members(&self) -> (Vec<Member>, usize) {
        (self.members.clone(), self.total_members)
    }

    /// By how many bytes a text exceeds the server's limit for one message; 0 when it fits.
    #[must_use]
    pub fn excess_bytes(&self, text: &str) -> usize {
        self.identity.as_ref().map_or(0, |identity| session::excess_bytes(identity, text))
    }
}

/// Clears the pending request if it is that of this requester. Returns whether it was.
fn take_pending(pending: &mut Requester, requester: Requester) -> bool {
    let matches = *pending == requester && requester != LOCAL;
    if matches {
        *pending = 0;
    }
    matches
}
