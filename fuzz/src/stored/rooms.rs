//! The device storage: rooms, messages, the send queue, scroll positions.

use parlour_core::{
    ids::{MessageId, RoomId},
    persist::{
        Change, Key, KeyRange, Rows, Stored, Table, queue,
        room::{StoredMessages, StoredRoom, put_message},
        scroll,
    },
};

/// The values of the tables.
pub(super) struct Tables<'a> {
    pub account: &'a [u8],
    pub send_queue: &'a [Vec<u8>],
    pub messages: &'a [Vec<u8>],
    /// Values of the tables `Rooms` and `Scroll`.
    pub rooms: &'a [Vec<u8>],
}

/// Reads the tables, stores what was read and reads it again.
///
/// # Panics
/// If anything is read twice, or if the second reading differs from the first one.
pub(super) fn read(tables: &Tables<'_>) {
    let stored = Stored::read(Some(tables.account), tables.rooms, tables.send_queue);

    let mut rows = Rows::default();
    rows.apply(&Change::Put(Key::Account, tables.account.to_vec().into()));
    if let Some(account) = &stored.account {
        rows.apply(&account.put());
    }
    stored.rooms.iter().for_each(|room| rows.apply(&room.put()));
    stored.send_queue.iter().for_each(|(room, message)| rows.apply(&queue::put(*room, message)));
    let again = Stored::of(&rows);
    assert_eq!((&again.account, &again.rooms), (&stored.account, &stored.rooms));
    let ids = |stored: &Stored| -> Vec<(RoomId, MessageId)> {
        let mut ids: Vec<_> = stored.send_queue.iter().map(|(room, message)| (*room, message.id)).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    assert_eq!(ids(&again), ids(&stored), "a message that was not sent");
    assert!(again.send_queue.is_sorted_by_key(|(_, message)| message.order), "{:?}", again.send_queue);

    let log = stored.account.map(|account| account.log).unwrap_or_default();
    let rooms = stored.rooms.iter().map(|room| room.room).chain([RoomId::LOBBY]);
    for room in rooms {
        read_messages(room, &log, tables.messages, &mut rows);
        StoredRoom::delete(room).iter().for_each(|change| rows.apply(change));
        assert!(rows.get(&Key::Room(room)).is_none() && rows.keys(Table::Messages).next().is_none());
    }
    read_scroll_positions(tables.rooms);
}

fn read_messages(room: RoomId, log: &[u8], values: &[Vec<u8>], rows: &mut Rows) {
    let read = StoredMessages::read(room, log, values);
    assert!(read.messages.is_sorted_by(|a, b| a.ord < b.ord), "a message twice, or out of order");
    let known: u64 = read.known.iter().map(|range| range.to - range.from).sum();
    assert_eq!(known, read.messages.len() as u64, "the known ranges are the messages");
    let puts = read.messages.iter().filter_map(|message| put_message(room, log, message));
    puts.for_each(|change| rows.apply(&change));
    assert_eq!(StoredMessages::read(room, log, &rows.values(&StoredMessages::range(room))), read);
}

/// A tab whose previous page had the id "own" continues at its positions. Its next page must find them.
fn read_scroll_positions(values: &[Vec<u8>]) {
    let (mut positions, changes) = scroll::take_over(Some("own"), "new", &[], values);
    let mut rows = Rows::default();
    changes.iter().for_each(|change| rows.apply(change));
    let (mut again, _) =
        scroll::take_over(Some("new"), "next", &[], &rows.values(&KeyRange::all(Table::Scroll)));
    // Of two positions in a room, the last one is stored.
    positions.reverse();
    positions.sort_by_key(|(room, _)| *room);
    positions.dedup_by_key(|(room, _)| *room);
    again.sort_by_key(|(room, _)| *room);
    assert_eq!(again, positions);
}
