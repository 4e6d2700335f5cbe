//! Login, disconnection and reconnection.

use super::*;

#[test]
fn the_login_looks_like_an_empty_message_to_a_basic_server() {
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
fn a_login_after_a_lost_answer_continues_the_session() {
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
    driver.closed(1006);
    driver.log_in("lili");
    assert_eq!(secret(&driver), *b"07070707070707070707070707070707", "another nick gets a new session");
}

#[test]
fn leaving_discards_the_secret() {
    let mut driver = Driver::online();
    driver.session.handle_leave(driver.now);
    driver.drain();
    driver.ids = 5;
    driver.log_in("tom");
    let Some(Ext::Login(login)) = &driver.sent.last().unwrap().extension else { panic!() };
    assert_eq!(login.secret, *b"05050505050505050505050505050505", "not that of the session that has ended");
}

#[test]
fn another_account_gets_nothing_of_the_session() {
    let mut driver = Driver::online();
    driver.send("in flight");
    driver.closed(1006);
    driver.send("queued");
    driver.session.handle_leave(driver.now);
    driver.drain();
    driver.clear();
    driver.storage = Rows::default();
    driver.ids = 9;
    driver.log_in("lili");
    let mut other = Driver::new();
    other.ids = 9;
    other.log_in("lili");
    assert_eq!(driver.sent, other.sent, "the login is that of a new session");
    for driver in [&mut driver, &mut other] {
        driver.clear();
        driver.receive(&listed("lili", "login", "", &["lili"]));
    }
    assert_eq!(driver.events, other.events);
    assert_eq!((driver.texts(), driver.session.limits), (vec![], other.session.limits));
}

#[test]
fn an_invalid_nick_opens_no_connection() {
    let mut driver = Driver::new();
    assert_eq!(driver.session.handle_login(driver.now, " ", Persisted::default()), Err(Status::NickEmpty));
    driver.drain();
    assert_eq!(driver.opens, 0);
    driver.log_in("tom");
    assert_eq!(driver.session.handle_login(driver.now, "tom", Persisted::default()), Err(Status::SignedIn));
}

#[test]
fn the_servers_spelling_of_the_nick_is_used_if_it_is_valid() {
    for (welcomed, expected) in [("Tom", "Tom"), ("", "tom"), ("a,b", "tom"), ("\u{202E}mot", "tom")] {
        let mut driver = Driver::new();
        driver.log_in("tom");
        driver.receive(&welcome(welcomed));
        driver.reload();
        assert_eq!(driver.persisted().nick(), Some(expected), "{welcomed:?}");
    }
}

#[test]
fn a_reconnect_uses_the_secret_and_resends_unacknowledged_messages() {
    let mut driver = Driver::online();
    let first = driver.send("one");
    driver.receive(&ack(first, 3));
    let second = driver.send("two");
    driver.closed(1006);
    let Connection::Reconnecting { status: Status::Abnormal, retry_at: Some(at), attempt: 1, .. } =
        *driver.connection()
    else {
        panic!("{:?}", driver.connection())
    };
    let third = driver.send("three");
    driver.clear();
    driver.pass(at - driver.now.monotonic);
    driver.opened();
    assert!(
        matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.secret == [7; 32] && l.positions.is_empty())
    );
    driver.clear();
    driver.receive(&welcome("tom"));
    assert_eq!(driver.texts(), ["two", "three"]);
    let ids: Vec<_> = driver.sent.iter().filter_map(|envelope| MessageId::from_wire(&envelope.id)).collect();
    assert_eq!(ids, [second, third]);
    assert!(
        driver.events.contains(&Event::Notice(Notice::MessagesMissed)),
        "a server without history can't fill the gap"
    );
}

impl Driver {
    /// The time until the next attempt.
    fn delay(&self) -> Millis {
        let Connection::Reconnecting { retry_at: Some(at), .. } = *self.connection() else { panic!() };
        at - self.now.monotonic
    }

    /// Reconnects at once, with success.
    fn reconnect(&mut self) {
        self.session.handle_reconnect(self.now);
        self.drain();
        self.opened();
        self.receive(&welcome("tom"));
    }
}

#[test]
fn delays_grow_until_a_connection_was_stable() {
    let mut driver = Driver::online();
    let mut delays = Vec::new();
    for _ in 0..12 {
        driver.closed(1006);
        delays.push(driver.delay());
        driver.pass(driver.delay());
    }
    assert!(delays[0] <= 500 && delays[11] >= 15_000 && delays[11] <= 30_000, "{delays:?}");
    // A server that accepts the socket but not the login does not reset the delay.
    driver.opened();
    driver.closed(1006);
    assert!(driver.delay() >= 15_000);
    driver.reconnect();
    // Nor does one that drops the connection soon after the login.
    driver.closed(1006);
    assert!(driver.delay() >= 15_000);
    driver.reconnect();
    driver.now.monotonic += STABLE_MS;
    driver.closed(1006);
    assert!(driver.delay() <= 500);
}

#[test]
fn the_server_determines_the_delay_before_the_reconnect() {
    let mut driver = Driver::online();
    driver.receive(&codec::extension(Ext::GoingAway(wire::GoingAway { retry_after_ms: 20_000 })));
    driver.closed(Status::ShuttingDown.code());
    let Connection::Reconnecting { status, retry_at: Some(at), .. } = *driver.connection() else { panic!() };
    assert_eq!(status, Status::ShuttingDown);
    assert!((20_000..=25_000).contains(&(at - driver.now.monotonic)));
}

#[test]
fn terminal_codes_are_not_retried() {
    for status in [Status::Replaced, Status::NickTaken, Status::Policy] {
        let mut driver = Driver::online();
        driver.closed(status.code());
        assert_eq!(driver.connection(), &Connection::Failed { status, refusal: None });
        driver.pass(1_000);
        assert_eq!(driver.session.poll_timeout(), None);
        driver.session.handle_reconnect(driver.now);
        driver.drain();
        assert_eq!(driver.opens, 2, "only the user can reconnect");
    }
}

#[test]
fn our_own_nick_is_retried_while_the_server_may_reserve_it() {
    // A server that was killed may know only the previous session.
    let taken = |driver: &mut Driver| {
        driver.opened();
        driver.receive(&codec::refusal(Status::NickTaken, None, 0, None));
    };
    let mut driver = Driver::online();
    driver.send("hello");
    driver.closed(1006);
    let lost = driver.now.monotonic;
    while let Connection::Reconnecting { .. } = driver.connection() {
        driver.pass(500);
        taken(&mut driver);
        assert!(driver.now.monotonic < lost + 180_000, "retried for too long");
    }
    assert!(matches!(driver.connection(), Connection::Failed { status: Status::NickTaken, .. }));
    assert!(driver.now.monotonic > lost + 60_000, "servers reserve nicks for a minute");

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
fn a_refused_login_reports_the_reason_and_the_suggestion() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&codec::refusal(Status::NickTaken, None, 0, Some("tom2".into())));
    let Connection::Failed { status: Status::NickTaken, refusal: Some(refusal) } = driver.connection() else {
        panic!()
    };
    assert_eq!(refusal.suggestion.as_deref(), Some("tom2"));
    assert!(!driver.closes.is_empty());
    driver.log_in("tom2");
    driver.receive(&welcome("tom2"));
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Rich });
}

#[test]
fn a_first_login_without_answer_fails_and_is_not_retried() {
    let mut driver = Driver::new();
    driver.session.handle_login(driver.now, "tom", Persisted::default()).unwrap();
    driver.pass(ANSWER_TIMEOUT_MS);
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::NoAnswer, refusal: None });
    driver.log_in("tom");
    driver.pass(ANSWER_TIMEOUT_MS);
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::NoAnswer, refusal: None });
}

#[test]
fn a_silent_server_is_detected_and_any_input_counts_as_alive() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&welcome("tom"));
    let Some(Ext::Ping(ping)) = driver.sent.last().unwrap().extension.clone() else { panic!() };
    driver.now.monotonic += 30;
    driver.receive(&codec::extension(Ext::Pong(wire::Pong { nonce: ping.nonce })));
    assert_eq!(driver.events.last(), Some(&Event::RoundTrip(30)));
    driver.clear();
    driver.session.handle_visibility(driver.now, false);
    driver.pass(15_000);
    assert!(matches!(driver.sent[..], [Envelope { extension: Some(Ext::Ping(_)), .. }]));
    // Something other than a pong is received within the time.
    driver.pass(9_000);
    driver.receive(&codec::message("lili", Some(MessageId([99; 16])), "hi"));
    driver.pass(9_000);
    assert!(driver.closes.is_empty());
    driver.pass(1_000);
    assert_eq!(driver.closes.len(), 1);
    assert!(matches!(driver.connection(), Connection::Reconnecting { status: Status::ConnectionLost, .. }));
}

#[test]
fn a_visible_page_detects_a_dead_connection_within_ten_seconds() {
    let mut driver = Driver::online();
    for silence in [0, 100, 4_999, 5_001, 9_000] {
        driver.pass(silence);
        assert!(driver.closes.is_empty());
        if let State::Online(online) = &driver.session.state
            && let Some(nonce) = online.heartbeat.pending()
        {
            driver.receive(&codec::extension(Ext::Pong(wire::Pong { nonce })));
        }
    }
    driver.pass(9_999);
    assert_eq!(driver.closes.len(), 1);
}

#[test]
fn waking_up_pings_or_reconnects_at_once() {
    let mut driver = Driver::online();
    let State::Online(online) = &driver.session.state else { panic!() };
    let nonce = online.heartbeat.pending().unwrap();
    driver.receive(&codec::extension(Ext::Pong(wire::Pong { nonce })));
    driver.clear();
    driver.session.handle_wake(driver.now);
    driver.drain();
    assert!(matches!(driver.sent[..], [Envelope { extension: Some(Ext::Ping(_)), .. }]));
    driver.closed(1006);
    driver.session.handle_wake(driver.now);
    driver.drain();
    assert_eq!(driver.opens, 2);
}
