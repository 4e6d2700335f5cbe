//! Three tabs of a browser on a virtual clock, with the lock, the device and a server. Any of the tabs may hang.

mod server;
mod service;

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::Millis;

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
    /// The device was read, for a leader or a follower.
    Read(Option<u64>),
    Written(u64, Option<u64>),
    Stored(FollowerMessage),
    Socket(u64, SocketEvent),
    Timer,
    User(User),
}

#[derive(Clone, Debug)]
pub(super) enum SocketEvent {
    Opened,
    Message(Vec<u8>),
    Closed(u16),
}

#[derive(Clone, Debug)]
pub(super) enum User {
    Send(MessageId),
    Command(Command),
}

pub(super) enum Role {
    Follower(Follower),
    Promoting(Follower, Vec<Vec<u8>>),
    Leader(Leader),
}

/// A tab, and what the service does in it.
pub(super) struct SimTab {
    pub role: Role,
    pub session: Session,
    /// Incremented with each session.
    pub session_number: u64,
    pub gate: Gate<Input>,
    /// The socket's number, which its late events carry.
    pub socket: u64,
    pub lease: u64,
    pub inbox: VecDeque<(Millis, Input)>,
    pub hangs: bool,
    pub visible: bool,
    /// As in the service: a follower is visible until this time, and what the session was told last.
    pub follower_visible_until: Millis,
    pub reported_visible: Option<bool>,
    pub shown: Tab,
}

impl SimTab {
    fn new(at: u64, now: Millis) -> Self {
        Self {
            role: Role::Follower(Follower::new(now, ((at + 1) << 32) | (at * 100))),
            session: Session::new(at, "test"),
            session_number: 0,
            gate: Gate::default(),
            socket: 0,
            lease: 0,
            inbox: VecDeque::new(),
            hangs: false,
            visible: false,
            follower_visible_until: 0,
            reported_visible: None,
            shown: Tab::new(),
        }
    }
}

/// Three tabs of a browser, the lock, the device, and a server.
pub(super) struct World {
    pub now: Millis,
    pub tabs: Vec<SimTab>,
    pub holder: Option<usize>,
    pub waiting: VecDeque<usize>,
    pub rows: Rows,
    pub device_lease: u64,
    /// The tab and the socket that the server accepts messages from.
    pub connection: Option<(usize, u64)>,
    pub server_answers: bool,
    /// The server refuses these messages.
    pub refused: Vec<MessageId>,
    pub log: Vec<MessageId>,
    /// The number of times that the server has received each message.
    pub received: BTreeMap<MessageId, u32>,
    pub random: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            now: 10_000,
            tabs: Vec::new(),
            holder: None,
            waiting: VecDeque::new(),
            rows: Rows::default(),
            device_lease: 0,
            connection: None,
            server_answers: true,
            refused: Vec::new(),
            log: Vec::new(),
            received: BTreeMap::new(),
            random: seed.wrapping_mul(2) + 1,
        };
        world.tabs.extend((0..3).map(|at| SimTab::new(at, world.now)));
        for at in 0..3 {
            world.join(at, at != 2);
            world.run(100);
        }
        world
    }

    /// Closes a tab, and opens it again as a visible one.
    pub fn reopen(&mut self, at: usize) {
        self.close(at);
        self.waiting.retain(|waiting| *waiting != at);
        if self.holder == Some(at) {
            self.holder = None;
            self.grant();
        }
        self.tabs[at] = SimTab::new(at as u64, self.now);
        self.join(at, true);
    }

    fn join(&mut self, at: usize, visible: bool) {
        self.request_lock(at);
        self.post(at, &command(TabCommand::RequestSnapshot));
        self.show(at, visible);
    }

    pub fn clocks(&self) -> Clocks {
        let unix = NOW.unix + i64::try_from(self.now).unwrap();
        Clocks { monotonic: self.now, unix }
    }

    pub fn random(&mut self, below: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    fn deliver(&mut self, tab: usize, input: Input) {
        self.tabs[tab].inbox.push_back((self.now + LATENCY_MS, input));
    }

    fn post(&mut self, from: usize, bytes: &[u8]) {
        for to in (0..self.tabs.len()).filter(|to| *to != from) {
            self.deliver(to, Input::Channel(bytes.to_vec()));
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

    fn write(&mut self, change: Change) {
        self.rows.apply(&change);
    }

    pub fn persisted(&self) -> Persisted {
        Persisted::of(&self.rows)
    }

    pub fn show(&mut self, tab: usize, visible: bool) {
        self.tabs[tab].visible = visible;
        self.report_visibility(tab);
    }

    fn report_visibility(&mut self, at: usize) {
        let now = self.clocks();
        let tab = &mut self.tabs[at];
        let visible = tab.visible;
        if !matches!(tab.role, Role::Leader(_)) {
            return self.with_follower(at, |follower| {
                follower.handle_visibility(now.monotonic, visible);
                FollowerAction::Nothing
            });
        }
        let visible = visible || tab.follower_visible_until > now.monotonic;
        if tab.reported_visible.replace(visible) != Some(visible) {
            self.with_session(at, |session| session.handle_visibility(now, visible));
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
                    Role::Promoting(..) => None,
                    Role::Leader(_) => self.tabs[at].session.poll_timeout(),
                };
                // Browsers delay the timers of hidden tabs.
                let runs_timers = self.tabs[at].visible || self.now.is_multiple_of(HIDDEN_TIMER_INTERVAL_MS);
                if !self.tabs[at].hangs && runs_timers && due.is_some_and(|due| due <= self.now) {
                    self.admit(at, Input::Timer);
                }
            }
        }
    }

    pub fn leader(&self) -> Option<usize> {
        self.tabs.iter().position(|tab| !tab.hangs && matches!(tab.role, Role::Leader(_)))
    }

    pub fn user(&mut self, tab: usize, user: User) {
        self.deliver(tab, Input::User(user));
    }

    pub fn state(&self, tab: usize, id: MessageId) -> Option<Delivery> {
        self.tabs[tab].shown.shown().into_iter().find(|shown| shown.0 == id).map(|shown| shown.2)
    }

    /// The last value of an event in a tab.
    fn last<T>(&self, tab: usize, of: impl Fn(&Event) -> Option<T>) -> Option<T> {
        self.tabs[tab].shown.events.iter().rev().find_map(of)
    }

    pub fn is_online(&self, tab: usize) -> bool {
        let online = |event: &Event| match event {
            Event::Connection(connection) => Some(matches!(connection, Connection::Online { .. })),
            _ => None,
        };
        self.last(tab, online).unwrap_or(false)
    }

    pub fn is_outdated(&self, tab: usize) -> bool {
        let outdated = |event: &Event| match event {
            Event::OutdatedSince(since) => Some(since.is_some()),
            _ => None,
        };
        self.last(tab, outdated).unwrap_or(false)
    }

    pub fn failures(&self, tab: usize) -> usize {
        let failed = |event: &&Event| **event == Event::CommandFailed(Status::TabUnresponsive);
        self.tabs[tab].shown.events.iter().filter(failed).count()
    }

    /// A message that the server has refused.
    pub fn fail_message(&mut self, tab: usize, id: MessageId) {
        self.refused.push(id);
        self.user(tab, User::Send(id));
        self.run(500);
        for at in 0..3 {
            assert_eq!(self.state(at, id), Some(Delivery::Failed(Status::ContentTooLong)), "tab {at}");
        }
    }
}
