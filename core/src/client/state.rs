//! The state of a client: its account, rooms and people, fed with the server's events.
//!
//! [`ClientState`] is sans-IO. The caller passes what the server sends to a `handle_*` method, in the order in which it was
//! sent, and drains [`ClientState::poll_change`]. The leader tab passes what it receives on to the follower tabs, which have
//! a state of their own, but for what is answered to a command of another tab.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | the state and its changes |
//! | `received` | what the server sends |
//! | `actions` | what the user does, the send queue, and the device |
//! | `memory` | the limit on messages in memory |

mod actions;
mod memory;
mod received;

use crate::sorted::{SortedMap, SortedSet};
use std::collections::VecDeque;

use super::{
    account::{AccountState, Fold},
    people::People,
    room::{Names, RoomEvent, RoomState},
};
use crate::{
    model::{RoomId, UserId},
    timeline::TimelineUpdate,
    wire,
};

pub use self::memory::MAX_HELD_MESSAGES;

/// A change of the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The account or its room list: nick, rows, read cursors, counters.
    Account,
    /// What [`RoomState`] tells of a room, other than its timeline.
    Room(RoomId),
    /// The rows of a room's timeline.
    Timeline(RoomId, TimelineUpdate),
    /// An event of a room that is not a message; for showing it.
    Event(RoomId, RoomEvent),
    /// The nick or the presence of an account.
    Person(UserId),
    /// The account is not in a room any more; its timeline is to be dropped.
    Removed(RoomId),
}

/// What the user sees of the open room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Viewport {
    room: RoomId,
    at_end: bool,
}

/// The state of a client. It belongs to one account on one server.
#[derive(Debug)]
pub struct ClientState {
    me: Option<UserId>,
    /// The id of the log that all positions refer to; empty before the first login.
    log: Vec<u8>,
    account: AccountState,
    people: People,
    rooms: SortedMap<RoomId, RoomState>,
    open: Option<RoomId>,
    /// The part of the open room that is on the screen; `None` while the tab is hidden or does not have the focus.
    viewport: Option<Viewport>,
    /// The rooms that were open, the last one last.
    recent: Vec<RoomId>,
    /// The maximum number of messages of all rooms together, except the open one.
    max_held_messages: u64,
    renamed: SortedSet<UserId>,
    /// The rooms whose gaps and bounds may have changed.
    unsettled: SortedSet<RoomId>,
    is_account_changed: bool,
    changes: VecDeque<Change>,
    /// The number of envelopes that were ignored because they were invalid.
    ignored: u64,
}

impl ClientState {
    /// The state of an account that has not logged in yet.
    #[must_use]
    pub fn new(fold: Fold) -> Self {
        Self {
            me: None,
            log: Vec::new(),
            account: AccountState::new(fold),
            people: People::default(),
            rooms: SortedMap::new(),
            open: None,
            viewport: None,
            recent: Vec::new(),
            max_held_messages: MAX_HELD_MESSAGES,
            renamed: SortedSet::new(),
            unsettled: SortedSet::new(),
            is_account_changed: false,
            changes: VecDeque::new(),
            ignored: 0,
        }
    }

    // ---- reading

    /// The id of this account; `None` before the first login.
    #[must_use]
    pub fn me(&self) -> Option<UserId> {
        self.me
    }

    /// The id of the log that all positions refer to, for [`wire::Login::log`]; empty before the first login.
    #[must_use]
    pub fn log(&self) -> &[u8] {
        &self.log
    }

    /// The account and its room list.
    #[must_use]
    pub fn account(&self) -> &AccountState {
        &self.account
    }

    /// The accounts that the client has seen.
    #[must_use]
    pub fn people(&self) -> &People {
        &self.people
    }

    /// A room, if anything of it was loaded.
    #[must_use]
    pub fn room(&self, room: RoomId) -> Option<&RoomState> {
        self.rooms.get(&room)
    }

    /// The room that is open.
    #[must_use]
    pub fn open(&self) -> Option<RoomId> {
        self.open
    }

    /// The number of envelopes that were ignored because they were invalid.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// All rows, for a tab that has none, or for the device. Their cursors are those that the server has; the others are
    /// the [unconfirmed ones](AccountState::unconfirmed_cursors).
    #[must_use]
    pub fn account_rows(&self) -> wire::AccountRows {
        self.account.snapshot(&self.people)
    }

    /// The row of one room, for other tabs and for the device; `None` if it is not in the list.
    #[must_use]
    pub fn room_row(&self, room: RoomId) -> Option<wire::RoomRow> {
        self.account.row(room, &self.people)
    }

    // ---- output

    /// Returns `true` if there are changes to [poll](Self::poll_change).
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The next change.
    pub fn poll_change(&mut self) -> Option<Change> {
        if self.changes.is_empty() {
            self.limit_memory();
            for room in std::mem::take(&mut self.unsettled) {
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.settle();
                    self.take_updates(room);
                }
            }
            if std::mem::take(&mut self.is_account_changed) {
                self.changes.push_back(Change::Account);
            }
        }
        self.changes.pop_front()
    }

    // ---- for the modules

    fn names(&mut self) -> Names<'_> {
        Names { me: self.me, people: &mut self.people, renamed: &mut self.renamed }
    }

    /// The room list knows the newest ord of rooms without a subscription.
    fn update_head(&mut self, room: RoomId) {
        let Some(state) = self.rooms.get_mut(&room) else { return };
        if let Some(entry) = self.account.room(room)
            && !state.is_subscribed()
        {
            state.set_head(entry.head());
            self.unsettled.insert(room);
        }
    }

    fn remove_room(&mut self, room: RoomId) {
        self.unsettled.remove(&room);
        self.recent.retain(|recent| *recent != room);
        self.rooms.remove(&room);
        self.changes.push_back(Change::Removed(room));
    }

    /// Passes the updates of a room's timeline on; gaps and bounds follow when everything is handled.
    fn collect(&mut self, room: RoomId) {
        self.take_updates(room);
        self.unsettled.insert(room);
    }

    fn take_updates(&mut self, room: RoomId) {
        if let Some(state) = self.rooms.get_mut(&room) {
            while let Some(update) = state.poll_update() {
                self.changes.push_back(Change::Timeline(room, update));
            }
        }
    }
}

#[cfg(test)]
mod tests;
