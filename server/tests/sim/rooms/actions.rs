//! What users do in a tab, other than logging in and out.

use parlour_core::{
    client::{Command, Origin, Position, state::ClientState, tabs::TabCommand},
    model::{MessageId, RoomId},
};

use super::{
    ledger::Sent,
    tab::{Action, Input, Role},
    world::World,
};

impl World {
    /// The user does something in a tab. Not in one that hangs.
    pub fn user(&mut self, at: usize, action: Action) {
        if self.tabs[at].is_usable(self.now) {
            self.admit(at, Input::User(action));
        }
    }

    pub fn act(&mut self, at: usize, action: Action) {
        let now = self.clocks(at);
        match action {
            Action::Send(room, id, text) => self.send_message(at, room, id, text),
            Action::Server(command) => {
                let number = self.next_number();
                self.give(at, number, command);
            }
            Action::Tab(command) => match &mut self.tabs[at].role {
                Role::Leader(_, client) => command.execute(now, Origin::LOCAL, 0, client),
                Role::Follower(follower) | Role::Promoting(follower, _) => {
                    follower.handle_command(now, command);
                }
                Role::Closed => {}
            },
            Action::Open(room) => self.open_room(at, room),
            Action::LogOut => self.leave(at),
            Action::See(room, ord) => {
                if let Some(state) = self.state_mut(at) {
                    state.handle_visible(room, ord, ord >= u64::MAX / 2);
                }
            }
            Action::MarkRead(room) => {
                if let Some(state) = self.state_mut(at) {
                    state.mark_read(room);
                }
            }
            Action::MarkUnread(room, ord) => {
                if let Some(state) = self.state_mut(at) {
                    state.mark_unread(room, ord);
                }
            }
        }
        self.drain(at);
    }

    pub fn state_mut(&mut self, at: usize) -> Option<&mut ClientState> {
        match &mut self.tabs[at].role {
            Role::Leader(_, client) => Some(client.state_mut()),
            Role::Follower(follower) | Role::Promoting(follower, _) => Some(follower.state_mut()),
            Role::Closed => None,
        }
    }

    /// Gives a command for the server.
    pub fn give(&mut self, at: usize, number: u32, command: Command) {
        let now = self.clocks(at);
        if let Command::Leave { room, .. } = command
            && let Some(account) = self.tabs[at].account
        {
            self.ledger.room_left(account, room);
        }
        let tab = &mut self.tabs[at];
        tab.commands.insert(number, (command.clone(), now.monotonic));
        match &mut tab.role {
            Role::Leader(_, client) => client.handle_command(now, Origin::LOCAL, number, command),
            Role::Follower(follower) | Role::Promoting(follower, _) => {
                follower.handle_server_command(now, number, command);
            }
            Role::Closed => {}
        }
    }

    fn send_message(&mut self, at: usize, room: RoomId, id: MessageId, content: String) {
        let now = self.clocks(at);
        let tab = &mut self.tabs[at];
        let sent = match &mut tab.role {
            Role::Leader(_, client) => client.handle_send(now, room, id, &content),
            Role::Follower(follower) | Role::Promoting(follower, _) => {
                follower.handle_send(now, room, id, &content)
            }
            Role::Closed => return,
        };
        if sent.is_err() {
            return;
        }
        self.tally.count("messages");
        let (device, sequence) = (tab.device, tab.page);
        let account = self.tabs[at].account.expect("an account");
        let sent = Sent { device, tab: at, room, content, sequence, at: self.now };
        self.ledger.sent((account, id), sent);
    }

    fn open_room(&mut self, at: usize, room: RoomId) {
        let device = self.tabs[at].device;
        let tab = &mut self.tabs[at];
        tab.open = Some(room);
        tab.rooms.insert(room);
        let is_loaded = tab.shown.timelines.contains_key(&room);
        let stored = tab
            .state()
            .filter(|_| !is_loaded)
            .and_then(|state| self.devices[device].readable(&tab.scope)?.stored_room(state, room));
        let Some(state) = self.state_mut(at) else { return };
        if let Some(stored) = stored {
            state.restore_room(room, stored);
        }
        state.open_room(Some(room));
        self.subscribe(at, room);
    }

    /// Receives the events of a room, after the position of the tab.
    pub fn subscribe(&mut self, at: usize, room: RoomId) {
        let Some(state) = self.tabs[at].state() else { return };
        let position = state.room(room).map(|room| room.subscription()).unwrap_or_default();
        let position = Position { seq: position.seq, id: MessageId::from_wire(&position.id) };
        let number = self.next_number();
        self.give(at, number, Command::Subscribe { room, position });
    }
}

/// The command that gives up a message, or sends it again.
pub fn about_failed(room: RoomId, id: MessageId, retry: bool) -> TabCommand {
    if retry { TabCommand::Retry(room, id) } else { TabCommand::Discard(room, id) }
}
