//! The known ranges and gaps of the room, with a server that has a history.

use super::*;
use crate::{
    event::GapState,
    ranges::{Gap, Range},
    wire::history_request::Start,
};

pub(super) const LOG: [u8; 2] = [1, 2];

/// The welcome of a server whose log ends with `last`.
pub(super) fn welcome_at(log: &[u8], last: u64) -> Envelope {
    let mut envelope = welcome("tom");
    let Some(Ext::Welcome(welcome)) = &mut envelope.extension else { unreachable!() };
    welcome.capabilities.extend(["history".into(), "search".into()]);
    welcome.log = log.to_vec();
    welcome.positions = vec![wire::RoomPosition { seq: last, ..wire::RoomPosition::default() }];
    envelope
}

pub(super) fn message(seq: u64) -> Envelope {
    let id = MessageId([u8::try_from(seq).unwrap(); 16]);
    Envelope { seq, time: 1, ..codec::message("lili", Some(id), &format!("message {seq}")) }
}

pub(super) fn page(request: u32, from: u64, to: u64) -> Envelope {
    let frames = (from + 1..=to).map(|seq| codec::encode(&message(seq))).collect();
    let page = wire::HistoryPage {
        request,
        frames,
        reached_start: from == 0,
        from,
        to,
        ..wire::HistoryPage::default()
    };
    codec::extension(Ext::HistoryPage(page))
}

/// Logged in to a room whose last sequence number is `last`; none of its messages are known.
pub(super) fn online_at(last: u64) -> Driver {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&welcome_at(&LOG, last));
    driver
}

pub(super) fn gaps(driver: &Driver) -> Vec<(u64, u64, bool)> {
    let last = driver.events.iter().rev().find_map(|event| match event {
        Event::Gaps(gaps) => Some(gaps),
        _ => None,
    });
    let of = |GapState { gap: Gap { from, to }, loading }: &GapState| (*from, *to, *loading);
    last.map(|gaps| gaps.iter().map(of).collect()).unwrap_or_default()
}

pub(super) fn shown(driver: &Driver) -> Vec<u64> {
    let mut all = Vec::new();
    for event in &driver.events {
        match event {
            Event::Message(message) => all.push(message.seq),
            Event::HistoryPage(messages) => all.extend(messages.iter().map(|message| message.seq)),
            _ => {}
        }
    }
    all
}

fn login(driver: &Driver) -> &wire::Login {
    let login = driver.sent.iter().rev().find_map(|envelope| match &envelope.extension {
        Some(Ext::Login(login)) => Some(login),
        _ => None,
    });
    login.unwrap()
}

/// Loses the connection, and reconnects as far as the login.
pub(super) fn reconnect(driver: &mut Driver) {
    driver.closed(1006);
    driver.session.handle_reconnect(driver.now);
    driver.clear();
    driver.opened();
}

#[test]
fn the_gap_before_the_first_page_is_reported_after_that_page() {
    let mut driver = online_at(9);
    assert!(!driver.events.iter().any(|e| matches!(e, Event::Gaps(_))), "the page has not arrived yet");
    driver.receive(&page(0, 4, 9));
    assert_eq!((gaps(&driver), shown(&driver)), (vec![(0, 4, false)], vec![5, 6, 7, 8, 9]));
    assert!(
        driver.events.iter().any(|e| matches!(e, Event::HistoryPage(_))),
        "older messages are history, not new messages"
    );
    driver.receive(&message(10));
    assert_eq!(shown(&driver).last(), Some(&10));
}

#[test]
fn a_reconnect_names_the_known_position_and_receives_what_follows() {
    let mut driver = online_at(0);
    (1..=3).for_each(|seq| driver.receive(&message(seq)));
    reconnect(&mut driver);
    assert_eq!((login(&driver).positions[0].seq, &login(&driver).log[..]), (3, &LOG[..]));
    driver.receive(&welcome_at(&LOG, 6));
    driver.receive(&message(7));
    driver.receive(&page(0, 3, 5));
    driver.receive(&page(0, 5, 6));
    let reports: Vec<_> = driver.events.iter().filter(|e| matches!(e, Event::Gaps(_))).collect();
    assert!(reports.is_empty(), "there was no gap at any time: {reports:?}");
    assert_eq!(shown(&driver), [7, 4, 5, 6]);
    assert!(
        !driver.events.iter().any(|e| matches!(e, Event::HistoryPage(_) | Event::Notice(_))),
        "missed messages are new messages"
    );
}

#[test]
fn without_a_page_after_the_login_the_whole_room_is_a_gap() {
    let mut driver = online_at(9);
    let Some(Ext::Ping(ping)) = driver.sent.last().and_then(|envelope| envelope.extension.clone()) else {
        panic!()
    };
    driver.receive(&codec::extension(Ext::Pong(wire::Pong { nonce: ping.nonce })));
    assert_eq!(gaps(&driver), [(0, 9, false)]);
    assert!(online_at(0).events.contains(&Event::Gaps(vec![])), "an empty room has no gap");
}

#[test]
fn known_messages_are_not_reported_again() {
    let mut driver = online_at(0);
    (1..=3).for_each(|seq| driver.receive(&message(seq)));
    driver.clear();
    driver.receive(&message(2));
    driver.receive(&page(0, 0, 3));
    assert_eq!(shown(&driver), Vec::<u64>::new());
}

#[test]
fn an_acknowledgement_does_not_extend_the_known_ranges() {
    let mut driver = online_at(0);
    let id = driver.send("hello");
    driver.receive(&ack(id, 5));
    reconnect(&mut driver);
    assert_eq!(login(&driver).positions[0].seq, 0);
}

#[test]
fn a_gap_is_loaded_page_by_page_from_its_newest_message() {
    let mut driver = online_at(200);
    driver.receive(&page(0, 150, 200));
    driver.clear();
    driver.session.handle_load_gap(driver.now, 150);
    driver.session.handle_load_gap(driver.now, 150);
    driver.drain();
    let [Envelope { extension: Some(Ext::HistoryRequest(asked)), .. }] = &driver.sent[..] else { panic!() };
    assert_eq!((asked.start, asked.request), (Some(Start::Before(151)), 1));
    assert_eq!(gaps(&driver), [(0, 150, true)]);
    driver.receive(&page(1, 90, 150));
    assert_eq!((gaps(&driver), shown(&driver).len()), (vec![(0, 90, false)], 60));
    driver.session.handle_load_gap(driver.now, 90);
    driver.drain();
    driver.receive(&page(2, 0, 90));
    assert_eq!(gaps(&driver), []);
    driver.session.handle_load_gap(driver.now, 90);
    driver.drain();
    assert_eq!(driver.sent.len(), 2, "there is no such gap any more");
}

#[test]
fn a_refused_or_lost_page_can_be_requested_again() {
    let mut driver = online_at(9);
    driver.receive(&page(0, 9, 9));
    driver.session.handle_load_gap(driver.now, 9);
    driver.drain();
    driver.clear();
    let mut refusal = codec::refusal(Status::RateLimited, None, 500, None);
    let Some(Ext::Refusal(inner)) = &mut refusal.extension else { unreachable!() };
    inner.request = 1;
    driver.receive(&refusal);
    let gap = Event::Gaps(vec![GapState { gap: Gap { from: 0, to: 9 }, loading: false }]);
    let finished = Event::PageFinished { requester: 0, result: Err(Status::RateLimited) };
    assert_eq!(driver.events, [gap, finished]);
    driver.session.handle_load_gap(driver.now, 9);
    driver.drain();
    driver.clear();
    // The server keeps the connection alive and does not answer the request.
    for _ in 0..11 {
        driver.pass(1_000);
        driver.receive(&codec::extension(Ext::Typing(wire::Typing { typing: true })));
    }
    assert_eq!(gaps(&driver), [(0, 9, false)]);
    driver.receive(&page(2, 0, 9));
    assert_eq!(gaps(&driver), []);
    assert_eq!(shown(&driver).len(), 9, "a late page is used");
    driver.receive(&page(3, 0, 9));
    assert_eq!(shown(&driver).len(), 9, "a page that was never requested is not");
}

#[test]
fn a_slow_consumer_resumes_with_a_gap() {
    let mut driver = online_at(0);
    driver.receive(&message(1));
    driver.receive(&codec::extension(Ext::Resume(wire::Resume { from: 40 })));
    driver.receive(&message(41));
    assert_eq!((gaps(&driver), shown(&driver)), (vec![(1, 40, false)], vec![1, 41]));
    driver.session.handle_load_gap(driver.now, 40);
    driver.drain();
    driver.receive(&page(1, 0, 40));
    assert_eq!(gaps(&driver), []);
    assert_eq!(shown(&driver).into_iter().collect::<std::collections::BTreeSet<_>>().len(), 41);
}

#[test]
fn a_different_log_clears_the_known_ranges() {
    for (log, last) in [(&[9, 9], 7), (&LOG, 2)] {
        let mut driver = online_at(0);
        (1..=3).for_each(|seq| driver.receive(&message(seq)));
        reconnect(&mut driver);
        driver.receive(&welcome_at(log, last));
        assert!(driver.events.contains(&Event::LogReplaced));
        driver.receive(&page(0, last, last));
        assert_eq!(gaps(&driver), [(0, last, false)]);
        driver.pass(1_000);
        assert_eq!(driver.storage.keys(Table::Messages).count(), 0);
    }
}

/// The answer of a server that does not have the message of the position in the login.
fn reset_at(last: u64) -> Envelope {
    let mut envelope = welcome_at(&LOG, last);
    let Some(Ext::Welcome(welcome)) = &mut envelope.extension else { unreachable!() };
    welcome.positions[0].reset = true;
    envelope
}

#[test]
fn the_login_names_the_id_of_the_newest_message() {
    let position = |driver: &Driver| {
        let position = &login(driver).positions[0];
        (position.seq, position.id.clone())
    };
    let mut driver = online_at(0);
    (1..=3).for_each(|seq| driver.receive(&message(seq)));
    reconnect(&mut driver);
    assert_eq!(position(&driver), (3, vec![3; 16]));
    driver.receive(&welcome_at(&LOG, 5));
    driver.receive(&page(0, 3, 5));
    driver.pass(1_000);
    driver.reload();
    driver.opened();
    assert_eq!(position(&driver), (5, vec![5; 16]), "also after a reload");
    driver.receive(&welcome_at(&LOG, 5));
    driver.receive(&Envelope { id: vec![], ..message(6) });
    reconnect(&mut driver);
    assert_eq!(position(&driver), (6, vec![]), "the server has sent no id");
}

#[test]
fn a_position_that_is_not_in_the_log_drops_all_messages() {
    let mut driver = online_at(0);
    (1..=3).for_each(|seq| driver.receive(&message(seq)));
    driver.pass(1_000);
    for reload in [false, true] {
        if reload {
            driver.reload();
            driver.opened();
        } else {
            reconnect(&mut driver);
        }
        driver.clear();
        driver.receive(&reset_at(9));
        assert!(driver.events.contains(&Event::LogReplaced), "reload {reload}");
        driver.receive(&page(0, 7, 9));
        assert_eq!((gaps(&driver), shown(&driver)), (vec![(0, 7, false)], vec![8, 9]));
        driver.pass(1_000);
        let stored: Vec<_> = driver.storage.keys(Table::Messages).cloned().collect();
        assert_eq!(stored, [8, 9].map(|seq| Key::Message(RoomId::LOBBY, seq)));
    }
}

#[test]
fn stored_messages_of_a_replaced_log_are_not_shown_if_a_write_has_failed() {
    let mut driver = online_at(0);
    (1..=3).for_each(|seq| driver.receive(&message(seq)));
    driver.pass(1_000);
    reconnect(&mut driver);
    driver.storage_works = false;
    driver.receive(&welcome_at(&[9, 9], 3));
    driver.receive(&page(0, 0, 3));
    driver.pass(1_000);
    driver.lose_changes();
    driver.storage_works = true;
    driver.receive(&message(4));
    driver.pass(1_000);
    assert_eq!(driver.persisted().epoch(), Some(driver.session.epoch()));
    driver.reload();
    assert_eq!(shown(&driver), [], "the messages 1 to 3 are of the replaced log");
}

#[test]
fn messages_are_dropped_when_the_server_has_no_history_any_more() {
    for answer in [welcome("tom"), listed("tom", "login", "", &["tom"])] {
        let mut driver = online_at(0);
        driver.receive(&message(1));
        driver.pass(1_000);
        reconnect(&mut driver);
        driver.receive(&answer);
        assert!(driver.events.contains(&Event::LogReplaced));
        driver.pass(1_000);
        assert_eq!(driver.storage.keys(Table::Messages).count(), 0);
    }
}

#[test]
fn evicted_messages_become_gaps() {
    let evict = |driver: &mut Driver, from, to| {
        driver.session.handle_evicted(Range { from, to });
        driver.drain();
        gaps(driver)
    };
    let mut driver = online_at(0);
    (1..=9).for_each(|seq| driver.receive(&message(seq)));
    assert_eq!(evict(&mut driver, 0, 4), [(0, 4, false)]);
    assert_eq!(evict(&mut driver, 5, 6), [(0, 4, false), (5, 6, false)]);
    assert_eq!(evict(&mut driver, 5, 9), [(0, 4, false), (5, 9, false)], "including the newest messages");
    driver.receive(&message(10));
    assert_eq!(gaps(&driver), [(0, 4, false), (5, 9, false)]);
    reconnect(&mut driver);
    assert_eq!(login(&driver).positions[0].seq, 10);
}

#[test]
fn a_page_is_cut_off_after_the_last_live_message() {
    let mut driver = online_at(5);
    driver.receive(&page(0, 5, 5));
    driver.session.handle_load_gap(driver.now, 5);
    driver.drain();
    driver.receive(&page(1, 0, 7));
    assert_eq!((shown(&driver), gaps(&driver)), ((1..=5).collect(), vec![]));
    reconnect(&mut driver);
    assert_eq!(login(&driver).positions[0].seq, 5, "the server has not delivered more");
    driver.receive(&welcome_at(&LOG, 5));
    assert!(!driver.events.contains(&Event::LogReplaced));
}

#[test]
fn evicted_messages_stay_on_the_device() {
    let mut driver = online_at(0);
    (1..=9).for_each(|seq| driver.receive(&message(seq)));
    driver.session.handle_evicted(Range { from: 3, to: 9 });
    driver.pass(1_000);
    driver.reload();
    assert_eq!((shown(&driver), gaps(&driver)), ((1..=9).collect(), vec![]));
}

#[test]
fn a_live_message_is_reported_before_its_range() {
    let mut driver = online_at(0);
    driver.clear();
    driver.receive(&message(1));
    let at = |is_it: fn(&Event) -> bool| driver.events.iter().position(is_it).unwrap();
    let message = at(|event| matches!(event, Event::Message(message) if message.seq == 1));
    let range = at(|event| matches!(event, Event::RangeLoaded(range) if range.to == 1));
    assert!(message < range, "another tab that seeks it in between finds it: {:?}", driver.events);
}
