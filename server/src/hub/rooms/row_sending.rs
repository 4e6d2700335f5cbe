//! Rows of the lists in memory: those that a login gets, and those that connections are sent when they change.

use std::collections::HashMap;

use parlour_core::{
    model::{RoomId, UserId},
    wire,
};

use super::{
    ReadList, Rooms, events,
    live_rooms::{RoomKey, RoomState},
    room_lists::{AccountKey, Membership},
    rows,
    stored_rows::{membership, state},
    viewers::SubscriptionState,
};
use crate::hub::{connection_table::ConnectionId, output::Outputs};

impl Rooms {
    /// The row of a room in the list of a connection's account, as it is now.
    #[must_use]
    pub fn row_of(&self, conn: ConnectionId, room: RoomId) -> Option<wire::RoomRow> {
        self.row(self.viewers.get(conn)?.account, self.live.key(room)?)
    }

    /// The row of a room in the list of an account, as it is now.
    #[must_use]
    pub(super) fn row(&self, key: AccountKey, room: RoomKey) -> Option<wire::RoomRow> {
        let membership = self.lists.room(key, room)?;
        let state = self.live.state(room)?;
        let list = self.lists.get(key)?;
        Some(self.build(list.id, state, membership))
    }

    /// The rows for a login, in frames: all of them, or those that have changed since the client has last seen them. These
    /// are the `changed` ones of the log, and those of which memory is ahead of what was read.
    #[must_use]
    pub fn login_rows(&self, conn: ConnectionId, read: &ReadList) -> Vec<wire::AccountRows> {
        let Some(list) = self.viewers.get(conn).and_then(|viewer| self.lists.get(viewer.account)) else {
            return Vec::new();
        };
        let mut rows: HashMap<RoomId, wire::RoomRow> = HashMap::with_capacity(list.rooms().len());
        for membership in list.rooms() {
            if let Some(state) = self.live.state(membership.room) {
                rows.insert(state.id, self.build(list.id, state, membership));
            }
        }
        if let Some(changed) = &read.changed {
            let own = (list.id, list.nick.clone());
            let changed: HashMap<_, _> = changed.iter().map(|row| (row.room.room, row)).collect();
            for row in &read.all.rows {
                let id = row.room.room;
                let is_same = |current: &wire::RoomRow| {
                    *current == self.build(list.id, &state(row, &own), &membership(row))
                };
                if !changed.contains_key(&id) && rows.get(&id).is_some_and(is_same) {
                    rows.remove(&id);
                } else {
                    rows.entry(id).or_insert_with(|| rows::removed(&state(row, &own), row.handle));
                }
            }
            for (id, row) in changed {
                rows.entry(id).or_insert_with(|| rows::removed(&state(row, &own), row.handle));
            }
        }
        let mut rows: Vec<_> = rows.into_values().collect();
        rows::sort(&mut rows);
        rows::frames(rows, read.all.version, read.changed.is_none())
    }

    fn build(&self, account: UserId, state: &RoomState, membership: &Membership) -> wire::RoomRow {
        let row = rows::row(account, state, membership, |account| self.presence.is_online(account));
        let cursor_unsaved = membership.is_unsaved || membership.written_in > self.stored_batch;
        wire::RoomRow { cursor_unsaved, ..row }
    }

    /// Sends the row of a room to the connections of an account, apart from one.
    pub(super) fn send_row(
        &mut self,
        key: AccountKey,
        room: RoomKey,
        except: Option<ConnectionId>,
        out: &mut Outputs,
    ) {
        let Some(list) = self.lists.get(key) else { return };
        let others: Vec<_> = list.connections.iter().copied().filter(|conn| Some(*conn) != except).collect();
        others.into_iter().for_each(|conn| self.send_row_to(key, room, conn, out));
    }

    /// Sends the row of a room in the list of an account to one of its connections.
    pub(super) fn send_row_to(
        &mut self,
        key: AccountKey,
        room: RoomKey,
        conn: ConnectionId,
        out: &mut Outputs,
    ) {
        if let Some(row) = self.row(key, room) {
            self.told(conn, room);
            out.send(conn, &events::rows(vec![row]));
        }
    }

    /// A connection is sent a row, which has the newest ord.
    pub(super) fn told(&mut self, conn: ConnectionId, room: RoomKey) {
        let (Some(viewer), Some(live)) = (self.viewers.get_mut(conn), self.live.get(room)) else { return };
        let head_ord = live.state.head_ord;
        match viewer.subscription(room) {
            None => viewer.activity.told(room, head_ord, live.spread.ord),
            Some(SubscriptionState::Waiting { ticket, .. }) => {
                viewer.set_subscription(room, SubscriptionState::Waiting { ticket, told: head_ord });
            }
            Some(SubscriptionState::Active { .. } | SubscriptionState::Suspended(_)) => {}
        }
    }
}
