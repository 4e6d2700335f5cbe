//! Loading the room lists of accounts, and dropping them.

use std::{collections::hash_map::Entry, sync::Arc};

use parlour_core::model::{Role, RoomId, UserId};

use super::{
    Rooms,
    delivery::Encoding,
    events,
    live_rooms::RoomKey,
    published::{Published, Reading, RoomChange},
    room_lists::{AccountKey, Membership},
    rows,
    stored_rows::{membership, state},
    viewers::Viewer,
};
use crate::{
    hub::{connection_table::ConnectionId, output::Outputs},
    store::{RoomRow, RoomRows},
};

/// An account's list as the log has it.
#[derive(Debug, Default)]
pub struct ReadList {
    /// All rows.
    pub all: RoomRows,
    /// Those that have changed since the client's version, if it has one of this log. Also those of rooms that are not in
    /// the list any more.
    pub changed: Option<Vec<RoomRow>>,
}

impl Rooms {
    /// Begins the reading of an account's list for a login. It ends with [`connect`](Self::connect) or
    /// [`cancel_login`](Self::cancel_login).
    pub fn begin_login(&mut self, account: UserId) -> Reading {
        *self.logins.entry(account).or_default() += 1;
        self.recent.begin()
    }

    /// Ends the reading of a list that is not needed.
    pub fn cancel_login(&mut self, account: UserId, reading: Reading) {
        self.end_login(account);
        self.recent.end(reading);
    }

    fn end_login(&mut self, account: UserId) {
        if let Entry::Occupied(mut logins) = self.logins.entry(account) {
            *logins.get_mut() -= 1;
            if *logins.get() == 0 {
                logins.remove();
            }
        }
    }

    /// Begins the reading of one row. It ends with [`reloaded`](Self::reloaded) or [`cancel_reload`](Self::cancel_reload).
    pub fn begin_reload(&mut self) -> Reading {
        self.recent.begin()
    }

    /// Ends the reading of a row that could not be read.
    pub fn cancel_reload(&mut self, reading: Reading) {
        self.recent.end(reading);
    }

    /// An account has logged in on a connection. `rows` are all rows of its list; they are ignored if it is loaded.
    pub fn connect(
        &mut self,
        conn: ConnectionId,
        encoding: Encoding,
        (account, nick): (UserId, &Arc<str>),
        rows: &[RoomRow],
        reading: Reading,
    ) {
        self.end_login(account);
        let is_loaded = self.lists.key(account).is_some();
        let key = self.lists.insert(account, nick.clone());
        let missed = self.recent.end(reading);
        if !is_loaded {
            rows.iter().for_each(|row| self.put_row(key, row));
            missed.iter().for_each(|event| self.apply_missed(key, event));
        }
        let mut viewer = Viewer::new(key, encoding);
        if let Some(list) = self.lists.get_mut(key) {
            list.connections.push(conn);
            // The welcome tells it the newest ords, which may be ahead of what others were told.
            for membership in list.rooms() {
                if let Some(room) = self.live.get(membership.room) {
                    viewer.activity.told(membership.room, room.state.head_ord, room.spread.ord);
                }
            }
        }
        self.viewers.insert(conn, viewer);
    }

    /// A connection has ended. If it was the last one of its account, the list is dropped when everything that the account
    /// has sent and read is in the log.
    pub fn disconnect(&mut self, conn: ConnectionId) {
        let Some(viewer) = self.viewers.get(conn) else { return };
        let key = viewer.account;
        for subscription in viewer.subscriptions.clone() {
            self.unsubscribe(conn, subscription.room);
        }
        self.viewers.remove(conn);
        let Some(list) = self.lists.get_mut(key) else { return };
        list.connections.retain(|other| *other != conn);
        if list.connections.is_empty() {
            self.save_cursors(key);
            self.lingering.push_back((self.next_batch, key));
        }
    }

    /// The append queue has settled everything up to this batch: answers the commands and drops the lists that have waited
    /// for it.
    pub fn settled(&mut self, batch: u64, out: &mut Outputs) {
        self.apply_mutes(batch, out);
        if batch >= self.resubmitted_batch {
            self.stored_batch = batch;
        }
        while let Some((_, key)) = self.lingering.pop_front_if(|(of, _)| *of <= batch) {
            let Some(list) = self.lists.get(key).filter(|list| list.connections.is_empty()) else { continue };
            // A login may have read the log before it had everything.
            if self.logins.contains_key(&list.id) {
                self.lingering.push_back((self.next_batch.max(batch + 1), key));
                continue;
            }
            // Messages that were under way when it disconnected may have moved its cursors.
            self.save_cursors(key);
            if !self.lingering.iter().any(|(_, other)| *other == key) {
                self.drop_list(key);
            }
        }
    }

    /// What the lists wait for was submitted again, in this batch.
    pub fn resubmitted(&mut self, batch: u64) {
        self.lingering.iter_mut().for_each(|(of, _)| *of = (*of).max(batch));
        self.resubmitted_batch = batch;
        self.mutes.iter_mut().for_each(|mute| mute.batch = mute.batch.max(batch));
    }

    fn drop_list(&mut self, key: AccountKey) {
        let Some(list) = self.lists.remove(key) else { return };
        for membership in list.rooms() {
            self.remove_online(membership);
        }
    }

    /// Adds a row of the log to a list, or updates it.
    fn put_row(&mut self, key: AccountKey, row: &RoomRow) {
        if row.role == Role::None {
            return;
        }
        let Some(own) = self.lists.get(key).map(|list| (list.id, list.nick.clone())) else { return };
        let room = self.live.insert(state(row, &own));
        let known = self.lists.room(key, room).cloned();
        let place = match &known {
            Some(membership) => membership.place,
            None => self.add_online(key, room),
        };
        let Some(list) = self.lists.get_mut(key) else { return };
        let stored = membership(row);
        // What is in memory may not be in the log yet, also if the account has left the room meanwhile.
        let left = list.left.remove(&row.room.room);
        list.put_room(match known.or(left) {
            Some(known) => {
                let cursor = known.cursor.max(stored.cursor);
                Membership { room, place, handle: row.handle, role: row.role, cursor, ..known }
            }
            None => Membership { room, place, ..stored },
        });
    }

    /// Applies an event that was published while the list was read. Has no effect if the list has it.
    fn apply_missed(&mut self, key: AccountKey, event: &Published) {
        match &event.change {
            RoomChange::Nick(account, nick) => return self.rename_partner(key, *account, nick),
            RoomChange::Created(people) => {
                if let Some(list) = self.lists.get(key)
                    && people.contains(&list.id)
                {
                    self.reload(list.id, event.room);
                }
                return;
            }
            RoomChange::Name(name) => {
                if let Some(room) = self.live.key(event.room).and_then(|room| self.live.get_mut(room)) {
                    room.state.name = name.clone();
                }
                return;
            }
            _ => {}
        }
        let is_own = |account: UserId| self.lists.key(account) == Some(key);
        let Some(room) = self.live.key(event.room) else {
            if let RoomChange::Member(account, role) = event.change
                && is_own(account)
                && role != Role::None
            {
                self.reload(account, event.room);
            }
            return;
        };
        if let Some(live) = self.live.get_mut(room)
            && event.seq > live.state.head_seq
        {
            // The room is held only since the list was read.
            live.state.apply(event);
            live.spread.ord = live.state.head_ord;
        }
        if let RoomChange::Member(account, role) = event.change
            && is_own(account)
        {
            // The row says what the role is at present.
            match role {
                Role::None if self.lists.room(key, room).is_none() => {}
                _ => self.reload(account, event.room),
            }
        }
    }

    /// The result of a [`Reload`](super::Reload). `row` is `None` if there is no such room.
    pub fn reloaded(
        &mut self,
        account: UserId,
        room: RoomId,
        row: Option<&RoomRow>,
        reading: Reading,
        out: &mut Outputs,
    ) {
        let missed = self.recent.end(reading);
        let Some(key) = self.lists.key(account) else { return };
        let is_newer = |event: &&Arc<Published>| {
            matches!(event.change, RoomChange::Member(of, _) if of == account)
                && event.room == room
                && row.is_none_or(|row| event.seq > row.room.head_seq)
        };
        if missed.iter().rfind(is_newer).is_some() {
            // The role has changed again; that event has caused a reload of its own.
            return;
        }
        match row.filter(|row| row.role != Role::None) {
            Some(row) => {
                self.put_row(key, row);
                let concerns =
                    |event: &Published| event.room == room || matches!(event.change, RoomChange::Nick(..));
                for event in missed.iter().filter(|event| concerns(event)) {
                    self.apply_missed(key, event);
                }
                if let Some(room) = self.live.key(room) {
                    self.send_row(key, room, None, out);
                }
            }
            None => {
                if let Some(room) = self.live.key(room) {
                    self.leave_room(key, room, out);
                }
            }
        }
    }

    /// A room was created, with the account `creator` and these people in it or invited.
    pub fn room_created(&mut self, room: RoomId, creator: UserId, people: &Arc<[UserId]>) {
        let all: Arc<[UserId]> = people.iter().copied().chain([creator]).collect();
        self.note_directory(room, RoomChange::Created(all.clone()));
        for account in all.iter() {
            self.reload_again(*account, room);
        }
    }

    /// Reads a row once more, if the account is online.
    pub fn reload_again(&mut self, account: UserId, room: RoomId) {
        if self.lists.key(account).is_some() {
            self.reload(account, room);
        }
    }

    /// Asks for a row of an account to be read.
    pub(super) fn reload(&mut self, account: UserId, room: RoomId) {
        let reading = self.recent.begin();
        self.reloads.push(super::Reload { account, room, reading });
    }

    /// Removes a room from the list of an account: ends its subscriptions and sends the removal to its connections.
    pub(super) fn leave_room(&mut self, key: AccountKey, room: RoomKey, out: &mut Outputs) {
        self.save_cursor(key, room);
        let (Some(list), Some(state)) = (self.lists.get_mut(key), self.live.state(room)) else { return };
        let connections = list.connections.clone();
        let Some(membership) = list.remove_room(room) else { return };
        list.left.insert(state.id, membership.clone());
        // Before the room is released, which needs its state.
        let removed = self.live.state(room).map(|state| rows::removed(state, membership.handle));
        // Everything up to the event that has removed the account.
        self.flush(room, out);
        for conn in connections {
            self.unsubscribe(conn, room);
            if let Some(viewer) = self.viewers.get_mut(conn) {
                viewer.activity.forget(room);
            }
            if let Some(removed) = &removed {
                out.send(conn, &events::rows(vec![removed.clone()]));
            }
        }
        self.remove_online(&membership);
    }

    fn add_online(&mut self, key: AccountKey, room: RoomKey) -> u32 {
        let Some(live) = self.live.get_mut(room) else { return 0 };
        live.online.push(key);
        u32::try_from(live.online.len() - 1).unwrap_or(u32::MAX)
    }

    /// Removes an account from those of the room that are online. The last of them moves to its place.
    fn remove_online(&mut self, membership: &Membership) {
        let Membership { room, place, .. } = *membership;
        if let Some(live) = self.live.get_mut(room)
            && (place as usize) < live.online.len()
        {
            live.online.swap_remove(place as usize);
            if let Some(moved) = live.online.get(place as usize).copied()
                && let Some(moved) = self.lists.get_mut(moved).and_then(|list| list.room_mut(room))
            {
                moved.place = place;
            }
        }
        self.live.release(room);
    }
}
