//! Three tabs of a browser on a virtual clock, with the lock, the device and a server. Any of the tabs may hang.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{server::Server, *};
use crate::{
    client::{Change as DeviceChange, Output, Persisted, Setup},
    left_sessions::LeftSessions,
    persist::{Change, Key, queue},
    send_queue::{QueuedMessage, Stage},
    timeline::{RowKind, Timeline},
    validate::nick_key,
};

/// The browser delivers what happens within this time, in ms.
pub(super) const LATENCY_MS: Millis = 2;
/// Timers of a hidden tab fire at most once in this time, in ms.
const HIDDEN_TIMER_INTERVAL_MS: Millis = 60_000;
/// The time for which the leader considers a follower visible, as in the service, in ms.
const REPORT_TIMEOUT_MS: Millis = 10_000;

/// The input of a tab, in order.
#[derive(Clone, Debug)]
pub(super) enum Input {
    Channel(Vec<u8>),
    Granted,
    Lost,
    /// The result of a lock check.
    Checked(bool),
    /// The device was read by a tab that becomes the leader.
    Read(u64),
    /// The changes with this ticket of the client with this number were written, or refused.
    Written(u64, Option<u64>),
    Stored(FollowerMessage),
    Socket(u64, SocketEvent),
    Timer,
    User(User),
    /// A command of the time when the tab was a follower.
    Execute(u32, TabCommand),
}

#[derive(Clone, Debug)]
pub(super) enum SocketEvent {
    Opened,
    Message(Vec<u8>),
    Closed(u16),
}

#[derive(Clone, Debug)]
pub(super) enum User {
    Send(RoomId, MessageId),
    Command(TabCommand),
    /// A command for the server, with its number.
    Server(u32, Command),
    Open(RoomId),
    /// The messages of a room up to this ord are on the screen.
    See(RoomId, u64),
}

pub(super) enum Role {
    Follower(Box<Follower>),
    Promoting(Box<Follower>, Vec<Vec<u8>>),
    Leader(Box<Leader>, Box<Client>),
    LoggedOut,
}

/// What a tab shows.
#[derive(Default)]
pub(super) struct Shown {
    pub timelines: BTreeMap<RoomId, Timeline>,
    pub events: Vec<FollowerEvent>,
}

impl Shown {
    fn apply(&mut self, state: &mut ClientState) {
        while let Some(change) = state.poll_change() {
            match change {
                StateChange::Timeline(room, update) => {
                    let timeline = self.timelines.entry(room);
                    timeline.or_insert_with(|| Timeline::new(10_000, |_| 0)).apply(update);
                }
                StateChange::Removed(room) => drop(self.timelines.remove(&room)),
                _ => {}
            }
        }
    }
}

/// A tab, and what the service does in it.
pub(super) struct SimTab {
    pub tab: Origin,
    pub role: Role,
    /// Incremented with each client.
    pub client_number: u64,
    pub gate: Gate<Input>,
    /// The socket's number, which its late events carry.
    pub socket: u64,
    pub lease: u64,
    pub inbox: VecDeque<(Millis, Input)>,
    pub hangs: bool,
    /// Its messages to other tabs, and theirs to it, are lost.
    pub is_deaf: bool,
    /// Its changes are not written any more, as when it is being closed.
    pub dies: bool,
    pub visible: bool,
    /// As in the service: a follower is visible until this time, and what the client was told last.
    follower_visible_until: Millis,
    reported_visible: Option<bool>,
    pub rooms: BTreeSet<RoomId>,
    pub shown: Shown,
}

impl SimTab {
    fn new(at: u64, now: Millis) -> Self {
        let tab = Origin(((at + 1) << 32) | (at * 100 + 1));
        Self {
            tab,
            role: Role::Follower(Box::new(Follower::new(now, tab, ClientState::new(nick_key)))),
            client_number: 0,
            gate: Gate::default(),
            socket: 0,
            lease: 0,
            inbox: VecDeque::new(),
            hangs: false,
            is_deaf: false,
            dies: false,
            visible: false,
            follower_visible_until: 0,
            reported_visible: None,
            rooms: BTreeSet::new(),
            shown: Shown::default(),
        }
    }

    pub fn state(&self) -> &ClientState {
        match &self.role {
            Role::Follower(follower) | Role::Promoting(follower, _) => follower.state(),
            Role::Leader(_, client) => client.state(),
            Role::LoggedOut => panic!("logged out"),
        }
    }
}

/// The storage of the device.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Device {
    pub account: Option<AccountRecord>,
    pub queued: BTreeMap<MessageId, (RoomId, QueuedMessage)>,
    pub lease: u64,
}

impl Device {
    fn write(&mut self, change: DeviceChange) {
        match change {
            DeviceChange::PutAccount(account) => self.account = Some(*account),
            DeviceChange::PutQueued(room, message) => {
                // Only the stages that a device can store.
                let (room, message) = queue::decode(&queue::encode(room, &message)).unwrap();
                self.queued.insert(message.id, (room, message));
            }
            DeviceChange::DeleteQueued(_, id) => drop(self.queued.remove(&id)),
            DeviceChange::Forget => (self.account, self.queued) = (None, BTreeMap::new()),
        }
    }

    fn store(&mut self, change: &Change) {
        let Change::Put(Key::Queued(room, id), value) = change else { panic!("{change:?}") };
        let (of, message) = queue::decode(value).unwrap();
        assert_eq!((of, message.id, message.stage), (*room, *id, Stage::Queued));
        self.queued.insert(*id, (of, message));
    }

    pub fn persisted(&self) -> Persisted {
        Persisted {
            account: self.account.clone(),
            send_queue: self.queued.values().cloned().collect(),
            ..Persisted::default()
        }
    }
}

/// Three tabs of a browser, the lock, the device, and a server.
pub(super) struct World {
    pub now: Millis,
    /// The difference of the wall clock.
    pub unix_offset: i64,
    pub tabs: Vec<SimTab>,
    pub holder: Option<usize>,
    pub waiting: VecDeque<usize>,
    pub device: Device,
    pub server: Server,
    /// The tab and the socket of the connection.
    pub connection: Option<(usize, u64)>,
    pub server_answers: bool,
    random: u64,
    /// The number of the last subscription.
    opened: u32,
}

impl World {
    /// Tab 0 leads; tab 2 is hidden. All of them show the lobby.
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            now: 10_000,
            unix_offset: 0,
            tabs: Vec::new(),
            holder: None,
            waiting: VecDeque::new(),
            device: Device::default(),
            server: Server::default(),
            connection: None,
            server_answers: true,
            random: seed.wrapping_mul(2) + 1,
            opened: 1_000,
        };
        world.tabs.extend((0..3).map(|at| SimTab::new(at, world.now)));
        for at in 0..3 {
            world.join(at, at != 2);
            world.run(200);
            world.user(at, User::Open(RoomId::LOBBY));
            world.run(100);
        }
        world
    }

    /// Closes a tab, and opens it again as a visible one.
    pub fn reopen(&mut self, at: usize) {
        self.close_tab(at);
        self.tabs[at] = SimTab::new(at as u64, self.now);
        // Another page of the same tab.
        self.tabs[at].tab.0 += 7;
        let tab = self.tabs[at].tab;
        self.tabs[at].role =
            Role::Follower(Box::new(Follower::new(self.now, tab, ClientState::new(nick_key))));
        self.join(at, true);
    }

    /// Closes a tab without notice.
    pub fn close_tab(&mut self, at: usize) {
        self.close(at);
        self.waiting.retain(|waiting| *waiting != at);
        self.tabs[at].role = Role::LoggedOut;
        self.tabs[at].inbox.clear();
        if self.holder == Some(at) {
            self.holder = None;
            self.grant();
        }
    }

    fn join(&mut self, at: usize, visible: bool) {
        self.request_lock(at);
        self.show(at, visible);
    }

    pub fn clocks(&self) -> Clocks {
        let unix = 1_700_000_000_000 + i64::try_from(self.now).unwrap() + self.unix_offset;
        Clocks { monotonic: self.now, unix }
    }

    pub fn random(&mut self, below: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    // ---- the browser

    pub fn deliver(&mut self, tab: usize, input: Input) {
        self.tabs[tab].inbox.push_back((self.now + LATENCY_MS, input));
    }

    fn post(&mut self, from: usize, bytes: &[u8]) {
        if self.tabs[from].is_deaf {
            return;
        }
        for to in (0..self.tabs.len()).filter(|to| *to != from) {
            if !self.tabs[to].is_deaf {
                self.deliver(to, Input::Channel(bytes.to_vec()));
            }
        }
    }

    fn request_lock(&mut self, tab: usize) {
        self.waiting.push_back(tab);
        self.grant();
    }

    fn steal_lock(&mut self, tab: usize) {
        self.waiting.retain(|waiting| *waiting != tab);
        if let Some(holder) = self.holder.replace(tab) {
            self.deliver(holder, Input::Lost);
        }
        self.deliver(tab, Input::Granted);
    }

    fn grant(&mut self) {
        if self.holder.is_none() {
            self.holder = self.waiting.pop_front();
            if let Some(holder) = self.holder {
                self.deliver(holder, Input::Granted);
            }
        }
    }

    pub fn show(&mut self, tab: usize, visible: bool) {
        self.tabs[tab].visible = visible;
        self.report_visibility(tab);
    }

    fn report_visibility(&mut self, at: usize) {
        let now = self.clocks();
        let tab = &mut self.tabs[at];
        let visible = tab.visible;
        if !matches!(tab.role, Role::Leader(..)) {
            return self.with_follower(at, |follower| {
                follower.handle_visibility(now.monotonic, visible);
                FollowerAction::Nothing
            });
        }
        let visible = visible || tab.follower_visible_until > now.monotonic;
        if tab.reported_visible.replace(visible) != Some(visible) {
            self.with_client(at, |client| client.handle_visibility(now, visible));
        }
    }

    /// Runs for this time.
    pub fn run(&mut self, ms: Millis) {
        let end = self.now + ms;
        while self.now < end {
            self.now += 1;
            for at in 0..self.tabs.len() {
                while !self.tabs[at].hangs
                    && self.tabs[at].inbox.front().is_some_and(|input| input.0 <= self.now)
                {
                    let (_, input) = self.tabs[at].inbox.pop_front().unwrap();
                    self.admit(at, input);
                }
                let due = match &self.tabs[at].role {
                    Role::Follower(follower) => follower.poll_timeout(),
                    Role::Leader(_, client) => client.poll_timeout(),
                    Role::Promoting(..) | Role::LoggedOut => None,
                };
                // Browsers delay the timers of hidden tabs.
                let runs_timers = self.tabs[at].visible || self.now.is_multiple_of(HIDDEN_TIMER_INTERVAL_MS);
                if !self.tabs[at].hangs && runs_timers && due.is_some_and(|due| due <= self.now) {
                    self.admit(at, Input::Timer);
                }
            }
        }
    }

    // ---- the service of a tab

    fn admit(&mut self, at: usize, input: Input) {
        let now = self.now;
        let tab = &mut self.tabs[at];
        if let (Role::Leader(leader, _), Input::Channel(bytes)) = (&tab.role, &input)
            && leader.is_superseded_by(bytes)
        {
            self.step_down(at);
            return self.handle(at, input);
        }
        let is_guarded = !matches!(input, Input::Granted | Input::Lost | Input::Checked(_) | Input::Read(_));
        if !is_guarded || !matches!(tab.role, Role::Leader(..)) {
            return self.handle(at, input);
        }
        match tab.gate.admit(now, input) {
            Admission::Admitted(input) => self.handle(at, input),
            Admission::Check => {
                let is_held = self.holder == Some(at);
                self.deliver(at, Input::Checked(is_held));
            }
            Admission::Held => {}
        }
    }

    pub fn handle(&mut self, at: usize, input: Input) {
        let now = self.clocks();
        if let Input::User(user) = input {
            return self.handle_user(at, user);
        }
        let tab = &mut self.tabs[at];
        match (input, &mut tab.role) {
            (Input::Granted, Role::Follower(follower)) => {
                let lease = follower.next_lease(now.unix).max(self.device.lease + 1);
                (tab.lease, self.device.lease) = (lease, lease);
                let role = std::mem::replace(&mut tab.role, Role::LoggedOut);
                let Role::Follower(follower) = role else { unreachable!() };
                tab.role = Role::Promoting(follower, Vec::new());
                let announcement = Leader::announcement(tab.tab, lease);
                self.post(at, &announcement);
                self.deliver(at, Input::Read(lease));
            }
            (Input::Lost, _) | (Input::Checked(false), Role::Leader(..)) => self.step_down(at),
            (Input::Checked(true), Role::Leader(..)) => {
                for input in tab.gate.open(now.monotonic) {
                    self.admit(at, input);
                }
            }
            (Input::Read(lease), Role::Promoting(..)) if tab.lease == lease => self.lead(at),
            (Input::Written(client, ticket), Role::Leader(..)) if client == tab.client_number => match ticket
            {
                Some(ticket) => self.with_client(at, |client| client.handle_persisted(now, ticket)),
                None => self.step_down(at),
            },
            (Input::Channel(bytes), Role::Leader(leader, client)) => {
                let action = leader.handle_message(now, &bytes, client);
                match action {
                    LeaderAction::PublishSnapshot => {
                        self.with_client(at, |_| ());
                        self.post_snapshot(at);
                    }
                    LeaderAction::LogOut => self.log_out(at),
                    LeaderAction::Visibility(visible) => {
                        tab.follower_visible_until =
                            if visible { now.monotonic + REPORT_TIMEOUT_MS } else { 0 };
                        self.with_client(at, |client| client.handle_timeout(now));
                        self.report_visibility(at);
                    }
                    LeaderAction::Nothing => self.with_client(at, |_| ()),
                }
                let tab = &mut self.tabs[at];
                if let Role::Leader(leader, client) = &mut tab.role
                    && let Some(renewal) = leader.poll_renewal(now.monotonic, client)
                {
                    self.post(at, &renewal);
                }
            }
            (Input::Channel(bytes), role) => {
                if let Role::Promoting(_, received) = role {
                    received.push(bytes.clone());
                }
                self.with_follower(at, |follower| {
                    follower.handle_message(now, &bytes);
                    FollowerAction::Nothing
                });
            }
            (Input::Stored(sent), Role::Leader(..)) => {
                let (room, message) = sent.message;
                self.with_client(at, |client| client.handle_adopt(now, room, message));
            }
            (Input::Stored(sent), _) => self.with_follower(at, |follower| {
                follower.handle_stored(sent);
                FollowerAction::Nothing
            }),
            (Input::Socket(number, event), Role::Leader(..)) if number == tab.socket => {
                self.with_client(at, |client| match event {
                    SocketEvent::Opened => client.handle_opened(now),
                    SocketEvent::Message(bytes) => client.handle_message(now, &bytes),
                    SocketEvent::Closed(code) => client.handle_closed(now, code),
                });
            }
            (Input::Timer, Role::Leader(..)) => {
                self.with_client(at, |client| client.handle_timeout(now));
                self.report_visibility(at);
            }
            (Input::Timer, _) => self.with_follower(at, |follower| follower.handle_timeout(now)),
            (Input::Execute(_, TabCommand::LogOut), Role::Leader(..)) => self.log_out(at),
            (Input::Execute(number, command), Role::Leader(..)) => {
                self.with_client(at, |client| command.execute(now, Origin::LOCAL, number, client));
            }
            _ => {}
        }
    }

    fn handle_user(&mut self, at: usize, user: User) {
        let now = self.clocks();
        match (user, &mut self.tabs[at].role) {
            (_, Role::LoggedOut) => {}
            (User::Open(room), _) => {
                let tab = &mut self.tabs[at];
                tab.rooms.insert(room);
                let position = tab.state().room(room).map(|state| Position::from_wire(&state.subscription()));
                let position = position.unwrap_or_default();
                match &mut tab.role {
                    Role::Leader(_, client) => client.state_mut().open_room(Some(room)),
                    Role::Follower(follower) | Role::Promoting(follower, _) => {
                        follower.state_mut().open_room(Some(room));
                    }
                    Role::LoggedOut => {}
                }
                self.opened += 1;
                self.handle_user(at, User::Server(self.opened, Command::Subscribe { room, position }));
            }
            (User::Send(room, id), Role::Leader(..)) => {
                let text = format!("{id:?}");
                self.with_client(at, |client| client.handle_send(now, room, id, &text).unwrap());
            }
            (User::Send(room, id), Role::Follower(follower) | Role::Promoting(follower, _)) => {
                let sent = follower.handle_send(now, room, id, &format!("{id:?}")).unwrap();
                self.store(at, sent);
                self.with_follower(at, |_| FollowerAction::Nothing);
            }
            (User::Command(TabCommand::LogOut), Role::Leader(..)) => self.log_out(at),
            (User::Command(command), Role::Leader(..)) => {
                self.with_client(at, |client| command.execute(now, Origin::LOCAL, 0, client));
            }
            (User::Command(command), _) => self.with_follower(at, |follower| {
                follower.handle_command(now, command);
                FollowerAction::Nothing
            }),
            (User::Server(number, command), Role::Leader(..)) => {
                self.with_client(at, |client| client.handle_command(now, Origin::LOCAL, number, command));
            }
            (User::Server(number, command), _) => self.with_follower(at, |follower| {
                follower.handle_server_command(now, number, command);
                FollowerAction::Nothing
            }),
            (User::See(room, ord), Role::Leader(..)) => {
                self.with_client(at, |client| client.state_mut().handle_visible(room, ord, false));
            }
            (User::See(room, ord), _) => self.with_follower(at, |follower| {
                follower.state_mut().handle_visible(room, ord, false);
                FollowerAction::Nothing
            }),
        }
    }

    /// Persists a message of a follower.
    fn store(&mut self, at: usize, message: FollowerMessage) {
        self.device.store(&message.change);
        self.deliver(at, Input::Stored(message));
    }

    fn with_follower(&mut self, at: usize, act: impl FnOnce(&mut Follower) -> FollowerAction) {
        let now = self.clocks();
        let tab = &mut self.tabs[at];
        let (Role::Follower(follower) | Role::Promoting(follower, _)) = &mut tab.role else { return };
        let action = act(follower);
        let mut is_logged_out = false;
        while let Some(event) = follower.poll_event() {
            is_logged_out |= event == FollowerEvent::Client(Event::LoggedOut);
            tab.shown.events.push(event);
        }
        tab.shown.apply(follower.state_mut());
        let posts: Vec<_> = std::iter::from_fn(|| follower.poll_post(now)).collect();
        let is_following = matches!(tab.role, Role::Follower(_));
        posts.iter().for_each(|post| self.post(at, post));
        if is_logged_out {
            self.tabs[at].role = Role::LoggedOut;
        } else if action == FollowerAction::TakeOver && is_following {
            self.steal_lock(at);
        }
    }

    fn with_client(&mut self, at: usize, act: impl FnOnce(&mut Client)) {
        let now = self.now;
        let Role::Leader(_, client) = &mut self.tabs[at].role else { panic!("only a leader has a client") };
        act(client);
        loop {
            let Role::Leader(leader, client) = &mut self.tabs[at].role else { return };
            match client.poll_output() {
                None => {
                    let tab = &mut self.tabs[at];
                    let Role::Leader(leader, client) = &mut tab.role else { return };
                    let Some(event) = client.poll_event() else {
                        tab.shown.apply(client.state_mut());
                        return;
                    };
                    let publication = leader.publish(now, &event, client);
                    // The user interface gets the answers to its own commands.
                    if !matches!(&event, Event::Answer { origin, .. } if *origin != Origin::LOCAL) {
                        tab.shown.events.push(FollowerEvent::Client(event));
                    }
                    if let Some(publication) = publication {
                        self.post(at, &publication);
                    }
                }
                Some(Output::Open) => {
                    self.tabs[at].socket += 1;
                    let socket = self.tabs[at].socket;
                    let event =
                        if self.server_answers { SocketEvent::Opened } else { SocketEvent::Closed(1006) };
                    self.deliver(at, Input::Socket(socket, event));
                }
                Some(Output::Send(bytes)) => self.serve(at, &bytes),
                Some(Output::Close(_)) => self.close(at),
                Some(Output::Persist { ticket, changes }) => {
                    let (lease, number) = (leader.lease(), self.tabs[at].client_number);
                    let is_current = self.device.lease <= lease;
                    if self.tabs[at].dies {
                        continue;
                    }
                    if is_current {
                        changes.into_iter().for_each(|change| self.device.write(change));
                    }
                    self.deliver(at, Input::Written(number, is_current.then_some(ticket)));
                }
            }
        }
    }

    fn log_out(&mut self, at: usize) {
        let now = self.clocks();
        self.with_client(at, |client| client.handle_log_out(now));
        self.tabs[at].role = Role::LoggedOut;
        if self.holder == Some(at) {
            self.holder = None;
        }
    }

    fn post_snapshot(&mut self, at: usize) {
        let now = self.now;
        let Role::Leader(leader, client) = &mut self.tabs[at].role else { return };
        let snapshot = leader.snapshot(now, client);
        self.post(at, &snapshot);
    }

    fn lead(&mut self, at: usize) {
        let (now, mut persisted) = (self.clocks(), self.device.persisted());
        let tab = &mut self.tabs[at];
        let Role::Promoting(follower, received) = std::mem::replace(&mut tab.role, Role::LoggedOut) else {
            panic!("not promoting")
        };
        let promoted = follower.promote(now, tab.lease, !received.is_empty(), &mut persisted);
        let setup = Setup {
            seed: at as u64,
            agent: "test".into(),
            nick: "tom".into(),
            secret: [at as u8; 16],
            link_code: None,
            left: LeftSessions::default(),
            state: promoted.state,
            persisted,
        };
        tab.role = Role::Leader(Box::new(promoted.leader), Box::new(Client::new(setup).unwrap()));
        tab.gate = Gate::default();
        tab.shown.events.extend(promoted.events);
        tab.shown.events.push(FollowerEvent::OutdatedSince(None));
        self.with_client(at, |client| {
            client.handle_connect(now).unwrap();
            client.handle_adopt_reported(now, promoted.reported);
            promoted.sends.into_iter().for_each(|(room, message)| client.handle_adopt(now, room, message));
            promoted.settled.into_iter().for_each(|(room, id)| {
                let _ = client.handle_settled(now, room, id);
            });
        });
        self.post_snapshot(at);
        promoted
            .commands
            .into_iter()
            .for_each(|(number, command)| self.admit(at, Input::Execute(number, command)));
        received.into_iter().for_each(|bytes| self.admit(at, Input::Channel(bytes)));
        self.report_visibility(at);
    }

    fn step_down(&mut self, at: usize) {
        self.close(at);
        let now = self.clocks();
        let tab = &mut self.tabs[at];
        let follower = match std::mem::replace(&mut tab.role, Role::LoggedOut) {
            Role::Leader(leader, mut client) => {
                let rooms = tab.rooms.iter().copied();
                Box::new(Follower::after_leading(now, tab.tab, &leader, &mut client, rooms))
            }
            Role::Follower(follower) | Role::Promoting(follower, _) => follower,
            Role::LoggedOut => return,
        };
        tab.role = Role::Follower(follower);
        tab.client_number += 1;
        tab.socket += 1;
        tab.reported_visible = None;
        let held = tab.gate.open(now.monotonic);
        if self.holder == Some(at) {
            self.holder = None;
            self.grant();
        }
        self.request_lock(at);
        self.report_visibility(at);
        let Role::Follower(follower) = &mut self.tabs[at].role else { return };
        let unpersisted: Vec<_> = std::iter::from_fn(|| follower.poll_unpersisted()).collect();
        unpersisted.into_iter().for_each(|message| self.store(at, message));
        held.into_iter().for_each(|input| self.handle(at, input));
    }

    // ---- the server

    fn close(&mut self, at: usize) {
        if self.connection.is_some_and(|(tab, _)| tab == at) {
            self.connection = None;
        }
    }

    fn answer(&mut self, envelope: &Envelope) {
        if let Some((at, socket)) = self.connection {
            let message = SocketEvent::Message(codec::encode(envelope).to_vec());
            self.deliver(at, Input::Socket(socket, message));
        }
    }

    fn serve(&mut self, at: usize, bytes: &[u8]) {
        if !self.server_answers {
            return;
        }
        let socket = self.tabs[at].socket;
        for envelope in codec::decode_rich(bytes).unwrap() {
            if matches!(envelope.extension, Some(Extension::Login(_))) {
                if let Some((old, number)) = self.connection.replace((at, socket)) {
                    let closed = SocketEvent::Closed(Status::Replaced.code());
                    self.deliver(old, Input::Socket(number, closed));
                }
            } else if self.connection != Some((at, socket)) {
                continue;
            }
            for answer in self.server.handle(envelope) {
                self.answer(&answer);
            }
        }
    }

    /// Another account sends a message.
    pub fn receive(&mut self, room: RoomId, id: MessageId) {
        for envelope in self.server.post(room, server::OTHER, id, "from lili") {
            self.answer(&envelope);
        }
    }

    // ---- what the tests see

    pub fn leader(&self) -> Option<usize> {
        self.tabs.iter().position(|tab| !tab.hangs && matches!(tab.role, Role::Leader(..)))
    }

    pub fn client(&self) -> &Client {
        let Some(at) = self.leader() else { panic!("no leader") };
        let Role::Leader(_, client) = &self.tabs[at].role else { unreachable!() };
        client
    }

    pub fn user(&mut self, tab: usize, user: User) {
        self.deliver(tab, Input::User(user));
    }

    /// The messages that a tab shows in a room, and their delivery states.
    pub fn shown(&self, tab: usize, room: RoomId) -> Vec<(MessageId, Delivery)> {
        let Some(timeline) = self.tabs[tab].shown.timelines.get(&room) else { return Vec::new() };
        let message = |kind: &RowKind| match kind {
            RowKind::Message { message, .. } => Some((message.id, message.delivery)),
            _ => None,
        };
        timeline.rows().filter_map(|row| message(&row.kind)).collect()
    }

    pub fn state(&self, tab: usize, id: MessageId) -> Option<Delivery> {
        let rooms = [RoomId::LOBBY, ROOM].map(|room| self.shown(tab, room));
        rooms.into_iter().flatten().find(|shown| shown.0 == id).map(|shown| shown.1)
    }

    /// The last value of an event in a tab.
    fn last<T>(&self, tab: usize, of: impl Fn(&FollowerEvent) -> Option<T>) -> Option<T> {
        self.tabs[tab].shown.events.iter().rev().find_map(of)
    }

    pub fn is_online(&self, tab: usize) -> bool {
        let online = |event: &FollowerEvent| match event {
            FollowerEvent::Client(Event::Connection(connection)) => {
                Some(matches!(connection, Connection::Online { .. }))
            }
            _ => None,
        };
        self.last(tab, online).unwrap_or(false)
    }

    pub fn is_outdated(&self, tab: usize) -> bool {
        let outdated = |event: &FollowerEvent| match event {
            FollowerEvent::OutdatedSince(since) => Some(since.is_some()),
            FollowerEvent::Client(_) | FollowerEvent::CommandFailed(_) => None,
        };
        self.last(tab, outdated).unwrap_or(false)
    }

    pub fn failures(&self, tab: usize) -> usize {
        let failed = FollowerEvent::CommandFailed(Status::TabUnresponsive);
        self.tabs[tab].shown.events.iter().filter(|event| **event == failed).count()
    }

    /// The answers to the commands of a tab with this number.
    pub fn answers(&self, tab: usize, number: u32) -> Vec<Result<Reply, Status>> {
        let answers = self.tabs[tab].shown.events.iter().filter_map(|event| match event {
            FollowerEvent::Client(Event::Answer { origin, number: of, result, .. }) if *of == number => {
                assert_eq!(*origin, Origin::LOCAL, "the answer to another tab");
                Some(result.clone().map_err(|refusal| refusal.status))
            }
            _ => None,
        });
        answers.collect()
    }

    /// All tabs show the same as the server has in a room.
    #[track_caller]
    pub fn all_show(&self, room: RoomId, tabs: impl IntoIterator<Item = usize>) {
        let log: Vec<_> = self.server.log(room).iter().map(|message| (message.0, Delivery::Sent)).collect();
        for tab in tabs {
            assert_eq!(self.shown(tab, room), log, "tab {tab}");
        }
    }

    /// A message that the server has refused.
    pub fn fail_message(&mut self, tab: usize, id: MessageId) {
        self.server.refused.push(id);
        self.user(tab, User::Send(RoomId::LOBBY, id));
        self.run(500);
        for at in 0..3 {
            assert_eq!(self.state(at, id), Some(Delivery::Failed(Status::ContentTooLong)), "tab {at}");
        }
    }
}
