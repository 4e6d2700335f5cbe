//! Persistence on the device, and reloading the page.

use super::{
    history::{message, welcome_at},
    *,
};
use crate::persist::PERSISTED_MESSAGES;

fn online() -> Driver {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&welcome_at(&[1], 0));
    driver.clear();
    driver
}

fn queued(driver: &Driver) -> usize {
    driver.storage.keys(Table::SendQueue).count()
}

fn messages(driver: &Driver) -> usize {
    driver.storage.keys(Table::Messages).count()
}

#[test]
fn the_secret_and_the_log_are_written_at_once_after_a_login() {
    let driver = online();
    let epoch = driver.session.epoch();
    assert_ne!(epoch, 0);
    assert_eq!(driver.persisted().epoch(), Some(epoch), "the next leader does not take it for another log");
}

#[test]
fn messages_are_sent_only_after_they_are_persisted() {
    let mut driver = online();
    driver.storage_works = false;
    driver.send("one");
    driver.send("two");
    assert_eq!((driver.texts(), queued(&driver)), (vec![], 0));
    driver.apply_changes();
    driver.drain();
    assert_eq!((driver.texts(), queued(&driver)), (vec!["one", "two"], 2));
}

#[test]
fn unacknowledged_messages_are_sent_after_a_reload() {
    let mut driver = online();
    let ids = [driver.send("one"), driver.send("two")];
    driver.receive(&ack(ids[0], 1));
    // The page is killed without writing its last changes.
    driver.reload();
    assert!(
        matches!(driver.events[0], Event::LoggedIn(_)),
        "the room is shown before the connection is open"
    );
    let is_shown = |id| driver.events.iter().any(|e| matches!(e, Event::Message(m) if m.id == id && m.own));
    assert!(is_shown(ids[1]));
    driver.opened();
    assert!(matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.secret == [7; 32]));
    driver.receive(&welcome_at(&[1], 1));
    assert_eq!(driver.texts(), ["one", "two"], "the acknowledgement was not persisted yet");
    driver.receive(&ack(ids[0], 1));
    driver.pass(1_000);
    assert_eq!(queued(&driver), 1);
}

#[test]
fn a_hidden_page_writes_its_pending_changes() {
    let mut driver = online();
    let id = driver.send("one");
    driver.receive(&ack(id, 1));
    driver.session.handle_hidden();
    driver.drain();
    assert_eq!(queued(&driver), 0);
}

#[test]
fn persisted_messages_are_shown_before_the_connection_is_open() {
    let mut driver = online();
    (1..=3).for_each(|seq| driver.receive(&message(seq)));
    driver.pass(1_000);
    driver.receive(&message(4));
    driver.reload();
    assert_eq!(driver.events[1], Event::FromDevice(true));
    let Event::HistoryPage(persisted) = &driver.events[2] else { panic!("{:?}", driver.events) };
    assert_eq!(persisted.iter().map(|message| message.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(matches!(driver.connection(), Connection::Reconnecting { retry_at: None, .. }));
    driver.opened();
    assert!(matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.positions[0].seq == 3));
    driver.receive(&welcome_at(&[1], 4));
    assert!(driver.events.contains(&Event::FromDevice(false)));
    // The connection is retried even if the first attempt fails.
    let mut driver = online();
    driver.pass(1_000);
    driver.reload();
    driver.closed(1006);
    assert!(matches!(driver.connection(), Connection::Reconnecting { retry_at: Some(_), .. }));
}

#[test]
fn known_ranges_are_discarded_when_a_message_is_missing() {
    let mut driver = online();
    (1..=3).for_each(|seq| driver.receive(&message(seq)));
    driver.pass(1_000);
    driver.storage.apply(&Change::Delete(Key::Message(RoomId::LOBBY, 2)));
    driver.reload();
    driver.opened();
    assert!(matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.positions.is_empty()));
    let garbage = [vec![0xFF; 9], vec![]];
    let persisted = Persisted::read(Some(&[0xFF; 9]), &garbage, &garbage);
    assert!(!persisted.is_logged_in() && persisted.send_queue.is_empty() && persisted.messages.is_empty());
}

#[test]
fn only_the_newest_messages_are_persisted() {
    let mut driver = online();
    for seq in 1..=u64::try_from(3 * PERSISTED_MESSAGES).unwrap() {
        let id = MessageId::new(seq, [0; 10]);
        driver.receive(&Envelope { seq, time: 1, ..codec::message("lili", Some(id), "hi") });
        driver.pass(if seq % 100 == 0 { 1_000 } else { 0 });
        assert!(messages(&driver) <= PERSISTED_MESSAGES * 3 / 2);
    }
    driver.reload();
    driver.opened();
    let last = u64::try_from(3 * PERSISTED_MESSAGES).unwrap();
    assert!(matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.positions[0].seq == last));
    let Event::HistoryPage(persisted) = &driver.events[2] else { panic!() };
    assert!(persisted.len() >= PERSISTED_MESSAGES);
    assert!(
        driver.events.iter().any(|e| matches!(e, Event::Gaps(gaps) if gaps[0].gap.to < persisted[0].seq))
    );
}

#[test]
fn messages_of_a_flood_that_are_not_persisted_are_not_known() {
    for count in [1_001, 1_002, 1_200, 2_345] {
        let mut driver = online();
        (1..=count).for_each(|seq| {
            let id = MessageId::new(seq, [0; 10]);
            driver.receive(&Envelope { seq, time: 1, ..codec::message("lili", Some(id), "hi") });
        });
        driver.pass(1_000);
        driver.reload();
        let Event::HistoryPage(persisted) = &driver.events[2] else { panic!() };
        let first = persisted[0].seq;
        assert!(
            persisted.len() >= PERSISTED_MESSAGES && persisted.len() as u64 == count + 1 - first,
            "{count}: {}",
            persisted.len()
        );
        assert_eq!(driver.session.history.known.gaps().map(|gap| gap.to).collect::<Vec<_>>(), [first - 1]);
    }
}

#[test]
fn failed_messages_survive_a_reload_and_discarded_ones_do_not() {
    let mut driver = online();
    let ids = [driver.send("one"), driver.send("two")];
    for id in ids {
        driver.receive(&codec::refusal(Status::ContentTooLong, Some(id), 0, None));
    }
    driver.session.handle_discard(driver.now, ids[1]);
    driver.drain();
    driver.pass(1_000);
    driver.reload();
    let own: Vec<_> =
        driver.events.iter().filter_map(|e| if let Event::Message(m) = e { Some(m) } else { None }).collect();
    assert!(
        matches!(own[..], [m] if m.id == ids[0] && m.delivery == Delivery::Failed(Status::ContentTooLong))
    );
    driver.opened();
    driver.receive(&welcome_at(&[1], 0));
    assert_eq!(driver.texts(), Vec::<&str>::new(), "failed messages are not resent automatically");
}

#[test]
fn logging_out_deletes_everything_except_unacknowledged_messages() {
    let mut driver = online();
    driver.receive(&message(1));
    driver.pass(1_000);
    driver.closed(1006);
    let id = driver.send("unsent");
    driver.session.handle_leave(driver.now);
    driver.drain();
    let accounts = driver.storage.keys(Table::Account).count();
    assert_eq!((messages(&driver), queued(&driver), accounts), (0, 1, 0));
    driver.clear();
    driver.log_in("tom");
    assert!(driver.events.iter().all(|e| !matches!(e, Event::LoggedIn(_))));
    driver.receive(&welcome_at(&[1], 1));
    assert!(driver.events.iter().any(|e| matches!(e, Event::Message(m) if m.id == id)));
    assert_eq!(driver.texts(), ["unsent"]);
}

#[test]
fn a_message_of_another_tab_is_adopted_once() {
    let mut driver = online();
    let mut other = online();
    other.closed(1006);
    let id = other.send("from the other tab");
    let value = other.storage.get(&Key::Queued(RoomId::LOBBY, id)).unwrap();
    driver.clear();
    driver.session.handle_adopt(driver.now, value);
    driver.session.handle_adopt(driver.now, value);
    driver.session.handle_adopt(driver.now, b"garbage");
    driver.drain();
    assert_eq!(driver.texts(), ["from the other tab"]);
    assert!(matches!(&driver.events[0], Event::Message(m) if m.id == id && m.delivery == Delivery::Queued));
}

#[test]
fn messages_adopted_during_a_first_login_are_sent_after_it() {
    let mut other = online();
    other.closed(1006);
    let ids = [other.send("reported"), other.send("stored")];
    let is_first = |event: &&Event| matches!(event, Event::Message(message) if message.id == ids[0]);
    let Some(Event::Message(message)) = other.events.iter().find(is_first).cloned() else { panic!() };
    let value = other.storage.get(&Key::Queued(RoomId::LOBBY, ids[1])).unwrap();
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.session.handle_adopt(driver.now, value);
    driver.session.handle_adopt_queued(vec![message]);
    driver.drain();
    driver.receive(&welcome("tom"));
    assert_eq!(driver.texts(), ["reported", "stored"]);
    let is_shown = |id| driver.events.iter().any(|e| matches!(e, Event::Message(m) if m.id == id && m.own));
    assert!(ids.into_iter().all(is_shown));
}

#[test]
fn nothing_is_resent_to_a_basic_server_after_a_reload() {
    let mut driver = Driver::basic();
    let id = driver.send("hi");
    driver.reload();
    assert!(driver.events.iter().any(
        |e| matches!(e, Event::Message(m) if m.id == id && m.delivery == Delivery::Failed(Status::Unconfirmed))
    ));
    driver.opened();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(driver.texts(), Vec::<&str>::new());
}

#[test]
fn adopted_messages_are_not_resent_to_a_basic_server_after_a_reload() {
    let mut other = online();
    other.closed(1006);
    let id = other.send("from the other tab");
    let mut driver = Driver::basic();
    // The other tab has persisted it as queued.
    let key = Key::Queued(RoomId::LOBBY, id);
    let value = other.storage.get(&key).unwrap();
    driver.storage.apply(&Change::Put(key, value.clone()));
    driver.session.handle_adopt(driver.now, value);
    driver.drain();
    assert_eq!(driver.texts(), ["from the other tab"]);
    driver.reload();
    assert!(driver.events.iter().any(
        |e| matches!(e, Event::Message(m) if m.id == id && m.delivery == Delivery::Failed(Status::Unconfirmed))
    ));
    driver.opened();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(driver.texts(), Vec::<&str>::new());
}

#[test]
fn messages_that_a_dead_leader_may_have_sent_fail_on_a_basic_server() {
    let mut other = online();
    other.closed(1006);
    let id = other.send("from the other tab");
    let message = |event: &Event| match event {
        Event::Message(message) => Some(message.clone()),
        _ => None,
    };
    let messages: Vec<_> = other.events.iter().filter_map(message).collect();
    let mut driver = Driver::basic();
    driver.clear();
    driver.session.handle_adopt_queued(messages);
    driver.drain();
    assert_eq!(driver.texts(), Vec::<&str>::new());
    let unconfirmed = Delivery::Failed(Status::Unconfirmed);
    assert!(matches!(&driver.events[..], [Event::Message(m)] if m.id == id && m.delivery == unconfirmed));
    // The same after a reload.
    driver.reload();
    assert!(
        driver
            .events
            .iter()
            .any(|e| matches!(e, Event::Message(m) if m.id == id && m.delivery == unconfirmed))
    );
}

#[test]
fn the_account_is_persisted_at_login() {
    let driver = online();
    assert!(driver.storage.get(&Key::Account).is_some(), "without the account a killed page loses its nick");
}
