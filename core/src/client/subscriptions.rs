//! The rooms whose events the connection receives in full: those that a tab shows.
//!
//! Each tab states its own position when it subscribes, and gets a window of its own. After that all tabs that show a room
//! have the same position, which is tracked here: one subscription after a reconnect serves all of them.

use super::Origin;
use crate::sorted::{SortedMap, SortedSet};
use crate::{
    model::{MessageId, RoomId},
    status::Status,
    wire,
};

/// The maximum number of subscriptions if the server does not state it.
const DEFAULT_LIMIT: usize = 16;

/// How far a client has the events of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The sequence number up to which it has all events; 0 if it has none.
    pub seq: u64,
    /// The id of the message with this sequence number, if it is known.
    pub id: Option<MessageId>,
}

impl Position {
    /// The position as the request of a subscription.
    pub(super) fn to_wire(self) -> wire::Subscribe {
        wire::Subscribe { seq: self.seq, id: self.id.map(|id| id.0.to_vec()).unwrap_or_default() }
    }

    /// The position of a state, from [`RoomState::subscription`](super::room::RoomState::subscription).
    #[must_use]
    pub fn from_wire(subscribe: &wire::Subscribe) -> Self {
        Self { seq: subscribe.seq, id: MessageId::from_wire(&subscribe.id) }
    }
}

/// What the server knows of a subscription on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing.
    Unknown,
    /// The login has stated the position; a window may follow.
    StatedAtLogin,
    /// It was requested; a window follows.
    Requested,
    /// The window was received, and all later events follow it.
    Live,
}

#[derive(Debug)]
struct Subscription {
    /// The tabs that show the room. None any more for the room that was shown last.
    origins: SortedSet<Origin>,
    stage: Stage,
    position: Position,
}

/// The subscriptions of all tabs. They outlive connections.
#[derive(Debug)]
pub(super) struct Subscriptions {
    rooms: SortedMap<RoomId, Subscription>,
    /// The room that was subscribed or shown last: the next welcome has its window.
    open: RoomId,
    /// The room whose window the welcome has that answers the last login.
    requested: RoomId,
    limit: usize,
}

impl Default for Subscriptions {
    fn default() -> Self {
        let (rooms, open) = (SortedMap::new(), RoomId::LOBBY);
        Self { rooms, open, requested: open, limit: DEFAULT_LIMIT }
    }
}

impl Subscriptions {
    /// The limit of the server; 0 if it does not state one.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = if limit == 0 { DEFAULT_LIMIT } else { limit as usize };
    }

    /// Adds a tab to the subscription of a room. `position` is that of the tab. Returns the rooms that no tab shows any
    /// more: their subscriptions have ended.
    ///
    /// # Errors
    /// [`Status::TooManyRooms`] if the tabs show too many rooms.
    pub fn add(&mut self, room: RoomId, origin: Origin, position: Position) -> Result<Vec<RoomId>, Status> {
        let is_unused =
            |of: &RoomId, subscription: &Subscription| *of != room && subscription.origins.is_empty();
        let unused = self.rooms.iter().filter(|(of, subscription)| is_unused(of, subscription));
        let unused: Vec<_> = unused.map(|(of, _)| *of).collect();
        if !self.rooms.contains_key(&room) && self.rooms.len() - unused.len() >= self.limit {
            return Err(Status::TooManyRooms);
        }
        unused.iter().for_each(|room| drop(self.rooms.remove(room)));
        self.open = room;
        self.entry(room, position).origins.insert(origin);
        Ok(unused)
    }

    fn entry(&mut self, room: RoomId, position: Position) -> &mut Subscription {
        let new = || Subscription { origins: SortedSet::new(), stage: Stage::Unknown, position };
        self.rooms.or_insert_with(room, new)
    }

    /// A room is shown again that is still subscribed.
    pub fn show(&mut self, room: RoomId) {
        if self.rooms.contains_key(&room) {
            self.open = room;
        }
    }

    /// Removes a tab from the subscription of a room. The subscription continues until another room is subscribed.
    pub fn remove(&mut self, room: RoomId, origin: Origin) {
        if let Some(subscription) = self.rooms.get_mut(&room) {
            subscription.origins.remove(&origin);
        }
    }

    /// Removes a tab that was closed from all subscriptions.
    pub fn remove_origin(&mut self, origin: Origin) {
        for subscription in self.rooms.values_mut() {
            subscription.origins.remove(&origin);
        }
    }

    /// The account has left the room, or may not enter it. Returns whether it was subscribed.
    pub fn end(&mut self, room: RoomId) -> bool {
        let was_subscribed = self.rooms.remove(&room).is_some();
        if self.open == room {
            self.open = self.rooms.keys().next_back().copied().unwrap_or(RoomId::LOBBY);
        }
        was_subscribed
    }

    /// The room whose window the welcome has that answers the last login.
    pub fn requested_at_login(&self) -> RoomId {
        self.requested
    }

    /// The stage of a room; `None` if it is not subscribed.
    pub fn stage(&self, room: RoomId) -> Option<Stage> {
        self.rooms.get(&room).map(|subscription| subscription.stage)
    }

    /// Changes the stage of a room, if it is subscribed.
    pub fn set_stage(&mut self, room: RoomId, stage: Stage) {
        if let Some(subscription) = self.rooms.get_mut(&room) {
            subscription.stage = stage;
        }
    }

    /// The rooms in a stage.
    pub fn in_stage(&self, stage: Stage) -> Vec<RoomId> {
        let rooms = self.rooms.iter().filter(|(_, subscription)| subscription.stage == stage);
        rooms.map(|(room, _)| *room).collect()
    }

    /// The position of the tabs that show a room.
    pub fn position(&self, room: RoomId) -> Position {
        self.rooms.get(&room).map(|subscription| subscription.position).unwrap_or_default()
    }

    /// A window of a room was received, after which the tabs have this position.
    pub fn window(&mut self, room: RoomId, position: Position) {
        if let Some(subscription) = self.rooms.get_mut(&room) {
            (subscription.stage, subscription.position) = (Stage::Live, position);
        }
    }

    /// Returns `true` if another tab shows the room.
    pub fn is_shown_by_other(&self, room: RoomId, origin: Origin) -> bool {
        self.rooms.get(&room).is_some_and(|subscription| subscription.origins.iter().any(|of| *of != origin))
    }

    /// The rooms that tabs other than that of the client show.
    pub fn of_other_tabs(&self) -> Vec<RoomId> {
        let is_shown =
            |subscription: &Subscription| subscription.origins.iter().any(|of| *of != Origin::LOCAL);
        let shown = self.rooms.iter().filter(|(_, subscription)| is_shown(subscription));
        shown.map(|(room, _)| *room).collect()
    }

    /// A live event of a room was received, `id` if it is a message. Returns `false` if events are missing before it, or if no
    /// window was received: then the tabs can't use it.
    pub fn advance(&mut self, room: RoomId, seq: u64, id: Option<MessageId>) -> bool {
        let Some(subscription) = self.rooms.get_mut(&room) else { return true };
        if subscription.stage != Stage::Live {
            return true;
        }
        let position = &mut subscription.position;
        if seq > position.seq + 1 {
            return false;
        }
        if seq > position.seq {
            *position = Position { seq, id };
        }
        true
    }

    /// The log has been replaced: no position is valid any more.
    pub fn reset_positions(&mut self) {
        self.rooms.values_mut().for_each(|subscription| subscription.position = Position::default());
    }

    /// A login is sent. Returns the rooms whose positions it states, with the open one first.
    pub fn state_at_login(&mut self) -> Vec<(RoomId, Position)> {
        let open = self.open;
        self.requested = open;
        if !self.rooms.contains_key(&open) {
            // The tab that has the connection gets the window of the welcome, and follows the room from there.
            self.entry(open, Position::default()).origins.insert(Origin::LOCAL);
        }
        self.rooms.values_mut().for_each(|subscription| subscription.stage = Stage::StatedAtLogin);
        let rooms = self.rooms.iter().map(|(room, subscription)| (*room, subscription.position));
        let (mut rooms, others): (Vec<_>, Vec<_>) = rooms.partition(|(room, _)| *room == open);
        rooms.extend(others);
        rooms
    }

    /// A first login is sent, which opens the lobby.
    pub fn first_login(&mut self) {
        self.requested = RoomId::LOBBY;
        self.entry(RoomId::LOBBY, Position::default()).stage = Stage::StatedAtLogin;
    }

    /// The connection has ended.
    pub fn disconnected(&mut self) {
        self.rooms.values_mut().for_each(|subscription| subscription.stage = Stage::Unknown);
    }
}
