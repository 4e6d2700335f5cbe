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

mod device;
mod history;
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
fn the_first_frame_is_a_login_that_a_basic_server_takes_for_an_empty_talk() {
    let mut driver = Driver::new();
    driver.log_in("  tom ");
    let [login] = &driver.sent[..] else { panic!("{:?}", driver.sent) };
    assert_eq!(
        (login.user_name.as_str(), login.r#type.as_str(), login.content.as_str()),
        ("tom", "login", "")
    );
    assert!(matches!(&login.extension, Some(Ext::Login(l)) if l.version == 1 && l.secret == [b'0'; 32]));
    driver.receive(&welcome("tom"));
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Rich });
    let identity =
        driver.events.iter().find_map(|e| if let Event::LoggedIn(i) = e { Some(i) } else { None }).unwrap();
    assert_eq!((&*identity.nick, identity.limits.burst), ("tom", 5));
    assert_eq!(identity.server_name.as_deref(), Some("Hall"));
}

#[test]
fn a_first_login_whose_answer_is_lost_is_the_same_session_the_next_time() {
    let mut driver = Driver::new();
    let secret = |driver: &Driver| match &driver.sent.last().unwrap().extension {
        Some(Ext::Login(login)) => login.secret.clone(),
        other => panic!("{other:?}"),
    };
    driver.log_in("tom");
    let first = secret(&driver);
    driver.closed(1006);
    driver.ids = 7;
    driver.log_in("Tom");
    assert_eq!(secret(&driver), first);
    // And after leaving, of which the server may not have heard.
    driver.receive(&welcome("Tom"));
    driver.session.handle_exit(driver.now);
    driver.drain();
    driver.log_in("tom");
    assert_eq!(secret(&driver), [7; 32], "the server's word on it");
    driver.closed(1006);
    driver.log_in("lili");
    assert_eq!(secret(&driver), *b"07070707070707070707070707070707", "another nick is another session");
}

#[test]
fn a_bad_nick_opens_nothing() {
    let mut driver = Driver::new();
    assert_eq!(driver.session.handle_login(driver.now, " ", Kept::default()), Err(Status::NickEmpty));
    driver.drain();
    assert_eq!(driver.opens, 0);
    driver.log_in("tom");
    assert_eq!(driver.session.handle_login(driver.now, "tom", Kept::default()), Err(Status::SignedIn));
}

#[test]
fn a_name_from_the_server_is_taken_if_it_is_one() {
    for (told, taken) in [("Tom", "Tom"), ("", "tom"), ("a,b", "tom"), ("\u{202E}mot", "tom")] {
        let mut driver = Driver::new();
        driver.log_in("tom");
        driver.receive(&welcome(told));
        driver.reload();
        assert_eq!(driver.kept().nick(), Some(taken), "{told:?}");
    }
}

#[test]
fn an_own_message_is_shown_pending_then_sent_once() {
    let mut driver = Driver::online();
    let id = driver.talk("hello");
    assert!(matches!(&driver.events[0], Event::Message(m) if m.id == id && m.delivery == Delivery::Queued));
    assert_eq!(driver.events[1], Event::Delivery(id, Delivery::Pending));
    assert_eq!((driver.texts(), driver.sent[0].id.as_slice()), (vec!["hello"], &id.0[..]));
    driver.events.clear();
    driver.receive(&ack(id, 9));
    assert!(
        matches!(&driver.events[..], [Event::Message(m)] if m.id == id && m.seq == 9 && m.delivery == Delivery::Sent)
    );
    driver.events.clear();
    driver.receive(&ack(id, 9));
    assert_eq!(driver.events, [], "a second acknowledgement says nothing new");
}

#[test]
fn a_refused_message_fails_and_may_be_tried_again_or_discarded() {
    let mut driver = Driver::online();
    let id = driver.talk("hello");
    driver.receive(&codec::refusal(Status::ContentTooLong, Some(id), 0, None));
    assert_eq!(driver.events.last(), Some(&Event::Delivery(id, Delivery::Failed(Status::ContentTooLong))));
    driver.forget();
    driver.session.handle_retry(driver.now, id);
    driver.drain();
    assert_eq!((driver.texts(), driver.sent[0].id.as_slice()), (vec!["hello"], &id.0[..]), "the same id");
    driver.session.handle_discard(driver.now, id);
    assert!(driver.session.outbox.get(id).is_some(), "what is on its way can't be called back");
    driver.receive(&codec::refusal(Status::ContentTooLong, Some(id), 0, None));
    driver.session.handle_discard(driver.now, id);
    driver.drain();
    assert_eq!(driver.events.last(), Some(&Event::Discarded(id)));
    driver.forget();
    driver.session.handle_retry(driver.now, id);
    driver.drain();
    assert_eq!(driver.texts(), Vec::<&str>::new());
}

#[test]
fn the_rate_the_server_told_is_kept_and_the_order_too() {
    let mut driver = Driver::online();
    for n in 0..7 {
        driver.talk(&n.to_string());
    }
    assert_eq!(driver.texts(), ["0", "1", "2", "3", "4"]);
    assert!(driver.events.iter().any(|e| matches!(e, Event::Throttled(Status::RateLimited, 1000))));
    driver.pass(999);
    assert_eq!(driver.texts().len(), 5);
    driver.pass(1_001);
    assert_eq!(driver.texts(), ["0", "1", "2", "3", "4", "5", "6"]);
}

#[test]
fn a_refusal_for_the_rate_is_waited_out() {
    let mut driver = Driver::online();
    let id = driver.talk("hello");
    driver.forget();
    driver.receive(&codec::refusal(Status::RateLimited, Some(id), 3_000, None));
    let throttled = Event::Throttled(Status::RateLimited, 3_000);
    assert_eq!(
        driver.events,
        [throttled, Event::Delivery(id, Delivery::Queued)],
        "the message is not given up"
    );
    driver.pass(2_999);
    assert_eq!(driver.texts(), Vec::<&str>::new());
    driver.pass(1);
    assert_eq!(driver.texts(), ["hello"]);
}

#[test]
fn a_lost_connection_comes_back_with_the_secret_and_sends_what_is_not_acknowledged() {
    let mut driver = Driver::online();
    let first = driver.talk("one");
    driver.receive(&ack(first, 3));
    let second = driver.talk("two");
    driver.closed(1006);
    let Connection::Reconnecting { status: Status::Abnormal, retry_at: Some(at), attempt: 1 } =
        *driver.connection()
    else {
        panic!("{:?}", driver.connection())
    };
    let third = driver.talk("three");
    driver.forget();
    driver.pass(at - driver.now.mono);
    driver.opened();
    assert!(
        matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.secret == [7; 32] && l.positions.is_empty())
    );
    driver.forget();
    driver.receive(&welcome("tom"));
    assert_eq!(driver.texts(), ["two", "three"]);
    let ids: Vec<_> = driver.sent.iter().filter_map(|frame| MessageId::from_wire(&frame.id)).collect();
    assert_eq!(ids, [second, third]);
    assert!(
        driver.events.contains(&Event::Notice(Notice::Missed)),
        "a server without history can't fill the gap"
    );
}

#[test]
fn waits_grow_until_a_connection_has_lasted() {
    let mut driver = Driver::online();
    let mut waits = Vec::new();
    for _ in 0..12 {
        driver.closed(1006);
        let Connection::Reconnecting { retry_at: Some(at), .. } = *driver.connection() else { panic!() };
        waits.push(at - driver.now.mono);
        driver.pass(at - driver.now.mono);
    }
    assert!(waits[0] <= 500 && waits[11] >= 15_000 && waits[11] <= 30_000, "{waits:?}");
    // A server that accepts the socket but not the login does not reset the wait.
    driver.opened();
    driver.closed(1006);
    let Connection::Reconnecting { retry_at: Some(at), .. } = *driver.connection() else { panic!() };
    assert!(at - driver.now.mono >= 15_000);
    driver.session.handle_retry_now(driver.now);
    driver.drain();
    driver.opened();
    driver.receive(&welcome("tom"));
    // Nor does one that drops the connection soon after it.
    driver.closed(1006);
    let Connection::Reconnecting { retry_at: Some(at), .. } = *driver.connection() else { panic!() };
    assert!(at - driver.now.mono >= 15_000);
    driver.session.handle_retry_now(driver.now);
    driver.drain();
    driver.opened();
    driver.receive(&welcome("tom"));
    driver.now.mono += STEADY;
    driver.closed(1006);
    let Connection::Reconnecting { retry_at: Some(at), .. } = *driver.connection() else { panic!() };
    assert!(at - driver.now.mono <= 500);
}

#[test]
fn the_server_says_when_to_come_back() {
    let mut driver = Driver::online();
    driver.receive(&codec::extension("", Ext::GoingAway(wire::GoingAway { retry_after_ms: 20_000 })));
    driver.closed(Status::ShuttingDown.code());
    let Connection::Reconnecting { status, retry_at: Some(at), .. } = *driver.connection() else { panic!() };
    assert_eq!(status, Status::ShuttingDown);
    assert!((20_000..=25_000).contains(&(at - driver.now.mono)));
}

#[test]
fn terminal_codes_are_not_retried() {
    for status in [Status::Replaced, Status::NickTaken, Status::Policy] {
        let mut driver = Driver::online();
        driver.closed(status.code());
        assert_eq!(driver.connection(), &Connection::Failed { status, refusal: None });
        driver.pass(1_000);
        assert_eq!(driver.session.poll_timeout(), None);
        driver.session.handle_retry_now(driver.now);
        driver.drain();
        assert_eq!(driver.opens, 2, "but the user may say so");
    }
}

#[test]
fn a_name_that_was_ours_is_asked_for_until_nobody_can_keep_it_for_us() {
    // A server that was killed may know only the session before this one.
    let taken = |driver: &mut Driver| {
        driver.opened();
        driver.receive(&codec::refusal(Status::NickTaken, None, 0, None));
    };
    let mut driver = Driver::online();
    driver.talk("hello");
    driver.closed(1006);
    let lost = driver.now.mono;
    while let Connection::Reconnecting { .. } = driver.connection() {
        driver.pass(500);
        taken(&mut driver);
        assert!(driver.now.mono < lost + 180_000, "somebody else has it");
    }
    assert!(matches!(driver.connection(), Connection::Failed { status: Status::NickTaken, .. }));
    assert!(driver.now.mono > lost + 60_000, "it was kept for a minute");

    let mut driver = Driver::online();
    driver.closed(1006);
    driver.pass(1_000);
    taken(&mut driver);
    driver.pass(30_000);
    driver.opened();
    driver.receive(&welcome("tom"));
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Rich });
}

#[test]
fn a_refused_login_tells_why_and_what_would_do() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&codec::refusal(Status::NickTaken, None, 0, Some("tom2".into())));
    let Connection::Failed { status: Status::NickTaken, refusal: Some(refused) } = driver.connection() else {
        panic!()
    };
    assert_eq!(refused.suggestion.as_deref(), Some("tom2"));
    assert!(!driver.closes.is_empty());
    driver.log_in("tom2");
    driver.receive(&welcome("tom2"));
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Rich });
}

#[test]
fn a_first_login_that_gets_no_answer_fails_instead_of_trying_for_ever() {
    let mut driver = Driver::new();
    driver.session.handle_login(driver.now, "tom", Kept::default()).unwrap();
    driver.pass(ANSWER_WITHIN);
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::NoAnswer, refusal: None });
    driver.log_in("tom");
    driver.pass(ANSWER_WITHIN);
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::NoAnswer, refusal: None });
}

#[test]
fn a_silent_server_is_noticed_and_a_talking_one_is_not_pinged_to_death() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&welcome("tom"));
    let Some(Ext::Ping(ping)) = driver.sent.last().unwrap().extension.clone() else { panic!() };
    driver.now.mono += 30;
    driver.receive(&codec::extension("", Ext::Pong(wire::Pong { nonce: ping.nonce })));
    assert_eq!(driver.events.last(), Some(&Event::RoundTrip(30)));
    driver.forget();
    driver.session.handle_watched(driver.now, false);
    driver.pass(15_000);
    assert!(matches!(driver.sent[..], [Frame { extension: Some(Ext::Ping(_)), .. }]));
    // Something is heard within the time, though no pong.
    driver.pass(9_000);
    driver.receive(&codec::talk("lili", "", Some(MessageId([99; 16])), "hi"));
    driver.pass(9_000);
    assert!(driver.closes.is_empty());
    driver.pass(1_000);
    assert_eq!(driver.closes.len(), 1);
    assert!(matches!(driver.connection(), Connection::Reconnecting { status: Status::ConnectionLost, .. }));
}

#[test]
fn while_somebody_looks_a_dead_connection_is_noticed_within_ten_seconds() {
    let mut driver = Driver::online();
    for heard_after in [0, 100, 4_999, 5_001, 9_000] {
        driver.pass(heard_after);
        assert!(driver.closes.is_empty());
        if let State::Online(Online { awaiting: Some((nonce, _)), .. }) = driver.session.state {
            driver.receive(&codec::extension("", Ext::Pong(wire::Pong { nonce })));
        }
    }
    driver.pass(9_999);
    assert_eq!(driver.closes.len(), 1);
}

#[test]
fn waking_checks_at_once() {
    let mut driver = Driver::online();
    let Some((nonce, _)) = (if let State::Online(o) = &driver.session.state { o.awaiting } else { None })
    else {
        panic!()
    };
    driver.receive(&codec::extension("", Ext::Pong(wire::Pong { nonce })));
    driver.forget();
    driver.session.handle_wake(driver.now);
    driver.drain();
    assert!(matches!(driver.sent[..], [Frame { extension: Some(Ext::Ping(_)), .. }]));
    driver.closed(1006);
    driver.session.handle_wake(driver.now);
    driver.drain();
    assert_eq!(driver.opens, 2);
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

// ---- the basic dialect

#[test]
fn an_answer_without_extension_is_a_basic_server() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&listed("tom", "login", "", &["lili", "tom"]));
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Basic });
    assert!(!driver.events.iter().any(|e| matches!(e, Event::Moved(..) | Event::Message(_))));
    assert_eq!(driver.session.roster().1, 2);
    driver.forget();
    driver.pass(3_600_000);
    assert!(driver.sent.is_empty(), "no ping, no frame that a basic server would show");
}

#[test]
fn a_first_login_is_text_that_a_browser_accepts() {
    let mut driver = Driver::new();
    driver.log_in("李丽");
    assert!(std::str::from_utf8(&codec::encode(&driver.sent[0])).is_ok());
}

#[test]
fn a_basic_server_that_keeps_unknown_fields_is_one_all_the_same() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    let echo = Frame { user_list: codec::user_list(["tom"]), ..driver.sent[0].clone() };
    assert!(echo.extension.is_some());
    driver.receive(&echo);
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Basic });
    assert_eq!(driver.session.roster().1, 1);
}

#[test]
fn in_the_basic_dialect_the_echo_confirms() {
    let mut driver = Driver::basic();
    let id = driver.talk("hi");
    let [sent] = &driver.sent[..] else { panic!() };
    assert!(sent.id.is_empty() && sent.extension.is_none());
    driver.forget();
    driver.receive(&listed("lili", "talk", "hi", &["lili", "tom"]));
    assert!(
        matches!(&driver.events[..], [Event::Moved(..), Event::Roster, Event::Message(m)] if !m.own && m.id != id)
    );
    driver.forget();
    driver.receive(&listed("tom", "talk", "hi", &["lili", "tom"]));
    assert!(matches!(&driver.events[..], [Event::Roster, Event::Message(m)] if m.id == id && m.own));
}

#[test]
fn joined_messages_are_split() {
    let mut driver = Driver::basic();
    let mut bytes = codec::encode(&listed("lili", "talk", "one", &["tom", "lili"])).to_vec();
    bytes.push(b'\n');
    bytes.extend_from_slice(&codec::encode(&listed("lili", "talk", "two\n\nlines", &[])));
    bytes.push(b'\n');
    bytes.extend_from_slice(&codec::encode(&listed("", "talk", "", &["tom"])));
    driver.receive_bytes(&bytes);
    let said: Vec<_> = driver
        .events
        .iter()
        .filter_map(|e| if let Event::Message(m) = e { Some(m.content.to_string()) } else { None })
        .collect();
    assert_eq!(said, ["one", "two\n\nlines"]);
    assert!(
        matches!(driver.events.iter().rev().nth(1), Some(Event::Moved(m, _)) if !m.joined && &*m.nick == "lili")
    );
}

#[test]
fn announcements_of_a_basic_server_are_understood_typed_or_not() {
    for kind in ["", "exit"] {
        let mut driver = Driver::basic();
        driver.receive(&listed("lili", "talk", "hi", &["lili", "tom"]));
        driver.forget();
        driver.receive(&listed("lili", kind, "exit", &["tom"]));
        assert!(
            matches!(&driver.events[..], [Event::Moved(m, _), Event::Roster] if !m.joined),
            "{:?}",
            driver.events
        );
    }
    for kind in ["", "userlist"] {
        let mut driver = Driver::basic();
        driver.session.handle_who();
        driver.drain();
        assert_eq!(driver.sent[0].r#type, "userlist");
        driver.forget();
        driver.receive(&listed("", kind, "tom,lili,", &[]));
        assert!(
            driver
                .events
                .iter()
                .any(|e| matches!(e, Event::Notice(Notice::Who { nicks, .. }) if nicks.len() == 2))
        );
        assert!(!driver.events.iter().any(|e| matches!(e, Event::Message(_))));
    }
    // Said by a person, these words are words.
    let mut driver = Driver::basic();
    driver.receive(&listed("lili", "talk", "exit", &["lili", "tom"]));
    driver.receive(&listed("lili", "talk", "red, green,", &["lili", "tom"]));
    assert_eq!(driver.events.iter().filter(|e| matches!(e, Event::Message(_))).count(), 2);
}

#[test]
fn what_a_basic_server_would_choke_on_is_refused_before_it_is_sent() {
    let mut driver = Driver::basic();
    let overhead = codec::encode(&codec::talk("tom", "", None, &"x".repeat(400))).len() - 400;
    let fits = "x".repeat(512 - overhead);
    driver.talk(&fits);
    assert_eq!(driver.session.excess(&fits), 0);
    let over = format!("{fits}yy");
    assert_eq!(driver.session.excess(&over), 2);
    let refused = driver.session.handle_talk(driver.now, MessageId([77; 16]), &over);
    assert_eq!(refused, Err(Status::ContentTooLong));
}

#[test]
fn without_acknowledgements_an_unconfirmed_message_is_the_users_decision() {
    let mut driver = Driver::basic();
    let id = driver.talk("hi");
    driver.closed(1006);
    assert!(driver.events.contains(&Event::Delivery(id, Delivery::Failed(Status::Unconfirmed))));
    driver.session.handle_retry_now(driver.now);
    driver.drain();
    driver.opened();
    driver.forget();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(driver.texts(), Vec::<&str>::new());
    driver.session.handle_retry(driver.now, id);
    driver.drain();
    assert_eq!(driver.texts(), ["hi"]);
}

#[test]
fn text_that_a_browser_refuses_is_told_in_words_and_retried() {
    // Browsers know that it was 1007, and tell the page 1006.
    for code in [1006, 1007] {
        let mut driver = Driver::basic();
        driver.closed(code);
        assert!(matches!(driver.connection(), Connection::Reconnecting { status: Status::InvalidText, .. }));
        assert!(driver.events.contains(&Event::Notice(Notice::Broke(Status::InvalidText))));
    }
}

#[test]
fn leaving_a_basic_server_closes_with_an_empty_frame() {
    let mut driver = Driver::basic();
    driver.session.handle_exit(driver.now);
    driver.drain();
    assert_eq!(decode(&codec::encode(driver.sent.last().unwrap())).unwrap().content, "exit");
    assert_eq!(driver.closes, [None]);
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
