//! Three tabs of a browser on a virtual clock, with the lock, the device and a server. Any of the tabs may hang.

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

    // ---- the browser

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

    // ---- the service of a tab

    fn admit(&mut self, at: usize, input: Input) {
        let now = self.now;
        let tab = &mut self.tabs[at];
        if let (Role::Leader(leader), Input::Channel(bytes)) = (&tab.role, &input)
            && leader.is_superseded_by(bytes)
        {
            self.step_down(at);
            return self.handle(at, input);
        }
        let is_guarded = !matches!(input, Input::Granted | Input::Lost | Input::Checked(_) | Input::Read(_));
        if !is_guarded || !matches!(tab.role, Role::Leader(_)) {
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
        let tab = &mut self.tabs[at];
        match (input, &mut tab.role) {
            (Input::Granted, Role::Follower(follower)) => {
                follower.handle_leader_gone();
                let lease = follower.next_lease(now.unix).max(self.device_lease + 1);
                (tab.lease, self.device_lease) = (lease, lease);
                let role = std::mem::replace(&mut tab.role, Role::Leader(Leader::new(1, false)));
                let Role::Follower(follower) = role else { unreachable!() };
                tab.role = Role::Promoting(follower, Vec::new());
                self.post(at, &Leader::announcement(lease));
                self.deliver(at, Input::Read(Some(lease)));
            }
            (Input::Lost, _) | (Input::Checked(false), Role::Leader(_)) => self.step_down(at),
            (Input::Checked(true), Role::Leader(_)) => {
                for input in tab.gate.open(now.monotonic) {
                    self.admit(at, input);
                }
            }
            (Input::Read(Some(lease)), Role::Promoting(..)) if tab.lease == lease => self.lead(at),
            (Input::Read(None), Role::Follower(_)) => {
                let persisted = self.persisted();
                self.with_follower(at, |follower| {
                    follower.handle_persisted(persisted);
                    FollowerAction::Nothing
                });
            }
            (Input::Written(session, ticket), Role::Leader(_)) if session == tab.session_number => {
                match ticket {
                    Some(ticket) => self.with_session(at, |session| session.handle_persisted(now, ticket)),
                    None => self.step_down(at),
                }
            }
            (Input::Channel(bytes), Role::Leader(leader)) => {
                let action = leader.handle_message(now, &bytes, &mut tab.session);
                match action {
                    LeaderAction::PublishSnapshot => {
                        self.with_session(at, Session::handle_hidden);
                        self.post_snapshot(at);
                    }
                    LeaderAction::Leave => self.with_session(at, |session| session.handle_leave(now)),
                    LeaderAction::Visibility(visible) => {
                        tab.follower_visible_until =
                            if visible { now.monotonic + REPORT_TIMEOUT_MS } else { 0 };
                        self.with_session(at, |session| session.handle_timeout(now));
                        self.report_visibility(at);
                    }
                    LeaderAction::Nothing => self.with_session(at, |_| ()),
                }
                let tab = &mut self.tabs[at];
                if let Role::Leader(leader) = &mut tab.role
                    && let Some(renewal) = leader.poll_renewal(now.monotonic, &tab.session)
                {
                    self.post(at, &renewal);
                }
            }
            (Input::Channel(bytes), role) => {
                if let Role::Promoting(_, received) = role {
                    received.push(bytes.clone());
                }
                self.with_follower(at, |follower| follower.handle_message(now.monotonic, &bytes));
            }
            (Input::Stored(sent), Role::Leader(_)) => {
                self.with_session(at, |session| session.handle_adopt(now, &sent.value));
            }
            (Input::Stored(sent), role) => {
                let is_following = matches!(role, Role::Follower(_));
                self.with_follower(at, |follower| {
                    follower.handle_stored(sent.id);
                    FollowerAction::Nothing
                });
                if is_following {
                    self.post(at, &sent.command);
                }
            }
            (Input::Socket(number, event), Role::Leader(_)) if number == tab.socket => {
                self.with_session(at, |session| match event {
                    SocketEvent::Opened => session.handle_opened(now),
                    SocketEvent::Message(bytes) => session.handle_message(now, &bytes),
                    SocketEvent::Closed(code) => session.handle_closed(now, code),
                });
            }
            (Input::Timer, Role::Leader(_)) => {
                self.with_session(at, |session| session.handle_timeout(now));
                self.report_visibility(at);
            }
            (Input::Timer, _) => self.with_follower(at, |follower| follower.handle_timeout(now.monotonic)),
            (Input::User(User::Send(id)), Role::Leader(_)) => {
                let text = format!("{id:?}");
                self.with_session(at, |session| session.handle_send(now, id, &text).unwrap());
            }
            (Input::User(User::Send(id)), Role::Follower(follower) | Role::Promoting(follower, _)) => {
                let sent = follower.handle_send(now, id, &format!("{id:?}")).unwrap();
                self.store(at, sent);
                self.with_follower(at, |_| FollowerAction::Nothing);
            }
            (Input::User(User::Command(command)), Role::Leader(_)) => {
                self.with_session(at, |session| command.execute(now, session));
            }
            (Input::User(User::Command(command)), _) => {
                let request = self.random(u64::MAX);
                self.with_follower(at, |follower| {
                    follower.handle_command(now, request, command);
                    FollowerAction::Nothing
                });
            }
            _ => {}
        }
    }

    /// Persists a message of a follower.
    fn store(&mut self, at: usize, message: FollowerMessage) {
        self.write(message.change.clone());
        self.deliver(at, Input::Stored(message));
    }

    fn with_follower(&mut self, at: usize, act: impl FnOnce(&mut Follower) -> FollowerAction) {
        let tab = &mut self.tabs[at];
        let (Role::Follower(follower) | Role::Promoting(follower, _)) = &mut tab.role else { return };
        let action = act(follower);
        while let Some(event) = follower.poll_event() {
            tab.shown.apply(event);
        }
        let is_following = matches!(tab.role, Role::Follower(_));
        let mut messages = Vec::new();
        if let Role::Follower(follower) | Role::Promoting(follower, _) = &mut tab.role {
            messages.extend(std::iter::from_fn(|| follower.poll_message()));
        }
        messages.iter().for_each(|message| self.post(at, message));
        match action {
            FollowerAction::RequestSnapshot if is_following => {
                self.post(at, &command(TabCommand::RequestSnapshot));
            }
            FollowerAction::LoadPersisted if is_following => self.deliver(at, Input::Read(None)),
            FollowerAction::TakeOver if is_following => self.steal_lock(at),
            _ => {}
        }
    }

    fn with_session(&mut self, at: usize, act: impl FnOnce(&mut Session)) {
        let now = self.now;
        let tab = &mut self.tabs[at];
        act(&mut tab.session);
        while let Some(command) = self.tabs[at].session.poll_command() {
            match command {
                SessionCommand::Open => {
                    self.tabs[at].socket += 1;
                    let socket = self.tabs[at].socket;
                    let event =
                        if self.server_answers { SocketEvent::Opened } else { SocketEvent::Closed(1006) };
                    self.deliver(at, Input::Socket(socket, event));
                }
                SessionCommand::Send(bytes) => self.serve(at, &bytes),
                SessionCommand::Close(_) => self.close(at),
                SessionCommand::Persist { ticket, changes } => {
                    let (lease, session) = (self.tabs[at].lease, self.tabs[at].session_number);
                    let is_current = self.device_lease <= lease;
                    if is_current {
                        changes.into_iter().for_each(|change| self.write(change));
                    }
                    self.deliver(at, Input::Written(session, is_current.then_some(ticket)));
                }
            }
        }
        while let Some(event) = self.tabs[at].session.poll_event() {
            let tab = &mut self.tabs[at];
            let Role::Leader(leader) = &mut tab.role else { panic!("only a leader has a session") };
            let message = leader.publish(now, &event, &tab.session);
            tab.shown.apply(event);
            if let Some(message) = message {
                self.post(at, &message);
            }
        }
    }

    fn post_snapshot(&mut self, at: usize) {
        let tab = &mut self.tabs[at];
        let Role::Leader(leader) = &mut tab.role else { return };
        let snapshot = leader.snapshot(self.now, &tab.session);
        self.post(at, &snapshot);
    }

    fn lead(&mut self, at: usize) {
        let (now, mut persisted) = (self.clocks(), self.persisted());
        let tab = &mut self.tabs[at];
        let Role::Promoting(follower, received) = &mut tab.role else { panic!("not promoting") };
        let received = std::mem::take(received);
        follower.handle_promotion(&mut persisted);
        let leader = follower.promoted(tab.lease, !received.is_empty());
        let (unsent, (sends, commands)) = (follower.take_queued(), follower.take_unanswered());
        tab.role = Role::Leader(leader);
        tab.gate = Gate::default();
        tab.shown.apply(Event::OutdatedSince(None));
        self.with_session(at, |session| {
            session.handle_login(now, "tom", persisted).unwrap();
            session.handle_adopt_queued(unsent);
            sends.iter().for_each(|value| session.handle_adopt(now, value));
        });
        self.post_snapshot(at);
        for command in commands {
            self.admit(at, Input::User(User::Command(command)));
        }
        received.into_iter().for_each(|bytes| self.admit(at, Input::Channel(bytes)));
        self.report_visibility(at);
    }

    fn step_down(&mut self, at: usize) {
        self.close(at);
        let now = self.now;
        let tab = &mut self.tabs[at];
        let follower = match &mut tab.role {
            Role::Leader(leader) => Follower::after_leading(
                now,
                ((at as u64 + 1) << 32) | (at as u64 * 100),
                leader,
                &tab.session,
            ),
            Role::Follower(follower) | Role::Promoting(follower, _) => std::mem::take(follower),
        };
        tab.role = Role::Follower(follower);
        tab.session = Session::new(now, "test");
        tab.session_number += 1;
        tab.socket += 1;
        tab.reported_visible = None;
        let held = tab.gate.open(now);
        if self.holder == Some(at) {
            self.holder = None;
            self.grant();
        }
        self.request_lock(at);
        self.post(at, &command(TabCommand::RequestSnapshot));
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

    fn answer(&mut self, at: usize, envelope: &Envelope) {
        let socket = self.tabs[at].socket;
        self.deliver(at, Input::Socket(socket, SocketEvent::Message(codec::encode(envelope).to_vec())));
    }

    fn serve(&mut self, at: usize, bytes: &[u8]) {
        if !self.server_answers {
            return;
        }
        let socket = self.tabs[at].socket;
        for envelope in codec::decode_rich(bytes).unwrap() {
            match envelope.extension {
                Some(Extension::Login(_)) => {
                    if let Some((old, number)) = self.connection.replace((at, socket)) {
                        self.deliver(
                            old,
                            Input::Socket(number, SocketEvent::Closed(Status::Replaced.code())),
                        );
                    }
                    let position = wire::RoomPosition { seq: self.log.len() as u64, ..Default::default() };
                    let welcome = wire::Welcome {
                        version: 1,
                        nick: "tom".into(),
                        secret: vec![7; 32],
                        capabilities: vec!["history".into()],
                        log: vec![1],
                        positions: vec![position],
                        ..wire::Welcome::default()
                    };
                    self.answer(at, &codec::extension(Extension::Welcome(welcome)));
                }
                Some(Extension::Ping(ping)) => {
                    self.answer(at, &codec::extension(Extension::Pong(wire::Pong { nonce: ping.nonce })))
                }
                _ if envelope.r#type == codec::TALK && self.connection == Some((at, socket)) => {
                    self.talk(at, MessageId::from_wire(&envelope.id).unwrap());
                }
                _ => {}
            }
        }
    }

    fn talk(&mut self, at: usize, id: MessageId) {
        *self.received.entry(id).or_default() += 1;
        if self.refused.contains(&id) {
            let code = Status::ContentTooLong.code().into();
            let refusal = wire::Refusal { code, id: id.0.to_vec(), ..wire::Refusal::default() };
            return self.answer(at, &codec::extension(Extension::Refusal(refusal)));
        }
        if !self.log.contains(&id) {
            self.log.push(id);
        }
        let seq = self.log.iter().position(|logged| *logged == id).unwrap() as u64 + 1;
        let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq, time: 5 }];
        self.answer(at, &codec::extension(Extension::Ack(wire::Ack { accepted })));
    }

    // ---- what the tests see

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
