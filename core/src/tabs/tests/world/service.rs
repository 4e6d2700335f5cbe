//! What the service does in a tab: it drives the follower, or the leader with its session.

use super::*;

impl World {
    pub(super) fn admit(&mut self, at: usize, input: Input) {
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

    pub(super) fn with_follower(&mut self, at: usize, act: impl FnOnce(&mut Follower) -> FollowerAction) {
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

    pub(super) fn with_session(&mut self, at: usize, act: impl FnOnce(&mut Session)) {
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
}
