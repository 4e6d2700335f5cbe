//! The state of a tab that follows a leader.

mod commands;
mod messages;
mod promotion;

use crate::sorted::{SortedMap, SortedSet};
use std::collections::VecDeque;

use bytes::Bytes;

use self::commands::PendingCommand;
pub(in crate::client::tabs) use self::messages::SentMessage;
pub use self::{commands::COMMAND_TIMEOUT_MS, messages::FollowerMessage, promotion::Promoted};
use super::{
    events::{self, Decoded},
    post::{Post, PostContent, Report},
    watch::Watch,
};
use crate::{
    Clocks, Millis,
    client::{AccountRecord, Event, Origin, OwnMessage, cursor::Cursor, state::ClientState},
    codec::Extension,
    device::ClientEvent,
    model::{Identity, MessageId, RoomId, UserId},
    persist::{Change, DATABASE_VERSION},
    status::Status,
};

/// The maximum of the random delay before a follower takes the leadership over, so that two do not do it at once, in ms.
const MAX_TAKE_OVER_DELAY_MS: u64 = 500;

/// The action that the caller takes after [`Follower::handle_message`] or [`Follower::handle_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowerAction {
    /// Nothing.
    Nothing,
    /// The leader does not respond: steal the lock, and become the leader.
    TakeOver,
}

/// What a follower reports to the user interface.
#[derive(Clone, Debug, PartialEq)]
pub enum FollowerEvent {
    /// An event of the leader's client, which the state of this tab has already. The answers to commands of this tab have
    /// the origin [`Origin::LOCAL`].
    Client(Event),
    /// What is shown may be outdated since this time on the tab's clock, or is not any more.
    OutdatedSince(Option<Millis>),
    /// A command other than one for the server was not executed, or a message still waits for another tab.
    CommandFailed(Status),
}

/// The state of a tab that follows a leader.
#[derive(Debug)]
pub struct Follower {
    /// This tab.
    tab: Origin,
    /// The state that the tab shows, fed with the events of the leader's client.
    state: ClientState,
    /// The leader, and the number of its last publication. `None` before the first one.
    leader: Option<(u64, Origin)>,
    number: u64,
    /// A leader whose account is not known yet, and the number of its last publication. It has no messages of this tab's account.
    unnamed: Option<((u64, Origin), u64)>,
    /// The highest lease number that was heard. Messages of leaders with a smaller one are ignored.
    lease: u64,
    watch: Watch,
    /// The leader from which a snapshot was requested and not received yet.
    snapshot_requested: Option<(u64, Origin)>,
    /// Events of the leader were missed, so that messages may be settled although this tab does not know it.
    has_missed: bool,
    /// The identity and the account as they are persisted; `None` when nobody is logged in.
    record: Option<AccountRecord>,
    /// The rooms whose events this tab receives.
    subscribed: SortedSet<RoomId>,
    /// The read cursors that the leader has been told of since its last login.
    told: SortedMap<RoomId, Cursor>,
    /// The order of the last own message, in any tab: the next one comes after it, also if the clock goes back.
    last_order: u64,
    /// The own messages that are not acknowledged.
    unacknowledged: Vec<OwnMessage>,
    /// The unacknowledged messages that were sent in this tab, or while it was the leader.
    sent: Vec<SentMessage>,
    /// The commands that no leader has answered.
    commands: Vec<PendingCommand>,
    /// The number of the last command that the follower has given itself.
    internal: u32,
    /// For [`poll_unpersisted`](Self::poll_unpersisted).
    unpersisted: VecDeque<FollowerMessage>,
    /// For [`poll_deletion`](Self::poll_deletion), the next one last.
    deletions: Vec<Change>,
    /// The ids of own messages that were acknowledged or discarded, oldest first, for the time when this tab is the leader.
    settled: VecDeque<MessageId>,
    posts: VecDeque<Bytes>,
    events: VecDeque<FollowerEvent>,
}

impl Follower {
    /// A follower without a leader, which asks for a snapshot. `tab` is a number that no other tab has; it stays the same
    /// while the tab is open. `state` is empty, or has what the device has.
    #[must_use]
    pub fn new(now: Millis, tab: Origin, state: ClientState) -> Self {
        let mut follower = Self {
            tab,
            state,
            leader: None,
            number: 0,
            unnamed: None,
            lease: 0,
            watch: Watch::new(now, tab.0 % MAX_TAKE_OVER_DELAY_MS),
            snapshot_requested: None,
            has_missed: false,
            record: None,
            subscribed: SortedSet::new(),
            told: SortedMap::new(),
            last_order: 0,
            unacknowledged: Vec::new(),
            sent: Vec::new(),
            commands: Vec::new(),
            internal: 0,
            unpersisted: VecDeque::new(),
            deletions: Vec::new(),
            settled: VecDeque::new(),
            posts: VecDeque::new(),
            events: VecDeque::new(),
        };
        follower.report(Report::WantsSnapshot);
        follower
    }

    // ---- the leader

    /// Handles a message on the channel. Those of other followers are ignored.
    pub fn handle_message(&mut self, now: Clocks, bytes: &[u8]) {
        let Some(post) = Post::decode(bytes) else { return };
        // A follower, or a leader that was replaced and does not know it yet.
        let Some(lease) = post.leader().filter(|lease| *lease >= self.lease) else { return };
        self.lease = lease;
        if self.watch.handle_leader(now.monotonic) {
            self.events.push_back(FollowerEvent::OutdatedSince(None));
        }
        self.watch.handle_version(now.monotonic, post.database < DATABASE_VERSION);
        let (leader, own_tab) = ((lease, post.tab), self.tab);
        match post.content {
            PostContent::Renewal { number, age, due, executed, roll_call } => {
                self.watch.handle_answer(now.monotonic, age, due);
                for (_, number) in executed.into_iter().filter(|(tab, _)| *tab == own_tab) {
                    self.handle_executed(now, number);
                }
                self.update_waiting();
                if number == 0 || roll_call {
                    // A tab that has taken the leadership over publishes only to tabs that it knows.
                    self.report_visibility();
                }
                let is_current = self.leader == Some(leader) && number == self.number
                    || self.unnamed == Some((leader, number));
                if number != 0 && !is_current {
                    self.request_snapshot(leader);
                }
            }
            PostContent::Publication { number, snapshot, events } => {
                self.handle_publication(now, leader, number, snapshot, events);
            }
            PostContent::Report(_) | PostContent::Command { .. } => {}
        }
    }

    fn handle_publication(
        &mut self,
        now: Clocks,
        leader: (u64, Origin),
        number: u64,
        snapshot: bool,
        events: Vec<ClientEvent>,
    ) {
        let is_same = self.leader == Some(leader);
        let is_next = is_same && number == self.number.wrapping_add(1);
        if !is_next && !snapshot && self.is_logged_in() && events.iter().any(events::is_logout) {
            // No snapshot follows.
            return self.handle_event(now, Event::LoggedOut);
        }
        let is_unnamed = snapshot || self.unnamed == Some((leader, number.wrapping_sub(1)));
        self.unnamed = None;
        if is_unnamed && self.is_logged_in() && !events.iter().any(events::is_login) {
            // A snapshot follows its login.
            self.unnamed = Some((leader, number));
            (self.leader, self.snapshot_requested) = (None, None);
            for event in events {
                if let Some(Decoded::Event(event @ Event::Connection(_))) =
                    events::decode(now.monotonic, event)
                {
                    self.handle_event(now, event);
                }
            }
            return;
        }
        if !is_next && !snapshot {
            return self.request_snapshot(leader);
        }
        let mut shown = Vec::new();
        let is_complete = !is_same && !self.has_missed;
        if snapshot {
            shown = std::mem::take(&mut self.unacknowledged);
            (self.snapshot_requested, self.has_missed) = (None, false);
            if !is_next {
                // Events of the rooms are missing.
                self.state.handle_disconnected();
            }
        }
        (self.leader, self.number) = (Some(leader), number);
        for event in events {
            match events::decode(now.monotonic, event) {
                Some(Decoded::Event(event)) => self.handle_event(now, event),
                Some(Decoded::LoggedIn(record)) => {
                    if self.is_other_account(record.account) {
                        // Another tab has logged out, and in again, while this one was suspended.
                        return self.handle_event(now, Event::LoggedOut);
                    }
                    let event = Event::LoggedIn(record.identity.clone(), record.account);
                    self.record = Some(*record);
                    self.handle_event(now, event);
                }
                Some(Decoded::Answer { tab, number, room, result }) => {
                    self.handle_answer(now, tab, number, room, result);
                }
                None => {}
            }
        }
        if snapshot {
            self.reconcile(now, shown, is_complete);
            if !is_next {
                if !is_same {
                    // Also tells the new leader whether this tab is visible.
                    self.watch.ask(now.monotonic);
                    self.told.clear();
                }
                self.repeat_messages();
                self.repeat_commands(now, is_same);
                self.resubscribe(now);
            }
        }
        self.update_waiting();
    }

    fn request_snapshot(&mut self, leader: (u64, Origin)) {
        self.has_missed |= self.leader == Some(leader);
        if self.snapshot_requested.replace(leader) != Some(leader) {
            self.report(Report::WantsSnapshot);
        }
    }

    fn report(&mut self, report: Report) {
        self.posts.push_back(Post::report(self.tab, report).encode());
    }

    fn report_visibility(&mut self) {
        self.report(if self.watch.is_visible() { Report::Visible } else { Report::Hidden });
    }

    /// Applies an event of the leader's client to the state of this tab, and reports it.
    fn handle_event(&mut self, now: Clocks, event: Event) {
        let log = self.state.log().to_vec();
        self.state.apply(now, self.tab, &event);
        if self.state.log() != log {
            // Cursors of the old log may be larger.
            self.told.clear();
        }
        match &event {
            Event::LoggedOut => self.log_out(),
            Event::Own(message) => self.update_unacknowledged(message),
            Event::Delivery(_, id, delivery) => self.set_delivery(*id, *delivery),
            Event::Acknowledged { id, .. } | Event::Discarded(_, id) => self.settle(*id),
            Event::Cursor(room, cursor) => {
                let told = self.told.or_default(*room);
                *told = told.merged(*cursor);
            }
            // Until then it may not have known the rooms, so that it could not merge the cursors.
            Event::Received(envelope) if matches!(envelope.extension, Some(Extension::Welcome(_))) => {
                self.told.clear();
            }
            // The last other tab that showed the room was closed, and the leader did not know of this one.
            Event::Unsubscribed(room) if self.subscribed.contains(room) => self.subscribe(now, *room),
            _ => {}
        }
        self.events.push_back(FollowerEvent::Client(event));
    }

    /// Returns `true` if this tab is logged in to another account than this one.
    fn is_other_account(&self, account: Option<UserId>) -> bool {
        let own = self.record.as_ref().and_then(|record| record.account);
        own.zip(account).is_some_and(|(own, account)| own != account)
    }

    /// The user has logged out. Nothing of the account stays.
    fn log_out(&mut self) {
        self.record = None;
        (self.leader, self.unnamed) = (None, None);
        self.number = 0;
        (self.snapshot_requested, self.has_missed) = (None, false);
        self.last_order = 0;
        self.subscribed.clear();
        self.told.clear();
        self.unacknowledged.clear();
        // Also those that the leader has deleted: a write of this tab may end after that.
        self.deletions.extend(std::mem::take(&mut self.sent).into_iter().map(|sent| sent.deletion()));
        self.commands.clear();
        self.unpersisted.clear();
        self.settled.clear();
        self.watch.handle_waiting(false);
    }

    // ---- time

    /// The tab is visible, or hidden.
    pub fn handle_visibility(&mut self, now: Millis, visible: bool) {
        if self.watch.handle_visibility(now, visible) && !visible {
            self.report(Report::Hidden);
        }
    }

    /// The tab is being closed.
    pub fn handle_closing(&mut self) {
        self.report(Report::Closed);
    }

    /// The browser refuses the lock, so this tab leads if no leader answers.
    pub fn handle_lock_refused(&mut self, now: Millis) {
        self.watch.handle_lock_refused(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        let sends = self.sent.iter().filter_map(SentMessage::overdue_at);
        let commands = self.commands.iter().map(PendingCommand::overdue_at);
        self.watch.due().into_iter().chain(sends).chain(commands).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Clocks) -> FollowerAction {
        self.fail_overdue(now);
        let due = self.watch.handle_timeout(now.monotonic);
        if due.ask {
            self.report_visibility();
        }
        if let Some(since) = due.outdated_since {
            self.events.push_back(FollowerEvent::OutdatedSince(Some(since)));
        }
        if due.take_over { FollowerAction::TakeOver } else { FollowerAction::Nothing }
    }

    // ---- output

    /// The next message for the channel.
    pub fn poll_post(&mut self, now: Clocks) -> Option<Bytes> {
        self.tell_cursors(now);
        self.posts.pop_front()
    }

    /// The next event for the user interface.
    pub fn poll_event(&mut self) -> Option<FollowerEvent> {
        self.events.pop_front()
    }

    /// The state that the tab shows.
    #[must_use]
    pub fn state(&self) -> &ClientState {
        &self.state
    }

    /// The state that the tab shows, for what the user does in it. Read cursors that move are told to the leader.
    pub fn state_mut(&mut self) -> &mut ClientState {
        &mut self.state
    }

    /// Returns `true` if the leader is logged in.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.record.is_some()
    }

    /// The identity of the user; `None` when nobody is logged in.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.record.as_ref().map(|record| &record.identity)
    }
}
