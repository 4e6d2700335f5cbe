//! What a device keeps, and what a page that is loaded again makes of it.

use super::{
    history::{said, welcome_at},
    *,
};
use crate::kept::MESSAGES_KEPT;

fn online() -> Driver {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&welcome_at(&[1], 0));
    driver.forget();
    driver
}

fn outbox(driver: &Driver) -> usize {
    driver.storage.keys().filter(|(table, _)| *table == Table::Outbox).count()
}

fn messages(driver: &Driver) -> usize {
    driver.storage.keys().filter(|(table, _)| *table == Table::Messages).count()
}

#[test]
fn nothing_is_sent_before_it_is_written_down() {
    let mut driver = online();
    driver.keeps = false;
    driver.talk("one");
    driver.talk("two");
    assert_eq!((driver.texts(), outbox(&driver)), (vec![], 0));
    driver.keep();
    driver.drain();
    assert_eq!((driver.texts(), outbox(&driver)), (vec!["one", "two"], 2));
}

#[test]
fn what_was_not_acknowledged_is_sent_after_the_page_was_gone() {
    let mut driver = online();
    let ids = [driver.talk("one"), driver.talk("two")];
    driver.receive(&ack(ids[0], 1));
    // The page is killed: nothing could be written at the end.
    driver.reload();
    assert!(matches!(driver.events[0], Event::LoggedIn(_)), "the room is there at once");
    let queued = |id| driver.events.iter().any(|e| matches!(e, Event::Message(m) if m.id == id && m.own));
    assert!(queued(ids[1]));
    driver.opened();
    assert!(matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.secret == [7; 32]));
    driver.receive(&welcome_at(&[1], 1));
    assert_eq!(driver.texts(), ["one", "two"], "that one was acknowledged was not written down yet");
    driver.receive(&ack(ids[0], 1));
    driver.pass(1_000);
    assert_eq!(outbox(&driver), 1);
}

#[test]
fn a_page_that_hides_writes_down_what_could_wait() {
    let mut driver = online();
    let id = driver.talk("one");
    driver.receive(&ack(id, 1));
    driver.session.handle_hide();
    driver.drain();
    assert_eq!(outbox(&driver), 0);
}

#[test]
fn the_room_is_there_before_the_server_is() {
    let mut driver = online();
    (1..=3).for_each(|seq| driver.receive(&said(seq)));
    driver.pass(1_000);
    driver.receive(&said(4));
    driver.reload();
    assert_eq!(driver.events[1], Event::FromDevice(true));
    let Event::Page(kept) = &driver.events[2] else { panic!("{:?}", driver.events) };
    assert_eq!(kept.iter().map(|message| message.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(matches!(driver.connection(), Connection::Reconnecting { retry_at: None, .. }));
    driver.opened();
    assert!(matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.positions[0].seq == 3));
    driver.receive(&welcome_at(&[1], 4));
    assert!(driver.events.contains(&Event::FromDevice(false)));
    // It is tried until it works, also when it fails at first.
    let mut driver = online();
    driver.pass(1_000);
    driver.reload();
    driver.closed(1006);
    assert!(matches!(driver.connection(), Connection::Reconnecting { retry_at: Some(_), .. }));
}

#[test]
fn a_storage_that_lost_a_message_is_not_believed() {
    let mut driver = online();
    (1..=3).for_each(|seq| driver.receive(&said(seq)));
    driver.pass(1_000);
    driver.storage.remove(&(Table::Messages, 2_u64.to_be_bytes().to_vec()));
    driver.reload();
    driver.opened();
    assert!(matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.positions.is_empty()));
    let rubbish = [vec![0xFF; 9], vec![]];
    let kept = Kept::read(Some(&[0xFF; 9]), &rubbish, &rubbish);
    assert!(!kept.is_logged_in() && kept.outbox.is_empty() && kept.messages.is_empty());
}

#[test]
fn a_room_is_kept_in_part() {
    let mut driver = online();
    for seq in 1..=u64::try_from(3 * MESSAGES_KEPT).unwrap() {
        let id = MessageId::new(seq, [0; 10]);
        driver.receive(&Frame { seq, time: 1, ..codec::talk("lili", "", Some(id), "hi") });
        driver.pass(if seq % 100 == 0 { 1_000 } else { 0 });
        assert!(messages(&driver) <= MESSAGES_KEPT * 3 / 2);
    }
    driver.reload();
    driver.opened();
    let last = u64::try_from(3 * MESSAGES_KEPT).unwrap();
    assert!(matches!(&driver.sent[0].extension, Some(Ext::Login(l)) if l.positions[0].seq == last));
    let Event::Page(kept) = &driver.events[2] else { panic!() };
    assert!(kept.len() >= MESSAGES_KEPT);
    assert!(driver.events.iter().any(|e| matches!(e, Event::Gaps(gaps) if gaps[0].gap.to < kept[0].seq)));
}

#[test]
fn a_flood_is_kept_in_part_and_the_rest_is_not_called_known() {
    for count in [1_001, 1_002, 1_200, 2_345] {
        let mut driver = online();
        (1..=count).for_each(|seq| {
            let id = MessageId::new(seq, [0; 10]);
            driver.receive(&Frame { seq, time: 1, ..codec::talk("lili", "", Some(id), "hi") });
        });
        driver.pass(1_000);
        driver.reload();
        let Event::Page(kept) = &driver.events[2] else { panic!() };
        let first = kept[0].seq;
        assert!(
            kept.len() >= MESSAGES_KEPT && kept.len() as u64 == count + 1 - first,
            "{count}: {}",
            kept.len()
        );
        assert_eq!(driver.session.history.known.gaps().map(|gap| gap.to).collect::<Vec<_>>(), [first - 1]);
    }
}

#[test]
fn a_refusal_is_there_after_the_page_was_gone_and_a_discarded_message_is_not() {
    let mut driver = online();
    let ids = [driver.talk("one"), driver.talk("two")];
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
    assert_eq!(driver.texts(), Vec::<&str>::new(), "nothing is tried again by itself");
}

#[test]
fn who_leaves_takes_all_along_but_what_was_not_acknowledged() {
    let mut driver = online();
    driver.receive(&said(1));
    driver.pass(1_000);
    driver.closed(1006);
    let id = driver.talk("a last word");
    driver.session.handle_exit(driver.now);
    driver.drain();
    assert_eq!((messages(&driver), outbox(&driver), driver.storage.len()), (0, 1, 1));
    driver.forget();
    driver.log_in("tom");
    assert!(driver.events.iter().all(|e| !matches!(e, Event::LoggedIn(_))));
    driver.receive(&welcome_at(&[1], 1));
    assert!(driver.events.iter().any(|e| matches!(e, Event::Message(m) if m.id == id)));
    assert_eq!(driver.texts(), ["a last word"]);
}

#[test]
fn another_page_s_words_are_taken_over_once() {
    let mut driver = online();
    let mut other = online();
    other.closed(1006);
    let id = other.talk("from the other tab");
    let value = other.storage.iter().find(|((table, _), _)| *table == Table::Outbox).unwrap().1.clone();
    driver.forget();
    driver.session.handle_adopt(driver.now, &value);
    driver.session.handle_adopt(driver.now, &value);
    driver.session.handle_adopt(driver.now, b"rubbish");
    driver.drain();
    assert_eq!(driver.texts(), ["from the other tab"]);
    assert!(matches!(&driver.events[0], Event::Message(m) if m.id == id && m.delivery == Delivery::Queued));
}

#[test]
fn to_a_basic_server_nothing_is_sent_again_after_the_page_was_gone() {
    let mut driver = Driver::basic();
    let id = driver.talk("hi");
    driver.reload();
    assert!(driver.events.iter().any(
        |e| matches!(e, Event::Message(m) if m.id == id && m.delivery == Delivery::Failed(Status::Unconfirmed))
    ));
    driver.opened();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(driver.texts(), Vec::<&str>::new());
}

#[test]
fn nor_is_what_was_taken_over_from_another_page() {
    let mut other = online();
    other.closed(1006);
    let id = other.talk("from the other tab");
    let mut driver = Driver::basic();
    // The other page has written it down as something that waits.
    let (key, value) = other.storage.iter().find(|((table, _), _)| *table == Table::Outbox).unwrap();
    driver.storage.insert(key.clone(), value.clone());
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
fn nor_is_what_may_have_been_sent_by_a_page_that_died() {
    let mut other = online();
    other.closed(1006);
    let id = other.talk("from the other tab");
    let told = |event: &Event| match event {
        Event::Message(message) => Some(message.clone()),
        _ => None,
    };
    let waiting: Vec<_> = other.events.iter().filter_map(told).collect();
    let mut driver = Driver::basic();
    driver.forget();
    driver.session.handle_waiting(waiting);
    driver.drain();
    assert_eq!(driver.texts(), Vec::<&str>::new());
    let unconfirmed = Delivery::Failed(Status::Unconfirmed);
    assert!(matches!(&driver.events[..], [Event::Message(m)] if m.id == id && m.delivery == unconfirmed));
    // The user decides, also after a reload.
    driver.reload();
    assert!(
        driver
            .events
            .iter()
            .any(|e| matches!(e, Event::Message(m) if m.id == id && m.delivery == unconfirmed))
    );
}

#[test]
fn each_name_on_each_server_has_a_place_of_its_own() {
    let scope = crate::kept::scope("wss://Chat.example/ws", "Tom Ä");
    assert_eq!(scope, "wss://Chat.example/ws\ntom Ä");
    assert_eq!(crate::kept::url_of(&scope), "wss://Chat.example/ws");
}

#[test]
fn who_one_is_is_written_down_at_once() {
    let driver = online();
    assert!(
        driver.storage.keys().any(|(table, _)| *table == Table::Account),
        "a page killed now has its nick back"
    );
}
