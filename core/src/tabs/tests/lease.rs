//! Tabs that hang and resume at any moment, on a virtual clock: the leadership is taken over, nothing is lost, duplicated or
//! sent after it was discarded.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::Millis;

/// The browser delivers what happens within this time, in ms.
const LATENCY_MS: Millis = 2;

/// What a tab has to handle, in order.
#[derive(Clone, Debug)]
enum Input {
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
enum SocketEvent {
    Opened,
    Message(Vec<u8>),
    Closed(u16),
}

#[derive(Clone, Copy, Debug)]
enum User {
    Send(MessageId),
    Command(Command),
}

enum Role {
    Follower(Follower),
    Promoting(Follower, Vec<Vec<u8>>),
    Leader(Leader),
}

/// A tab, and what the service does in it.
struct SimTab {
    role: Role,
    session: Session,
    /// Incremented with each session.
    session_number: u64,
    gate: Gate<Input>,
    /// The socket's number, which its late events carry.
    socket: u64,
    lease: u64,
    inbox: VecDeque<(Millis, Input)>,
    hangs: bool,
    visible: bool,
    shown: Tab,
}

/// Three tabs of a browser, the lock, the device, and a server.
struct World {
    now: Millis,
    tabs: Vec<SimTab>,
    holder: Option<usize>,
    waiting: VecDeque<usize>,
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    device_lease: u64,
    /// The tab and the socket that the server accepts messages from.
    connection: Option<(usize, u64)>,
    server_answers: bool,
    /// The server refuses these messages.
    refused: Vec<MessageId>,
    log: Vec<MessageId>,
    /// How often the server has received each message.
    received: BTreeMap<MessageId, u32>,
    random: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            now: 10_000,
            tabs: Vec::new(),
            holder: None,
            waiting: VecDeque::new(),
            rows: BTreeMap::new(),
            device_lease: 0,
            connection: None,
            server_answers: true,
            refused: Vec::new(),
            log: Vec::new(),
            received: BTreeMap::new(),
            random: seed.wrapping_mul(2) + 1,
        };
        for at in 0..3 {
            world.tabs.push(SimTab {
                role: Role::Follower(Follower::new(world.now, (at + 1) << 32 | at * 100)),
                session: Session::new(at, "test"),
                session_number: 0,
                gate: Gate::default(),
                socket: 0,
                lease: 0,
                inbox: VecDeque::new(),
                hangs: false,
                visible: at != 2,
                shown: Tab::new(),
            });
        }
        for at in 0..3 {
            world.request_lock(at);
            world.post(at, &command(TabCommand::RequestSnapshot));
            world.show(at, at != 2);
            world.run(100);
        }
        world
    }

    fn clocks(&self) -> Clocks {
        let unix = NOW.unix + i64::try_from(self.now).unwrap();
        Clocks { monotonic: self.now, unix }
    }

    fn random(&mut self, below: u64) -> u64 {
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
        match change {
            Change::Put(table, key, value) => drop(self.rows.insert((table, key.to_vec()), value.to_vec())),
            Change::Delete(table, key) => drop(self.rows.remove(&(table, key.to_vec()))),
            Change::DeleteUpTo(table, key) => self.rows.retain(|(t, k), _| *t != table || **k > *key),
            Change::Clear(table) => self.rows.retain(|(t, _), _| *t != table),
        }
    }

    fn persisted(&self) -> Persisted {
        let table = |table| -> Vec<_> {
            let of = self.rows.iter().filter(move |((t, _), _)| *t == table);
            of.map(|(_, value)| value.clone()).collect()
        };
        let account = table(Table::Account);
        Persisted::read(account.first().map(Vec::as_slice), &table(Table::SendQueue), &table(Table::Messages))
    }

    fn show(&mut self, tab: usize, visible: bool) {
        self.tabs[tab].visible = visible;
        let now = self.now;
        self.with_follower(tab, |follower| {
            follower.handle_visibility(now, visible);
            FollowerAction::Nothing
        });
    }

    /// Runs for this time.
    fn run(&mut self, ms: Millis) {
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
                if !self.tabs[at].hangs && due.is_some_and(|due| due <= self.now) {
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

    fn handle(&mut self, at: usize, input: Input) {
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
                        self.with_session(at, |session| session.handle_visibility(now, visible));
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
            (Input::Timer, Role::Leader(_)) => self.with_session(at, |session| session.handle_timeout(now)),
            (Input::Timer, _) => self.with_follower(at, |follower| follower.handle_timeout(now.monotonic)),
            (Input::User(User::Send(id)), Role::Leader(_)) => {
                let text = format!("{id:?}");
                self.with_session(at, |session| session.handle_send(now, id, &text).unwrap());
            }
            (Input::User(User::Send(id)), Role::Follower(follower) | Role::Promoting(follower, _)) => {
                let sent = follower.handle_send(now, id, &format!("{id:?}")).unwrap();
                self.write(sent.change.clone());
                self.deliver(at, Input::Stored(sent));
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
        let (now, persisted) = (self.clocks(), self.persisted());
        let tab = &mut self.tabs[at];
        let role = std::mem::replace(&mut tab.role, Role::Leader(Leader::new(tab.lease, true)));
        let Role::Promoting(mut follower, received) = role else { panic!("not promoting") };
        let (unsent, (sends, commands)) = (follower.take_queued(), follower.take_unanswered());
        tab.gate = Gate::default();
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
    }

    fn step_down(&mut self, at: usize) {
        self.close(at);
        let (now, visible) = (self.now, self.tabs[at].visible);
        let tab = &mut self.tabs[at];
        let follower = match &mut tab.role {
            Role::Leader(leader) => {
                Follower::after_leading(now, (at as u64 + 1) << 32 | at as u64 * 100, leader, &tab.session)
            }
            Role::Follower(follower) | Role::Promoting(follower, _) => std::mem::take(follower),
        };
        tab.role = Role::Follower(follower);
        tab.session = Session::new(now, "test");
        tab.session_number += 1;
        tab.socket += 1;
        let held = tab.gate.open(now);
        if self.holder == Some(at) {
            self.holder = None;
            self.grant();
        }
        self.request_lock(at);
        self.post(at, &command(TabCommand::RequestSnapshot));
        self.show(at, visible);
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
                    self.answer(at, &codec::extension("", Extension::Welcome(welcome)));
                }
                Some(Extension::Ping(ping)) => self.answer(
                    at,
                    &codec::extension(
                        "",
                        Extension::Pong(wire::Pong { nonce: ping.nonce, ..Default::default() }),
                    ),
                ),
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
            return self.answer(at, &codec::extension("", Extension::Refusal(refusal)));
        }
        if !self.log.contains(&id) {
            self.log.push(id);
        }
        let seq = self.log.iter().position(|logged| *logged == id).unwrap() as u64 + 1;
        let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq, time: 5 }];
        self.answer(at, &codec::extension("", Extension::Ack(wire::Ack { accepted })));
    }

    // ---- what the tests see

    fn leader(&self) -> Option<usize> {
        self.tabs.iter().position(|tab| !tab.hangs && matches!(tab.role, Role::Leader(_)))
    }

    fn user(&mut self, tab: usize, user: User) {
        self.deliver(tab, Input::User(user));
    }

    fn state(&self, tab: usize, id: MessageId) -> Option<Delivery> {
        self.tabs[tab].shown.shown().into_iter().find(|shown| shown.0 == id).map(|shown| shown.2)
    }

    /// The last value of an event in a tab.
    fn last<T>(&self, tab: usize, of: impl Fn(&Event) -> Option<T>) -> Option<T> {
        self.tabs[tab].shown.events.iter().rev().find_map(of)
    }

    fn is_outdated(&self, tab: usize) -> bool {
        let outdated = |event: &Event| match event {
            Event::OutdatedSince(since) => Some(since.is_some()),
            _ => None,
        };
        self.last(tab, outdated).unwrap_or(false)
    }

    fn failures(&self, tab: usize) -> usize {
        let failed = |event: &&Event| **event == Event::CommandFailed(Status::TabUnresponsive);
        self.tabs[tab].shown.events.iter().filter(failed).count()
    }

    /// A message that the server has refused.
    fn fail_message(&mut self, tab: usize, id: MessageId) {
        self.refused.push(id);
        self.user(tab, User::Send(id));
        self.run(500);
        for at in 0..3 {
            assert_eq!(self.state(at, id), Some(Delivery::Failed(Status::ContentTooLong)), "tab {at}");
        }
    }
}

fn id(n: u8) -> MessageId {
    MessageId([n; 16])
}

#[test]
fn a_hung_leader_is_replaced_without_loss() {
    let mut world = World::new(1);
    assert_eq!(world.leader(), Some(0));
    world.user(1, User::Send(id(1)));
    // Until the device has recorded the acknowledgement.
    world.run(1_500);
    assert_eq!(world.state(1, id(1)), Some(Delivery::Sent));
    world.tabs[0].hangs = true;
    world.user(1, User::Send(id(2)));
    world.run(2_500);
    assert!(world.is_outdated(1), "the tab knows that it is not up to date");
    world.run(7_500 - 2_500);
    assert_eq!((world.leader(), world.state(1, id(2))), (Some(1), Some(Delivery::Sent)));
    assert_eq!(world.failures(1), 0);
    // The old leader resumes: it follows, and shows the same.
    world.tabs[0].hangs = false;
    world.user(0, User::Send(id(3)));
    world.run(10_000);
    assert_eq!((world.leader(), &world.log[..]), (Some(1), &[id(1), id(2), id(3)][..]));
    let shown = world.tabs[1].shown.shown();
    assert!(world.tabs.iter().all(|tab| tab.shown.shown() == shown) && shown.len() == 3);
    assert!(world.received.values().all(|count| *count == 1), "nothing was sent twice");
    assert!(!world.is_outdated(0) && !world.is_outdated(1));
}

#[test]
fn a_healthy_leader_is_never_replaced() {
    let mut world = World::new(1);
    world.show(0, false);
    world.run(120_000);
    assert_eq!((world.leader(), world.holder, world.device_lease), (Some(0), Some(0), world.tabs[0].lease));
    assert!(world.tabs.iter().all(|tab| tab.session_number == 0));
}

#[test]
fn a_visible_follower_drives_the_timers_of_a_hidden_leader() {
    let mut world = World::new(1);
    world.run(1_000);
    let due = world.tabs[0].session.poll_timeout().unwrap();
    let Role::Follower(follower) = &world.tabs[1].role else { panic!() };
    let asks = follower.poll_timeout().unwrap();
    assert!(asks <= due + LATENCY_MS || asks <= world.now + QUESTION_INTERVAL_MS, "{asks} {due}");
}

#[test]
fn commands_for_a_hung_leader_are_executed_once_by_the_next_one() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.fail_message(1, id(2));
    world.refused.clear();
    world.received.clear();
    world.tabs[0].hangs = true;
    world.user(1, User::Command(Command::Retry(id(1))));
    world.user(1, User::Command(Command::Discard(id(2))));
    world.run(10);
    assert_eq!((world.state(1, id(1)), world.state(1, id(2))), (Some(Delivery::Queued), None), "at once");
    // The opposite commands are not possible any more.
    world.user(1, User::Command(Command::Discard(id(1))));
    world.user(1, User::Command(Command::Retry(id(2))));
    world.run(8_000);
    assert_eq!((world.leader(), &world.log[..]), (Some(1), &[id(1)][..]));
    world.tabs[0].hangs = false;
    world.run(8_000);
    assert_eq!((&world.log[..], &world.received), (&[id(1)][..], &BTreeMap::from([(id(1), 1)])));
    for tab in 0..3 {
        assert_eq!((world.state(tab, id(1)), world.state(tab, id(2))), (Some(Delivery::Sent), None), "{tab}");
    }
    assert_eq!(world.failures(1), 0);
}

#[test]
fn commands_that_no_leader_executes_are_reported_and_undone() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.refused.clear();
    world.tabs[0].hangs = true;
    let discard = User::Command(Command::Discard(id(1)));
    let end = world.now + COMMAND_TIMEOUT_MS + 500;
    world.user(1, discard);
    while world.now < end {
        // The lock can't be stolen.
        world.holder = Some(0);
        world.tabs[1].inbox.retain(|(_, input)| !matches!(input, Input::Granted));
        world.run(1);
    }
    assert_eq!(world.failures(1), 1);
    assert_eq!(world.state(1, id(1)), Some(Delivery::Failed(Status::ContentTooLong)), "it is shown again");
    // The user changes their mind: the late leader must not execute what was reported as failed.
    world.tabs[0].inbox.retain(|(_, input)| !matches!(input, Input::Lost));
    world.tabs[0].hangs = false;
    world.user(1, User::Command(Command::Retry(id(1))));
    world.run(2_000);
    assert_eq!((&world.log[..], world.state(1, id(1))), (&[id(1)][..], Some(Delivery::Sent)));
}

#[test]
fn leaving_works_while_the_leader_hangs() {
    let mut world = World::new(1);
    world.tabs[0].hangs = true;
    world.user(1, User::Command(Command::Leave));
    world.run(8_000);
    assert_eq!(world.tabs[1].shown.events.last(), Some(&Event::LoggedOut));
    assert!(world.persisted().account.is_none());
}

#[test]
fn a_leader_that_was_superseded_persists_nothing() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.tabs[0].hangs = true;
    world.run(8_000);
    let rows = world.rows.clone();
    // It was stopped after its checks, so that it still believes to be the leader.
    world.tabs[0].inbox.clear();
    world.tabs[0].gate = Gate::default();
    world.tabs[0].hangs = false;
    world.handle(0, Input::User(User::Command(Command::Retry(id(1)))));
    assert_eq!(world.rows, rows);
    world.run(1_000);
    assert_eq!(world.leader(), Some(1), "it has learned that it is not the leader");
    assert_eq!(world.received[&id(1)], 1, "the message was not sent again");
}

#[test]
fn a_leader_continues_without_the_device() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.user(1, User::Send(id(2)));
    world.run(500);
    let Role::Follower(follower) = &world.tabs[1].role else { panic!() };
    let mirrored = follower.mirrored().unwrap();
    assert_eq!(mirrored.account.as_ref().unwrap().secret, [7; 32]);
    assert!(matches!(&mirrored.send_queue[..], [queued] if queued.id == id(1)
        && queued.stage == crate::send_queue::Stage::Failed(Status::ContentTooLong)));
    assert!(Follower::new(0, 1).mirrored().is_none());
}

/// What a user did in a random run.
#[derive(Default)]
struct Done {
    sent: Vec<MessageId>,
    discarded: Vec<(MessageId, bool)>,
}

#[test]
fn tabs_that_hang_at_random_lose_nothing_and_repeat_nothing() {
    let seeds = 60;
    let mut takeovers = 0;
    for seed in 1..=seeds {
        let mut world = World::new(seed);
        let mut done = Done::default();
        for n in 1..=60_u8 {
            let tab = world.random(3) as usize;
            match world.random(10) {
                0..=3 => {
                    let id = id(n);
                    if world.random(3) == 0 {
                        world.refused.push(id);
                    }
                    // A hung tab takes no input.
                    if !world.tabs[tab].hangs {
                        done.sent.push(id);
                        world.user(tab, User::Send(id));
                    }
                }
                4 => world.tabs[tab].hangs = true,
                5 => world.tabs[tab].hangs = false,
                6 => {
                    let visible = !world.tabs[tab].visible;
                    if !world.tabs[tab].hangs {
                        world.show(tab, visible);
                    }
                }
                7 => world.refused.clear(),
                kind => {
                    let mut failed = world.tabs[tab].shown.shown().into_iter();
                    let failed = failed.rfind(|shown| matches!(shown.2, Delivery::Failed(_)));
                    if let Some((id, ..)) = failed.filter(|_| !world.tabs[tab].hangs) {
                        let command = if kind == 8 { Command::Retry(id) } else { Command::Discard(id) };
                        world.user(tab, User::Command(command));
                        if kind == 9 {
                            done.discarded.push((id, world.log.contains(&id)));
                        }
                    }
                }
            }
            let pause = [5, 300, 3_000, 9_000][world.random(4) as usize];
            world.run(pause);
        }
        world.refused.clear();
        for tab in 0..3 {
            world.tabs[tab].hangs = false;
            world.show(tab, true);
        }
        world.run(30_000);
        let shown = world.tabs[0].shown.shown();
        for tab in &world.tabs {
            let of = |tab: &SimTab| {
                tab.shown.shown().into_iter().map(|shown| (shown.0, shown.2)).collect::<BTreeMap<_, _>>()
            };
            assert_eq!(of(tab), of(&world.tabs[0]), "seed {seed}: all tabs show the same");
        }
        for id in &done.sent {
            let was_discarded = done.discarded.iter().any(|discarded| discarded.0 == *id);
            let is_shown = shown.iter().any(|shown| shown.0 == *id);
            assert!(is_shown || was_discarded, "seed {seed}: {id:?} is lost");
            let state = shown.iter().find(|shown| shown.0 == *id).map(|shown| shown.2);
            assert!(
                matches!(state, None | Some(Delivery::Sent | Delivery::Failed(_))),
                "seed {seed}: {id:?} is {state:?}"
            );
            assert_eq!(state == Some(Delivery::Sent), world.log.contains(id), "seed {seed}: {id:?}");
        }
        takeovers += world.tabs.iter().map(|tab| tab.session_number).sum::<u64>();
    }
    assert!(takeovers > seeds, "{takeovers} times a leader stepped down");
}
