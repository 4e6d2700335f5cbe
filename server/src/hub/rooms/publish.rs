//! Published events: what they change in memory, and their delivery.

use std::sync::Arc;

use bytes::Bytes;
use parlour_core::{
    Millis,
    model::{Role, RoomId, RoomKind, UserId},
    wire::{self, server_event::Body},
};

use super::{
    Rooms,
    delivery::PersonChange,
    events,
    live_rooms::RoomKey,
    presence,
    published::{Published, RoomChange},
    room_lists::AccountKey,
};
use crate::hub::output::Outputs;

impl Rooms {
    /// Publishes an event of a room. Called in the order of the log. `encode` is called if anybody needs the event.
    pub fn publish(
        &mut self,
        now: Millis,
        event: &Published,
        encode: impl FnOnce() -> Bytes,
        out: &mut Outputs,
    ) {
        self.recent.push(event);
        let room = self.live.key(event.room);
        let live = room.and_then(|room| self.live.get_mut(room));
        // If the room is not held, nobody online has it in its list. If it is held with a newer state, it came into memory with
        // a list that was read after this event. But it may be missing in the list of the account that the event is about.
        let (Some(room), Some(live)) = (room, live.filter(|live| event.seq > live.state.head_seq)) else {
            if let RoomChange::Member(account, _) = event.change
                && self.lists.key(account).is_some()
            {
                self.reload(account, event.room);
            }
            return;
        };
        live.state.apply(event);
        if let Some(delivery) = live.delivery.as_deref_mut().filter(|delivery| delivery.needs_events()) {
            let is_message = matches!(event.change, RoomChange::Message(_));
            if is_message && delivery.presence.get(&event.sender).is_some_and(|change| change.online) {
                // A member's arrival is published before its first message.
                self.presence.rooms.remove(&room);
                let changes = std::mem::take(&mut delivery.presence);
                delivery.send_to_all(self.round, &presence::frame(changes, event.time), out);
            }
            delivery.publish(event.seq, encode());
            if self.ready.last() != Some(&room) {
                self.ready.push(room);
            }
        }
        match event.change {
            RoomChange::Message(ord) => {
                self.mark(now, room);
                self.pass_own(now, event, room, ord, out);
            }
            RoomChange::Archived(_) => self.send_rows_to_all(room, out),
            RoomChange::Member(account, role) => self.change_member(event.room, account, role, out),
            RoomChange::Name(_) | RoomChange::Nick(..) | RoomChange::Created(_) | RoomChange::Other => {}
        }
    }

    /// A room has another name.
    pub fn rename_room(&mut self, id: RoomId, name: &Arc<str>, out: &mut Outputs) {
        self.note_directory(id, RoomChange::Name(name.clone()));
        let Some(room) = self.live.key(id) else { return };
        if let Some(live) = self.live.get_mut(room) {
            live.state.name = name.clone();
        }
        self.send_rows_to_all(room, out);
    }

    /// An account has another nick. Its connections are told, and everybody who is subscribed to a room: it may have sent
    /// messages to rooms that it has left.
    pub fn change_nick(&mut self, account: UserId, nick: &Arc<str>, out: &mut Outputs) {
        self.note_directory(RoomId::LOBBY, RoomChange::Nick(account, nick.clone()));
        let Some(key) = self.lists.key(account) else { return self.change_absent_nick(account, nick) };
        if let Some(list) = self.lists.get_mut(key) {
            list.nick = nick.clone();
            let rows = wire::AccountRows { nick: nick.to_string(), ..wire::AccountRows::default() };
            let frame = events::of_server(Body::Rows(rows));
            list.connections.iter().for_each(|conn| out.send(*conn, &frame));
        }
        self.rename_partner(key, account, nick);
        self.note_change(account, nick, self.presence.is_online(account));
        self.note_nick(account, nick);
    }

    /// Changes the nick of an account whose list is not loaded, in the DIRECT rooms of the others.
    fn change_absent_nick(&mut self, account: UserId, nick: &Arc<str>) {
        let change = PersonChange { nick: nick.clone(), online: self.presence.is_online(account) };
        for room in self.live.direct_rooms_of(account) {
            if let Some(live) = self.live.get_mut(room) {
                live.state.rename_person(account, nick);
            }
            self.note_change_in(room, account, &change);
        }
        self.note_nick(account, nick);
    }

    /// Holds a changed nick for the subscriptions that wait, because what they get first may be older, and notes it for those
    /// that do not.
    fn note_nick(&mut self, account: UserId, nick: &Arc<str>) {
        for room in self.live.delivered() {
            if let Some(delivery) = self.live.delivery_mut(room).filter(|delivery| delivery.has_waiting()) {
                delivery.hold_nick(account, nick);
            }
        }
        let online = self.presence.is_online(account);
        self.presence.renamed.insert(account, PersonChange { nick: nick.clone(), online });
    }

    /// Changes the nick of an account in the DIRECT rooms of a list.
    pub(super) fn rename_partner(&mut self, key: AccountKey, account: UserId, nick: &Arc<str>) {
        let Some(list) = self.lists.get(key) else { return };
        for membership in list.rooms() {
            if let Some(live) = self.live.get_mut(membership.room)
                && live.state.kind == RoomKind::Direct
            {
                live.state.rename_person(account, nick);
            }
        }
    }

    pub(super) fn note_directory(&mut self, room: RoomId, change: RoomChange) {
        let sender = UserId([0; 16]);
        self.recent.push(&Published { room, seq: 0, sender, time: 0, change });
    }

    /// The role of an account in a room has changed.
    fn change_member(&mut self, id: RoomId, account: UserId, role: Role, out: &mut Outputs) {
        let (Some(key), Some(room)) = (self.lists.key(account), self.live.key(id)) else { return };
        if role == Role::None {
            return self.leave_room(key, room, out);
        }
        if let Some(membership) = self.lists.get_mut(key).and_then(|list| list.room_mut(room)) {
            membership.role = role;
        }
        // The row has what is not in the event: the handle, and what the account had before it left.
        self.reload(account, id);
    }

    /// Sends each account that is online its row of a room.
    fn send_rows_to_all(&mut self, room: RoomKey, out: &mut Outputs) {
        let online = self.live.get(room).map(|live| live.online.clone()).unwrap_or_default();
        for account in online {
            self.send_row(account, room, None, out);
        }
    }
}
