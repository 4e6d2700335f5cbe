//! Rooms of clients with the capability "rooms": the room lists of accounts, subscriptions, activity, cursors, presence.
//!
//! Sans-IO like the rest of the hub. [`Rooms`] is told of connections, of published events and of results of the log. It puts
//! frames into [`Outputs`], and asks for changes of rows and for rows to be read ([`Rooms::take_row_changes`],
//! [`Rooms::take_reloads`]).
//!
//! | module | content |
//! | --- | --- |
//! | [`room_lists`] | the rooms of the accounts that are online |
//! | [`live_rooms`] | the rooms that are in one of these lists |
//! | [`viewers`] | the connections |
//! | `lists`, `stored_rows` | loading lists, and dropping them |
//! | [`rows`], `row_sending` | the wire's rows of a list, and sending them |
//! | `publish` | published events: heads, roles, deliveries |
//! | [`published`] | the events since a reading of the log began |
//! | [`delivery`] | subscribers of a room, and delivery to them |
//! | `subscriptions` | subscribing, also of slow consumers that have caught up |
//! | [`activity`], `spread` | counters of rooms that are not subscribed to |
//! | [`cursor`], `reading` | read cursors |
//! | `presence` | presence and nicks of the accounts that a connection sees |
//! | [`device_links`] | codes that log another device in |
//! | [`commands`], `operations` | the commands of clients |
//! | [`events`] | frames |
//! | [`slab`] | tables with small numbers as keys |

pub mod activity;
pub mod commands;
pub mod cursor;
pub mod delivery;
pub mod device_links;
pub mod events;
mod lists;
pub mod live_rooms;
mod operations;
mod presence;
mod publish;
pub mod published;
mod reading;
pub mod room_lists;
mod row_sending;
pub mod rows;
pub mod slab;
mod spread;
mod stored_rows;
mod subscriptions;
#[cfg(test)]
mod tests;
pub mod viewers;

use std::collections::{HashMap, VecDeque};

use parlour_core::{
    Millis,
    model::{RoomId, UserId},
};

pub use self::stored_rows::minutes;
use self::{
    activity::ActivitySchedule,
    cursor::UnsavedCursors,
    device_links::DeviceLinks,
    live_rooms::{LiveRooms, RoomKey, RoomState},
    presence::Presence,
    published::{Reading, RecentlyPublished},
    reading::Mute,
    room_lists::{AccountKey, RoomLists},
    viewers::Viewer,
};
pub use self::{
    lists::ReadList,
    subscriptions::{MAX_SUBSCRIPTIONS, Resumption, Subscribed},
};
use super::{connection_table::ConnectionTable, expiry_queue::ExpiryQueue, output::Outputs};
use crate::store::RowChange;

/// A row of an account's list that must be read from the log. The result goes to [`Rooms::reloaded`].
#[derive(Debug)]
pub struct Reload {
    /// The account.
    pub account: UserId,
    /// The room.
    pub room: RoomId,
    /// The reading that has begun.
    pub reading: Reading,
}

/// The state of all clients with the capability "rooms".
#[derive(Debug)]
pub struct Rooms {
    lists: RoomLists,
    live: LiveRooms,
    viewers: ConnectionTable<Viewer>,
    /// Lists without a connection, until the append queue has settled the batch with what they have changed.
    lingering: VecDeque<(u64, AccountKey)>,
    /// The number of logins that are reading the list of an account.
    logins: HashMap<UserId, usize>,
    recent: RecentlyPublished,
    reloads: Vec<Reload>,
    row_changes: Vec<RowChange>,
    /// The commands to mute a room that wait for the log.
    mutes: VecDeque<Mute>,
    unsaved: UnsavedCursors,
    /// Rooms with new messages, and the time from which their members may be told.
    marked: ExpiryQueue<RoomKey>,
    schedule: ActivitySchedule,
    /// Rooms with events to deliver.
    ready: Vec<RoomKey>,
    /// Rooms whose delivery is postponed.
    postponed: ExpiryQueue<RoomKey>,
    presence: Presence,
    /// The codes of device links.
    pub links: DeviceLinks,
    last_ticket: u64,
    /// The batch in which row changes are submitted next.
    next_batch: u64,
    /// The log has the row changes up to this batch.
    stored_batch: u64,
    /// The batch with which those of failed ones were submitted again.
    resubmitted_batch: u64,
    /// The ordinal of the round of outputs. A connection that overflows in a round has all frames of the rounds before.
    round: u64,
    /// The number of list entries and connections that activity has looked at.
    #[cfg(test)]
    steps: usize,
}

impl Rooms {
    /// No clients; the lobby has this state.
    #[must_use]
    pub fn new(lobby: RoomState) -> Self {
        Self {
            lists: RoomLists::default(),
            live: LiveRooms::new(lobby),
            viewers: ConnectionTable::default(),
            lingering: VecDeque::new(),
            logins: HashMap::new(),
            recent: RecentlyPublished::default(),
            reloads: Vec::new(),
            row_changes: Vec::new(),
            mutes: VecDeque::new(),
            unsaved: UnsavedCursors::default(),
            marked: ExpiryQueue::default(),
            schedule: ActivitySchedule::default(),
            ready: Vec::new(),
            postponed: ExpiryQueue::default(),
            presence: Presence::default(),
            links: DeviceLinks::default(),
            last_ticket: 0,
            next_batch: 1,
            stored_batch: 0,
            resubmitted_batch: 0,
            round: 0,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Delivers published events, and sends activity and presence that is due.
    pub fn deliver(&mut self, now: Millis, unix_ms: i64, out: &mut Outputs) {
        while let Some(room) = self.postponed.pop_due(now) {
            self.ready.push(room);
        }
        for room in std::mem::take(&mut self.ready) {
            if let Some(delivery) = self.live.delivery_mut(room)
                && let Some(due) = delivery.deliver(now, self.round, out)
            {
                self.postponed.set(room, due);
            }
        }
        self.publish_presence(now, unix_ms, out);
        self.send_activity(now, out);
    }

    /// A round of outputs has been executed.
    pub fn end_round(&mut self) {
        self.round += 1;
    }

    /// Handles all deadlines up to `now` that need no output.
    pub fn handle_timeout(&mut self, now: Millis) {
        self.save_due_cursors(now);
        self.links.expire(now);
    }

    /// The first deadline, of [`deliver`](Self::deliver) and [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        let ready = (!self.ready.is_empty()).then_some(0);
        let due = [
            ready,
            self.postponed.next_due(),
            self.marked.next_due(),
            self.schedule.next_due(),
            self.presence.next_due(),
            self.unsaved.next_due(),
            self.links.next_due(),
        ];
        due.into_iter().flatten().min()
    }

    /// Takes the changes of rows for the log. They are submitted in this batch. Call for every batch.
    pub fn take_row_changes(&mut self, batch: u64) -> Vec<RowChange> {
        self.next_batch = batch + 1;
        std::mem::take(&mut self.row_changes)
    }

    /// Returns `true` if there are changes of rows.
    #[must_use]
    pub fn has_row_changes(&self) -> bool {
        !self.row_changes.is_empty()
    }

    /// Returns `true` if there are connections.
    #[must_use]
    pub fn has_viewers(&self) -> bool {
        self.viewers.iter().next().is_some()
    }

    /// Takes the rows that must be read.
    pub fn take_reloads(&mut self) -> Vec<Reload> {
        std::mem::take(&mut self.reloads)
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        let viewers = self.viewers.iter().map(|(_, viewer)| viewer.table_size()).sum::<usize>();
        // The lobby is always held.
        self.lists.table_size() + self.live.table_size() - 2
            + viewers
            + self.lingering.len()
            + self.logins.len()
            + self.recent.table_size()
            + self.reloads.len()
            + self.row_changes.len()
            + self.mutes.len()
            + self.unsaved.table_size()
            + self.marked.table_size()
            + self.schedule.table_size()
            + self.ready.len()
            + self.postponed.table_size()
            + self.presence.table_size()
            + self.links.table_size()
    }

    /// An estimate of the memory for lists and rooms, in bytes: entries, and what they refer to.
    #[cfg(test)]
    fn memory(&self) -> usize {
        self.lists.memory() + self.live.memory()
    }
}
