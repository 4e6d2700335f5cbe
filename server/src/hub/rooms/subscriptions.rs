//! Subscriptions of connections to rooms.
//!
//! A subscription waits until the state of the room is read from the log. The events that are published meanwhile are held
//! (`Delivery`), so that what was read and what is delivered afterwards have no gap. What was read may be newer than what is
//! published; then it waits for that, so that counters of the room never go backwards.

use std::collections::BTreeMap;

use bytes::Bytes;
use parlour_core::{
    codec,
    model::{Role, RoomId, UserId},
    status::Status,
};

use super::{
    Rooms,
    delivery::{Delivery, Encoding, Held, PersonChange},
    live_rooms::RoomKey,
    presence,
    viewers::SubscriptionState,
};
use crate::{
    hub::{connection_table::ConnectionId, output::Outputs},
    policy::{Action, allows},
};

/// The most rooms that a connection is subscribed to.
pub const MAX_SUBSCRIPTIONS: usize = 32;

/// The result of a finished subscription.
#[derive(Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// The events after those that were read; all later ones are delivered.
    Live(Vec<Bytes>),
    /// What was read is newer than the last published event: the same result comes again when more is published.
    Early,
    /// What was read is too old: it must be read again, with the same ticket.
    Outdated,
    /// It began anew with another ticket, whose result follows.
    Replaced,
    /// It began anew with another ticket, whose result has come before. To be begun anew once more.
    Overtaken,
    /// The subscription has ended meanwhile.
    Ended,
}

/// A subscription of a slow consumer that has caught up.
#[derive(Debug, PartialEq, Eq)]
pub struct Resumption {
    /// The room.
    pub room: RoomId,
    /// The client has all events up to this one.
    pub after: u64,
    /// The ticket for [`Rooms::subscribed`].
    pub ticket: u64,
}

impl Rooms {
    /// Begins the subscription of a connection to a room, or begins it anew. Returns a ticket for
    /// [`subscribed`](Self::subscribed).
    ///
    /// # Errors
    /// Those of [`allows`] if the account may not read the room; [`Status::TooManyRooms`] above [`MAX_SUBSCRIPTIONS`].
    pub fn subscribe(&mut self, conn: ConnectionId, room: RoomId, out: &mut Outputs) -> Result<u64, Status> {
        let key = self.live.key(room).ok_or(Status::NoSuchRoom)?;
        self.may(conn, key, Action::Read)?;
        let viewer = self.viewers.get(conn).ok_or(Status::NotLoggedIn)?;
        let is_new = viewer.subscription(key).is_none();
        if is_new && viewer.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Err(Status::TooManyRooms);
        }
        self.end_subscription(conn, room, out);
        Ok(self.begin_waiting(conn, key))
    }

    fn begin_waiting(&mut self, conn: ConnectionId, room: RoomKey) -> u64 {
        self.last_ticket += 1;
        if let (Some(live), Some(viewer)) = (self.live.get_mut(room), self.viewers.get_mut(conn)) {
            let head_seq = live.state.head_seq;
            live.delivery.get_or_insert_with(|| Box::new(Delivery::new(head_seq))).begin_waiting();
            let told = viewer.activity.forget(room).unwrap_or(live.spread.ord);
            viewer.set_subscription(room, SubscriptionState::Waiting { ticket: self.last_ticket, told });
        }
        self.last_ticket
    }

    /// The state of a room was read, up to this event. If the subscription is not outdated, the caller sends what was read and
    /// then the returned events.
    pub fn subscribed(
        &mut self,
        conn: ConnectionId,
        room: RoomId,
        ticket: u64,
        seq: u64,
        out: &mut Outputs,
    ) -> Subscribed {
        let Some(key) = self.live.key(room) else { return Subscribed::Ended };
        let Some(viewer) = self.viewers.get_mut(conn) else { return Subscribed::Ended };
        let replaced = match viewer.subscription(key) {
            Some(SubscriptionState::Waiting { ticket: of, .. }) if of == ticket => None,
            Some(SubscriptionState::Waiting { .. }) => Some(Subscribed::Replaced),
            Some(_) => return Subscribed::Overtaken,
            None => return Subscribed::Ended,
        };
        let Some(live) = self.live.get_mut(key) else { return Subscribed::Ended };
        if seq > live.state.head_seq {
            return Subscribed::Early;
        }
        if let Some(replaced) = replaced {
            return replaced;
        }
        let Some(delivery) = live.delivery.as_deref_mut() else { return Subscribed::Ended };
        let Some(held) = delivery.since(seq) else { return Subscribed::Outdated };
        if viewer.is_slow {
            delivery.end_waiting();
            viewer.set_subscription(key, SubscriptionState::Suspended(seq));
            return Subscribed::Live(Vec::new());
        }
        delivery.flush(self.round, out);
        let index = delivery.subscribe(conn, viewer.encoding);
        delivery.end_waiting();
        viewer.set_subscription(key, SubscriptionState::Active { index, since: seq });
        Subscribed::Live(held.into_iter().map(|held| self.encode_held(held)).collect())
    }

    fn encode_held(&self, held: Held) -> Bytes {
        match held {
            Held::Event(frame) => frame,
            Held::Nick(account, nick) => {
                let change = PersonChange { nick, online: self.is_online(account) };
                codec::encode(&presence::frame(BTreeMap::from([(account, change)]), 0))
            }
        }
    }

    /// Ends the subscription with this ticket, because the state of the room could not be read.
    pub fn abandon(&mut self, conn: ConnectionId, room: RoomId, ticket: u64, out: &mut Outputs) {
        if let Some(key) = self.live.key(room)
            && let Some(viewer) = self.viewers.get(conn)
            && is_waiting(viewer.subscription(key), ticket)
        {
            self.end_subscription(conn, room, out);
        }
    }

    /// Ends the subscription of a connection at its request, if there is one. From then on it is told of the room's activity.
    pub fn end_subscription(&mut self, conn: ConnectionId, room: RoomId, out: &mut Outputs) {
        let Some(key) = self.live.key(room) else { return };
        self.flush(key, out);
        let Some(state) = self.unsubscribe(conn, key) else { return };
        let (Some(live), Some(viewer)) = (self.live.get(key), self.viewers.get_mut(conn)) else { return };
        let head_ord = live.state.head_ord;
        match state {
            SubscriptionState::Active { .. } => viewer.activity.told(key, head_ord, live.spread.ord),
            SubscriptionState::Waiting { told, .. } => {
                viewer.activity.told(key, told, live.spread.ord);
                self.schedule.schedule(conn, &mut viewer.activity);
            }
            // It is not known what has arrived.
            SubscriptionState::Suspended(_) => {
                let account = viewer.account;
                self.send_row_to(account, key, conn, out);
            }
        }
    }

    /// Delivers the queued events of a room.
    pub(super) fn flush(&mut self, room: RoomKey, out: &mut Outputs) {
        if let Some(delivery) = self.live.delivery_mut(room) {
            delivery.flush(self.round, out);
        }
    }

    /// Ends a subscription. Returns the progress that it had.
    pub(super) fn unsubscribe(&mut self, conn: ConnectionId, room: RoomKey) -> Option<SubscriptionState> {
        let viewer = self.viewers.get_mut(conn)?;
        let (encoding, state) = (viewer.encoding, viewer.remove_subscription(room)?);
        self.remove_subscriber(encoding, room, state);
        Some(state)
    }

    /// Removes a subscriber from its room. The last of the subscribers moves to its index.
    fn remove_subscriber(&mut self, encoding: Encoding, room: RoomKey, state: SubscriptionState) {
        let Some(live) = self.live.get_mut(room) else { return };
        let Some(delivery) = live.delivery.as_deref_mut() else { return };
        match state {
            SubscriptionState::Waiting { .. } => delivery.end_waiting(),
            SubscriptionState::Suspended(_) => {}
            SubscriptionState::Active { index, .. } => {
                let moved = delivery.unsubscribe(encoding, index);
                if let Some(viewer) = moved.and_then(|moved| self.viewers.get_mut(moved))
                    && let Some(SubscriptionState::Active { since, .. }) = viewer.subscription(room)
                {
                    viewer.set_subscription(room, SubscriptionState::Active { index, since });
                }
            }
        }
        if delivery.is_unused() {
            live.delivery = None;
        }
        self.live.release(room);
    }

    /// A connection is a slow consumer: frames to the subscribers of rooms were dropped for it in the last round, and it is
    /// sent none until [`resume`](Self::resume).
    pub fn suspend(&mut self, conn: ConnectionId) {
        let Some(viewer) = self.viewers.get_mut(conn) else { return };
        viewer.is_slow = true;
        let (encoding, subscriptions) = (viewer.encoding, viewer.subscriptions.clone());
        for subscription in subscriptions {
            let SubscriptionState::Active { since, .. } = subscription.state else { continue };
            let Some(delivery) = self.live.delivery_mut(subscription.room) else { continue };
            // The round has ended.
            let after = delivery.delivered_before(self.round.saturating_sub(1)).max(since);
            if let Some(viewer) = self.viewers.get_mut(conn) {
                viewer.set_subscription(subscription.room, SubscriptionState::Suspended(after));
            }
            self.remove_subscriber(encoding, subscription.room, subscription.state);
        }
    }

    /// A slow consumer has read everything. Its rooms must be read again from where it was suspended. Their rows are sent at
    /// once, because own messages may have moved the cursors.
    pub fn resume(&mut self, conn: ConnectionId, out: &mut Outputs) -> Vec<Resumption> {
        let Some(viewer) = self.viewers.get_mut(conn) else { return Vec::new() };
        viewer.is_slow = false;
        let account = viewer.account;
        let mut resumptions = Vec::new();
        for subscription in viewer.subscriptions.clone() {
            let SubscriptionState::Suspended(after) = subscription.state else { continue };
            let Some(room) = self.live.state(subscription.room).map(|state| state.id) else { continue };
            let ticket = self.begin_waiting(conn, subscription.room);
            self.send_row_to(account, subscription.room, conn, out);
            resumptions.push(Resumption { room, after, ticket });
        }
        resumptions
    }

    /// Returns `true` if all events of a room up to this one are published, or nobody online is in it.
    #[must_use]
    pub fn is_published(&self, room: RoomId, seq: u64) -> bool {
        self.head_seq(room).is_none_or(|head_seq| head_seq >= seq)
    }

    /// The sequence number of the newest published event of a room that is held.
    #[must_use]
    pub fn head_seq(&self, room: RoomId) -> Option<u64> {
        self.live.state(self.live.key(room)?).map(|state| state.head_seq)
    }

    /// The role of an account in the lobby, as far as its list is held.
    #[must_use]
    pub fn lobby_role(&self, account: UserId) -> Role {
        let own = self.lists.key(account).and_then(|key| self.lists.room(key, RoomKey::LOBBY));
        own.map_or(Role::Member, |own| own.role.max(Role::Member))
    }

    /// Checks whether the account of a connection may do something in a room that is held.
    ///
    /// # Errors
    /// Those of [`allows`].
    pub(super) fn may(&self, conn: ConnectionId, room: RoomKey, action: Action) -> Result<(), Status> {
        let state = self.live.state(room).ok_or(Status::NoSuchRoom)?;
        let viewer = self.viewers.get(conn).ok_or(Status::NotLoggedIn)?;
        let role = self.lists.room(viewer.account, room).map(|own| own.role);
        allows(role.unwrap_or(Role::None), state.kind, state.archived, action)
    }
}

/// Returns `true` if a subscription waits for the request with this ticket.
fn is_waiting(state: Option<SubscriptionState>, ticket: u64) -> bool {
    matches!(state, Some(SubscriptionState::Waiting { ticket: of, .. }) if of == ticket)
}
