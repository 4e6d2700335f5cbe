//! The rooms that this tab shows: restored from the device, then subscribed on the server.

use parlour_core::sorted::SortedSet;
use parlour_core::{
    client::{
        Command, Event, Position, device,
        state::{Change, ClientState},
    },
    model::{Connection, RoomId},
    status::Status,
};
use wasm_bindgen_futures::spawn_local;

use super::{Inner, Report, Service, role::Role, storage};

/// The number of rooms whose events this tab receives: the open one, and those that were open before.
const MAX_SUBSCRIBED: usize = 4;

/// The rooms that this tab shows.
#[derive(Debug)]
pub(super) struct ShownRooms {
    /// The room that is open.
    pub open: Option<RoomId>,
    /// The rooms whose events this tab receives, the one that was opened last at the end.
    pub subscribed: Vec<RoomId>,
    /// In the leader, the rooms that only other tabs show. Their events are received too, because only the leader persists
    /// messages.
    pub of_others: Vec<RoomId>,
    /// Subscriptions that were not answered yet.
    pending: SortedSet<RoomId>,
    /// Rooms that are being read from the device.
    loading: SortedSet<RoomId>,
}

impl Default for ShownRooms {
    fn default() -> Self {
        Self {
            open: Some(RoomId::LOBBY),
            subscribed: Vec::new(),
            of_others: Vec::new(),
            pending: SortedSet::new(),
            loading: SortedSet::new(),
        }
    }
}

impl ShownRooms {
    /// The events of a room are not received any more.
    fn remove(&mut self, room: RoomId) {
        for rooms in [&mut self.subscribed, &mut self.of_others] {
            rooms.retain(|other| *other != room);
        }
    }
}

impl Inner {
    /// The rooms that other tabs show, if this tab is the leader.
    fn rooms_of_others(&self) -> Vec<RoomId> {
        match &self.role {
            Role::Leader(_, client) => client.rooms_of_other_tabs(),
            _ => Vec::new(),
        }
    }
}

impl Service {
    /// Shows another room, or none.
    pub(super) fn show_room(&self, room: Option<RoomId>) {
        {
            let rooms = &mut self.inner.borrow_mut().rooms;
            rooms.open = room;
            rooms.of_others.retain(|other| Some(*other) != room);
        }
        self.change_state(|state| state.open_room(room));
        if let Some(room) = room {
            self.load_room(room);
        }
    }

    /// Shows a room as the device has it, unless it is loaded already, and subscribes to it.
    pub(super) fn load_room(&self, room: RoomId) {
        let (scope, login_number, is_loaded) = {
            let inner = self.inner.borrow();
            let Some(state) = inner.state() else { return };
            // Before the first snapshot it is not known which log the messages are of.
            if state.me().is_none() {
                return;
            }
            (inner.scope.clone(), inner.login_number, is_loaded(state, room))
        };
        if is_loaded {
            return self.subscribe(room);
        }
        if !self.inner.borrow_mut().rooms.loading.insert(room) {
            return;
        }
        let service = self.clone();
        spawn_local(async move {
            let read = storage::load_room(&scope, room).await;
            if !service.is_current(login_number) {
                return;
            }
            service.inner.borrow_mut().rooms.loading.remove(&room);
            if let Some([rows, messages]) = read {
                service.change_state(|state| device::restore_room(state, room, &rows, &messages));
            }
            service.subscribe(room);
        });
    }

    /// Receives the events of a room, after the position of this tab, unless it does already.
    pub(super) fn subscribe(&self, room: RoomId) {
        let (position, unused) = {
            let mut inner = self.inner.borrow_mut();
            let Some(state) = inner.state() else { return };
            let is_interrupted = state.room(room).is_some_and(|room| room.is_interrupted());
            let position =
                state.room(room).map(|state| Position::from_wire(&state.subscription())).unwrap_or_default();
            let of_others = inner.rooms_of_others();
            let rooms = &mut inner.rooms;
            let (was_subscribed, is_open) = (rooms.subscribed.contains(&room), rooms.open == Some(room));
            if !rooms.of_others.contains(&room) {
                rooms.subscribed.retain(|other| *other != room);
                rooms.subscribed.push(room);
            }
            if was_subscribed && !is_interrupted || !rooms.pending.insert(room) {
                if is_open && let Role::Leader(_, client) = &mut inner.role {
                    client.handle_shown(room);
                }
                return;
            }
            let excess = rooms.subscribed.len().saturating_sub(MAX_SUBSCRIBED);
            let (kept, unused): (Vec<_>, Vec<_>) =
                rooms.subscribed.drain(..excess).partition(|room| of_others.contains(room));
            rooms.of_others.extend(kept);
            (position, unused)
        };
        for room in unused {
            drop(self.give(Command::Unsubscribe { room }));
        }
        let (service, login_number) = (self.clone(), self.inner.borrow().login_number);
        let answer = self.give(Command::Subscribe { room, position });
        spawn_local(async move {
            let answer = answer.await;
            if service.is_current(login_number) {
                service.handle_subscribed(room, answer.err().map(|refusal| refusal.status));
            }
        });
    }

    /// Receives the events of the rooms that only other tabs show, if this tab is the leader.
    pub(super) fn follow_other_tabs(&self) {
        let (new, unused) = {
            let mut inner = self.inner.borrow_mut();
            let shown = inner.rooms_of_others();
            let rooms = &mut inner.rooms;
            let unused: Vec<_> = rooms.of_others.extract_if(.., |room| !shown.contains(room)).collect();
            let is_known = |room: &RoomId| rooms.subscribed.contains(room) || rooms.of_others.contains(room);
            let new: Vec<_> = shown.into_iter().filter(|room| !is_known(room)).collect();
            rooms.of_others.extend(&new);
            (new, unused)
        };
        unused.into_iter().for_each(|room| drop(self.give(Command::Unsubscribe { room })));
        new.into_iter().for_each(|room| self.load_room(room));
    }

    fn handle_subscribed(&self, room: RoomId, refused: Option<Status>) {
        let mut inner = self.inner.borrow_mut();
        inner.rooms.pending.remove(&room);
        if refused.is_some() {
            inner.rooms.remove(room);
        }
        let is_interrupted = inner.state().is_some_and(|state| is_interrupted(state, room));
        drop(inner);
        if refused.is_none() && is_interrupted {
            self.subscribe(room);
        }
    }

    /// Subscribes to the rooms that this tab shows and whose events it does not receive.
    pub(super) fn handle_report_of_rooms(&self, report: &Report) {
        let open = self.inner.borrow().rooms.open;
        match report {
            Report::Event(Event::LoggedIn(..)) => {
                // The state of this login may be a new one.
                self.defer(move |service| {
                    let open = service.inner.borrow().rooms.open;
                    service.show_room(open);
                });
            }
            Report::Event(Event::Connection(Connection::Online { .. })) => {
                if let Some(room) = open {
                    self.defer(move |service| service.load_room(room));
                }
            }
            Report::Event(Event::Unsubscribed(room)) | Report::Changed(Change::Removed(room)) => {
                self.inner.borrow_mut().rooms.remove(*room);
            }
            Report::Changed(Change::Room(room)) => {
                let inner = self.inner.borrow();
                let is_shown = inner.rooms.subscribed.contains(room) || inner.rooms.of_others.contains(room);
                let room = *room;
                if is_shown && inner.state().is_some_and(|state| is_interrupted(state, room)) {
                    self.defer(move |service| service.subscribe(room));
                }
            }
            _ => {}
        }
    }
}

fn is_loaded(state: &ClientState, room: RoomId) -> bool {
    state.room(room).is_some_and(|room| room.position() > 0 || room.held_messages() > 0)
}

fn is_interrupted(state: &ClientState, room: RoomId) -> bool {
    state.room(room).is_some_and(|room| room.is_interrupted())
}
