//! A page that leads, pages that follow, and a server played by the test.

use super::{told::Heard, *};
use crate::{
    codec::{self, Frame},
    event::{Found, Missing},
    kept::{Change, Kept, MESSAGES_KEPT, Table},
    model::{Delivery, Dialect, Message, PresenceState, Refused},
    presence::Moved,
    session::Command,
    status::Status,
    timeline::{RowKind, Timeline},
    wire::{self, chat_request::Extension},
};

mod asking;
mod taking_over;

const NOW: Now = Now { mono: 50_000, unix: 1_700_000_000_000 };

/// What a page shows.
struct Page {
    timeline: Timeline,
    gaps: Vec<Missing>,
    events: Vec<Event>,
}

impl Page {
    fn new() -> Self {
        Self { timeline: Timeline::new(10_000, |_| 0), gaps: Vec::new(), events: Vec::new() }
    }

    fn apply(&mut self, event: Event) {
        self.events.push(event.clone());
        match event {
            Event::Message(message) => self.timeline.message(message),
            Event::Page(messages) => self.timeline.page(messages),
            Event::Delivery(id, delivery) => self.timeline.delivery(id, delivery),
            Event::Gaps(gaps) => {
                self.timeline.gaps(&gaps);
                self.gaps = gaps;
            }
            _ => {}
        }
    }

    /// The messages, and how far they have come.
    fn shown(&self) -> Vec<(MessageId, u64, Delivery)> {
        let message = |kind: &RowKind| match kind {
            RowKind::Message { message, .. } => Some((message.id, message.seq, message.delivery)),
            _ => None,
        };
        self.timeline.rows().filter_map(|row| message(&row.kind)).collect()
    }
}

/// A browser with two pages.
struct Browser {
    session: Session,
    lead: Lead,
    first: Page,
    mirror: Mirror,
    second: Page,
    rows: std::collections::BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    sent: Vec<Frame>,
    /// Letters that the follower does not hear.
    deaf: bool,
    /// Nothing more is written on the device, as when the page is about to die.
    dying: bool,
}

impl Browser {
    /// The first page is in a room that has come to `last`, the second one is not open.
    fn new(last: u64) -> Self {
        let mut browser = Self {
            session: Session::new(1, "test"),
            lead: Lead::new(9, false),
            first: Page::new(),
            mirror: Mirror::new(),
            second: Page::new(),
            rows: Default::default(),
            sent: Vec::new(),
            deaf: true,
            dying: false,
        };
        browser.session.handle_login(NOW, "tom", Kept::default()).unwrap();
        browser.session.handle_opened(NOW);
        let welcome = wire::Welcome {
            version: 1,
            nick: "tom".into(),
            secret: vec![7; 32],
            capabilities: vec!["history".into(), "search".into()],
            log: vec![1],
            positions: vec![wire::RoomPosition { room: String::new(), seq: last }],
            ..wire::Welcome::default()
        };
        browser.receive(&codec::extension("", Extension::Welcome(welcome)));
        browser
    }

    fn receive(&mut self, frame: &Frame) {
        self.session.handle_message(NOW, &codec::encode(frame));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(command) = self.session.poll_command() {
            match command {
                Command::Send(bytes) => self.sent.extend(codec::decode_rich(&bytes).unwrap()),
                Command::Keep { .. } if self.dying => {}
                Command::Keep { ticket, changes } => {
                    changes.into_iter().for_each(|change| self.write(change));
                    self.session.handle_kept(NOW, ticket);
                }
                _ => {}
            }
        }
        while let Some(event) = self.session.poll_event() {
            let letter = self.lead.tell(NOW.mono, &event, &self.session);
            self.first.apply(event);
            if let Some(letter) = letter {
                self.told(&letter);
            }
        }
    }

    fn write(&mut self, change: Change) {
        match change {
            Change::Put(table, key, value) => drop(self.rows.insert((table, key.to_vec()), value.to_vec())),
            Change::Delete(table, key) => drop(self.rows.remove(&(table, key.to_vec()))),
            Change::DeleteUpTo(table, key) => self.rows.retain(|(t, k), _| *t != table || **k > *key),
            Change::Clear(table) => self.rows.retain(|(t, _), _| *t != table),
        }
    }

    fn told(&mut self, letter: &[u8]) {
        if !self.deaf {
            match self.mirror.handle(NOW.mono + 7, letter) {
                Took::Nothing => {}
                Took::Missed => self.hello(),
                Took::Whole => self.read_device(),
            }
        }
        self.drain_mirror();
    }

    fn drain_mirror(&mut self) {
        while let Some(event) = self.mirror.poll_event() {
            self.second.apply(event);
        }
    }

    /// The second page is opened, or has missed something.
    fn hello(&mut self) {
        self.deaf = false;
        assert_eq!(self.lead.handle(NOW, &wish(Wish::Hello), &mut self.session), Heed::Tell);
        self.session.handle_hide();
        self.drain();
        let whole = self.lead.whole(NOW.mono, &self.session);
        self.told(&whole);
    }

    fn read_device(&mut self) {
        self.mirror.handle_kept(self.kept());
    }

    fn kept(&self) -> Kept {
        let table = |table| -> Vec<_> {
            let of = self.rows.iter().filter(move |((t, _), _)| *t == table);
            of.map(|(_, value)| value.clone()).collect()
        };
        let account = table(Table::Account);
        let account = account.first().map(Vec::as_slice);
        Kept::read(account, &table(Table::Outbox), &table(Table::Messages))
    }

    /// The first page is gone, and the second one leads, with what the device has.
    fn take_over(&mut self) {
        (self.session, self.dying) = (Session::new(2, "test"), false);
        self.session.handle_login(NOW, "tom", self.kept()).unwrap();
        self.session.handle_waiting(self.mirror.take_waiting());
        while let Some(event) = self.session.poll_event() {
            self.second.apply(event);
        }
    }

    fn wish(&mut self, letter: &[u8]) -> Heed {
        let heed = self.lead.handle(NOW, letter, &mut self.session);
        self.drain();
        heed
    }

    #[track_caller]
    fn both_show(&self, count: usize) {
        assert_eq!(self.second.shown(), self.first.shown());
        assert_eq!(self.second.shown().len(), count);
    }
}

fn said(seq: u64) -> Frame {
    let id = MessageId::new(seq, [0; 10]);
    Frame { seq, time: 1, ..codec::talk("lili", "", Some(id), &format!("message {seq}")) }
}

fn page(request: u32, from: u64, to: u64) -> Frame {
    let frames = (from + 1..=to).map(|seq| codec::encode(&said(seq))).collect();
    let page = wire::HistoryPage { request, frames, from, to, ..wire::HistoryPage::default() };
    codec::extension("", Extension::HistoryPage(page))
}

#[test]
fn every_event_is_heard_as_it_was_told() {
    let message = Message {
        id: MessageId([3; 16]),
        nick: "lili".into(),
        content: "你好".into(),
        seq: 4,
        time: -5,
        own: true,
        delivery: Delivery::Failed(Status::ContentTooLong),
    };
    let refused =
        Refused { status: Status::Busy, text: "x".into(), suggestion: Some("y".into()), retry_after: 9 };
    let identity = Identity {
        nick: "tom".into(),
        dialect: Dialect::Basic,
        limits: crate::limits::Limits::default(),
        server_name: Some("Hall".into()),
        search: true,
    };
    let others: Vec<_> = [Delivery::Sent, Delivery::Queued, Delivery::Pending]
        .map(|delivery| Message { delivery, own: false, ..message.clone() })
        .into();
    let found = vec![message.clone()];
    let events = [
        Event::Connection(Connection::Idle),
        Event::Connection(Connection::Connecting),
        Event::Connection(Connection::Online { dialect: Dialect::Basic }),
        Event::Connection(Connection::Reconnecting { status: Status::NoAnswer, retry_at: None, attempt: 3 }),
        Event::Connection(Connection::Failed { status: Status::Busy, refusal: None }),
        Event::Connection(Connection::Failed { status: Status::Busy, refusal: Some(refused.clone()) }),
        Event::LoggedIn(identity),
        Event::LoggedOut,
        Event::Message(message),
        Event::Page(others),
        Event::Sought { asker: u64::MAX, seq: None },
        Event::Sought { asker: 1, seq: Some(9) },
        Event::Found { asker: 1, found: Err(Status::NoAnswer) },
        Event::Found { asker: 1, found: Ok(Found { messages: found, more: true }) },
        Event::Known(Range { from: 1, to: u64::MAX }),
        Event::Forget,
        Event::FromDevice(true),
        Event::Delivery(MessageId([1; 16]), Delivery::Failed(Status::Unconfirmed)),
        Event::Throttled(Status::LogUnavailable, 7),
        Event::Discarded(MessageId([2; 16])),
        Event::Moved(Moved { nick: "a".into(), joined: true }, 9),
        Event::Notice(Notice::Missed),
        Event::Notice(Notice::NothingKept),
        Event::Notice(Notice::Broke(Status::InvalidText)),
        Event::Notice(Notice::Unreadable),
        Event::Notice(Notice::Server("s".into())),
        Event::Refused(refused),
        Event::RoundTrip(12),
    ];
    for event in events {
        let told = told::tell(100, &event).unwrap();
        let bytes = told.encode_to_vec();
        let Some(Heard::Event(heard)) = told::hear(900, Told::decode(&*bytes).unwrap()) else {
            panic!("{event:?}")
        };
        assert_eq!(heard, event);
    }
    // Asked for by one page, and told there.
    let who = Event::Notice(Notice::Who { nicks: vec!["a".into()], more: 2 });
    assert!(told::tell(100, &who).is_none());
    // A moment is as far away as it was.
    let at = |retry_at| Connection::Reconnecting {
        status: Status::NoAnswer,
        retry_at: Some(retry_at),
        attempt: 1,
    };
    let told = told::tell(100, &Event::Connection(at(350))).unwrap();
    assert!(matches!(told::hear(900, told), Some(Heard::Event(Event::Connection(c))) if c == at(1_150)));
}

#[test]
fn a_page_that_is_opened_later_shows_the_same_and_goes_on_showing_it() {
    let mut browser = Browser::new(5);
    browser.receive(&page(0, 0, 5));
    browser.receive(&said(6));
    browser.hello();
    browser.both_show(6);
    assert_eq!((browser.mirror.known.newest(), &browser.second.gaps[..]), (Some(6), &[][..]));
    assert!(browser.second.events.iter().any(|e| matches!(e, Event::LoggedIn(i) if &*i.nick == "tom")));
    assert!(
        browser.second.events.contains(&Event::Connection(Connection::Online { dialect: Dialect::Rich }))
    );
    let member = |nick: &str| wire::Member { nick: nick.into(), state: wire::PresenceState::Online.into() };
    let roster =
        wire::Roster { members: vec![member("lili"), member("tom")], total: 2, first: true, more: false };
    browser.receive(&codec::extension("", Extension::Roster(roster)));
    assert_eq!(browser.mirror.roster().1, 2);
    assert_eq!(browser.mirror.roster().0[0].state, PresenceState::Online);
    (7..20).for_each(|seq| browser.receive(&said(seq)));
    browser.both_show(19);
}

#[test]
fn what_was_not_heard_is_noticed() {
    let mut browser = Browser::new(0);
    browser.hello();
    browser.receive(&said(1));
    browser.deaf = true;
    browser.receive(&said(2));
    browser.deaf = false;
    browser.receive(&said(3));
    browser.both_show(3);
    // Another page leads now.
    browser.lead = Lead::new(10, true);
    browser.lead.identity = browser.first.events.iter().rev().find_map(|event| match event {
        Event::LoggedIn(identity) => Some(identity.clone()),
        _ => None,
    });
    browser.receive(&said(4));
    browser.both_show(4);
}

#[test]
fn what_is_said_in_a_follower_is_sent_by_the_lead_once() {
    let mut browser = Browser::new(0);
    browser.hello();
    browser.sent.clear();
    let id = MessageId([5; 16]);
    let said = browser.mirror.handle_talk(NOW, id, "hello  ").unwrap();
    browser.drain_mirror();
    assert!(matches!(browser.second.shown()[..], [(shown, _, Delivery::Queued)] if shown == id), "at once");
    browser.write(said.change.clone());
    for _ in 0..2 {
        assert_eq!(browser.wish(&said.wish), Heed::Nothing);
    }
    let talks: Vec<_> = browser.sent.iter().filter(|f| f.r#type == codec::TALK).collect();
    assert!(matches!(talks[..], [f] if f.content == "hello" && f.id == id.0));
    browser.both_show(1);
    let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq: 1, time: 5 }];
    browser.receive(&codec::extension("", Extension::Ack(wire::Ack { accepted })));
    assert_eq!(browser.second.shown(), [(id, 1, Delivery::Sent)]);
    browser.both_show(1);
    // A page that leads takes it over by itself.
    let next = browser.mirror.handle_talk(NOW, MessageId([6; 16]), "and this").unwrap();
    browser.session.handle_adopt(NOW, &next.entry);
    browser.drain();
    assert_eq!(browser.sent.last().unwrap().content, "and this");
    assert_eq!(browser.mirror.handle_talk(NOW, id, " "), Err(Status::ContentEmpty));
    let long = "x".repeat(20_000);
    assert_eq!(browser.mirror.handle_talk(NOW, id, &long), Err(Status::ContentTooLong));
    assert_eq!(browser.mirror.excess(&long), 20_000 - 16 * 1024);
    assert_eq!(Mirror::new().handle_talk(NOW, id, "x"), Err(Status::NotConnected));
}

#[test]
fn what_is_not_sent_stands_in_the_order_in_which_it_was_said_in_all_pages() {
    let mut browser = Browser::new(0);
    browser.hello();
    browser.session.handle_closed(NOW, 1006);
    browser.drain();
    let ids = [1, 2, 3].map(|n| MessageId([n; 16]));
    let at = |ms| Now { unix: NOW.unix + ms, ..NOW };
    // Written to the device slowly: what is said in the lead meanwhile overtakes it.
    let first = browser.mirror.handle_talk(at(0), ids[0], "one").unwrap();
    browser.drain_mirror();
    browser.session.handle_talk(at(1), ids[1], "two").unwrap();
    browser.drain();
    // A clock that is put back changes nothing.
    browser.session.handle_talk(at(-9), ids[2], "three").unwrap();
    browser.drain();
    browser.wish(&first.wish);
    browser.both_show(3);
    assert_eq!(browser.second.shown().iter().map(|shown| shown.0).collect::<Vec<_>>(), ids);
}

#[test]
fn a_follower_knows_what_it_lacks_and_loads_it() {
    let last = u64::try_from(3 * MESSAGES_KEPT).unwrap();
    let mut browser = Browser::new(0);
    for seq in 1..=last {
        browser.receive(&said(seq));
    }
    browser.hello();
    let [missing] = browser.second.gaps[..] else { panic!("{:?}", browser.second.gaps) };
    assert!(missing.gap.from == 0 && missing.gap.to > 0 && browser.first.gaps.is_empty());
    assert_eq!(browser.second.shown().len() as u64, last - missing.gap.to);
    browser.sent.clear();
    assert!(browser.mirror.handle_load(missing.gap.to));
    browser.wish(&wish_to_load(missing.gap.to));
    assert!(!browser.mirror.handle_load(missing.gap.to), "one at a time");
    let Some(Extension::HistoryRequest(asked)) = browser.sent[0].extension else { panic!() };
    browser.receive(&page(asked.request, 0, missing.gap.to));
    browser.both_show(usize::try_from(last).unwrap());
    assert_eq!(browser.second.gaps, []);
}

#[test]
fn a_gap_is_shown_as_loading_for_as_long_as_it_is() {
    let last = u64::try_from(3 * MESSAGES_KEPT).unwrap();
    let mut browser = Browser::new(0);
    (1..=last).for_each(|seq| browser.receive(&said(seq)));
    browser.hello();
    let to = browser.second.gaps[0].gap.to;
    let loading = |browser: &Browser| browser.second.gaps.iter().any(|missing| missing.loading);
    let load = |browser: &mut Browser| {
        assert!(browser.mirror.handle_load(to));
        browser.drain_mirror();
        browser.wish(&wish_to_load(to));
    };
    load(&mut browser);
    assert!(loading(&browser), "though the lead lacks nothing");
    let Some(Extension::HistoryRequest(asked)) = browser.sent.last().unwrap().extension.clone() else {
        panic!()
    };
    let code = Status::LogUnavailable.code().into();
    let refusal = wire::Refusal { code, request: asked.request, ..wire::Refusal::default() };
    browser.receive(&codec::extension("", Extension::Refusal(refusal)));
    assert!(!loading(&browser), "it was refused");
    load(&mut browser);
    assert!(loading(&browser));
    browser.session.handle_closed(NOW, 1006);
    browser.drain();
    assert!(!loading(&browser), "there is no connection");
    load(&mut browser);
    assert!(!loading(&browser), "and without one nothing is asked for");
    assert!(!browser.mirror.handle_load(to - 1), "there is no such gap");
}

#[test]
fn who_is_there_is_told_where_it_was_asked() {
    let mut browser = Browser::new(0);
    browser.hello();
    let member = |n| wire::Member { nick: format!("p{n:03}"), state: wire::PresenceState::Online.into() };
    let members: Vec<_> = (0..120).map(member).collect();
    let roster = wire::Roster { members, total: 150, first: true, more: false };
    browser.receive(&codec::extension("", Extension::Roster(roster)));
    let answers = |page: &Page| -> Vec<_> {
        let told = page.events.iter().filter_map(|event| match event {
            Event::Notice(Notice::Who { nicks, more }) => Some((nicks.len(), *more)),
            _ => None,
        });
        told.collect()
    };
    browser.mirror.handle_who();
    browser.drain_mirror();
    assert_eq!((answers(&browser.first), answers(&browser.second)), (vec![], vec![(100, 50)]));
    browser.session.handle_who();
    browser.drain();
    assert_eq!((answers(&browser.first), answers(&browser.second)), (vec![(100, 50)], vec![(100, 50)]));
}

#[test]
fn who_leaves_in_one_page_has_left_in_all() {
    let mut browser = Browser::new(0);
    browser.hello();
    assert_eq!(browser.wish(&wish(Wish::Exit)), Heed::Exit);
    browser.session.handle_exit(NOW);
    browser.drain();
    assert_eq!(browser.second.events.last(), Some(&Event::LoggedOut));
    assert_eq!(browser.mirror.handle_talk(NOW, MessageId([5; 16]), "x"), Err(Status::NotConnected));
}

#[test]
fn rubbish_on_the_channel_is_ignored() {
    let mut browser = Browser::new(0);
    browser.hello();
    for bytes in [&[][..], &[0xFF; 9], b"hello", &[0x28, 0x63]] {
        assert_eq!(browser.mirror.handle(1, bytes), Took::Nothing);
        browser.wish(bytes);
    }
    let own = browser.lead.whole(1, &browser.session);
    assert_eq!(browser.wish(&own), Heed::Nothing, "what another lead tells is no wish");
    browser.receive(&said(1));
    browser.both_show(1);
}
