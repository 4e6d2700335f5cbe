//! Every table of the hub is emptied by its owner.

use parlour_core::{
    codec,
    limits::{Limits, SEND_QUEUE_MESSAGES},
    model::MessageId,
    wire::{self, client_command::Operation},
};
use parlour_server::{
    hub::{Settings, tables::TableSizes},
    store::LogError,
};

use crate::common::world::{Conn, World};

fn world() -> World {
    let limits = Limits { messages_per_minute: 60, burst: 2, ..Limits::default() };
    World::new(Settings { limits, login_timeout: 1_000, ..Settings::default() })
}

/// Sends a message with a new id.
fn send(w: &mut World, conn: Conn, number: u64) {
    let id = MessageId::new(number, [conn as u8; 10]);
    w.handle(conn, &codec::message("", Some(id), "x"));
}

#[test]
fn ids_that_are_refused_are_not_remembered_without_bound() {
    let mut w = world();
    let tom = w.rich("tom");
    w.advance(60_000);
    let before = w.hub.table_sizes();
    for number in 0..5_000 {
        // Fewer refusals than those for which the connection is closed.
        w.advance(if number % 50 == 0 { 60_000 } else { 0 });
        send(&mut w, tom, number);
        w.settle();
    }
    assert_eq!(w.received(tom).closed, None);
    let after = w.hub.table_sizes();
    assert!((1..=SEND_QUEUE_MESSAGES).contains(&after.awaited_resends), "{after:?}");
    assert_eq!(TableSizes { awaited_resends: 0, ..after }, before, "a refused id belongs to its connection");
}

#[test]
fn all_tables_are_empty_after_all_clients_have_left() {
    let mut w = world();
    let empty = w.hub.table_sizes();
    let mut number = 0;
    for round in 0..40_u32 {
        let mut conns = Vec::new();
        for n in 0..10_u32 {
            let address = std::net::Ipv4Addr::from_bits(0x0A00_0000 + n * 7 + round);
            let conn = w.connect_from(address);
            let nick = format!("guest-{round}-{n}-");
            match n % 5 {
                0 => w.send(conn, &codec::message(&nick, None, "hello")),
                1 => {}
                _ => w.login(conn, &nick, &[]),
            }
            conns.push((conn, nick));
        }
        // A log that is slow, and sometimes fails; refused messages; queries; clients that do not read.
        w.hold_requests = round % 2 == 0;
        w.failing = (round % 5 == 0).then(|| LogError::Full("here".into()));
        w.append_before_failing = round % 10 == 0;
        for (conn, _) in &conns {
            for _ in 0..20 {
                number += 1;
                send(&mut w, *conn, number);
            }
            let page = wire::PageRequest { count: 1, ..wire::PageRequest::default() };
            w.command(*conn, Operation::Page(page));
            w.command(*conn, Operation::ListMembers(wire::ListMembers::default()));
        }
        if round % 3 == 0 {
            let _ = w.overflow(conns[2].0);
        }
        w.advance(u64::from(round) * 20);
        for (nth, (conn, nick)) in conns.iter().enumerate() {
            match (nth + round as usize) % 3 {
                0 => w.send(*conn, &codec::exit(nick)),
                1 => w.disconnect(*conn),
                // Taken over, and then lost.
                _ => {
                    let secret = w.received(*conn).welcome().map(|welcome| welcome.secret.clone());
                    let again = w.connect();
                    w.login(again, nick, &secret.unwrap_or_default());
                    send(&mut w, again, number + 1_000_000);
                    w.disconnect(again);
                }
            }
            w.disconnect(*conn);
        }
        w.release();
        w.failing = None;
        w.advance(4_000);
    }
    let sizes = w.hub.table_sizes();
    assert_eq!(
        (sizes.connections, sizes.lobby, sizes.append_queue, sizes.queries),
        (0, 0, 0, 0),
        "{sizes:?}"
    );
    // The grace of the sessions is over.
    w.advance(24 * 3_600_000);
    w.settle();
    assert_eq!(w.hub.table_sizes(), empty);
}

#[test]
fn changes_that_nobody_requests_are_not_collected() {
    let mut w = world();
    // A rich client makes the hub encode the member list; then only basic clients come and go.
    let tom = w.rich("tom");
    w.advance(1_000);
    let before = w.hub.table_sizes();
    for n in 0..2_000 {
        let conn = w.connect_from(std::net::Ipv4Addr::from_bits(0x0A00_0000 + n));
        w.send(conn, &codec::message(&format!("guest-{n}-"), None, ""));
        assert_eq!(w.received(conn).closed, None);
        w.disconnect(conn);
    }
    w.advance(10_000);
    let after = w.hub.table_sizes();
    assert!(after.lobby <= before.lobby, "{before:?} {after:?}");
    assert_eq!(w.received(tom).closed, None);
}
