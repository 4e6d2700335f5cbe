//! Continuing under another nick, because the server has given the user's to somebody else.

use super::{
    history::{LOG, message, online_at, reconnect, shown, welcome_at},
    *,
};

fn welcome_as(nick: &str, last: u64) -> Envelope {
    let mut envelope = welcome_at(&LOG, last);
    let Some(Ext::Welcome(welcome)) = &mut envelope.extension else { unreachable!() };
    welcome.nick = nick.into();
    envelope
}

fn taken(suggestion: &str) -> Envelope {
    codec::refusal(Status::NickTaken, None, 0, Some(suggestion.into()))
}

fn rename(driver: &mut Driver, nick: &str) {
    driver.session.handle_new_secret([9; 16]);
    driver.session.handle_rename(driver.now, nick).unwrap();
    driver.clear();
    driver.drain();
    driver.opened();
}

/// Two messages, of which the server may have stored the first, and a nick that is taken.
fn refused() -> (Driver, [MessageId; 2]) {
    let mut driver = online_at(0);
    driver.receive(&message(1));
    let in_flight = driver.send("in flight");
    reconnect(&mut driver);
    let queued = driver.send("queued");
    driver.receive(&taken("tom2"));
    (driver, [in_flight, queued])
}

/// The own messages as reported: nick, id and delivery state.
fn own(driver: &Driver) -> Vec<(String, MessageId, Delivery)> {
    let own = driver.events.iter().filter_map(|event| match event {
        Event::Message(message) if message.own => {
            Some((message.nick.to_string(), message.id, message.delivery))
        }
        _ => None,
    });
    own.collect()
}

#[test]
fn the_first_refusal_suggests_another_nick() {
    let (mut driver, _) = refused();
    let Connection::Reconnecting { retry_at: Some(at), .. } = *driver.connection() else { panic!() };
    assert!(driver.connection().is_nick_refused());
    assert_eq!(driver.connection().suggestion(), Some("tom2"));
    // Also during the next attempt, and for as long as the nick is refused.
    driver.pass(at - driver.now.monotonic);
    assert_eq!(driver.connection().suggestion(), Some("tom2"));
    driver.opened();
    driver.receive(&welcome_at(&LOG, 1));
    assert!(!driver.connection().is_nick_refused());
}

#[test]
fn the_messages_are_sent_under_the_new_nick_with_their_ids() {
    let (mut driver, ids) = refused();
    rename(&mut driver, "tom2");
    let [login] = &driver.sent[..] else { panic!("{:?}", driver.sent) };
    let Some(Ext::Login(of)) = &login.extension else { panic!() };
    assert_eq!((&*login.user_name, &of.secret[..]), ("tom2", &b"09090909090909090909090909090909"[..]));
    assert_eq!(of.positions[0].seq, 1, "what was missed is sent, and may include our messages");
    driver.clear();
    driver.receive(&welcome_as("tom2", 1));
    assert!(driver.events.contains(&Event::Renamed("tom2".into())));
    assert!(driver.events.iter().any(|e| matches!(e, Event::LoggedIn(i) if &*i.nick == "tom2")));
    assert_eq!(driver.texts(), ["in flight", "queued"]);
    assert!(driver.sent.iter().all(|envelope| ["tom2", ""].contains(&&*envelope.user_name)));
    assert_eq!(
        own(&driver).iter().map(|(nick, id, _)| (&**nick, *id)).collect::<Vec<_>>(),
        [("tom2", ids[0]), ("tom2", ids[1])]
    );
    driver.clear();
    ids.iter().for_each(|id| driver.receive(&ack(*id, 2)));
    assert!(own(&driver).iter().all(|(nick, _, delivery)| nick == "tom2" && *delivery == Delivery::Sent));
    // After a reload the session is that of the new nick.
    driver.pass(1_000);
    assert_eq!(driver.persisted().nick(), Some("tom2"));
    assert!(driver.persisted().send_queue.is_empty());
    driver.reload();
    driver.opened();
    assert!(matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.secret == [7; 32]));
    assert_eq!(driver.sent[0].user_name, "tom2");
}

#[test]
fn a_message_that_was_stored_under_the_old_nick_is_not_sent_again() {
    // The missed messages contain the renamed one.
    let (mut driver, ids) = refused();
    rename(&mut driver, "tom2");
    driver.receive(&welcome_as("tom2", 2));
    driver.clear();
    let stored = Envelope { seq: 2, time: 1, ..codec::message("tom", Some(ids[0]), "in flight") };
    let frames = vec![codec::encode(&stored)];
    let missed = wire::HistoryPage { frames, from: 1, to: 2, ..wire::HistoryPage::default() };
    driver.receive(&codec::extension(Ext::HistoryPage(missed)));
    assert_eq!(shown(&driver), [2]);
    driver.receive(&codec::refusal(Status::MessageIdReused, Some(ids[0]), 0, None));
    driver.receive(&ack(ids[1], 3));
    assert!(driver.session.send_queue.iter().next().is_none());
    assert!(!driver.events.iter().any(|e| matches!(e, Event::Delivery(_, Delivery::Failed(_)))));

    // Too many were missed, so the server sends only the newest ones. Also after a reload.
    for reload in [false, true] {
        let (mut driver, ids) = refused();
        rename(&mut driver, "tom2");
        driver.receive(&welcome_as("tom2", 900));
        if reload {
            driver.reload();
            driver.opened();
            driver.receive(&welcome_as("tom2", 900));
        }
        driver.clear();
        driver.receive(&codec::refusal(Status::MessageIdReused, Some(ids[0]), 0, None));
        assert_eq!(driver.events, [Event::Discarded(ids[0])], "its own row is in the gap");
        driver.receive(&ack(ids[1], 901));
        driver.pass(1_000);
        assert!(driver.persisted().send_queue.is_empty());
    }
}

#[test]
fn a_new_nick_that_is_taken_too_is_refused_at_once_and_the_messages_stay() {
    let (mut driver, ids) = refused();
    rename(&mut driver, "lili");
    driver.receive(&taken("lili2"));
    assert!(matches!(driver.connection(), Connection::Failed { status: Status::NickTaken, .. }));
    assert_eq!(driver.connection().suggestion(), Some("lili2"));
    assert_eq!(driver.session.send_queue.iter().map(|queued| queued.id).collect::<Vec<_>>(), ids);
    // Connecting again is still under the old nick.
    driver.session.handle_reconnect(driver.now);
    driver.clear();
    driver.drain();
    driver.opened();
    assert_eq!(driver.sent[0].user_name, "tom");
    driver.receive(&taken("tom2"));
    // And a lost connection does not change what the user has chosen.
    rename(&mut driver, "lili2");
    driver.closed(1006);
    driver.session.handle_reconnect(driver.now);
    driver.clear();
    driver.drain();
    driver.opened();
    assert_eq!(driver.sent[0].user_name, "lili2");
    driver.receive(&welcome_as("lili2", 1));
    assert_eq!(driver.texts(), ["in flight", "queued"]);
}

#[test]
fn only_a_refused_nick_can_be_replaced() {
    let mut driver = online_at(0);
    assert_eq!(driver.session.handle_rename(driver.now, "tom2"), Err(Status::SignedIn));
    driver.closed(1006);
    assert_eq!(driver.session.handle_rename(driver.now, "tom2"), Err(Status::SignedIn));
    let (mut driver, _) = refused();
    assert_eq!(driver.session.handle_rename(driver.now, " "), Err(Status::NickEmpty));
}
