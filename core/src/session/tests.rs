//! The session against a server played by the test, step by step.

use std::collections::BTreeMap;

use super::{
    link::{ANSWER_WITHIN, STEADY},
    *,
};
use crate::{
    codec::{Frame, decode},
    kept::Table,
    model::PresenceState,
    wire::{self, chat_request::Extension as Ext},
};

mod basic;
mod device;
mod history;
mod link;
mod outbox;
mod search;
mod seek;

/// A session under a clock of its own, and what came out of it.
struct Driver {
    session: Session,
    now: Now,
    opens: usize,
    sent: Vec<Frame>,
    closes: Vec<Option<u16>>,
    events: Vec<Event>,
    ids: u8,
    /// The device's storage, and whether it works.
    storage: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    keeps: bool,
    /// Changes that are not made yet, when they are not made at once.
    unkept: Vec<(u64, Vec<Change>)>,
}

impl Driver {
    fn new() -> Self {
        let session = Session::new(42, "test");
        let now = Now { mono: 1_000, unix: 1_700_000_000_000 };
        Self {
            session,
            now,
            opens: 0,
            sent: vec![],
            closes: vec![],
            events: vec![],
            ids: 0,
            storage: BTreeMap::new(),
            keeps: true,
            unkept: vec![],
        }
    }

    fn drain(&mut self) {
        while let Some(command) = self.session.poll_command() {
            match command {
                Command::Open => self.opens += 1,
                Command::Send(bytes) => self.sent.extend(codec::decode_rich(&bytes).unwrap()),
                Command::Close(code) => self.closes.push(code),
                Command::Keep { ticket, changes } => {
                    self.unkept.push((ticket, changes));
                    if self.keeps {
                        self.keep();
                    }
                }
            }
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    /// The storage does what it was asked.
    fn keep(&mut self) {
        for (ticket, changes) in std::mem::take(&mut self.unkept) {
            for change in changes {
                match change {
                    Change::Put(table, key, value) => {
                        self.storage.insert((table, key.to_vec()), value.to_vec());
                    }
                    Change::Delete(table, key) => {
                        self.storage.remove(&(table, key.to_vec()));
                    }
                    Change::DeleteUpTo(table, key) => {
                        self.storage.retain(|(t, k), _| *t != table || **k > *key)
                    }
                    Change::Clear(table) => self.storage.retain(|(t, _), _| *t != table),
                }
            }
            self.session.handle_kept(self.now, ticket);
        }
    }

    /// What the storage has, as a page that is loaded reads it.
    fn kept(&self) -> Kept {
        let table = |table: Table| -> Vec<Vec<u8>> {
            let of = self.storage.iter().filter(|((t, _), _)| *t == table);
            of.map(|(_, value)| value.clone()).collect()
        };
        let account = table(Table::Account);
        Kept::read(account.first().map(Vec::as_slice), &table(Table::Outbox), &table(Table::Messages))
    }

    /// The page is loaded again, with whatever the storage has.
    fn reload(&mut self) {
        let kept = self.kept();
        self.session = Session::new(43, "test");
        self.forget();
        self.unkept.clear();
        let nick = kept.nick().unwrap_or("tom").to_owned();
        self.session.handle_login(self.now, &nick, kept).unwrap();
        self.drain();
    }

    fn pass(&mut self, ms: Millis) {
        let end = self.now.mono + ms;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= end) {
            let step = at.saturating_sub(self.now.mono);
            self.now.mono += step;
            self.now.unix += i64::try_from(step).unwrap();
            let before = (self.session.poll_timeout(), self.opens, self.sent.len());
            let changes = self.storage.clone();
            self.session.handle_timeout(self.now);
            self.drain();
            assert!(
                self.session.poll_timeout() != before.0
                    || self.opens != before.1
                    || self.sent.len() != before.2
                    || self.storage != changes,
                "a timeout that is due does nothing: {:?}",
                self.session
            );
        }
        self.now.unix += i64::try_from(end - self.now.mono).unwrap();
        self.now.mono = end;
    }

    fn receive(&mut self, frame: &Frame) {
        self.receive_bytes(&codec::encode(frame));
    }

    fn receive_bytes(&mut self, bytes: &[u8]) {
        self.session.handle_message(self.now, bytes);
        self.drain();
    }

    fn opened(&mut self) {
        self.session.handle_opened(self.now);
        self.drain();
    }

    fn closed(&mut self, code: u16) {
        self.session.handle_closed(self.now, code);
        self.drain();
    }

    fn log_in(&mut self, nick: &str) {
        self.session.handle_random([self.ids; 16]);
        self.session.handle_login(self.now, nick, self.kept()).unwrap();
        self.drain();
        self.opened();
    }

    fn talk(&mut self, text: &str) -> MessageId {
        self.ids += 1;
        let id = MessageId([self.ids; 16]);
        self.session.handle_talk(self.now, id, text).unwrap();
        self.drain();
        id
    }

    /// Logged in on a rich server, with what that brought forgotten.
    fn online() -> Self {
        let mut driver = Self::new();
        driver.log_in("tom");
        driver.receive(&welcome("tom"));
        driver.forget();
        driver
    }

    /// Logged in on a basic server.
    fn basic() -> Self {
        let mut driver = Self::new();
        driver.log_in("tom");
        driver.receive(&listed("tom", "login", "", &["tom"]));
        driver.forget();
        driver
    }

    fn forget(&mut self) {
        self.sent.clear();
        self.events.clear();
        self.closes.clear();
    }

    fn connection(&self) -> &Connection {
        let last = self.events.iter().rev().find_map(|event| match event {
            Event::Connection(connection) => Some(connection),
            _ => None,
        });
        last.expect("nothing was told of the connection")
    }

    fn texts(&self) -> Vec<&str> {
        let talks = self.sent.iter().filter(|frame| codec::kind(frame) == codec::Kind::Talk);
        talks.map(|frame| frame.content.as_str()).collect()
    }
}

fn welcome(nick: &str) -> Frame {
    let welcome = wire::Welcome {
        version: 1,
        capabilities: vec!["batch".into()],
        nick: nick.into(),
        secret: vec![7; 32],
        limits: Some(Limits { messages_per_minute: 60, burst: 5, ..Limits::default() }.to_wire()),
        server_time: 0,
        resumed: false,
        server_name: "Hall".into(),
        heartbeat_ms: 15_000,
        ..wire::Welcome::default()
    };
    codec::extension("", Ext::Welcome(welcome))
}

fn ack(id: MessageId, seq: u64) -> Frame {
    let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq, time: 5 }];
    codec::extension("", Ext::Ack(wire::Ack { accepted }))
}

fn listed(nick: &str, kind: &str, content: &str, names: &[&str]) -> Frame {
    Frame {
        user_name: nick.into(),
        r#type: kind.into(),
        content: content.into(),
        user_list: codec::user_list(names.iter().copied()),
        ..Frame::default()
    }
}

#[test]
fn presence_is_told_without_ourselves() {
    let mut driver = Driver::online();
    let member =
        |nick: &str, state: wire::PresenceState| wire::Member { nick: nick.into(), state: state.into() };
    let members =
        vec![member("lili", wire::PresenceState::Online), member("tom", wire::PresenceState::Online)];
    driver.receive(&codec::extension(
        "",
        Ext::Roster(wire::Roster { members, total: 2, first: true, more: false }),
    ));
    assert_eq!(driver.events, [Event::Roster]);
    driver.forget();
    let changes = vec![member("zoe", wire::PresenceState::Online), member("lili", wire::PresenceState::Left)];
    driver.receive(&codec::extension("", Ext::Presence(wire::Presence { changes, time: 8 })));
    let moved: Vec<_> = driver
        .events
        .iter()
        .filter_map(|e| if let Event::Moved(m, 8) = e { Some((m.nick.to_string(), m.joined)) } else { None })
        .collect();
    assert_eq!(moved, [("zoe".to_owned(), true), ("lili".to_owned(), false)]);
    let (members, total) = driver.session.roster();
    assert_eq!((members.len(), total, members[0].state), (2, 2, PresenceState::Online));
    driver.forget();
    driver.session.handle_who();
    driver.drain();
    assert!(
        matches!(&driver.events[..], [Event::Notice(Notice::Who { nicks, more: 0 })] if nicks.len() == 2)
    );
}

#[test]
fn leaving_says_so_and_tries_nothing_more() {
    let mut driver = Driver::online();
    driver.session.handle_exit(driver.now);
    driver.drain();
    let exit = driver.sent.last().unwrap();
    assert_eq!((exit.r#type.as_str(), exit.content.as_str()), ("exit", "exit"));
    assert_eq!(driver.closes, [Some(1000)]);
    assert_eq!(driver.events.last(), Some(&Event::LoggedOut));
    driver.closed(1000);
    assert_eq!(driver.session.poll_timeout(), None);
    assert!(driver.storage.is_empty(), "nothing of the user is left on the device");
    assert_eq!(driver.session.handle_talk(driver.now, MessageId([1; 16]), "x"), Err(Status::NotConnected));
}

#[test]
fn what_a_rich_server_sends_wrong_is_survived() {
    let mut driver = Driver::online();
    driver.receive_bytes(&[0xFF; 40]);
    assert_eq!(driver.events, [Event::Notice(Notice::Unreadable)]);
    driver.forget();
    driver.receive(&Frame { r#type: "dance".into(), ..Frame::default() });
    driver.receive(&codec::extension("", Ext::Typing(wire::Typing { typing: true })));
    driver.receive(&codec::extension("", Ext::Ack(wire::Ack { accepted: vec![wire::Accepted::default()] })));
    assert_eq!((driver.events.len(), driver.session.ignored()), (0, 3));
    driver.receive(&codec::talk("lili", "", Some(MessageId([99; 16])), "hi"));
    assert!(matches!(&driver.events[..], [Event::Message(m)] if !m.own));
}

#[test]
fn a_server_that_answers_nonsense_to_the_login_is_no_chat_server() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive_bytes(b"HTTP/1.1 400 Bad Request");
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::BadFrame, refusal: None });
}

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    /// Whatever happens in whatever order, with whatever bytes: no panic, no timeout that is due for ever, and
    /// every message said is pending, failed or sent: never forgotten.
    #[test]
    fn any_sequence_is_survived(steps in proptest::collection::vec((0u8..14, 0u16..300, proptest::collection::vec(proptest::prelude::any::<u8>(), 0..24)), 0..60)) {
        let mut driver = Driver::new();
        let mut said = Vec::new();
        for (what, n, bytes) in steps {
            match what {
                0 => { let _ = driver.session.handle_login(driver.now, "tom", driver.kept()); }
                1 => driver.session.handle_opened(driver.now),
                2 => driver.session.handle_message(driver.now, &bytes),
                3 => driver.session.handle_message(driver.now, &codec::encode(&welcome("tom"))),
                4 => driver.session.handle_message(driver.now, &codec::encode(&listed("tom", "talk", "x", &["tom"]))),
                5 => driver.session.handle_closed(driver.now, 1000 + n % 20),
                6 => driver.session.handle_closed(driver.now, 4000 + n * 3),
                7 => {
                    let id = MessageId::new(said.len() as u64, [0; 10]);
                    if driver.session.handle_talk(driver.now, id, "hello").is_ok() { said.push(id); }
                }
                8 => driver.session.handle_wake(driver.now),
                9 => driver.session.handle_retry_now(driver.now),
                10 => if let Some(id) = said.get(usize::from(n) % said.len().max(1)) {
                    driver.session.handle_message(driver.now, &codec::encode(&ack(*id, n.into())));
                },
                11 => if let Some(id) = said.get(usize::from(n) % said.len().max(1)) {
                    driver.session.handle_message(driver.now, &codec::encode(&codec::refusal(Status::ContentTooLong, Some(*id), 0, None)));
                },
                12 => { driver.session.handle_exit(driver.now); said.clear(); }
                _ => driver.pass(Millis::from(n) * 100),
            }
            driver.drain();
        }
        for id in said {
            let waiting = driver.session.outbox.iter().any(|entry| entry.id == id);
            let sent = driver.events.iter().any(|e| matches!(e, Event::Message(m) if m.id == id && m.delivery == Delivery::Sent));
            proptest::prop_assert!(waiting || sent, "{:?} was forgotten", id);
        }
    }
}
