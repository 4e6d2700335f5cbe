//! Login, disconnection and reconnection.

use super::*;

#[test]
fn the_login_looks_like_an_empty_message_to_a_basic_server() {
    let mut driver = Driver::with(setup("  tom ", 0));
    driver.connect();
    let [login] = &driver.sent[..] else { panic!("{:?}", driver.sent) };
    assert_eq!(
        (login.user_name.as_str(), login.r#type.as_str(), login.content.as_str()),
        ("tom", "login", "")
    );
    let login = driver.login();
    assert_eq!((login.version, &login.secret[..]), (1, &[b'0'; 32][..]));
    assert_eq!(login.capabilities, ["batch", "rooms"]);
    driver.receive(&welcome("tom"));
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Rich });
    let logged_in = driver.events.iter().find_map(|event| match event {
        Event::LoggedIn(identity, account) => Some((identity, account)),
        _ => None,
    });
    let (identity, account) = logged_in.unwrap();
    assert_eq!((&*identity.nick, identity.limits.burst, *account), ("tom", 5, Some(ME)));
    assert_eq!(identity.server_name.as_deref(), Some("Hall"));
}

#[test]
fn the_secret_is_in_no_event() {
    let mut driver = Driver::new();
    driver.connect();
    driver.receive(&welcome("tom"));
    let mut received = driver.events.iter().filter_map(|event| match event {
        Event::Received(envelope) => Some(envelope),
        _ => None,
    });
    let Some(Ext::Welcome(welcome)) = &received.next().unwrap().extension else { panic!() };
    assert_eq!((welcome.account.as_slice(), welcome.secret.as_slice()), (&ME.0[..], &[][..]));
    assert_eq!(driver.account.as_ref().unwrap().secret, SECRET);
}

#[test]
fn a_server_without_rooms_is_not_supported() {
    for envelope in [
        with_welcome(|welcome| welcome.capabilities.clear()),
        with_welcome(|welcome| welcome.account.clear()),
        with_welcome(|welcome| welcome.version = 2),
        with_welcome(|welcome| welcome.version = 0),
    ] {
        let mut driver = Driver::new();
        driver.connect();
        driver.receive(&envelope);
        let unsupported = Connection::Failed { status: Status::VersionUnsupported, refusal: None };
        assert_eq!(driver.connection(), &unsupported);
    }
}

#[test]
fn a_login_after_a_lost_answer_continues_the_session() {
    let mut driver = Driver::new();
    driver.connect();
    let first = driver.login().secret.clone();
    driver.closed(1006);
    driver.clear();
    driver.connect();
    assert_eq!(driver.login().secret, first);
}

#[test]
fn an_invalid_nick_opens_no_connection() {
    assert_eq!(Client::new(setup(" ", 0)).err(), Some(Status::NickEmpty));
    let mut driver = Driver::new();
    driver.connect();
    assert_eq!(driver.client.handle_connect(driver.now), Err(Status::SignedIn));
}

#[test]
fn the_servers_spelling_of_the_nick_is_used_if_it_is_valid() {
    for (welcomed, expected) in [("Tom", "Tom"), ("", "tom"), ("a,b", "tom"), ("\u{202E}mot", "tom")] {
        let mut driver = Driver::new();
        driver.connect();
        driver.receive(&welcome(welcomed));
        let record = driver.account.as_ref().unwrap();
        assert_eq!(&*record.identity.nick, expected, "{welcomed:?}");
        assert_eq!(&**driver.client.state().account().nick(), expected);
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
    let third = driver.send_to(ROOM, "three");
    driver.clear();
    driver.pass(at - driver.now.monotonic);
    driver.opened();
    let login = driver.login();
    assert_eq!((&login.secret[..], login.account_version, &login.log[..]), (&SECRET[..], 9, &LOG[..]));
    driver.clear();
    driver.receive(&welcome("tom"));
    let sent: Vec<_> = driver.sent.iter().filter(|envelope| !envelope.id.is_empty()).collect();
    assert_eq!(driver.texts(), ["three", "two"], "the rooms take turns");
    assert_eq!((&sent[0].id[..], &sent[0].room[..]), (&third.0[..], &ROOM.0[..]));
    assert_eq!((&sent[1].id[..], &sent[1].room[..]), (&second.0[..], &[][..]));
}

impl Driver {
    /// The time until the next attempt.
    fn delay(&self) -> Millis {
        let Connection::Reconnecting { retry_at: Some(at), .. } = *self.connection() else { panic!() };
        at - self.now.monotonic
    }

    /// The nonce of the ping that is not answered.
    pub(super) fn nonce(&self) -> Option<u64> {
        match &self.client.connection {
            State::Online(online) => online.heartbeat.pending(),
            _ => None,
        }
    }

    pub(super) fn pong(&mut self) {
        if let Some(nonce) = self.nonce() {
            self.receive(&codec::extension(Ext::Pong(wire::Pong { nonce })));
        }
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
    let Connection::Reconnecting { status, .. } = *driver.connection() else { panic!() };
    assert_eq!(status, Status::ShuttingDown);
    assert!((20_000..=25_000).contains(&driver.delay()));
}

#[test]
fn terminal_codes_are_not_retried() {
    for status in [Status::Replaced, Status::NickTaken, Status::Policy] {
        let mut driver = Driver::online();
        driver.closed(status.code());
        assert_eq!(driver.connection(), &Connection::Failed { status, refusal: None });
        driver.pass(1_000);
        assert_eq!(driver.client.poll_timeout(), None);
        driver.client.handle_reconnect(driver.now);
        driver.drain();
        assert_eq!(driver.opens, 2, "only the user can reconnect");
    }
}

#[test]
fn a_replaced_session_says_so_whatever_the_close_code() {
    let mut driver = Driver::online();
    driver.receive(&codec::refusal(Status::Replaced, None, 0, None));
    driver.closed(1006);
    let Connection::Failed { status: Status::Replaced, refusal: Some(_) } = driver.connection() else {
        panic!("{:?}", driver.connection())
    };
}

#[test]
fn an_overtaken_login_is_retried_with_a_larger_attempt() {
    let mut driver = Driver::online();
    driver.closed(1006);
    driver.pass(driver.delay());
    driver.opened();
    let attempt = |driver: &Driver| u64::from_str_radix(&driver.login().attempt, 16).unwrap();
    let largest = attempt(&driver) + 1_000_000;
    let suggestion = Some(format!("{largest:016x}"));
    driver.receive(&codec::refusal(Status::Overtaken, None, 0, suggestion));
    assert!(matches!(driver.connection(), Connection::Reconnecting { .. }));
    driver.pass(driver.delay());
    driver.opened();
    assert_eq!(attempt(&driver), largest + 1);
    // Also after a reload, if the login succeeded.
    driver.receive(&welcome("tom"));
    driver.reload();
    driver.opened();
    assert_eq!(attempt(&driver), largest + 2);
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
    driver.connect();
    driver.receive(&codec::refusal(Status::NickTaken, None, 0, Some("tom2".into())));
    let Connection::Failed { status: Status::NickTaken, refusal: Some(refusal) } = driver.connection() else {
        panic!()
    };
    assert_eq!(refusal.suggestion.as_deref(), Some("tom2"));
    assert!(!driver.closes.is_empty());
}

#[test]
fn a_first_login_is_retried_if_the_server_names_a_delay() {
    let mut driver = Driver::new();
    driver.connect();
    driver.receive(&codec::refusal(Status::LogUnavailable, None, 2_000, None));
    driver.pass(2_500);
    assert_eq!(driver.opens, 2);
}

#[test]
fn a_first_login_without_answer_fails_and_is_not_retried() {
    let mut driver = Driver::new();
    driver.client.handle_connect(driver.now).unwrap();
    driver.pass(ANSWER_TIMEOUT_MS);
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::NoAnswer, refusal: None });
    driver.connect();
    driver.pass(ANSWER_TIMEOUT_MS);
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::NoAnswer, refusal: None });
}

#[test]
fn a_silent_server_is_detected_and_any_input_counts_as_alive() {
    let mut driver = Driver::new();
    driver.connect();
    driver.receive(&welcome("tom"));
    driver.now.monotonic += 30;
    driver.pong();
    assert_eq!(driver.events.last(), Some(&Event::RoundTrip(30)));
    driver.clear();
    driver.client.handle_visibility(driver.now, false);
    driver.pass(15_000);
    assert!(matches!(driver.sent[..], [Envelope { extension: Some(Ext::Ping(_)), .. }]));
    // Something other than a pong is received within the time.
    driver.pass(9_000);
    driver.receive(&talk(RoomId::LOBBY, OTHER, 1, MessageId([99; 16])));
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
        driver.pong();
    }
    driver.pass(9_999);
    assert_eq!(driver.closes.len(), 1);
}

#[test]
fn waking_up_pings_or_reconnects_at_once() {
    let mut driver = Driver::online();
    driver.pong();
    driver.clear();
    driver.client.handle_wake(driver.now);
    driver.drain();
    assert!(matches!(driver.sent[..], [Envelope { extension: Some(Ext::Ping(_)), .. }]));
    driver.closed(1006);
    driver.client.handle_wake(driver.now);
    driver.drain();
    assert_eq!(driver.opens, 2);
}

#[test]
fn a_report_that_the_network_is_gone_is_checked_by_a_ping() {
    let mut driver = Driver::online();
    driver.pong();
    driver.clear();
    driver.client.handle_offline(driver.now);
    driver.drain();
    assert!(matches!(driver.sent[..], [Envelope { extension: Some(Ext::Ping(_)), .. }]));
}

#[test]
fn a_ping_of_the_server_is_answered() {
    let mut driver = Driver::online();
    driver.receive(&codec::extension(Ext::Ping(wire::Ping { nonce: 5 })));
    let pong = Some(Ext::Pong(wire::Pong { nonce: 5 }));
    assert_eq!(driver.sent.last().map(|envelope| &envelope.extension), Some(&pong));
}

#[test]
fn another_account_gets_nothing_of_this_one() {
    for closes in [true, false] {
        // The server does not know the secret any more, for example because it was restored from an old backup.
        let mut driver = Driver::online();
        driver.closed(1006);
        driver.send("for my account only");
        driver.client.handle_reconnect(driver.now);
        driver.drain();
        driver.opened();
        driver.clear();
        driver.receive(&with_welcome(|welcome| welcome.account = OTHER.0.to_vec()));
        let [exit] = &driver.sent[..] else { panic!("{:?}", driver.sent) };
        assert_eq!(
            exit.r#type,
            codec::EXIT,
            "so that the server does not reserve the nick for the other one"
        );
        if closes {
            driver.closed(1000);
        } else {
            driver.pass(ANSWER_TIMEOUT_MS);
        }
        assert_eq!(driver.connection(), &Connection::Failed { status: Status::AccountGone, refusal: None });
        assert_eq!(driver.texts(), Vec::<&str>::new());
        assert_eq!(driver.client.state().me(), Some(ME), "what is shown stays");
    }
}

#[test]
fn a_link_logs_in_to_an_account_without_knowing_its_nick() {
    let mut driver = Driver::with(Setup { link_code: Some("ABC123".into()), ..setup("", 5) });
    driver.connect();
    assert_eq!((&*driver.login().link_code, &driver.login().secret[..]), ("ABC123", &b"05".repeat(16)[..]));
    driver.receive(&welcome("tom"));
    assert_eq!(&*driver.account.as_ref().unwrap().identity.nick, "tom");
    driver.closed(1006);
    driver.pass(1_000);
    driver.opened();
    assert_eq!((&*driver.login().link_code, &driver.login().secret[..]), ("", &SECRET[..]), "it is used up");
    // A basic server has no accounts.
    let mut driver = Driver::with(Setup { link_code: Some("ABC123".into()), ..setup("", 5) });
    driver.connect();
    driver.receive(&listed("", "login", "", &[]));
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::NotOnThisServer, refusal: None });
}
