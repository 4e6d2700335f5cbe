//! Activity: the numbers of new messages in rooms that a connection has not subscribed to.
//!
//! A post only marks its room. Once a second each marked room is *spread*: the connections of its members that are online
//! note it. Once a second each of them is sent one frame of at most [`FRAME_BYTES`]; what does not fit follows in the next
//! one, in turn. So the work depends neither on the number of members that are offline nor on the rate of messages.
//!
//! The count of a room is exact: it is the distance of the newest message from what the connection was told last. A
//! connection without an entry for a room was told as much as the last spread.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
};

use parlour_core::Millis;

use super::live_rooms::RoomKey;
use crate::hub::connection_table::ConnectionId;

/// The time between two frames to a connection, and between two spreads of a room, in ms.
pub const ACTIVITY_INTERVAL_MS: Millis = 1_000;
/// The most bytes of a frame, with all headers.
pub const FRAME_BYTES: usize = 2_048;
/// The bytes of the headers: of WebSocket (4), and a tag and length each for the envelope (4), the event (3) and the two
/// lists (3 each).
const HEADER_BYTES: usize = 17;

/// The rooms that a connection has not been told of.
#[derive(Debug, Default)]
pub struct PendingActivity {
    /// The ord that the connection was told of last.
    told: BTreeMap<RoomKey, u64>,
    /// The room with which the next frame begins.
    next: Option<RoomKey>,
    /// The connection is queued for a frame, or was sent one less than [`ACTIVITY_INTERVAL_MS`] ago.
    is_scheduled: bool,
}

/// The state of a room as far as activity needs it.
#[derive(Clone, Copy, Debug)]
pub struct RoomActivity {
    /// The number of the room in the account's list.
    pub handle: u32,
    /// The newest ord.
    pub head_ord: u64,
    /// The ord of the last spread.
    pub spread: u64,
}

/// One entry of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivityEntry {
    /// The number of the room in the account's list.
    pub handle: u32,
    /// The number of new messages.
    pub messages: u64,
}

impl PendingActivity {
    /// Notes a room of which the connection was told up to `ord`, unless it is noted already.
    pub fn note(&mut self, room: RoomKey, ord: u64) {
        self.told.entry(room).or_insert(ord);
    }

    /// Records that the connection was told of a room up to `ord` by other means; `spread` is the ord of the room's last
    /// spread.
    pub fn told(&mut self, room: RoomKey, ord: u64, spread: u64) {
        if ord == spread {
            self.told.remove(&room);
        } else {
            self.told.insert(room, ord);
        }
    }

    /// Forgets a room: the connection has subscribed to it, or it is not in the list any more. Returns the ord that the
    /// connection was told of, if it is not that of the last spread.
    pub fn forget(&mut self, room: RoomKey) -> Option<u64> {
        self.told.remove(&room)
    }

    /// Takes the entries of the next frame. `state` returns the state of a room; one without state is dropped.
    pub fn take(&mut self, state: impl Fn(RoomKey) -> Option<RoomActivity>) -> Vec<ActivityEntry> {
        let mut entries = Vec::new();
        let mut bytes_left = FRAME_BYTES - HEADER_BYTES;
        let from = self.next.take().unwrap_or(RoomKey::LOBBY);
        let later = self.told.range((Bound::Included(from), Bound::Unbounded));
        let rooms: Vec<_> = later.chain(self.told.range(..from)).map(|(room, told)| (*room, *told)).collect();
        for (room, told) in rooms {
            let Some(RoomActivity { handle, head_ord, spread }) = state(room) else {
                self.told.remove(&room);
                continue;
            };
            if head_ord > told {
                let messages = head_ord - told;
                let size = varint_bytes(handle.into()) + varint_bytes(messages);
                if size > bytes_left {
                    self.next = Some(room);
                    break;
                }
                bytes_left -= size;
                entries.push(ActivityEntry { handle, messages });
            }
            self.told(room, head_ord.max(told), spread);
        }
        entries
    }

    /// Returns `true` if no room is noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// The number of noted rooms.
    #[must_use]
    pub fn len(&self) -> usize {
        self.told.len()
    }
}

/// The number of bytes of a number on the wire.
fn varint_bytes(number: u64) -> usize {
    (number.max(1).ilog2() / 7 + 1) as usize
}

/// The connections that are to be sent a frame.
#[derive(Debug, Default)]
pub struct ActivitySchedule {
    ready: Vec<ConnectionId>,
    /// Connections that were sent a frame, and the time from which they may be sent the next one; oldest first.
    waiting: VecDeque<(Millis, ConnectionId)>,
}

impl ActivitySchedule {
    /// Schedules a connection with something pending.
    pub fn schedule(&mut self, conn: ConnectionId, pending: &mut PendingActivity) {
        if !pending.is_scheduled && !pending.is_empty() {
            pending.is_scheduled = true;
            self.ready.push(conn);
        }
    }

    /// Takes a connection that may be sent a frame now.
    pub fn pop_due(&mut self, now: Millis) -> Option<ConnectionId> {
        self.ready.pop().or_else(|| {
            let (_, conn) = self.waiting.pop_front_if(|(due, _)| *due <= now)?;
            Some(conn)
        })
    }

    /// Continues after [`pop_due`](Self::pop_due): `is_sent` if there was something to send.
    pub fn done(&mut self, now: Millis, conn: ConnectionId, pending: &mut PendingActivity, is_sent: bool) {
        pending.is_scheduled = is_sent;
        if is_sent {
            self.waiting.push_back((now + ACTIVITY_INTERVAL_MS, conn));
        }
    }

    /// The first deadline.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        if self.ready.is_empty() { self.waiting.front().map(|(due, _)| *due) } else { Some(0) }
    }

    /// The number of entries.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.ready.len() + self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(n: u32) -> RoomKey {
        RoomKey::from_index(n)
    }

    /// Rooms whose handle is their key, and which were spread up to their newest ord, this one.
    fn head(head_ord: u64) -> impl Fn(RoomKey) -> Option<RoomActivity> {
        move |key| {
            let handle = (0..5_000).find(|n| room(*n) == key)?;
            Some(RoomActivity { handle, head_ord, spread: head_ord })
        }
    }

    fn handles(entries: &[ActivityEntry]) -> Vec<u32> {
        entries.iter().map(|entry| entry.handle).collect()
    }

    #[test]
    fn counts_are_the_distance_from_what_was_told_last() {
        let mut pending = PendingActivity::default();
        pending.note(room(1), 10);
        pending.note(room(1), 12);
        pending.note(room(2), 15);
        pending.note(room(3), 20);
        pending.forget(room(3));
        assert_eq!(
            pending.take(head(15)),
            [ActivityEntry { handle: 1, messages: 5 }],
            "nothing is new in the second room"
        );
        assert!(pending.is_empty());
        // Told of 17 by a row, while the last spread told others of 15.
        pending.told(room(1), 17, 15);
        pending.note(room(1), 15);
        assert_eq!(pending.take(head(20)), [ActivityEntry { handle: 1, messages: 3 }]);
        pending.note(room(1), 20);
        pending.told(room(1), 25, 25);
        assert!(pending.is_empty());
        // The frame is newer than the last spread, so the next one must not count its messages again.
        pending.note(room(1), 25);
        let state = |_| Some(RoomActivity { handle: 1, head_ord: 28, spread: 27 });
        assert_eq!(pending.take(state), [ActivityEntry { handle: 1, messages: 3 }]);
        pending.note(room(1), 27);
        assert_eq!(pending.take(head(30)), [ActivityEntry { handle: 1, messages: 2 }]);
    }

    #[test]
    fn frames_are_bounded_and_take_rooms_in_turn() {
        let mut pending = PendingActivity::default();
        (0..2_000).for_each(|n| pending.note(room(n), 0));
        let mut all = Vec::new();
        for _ in 0..3 {
            let entries = pending.take(head(1));
            let sizes = entries.iter().map(|e| varint_bytes(e.handle.into()) + 1).sum::<usize>();
            assert!(sizes <= FRAME_BYTES - HEADER_BYTES, "{sizes}");
            all.extend(handles(&entries));
            // The first rooms are busy all the time.
            (0..700).for_each(|n| pending.note(room(n), 0));
        }
        assert_eq!(all[..2_000], (0..2_000).collect::<Vec<_>>(), "no room is left out by busy ones");
    }

    #[test]
    fn connection_is_sent_one_frame_a_second() {
        let conn = ConnectionId::new(1, 1);
        let (mut schedule, mut pending) = (ActivitySchedule::default(), PendingActivity::default());
        schedule.schedule(conn, &mut pending);
        assert_eq!(schedule.pop_due(0), None, "nothing is pending");
        let mut sent = Vec::new();
        for now in (0..3_000).step_by(10) {
            pending.note(room(1), now);
            schedule.schedule(conn, &mut pending);
            while let Some(conn) = schedule.pop_due(now) {
                let is_sent = !pending.take(head(9_999)).is_empty();
                schedule.done(now, conn, &mut pending, is_sent);
                sent.push(now);
            }
        }
        assert_eq!(sent, [0, 1_000, 2_000]);
        pending.take(head(9_999));
        assert_eq!(schedule.pop_due(3_000), Some(conn));
        schedule.done(3_000, conn, &mut pending, false);
        assert_eq!((schedule.table_size(), schedule.next_due()), (0, None));
    }
}
