//! What is known of the room, and what is not: on a server that keeps a log.

use super::*;
use crate::{
    event::Missing,
    ranges::{Gap, Range},
    wire::history_request::Start,
};

pub(super) const LOG: [u8; 2] = [1, 2];

/// The welcome of a server with a log that has come to `last`.
pub(super) fn welcome_at(log: &[u8], last: u64) -> Frame {
    let mut frame = welcome("tom");
    let Some(Ext::Welcome(welcome)) = &mut frame.extension else { unreachable!() };
    welcome.capabilities.extend(["history".into(), "search".into()]);
    welcome.log = log.to_vec();
    welcome.positions = vec![wire::RoomPosition { room: String::new(), seq: last }];
    frame
}

pub(super) fn said(seq: u64) -> Frame {
    let id = MessageId([u8::try_from(seq).unwrap(); 16]);
    Frame { seq, time: 1, ..codec::talk("lili", "", Some(id), &format!("message {seq}")) }
}

pub(super) fn page(request: u32, from: u64, to: u64) -> Frame {
    let frames = (from + 1..=to).map(|seq| codec::encode(&said(seq))).collect();
    let page = wire::HistoryPage { request, frames, reached_start: from == 0, reached_end: false, from, to };
    codec::extension("", Ext::HistoryPage(page))
}

/// Logged in where the room is at `last`, knowing nothing of it.
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
    let of = |Missing { gap: Gap { from, to }, loading }: &Missing| (*from, *to, *loading);
    last.map(|gaps| gaps.iter().map(of).collect()).unwrap_or_default()
}

pub(super) fn shown(driver: &Driver) -> Vec<u64> {
    let mut all = Vec::new();
    for event in &driver.events {
        match event {
            Event::Message(message) => all.push(message.seq),
            Event::Page(messages) => all.extend(messages.iter().map(|message| message.seq)),
            _ => {}
        }
    }
    all
}

fn login(driver: &Driver) -> &wire::Login {
    let login = driver.sent.iter().rev().find_map(|frame| match &frame.extension {
        Some(Ext::Login(login)) => Some(login),
        _ => None,
    });
    login.unwrap()
}

/// The connection is lost, and there again as far as the login.
pub(super) fn again(driver: &mut Driver) {
    driver.closed(1006);
    driver.session.handle_retry_now(driver.now);
    driver.forget();
    driver.opened();
}

#[test]
fn what_is_older_than_the_welcome_is_missing_once_its_page_has_come() {
    let mut driver = online_at(9);
    assert!(!driver.events.iter().any(|e| matches!(e, Event::Gaps(_))), "it is on its way");
    driver.receive(&page(0, 4, 9));
    assert_eq!((gaps(&driver), shown(&driver)), (vec![(0, 4, false)], vec![5, 6, 7, 8, 9]));
    assert!(driver.events.iter().any(|e| matches!(e, Event::Page(_))), "what was before us is not news");
    driver.receive(&said(10));
    assert_eq!(shown(&driver).last(), Some(&10));
}

#[test]
fn a_new_connection_names_what_is_known_and_is_sent_the_rest() {
    let mut driver = online_at(0);
    (1..=3).for_each(|seq| driver.receive(&said(seq)));
    again(&mut driver);
    assert_eq!((login(&driver).positions[0].seq, &login(&driver).log[..]), (3, &LOG[..]));
    driver.receive(&welcome_at(&LOG, 6));
    driver.receive(&said(7));
    driver.receive(&page(0, 3, 5));
    driver.receive(&page(0, 5, 6));
    let told: Vec<_> = driver.events.iter().filter(|e| matches!(e, Event::Gaps(_))).collect();
    assert!(told.is_empty(), "nothing was missing for a moment: {told:?}");
    assert_eq!(shown(&driver), [7, 4, 5, 6]);
    assert!(!driver.events.iter().any(|e| matches!(e, Event::Page(_) | Event::Notice(_))), "they are news");
}

#[test]
fn a_server_that_sends_no_page_leaves_a_gap_and_one_with_nothing_missing_says_so() {
    let mut driver = online_at(9);
    let Some(Ext::Ping(ping)) = driver.sent.last().and_then(|frame| frame.extension.clone()) else {
        panic!()
    };
    driver.receive(&codec::extension("", Ext::Pong(wire::Pong { nonce: ping.nonce })));
    assert_eq!(gaps(&driver), [(0, 9, false)]);
    assert!(online_at(0).events.contains(&Event::Gaps(vec![])), "the room begins here");
}

#[test]
fn what_is_known_is_not_told_again() {
    let mut driver = online_at(0);
    (1..=3).for_each(|seq| driver.receive(&said(seq)));
    driver.forget();
    driver.receive(&said(2));
    driver.receive(&page(0, 0, 3));
    assert_eq!(shown(&driver), Vec::<u64>::new());
}

#[test]
fn an_acknowledgement_says_nothing_of_what_others_said_before_it() {
    let mut driver = online_at(0);
    let id = driver.talk("hello");
    driver.receive(&ack(id, 5));
    again(&mut driver);
    assert_eq!(login(&driver).positions[0].seq, 0);
}

#[test]
fn a_gap_is_loaded_page_by_page_from_its_newer_end() {
    let mut driver = online_at(200);
    driver.receive(&page(0, 150, 200));
    driver.forget();
    driver.session.handle_load(driver.now, 150);
    driver.session.handle_load(driver.now, 150);
    driver.drain();
    let [Frame { extension: Some(Ext::HistoryRequest(asked)), .. }] = &driver.sent[..] else { panic!() };
    assert_eq!((asked.start, asked.request), (Some(Start::Before(151)), 1));
    assert_eq!(gaps(&driver), [(0, 150, true)]);
    driver.receive(&page(1, 90, 150));
    assert_eq!((gaps(&driver), shown(&driver).len()), (vec![(0, 90, false)], 60));
    driver.session.handle_load(driver.now, 90);
    driver.drain();
    driver.receive(&page(2, 0, 90));
    assert_eq!(gaps(&driver), []);
    driver.session.handle_load(driver.now, 90);
    driver.drain();
    assert_eq!(driver.sent.len(), 2, "there is no such gap");
}

#[test]
fn a_page_that_does_not_come_may_be_asked_for_again() {
    let mut driver = online_at(9);
    driver.receive(&page(0, 9, 9));
    driver.session.handle_load(driver.now, 9);
    driver.drain();
    driver.forget();
    let mut refusal = codec::refusal(Status::RateLimited, None, 500, None);
    let Some(Ext::Refusal(inner)) = &mut refusal.extension else { unreachable!() };
    inner.request = 1;
    driver.receive(&refusal);
    assert_eq!(driver.events, [Event::Gaps(vec![Missing { gap: Gap { from: 0, to: 9 }, loading: false }])]);
    driver.session.handle_load(driver.now, 9);
    driver.drain();
    driver.forget();
    // A server that keeps the connection alive and does not answer this.
    for _ in 0..11 {
        driver.pass(1_000);
        driver.receive(&codec::extension("", Ext::Typing(wire::Typing { typing: true })));
    }
    assert_eq!(gaps(&driver), [(0, 9, false)]);
    driver.receive(&page(2, 0, 9));
    assert_eq!(gaps(&driver), []);
    assert_eq!(shown(&driver).len(), 9, "what comes too late is as good");
    driver.receive(&page(3, 0, 9));
    assert_eq!(shown(&driver).len(), 9, "but not what nobody asked for");
}

#[test]
fn who_was_too_slow_goes_on_and_knows_what_is_missing() {
    let mut driver = online_at(0);
    driver.receive(&said(1));
    driver.receive(&codec::extension("", Ext::Resume(wire::Resume { from: 40 })));
    driver.receive(&said(41));
    assert_eq!((gaps(&driver), shown(&driver)), (vec![(1, 40, false)], vec![1, 41]));
    driver.session.handle_load(driver.now, 40);
    driver.drain();
    driver.receive(&page(1, 0, 40));
    assert_eq!(gaps(&driver), []);
    assert_eq!(shown(&driver).into_iter().collect::<std::collections::BTreeSet<_>>().len(), 41);
}

#[test]
fn another_log_makes_what_was_known_worthless() {
    for (log, last) in [(&[9, 9], 7), (&LOG, 2)] {
        let mut driver = online_at(0);
        (1..=3).for_each(|seq| driver.receive(&said(seq)));
        again(&mut driver);
        driver.receive(&welcome_at(log, last));
        assert!(driver.events.contains(&Event::Forget));
        driver.receive(&page(0, last, last));
        assert_eq!(gaps(&driver), [(0, last, false)]);
        driver.pass(1_000);
        assert!(!driver.storage.keys().any(|(table, _)| *table == Table::Messages));
    }
}

#[test]
fn what_the_page_let_go_of_can_be_loaded_again() {
    let drop = |driver: &mut Driver, from, to| {
        driver.session.handle_dropped(Range { from, to });
        driver.drain();
        gaps(driver)
    };
    let mut driver = online_at(0);
    (1..=9).for_each(|seq| driver.receive(&said(seq)));
    assert_eq!(drop(&mut driver, 0, 4), [(0, 4, false)]);
    assert_eq!(drop(&mut driver, 5, 6), [(0, 4, false), (5, 6, false)]);
    assert_eq!(drop(&mut driver, 5, 9), [(0, 4, false), (5, 9, false)], "the newest too");
    driver.receive(&said(10));
    assert_eq!(gaps(&driver), [(0, 4, false), (5, 9, false)]);
    again(&mut driver);
    assert_eq!(login(&driver).positions[0].seq, 10);
}

#[test]
fn what_follows_by_itself_is_not_taken_from_a_page() {
    let mut driver = online_at(5);
    driver.receive(&page(0, 5, 5));
    driver.session.handle_load(driver.now, 5);
    driver.drain();
    driver.receive(&page(1, 0, 7));
    assert_eq!((shown(&driver), gaps(&driver)), ((1..=5).collect(), vec![]));
    again(&mut driver);
    assert_eq!(login(&driver).positions[0].seq, 5, "a server that was stopped knows no more");
    driver.receive(&welcome_at(&LOG, 5));
    assert!(!driver.events.contains(&Event::Forget));
}

#[test]
fn the_device_keeps_what_the_page_lets_go_of() {
    let mut driver = online_at(0);
    (1..=9).for_each(|seq| driver.receive(&said(seq)));
    driver.session.handle_dropped(Range { from: 3, to: 9 });
    driver.pass(1_000);
    driver.reload();
    assert_eq!((shown(&driver), gaps(&driver)), ((1..=9).collect(), vec![]));
}
