//! The data that a client reads when it starts. The messages of a room are read when the room is opened, see
//! [`StoredMessages`](super::room::StoredMessages).

use super::{KeyRange, Rows, Table, account::StoredAccount, queue, room::StoredRoom};
use crate::{ids::RoomId, send_queue::QueuedMessage, sorted::SortedMap};

/// The decoded content of the storage, without messages of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// The account; `None` if nobody has logged in, or the user has logged out.
    pub account: Option<StoredAccount>,
    /// The rooms of the account, each once.
    pub rooms: Vec<StoredRoom>,
    /// The messages that are not acknowledged, and the rooms that they are for, in the order in which they were written.
    pub send_queue: Vec<(RoomId, QueuedMessage)>,
}

impl Stored {
    /// The keys to read.
    #[must_use]
    pub fn ranges() -> [KeyRange; 3] {
        [Table::Account, Table::Rooms, Table::SendQueue].map(KeyRange::all)
    }

    /// Decodes the values of [`Stored::ranges`]. Invalid values are skipped, and so are rooms of another log than that of
    /// the account: a log that was replaced may have left them if a write has failed.
    #[must_use]
    pub fn read(account: Option<&[u8]>, rooms: &[Vec<u8>], send_queue: &[Vec<u8>]) -> Self {
        let account = account.and_then(StoredAccount::decode);
        let rooms = rooms.iter().filter_map(|value| StoredRoom::decode(value));
        let rooms = rooms.filter(|room| account.as_ref().is_some_and(|account| account.log == room.log));
        let rooms: SortedMap<_, _> = rooms.map(|room| (room.room, room)).collect();
        let send_queue = send_queue.iter().filter_map(|value| queue::decode(value));
        let send_queue: SortedMap<_, _> =
            send_queue.map(|queued| ((queued.1.order, queued.1.id), queued)).collect();
        let (rooms, send_queue) = (rooms.into_values().collect(), send_queue.into_values().collect());
        Self { account, rooms, send_queue }
    }

    /// Decodes the rows of a storage in memory.
    #[must_use]
    pub fn of(rows: &Rows) -> Self {
        let [account, rooms, send_queue] = Self::ranges().map(|range| rows.values(&range));
        Self::read(account.first().map(Vec::as_slice), &rooms, &send_queue)
    }
}
