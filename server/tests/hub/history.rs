//! What a client has missed, pages of history, and search.

use std::collections::BTreeMap;

use parlour_core::{
    model::UserId,
    status::Status,
    wire::{self, client_command::Operation, page_request::Start},
};
use parlour_server::{
    hub::{Settings, output::Output},
    store::{LogError, RoomResult, SearchResults},
};

use crate::{
    common::{
        received::contents,
        sent::{command, login_of, talk},
        world::{Conn, World},
    },
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

fn texts(from: u8, to: u8) -> Vec<String> {
    (from..=to).map(|n| format!("m{n}")).collect()
}

fn page(start: Start, count: u32) -> Operation {
    Operation::Page(wire::PageRequest { start: Some(start), count })
}

fn search(query: &str) -> Operation {
    Operation::Search(wire::RoomSearch { query: query.into(), before: 0, count: 9 })
}

#[test]
fn returning_client_is_sent_what_it_missed() {
    let (mut w, tom, log) = room(5);
    assert_eq!(log.len(), 16);
    let lili = w.returning("lili", &[], &log, Some(3));
    let welcome = w.received(lili).welcome().unwrap();
    assert_eq!((welcome.window.as_ref().unwrap().seq, &welcome.log), (5, &log));
    assert_eq!(w.received(lili).window(), (false, texts(4, 5)));
    w.send_message(tom, 6, "m6");
    assert_eq!(w.received(lili).messages(), [("tom", "m6")], "later messages are delivered once");
    let up_to_date = w.returning("zoe", &[], &log, Some(6));
    assert_eq!(w.received(up_to_date).window(), (false, vec![]));
}

#[test]
fn position_in_another_log_is_ignored() {
    let (mut w, _, log) = room(5);
    for (n, (log, position)) in
        [(&[9; 16][..], Some(3)), (&[], Some(3)), (&log, None)].into_iter().enumerate()
    {
        let lili = w.returning(&format!("lili-{n}-"), &[], log, position);
        assert_eq!(w.received(lili).window(), (true, texts(1, 5)));
    }
}

fn position(seq: u64, id: &[u8]) -> Option<wire::RoomPosition> {
    Some(wire::RoomPosition { seq, id: id.to_vec(), ..wire::RoomPosition::default() })
}

#[test]
fn position_of_a_lost_log_is_reset() {
    let (mut w, _, log) = room(5);
    let cases = [
        // The right message, or a client that does not know its id.
        (position(3, &[3; 16]), (false, texts(4, 5))),
        (position(5, &[5; 16]), (false, vec![])),
        (position(3, &[]), (false, texts(4, 5))),
        (None, (true, texts(1, 5))),
        // Another message.
        (position(3, &[4; 16]), (true, texts(1, 5))),
        (position(5, &[9; 16]), (true, texts(1, 5))),
    ];
    for (n, (at, expected)) in cases.into_iter().enumerate() {
        let lili = w.returning_at(&format!("lili-{n}-"), &[], &log, at.clone());
        assert_eq!(w.received(lili).window(), expected, "{at:?}");
    }
    // None yet: the server may have been ahead.
    for (n, seq) in [6, u64::MAX].into_iter().enumerate() {
        let lili = w.returning_at(&format!("zoe-{n}-"), &[], &log, position(seq, &[6; 16]));
        assert!(w.received(lili).welcome().unwrap().window.as_ref().unwrap().behind, "{seq}");
    }
    // A client of another log knows it by the id of the log.
    let lili = w.returning_at("lili", &[], &[9; 16], position(6, &[6; 16]));
    assert_eq!(w.received(lili).window(), (true, texts(1, 5)));
}

#[test]
fn login_is_refused_while_the_log_cannot_be_read() {
    let (mut w, tom, log) = room(5);
    let secret = w.received(tom).welcome().unwrap().secret.clone();
    w.disconnect(tom);
    w.failing_reads = Some(LogError::Failed("test".into()));
    let tom = w.returning("tom", &secret, &log, Some(3));
    assert_eq!(w.received(tom).closed, Some(Status::LogUnavailable));
    assert_eq!(w.hub.members(), 0);
    w.failing_reads = None;
    let tom = w.returning("tom", &secret, &log, Some(3));
    assert_eq!(w.received(tom).window(), (false, texts(4, 5)));
}

#[test]
fn login_that_waits_for_the_log_ends_with_its_connection() {
    let (mut w, ..) = room(1);
    let secrets = [[7; 32], [8; 32], [9; 32]];
    let login = |w: &mut World| {
        ["gone", "hasty", "patient"]
            .into_iter()
            .zip(secrets)
            .map(|(nick, secret)| {
                let conn = w.connect();
                w.login(conn, nick, &secret);
                conn
            })
            .collect::<Vec<_>>()
    };
    for conn in login(&mut w) {
        w.disconnect(conn);
    }
    w.hold_requests = true;
    let [gone, hasty, patient] = login(&mut w)[..] else { panic!() };
    assert_eq!(queries(&w).len(), 3);
    w.disconnect(gone);
    w.send(hasty, &talk(9, "before the welcome"));
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
    assert_eq!(w.received(lili).window(), (false, texts(3, 5)));
    assert_eq!(w.received(lili).welcome().unwrap().window.as_ref().unwrap().seq, 5);
}

#[test]
fn history_is_sent_by_pages() {
    let (mut w, tom, _) = room(9);
    let at = w.unix() - 2_000;
    let starts = [(Start::Before(8), 3), (Start::After(3), 2), (Start::At(at), 4), (Start::Before(4), 100)];
    let requests = starts.map(|(start, count)| w.command(tom, page(start, count)));
    let pages = w.received(tom).pages();
    assert_eq!(pages.iter().map(|(request, _)| *request).collect::<Vec<_>>(), requests);
    let held: Vec<_> = pages.iter().map(|(_, page)| (page.from, page.to, contents(page))).collect();
    assert_eq!(held, [(4, 7, texts(5, 7)), (3, 5, texts(4, 5)), (4, 8, texts(5, 8)), (0, 3, texts(1, 3))]);
    assert!(pages.iter().all(|(_, page)| (page.first_ord, page.head_ord) == (1, 9)));
}

#[test]
fn search_finds_words() {
    let (mut w, tom, _) = room(0);
    w.send_message(tom, 1, "the quick brown fox");
    w.send_message(tom, 2, "你好，世界");
    w.send_message(tom, 3, "quickly now");
    for query in ["quick", "世界", "absent"] {
        w.command(tom, search(query));
    }
    let found: Vec<_> = w.received(tom).pages().into_iter().map(|(_, page)| contents(page)).collect();
    assert_eq!(found, [vec!["quickly now", "the quick brown fox"], vec!["你好，世界"], vec![]]);
    let request = w.command(tom, search(&"x".repeat(2_000)));
    assert_eq!(w.received(tom).refused_commands(), [(request, Status::ContentTooLong.code().into())]);
}

#[test]
fn search_for_nothing_is_refused() {
    let (mut w, tom, _) = room(1);
    for query in ["???", "", "\"\""] {
        let request = w.command(tom, search(query));
        let refused = w.received(tom).refused_commands().last().copied();
        assert_eq!(refused, Some((request, Status::SearchEmpty.code().into())), "{query:?}");
    }
    assert!(w.received(tom).pages().is_empty());
}

#[test]
fn queries_are_limited() {
    let (mut w, tom, _) = room(1);
    let code = u32::from(Status::RateLimited.code());
    w.hold_requests = true;
    let requests: Vec<_> = (0..10).map(|_| w.command(tom, page(Start::Before(9), 1))).collect();
    assert_eq!(
        w.received(tom).refused_commands(),
        [(requests[8], code), (requests[9], code)],
        "eight at once"
    );
    w.release();
    assert_eq!(w.received(tom).pages().len(), 8);
    let lili = w.rich("lili");
    for _ in 0..31 {
        w.command(lili, page(Start::Before(9), 1));
    }
    assert_eq!((w.received(lili).pages().len(), w.received(lili).refused_commands().len()), (30, 1));
    // The result for a disconnected client is dropped.
    w.hold_requests = true;
    w.advance(60_000);
    w.command(lili, page(Start::Before(9), 1));
    w.disconnect(lili);
    w.release();
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
    let again = w.connect();
    w.login(again, "tom", &secret);
    let [of_tom, of_lili] = ["tom", "lili"].map(|nick| w.holder(nick));
    w.hold_requests = true;
    w.command(tom, search("m"));
    w.command(tom, page(Start::Before(9), 1));
    w.command(lili, search("m"));
    let requesters = |w: &World| queries(w).into_iter().map(|(_, requester)| requester).collect::<Vec<_>>();
    assert_eq!(requesters(&w), [of_tom, of_tom, of_lili]);
    // Those of another connection of the session stay.
    for _ in 1..=4 {
        w.command(again, search("m"));
    }
    w.disconnect(tom);
    assert_eq!(requesters(&w), [of_lili, of_tom, of_tom, of_tom, of_tom]);
    w.disconnect(again);
    assert_eq!(requesters(&w), [of_lili]);
    w.release();
    assert_eq!(w.received(lili).pages().len(), 1);
    assert!(w.received(tom).pages().is_empty() && w.received(again).pages().is_empty());
}

#[test]
fn open_searches_are_bounded_and_leave_pages_alone() {
    let (mut w, tom, _) = room(1);
    let login = |w: &mut World, address: u8, n: u32| {
        let conn = w.connect_from([10, 0, 0, address]);
        w.login(conn, &format!("guest-{address}-{n}-"), &[]);
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
        for _ in 1..=4 {
            w.command(conn, search("m"));
        }
        w.received(conn).refused_commands().len()
    };
    // Of one address.
    let refused: Vec<_> = (0..9).map(|n| guest(&mut w, 1, n)).collect();
    assert_eq!(refused, [0, 0, 0, 0, 0, 0, 0, 0, 4]);
    let request = w.command(tom, search("m"));
    assert_eq!(w.received(tom).refused_commands(), [(request, rate_limited)]);
    // In total. Each address leaves half of the rest.
    for (address, left) in (2..).zip([64, 32, 16, 8, 4, 2, 1, 0]) {
        for n in 0..8 {
            guest(&mut w, address, n);
        }
        assert_eq!(queries(&w).len(), 128 - left, "address {address}");
    }
    let open = 128;
    w.command(tom, page(Start::Before(9), 1));
    assert_eq!(queries(&w).len(), open + 1);
    w.release();
    assert_eq!(w.received(tom).pages().len(), 1);
}

#[test]
fn open_pages_leave_room_for_other_addresses() {
    let (mut w, tom, _) = room(1);
    let log_in = |w: &mut World, address: u8, n: u8| {
        let conn = w.connect_from([10, 0, 1, address]);
        let login = wire::Login { secret: [[address, n]; 16].concat(), ..wire::Login::default() };
        w.handle(conn, &login_of(&format!("guest-{address}-{n}-"), login));
        conn
    };
    let guests: Vec<_> = (1..=6)
        .flat_map(|address| (0..150).map(move |n| (address, n)))
        .map(|(address, n)| log_in(&mut w, address, n))
        .collect();
    w.settle();
    w.hold_requests = true;
    for conn in guests {
        (1..=4).for_each(|request| w.handle(conn, &command(request, page(Start::Before(9), 1))));
        w.settle();
    }
    let open = queries(&w).len();
    assert!((900..=1_024).contains(&open), "{open}");
    w.command(tom, page(Start::Before(9), 1));
    assert_eq!((queries(&w).len(), w.received(tom).refused_commands()), (open + 1, vec![]));
    w.release();
    assert_eq!(w.received(tom).pages().len(), 1);
}

#[test]
fn logins_of_a_crowd_wait_for_their_turn() {
    let (mut w, _, _) = room(1);
    let secret = |n: u16| [n.to_be_bytes(); 16].concat();
    let log_in = |w: &mut World, address: u8, n: u16| {
        let conn = w.connect_from([10, 0, 1, address]);
        w.login(conn, &format!("guest-{n}-"), &secret(n));
        conn
    };
    let addresses = |n| if n == 0 { 2 } else { 1 };
    for conn in (0..300).map(|n| log_in(&mut w, addresses(n), n)).collect::<Vec<_>>() {
        w.disconnect(conn);
    }
    let before = w.hub.table_sizes();
    w.hold_requests = true;
    let crowd: Vec<_> = (1..300).map(|n| log_in(&mut w, 1, n)).collect();
    assert_eq!(queries(&w).len(), 64, "read at once");
    w.disconnect(crowd[100]);
    w.disconnect(crowd[0]);
    assert_eq!(queries(&w).len(), 64, "the next one takes the place of one that left");
    let other = log_in(&mut w, 2, 0);
    // The address with a crowd has at most one turn before.
    let account = w.holder("guest-0-");
    let is_read = |w: &World| queries(w).iter().any(|(_, of)| *of == account);
    assert!(!is_read(&w));
    for _ in 0..2 {
        let is_read = |held: &Output| matches!(held, Output::Read { .. });
        let next = w.held_requests.iter().position(is_read).unwrap();
        (0..=next).for_each(|_| w.release_one());
    }
    assert!(is_read(&w));
    w.release();
    let is_welcome = |conn: &&Conn| w.received(**conn).welcome().is_some();
    assert!(is_welcome(&&other));
    assert_eq!(crowd.iter().filter(is_welcome).count(), 297);
    crowd.into_iter().chain([other]).for_each(|conn| w.disconnect(conn));
    assert_eq!(w.hub.table_sizes().queries, before.queries);
}

#[test]
fn partial_search_results_are_marked() {
    let (mut w, tom, _) = room(3);
    w.hold_requests = true;
    let request = w.command(tom, search("m"));
    let (token, _) = queries(&w)[0];
    let found = SearchResults { partial: Some(41), ..SearchResults::default() };
    w.hub.handle_read(w.now, token, Ok(RoomResult::Search(found)));
    w.settle();
    let (answered, page) = w.received(tom).pages()[0];
    assert_eq!((answered, page.partial, page.from, page.complete), (request, true, 41, false));
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
