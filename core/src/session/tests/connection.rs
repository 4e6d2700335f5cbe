//! Logging in, losing the connection, and coming back.

use super::*;

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

impl Driver {
    /// How long it is until the next attempt.
    fn wait(&self) -> Millis {
        let Connection::Reconnecting { retry_at: Some(at), .. } = *self.connection() else { panic!() };
        at - self.now.mono
    }

    /// Tries at once, and is let in.
    fn come_back(&mut self) {
        self.session.handle_retry_now(self.now);
        self.drain();
        self.opened();
        self.receive(&welcome("tom"));
    }
}

#[test]
fn waits_grow_until_a_connection_has_lasted() {
    let mut driver = Driver::online();
    let mut waits = Vec::new();
    for _ in 0..12 {
        driver.closed(1006);
        waits.push(driver.wait());
        driver.pass(driver.wait());
    }
    assert!(waits[0] <= 500 && waits[11] >= 15_000 && waits[11] <= 30_000, "{waits:?}");
    // A server that accepts the socket but not the login does not reset the wait.
    driver.opened();
    driver.closed(1006);
    assert!(driver.wait() >= 15_000);
    driver.come_back();
    // Nor does one that drops the connection soon after it.
    driver.closed(1006);
    assert!(driver.wait() >= 15_000);
    driver.come_back();
    driver.now.mono += STEADY;
    driver.closed(1006);
    assert!(driver.wait() <= 500);
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
