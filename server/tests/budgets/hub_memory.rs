//! The memory that a hub needs for rooms in which nothing happens, each of them in the lists of two accounts; and what it costs to
//! look for one of them.

use parlour_core::{codec, wire};
use parlour_server::store::{BROWSED_NAMES, EventLog as _};

use crate::{
    Scale,
    allocator::measure_process,
    population::{self, Population, account, nick, room, secret},
    table::Table,
};

/// The rooms of each account: the most by default.
const ROOMS_PER_ACCOUNT: u32 = 2_000;

pub fn measure(scale: &Scale, table: &mut Table) {
    let pairs = scale.quiet_rooms / ROOMS_PER_ACCOUNT;
    let mut world = population::world();
    let mut log = Population::new(&mut world.log);
    log.accounts(0..2 * pairs);
    for n in 0..scale.quiet_rooms {
        let owner = n / ROOMS_PER_ACCOUNT * 2;
        log.room(owner, n);
        log.join(owner + 1, room(n));
    }
    log.finish(0..2 * pairs);
    world.restart();
    // The rooms are in the list of an account that is online, but no connection has subscribed to them.
    let allocated = measure_process(|| {
        for number in 0..2 * pairs {
            let conn = world.connect_from([10, 0, (number / 250) as u8, (number % 250) as u8]);
            let capabilities = ["batch", "rooms"].map(Into::into).to_vec();
            let secret = secret(number).to_vec();
            let login = wire::Login { version: 1, secret, capabilities, ..wire::Login::default() };
            world.send(conn, &codec::login(&nick(number), login));
            assert!(world.received(conn).welcome().is_some(), "{:?}", world.received(conn));
            world.clear(conn);
        }
        world.advance(2_000);
    });
    let bytes = allocated.retained as f64 / f64::from(scale.quiet_rooms);
    let goal = format!("{} quiet rooms in the hub: bytes allocated for each", scale.quiet_rooms);
    table.with_aim(&goal, bytes.ceil(), 2_048.0, 512.0);
    let page = world.log.reader().unwrap().browse(account(0), "a name that no room has", "", 50).unwrap();
    let goal = format!("{} public rooms: names looked at for a page of none", scale.quiet_rooms);
    table.at_most(&goal, page.searched as f64, BROWSED_NAMES as f64);
}
