//! A leader, a follower, and a server that the test plays.

use super::*;
use crate::{
    codec::{self, Envelope},
    device::TabEvent,
    event::{Event, GapState, LOCAL, SearchResults},
    model::{
        Connection, Delivery, Dialect, Identity, Message, MessageId, PresenceState, Refusal, SeekTarget,
    },
    persist::{Change, PERSISTED_MESSAGES, Persisted, Rows},
    presence::PresenceChange,
    ranges::Range,
    session::{Clocks, Command as SessionCommand, Session},
    status::Status,
    timeline::{Notice, RowKind, Timeline},
    wire::{self, chat_request::Extension},
};

mod encoding;
mod gaps;
mod lease;
mod log_replaced;
mod logout;
mod rename;
mod requests;
mod sending;
mod stale_device;
mod takeover;
mod world;

const NOW: Clocks = Clocks { monotonic: 50_000, unix: 1_700_000_000_000 };

/// The state that a tab shows.
struct Tab {
    timeline: Timeline,
    gaps: Vec<GapState>,
    events: Vec<Event>,
}

impl Tab {
    fn new() -> Self {
        Self { timeline: Timeline::new(10_000, |_| 0), gaps: Vec::new(), events: Vec::new() }
    }

    fn apply(&mut self, event: Event) {
        self.events.push(event.clone());
        match event {
            Event::Message(message) => self.timeline.insert(message),
            Event::HistoryPage(messages) => self.timeline.insert_page(messages),
            Event::Delivery(id, delivery) => self.timeline.set_delivery(id, delivery),
            Event::Discarded(id) => self.timeline.discard(id),
            Event::LogReplaced => self.timeline.clear_acknowledged(),
            Event::Gaps(gaps) => {
                self.timeline.set_gaps(&gaps);
                self.gaps = gaps;
            }
            _ => {}
        }
    }

    /// The messages and their delivery states.
    fn shown(&self) -> Vec<(MessageId, u64, Delivery)> {
        let message = |kind: &RowKind| match kind {
            RowKind::Message { message, .. } => Some((message.id, message.seq, message.delivery)),
            _ => None,
        };
        self.timeline.rows().filter_map(|row| message(&row.kind)).collect()
    }
}

/// A browser with two tabs.
struct Browser {
    session: Session,
    leader: Leader,
    leader_tab: Tab,
    follower: Follower,
    follower_tab: Tab,
    rows: Rows,
    sent: Vec<Envelope>,
    /// The follower receives no messages.
    disconnected: bool,
    /// The leader's changes are no longer applied to the storage, as when its tab is being closed.
    dying: bool,
}

impl Browser {
    /// The leader is in a room whose last sequence number is `last`; the other tab is not open.
    fn new(last: u64) -> Self {
        let mut browser = Self {
            session: Session::new(1, "test"),
            leader: Leader::new(9, false),
            leader_tab: Tab::new(),
            follower: Follower::new(NOW.monotonic, 0),
            follower_tab: Tab::new(),
            rows: Rows::default(),
            sent: Vec::new(),
            disconnected: true,
            dying: false,
        };
        browser.session.handle_login(NOW, "tom", Persisted::default()).unwrap();
        browser.session.handle_opened(NOW);
        let welcome = wire::Welcome {
            version: 1,
            nick: "tom".into(),
            secret: vec![7; 32],
            capabilities: vec!["history".into(), "search".into()],
            log: vec![1],
            positions: vec![wire::RoomPosition { seq: last, ..wire::RoomPosition::default() }],
            ..wire::Welcome::default()
        };
        browser.receive(&codec::extension(Extension::Welcome(welcome)));
        browser
    }

    fn receive(&mut self, frame: &Envelope) {
        self.session.handle_message(NOW, &codec::encode(frame));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(command) = self.session.poll_command() {
            match command {
                SessionCommand::Send(bytes) => self.sent.extend(codec::decode_rich(&bytes).unwrap()),
                SessionCommand::Persist { .. } if self.dying => {}
                SessionCommand::Persist { ticket, changes } => {
                    changes.into_iter().for_each(|change| self.write(change));
                    self.session.handle_persisted(NOW, ticket);
                }
                _ => {}
            }
        }
        while let Some(event) = self.session.poll_event() {
            let message = self.leader.publish(NOW.monotonic, &event, &self.session);
            self.leader_tab.apply(event);
            if let Some(message) = message {
                self.deliver(&message);
            }
        }
    }

    fn write(&mut self, change: Change) {
        self.rows.apply(&change);
    }

    fn deliver(&mut self, message: &[u8]) {
        if !self.disconnected {
            match self.follower.handle_message(NOW.monotonic + 7, message) {
                FollowerAction::Nothing => {}
                FollowerAction::RequestSnapshot => self.sync(),
                FollowerAction::LoadPersisted => self.read_device(),
                FollowerAction::TakeOver => panic!("the leader responds"),
            }
        }
        self.drain_follower();
    }

    /// The follower loads a gap.
    fn load_gap(&mut self, to: u64) {
        self.follower.handle_load_gap(to);
        self.drain_follower();
        self.command_from_follower();
    }

    /// Delivers the follower's messages to the leader.
    fn command_from_follower(&mut self) {
        while let Some(message) = self.follower.poll_message() {
            self.command(&message);
        }
    }

    fn drain_follower(&mut self) {
        while let Some(event) = self.follower.poll_event() {
            self.follower_tab.apply(event);
        }
    }

    /// The follower was opened, or has missed messages: it receives a snapshot.
    fn sync(&mut self) {
        self.disconnected = false;
        assert_eq!(
            self.leader.handle_message(NOW, &command(TabCommand::RequestSnapshot), &mut self.session),
            LeaderAction::PublishSnapshot
        );
        self.session.handle_hidden();
        self.drain();
        let snapshot = self.leader.snapshot(NOW.monotonic, &self.session);
        self.deliver(&snapshot);
    }

    fn read_device(&mut self) {
        self.follower.handle_persisted(self.persisted());
    }

    fn persisted(&self) -> Persisted {
        Persisted::of(&self.rows)
    }

    /// The leader's tab is closed, and the follower becomes the leader with the content of the storage.
    fn take_over(&mut self) {
        self.take_over_with(self.persisted());
    }

    /// As [`Self::take_over`], with this content.
    fn take_over_with(&mut self, mut persisted: Persisted) {
        (self.session, self.dying) = (Session::new(2, "test"), false);
        self.follower.handle_promotion(&mut persisted);
        self.drain_follower();
        self.session.handle_login(NOW, "tom", persisted).unwrap();
        self.session.handle_adopt_queued(self.follower.take_queued());
        while let Some(event) = self.session.poll_event() {
            self.follower_tab.apply(event);
        }
    }

    fn command(&mut self, message: &[u8]) -> LeaderAction {
        let action = self.leader.handle_message(NOW, message, &mut self.session);
        self.drain();
        action
    }

    #[track_caller]
    fn both_show(&self, count: usize) {
        assert_eq!(self.follower_tab.shown(), self.leader_tab.shown());
        assert_eq!(self.follower_tab.shown().len(), count);
    }
}

fn message(seq: u64) -> Envelope {
    let id = MessageId::new(seq, [0; 10]);
    Envelope { seq, time: 1, ..codec::message("lili", Some(id), &format!("message {seq}")) }
}

fn page(request: u32, from: u64, to: u64) -> Envelope {
    let frames = (from + 1..=to).map(|seq| codec::encode(&message(seq))).collect();
    let page = wire::HistoryPage { request, frames, from, to, ..wire::HistoryPage::default() };
    codec::extension(Extension::HistoryPage(page))
}

#[test]
fn a_tab_opened_later_shows_the_same_as_the_leader() {
    let mut browser = Browser::new(5);
    browser.receive(&page(0, 0, 5));
    browser.receive(&message(6));
    browser.sync();
    browser.both_show(6);
    assert_eq!((browser.follower.known.newest(), &browser.follower_tab.gaps[..]), (Some(6), &[][..]));
    assert!(browser.follower_tab.events.iter().any(|e| matches!(e, Event::LoggedIn(i) if &*i.nick == "tom")));
    assert!(
        browser
            .follower_tab
            .events
            .contains(&Event::Connection(Connection::Online { dialect: Dialect::Rich }))
    );
    let member = |nick: &str| wire::Member { nick: nick.into(), state: wire::PresenceState::Online.into() };
    let roster =
        wire::Roster { members: vec![member("lili"), member("tom")], total: 2, first: true, more: false };
    browser.receive(&codec::extension(Extension::Roster(roster)));
    assert_eq!(browser.follower.members().1, 2);
    assert_eq!(browser.follower.members().0[0].state, PresenceState::Online);
    (7..20).for_each(|seq| browser.receive(&message(seq)));
    browser.both_show(19);
}

#[test]
fn missed_messages_are_detected_and_a_snapshot_requested() {
    let mut browser = Browser::new(0);
    browser.sync();
    browser.receive(&message(1));
    browser.disconnected = true;
    browser.receive(&message(2));
    browser.disconnected = false;
    browser.receive(&message(3));
    browser.both_show(3);
    // A new leader.
    browser.leader = Leader::new(10, true);
    browser.leader.identity = browser.leader_tab.events.iter().rev().find_map(|event| match event {
        Event::LoggedIn(identity) => Some(identity.clone()),
        _ => None,
    });
    browser.receive(&message(4));
    browser.both_show(4);
}

#[test]
fn the_member_list_is_shown_only_in_the_tab_that_requested_it() {
    let mut browser = Browser::new(0);
    browser.sync();
    let member = |n| wire::Member { nick: format!("p{n:03}"), state: wire::PresenceState::Online.into() };
    let members: Vec<_> = (0..120).map(member).collect();
    let roster = wire::Roster { members, total: 150, first: true, more: false };
    browser.receive(&codec::extension(Extension::Roster(roster)));
    let notices = |tab: &Tab| -> Vec<_> {
        let notices = tab.events.iter().filter_map(|event| match event {
            Event::Notice(Notice::Members { nicks, more }) => Some((nicks.len(), *more)),
            _ => None,
        });
        notices.collect()
    };
    browser.follower.handle_list_members();
    browser.drain_follower();
    assert_eq!((notices(&browser.leader_tab), notices(&browser.follower_tab)), (vec![], vec![(100, 50)]));
    browser.session.handle_list_members();
    browser.drain();
    assert_eq!(
        (notices(&browser.leader_tab), notices(&browser.follower_tab)),
        (vec![(100, 50)], vec![(100, 50)])
    );
}

#[test]
fn garbage_on_the_channel_is_ignored() {
    let mut browser = Browser::new(0);
    browser.sync();
    for bytes in [&[][..], &[0xFF; 9], b"hello", &[0x28, 0x63]] {
        assert_eq!(browser.follower.handle_message(1, bytes), FollowerAction::Nothing);
        browser.command(bytes);
    }
    let own = browser.leader.snapshot(1, &browser.session);
    assert_eq!(
        browser.command(&own),
        LeaderAction::Nothing,
        "the message of another leader is not a command"
    );
    browser.receive(&message(1));
    browser.both_show(1);
}
