//! Rate limits belong to the sender: they outlive its connection.

use parlour_core::{
    codec::{self, Extension},
    limits::Limits,
    model::MessageId,
    status::Status,
    wire::{self, client_command::Operation},
};
use parlour_server::hub::{ADDRESS_FACTOR, Settings};

use crate::common::world::{Conn, World};

const BURST: usize = 5;

/// Ten seconds refill a burst.
fn limited() -> World {
    let limits = Limits { messages_per_minute: 30, burst: BURST as u32, ..Limits::default() };
    World::new(Settings { limits, ..Settings::default() })
}

/// Sends messages until one is refused. Returns how many were published.
fn burst(w: &mut World, conn: Conn, witness: Conn) -> usize {
    let before = w.received(witness).messages().len();
    for n in 0..100 {
        let mut random = [0; 10];
        random[..4].copy_from_slice(&conn.to_be_bytes());
        let id = MessageId::new(w.now * 1000 + n, random);
        let refusals = w.received(conn).refusals().len();
        w.send(conn, &codec::message("", Some(id), "x"));
        if w.received(conn).refusals().len() > refusals {
            break;
        }
    }
    w.received(witness).messages().len() - before
}

/// A request for the newest messages.
fn page() -> Operation {
    Operation::Page(wire::PageRequest { count: 100, ..wire::PageRequest::default() })
}

fn witness(w: &mut World) -> Conn {
    let witness = w.connect_from([10, 9, 9, 9]);
    w.login(witness, "witness", &[]);
    witness
}

fn resume(w: &mut World, nick: &str, secret: &[u8], address: [u8; 4]) -> Conn {
    let conn = w.connect_from(address);
    w.login(conn, nick, secret);
    assert!(w.received(conn).welcome().is_some(), "{nick}: {:?}", w.received(conn));
    conn
}

#[test]
fn dropped_connection_gives_no_new_burst() {
    let mut w = limited();
    let witness = witness(&mut w);
    let mut published = 0;
    for n in 0..50 {
        // Also from another address.
        let tom = resume(&mut w, "tom", &[7; 32], [10, 0, 0, n % 3]);
        published += burst(&mut w, tom, witness);
        w.disconnect(tom);
    }
    assert_eq!(published, BURST);
    w.advance(4_000);
    let tom = resume(&mut w, "tom", &[7; 32], [10, 0, 0, 1]);
    assert_eq!(burst(&mut w, tom, witness), 2, "30 a minute");
    w.disconnect(tom);
    w.advance(20_000);
    let tom = resume(&mut w, "tom", &[7; 32], [10, 0, 0, 1]);
    assert_eq!(burst(&mut w, tom, witness), BURST);
}

#[test]
fn leaving_and_logging_in_again_gives_no_new_burst() {
    for how in ["the same nick", "other nicks", "dropped under other nicks", "basic"] {
        let mut w = limited();
        let witness = witness(&mut w);
        let mut published = 0;
        for n in 0..50 {
            let nick = if how == "the same nick" { "tom".to_owned() } else { format!("tom-{n}-") };
            let tom = if how == "basic" { w.basic(&nick) } else { w.rich(&nick) };
            published += burst(&mut w, tom, witness);
            match how {
                "dropped under other nicks" => w.disconnect(tom),
                _ => w.send(tom, &codec::exit(&nick)),
            }
        }
        assert_eq!(published, BURST, "{how}");
    }
}

#[test]
fn rotating_sessions_share_what_their_connections_had() {
    let mut w = limited();
    let witness = witness(&mut w);
    let conns: Vec<_> = (0..3).map(|n| resume(&mut w, &format!("s-{n}-"), &[n; 32], [10, 0, 0, 1])).collect();
    let all: usize = conns.iter().map(|conn| burst(&mut w, *conn, witness)).sum();
    assert_eq!(all, 3 * BURST, "three connections at the same time");
    conns.into_iter().for_each(|conn| w.disconnect(conn));
    for n in (0..3).chain(0..20) {
        let conn = resume(&mut w, &format!("s-{n}-"), &[n; 32], [10, 0, 0, 1]);
        assert_eq!(burst(&mut w, conn, witness), 0, "{n}");
        w.disconnect(conn);
    }
}

#[test]
fn others_at_the_address_have_their_own_limits() {
    let mut w = limited();
    let witness = witness(&mut w);
    let tom = w.rich("tom");
    assert_eq!(burst(&mut w, tom, witness), BURST);
    let lili = w.rich("lili");
    assert_eq!(burst(&mut w, lili, witness), BURST, "at the same address, while tom is connected");
    w.disconnect(tom);
    w.disconnect(lili);
    let eve = w.connect_from([10, 0, 0, 2]);
    w.login(eve, "eve", &[]);
    assert_eq!(burst(&mut w, eve, witness), BURST, "at another address");
}

#[test]
fn limits_of_requests_outlive_the_connection_too() {
    let mut w = limited();
    let ping = || Extension::Ping(wire::Ping { nonce: 1 });
    let tom = resume(&mut w, "tom", &[7; 32], [10, 0, 0, 1]);
    for _ in 0..40 {
        w.extension(tom, ping());
    }
    w.extension(tom, ping());
    assert_eq!(w.received(tom).codes(), [4502]);
    w.disconnect(tom);
    let tom = resume(&mut w, "tom", &[7; 32], [10, 0, 0, 1]);
    w.extension(tom, ping());
    assert_eq!(w.received(tom).codes(), [4502]);
    w.send(tom, &codec::exit("tom"));
    assert_eq!(w.received(tom).closed, Some(Status::Normal), "leaving is always possible");
    // Pages of history: 30, while the requests as such recover.
    let mut pages = 0;
    for n in 0..40 {
        w.advance(50);
        let conn = w.rich(&format!("tom-{n}-"));
        w.command(conn, page());
        pages += w.received(conn).pages().len();
        w.send(conn, &codec::exit(""));
    }
    assert!((30..40).contains(&pages), "{pages}");
}

#[test]
fn violations_are_remembered_after_the_connection_was_closed() {
    let mut w = limited();
    let witness = witness(&mut w);
    let flood = |w: &mut World, conn: Conn| {
        let mut refused = 0;
        while w.received(conn).closed.is_none() {
            w.send_message(conn, (refused % 200) as u8, "flood");
            refused += 1;
            assert!(refused < 1_000);
        }
        assert_eq!(w.received(conn).closed, Some(Status::RateLimited));
        w.received(conn).refusals().len()
    };
    let tom = w.rich("tom");
    assert!(flood(&mut w, tom) > 90);
    for n in 0..5 {
        let again = w.rich(&format!("tom-{n}-"));
        assert!(flood(&mut w, again) <= 1, "closed at the first refusal");
    }
    assert!(w.received(witness).messages().len() <= 2 * BURST);
}

#[test]
fn members_at_one_address_share_a_limit() {
    const MEMBERS: usize = ADDRESS_FACTOR as usize;
    let mut w = limited();
    let witness = witness(&mut w);
    for n in 0..2 * MEMBERS {
        let tom = w.rich(&format!("tom-{n}-"));
        burst(&mut w, tom, witness);
        assert_eq!(w.received(tom).accepted().len(), if n < MEMBERS { BURST } else { 0 }, "member {n}");
        if n == 2 * MEMBERS - 1 {
            assert!(w.received(tom).refusals()[0].retry_after_ms >= 1_000);
        }
    }
    // Nor in the other dialect.
    let ada = w.basic("ada");
    burst(&mut w, ada, witness);
    let lili = w.connect_from([10, 0, 0, 2]);
    w.login(lili, "lili", &[]);
    burst(&mut w, lili, witness);
    w.advance(10);
    assert_eq!(w.received(witness).messages().len(), (MEMBERS + 1) * BURST, "those and another address");
    // 600 a minute.
    w.advance(1_000);
    let eve = w.connect();
    w.login(eve, "eve", &[]);
    burst(&mut w, eve, witness);
    assert_eq!(w.received(eve).accepted().len(), BURST);
}

#[test]
fn queries_of_members_at_one_address_share_a_limit() {
    let mut w = limited();
    let mut pages = 0;
    for n in 0..2 * ADDRESS_FACTOR {
        let conn = w.rich(&format!("tom-{n}-"));
        for _ in 1..=30 {
            w.command(conn, page());
        }
        pages += w.received(conn).pages().len();
    }
    assert_eq!(pages, ADDRESS_FACTOR as usize * 30);
    let lili = w.connect_from([10, 0, 0, 2]);
    w.login(lili, "lili", &[]);
    w.command(lili, page());
    assert_eq!(w.received(lili).pages().len(), 1, "another address");
}

#[test]
fn class_at_one_address_is_not_limited() {
    let mut w = World::new(Settings::default());
    let mut members = Vec::new();
    for n in 0..200 {
        members.push(w.rich(&format!("tom-{n}-")));
        // The share of logins of one address is a limit of its own.
        w.advance(100);
    }
    // All greet at once, and read what was written before; then each writes every four seconds.
    for round in 0..20 {
        for (n, conn) in (0..).zip(&members) {
            let id = MessageId::new(w.now, [n; 10]);
            w.send(*conn, &codec::message("", Some(id), "hello"));
            if round == 0 {
                for _ in 1..=3 {
                    w.command(*conn, page());
                }
            }
        }
        w.advance(4_000);
    }
    for conn in members {
        let received = w.received(conn);
        assert_eq!((received.codes(), received.accepted().len(), received.pages().len()), (vec![], 20, 3));
    }
}
