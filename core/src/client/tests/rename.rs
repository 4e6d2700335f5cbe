//! Continuing under another nick, because another account has taken the user's.

use super::*;

fn taken(suggestion: &str) -> Envelope {
    codec::refusal(Status::NickTaken, None, 0, Some(suggestion.into()))
}

fn rename(driver: &mut Driver, nick: &str) {
    driver.client.handle_rename(driver.now, nick).unwrap();
    driver.clear();
    driver.drain();
    driver.opened();
}

/// Two messages, of which the server may have stored the first, and a nick that is taken.
fn refused() -> (Driver, [MessageId; 2]) {
    let mut driver = Driver::online();
    driver.receive(&talk(RoomId::LOBBY, OTHER, 1, MessageId([98; 16])));
    let in_flight = driver.send("in flight");
    driver.closed(1006);
    driver.client.handle_reconnect(driver.now);
    driver.drain();
    driver.opened();
    let queued = driver.send("queued");
    driver.receive(&taken("tom2"));
    (driver, [in_flight, queued])
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
    driver.receive(&welcome("tom"));
    assert!(!driver.connection().is_nick_refused());
}

#[test]
fn the_account_continues_under_the_new_nick() {
    let (mut driver, ids) = refused();
    rename(&mut driver, "tom2");
    let [login] = &driver.sent[..] else { panic!("{:?}", driver.sent) };
    assert_eq!((&*login.user_name, &driver.login().secret[..]), ("tom2", &SECRET[..]), "of the same session");
    assert_eq!(driver.login().positions[0].seq, 1, "what was missed is sent, and may include our messages");
    driver.clear();
    driver.receive(&welcome("tom2"));
    let is_renamed =
        |event: &Event| matches!(event, Event::LoggedIn(identity, _) if &*identity.nick == "tom2");
    assert!(driver.events.iter().any(is_renamed));
    assert_eq!(&**driver.client.state().account().nick(), "tom2");
    assert_eq!(driver.texts(), ["in flight", "queued"]);
    assert!(driver.sent.iter().all(|envelope| ["tom2", ""].contains(&&*envelope.user_name)));
    let sent: Vec<_> = driver.sent.iter().filter_map(|envelope| MessageId::from_wire(&envelope.id)).collect();
    assert_eq!(sent, ids);
    ids.iter().for_each(|id| driver.receive(&ack(*id, 2)));
    // After a reload the nick is the new one.
    driver.pass(1_000);
    assert!(driver.queued.is_empty());
    driver.reload();
    driver.opened();
    assert_eq!((&*driver.sent[0].user_name, &driver.login().secret[..]), ("tom2", &SECRET[..]));
}

#[test]
fn a_new_nick_that_is_taken_too_is_refused_at_once_and_the_messages_stay() {
    let (mut driver, ids) = refused();
    rename(&mut driver, "lili");
    driver.receive(&taken("lili2"));
    assert!(matches!(driver.connection(), Connection::Failed { status: Status::NickTaken, .. }));
    assert_eq!(driver.connection().suggestion(), Some("lili2"));
    let queued: Vec<_> = driver.client.unacknowledged().iter().map(|message| message.id).collect();
    assert_eq!(queued, ids);
    // Connecting again is still under the old nick.
    driver.client.handle_reconnect(driver.now);
    driver.clear();
    driver.drain();
    driver.opened();
    assert_eq!(driver.sent[0].user_name, "tom");
    driver.receive(&taken("tom2"));
    // And a lost connection does not change what the user has chosen.
    rename(&mut driver, "lili2");
    driver.closed(1006);
    driver.client.handle_reconnect(driver.now);
    driver.clear();
    driver.drain();
    driver.opened();
    assert_eq!(driver.sent[0].user_name, "lili2");
    driver.receive(&welcome("lili2"));
    assert_eq!(driver.texts(), ["in flight", "queued"]);
}

#[test]
fn only_a_refused_nick_can_be_replaced_by_a_login() {
    let mut driver = Driver::online();
    assert_eq!(driver.client.handle_rename(driver.now, "tom2"), Err(Status::SignedIn));
    driver.closed(1006);
    assert_eq!(driver.client.handle_rename(driver.now, "tom2"), Err(Status::SignedIn));
    let (mut driver, _) = refused();
    assert_eq!(driver.client.handle_rename(driver.now, " "), Err(Status::NickEmpty));
}
