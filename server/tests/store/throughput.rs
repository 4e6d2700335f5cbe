//! The speed of appending. A measurement, not a test: `cargo test --release --test store throughput -- --ignored --nocapture`.

use std::time::Instant;

use parlour_core::model::{RoomId, UserId};
use parlour_server::store::{
    Change, EventLog as _, Proposal,
    sqlite::{Options, Synchronous},
};

use crate::world::{FAST, NOW, World, new, propose};

/// The accounts that send in turn.
const SENDERS: u32 = 200;

fn sender(n: u32) -> UserId {
    UserId([
        100 + u8::try_from(n % SENDERS % 150).unwrap(),
        (n % SENDERS / 150) as u8,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
    ])
}

fn message(n: u32) -> Proposal {
    let content = "a message with a hundred bytes of text, as in the other measurements, of which this is nearly the end";
    Proposal {
        time: NOW + i64::from(n),
        ..propose(n, sender(n), Change::Message { room: RoomId::LOBBY, content: content.into() })
    }
}

#[test]
#[ignore = "a measurement"]
fn appends_per_second() {
    for (synchronous, batch, batches) in [
        (Synchronous::Full, 1_u32, 4_000_u32),
        (Synchronous::Full, 100, 1_000),
        (Synchronous::Full, 1_000, 200),
        (Synchronous::Off, 1_000, 200),
    ] {
        let mut world = World::with(&Options { synchronous, ..FAST });
        for n in 0..SENDERS {
            let nick = format!("sender {n}").into();
            new(&world.append(&[propose(
                4_000_000_000 - n,
                sender(n),
                Change::CreateAccount { nick, from: None },
            )])[0]);
        }
        let groups: Vec<Vec<_>> =
            (0..batches).map(|group| (0..batch).map(|n| message(1 + group * batch + n)).collect()).collect();
        let begun = Instant::now();
        for group in &groups {
            world.log.append(group, &[]).unwrap();
        }
        let second = f64::from(batch * batches) / begun.elapsed().as_secs_f64();
        println!("{synchronous:?}, {batch} per append: {second:.0} messages per second");
    }
}
