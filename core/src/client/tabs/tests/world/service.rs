//! The service of a tab, which passes an input to the follower, or to the leader and its client.

use super::*;

impl World {
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
            (Input::Superseded(sent), Role::Leader(..)) => {
                let (room, message) = sent.message;
                self.with_client(at, |client| client.handle_adopt_unpersisted(now, room, message));
            }
            (Input::Superseded(sent), _) => self.with_follower(at, |follower| {
                follower.handle_superseded(sent);
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

    pub(super) fn handle_user(&mut self, at: usize, user: User) {
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
                follower.handle_send(now, room, id, &format!("{id:?}")).unwrap();
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
    pub(super) fn store(&mut self, at: usize, message: FollowerMessage) {
        if message.lease < self.device.lease {
            return self.deliver(at, Input::Superseded(message));
        }
        self.device.store(&message.change);
        self.deliver(at, Input::Stored(message));
    }

    pub(super) fn with_follower(&mut self, at: usize, act: impl FnOnce(&mut Follower) -> FollowerAction) {
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
        let unpersisted: Vec<_> = std::iter::from_fn(|| follower.poll_unpersisted()).collect();
        let deletions: Vec<_> = std::iter::from_fn(|| follower.poll_deletion()).collect();
        let is_following = matches!(tab.role, Role::Follower(_));
        posts.iter().for_each(|post| self.post(at, post));
        unpersisted.into_iter().for_each(|message| self.store(at, message));
        deletions.iter().for_each(|change| self.device.store(change));
        if is_logged_out {
            self.tabs[at].role = Role::LoggedOut;
        } else if action == FollowerAction::TakeOver && is_following {
            self.steal_lock(at);
        }
    }

    pub(super) fn with_client(&mut self, at: usize, act: impl FnOnce(&mut Client)) {
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

    pub(super) fn log_out(&mut self, at: usize) {
        let now = self.clocks();
        self.with_client(at, |client| client.handle_log_out(now));
        self.tabs[at].role = Role::LoggedOut;
        if self.holder == Some(at) {
            self.holder = None;
        }
    }

    pub(super) fn post_snapshot(&mut self, at: usize) {
        let now = self.now;
        let Role::Leader(leader, client) = &mut self.tabs[at].role else { return };
        let snapshot = leader.snapshot(now, client);
        self.post(at, &snapshot);
    }

    pub(super) fn lead(&mut self, at: usize) {
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

    pub(super) fn step_down(&mut self, at: usize) {
        self.close(at);
        let now = self.clocks();
        let tab = &mut self.tabs[at];
        let follower = match std::mem::replace(&mut tab.role, Role::LoggedOut) {
            Role::Leader(leader, mut client) => {
                let rooms = tab.rooms.iter().copied();
                Box::new(Follower::after_leading(now, tab.tab, *leader, &mut client, rooms))
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
        held.into_iter().for_each(|input| self.handle(at, input));
    }

    // ---- the server

    pub(super) fn close(&mut self, at: usize) {
        if self.connection.is_some_and(|(tab, _)| tab == at) {
            self.connection = None;
        }
    }

    pub(super) fn answer(&mut self, envelope: &Envelope) {
        if let Some((at, socket)) = self.connection {
            let message = SocketEvent::Message(codec::encode(envelope).to_vec());
            self.deliver(at, Input::Socket(socket, message));
        }
    }

    pub(super) fn serve(&mut self, at: usize, bytes: &[u8]) {
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
}
