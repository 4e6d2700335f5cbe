//! The state of a tab that follows a leader.

mod commands;
mod promotion;
mod requests;

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;

pub use self::commands::FollowerMessage;
use self::{commands::UnreportedMessage, requests::take_pending};
use super::{
    TabCommand,
    command::{self, COMMAND_TIMEOUT_MS, PendingCommand},
    events::{self, Decoded},
    leader::{REMEMBERED_MESSAGES, remember},
};
use crate::{
    Millis,
    client::tabs::watch::Watch,
    device::TabMessage,
    event::{Event, GapState, LOCAL, Requester},
    model::{Delivery, Identity, Member, Message, MessageId},
    persist::{DATABASE_VERSION, Persisted},
    ranges::{Range, Ranges},
    session, validate,
};

/// The maximum of the random delay before a follower takes the leadership over, so that two do not do it at once, in ms.
const MAX_TAKE_OVER_DELAY_MS: u64 = 500;

/// The action that the caller takes after [`Follower::handle_message`] or [`Follower::handle_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowerAction {
    /// Nothing.
    Nothing,
    /// Messages were missed: send [`TabCommand::RequestSnapshot`].
    RequestSnapshot,
    /// A snapshot was received: read the device's storage, for [`Follower::handle_persisted`].
    LoadPersisted,
    /// The leader does not respond: steal the lock, and become the leader.
    TakeOver,
}

/// The state of a tab that follows a leader.
#[derive(Debug, Default)]
pub struct Follower {
    /// The id of the leader, and the number of its last message.
    leader: u64,
    number: u64,
    /// The highest lease number that was heard. Messages of leaders with a smaller one are ignored.
    lease: u64,
    watch: Watch,
    /// The id of the leader from which a snapshot was requested and not received yet.
    snapshot_requested: Option<u64>,
    identity: Option<Identity>,
    /// The account as it is persisted, in case the device can't be read.
    account: Vec<u8>,
    /// The epoch of the log that this tab shows; 0 when it is not known.
    epoch: u64,
    members: Vec<Member>,
    total_members: usize,
    /// The ranges of which this tab has every message.
    pub(super) known: Ranges,
    /// The newest message of the log that this tab shows.
    newest: Option<(u64, MessageId)>,
    /// Sequence numbers in the gaps that the leader is loading.
    loading: Vec<u64>,
    /// The last reported gaps; `None` before the first report.
    reported: Option<Vec<GapState>>,
    /// The upper half of the requester numbers of this tab, and the number of its requests.
    tab: u32,
    requests: u32,
    /// The requester numbers of this tab's unfinished requests; 0 when there is none. A seek replaces the loading of a gap.
    pending_page: Requester,
    pending_seek: Requester,
    pending_search: Requester,
    /// The order of the last own message, in any tab: the next one comes after it, also if the clock goes back.
    last_order: u64,
    /// The last snapshot had all messages that are not acknowledged. Those of earlier versions of the client had none.
    lists_unacknowledged: bool,
    /// The own messages that are shown and not acknowledged.
    unacknowledged: Vec<Message>,
    /// Those of them that were sent in this tab and not reported by the leader yet.
    unreported: Vec<UnreportedMessage>,
    /// Messages that were shown before a snapshot and are not in it: they were acknowledged or discarded meanwhile. Which
    /// one is known once the device is read.
    vanished: Vec<MessageId>,
    /// The commands that no leader has answered.
    commands: Vec<PendingCommand>,
    /// For [`poll_unpersisted`](Self::poll_unpersisted).
    unpersisted: VecDeque<FollowerMessage>,
    /// The ids of own messages that were acknowledged or discarded, oldest first, for the time when this tab is the leader.
    settled: VecDeque<MessageId>,
    messages: VecDeque<Bytes>,
    events: VecDeque<Event>,
}

impl Follower {
    /// A follower without a leader. It starts by sending [`TabCommand::RequestSnapshot`]. `random` differs from that of
    /// the other tabs.
    #[must_use]
    pub fn new(now: Millis, random: u64) -> Self {
        // The upper half of the random number.
        #[allow(clippy::cast_possible_truncation)]
        let tab = ((random >> 32) as u32).max(1);
        Self { tab, watch: Watch::new(now, random % MAX_TAKE_OVER_DELAY_MS), ..Self::default() }
    }

    // ---- the leader

    /// Handles a message on the channel. Commands of other followers are ignored.
    pub fn handle_message(&mut self, now: Millis, bytes: &[u8]) -> FollowerAction {
        let Ok(message) = TabMessage::decode(bytes) else { return FollowerAction::Nothing };
        let is_renewal = message.leader == 0 && message.command == i32::from(TabCommand::Renewed);
        let leader = if is_renewal { message.lease } else { message.leader };
        // A command, or a leader that was replaced and does not know it yet.
        if leader == 0 || (message.lease != 0 && message.lease < self.lease) {
            return FollowerAction::Nothing;
        }
        self.lease = self.lease.max(message.lease);
        if self.watch.handle_leader(now, message.lease != 0) {
            self.events.push_back(Event::OutdatedSince(None));
        }
        // A leader without a lease does not learn that it was replaced.
        let is_upgradable = message.lease != 0 && message.database < DATABASE_VERSION;
        self.watch.handle_version(now, is_upgradable);
        let is_same = leader == self.leader;
        if is_renewal {
            self.watch.handle_answer(now, message.age, message.due.checked_sub(1));
            let is_any_settled = self.handle_answered(&message.answered);
            self.update_waiting();
            if is_any_settled {
                return FollowerAction::LoadPersisted;
            }
            if message.number == 0 {
                // An announcement; the snapshot follows it. The new leader publishes only to tabs that it knows.
                let is_visible = self.watch.is_visible();
                let report = if is_visible { TabCommand::Visible } else { TabCommand::Hidden };
                self.messages.push_back(command::command(report));
                return FollowerAction::Nothing;
            }
            if is_same && message.number == self.number {
                return FollowerAction::Nothing;
            }
            return self.request_snapshot(leader);
        }
        let is_next = is_same && message.number == self.number + 1;
        if !is_next && !message.snapshot {
            if self.is_logged_in() && message.events.iter().any(events::is_logout) {
                // No snapshot follows.
                self.handle_event(Event::LoggedOut);
                return FollowerAction::Nothing;
            }
            return self.request_snapshot(leader);
        }
        let mut shown = Vec::new();
        if message.snapshot {
            shown = std::mem::take(&mut self.unacknowledged);
            self.snapshot_requested = None;
            self.known.clear();
            if !is_next {
                // The answers to this tab's requests may be among the missed messages.
                self.handle_leader_gone();
            }
        }
        (self.leader, self.number) = (leader, message.number);
        // Earlier versions load one gap at a time.
        self.loading = if message.lease == 0 { vec![message.seq] } else { message.loading };
        // A leader that logs in for the first time, or out, has no log.
        if message.epoch != self.epoch && message.epoch != 0 {
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
                Some(Decoded::Account(account)) => self.account = account,
                None => {}
            }
        }
        if message.snapshot {
            self.lists_unacknowledged = message.lease != 0;
            self.reconcile(shown);
            if !is_same {
                // Also tells the new leader whether this tab is visible.
                self.watch.ask(now);
                self.repeat_commands();
            }
        }
        self.update_waiting();
        self.emit_gaps();
        if message.snapshot { FollowerAction::LoadPersisted } else { FollowerAction::Nothing }
    }

    fn request_snapshot(&mut self, leader: u64) -> FollowerAction {
        if self.snapshot_requested.replace(leader) == Some(leader) {
            FollowerAction::Nothing
        } else {
            FollowerAction::RequestSnapshot
        }
    }

    /// Compares the messages that were shown before a snapshot with those in it.
    fn reconcile(&mut self, shown: Vec<Message>) {
        for message in shown {
            let is_listed = self.unacknowledged.iter().any(|listed| listed.id == message.id);
            let is_unreported = self.unreported.iter().any(|unreported| unreported.id == message.id);
            if is_unreported && !is_listed {
                self.unacknowledged.push(message);
            } else if self.lists_unacknowledged && !is_listed {
                self.vanished.push(message.id);
            }
        }
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::RangeLoaded(range) => return self.known.insert(range.from, range.to),
            Event::PageFinished { requester, result } => {
                if take_pending(&mut self.pending_page, requester) {
                    self.events.push_back(Event::PageFinished { requester: LOCAL, result });
                }
                return;
            }
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
            Event::LoggedOut => {
                let events = std::mem::take(&mut self.events);
                *self = Self {
                    events,
                    lease: self.lease,
                    tab: self.tab,
                    requests: self.requests,
                    ..Self::default()
                };
            }
            Event::LogReplaced => {
                self.known.clear();
                self.newest = None;
            }
            Event::Message(message) => {
                self.update_newest(message);
                if message.own {
                    self.update_unacknowledged(message);
                }
            }
            Event::HistoryPage(page) => {
                for message in page {
                    self.update_newest(message);
                    self.forget_unacknowledged(message.id);
                }
            }
            Event::Delivery(id, delivery) => self.set_delivery(*id, *delivery),
            Event::Discarded(id) => self.settle(*id),
            _ => {}
        }
        self.events.push_back(event);
    }

    /// A message is shown.
    fn update_newest(&mut self, message: &Message) {
        // The number of a message that is not acknowledged is its order. On a basic server it is 0.
        if message.delivery == Delivery::Sent && message.seq > 0 {
            self.newest = self.newest.max(Some((message.seq, message.id)));
        }
    }

    fn update_unacknowledged(&mut self, message: &Message) {
        if message.delivery == Delivery::Sent {
            return self.settle(message.id);
        }
        self.forget_unacknowledged(message.id);
        self.settled.retain(|id| *id != message.id);
        self.last_order = self.last_order.max(message.seq);
        self.unacknowledged.push(message.clone());
    }

    fn set_delivery(&mut self, id: MessageId, delivery: Delivery) {
        self.unreported.retain(|unreported| unreported.id != id);
        if delivery == Delivery::Sent {
            self.settle(id);
        } else if let Some(message) = self.unacknowledged.iter_mut().find(|message| message.id == id) {
            message.delivery = delivery;
        }
    }

    /// A message was acknowledged or discarded.
    fn settle(&mut self, id: MessageId) {
        self.forget_unacknowledged(id);
        remember(&mut self.settled, id, REMEMBERED_MESSAGES);
    }

    /// The leader has reported this message, or has discarded it.
    fn forget_unacknowledged(&mut self, id: MessageId) {
        self.unreported.retain(|unreported| unreported.id != id);
        self.unacknowledged.retain(|message| message.id != id);
    }

    /// Handles the content of the device's storage: the newest part of the room, and the send queue.
    pub fn handle_persisted(&mut self, mut persisted: Persisted) {
        for id in std::mem::take(&mut self.vanished) {
            let is_persisted = persisted.messages.iter().any(|message| message.id == id)
                || persisted.send_queue.iter().any(|queued| queued.id == id);
            // A message that was acknowledged is shown again when its part of the history is loaded.
            if !is_persisted {
                self.events.push_back(Event::Discarded(id));
            }
        }
        persisted.drop_other_log(self.epoch);
        let Some(account) = persisted.account else { return };
        account.known.iter().for_each(|range| self.known.insert(range.from, range.to));
        let nick = account.identity.nick;
        persisted.messages.iter().for_each(|message| self.update_newest(message));
        self.events.push_back(Event::HistoryPage(persisted.messages));
        // The device may be behind the leader.
        let send_queue = if self.lists_unacknowledged { &[][..] } else { &persisted.send_queue };
        for queued in send_queue {
            self.events.push_back(Event::Message(session::own_message(&nick, queued)));
        }
        self.emit_gaps();
    }

    // ---- time

    /// The tab is visible, or hidden.
    pub fn handle_visibility(&mut self, now: Millis, visible: bool) {
        if self.watch.handle_visibility(now, visible) && !visible {
            self.messages.push_back(command::command(TabCommand::Hidden));
        }
    }

    /// The browser refuses the lock, so this tab leads if no leader answers.
    pub fn handle_lock_refused(&mut self, now: Millis) {
        self.watch.handle_lock_refused(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        let sends = self.unreported.iter().filter(|unreported| !unreported.is_overdue);
        let issued = self.commands.iter().map(|pending| pending.issued).chain(sends.map(|send| send.issued));
        issued.min().map(|issued| issued + COMMAND_TIMEOUT_MS).into_iter().chain(self.watch.due()).min()
    }

    /// Handles everything that is due.
    pub fn handle_timeout(&mut self, now: Millis) -> FollowerAction {
        let due = self.watch.handle_timeout(now);
        if due.ask {
            self.messages.push_back(command::command(TabCommand::Visible));
            if self.leader == 0 || self.snapshot_requested.is_some() {
                self.messages.push_back(command::command(TabCommand::RequestSnapshot));
            }
        }
        if due.outdated_since.is_some() && self.is_logged_in() {
            self.events.push_back(Event::OutdatedSince(due.outdated_since));
        }
        self.fail_overdue(now);
        if due.take_over { FollowerAction::TakeOver } else { FollowerAction::Nothing }
    }

    // ---- events

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
        let gaps = GapState::between(&self.known, &self.loading);
        // The first report is made even when there are no gaps: it means that the server has a history.
        if self.known.newest().is_some() && self.reported.as_ref() != Some(&gaps) {
            self.reported = Some(gaps.clone());
            self.events.push_back(Event::Gaps(gaps));
        }
    }

    /// The next message for the other tabs.
    pub fn poll_message(&mut self) -> Option<Bytes> {
        self.messages.pop_front()
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
        self.identity.as_ref().map_or(0, |identity| validate::excess_bytes(identity, text))
    }
}
