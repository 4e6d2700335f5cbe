//! Drives a tab as the client's service does: passes input to the client or the follower, and executes what they return.

use parlour_core::{
    Millis,
    client::{
        Command, Event, Origin, Output, Position,
        tabs::{Admission, Follower, FollowerAction, FollowerEvent, Gate, Leader, LeaderAction, TabCommand},
    },
    model::{Connection, Delivery, MessageId, RoomId},
};

use super::{
    device::{Work, changes_of},
    ledger::Sent,
    tab::{Action, Input, Role, Shown, SocketEvent},
    world::World,
};
use crate::network::{Link, Packet};

/// The time for which the leader considers a follower visible, in ms.
const REPORT_TIMEOUT_MS: Millis = 10_000;
/// The number of the newest messages of a room that are stored.
const STORED_MESSAGES: usize = 30;
/// The time after which the user connects again after a failure, in ms.
const RECONNECT_MS: Millis = 5_000;

impl World {
    // ---- the life of a tab

    /// Opens a tab on its device.
    pub fn open_tab(&mut self, at: usize) {
        let (now, page) = (self.now, self.next_number());
        let origin = Origin(self.rng.next() | 1);
        let device = &self.devices[self.tabs[at].device];
        let mut state = device.state();
        self.limit_memory(&mut state);
        let tab = &mut self.tabs[at];
        (tab.open_at, tab.connect_at, tab.page, tab.origin) = (None, None, page.into(), origin);
        tab.role = Role::Follower(Box::new(Follower::new(now, origin, state)));
        tab.shown = Shown::default();
        self.request_lock(at);
        self.report_visibility(at);
    }

    /// Closes a tab without notice.
    pub fn close_tab(&mut self, at: usize) {
        self.drop_link(at, true);
        self.cancel_requests(at);
        self.ledger.tab_closed(at);
        let tab = &mut self.tabs[at];
        tab.role = Role::Closed;
        tab.page = 0;
        (tab.hung_until, tab.open, tab.reported_visible) = (0, None, None);
        tab.socket += 1;
        tab.client_number += 1;
        tab.gate = Gate::default();
        tab.inbox.clear();
        tab.rooms.clear();
        tab.commands.clear();
        self.release_lock(at);
    }

    /// Handles everything that is due in a tab.
    pub fn run_tab(&mut self, at: usize) {
        let now = self.now;
        if self.tabs[at].due().is_none_or(|due| due > now) {
            return;
        }
        if self.tabs[at].open_at.is_some_and(|time| time <= now) {
            self.open_tab(at);
        }
        loop {
            if let Some((_, input)) = self.tabs[at].inbox.pop_front_if(|(due, _)| *due <= now) {
                self.admit(at, input);
            } else if !self.receive(at) {
                break;
            }
        }
        if self.tabs[at].connect_at.take_if(|time| *time <= now).is_some() {
            self.connect(at);
        }
        if self.tabs[at].timer().is_some_and(|due| due <= now) {
            self.admit(at, Input::Timer);
        }
    }

    /// Receives in the tab what the server has sent. Returns `false` if nothing has arrived.
    fn receive(&mut self, at: usize) -> bool {
        let Some((conn, packet)) = self.due_packet(at, 1) else { return false };
        let event = match packet {
            Packet::Open => SocketEvent::Opened,
            Packet::Bytes(bytes) => SocketEvent::Message(bytes),
            Packet::Close(code) => SocketEvent::Closed(code),
        };
        if let SocketEvent::Closed(_) = event {
            self.tabs[at].link = None;
        }
        let socket = self.tabs[at].socket;
        self.admit(at, Input::Socket(socket, event));
        let is_drained = |link: &&mut Link| link.conn == conn && link.skipping && link.to_client.is_empty();
        if let Some(link) = self.tabs[at].link.as_mut().filter(is_drained) {
            link.skipping = false;
            self.with_server(|running, now, _| running.hub.handle_drained(now, conn));
        }
        true
    }

    /// The user connects again after a failure, under another nick if that was refused.
    fn connect(&mut self, at: usize) {
        let now = self.clocks(at);
        let user = self.devices[self.tabs[at].device].user;
        let is_about_nick = self.tabs[at].shown.connection.is_nick_refused();
        let nick = self.users[user].next_nick();
        let Role::Leader(_, client) = &mut self.tabs[at].role else { return };
        if client.identity().is_none() {
            let _ = client.handle_connect(now);
        } else if is_about_nick {
            let _ = client.handle_rename(now, &nick);
        } else {
            client.handle_reconnect(now);
        }
        self.drain(at);
    }

    pub fn show(&mut self, at: usize, visible: bool) {
        self.tabs[at].is_visible = visible;
        self.report_visibility(at);
    }

    pub fn report_visibility(&mut self, at: usize) {
        let now = self.clocks(at);
        let tab = &mut self.tabs[at];
        let visible = tab.is_visible;
        match &mut tab.role {
            Role::Closed => {}
            Role::Follower(follower) | Role::Promoting(follower, _) => {
                follower.handle_visibility(now.monotonic, visible);
            }
            Role::Leader(_, client) => {
                let visible = visible || tab.follower_visible_until > now.monotonic;
                if tab.reported_visible.replace(visible) != Some(visible) {
                    client.handle_visibility(now, visible);
                }
            }
        }
        self.drain(at);
    }

    // ---- input

    /// Passes an input on, unless the tab may not be the leader any more.
    pub fn admit(&mut self, at: usize, input: Input) {
        let now = self.now;
        let tab = &mut self.tabs[at];
        if let (Role::Leader(leader, _), Input::Channel(bytes)) = (&tab.role, &input)
            && leader.is_superseded_by(bytes)
        {
            self.step_down(at);
            return self.handle(at, input);
        }
        let is_guarded =
            !matches!(input, Input::Granted | Input::Lost | Input::Checked(_) | Input::Read { .. });
        if !is_guarded || !matches!(tab.role, Role::Leader(..)) {
            return self.handle(at, input);
        }
        match tab.gate.admit(now, input) {
            Admission::Admitted(input) => self.handle(at, input),
            Admission::Check => {
                let is_held = self.devices[tab.device].holder == Some(at);
                tab.deliver(now + 1, Input::Checked(is_held));
            }
            Admission::Held => {}
        }
    }

    pub fn handle(&mut self, at: usize, input: Input) {
        let now = self.clocks(at);
        let tab = &mut self.tabs[at];
        match (input, &mut tab.role) {
            (Input::User(action), _) => return self.act(at, action),
            (Input::Granted, Role::Follower(follower)) => {
                let lease = follower.next_lease(now.unix);
                tab.lease = lease;
                let role = std::mem::replace(&mut tab.role, Role::Closed);
                let Role::Follower(follower) = role else { unreachable!() };
                tab.role = Role::Promoting(follower, Vec::new());
                let announcement = Leader::announcement(tab.origin, lease);
                self.post(at, &announcement);
                self.request(at, Work::Lead(lease));
            }
            (Input::Lost, _) | (Input::Checked(false), Role::Leader(..)) => return self.step_down(at),
            (Input::Checked(true), Role::Leader(..)) => {
                for input in tab.gate.open(now.monotonic) {
                    self.admit(at, input);
                }
            }
            (Input::Read { lease, recorded, stored }, Role::Promoting(..)) if tab.lease == lease => {
                return self.lead(at, recorded, stored.map(|stored| *stored));
            }
            (Input::Written { client: number, ticket, is_refused }, Role::Leader(_, client))
                if number == tab.client_number =>
            {
                if is_refused {
                    return self.step_down(at);
                }
                client.handle_persisted(now, ticket);
            }
            (Input::Channel(bytes), Role::Leader(..)) => return self.lead_tab(at, &bytes),
            (Input::Channel(bytes), Role::Follower(follower)) => follower.handle_message(now, &bytes),
            (Input::Channel(bytes), Role::Promoting(follower, received)) => {
                follower.handle_message(now, &bytes);
                received.push(bytes);
            }
            (Input::Stored(sent), Role::Leader(_, client)) => {
                let (room, message) = sent.message;
                client.handle_adopt(now, room, message);
            }
            (Input::Stored(sent), Role::Follower(follower) | Role::Promoting(follower, _)) => {
                follower.handle_stored(*sent);
            }
            (Input::Socket(number, event), Role::Leader(_, client)) if number == tab.socket => match event {
                SocketEvent::Opened => client.handle_opened(now),
                SocketEvent::Message(bytes) => client.handle_message(now, &bytes),
                SocketEvent::Closed(code) => client.handle_closed(now, code),
            },
            (Input::Timer, Role::Leader(_, client)) => {
                client.handle_timeout(now);
                self.report_visibility(at);
            }
            (Input::Timer, Role::Follower(follower)) => {
                let action = follower.handle_timeout(now);
                if action == FollowerAction::TakeOver {
                    self.drain(at);
                    self.steal_lock(at);
                }
            }
            (Input::Execute(number, command), Role::Leader(_, client)) => {
                command.execute(now, Origin::LOCAL, number, client);
            }
            _ => {}
        }
        self.drain(at);
    }

    /// The leader receives a message of another tab.
    fn lead_tab(&mut self, at: usize, bytes: &[u8]) {
        let now = self.clocks(at);
        let tab = &mut self.tabs[at];
        let Role::Leader(leader, client) = &mut tab.role else { return };
        match leader.handle_message(now, bytes, client) {
            LeaderAction::PublishSnapshot => {
                self.drain(at);
                self.post_snapshot(at);
            }
            LeaderAction::Visibility(visible) => {
                tab.follower_visible_until = if visible { now.monotonic + REPORT_TIMEOUT_MS } else { 0 };
                client.handle_timeout(now);
                self.report_visibility(at);
            }
            LeaderAction::LogOut => unreachable!("nobody logs out"),
            LeaderAction::Nothing => self.drain(at),
        }
        if let Role::Leader(leader, client) = &mut self.tabs[at].role
            && let Some(renewal) = leader.poll_renewal(now.monotonic, client)
        {
            self.post(at, &renewal);
        }
    }

    // ---- the user

    /// The user does something in a tab. Not in one that hangs.
    pub fn user(&mut self, at: usize, action: Action) {
        if self.tabs[at].is_usable(self.now) {
            self.admit(at, Input::User(action));
        }
    }

    fn act(&mut self, at: usize, action: Action) {
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

    pub fn state_mut(&mut self, at: usize) -> Option<&mut parlour_core::client::state::ClientState> {
        match &mut self.tabs[at].role {
            Role::Leader(_, client) => Some(client.state_mut()),
            Role::Follower(follower) | Role::Promoting(follower, _) => Some(follower.state_mut()),
            Role::Closed => None,
        }
    }

    /// Gives a command for the server.
    pub fn give(&mut self, at: usize, number: u32, command: Command) {
        let now = self.clocks(at);
        if let Command::Leave { room, .. } = command {
            let user = self.devices[self.tabs[at].device].user;
            if let Some(account) = self.users[user].account {
                self.ledger.room_left(account, room);
            }
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
        let account = self.users[self.devices[device].user].account.expect("an account");
        self.ledger.sent((account, id), Sent { device, tab: at, room, content, sequence });
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
            .and_then(|state| self.devices[device].stored_room(state, room));
        let Some(state) = self.state_mut(at) else { return };
        if let Some(stored) = stored {
            state.restore_room(room, stored);
        }
        state.open_room(Some(room));
        let position = state.room(room).map(|room| room.subscription()).unwrap_or_default();
        let position = Position { seq: position.seq, id: MessageId::from_wire(&position.id) };
        let number = self.next_number();
        self.give(at, number, Command::Subscribe { room, position });
    }

    // ---- output

    /// Executes what the client or the follower of a tab returns, and shows what it reports.
    pub fn drain(&mut self, at: usize) {
        match self.tabs[at].role {
            Role::Closed => {}
            Role::Leader(..) => while self.drain_leader(at) {},
            Role::Follower(_) | Role::Promoting(..) => self.drain_follower(at),
        }
        self.show_changes(at);
    }

    /// Shows the changes of the state. A room that is not in the list any more is closed.
    fn show_changes(&mut self, at: usize) {
        let tab = &mut self.tabs[at];
        let removed = match &mut tab.role {
            Role::Leader(_, client) => tab.shown.apply(client.state_mut()),
            Role::Follower(follower) | Role::Promoting(follower, _) => tab.shown.apply(follower.state_mut()),
            Role::Closed => return,
        };
        for room in removed {
            let tab = &mut self.tabs[at];
            tab.rooms.remove(&room);
            if tab.open.take_if(|open| *open == room).is_some()
                && let Some(state) = self.state_mut(at)
            {
                state.open_room(None);
                self.show_changes(at);
            }
        }
    }

    fn drain_follower(&mut self, at: usize) {
        let now = self.clocks(at);
        let (Role::Follower(follower) | Role::Promoting(follower, _)) = &mut self.tabs[at].role else {
            return;
        };
        let events: Vec<_> = std::iter::from_fn(|| follower.poll_event()).collect();
        let unpersisted: Vec<_> = std::iter::from_fn(|| follower.poll_unpersisted()).collect();
        let posts: Vec<_> = std::iter::from_fn(|| follower.poll_post(now)).collect();
        posts.iter().for_each(|post| self.post(at, post));
        unpersisted.into_iter().for_each(|message| self.request(at, Work::Store(Box::new(message))));
        events.into_iter().for_each(|event| self.reported(at, event));
    }

    /// Returns `false` if there was nothing.
    fn drain_leader(&mut self, at: usize) -> bool {
        let now = self.now;
        let Role::Leader(leader, client) = &mut self.tabs[at].role else { return false };
        match client.poll_output() {
            Some(Output::Open) => self.open_link(at),
            Some(Output::Send(bytes)) => self.send_to_server(at, bytes.to_vec()),
            Some(Output::Close(_)) => {
                self.tabs[at].socket += 1;
                self.drop_link(at, false);
            }
            Some(Output::Persist { ticket, changes }) => self.persist(at, ticket, changes),
            None => {
                let Some(event) = client.poll_event() else { return false };
                if let Some(publication) = leader.publish(now, &event, client) {
                    self.post(at, &publication);
                }
                // The user interface gets the answers to its own commands.
                if !matches!(&event, Event::Answer { origin, .. } if *origin != Origin::LOCAL) {
                    self.reported(at, FollowerEvent::Client(event));
                }
            }
        }
        true
    }

    fn persist(&mut self, at: usize, ticket: u64, changes: Vec<parlour_core::client::Change>) {
        // The messages that are stored are those of the log that the state knows.
        self.show_changes(at);
        let tab = &self.tabs[at];
        let Role::Leader(leader, client) = &tab.role else { return };
        let shown = tab.rooms.iter().map(|room| (*room, tab.shown.newest(*room, STORED_MESSAGES)));
        let (changes, unconfirmed) = changes_of(client.state(), shown, changes);
        let (client, lease) = (tab.client_number, leader.lease());
        self.request(at, Work::Write { client, ticket, lease, changes, unconfirmed });
    }

    /// The client, or the follower, reports an event.
    pub fn reported(&mut self, at: usize, event: FollowerEvent) {
        let now = self.now;
        let FollowerEvent::Client(event) = event else { return };
        let user = self.devices[self.tabs[at].device].user;
        let account = self.users[user].account;
        let tab = &mut self.tabs[at];
        tab.shown.event(&event);
        match event {
            Event::Connection(Connection::Failed { .. }) => tab.connect_at = Some(now + RECONNECT_MS),
            Event::Connection(connection) if connection.is_nick_refused() => {
                tab.connect_at.get_or_insert(now + RECONNECT_MS);
            }
            Event::LoggedIn(_, Some(known)) => {
                let before = self.users[user].account.replace(known);
                assert!(before.is_none_or(|before| before == known), "a device has changed the account");
            }
            Event::Answer { number, result, .. } if number != 0 => {
                if tab.commands.remove(&number).is_none() {
                    tab.shown.complaints.push(format!("command {number} is answered twice: {result:?}"));
                }
                tab.answers.insert(number, result);
            }
            Event::Own(message) => self.delivery(account, message.id, message.delivery),
            Event::Delivery(_, id, delivery) => self.delivery(account, id, delivery),
            Event::Acknowledged { id, .. } => self.delivery(account, id, Delivery::Sent),
            Event::Discarded(room, id) => {
                self.ledger.discarded((account.expect("an account"), id), room);
            }
            _ => {}
        }
    }

    fn delivery(&mut self, account: Option<parlour_core::model::UserId>, id: MessageId, delivery: Delivery) {
        let key = (account.expect("an account"), id);
        match delivery {
            Delivery::Failed(status) => {
                self.ledger.failed.insert(key, status);
            }
            // The acknowledgement may be that of a log that was replaced meanwhile.
            Delivery::Sent if self.log.has(key.0, id) => self.ledger.acknowledged(key),
            Delivery::Sent => {
                assert!(self.ledger.excused.contains(&key), "{id:?} is acknowledged and not in the log");
            }
            Delivery::Queued | Delivery::Pending => {
                self.ledger.failed.remove(&key);
            }
        }
    }
}

/// The command that gives up a message, or sends it again.
pub fn about_failed(room: RoomId, id: MessageId, retry: bool) -> TabCommand {
    if retry { TabCommand::Retry(room, id) } else { TabCommand::Discard(room, id) }
}
