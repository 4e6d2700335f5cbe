//! A device with one tab, and its user.

use std::collections::BTreeSet;

use parlour_core::{
    Millis,
    client::{
        self, Client, Command, Persisted, Position, Setup,
        device::{self, DeviceRooms},
        room::RoomState,
        state::ClientState,
    },
    left_sessions::LeftSessions,
    model::{MessageId, RoomId},
    persist::{Key, Rows, Stored, Table, room::StoredMessages},
    ranges::GapState,
    validate::nick_key,
};

use super::{ledger::Ledger, view::View};

/// The delay before changes of rooms are written, in ms.
const WRITE_DELAY_MS: Millis = 1_000;

/// The device of a user.
pub struct Device {
    pub nick: String,
    /// `None` while the tab is closed.
    pub client: Option<Client>,
    rows: Rows,
    /// The changes that the client has written to `rows`.
    rooms: DeviceRooms,
    /// The time at which changes of rooms are written.
    pub write_at: Option<Millis>,
    pub view: View,
    pub ledger: Ledger,
    /// The time at which the user connects again.
    pub open_at: Option<Millis>,
}

impl Device {
    pub fn new(number: usize) -> Self {
        Self {
            nick: format!("user{number}"),
            client: None,
            rows: Rows::default(),
            rooms: DeviceRooms::default(),
            write_at: None,
            view: View::new(),
            ledger: Ledger::default(),
            open_at: None,
        }
    }

    /// Opens a tab with what is stored, as the page does.
    pub fn open_tab(&mut self, seed: u64, secret: [u8; 16]) {
        let stored = Stored::of(&self.rows);
        let mut state = ClientState::new(nick_key);
        self.rooms = DeviceRooms::restore(&mut state, &stored);
        let row: Vec<_> =
            self.rows.get(&Key::Room(RoomId::LOBBY)).into_iter().map(|row| row.to_vec()).collect();
        let messages = self.rows.values(&StoredMessages::range(RoomId::LOBBY));
        device::restore_room(&mut state, RoomId::LOBBY, &row, &messages);
        state.open_room(Some(RoomId::LOBBY));
        let setup = Setup {
            seed,
            agent: "kill".into(),
            nick: self.nick.clone(),
            secret,
            link_code: None,
            left: LeftSessions::default(),
            state,
            persisted: Persisted::from(&stored),
        };
        self.client = Some(Client::new(setup).unwrap());
    }

    /// Closes the tab without notice.
    pub fn close_tab(&mut self) {
        (self.client, self.write_at) = (None, None);
        self.view.clear();
    }

    /// Shows the changes of the state, and notes what is to be written.
    pub fn show_changes(&mut self, now: Millis) {
        let Some(client) = &mut self.client else { return };
        while let Some(change) = client.state_mut().poll_change() {
            if self.rooms.handle_change(client.state(), &change) {
                self.write_at.get_or_insert(now + WRITE_DELAY_MS);
            }
            self.view.handle_change(client.state(), change, &mut self.ledger);
        }
    }

    /// Writes the changes of the client, and those of rooms if they are due.
    pub fn write(&mut self, now: Millis, changes: Vec<client::Change>) {
        let Some(client) = &self.client else { return };
        let is_due = self.write_at.take_if(|at| *at <= now).is_some();
        let record = client.record().filter(|_| is_due);
        let changes = self.rooms.encode(client.state(), record.as_ref(), changes);
        changes.iter().for_each(|change| self.rows.apply(change));
    }

    pub fn is_online(&self) -> bool {
        self.client.is_some() && self.view.is_online()
    }

    fn lobby(&self) -> Option<&RoomState> {
        self.client.as_ref()?.state().room(RoomId::LOBBY)
    }

    /// The command that continues what the tab shows, from its position.
    pub fn subscribe(&self) -> Command {
        let position = self.lobby().map(|lobby| Position::from_wire(&lobby.subscription()));
        Command::Subscribe { room: RoomId::LOBBY, position: position.unwrap_or_default() }
    }

    /// Live messages are missing.
    pub fn is_interrupted(&self) -> bool {
        self.lobby().is_some_and(RoomState::is_interrupted)
    }

    /// The parts of the log that the tab does not show.
    pub fn gaps(&self) -> Vec<GapState> {
        self.lobby().map(RoomState::gaps).unwrap_or_default()
    }

    /// The highest ord that the tab shows.
    pub fn newest(&self) -> u64 {
        self.lobby().and_then(|lobby| lobby.known().iter().last()).map_or(0, |range| range.to)
    }

    /// The messages in the stored send queue.
    pub fn queued_messages(&self) -> BTreeSet<MessageId> {
        let id = |key: &Key| match key {
            Key::Queued(_, id) => Some(*id),
            _ => None,
        };
        self.rows.keys(Table::SendQueue).filter_map(id).collect()
    }
}
