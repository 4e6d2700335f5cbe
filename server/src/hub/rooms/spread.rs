//! Activity: from a marked room to the connections of its members. See [`activity`](super::activity).

use std::collections::BTreeSet;

use parlour_core::{
    Millis,
    model::UserId,
    wire::{self, server_event::Body},
};

use super::{
    Rooms,
    activity::{ACTIVITY_INTERVAL_MS, RoomActivity},
    events,
    live_rooms::RoomKey,
    viewers::Viewer,
};
use crate::hub::{connection_table::ConnectionId, output::Outputs};

impl Rooms {
    /// Marks a room with a new message.
    pub(super) fn mark(&mut self, now: Millis, room: RoomKey) {
        if let Some(live) = self.live.get_mut(room)
            && !std::mem::replace(&mut live.spread.is_marked, true)
        {
            self.marked.set(room, live.spread.next.max(now));
        }
    }

    /// Spreads the rooms that are due, and sends frames to the connections that may be sent one.
    pub(super) fn send_activity(&mut self, now: Millis, out: &mut Outputs) {
        while let Some(room) = self.marked.pop_due(now) {
            self.spread(now, room);
        }
        while let Some(conn) = self.schedule.pop_due(now) {
            self.send_pending(now, conn, out);
        }
    }

    /// Notes a marked room at the connections of its members that have not subscribed to it.
    fn spread(&mut self, now: Millis, room: RoomKey) {
        let Some(live) = self.live.get_mut(room) else { return };
        let told = live.spread.ord;
        live.spread.ord = live.state.head_ord;
        live.spread.next = now + ACTIVITY_INTERVAL_MS;
        live.spread.is_marked = false;
        for account in &live.online {
            #[cfg(test)]
            {
                self.steps += 1;
            }
            let Some(list) = self.lists.get(*account) else { continue };
            if !list.room(room).is_some_and(|membership| membership.is_joined()) {
                continue;
            }
            for conn in &list.connections {
                #[cfg(test)]
                {
                    self.steps += 1;
                }
                if let Some(viewer) = self.viewers.get_mut(*conn)
                    && viewer.subscription(room).is_none()
                {
                    viewer.activity.note(room, told);
                    self.schedule.schedule(*conn, &mut viewer.activity);
                }
            }
        }
    }

    /// All events up to a version are published, and marked rooms are spread. Tells it each connection that was sent the
    /// activity of all rooms, and the others when that is so. Not to those of the accounts `except`.
    pub fn tell_version(&mut self, version: u64, except: &BTreeSet<UserId>, out: &mut Outputs) {
        for (conn, viewer) in self.viewers.iter_mut() {
            if self.lists.get(viewer.account).is_some_and(|list| !except.contains(&list.id)) {
                viewer.version = Some(version);
                send_version(conn, viewer, out);
            }
        }
    }

    fn send_pending(&mut self, now: Millis, conn: ConnectionId, out: &mut Outputs) {
        let Some(viewer) = self.viewers.get_mut(conn) else { return };
        let (lists, live, account) = (&self.lists, &self.live, viewer.account);
        let entries = viewer.activity.take(|room| {
            let membership = lists.room(account, room).filter(|membership| membership.is_joined())?;
            let live = live.get(room)?;
            let (head_ord, spread) = (live.state.head_ord, live.spread.ord);
            Some(RoomActivity { handle: membership.handle, head_ord, spread })
        });
        let is_sent = !entries.is_empty();
        if is_sent {
            let (handles, messages) = entries.into_iter().map(|entry| (entry.handle, entry.messages)).unzip();
            out.send(conn, &events::of_server(Body::Activity(wire::Activity { handles, messages })));
        }
        self.schedule.done(now, conn, &mut viewer.activity, is_sent);
        send_version(conn, viewer, out);
    }
}

fn send_version(conn: ConnectionId, viewer: &mut Viewer, out: &mut Outputs) {
    if let Some(version) = viewer.take_version() {
        let rows = wire::AccountRows { version, ..wire::AccountRows::default() };
        out.send(conn, &events::of_server(Body::Rows(rows)));
    }
}
