//! Replay, history pages and search.

use std::collections::BTreeMap;

use parlour_core::{
    codec::{self, Extension},
    model::{MessageId, UserId},
    status::Status,
    wire::{self, history_request::Start},
};
use parlour_server::{
    hub::{Settings, output::Output},
    store::{EventLog as _, LogError, QueryResult, Retention, SearchResults},
};

use crate::{
    common::world::{Conn, World},
    world,
};

/// A room with this many messages, a reader, and the id of its log.
fn room(messages: u8) -> (World, Conn, Vec<u8>) {
    let mut w = world();
    let tom = w.rich("tom");
    for id in 1..=messages {
        w.advance(1_000);
        w.send_message(tom, id, &format!("m{id}"));
    }
    let log = w.received(tom).welcome().unwrap().log.clone();
    (w, tom, log)
}

fn contents(from: u8, to: u8) -> Vec<String> {
    (from..=to).map(|n| format!("m{n}")).collect()
}

#[test]
fn returning_client_is_sent_what_it_missed() {
    let (mut w, tom, log) = room(5);
    assert_eq!(log.len(), 16);
    let lili = w.returning("lili", &[], &log, Some(3));
    let welcome = w.received(lili).welcome().unwrap();
    assert_eq!((welcome.positions[0].seq, &welcome.log), (5, &log));
    assert_eq!(w.received(lili).history(), [(3, 5, contents(4, 5))]);
    assert_eq!(w.received(lili).pages()[0].request, 0);
    w.send_message(tom, 6, "m6");
    assert_eq!(w.received(lili).messages(), [("tom", "m6")], "later messages are delivered once");
    let up_to_date = w.returning("zoe", &[], &log, Some(6));
    assert_eq!(w.received(up_to_date).history(), []);
    // A client without the history capability is sent no pages.
    let old = w.rich("old");
    assert_eq!(w.received(old).history(), []);
}

#[test]
fn position_in_another_log_is_ignored() {
    let (mut w, _, log) = room(5);
    for (n, (log, position)) in
        [(&[9; 16][..], Some(3)), (&[], Some(3)), (&log, None)].into_iter().enumerate()
    {
        let lili = w.returning(&format!("lili-{n}-"), &[], log, position);
        assert_eq!(w.received(lili).history(), [(0, 5, contents(1, 5))]);
    }
}

fn position(seq: u64, id: &[u8]) -> Option<wire::RoomPosition> {
    Some(wire::RoomPosition { seq, id: id.to_vec(), ..wire::RoomPosition::default() })
}

/// The answer to a login: whether the position was reset, and the pages.
fn answer(w: &World, conn: Conn) -> (bool, Vec<(u64, u64, usize)>) {
    let welcome = w.received(conn).welcome().unwrap();
    let pages = w.received(conn).history().into_iter().map(|(from, to, words)| (from, to, words.len()));
    (welcome.positions[0].reset, pages.collect())
}

#[test]
fn position_of_a_lost_log_is_reset() {
    let (mut w, _, log) = room(5);
    let cases = [
        // The right message, or a client that does not know its id.
        (position(3, &[3; 16]), (false, vec![(3, 5, 2)])),
        (position(5, &[5; 16]), (false, vec![])),
        (position(3, &[]), (false, vec![(3, 5, 2)])),
        (None, (false, vec![(0, 5, 5)])),
        // Another message, or none yet.
        (position(3, &[4; 16]), (true, vec![(0, 5, 5)])),
        (position(5, &[9; 16]), (true, vec![(0, 5, 5)])),
        (position(6, &[6; 16]), (true, vec![(0, 5, 5)])),
        (position(6, &[]), (true, vec![(0, 5, 5)])),
        (position(u64::MAX, &[6; 16]), (true, vec![(0, 5, 5)])),
    ];
    for (n, (at, expected)) in cases.into_iter().enumerate() {
        let lili = w.returning_at(&format!("lili-{n}-"), &[], &log, at.clone());
        assert_eq!(answer(&w, lili), expected, "{at:?}");
    }
    // A client of another log knows it by the id of the log.
    let lili = w.returning_at("lili", &[], &[9; 16], position(6, &[6; 16]));
    assert_eq!(answer(&w, lili), (false, vec![(0, 5, 5)]));
}

/// A room with 700 messages, of which the cache has the last 512.
fn large_room() -> (World, Vec<u8>) {
    let (mut w, tom, log) = room(0);
    for n in 1..=700_u32 {
        w.advance(1_000);
        w.send(tom, &codec::message("", Some(long_id(n)), "x"));
        w.clear(tom);
    }
    (w, log)
}

fn long_id(n: u32) -> MessageId {
    MessageId::new(n.into(), [7; 10])
}

#[test]
fn position_before_the_cache_is_compared_with_the_log() {
    let (mut w, log) = large_room();
    let newest = vec![(600, 700, 100)];
    let same = w.returning_at("same", &[], &log, position(10, &long_id(10).0));
    assert_eq!(answer(&w, same), (false, newest.clone()));
    let other = w.returning_at("other", &[], &log, position(10, &long_id(11).0));
    assert_eq!(answer(&w, other), (true, newest.clone()));
    // Retention has deleted the message.
    let few = Retention { messages: Some(650), ..Retention::default() };
    while w.log.apply_retention(&few, 0).unwrap() {}
    let deleted = w.returning_at("deleted", &[], &log, position(10, &[1; 16]));
    assert_eq!(answer(&w, deleted), (false, newest));
    // Without an answer of the log nobody can say; the client tries again.
    w.failing_reads = Some(LogError::Failed("test".into()));
    let unknown = w.returning_at("unknown", &[], &log, position(60, &long_id(60).0));
    assert_eq!(w.received(unknown).closed, Some(Status::LogUnavailable));
    assert_eq!(w.hub.members(), 4);
}

#[test]
fn login_that_waits_for_the_log_ends_with_its_connection() {
    let (mut w, log) = large_room();
    w.hold_requests = true;
    let at = position(10, &long_id(10).0);
    let gone = w.returning_at("gone", &[], &log, at.clone());
    let hasty = w.returning_at("hasty", &[], &log, at.clone());
    let patient = w.returning_at("patient", &[], &log, at);
    assert_eq!((queries(&w).len(), w.hub.members()), (3, 1));
    w.disconnect(gone);
    w.send(hasty, &codec::message("", Some(long_id(9_000)), "before the welcome"));
    assert_eq!(w.received(hasty).closed, Some(Status::NotLoggedIn));
    assert_eq!(queries(&w).len(), 1);
    w.release();
    assert!(w.received(patient).welcome().is_some() && w.received(gone).frames.is_empty());
    assert_eq!(w.hub.members(), 2);
}

#[test]
fn missed_messages_survive_a_server_kill() {
    let (mut w, _, log) = room(5);
    w.restart();
    let lili = w.returning("lili", &[], &log, Some(2));
    assert_eq!(w.received(lili).history(), [(2, 5, contents(3, 5))]);
    assert_eq!(w.received(lili).welcome().unwrap().positions[0].seq, 5);
}

#[test]
fn history_is_sent_by_pages() {
    let (mut w, tom, _) = room(9);
    let ask = |start, count, request| {
        Extension::HistoryRequest(wire::HistoryRequest { start: Some(start), count, request })
    };
    let at = w.unix() - 2_000;
    w.extension(tom, ask(Start::Before(8), 3, 1));
    w.extension(tom, ask(Start::After(3), 2, 2));
    w.extension(tom, ask(Start::At(at), 4, 3));
    w.extension(tom, ask(Start::Before(4), 100, 4));
    let pages = w
        .received(tom)
        .pages()
        .iter()
        .map(|p| (p.request, p.reached_start, p.reached_end))
        .collect::<Vec<_>>();
    assert_eq!(pages, [(1, false, false), (2, false, false), (3, false, false), (4, true, false)]);
    let held: Vec<_> =
        w.received(tom).history().into_iter().map(|(from, to, words)| (from, to, words.len())).collect();
    assert_eq!(held, [(4, 7, 3), (3, 5, 2), (4, 8, 4), (0, 3, 3)]);
}

#[test]
fn search_finds_words() {
    let (mut w, tom, _) = room(0);
    w.send_message(tom, 1, "the quick brown fox");
    w.send_message(tom, 2, "你好，世界");
    w.send_message(tom, 3, "quickly now");
    let find = |query: &str| {
        Extension::SearchRequest(wire::SearchRequest { query: query.into(), before: 0, count: 9, request: 7 })
    };
    for query in ["quick", "世界", "absent"] {
        w.extension(tom, find(query));
    }
    let found: Vec<_> = w.received(tom).history().into_iter().map(|(_, _, words)| words).collect();
    assert_eq!(found, [vec!["the quick brown fox", "quickly now"], vec!["你好，世界"], vec![]]);
    w.extension(tom, find(&"x".repeat(2_000)));
    assert_eq!(w.received(tom).refusals()[0].request, 7);
}

#[test]
fn search_for_nothing_is_refused() {
    let (mut w, tom, _) = room(1);
    for (n, query) in (1..).zip(["???", "", "\"\""]) {
        w.extension(tom, search(query, n));
        let refusal = *w.received(tom).refusals().last().unwrap();
        assert_eq!((refusal.code, refusal.request), (Status::SearchEmpty.code().into(), n), "{query:?}");
    }
    assert!(w.received(tom).pages().is_empty());
}

#[test]
fn queries_are_limited() {
    let (mut w, tom, _) = room(1);
    w.hold_requests = true;
    let ask = wire::HistoryRequest { start: Some(Start::Before(9)), count: 1, request: 5 };
    for _ in 0..6 {
        w.extension(tom, Extension::HistoryRequest(ask));
    }
    let refused =
        w.received(tom).refusals().iter().map(|r| (r.code, r.request, r.id.len())).collect::<Vec<_>>();
    let code = u32::from(Status::RateLimited.code());
    assert_eq!(refused, [(code, 5, 0); 2], "four at once");
    w.release();
    assert_eq!(w.received(tom).pages().len(), 4);
    let lili = w.rich("lili");
    for _ in 0..31 {
        w.extension(lili, Extension::HistoryRequest(ask));
    }
    assert_eq!((w.received(lili).pages().len(), w.received(lili).codes()), (30, vec![code]));
    // The result for a disconnected client is dropped.
    w.hold_requests = true;
    w.advance(60_000);
    w.extension(lili, Extension::HistoryRequest(ask));
    w.disconnect(lili);
    w.release();
}

fn search(query: &str, request: u32) -> Extension {
    Extension::SearchRequest(wire::SearchRequest { query: query.into(), before: 0, count: 9, request })
}

/// The queries to the log that are held back: their tokens and the accounts that request them.
fn queries(w: &World) -> Vec<(u64, Option<UserId>)> {
    let read = |output: &Output| match output {
        Output::Read { token, query } => Some((*token, query.requester.account)),
        _ => None,
    };
    w.held_requests.iter().filter_map(read).collect()
}

#[test]
fn queries_of_a_closed_connection_are_cancelled() {
    let (mut w, tom, _) = room(1);
    let secret = w.received(tom).welcome().unwrap().secret.clone();
    let lili = w.rich("Lili");
    let [of_tom, of_lili] = ["tom", "lili"].map(|nick| w.holder(nick));
    w.hold_requests = true;
    let ask = wire::HistoryRequest { start: Some(Start::Before(9)), count: 1, request: 5 };
    w.extension(tom, search("m", 1));
    w.extension(tom, Extension::HistoryRequest(ask));
    w.extension(lili, search("m", 2));
    let requesters = |w: &World| queries(w).into_iter().map(|(_, requester)| requester).collect::<Vec<_>>();
    assert_eq!(requesters(&w), [of_tom, of_tom, of_lili]);
    w.disconnect(tom);
    assert_eq!(requesters(&w), [of_lili]);
    // The same when the session is resumed on another connection, where it may ask again.
    let again = w.connect();
    w.login(again, "tom", &secret, &[]);
    (1..=4).for_each(|n| w.extension(again, search("m", n)));
    assert_eq!(requesters(&w), [of_lili, of_tom, of_tom, of_tom, of_tom]);
    let third = w.connect();
    w.login(third, "tom", &secret, &[]);
    assert_eq!(requesters(&w), [of_lili]);
    w.extension(third, search("m", 9));
    w.release();
    assert_eq!((w.received(third).pages().len(), w.received(lili).pages().len()), (1, 1));
    assert!(w.received(again).pages().is_empty());
}

#[test]
fn open_searches_are_bounded_and_leave_pages_alone() {
    let (mut w, tom, _) = room(1);
    let login = |w: &mut World, address: u8, n: u32| {
        let conn = w.connect_from([10, 0, 0, address]);
        w.login(conn, &format!("guest-{address}-{n}-"), &[], &[]);
        ((address, n), conn)
    };
    let guests: BTreeMap<_, _> = (1..=9)
        .flat_map(|address| (0..9).map(move |n| (address, n)))
        .map(|(address, n)| login(&mut w, address, n))
        .collect();
    w.hold_requests = true;
    let rate_limited = u32::from(Status::RateLimited.code());
    let guest = |w: &mut World, address: u8, n: u32| {
        let conn = guests[&(address, n)];
        (1..=4).for_each(|n| w.extension(conn, search("m", n)));
        w.received(conn).codes().len()
    };
    // Of one address.
    let refused: Vec<_> = (0..9).map(|n| guest(&mut w, 1, n)).collect();
    assert_eq!(refused, [0, 0, 0, 0, 0, 0, 0, 0, 4]);
    w.extension(tom, search("m", 9));
    assert_eq!(w.received(tom).codes(), [rate_limited]);
    // In total. Each address leaves half of the rest.
    for (address, left) in (2..).zip([64, 32, 16, 8, 4, 2, 1, 0]) {
        for n in 0..8 {
            guest(&mut w, address, n);
        }
        assert_eq!(queries(&w).len(), 128 - left, "address {address}");
    }
    let open = 128;
    let ask = wire::HistoryRequest { start: Some(Start::Before(9)), count: 1, request: 5 };
    w.extension(tom, Extension::HistoryRequest(ask));
    assert_eq!(queries(&w).len(), open + 1);
    w.release();
    assert_eq!(w.received(tom).pages().len(), 1);
}

#[test]
fn open_pages_leave_room_for_other_addresses() {
    let (mut w, tom, log) = room(1);
    // So many that the cache begins after the first message.
    for id in 2..=30 {
        w.advance(1_000);
        w.send_message(tom, id, &"x".repeat(15_000));
    }
    let guests: BTreeMap<_, _> = [1, 3, 5]
        .into_iter()
        .flat_map(|address| (0..150).map(move |n| (address, n)))
        .map(|(address, n)| {
            let conn = w.connect_from([10, 0, 1, address]);
            w.login(conn, &format!("guest-{address}-{n}-"), &[], &[]);
            ((address, n), conn)
        })
        .collect();
    w.hold_requests = true;
    let ask = wire::HistoryRequest { start: Some(Start::Before(9)), count: 1, request: 5 };
    let flood = |w: &mut World, address: u8, how: &str| {
        for n in 0..150 {
            if how == "pages" {
                let conn = guests[&(address, n)];
                (0..4).for_each(|_| w.handle(conn, &codec::extension(Extension::HistoryRequest(ask))));
                continue;
            }
            let conn = w.connect_from([10, 0, 1, address]);
            // A position that is older than the cache, which is compared with the log.
            let position = wire::RoomPosition { seq: 1, id: vec![9; 16], ..Default::default() };
            let positions = vec![position];
            let login = wire::Login { version: 1, log: log.clone(), positions, ..Default::default() };
            w.handle(conn, &codec::login(&format!("guest-{address}-{n}-"), login));
        }
        w.settle();
    };
    for address in 1..=6 {
        flood(&mut w, address, if address % 2 == 0 { "logins" } else { "pages" });
    }
    let open = queries(&w).len();
    assert!((900..=1_024).contains(&open), "{open}");
    w.extension(tom, Extension::HistoryRequest(ask));
    assert_eq!((queries(&w).len(), w.received(tom).codes()), (open + 1, vec![]));
    w.release();
    assert_eq!(w.received(tom).pages().len(), 1);
}

#[test]
fn partial_search_results_are_marked() {
    let (mut w, tom, _) = room(3);
    w.hold_requests = true;
    w.extension(tom, search("m", 7));
    let (token, _) = queries(&w)[0];
    let found = SearchResults { partial: Some(41), ..SearchResults::default() };
    w.hub.handle_read(w.now, token, Ok(QueryResult::Search(found)));
    w.settle();
    let page = w.received(tom).pages()[0];
    assert_eq!((page.request, page.partial, page.from, page.reached_start), (7, true, 41, false));
}

#[test]
fn logins_are_rate_limited() {
    let mut w = World::new(Settings { logins_per_second: 100, login_burst: 10, ..Settings::default() });
    let crowd: Vec<_> = (0..40).map(|n| (n, w.returning(&format!("guest-{n}-"), &[], &[], None))).collect();
    assert_eq!(w.hub.members(), 10);
    let mut waits: Vec<_> = crowd
        .iter()
        .filter_map(|(n, conn)| {
            let refusal = *w.received(*conn).refusals().first()?;
            assert_eq!(w.received(*conn).closed, Some(Status::Busy));
            Some((u64::from(refusal.retry_after_ms), *n))
        })
        .collect();
    waits.sort_unstable();
    assert_eq!((waits.len(), waits[0].0, waits[29].0), (30, 10, 300));
    for (wait, n) in waits {
        w.advance(wait.saturating_sub(w.now));
        w.returning(&format!("guest-{n}-"), &[], &[], None);
    }
    assert_eq!(w.hub.members(), 40, "each was admitted at its time to retry");
}
