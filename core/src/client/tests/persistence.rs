//! Persistence on the device, and reloading the page.

use super::*;

#[test]
fn the_account_is_written_at_once_after_a_login() {
    let driver = Driver::online();
    let record = driver.account.as_ref().unwrap();
    assert_eq!((record.account, &record.secret[..]), (Some(ME), &SECRET[..]));
}

#[test]
fn messages_are_sent_only_after_they_are_persisted() {
    let mut driver = Driver::online();
    driver.storage_works = false;
    driver.send("one");
    driver.send("two");
    assert_eq!((driver.texts(), driver.queued.len()), (vec![], 0));
    driver.apply_changes();
    driver.drain();
    assert_eq!((driver.texts(), driver.queued.len()), (vec!["one", "two"], 2));
}

#[test]
fn unacknowledged_messages_are_sent_after_a_reload() {
    let mut driver = Driver::online();
    let ids = [driver.send("one"), driver.send_to(ROOM, "two")];
    driver.receive(&ack(ids[0], 1));
    // The page is killed without writing its last changes.
    driver.reload();
    assert!(
        matches!(driver.events[0], Event::LoggedIn(..)),
        "the rooms are shown before the connection is open"
    );
    assert_eq!(driver.deliveries()[&ids[1]], Delivery::Queued);
    assert!(matches!(driver.connection(), Connection::Reconnecting { retry_at: None, .. }));
    driver.opened();
    assert_eq!(driver.login().secret, SECRET);
    driver.receive(&welcome("tom"));
    assert_eq!(driver.texts(), ["one", "two"], "the acknowledgement was not persisted yet");
    driver.receive(&ack(ids[0], 1));
    driver.pass(1_000);
    assert_eq!(driver.queued.keys().copied().collect::<Vec<_>>(), [(ROOM, ids[1])]);
}

#[test]
fn the_connection_is_retried_after_a_reload_even_if_the_first_attempt_fails() {
    let mut driver = Driver::online();
    driver.reload();
    driver.closed(1006);
    assert!(matches!(driver.connection(), Connection::Reconnecting { retry_at: Some(_), .. }));
}

#[test]
fn a_hidden_page_writes_its_pending_changes() {
    let mut driver = Driver::online();
    let id = driver.send("one");
    driver.receive(&ack(id, 1));
    assert_eq!(driver.queued.len(), 1);
    driver.client.handle_hidden();
    driver.drain();
    assert_eq!(driver.queued.len(), 0);
}

#[test]
fn failed_messages_survive_a_reload_and_discarded_ones_do_not() {
    let mut driver = Driver::online();
    let ids = [driver.send("one"), driver.send("two")];
    for id in ids {
        driver.receive(&codec::refusal(Status::ContentTooLong, Some(id), 0, None));
    }
    driver.client.handle_discard(driver.now, RoomId::LOBBY, ids[1]);
    driver.drain();
    driver.pass(1_000);
    driver.reload();
    let failed = Delivery::Failed(Status::ContentTooLong);
    assert_eq!(driver.deliveries(), BTreeMap::from([(ids[0], failed)]));
    driver.opened();
    driver.receive(&welcome("tom"));
    assert_eq!(driver.texts(), Vec::<&str>::new(), "failed messages are not resent automatically");
}

#[test]
fn the_order_of_a_lane_survives_a_reload() {
    let mut driver = Driver::online();
    driver.closed(1006);
    // Ids in another order than the messages.
    let ids = [9, 3, 7].map(|n| MessageId([n; 16]));
    for (id, text) in ids.into_iter().zip(["one", "two", "three"]) {
        driver.client.handle_send(driver.now, ROOM, id, text).unwrap();
    }
    driver.drain();
    driver.reload();
    driver.client.handle_send(driver.now, ROOM, MessageId([1; 16]), "four").unwrap();
    driver.drain();
    driver.opened();
    driver.receive(&welcome("tom"));
    assert_eq!(driver.texts(), ["one", "two", "three", "four"]);
}

/// A message that another tab has written, and its delivery state there.
fn of_other_tab(text: &str) -> (QueuedMessage, OwnMessage) {
    let mut other = Driver::online();
    other.closed(1006);
    other.ids = 50;
    let id = other.send_to(ROOM, text);
    let own = other.client.unacknowledged()[0].clone();
    (QueuedMessage { stage: Stage::Queued, ..other.queued[&(ROOM, id)].clone() }, own)
}

#[test]
fn a_message_of_another_tab_is_adopted_once() {
    let (queued, own) = of_other_tab("from the other tab");
    let mut driver = Driver::online();
    driver.client.handle_adopt(driver.now, ROOM, queued.clone());
    driver.client.handle_adopt(driver.now, ROOM, queued);
    driver.client.handle_adopt_reported(driver.now, vec![own.clone()]);
    driver.drain();
    assert_eq!(driver.texts(), ["from the other tab"]);
    assert_eq!(driver.events[0], Event::Own(own));
}

#[test]
fn messages_adopted_during_a_first_login_are_sent_after_it() {
    let (queued, _) = of_other_tab("stored");
    let (_, reported) = of_other_tab("reported");
    let reported = OwnMessage { id: MessageId([60; 16]), ..reported };
    let mut driver = Driver::new();
    driver.connect();
    driver.client.handle_adopt(driver.now, ROOM, queued);
    driver.client.handle_adopt_reported(driver.now, vec![reported]);
    driver.drain();
    driver.receive(&welcome("tom"));
    assert_eq!((driver.texts().len(), driver.deliveries().len()), (2, 2));
    let first = driver.events.iter().position(|event| matches!(event, Event::Own(_)));
    let welcome = driver.events.iter().position(|event| matches!(event, Event::Received(_)));
    assert!(welcome < first, "the state knows whose they are");
}

#[test]
fn a_message_that_has_left_the_queue_is_deleted_again() {
    let mut driver = Driver::online();
    let id = driver.send("one");
    assert!(!driver.client.handle_settled(driver.now, RoomId::LOBBY, id));
    let queued = driver.queued.clone();
    driver.receive(&ack(id, 1));
    driver.pass(1_000);
    // Another tab repeats what it has sent.
    driver.queued = queued;
    assert!(driver.client.handle_settled(driver.now, RoomId::LOBBY, id));
    driver.pass(1_000);
    assert!(driver.queued.is_empty());
}

#[test]
fn nothing_is_resent_to_a_basic_server_after_a_reload() {
    let mut driver = Driver::basic();
    let id = driver.send("hi");
    driver.reload();
    let unconfirmed = Delivery::Failed(Status::Unconfirmed);
    assert_eq!(driver.deliveries()[&id], unconfirmed);
    driver.opened();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(driver.texts(), Vec::<&str>::new());
    // Nor if a dead leader may have sent it.
    let (_, own) = of_other_tab("from the other tab");
    let own = OwnMessage { room: RoomId::LOBBY, ..own };
    driver.client.handle_adopt_reported(driver.now, vec![own.clone()]);
    driver.drain();
    assert_eq!((driver.texts(), driver.deliveries()[&own.id]), (vec![], unconfirmed));
    driver.reload();
    assert_eq!(driver.deliveries()[&own.id], unconfirmed);
    // Another tab has persisted its message as queued; it is persisted as unconfirmed before it is sent.
    let (queued, _) = of_other_tab("of a follower");
    let queued = QueuedMessage { id: MessageId([61; 16]), ..queued };
    driver.opened();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    driver.queued.insert((RoomId::LOBBY, queued.id), queued.clone());
    driver.client.handle_adopt(driver.now, RoomId::LOBBY, queued.clone());
    driver.drain();
    assert_eq!(driver.texts(), ["of a follower"]);
    driver.reload();
    assert_eq!(driver.deliveries()[&queued.id], unconfirmed);
}
