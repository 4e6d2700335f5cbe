//! Presence of the accounts that a connection can see: the members of the rooms that it is subscribed to, and the people of
//! its DIRECT rooms. New nicks reach all subscribers, because who has left a room may have sent messages there. Changes are
//! collected for [`PRESENCE_INTERVAL_MS`]; then each room and each account is sent one frame.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use parlour_core::{
    Millis,
    model::{RoomKind, UserId},
    wire::{self, server_event::Body},
};

use super::{Rooms, delivery::PersonChange, events, live_rooms::RoomKey, room_lists::AccountKey, rows};
use crate::hub::{connection_table::ConnectionId, output::Outputs};

/// The interval between presence updates. The first change after a quiet interval is sent at once.
pub const PRESENCE_INTERVAL_MS: Millis = 100;

/// The accounts that are online, and the changes that are not published yet.
#[derive(Debug, Default)]
pub(super) struct Presence {
    online: HashSet<UserId>,
    /// Accounts without a connection that count as online until this batch is settled, which has their last message.
    departing: HashMap<UserId, u64>,
    /// Rooms with changes for their subscribers.
    pub(super) rooms: BTreeSet<RoomKey>,
    /// Changes for the people of DIRECT rooms, by who sees them.
    partners: BTreeMap<AccountKey, BTreeMap<UserId, PersonChange>>,
    /// Accounts with another nick, for the subscribers of all rooms.
    pub(super) renamed: BTreeMap<UserId, PersonChange>,
    /// The time from which changes may be published.
    next: Millis,
}

impl Presence {
    /// Returns `true` if an account is online.
    pub(super) fn is_online(&self, account: UserId) -> bool {
        self.online.contains(&account)
    }

    /// The time at which changes are published, if there are any.
    pub(super) fn next_due(&self) -> Option<Millis> {
        let is_empty = self.rooms.is_empty() && self.partners.is_empty() && self.renamed.is_empty();
        (!is_empty).then_some(self.next)
    }

    /// The number of entries in all tables.
    pub(super) fn table_size(&self) -> usize {
        self.online.len()
            + self.departing.len()
            + self.rooms.len()
            + self.partners.values().map(BTreeMap::len).sum::<usize>()
            + self.renamed.len()
    }
}

impl Rooms {
    /// Returns `true` if an account is online, with any kind of client.
    #[must_use]
    pub fn is_online(&self, account: UserId) -> bool {
        self.presence.is_online(account)
    }

    /// An account has lost its last connection while messages of it were not settled: it leaves when this batch is.
    pub fn begin_departure(&mut self, account: UserId, batch: u64) {
        self.presence.departing.insert(account, batch);
    }

    /// A batch after which an account leaves is settled. Has no effect if the account has returned since.
    pub fn finish_departure(&mut self, account: UserId, nick: &Arc<str>, batch: u64) {
        if self.presence.departing.get(&account) == Some(&batch) {
            self.note_presence(account, nick, false);
        }
    }

    /// An account has come online or left. Its list, if it has one, is loaded.
    pub fn note_presence(&mut self, account: UserId, nick: &Arc<str>, online: bool) {
        self.presence.departing.remove(&account);
        if online {
            self.presence.online.insert(account);
        } else {
            self.presence.online.remove(&account);
        }
        self.note_change(account, nick, online);
    }

    /// An account that is online or not has another nick, or its presence has changed.
    pub(super) fn note_change(&mut self, account: UserId, nick: &Arc<str>, online: bool) {
        let change = PersonChange { nick: nick.clone(), online };
        let list = self.lists.key(account).and_then(|key| self.lists.get(key));
        let rooms = list.map_or(&[][..], |list| list.rooms());
        // Everybody is in the lobby, also those without a list.
        let others = rooms.iter().filter(|own| own.is_joined()).map(|own| own.room);
        for room in std::iter::once(RoomKey::LOBBY).chain(others).collect::<Vec<_>>() {
            self.note_change_in(room, account, &change);
        }
    }

    /// Notes a change for the subscribers of a room, and for its people if it is DIRECT.
    pub(super) fn note_change_in(&mut self, room: RoomKey, account: UserId, change: &PersonChange) {
        let Some(live) = self.live.get_mut(room) else { return };
        if let Some(delivery) = live.delivery.as_deref_mut().filter(|delivery| delivery.has_subscribers()) {
            delivery.presence.insert(account, change.clone());
            self.presence.rooms.insert(room);
        }
        if live.state.kind == RoomKind::Direct {
            for partner in &live.online {
                self.presence.partners.entry(*partner).or_default().insert(account, change.clone());
            }
        }
    }

    /// The people of an account's DIRECT rooms who are online, for a connection that has them from an earlier login; `None` if
    /// there are no such rooms.
    #[must_use]
    pub fn online_partners(&self, conn: ConnectionId, unix_ms: i64) -> Option<wire::PresenceChanges> {
        let list = self.lists.get(self.viewers.get(conn)?.account)?;
        let live = list.rooms().iter().filter_map(|own| self.live.state(own.room));
        let direct: Vec<_> = live.filter(|state| state.kind == RoomKind::Direct).collect();
        let partners = direct.iter().flat_map(|state| state.people.iter()).map(|(account, _)| *account);
        let online: BTreeSet<_> =
            partners.filter(|account| *account != list.id && self.is_online(*account)).collect();
        let people = online.into_iter().map(|account| rows::person(account, "", true)).collect();
        (!direct.is_empty()).then_some(wire::PresenceChanges { people, time: unix_ms, partners: true })
    }

    /// Notes the new nicks in all rooms with subscribers. A change of the presence that is noted already may have the former nick.
    fn note_renamed(&mut self) {
        let renamed = std::mem::take(&mut self.presence.renamed);
        if renamed.is_empty() {
            return;
        }
        for room in self.live.delivered() {
            let Some(delivery) = self.live.delivery_mut(room).filter(|delivery| delivery.has_subscribers())
            else {
                continue;
            };
            for (account, change) in &renamed {
                let noted = delivery.presence.entry(*account).or_insert_with(|| change.clone());
                noted.nick.clone_from(&change.nick);
            }
            self.presence.rooms.insert(room);
        }
    }

    /// Publishes the changes, if they are due.
    pub(super) fn publish_presence(&mut self, now: Millis, unix_ms: i64, out: &mut Outputs) {
        if self.presence.next_due().is_none_or(|due| due > now) {
            return;
        }
        self.presence.next = now + PRESENCE_INTERVAL_MS;
        self.note_renamed();
        for room in std::mem::take(&mut self.presence.rooms) {
            if let Some(delivery) = self.live.delivery_mut(room) {
                let changes = std::mem::take(&mut delivery.presence);
                delivery.send_to_all(self.round, &frame(changes, unix_ms), out);
            }
        }
        for (partner, changes) in std::mem::take(&mut self.presence.partners) {
            let Some(list) = self.lists.get(partner) else { continue };
            let frame = frame(changes, unix_ms);
            list.connections.iter().for_each(|conn| out.send(*conn, &frame));
        }
    }
}

/// The frame with the changes in a room.
pub(super) fn frame(changes: BTreeMap<UserId, PersonChange>, time: i64) -> parlour_core::codec::Envelope {
    let people =
        changes.into_iter().map(|(account, change)| rows::person(account, &change.nick, change.online));
    events::of_server(Body::Presence(wire::PresenceChanges {
        people: people.collect(),
        time,
        partners: false,
    }))
}
