//! The nick of a lost session stays reserved, whatever others do.

use parlour_core::{codec, limits::Limits, status::Status};
use parlour_server::{hub::Settings, store::EventLog as _};

use crate::{
    common::world::{Conn, World},
    world,
};

fn login(w: &mut World, nick: &str, secret: &[u8]) -> Conn {
    let conn = w.connect();
    w.login(conn, nick, secret);
    conn
}

fn limited(room_members: usize) -> World {
    World::new(Settings { limits: Limits { room_members, ..Limits::default() }, ..Settings::default() })
}

#[test]
fn session_that_finds_a_full_room_keeps_its_nick() {
    let mut w = limited(2);
    let tom = login(&mut w, "tom", &[7; 32]);
    let lili = w.rich("lili");
    w.disconnect(tom);
    let ada = w.rich("ada");
    // Every attempt of tom is refused, and none of them ends the reservation or extends it.
    for waited in [0, 1_000, 30_000, 58_998] {
        w.advance(waited - w.now.min(waited));
        let tom = login(&mut w, "Tom", &[7; 32]);
        assert_eq!((w.received(tom).codes(), w.received(tom).closed), (vec![4504], Some(Status::ServerFull)));
        let other = login(&mut w, "tom", &[8; 32]);
        assert_eq!(w.received(other).closed, Some(Status::NickTaken), "after {waited} ms");
        let look_alike = login(&mut w, "tоm", &[9; 32]);
        assert_eq!(w.received(look_alike).closed, Some(Status::NickConfusable));
    }
    w.send(ada, &codec::exit("ada"));
    let tom = login(&mut w, "tom", &[7; 32]);
    assert!(w.received(tom).welcome().unwrap().resumed, "a seat is free again");
    w.disconnect(tom);
    let ada = w.rich("ada");
    w.advance(60_000);
    w.disconnect(ada);
    let other = login(&mut w, "tom", &[8; 32]);
    assert!(w.received(other).welcome().is_some(), "the grace is over");
    assert_eq!(w.received(lili).closed, None);
}

#[test]
fn nick_is_reserved_for_the_session_that_was_lost_last() {
    let mut w = world();
    let first = login(&mut w, "tom", &[1; 32]);
    w.disconnect(first);
    w.advance(60_000);
    let second = login(&mut w, "tom", &[2; 32]);
    assert!(w.received(second).welcome().is_some());
    w.disconnect(second);
    let first = login(&mut w, "tom", &[1; 32]);
    assert_eq!(w.received(first).closed, Some(Status::NickTaken), "it is reserved for the second");
    w.advance(59_999);
    let second = login(&mut w, "tom", &[2; 32]);
    assert!(w.received(second).welcome().unwrap().resumed);
}

#[test]
fn flood_of_lost_sessions_displaces_none_of_another_address() {
    let mut w = World::new(Settings {
        max_lost_sessions: 200,
        max_lost_sessions_per_address: 40,
        ..Settings::default()
    });
    let tom = w.connect_from([10, 0, 0, 7]);
    w.login(tom, "tom", &[7; 32]);
    w.disconnect(tom);
    // One address, then as many addresses as would fill the table; none of these sessions sends anything.
    for n in 0..1_500_u32 {
        let address = if n < 500 { 1 } else { n % 50 };
        let conn = w.connect_from(std::net::Ipv4Addr::from_bits(0x0B00_0000 + address));
        w.login(conn, &format!("flood-{n}-"), &[]);
        w.disconnect(conn);
        if n == 499 {
            let tom = login(&mut w, "tom", &[7; 32]);
            assert!(w.received(tom).welcome().unwrap().resumed, "one address");
            w.send_message(tom, 1, "not silent");
            w.disconnect(tom);
        }
    }
    let tom = login(&mut w, "tom", &[7; 32]);
    assert!(w.received(tom).welcome().unwrap().resumed, "many addresses");
    let sizes = w.hub.table_sizes();
    assert!(sizes.sessions <= 3 * 200 + 100, "{sizes:?}");
    assert!(
        sizes.reserved <= 2 * 200 && sizes.nicks <= 3 * 202,
        "with a session its reservation ends: {sizes:?}"
    );
    let again = login(&mut w, "flood-0-", &[]);
    assert!(w.received(again).welcome().is_some());
}

/// The nicks of the sessions in the log.
fn stored(w: &World) -> Vec<String> {
    let sessions = w.log.reader().unwrap().sessions().unwrap();
    let mut nicks: Vec<_> = sessions.into_iter().map(|session| session.account.nick).collect();
    nicks.sort();
    nicks
}

const DAY_MS: u64 = 24 * 3_600_000;

#[test]
fn sessions_that_expire_while_the_server_is_off_are_deleted() {
    let mut w = world();
    for (n, nick) in (1..).zip(["tom", "lili"]) {
        let conn = login(&mut w, nick, &[n; 32]);
        w.disconnect(conn);
    }
    assert_eq!(stored(&w), ["lili", "tom"]);
    w.now += DAY_MS;
    w.restart();
    w.settle();
    assert_eq!(stored(&w), [""; 0]);
}

#[test]
fn sessions_of_a_killed_server_expire_although_it_is_restarted() {
    let mut w = world();
    login(&mut w, "tom", &[7; 32]);
    for hours in [0, 10, 10, 5] {
        w.now += hours * 3_600_000;
        w.restart();
        w.settle();
    }
    assert_eq!(stored(&w), [""; 0], "it was lost at the first restart");
    let tom = login(&mut w, "tom", &[7; 32]);
    assert!(!w.received(tom).welcome().unwrap().resumed);
}
