//! Reading a room with many events that are not messages.

use parlour_core::model::RoomId;
use parlour_server::store::{Change, EventLog as _, LogReader, PageSize, PageStart};

use crate::{
    Scale, cpu,
    population::{self, Population, room},
    table::Table,
};

/// For this number of messages there is one other event.
const MESSAGES_PER_EVENT: u32 = 10;
const PAGE: PageSize = PageSize { messages: 50, bytes: usize::MAX };
/// The pages that are read in one go.
const PAGES: u64 = 500;

pub fn measure(scale: &Scale, table: &mut Table) {
    if !scale.has_cpu {
        return;
    }
    let mut world = population::world();
    let mut log = Population::new(&mut world.log);
    log.accounts(0..1);
    let (plain, mixed) = (room(0), room(1));
    (0..2).for_each(|n| log.room(0, n));
    for n in 0..scale.long_room {
        log.messages(&[0], plain, 1);
        log.messages(&[0], mixed, 1);
        if n % MESSAGES_PER_EVENT == 0 {
            log.propose(0, Change::SetTopic { room: mixed, topic: n.to_string().into() });
        }
    }
    log.finish(0..1);
    let [mut one, mut other] = [(); 2].map(|()| world.log.reader().unwrap());
    let messages = u64::from(scale.long_room);
    let ratio =
        cpu::ratio(|| read_pages(&mut *one, mixed, messages), || read_pages(&mut *other, plain, messages));
    table.with_aim("page of 1,000,000 messages with 100,000 other events: CPU, by without", ratio, 1.5, 1.2);
}

/// Reads pages that are spread over a room.
fn read_pages(reader: &mut dyn LogReader, room: RoomId, messages: u64) {
    for n in 0..PAGES {
        // Multiples of the golden ratio are spread evenly and not in order.
        let before = 51 + n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % (messages - 51);
        let page = reader.page(room, PageStart::Before(before), PAGE).unwrap();
        assert_eq!((page.messages.len(), page.to), (50, before - 1));
    }
}
