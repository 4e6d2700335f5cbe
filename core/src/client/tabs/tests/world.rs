//! Three tabs of a browser on a virtual clock, with the lock, the device and a server. Any of the tabs may hang.

mod observe;
mod service;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{server::Server, *};
use crate::{
    client::{Change as DeviceChange, Output, Persisted, Setup},
    left_sessions::LeftSessions,
    persist::{Change, Key, queue},
    send_queue::QueuedMessage,
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
    /// The device has refused it, because another tab leads.
    Superseded(FollowerMessage),
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
    /// Nothing can be written.
    pub fails: bool,
}

impl Device {
    fn write(&mut self, change: DeviceChange) {
        if self.fails {
            return;
        }
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
        if let Change::Delete(Key::Queued(_, id)) = change {
            self.queued.remove(id);
            return;
        }
        let Change::Put(Key::Queued(room, id), value) = change else { panic!("{change:?}") };
        let (of, message) = queue::decode(value).unwrap();
        assert_eq!((of, message.id), (*room, *id));
        if !self.fails {
            self.queued.insert(*id, (of, message));
        }
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
    pub opened: u32,
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
}
