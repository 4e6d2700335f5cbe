//! The session against a server that the test plays, step by step.

use super::{
    connection::{ANSWER_TIMEOUT_MS, STABLE_MS},
    *,
};
use crate::{
    codec::{Envelope, decode},
    ids::RoomId,
    model::{Connection, MessageId, PresenceState},
    persist::{Key, Rows, Table},
    wire::{self, chat_request::Extension as Ext},
};

mod basic;
mod connection;
mod history;
mod leaving;
mod persistence;
mod rename;
mod search;
mod seek;
mod send_queue;

/// A session under its own clock, and its output.
struct Driver {
    session: Session,
    now: Clocks,
    opens: usize,
    sent: Vec<Envelope>,
    closes: Vec<Option<u16>>,
    events: Vec<Event>,
    ids: u8,
    /// The device's storage, and whether requested changes are applied to it at once.
    storage: Rows,
    storage_works: bool,
    /// Changes that are not applied yet.
    unapplied: Vec<(u64, Vec<Change>)>,
}

impl Driver {
    fn new() -> Self {
        let session = Session::new(42, "test");
        let now = Clocks { monotonic: 1_000, unix: 1_700_000_000_000 };
        Self {
            session,
            now,
            opens: 0,
            sent: vec![],
            closes: vec![],
            events: vec![],
            ids: 0,
            storage: Rows::default(),
            storage_works: true,
            unapplied: vec![],
        }
    }

    fn drain(&mut self) {
        while let Some(command) = self.session.poll_command() {
            match command {
                Command::Open => self.opens += 1,
                Command::Send(bytes) => self.sent.extend(codec::decode_rich(&bytes).unwrap()),
                Command::Close(code) => self.closes.push(code),
                Command::Persist { ticket, changes } => {
                    self.unapplied.push((ticket, changes));
                    if self.storage_works {
                        self.apply_changes();
                    }
                }
            }
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    fn apply_changes(&mut self) {
        for (ticket, changes) in std::mem::take(&mut self.unapplied) {
            for change in changes {
                self.storage.apply(&change);
            }
            self.session.handle_persisted(self.now, ticket);
        }
    }

    /// The storage fails to write the changes.
    fn lose_changes(&mut self) {
        for (ticket, _) in std::mem::take(&mut self.unapplied) {
            self.session.handle_persisted(self.now, ticket);
        }
    }

    /// The content of the storage, as a page reads it when it is loaded.
    fn persisted(&self) -> Persisted {
        Persisted::of(&self.storage)
    }

    /// Reloads the page: a new session with the content of the storage.
    fn reload(&mut self) {
        let persisted = self.persisted();
        self.session = Session::new(43, "test");
        self.clear();
        self.unapplied.clear();
        let nick = persisted.nick().unwrap_or("tom").to_owned();
        self.session.handle_login(self.now, &nick, persisted).unwrap();
        self.drain();
    }

    fn pass(&mut self, ms: Millis) {
        let end = self.now.monotonic + ms;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= end) {
            let step = at.saturating_sub(self.now.monotonic);
            self.now.monotonic += step;
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
                "a due timeout had no effect: {:?}",
                self.session
            );
        }
        self.now.unix += i64::try_from(end - self.now.monotonic).unwrap();
        self.now.monotonic = end;
    }

    fn receive(&mut self, envelope: &Envelope) {
        self.receive_bytes(&codec::encode(envelope));
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
        self.session.handle_new_secret([self.ids; 16]);
        self.session.handle_login(self.now, nick, self.persisted()).unwrap();
        self.drain();
        self.opened();
    }

    fn send(&mut self, text: &str) -> MessageId {
        self.ids += 1;
        let id = MessageId([self.ids; 16]);
        self.session.handle_send(self.now, id, text).unwrap();
        self.drain();
        id
    }

    /// Logged in on a rich server, with cleared output.
    fn online() -> Self {
        let mut driver = Self::new();
        driver.log_in("tom");
        driver.receive(&welcome("tom"));
        driver.clear();
        driver
    }

    /// Logged in on a basic server, with cleared output.
    fn basic() -> Self {
        let mut driver = Self::new();
        driver.log_in("tom");
        driver.receive(&listed("tom", "login", "", &["tom"]));
        driver.clear();
        driver
    }

    /// Clears the output.
    fn clear(&mut self) {
        self.sent.clear();
        self.events.clear();
        self.closes.clear();
    }

    fn connection(&self) -> &Connection {
        let last = self.events.iter().rev().find_map(|event| match event {
            Event::Connection(connection) => Some(connection),
            _ => None,
        });
        last.expect("no connection state was reported")
    }

    fn texts(&self) -> Vec<&str> {
        let messages = self.sent.iter().filter(|envelope| codec::kind(envelope) == codec::Kind::Message);
        messages.map(|message| message.content.as_str()).collect()
    }
}

fn welcome(nick: &str) -> Envelope {
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
    codec::extension(Ext::Welcome(welcome))
}

fn ack(id: MessageId, seq: u64) -> Envelope {
    let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq, time: 5 }];
    codec::extension(Ext::Ack(wire::Ack { accepted }))
}

fn listed(nick: &str, kind: &str, content: &str, names: &[&str]) -> Envelope {
    Envelope {
        user_name: nick.into(),
        r#type: kind.into(),
        content: content.into(),
        user_list: codec::user_list(names.iter().copied()),
        ..Envelope::default()
    }
}

#[test]
fn own_presence_changes_are_not_reported() {
    let mut driver = Driver::online();
    let member =
        |nick: &str, state: wire::PresenceState| wire::Member { nick: nick.into(), state: state.into() };
    let members =
        vec![member("lili", wire::PresenceState::Online), member("tom", wire::PresenceState::Online)];
    driver.receive(&codec::extension(Ext::Roster(wire::Roster {
        members,
        total: 2,
        first: true,
        more: false,
    })));
    assert_eq!(driver.events, [Event::MembersChanged]);
    driver.clear();
    let changes = vec![member("zoe", wire::PresenceState::Online), member("lili", wire::PresenceState::Left)];
    driver.receive(&codec::extension(Ext::Presence(wire::Presence { changes, time: 8 })));
    let changes: Vec<_> = driver
        .events
        .iter()
        .filter_map(|e| {
            if let Event::PresenceChanged(m, 8) = e { Some((m.nick.to_string(), m.joined)) } else { None }
        })
        .collect();
    assert_eq!(changes, [("zoe".to_owned(), true), ("lili".to_owned(), false)]);
    let (members, total) = driver.session.members();
    assert_eq!((members.len(), total, members[0].state), (2, 2, PresenceState::Online));
    driver.clear();
    driver.session.handle_list_members();
    driver.drain();
    assert!(
        matches!(&driver.events[..], [Event::Notice(Notice::Members { nicks, more: 0 })] if nicks.len() == 2)
    );
}

#[test]
fn logging_out_announces_it_and_stops_reconnecting() {
    let mut driver = Driver::online();
    driver.session.handle_leave(driver.now);
    driver.drain();
    let exit = driver.sent.last().unwrap();
    assert_eq!((exit.r#type.as_str(), exit.content.as_str()), ("exit", "exit"));
    assert_eq!(driver.closes, [Some(1000)]);
    assert_eq!(driver.events.last(), Some(&Event::LoggedOut));
    driver.closed(1000);
    assert_eq!(driver.session.poll_timeout(), None);
    assert!(driver.storage.is_empty(), "data of the user is left on the device");
    assert_eq!(driver.session.handle_send(driver.now, MessageId([1; 16]), "x"), Err(Status::NotConnected));
}

#[test]
fn invalid_input_from_a_rich_server_is_ignored() {
    let mut driver = Driver::online();
    driver.receive_bytes(&[0xFF; 40]);
    assert_eq!(driver.events, [Event::Notice(Notice::UnreadableFrame)]);
    driver.clear();
    driver.receive(&Envelope { r#type: "dance".into(), ..Envelope::default() });
    driver.receive(&codec::extension(Ext::Typing(wire::Typing { typing: true })));
    driver.receive(&codec::extension(Ext::Ack(wire::Ack { accepted: vec![wire::Accepted::default()] })));
    assert_eq!((driver.events.len(), driver.session.ignored()), (0, 3));
    driver.receive(&codec::message("lili", Some(MessageId([99; 16])), "hi"));
    assert!(matches!(&driver.events[..], [Event::Message(m)] if !m.own));
}

#[test]
fn an_undecodable_answer_to_the_login_fails_the_connection() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive_bytes(b"HTTP/1.1 400 Bad Request");
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::BadFrame, refusal: None });
}

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    /// For any sequence of inputs: no panic, no timeout that stays due, and every message that the user has sent is
    /// in the queue or acknowledged.
    #[test]
    fn no_message_is_lost_in_any_sequence_of_inputs(steps in proptest::collection::vec((0u8..14, 0u16..300, proptest::collection::vec(proptest::prelude::any::<u8>(), 0..24)), 0..60)) {
        let mut driver = Driver::new();
        let mut sent = Vec::new();
        for (what, n, bytes) in steps {
            match what {
                0 => { let _ = driver.session.handle_login(driver.now, "tom", driver.persisted()); }
                1 => driver.session.handle_opened(driver.now),
                2 => driver.session.handle_message(driver.now, &bytes),
                3 => driver.session.handle_message(driver.now, &codec::encode(&welcome("tom"))),
                4 => driver.session.handle_message(driver.now, &codec::encode(&listed("tom", "talk", "x", &["tom"]))),
                5 => driver.session.handle_closed(driver.now, 1000 + n % 20),
                6 => driver.session.handle_closed(driver.now, 4000 + n * 3),
                7 => {
                    let id = MessageId::new(sent.len() as u64, [0; 10]);
                    if driver.session.handle_send(driver.now, id, "hello").is_ok() { sent.push(id); }
                }
                8 => driver.session.handle_wake(driver.now),
                9 => driver.session.handle_reconnect(driver.now),
                10 => if let Some(id) = sent.get(usize::from(n) % sent.len().max(1)) {
                    driver.session.handle_message(driver.now, &codec::encode(&ack(*id, n.into())));
                },
                11 => if let Some(id) = sent.get(usize::from(n) % sent.len().max(1)) {
                    driver.session.handle_message(driver.now, &codec::encode(&codec::refusal(Status::ContentTooLong, Some(*id), 0, None)));
                },
                12 => { driver.session.handle_leave(driver.now); sent.clear(); }
                _ => driver.pass(Millis::from(n) * 100),
            }
            driver.drain();
        }
        for id in sent {
            let queued = driver.session.send_queue.iter().any(|queued| queued.id == id);
            let acknowledged = driver.events.iter().any(|e| matches!(e, Event::Message(m) if m.id == id && m.delivery == Delivery::Sent));
            proptest::prop_assert!(queued || acknowledged, "{:?} was lost", id);
        }
    }
}
