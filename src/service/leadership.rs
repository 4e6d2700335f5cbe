//! The role of this tab among the tabs of a user: the leader owns the session, followers mirror it. When the leader is
//! closed, the follower that acquires the lock is promoted and continues from the data persisted on the device. When the
//! leader does not respond, a follower steals the lock; the old leader steps down when it resumes, see
//! [`parlour_core::tabs`].

use bytes::Bytes;
use futures_channel::oneshot;
use gloo_timers::callback::Timeout;
use parlour_core::{
    Millis,
    event::Event,
    model::{Connection, MessageId},
    persist::Persisted,
    session::Session,
    status::Status,
    tabs::{self, Admission, Command, Follower, FollowerAction, Gate, Leader, LeaderAction, TabCommand},
};
use wasm_bindgen_futures::spawn_local;

use super::{
    ChatSession as _, Inner, Service, Then, browser, new_session, random_id,
    storage::{self, Written},
    tab_channel::{self, LockChange, TabChannel},
    visibility::Visibility,
};
use crate::config;

/// How long a tab that resumes may show the loading screen.
const RESUME_TIMEOUT_MS: u32 = 1_500;

/// The role of this tab.
pub(super) enum Role {
    /// Nobody is logged in.
    LoggedOut,
    /// Mirrors the leader's session, or waits for its first message.
    Follower(Box<Follower>),
    /// Has acquired the lock and is reading the device: the state mirrored so far, the tab messages received meanwhile,
    /// and the lease number.
    Promoting(Box<Follower>, Vec<Vec<u8>>, u64),
    /// Owns the session.
    Leader(Box<Leader>),
}

impl Inner {
    pub(super) fn next_event(&mut self) -> Option<Event> {
        match &mut self.role {
            Role::Follower(follower) | Role::Promoting(follower, ..) => follower.poll_event(),
            _ => self.session.poll_event(),
        }
    }

    /// Encodes an event for the followers, if this tab is the leader.
    pub(super) fn tab_message(&mut self, now: Millis, event: &Event) -> Option<Bytes> {
        match &mut self.role {
            Role::Leader(leader) => leader.publish(now, event, &self.session),
            _ => None,
        }
    }

    /// The state of a tab that is not the leader.
    pub(super) fn follower(&mut self) -> Option<&mut Follower> {
        match &mut self.role {
            Role::Follower(follower) | Role::Promoting(follower, ..) => Some(follower),
            Role::Leader(_) | Role::LoggedOut => None,
        }
    }

    /// The lease number of this tab, if it is the leader.
    pub(super) fn lease(&self) -> Option<u64> {
        match &self.role {
            Role::Leader(leader) => Some(leader.lease()),
            _ => None,
        }
    }

    /// Whether nobody is logged in any more after this event.
    pub(super) fn is_over(&self, event: &Event) -> bool {
        match &self.role {
            Role::Follower(_) | Role::Promoting(..) => {
                matches!(event, Event::LoggedOut)
                    || (matches!(event, Event::Connection(Connection::Failed { .. })) && self.is_new_login)
            }
            Role::Leader(_) => self.session.is_logged_out(),
            Role::LoggedOut => false,
        }
    }
}

impl Service {
    /// Resumes the session of this tab, or that of the last tab if no tab is open. A second window gets the login page,
    /// because another person may want to log in there.
    pub(super) async fn resume_session(&self) {
        let own_scope = config::tab_scope();
        let Some(scope) = own_scope.clone().or_else(config::last_scope) else { return };
        let login_number = self.inner.borrow().login_number;
        let has_leader = tab_channel::has_leader(&scope).await;
        if has_leader && own_scope.is_none() {
            return;
        }
        let mut nick = scope.split('\n').nth(1).unwrap_or_default().to_owned();
        if !has_leader {
            let persisted = storage::load(&scope).await;
            match persisted.as_ref().and_then(Persisted::nick) {
                Some(known) => nick = known.into(),
                None => return,
            }
        }
        if !self.is_current(login_number) {
            // The user has logged in meanwhile.
            return;
        }
        self.join(&scope, nick, false);
        // Usually the room is shown at once. After the timeout, the page shows that it is connecting.
        let (resumed, wait) = oneshot::channel();
        self.inner.borrow_mut().resumed = Some(resumed);
        let service = self.clone();
        let timeout = Timeout::new(RESUME_TIMEOUT_MS, move || service.finish_resume());
        let _ = wait.await;
        drop(timeout);
    }

    /// Completes [`Self::resume_session`]: it is known whether the room or the login page is shown.
    pub(super) fn finish_resume(&self) {
        if let Some(resumed) = self.inner.borrow_mut().resumed.take() {
            let _ = resumed.send(());
        }
    }

    /// Joins the tabs of a scope as a follower; a tab without a leader is promoted as soon as it has the lock.
    pub(super) fn join(&self, scope: &str, nick: String, is_new_login: bool) {
        let login_number = {
            let mut inner = self.inner.borrow_mut();
            inner.login_number += 1;
            inner.enter_scope(scope);
            inner.nick = nick;
            inner.is_new_login = is_new_login;
            inner.storage_failure_reported = false;
            inner.role = Role::Follower(Box::new(Follower::new(browser::now().monotonic, random_id())));
            inner.login_number
        };
        if !is_new_login {
            config::remember_scope(scope);
        }
        (self.sink)(Event::Connection(Connection::Connecting));
        let channel = self.open_channel(scope, login_number);
        channel.post(&tabs::command(TabCommand::RequestSnapshot));
        self.inner.borrow_mut().tab_channel = Some(channel);
        self.report_visibility();
    }

    /// Opens the channel of a scope, and requests its leadership.
    pub(super) fn open_channel(&self, scope: &str, login_number: u64) -> TabChannel {
        let (receiver, candidate) = (self.clone(), self.clone());
        TabChannel::join(
            scope,
            move |bytes| {
                if receiver.is_current(login_number) {
                    receiver.handle_tab_message(bytes);
                }
            },
            move |change| {
                if candidate.is_current(login_number) {
                    candidate.handle_lock_change(change);
                }
            },
        )
    }

    /// Leaves the tabs of the scope after a logout.
    pub(super) fn end(&self) {
        self.finish_resume();
        let mut inner = self.inner.borrow_mut();
        inner.login_number += 1;
        let scope = std::mem::take(&mut inner.scope);
        inner.role = Role::LoggedOut;
        inner.unread.handle_event(&Event::LoggedOut);
        // Nobody needs the input of the ended session.
        let _ = inner.gate.open(browser::now().monotonic);
        let channel = inner.tab_channel.take();
        drop(inner);
        config::forget_scope(&scope);
        // The channel's own callback may be running.
        self.defer(Box::new(|_| drop(channel)));
        self.set_timer();
    }

    pub(super) fn is_current(&self, login_number: u64) -> bool {
        self.inner.borrow().login_number == login_number
    }

    /// Whether another tab is the leader, or this tab is still becoming it.
    pub(super) fn is_follower(&self) -> bool {
        self.inner.borrow_mut().follower().is_some()
    }

    /// Whether another tab is the leader.
    fn is_following(&self) -> bool {
        matches!(self.inner.borrow().role, Role::Follower(_))
    }

    /// Whether this tab follows a leader that is logged in.
    pub(super) fn is_logged_in_follower(&self) -> bool {
        self.inner.borrow_mut().follower().is_some_and(|follower| follower.is_logged_in())
    }

    fn handle_lock_change(&self, change: LockChange) {
        match change {
            LockChange::Granted => self.promote(),
            LockChange::Lost => self.step_down(),
            LockChange::Refused => self.with_follower(|follower| {
                follower.handle_lock_refused(browser::now().monotonic);
                FollowerAction::Nothing
            }),
        }
    }

    /// Starts to become the leader: reads the device, then continues in [`Self::lead`].
    fn promote(&self) {
        let lease = {
            let mut inner = self.inner.borrow_mut();
            let Role::Follower(follower) = &mut inner.role else { return };
            follower.handle_leader_gone();
            follower.next_lease(browser::now().unix)
        };
        self.emit_events();
        let (login_number, scope) = {
            let mut inner = self.inner.borrow_mut();
            inner.role = match std::mem::replace(&mut inner.role, Role::LoggedOut) {
                Role::Follower(follower) => Role::Promoting(follower, Vec::new(), lease),
                other => other,
            };
            (inner.login_number, inner.scope.clone())
        };
        // Followers that also miss the old leader wait for this one.
        self.post(&Leader::announcement(lease));
        let service = self.clone();
        spawn_local(async move {
            let claimed = storage::claim_lease(&scope, lease).await;
            let persisted = storage::load(&scope).await;
            if service.is_current(login_number) {
                service.lead(lease, claimed.unwrap_or(lease), persisted);
            }
        });
    }

    /// Reads the persisted data and calls `then`, unless the user has logged out or in again meanwhile.
    fn load(&self, then: Then<Option<Persisted>>) {
        let (login_number, scope) = {
            let inner = self.inner.borrow();
            (inner.login_number, inner.scope.clone())
        };
        let service = self.clone();
        spawn_local(async move {
            let persisted = storage::load(&scope).await;
            if service.is_current(login_number) {
                then(&service, persisted);
            }
        });
    }

    /// Becomes the leader, with the data of the device. `requested` is the lease number of [`Self::promote`], `lease` the
    /// one that was recorded.
    fn lead(&self, requested: u64, lease: u64, persisted: Option<Persisted>) {
        let storage_works = persisted.is_some();
        let prepared = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            let Role::Promoting(follower, received, promoted) = &mut inner.role else { return };
            if *promoted != requested {
                // The lock was lost and acquired again meanwhile.
                return;
            }
            let mut persisted = persisted.or_else(|| follower.mirrored()).unwrap_or_default();
            follower.handle_promotion(&mut persisted);
            // Requests that were made while the device was read. The server sends again what the other events report.
            follower.handle_leader_gone();
            let events = std::iter::from_fn(|| follower.poll_event());
            let events: Vec<_> = events.filter(tabs::is_kept_by_leader).collect();
            if persisted.is_logged_in() || inner.is_new_login {
                let received = std::mem::take(received);
                let (unsent, unanswered) = (follower.take_queued(), follower.take_unanswered());
                let has_followers = follower.is_logged_in() || !received.is_empty();
                inner.role = Role::Leader(Box::new(Leader::new(lease, has_followers)));
                inner.gate = Gate::default();
                Some((persisted, received, unsent, unanswered, inner.nick.clone(), events))
            } else {
                None
            }
        };
        let Some((persisted, received, unsent, (sends, commands), nick, events)) = prepared else {
            // The previous leader has logged out.
            (self.sink)(Event::LoggedOut);
            return self.end();
        };
        (self.sink)(Event::OutdatedSince(None));
        for event in events {
            let unread_changed = self.inner.borrow_mut().unread.handle_event(&event);
            (self.sink)(event);
            self.update_unread(unread_changed);
        }
        self.with_session(|session| {
            session.handle_new_secret(browser::random());
            // Cannot fail: the nick is validated, and nobody is logged in.
            let _ = session.handle_login(browser::now(), &nick, persisted);
            // In case that a follower continues under another nick.
            session.handle_new_secret(browser::random());
            session.handle_adopt_queued(unsent);
            sends.iter().for_each(|value| session.handle_adopt(browser::now(), value));
        });
        self.storage_result(storage_works);
        self.post_snapshot();
        commands.into_iter().for_each(|command| self.execute(command));
        received.into_iter().for_each(|bytes| self.handle_tab_message(bytes));
        self.report_visibility();
    }

    /// Another tab is the leader: becomes a follower, without sending or persisting anything.
    pub(super) fn step_down(&self) {
        let now = browser::now().monotonic;
        let (held, socket) = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            let follower = match std::mem::replace(&mut inner.role, Role::LoggedOut) {
                Role::Leader(leader) => {
                    Box::new(Follower::after_leading(now, random_id(), &leader, &inner.session))
                }
                Role::Follower(follower) | Role::Promoting(follower, ..) => follower,
                Role::LoggedOut => return,
            };
            tracing::info!("another tab has taken the connection over");
            inner.role = Role::Follower(follower);
            inner.session = new_session();
            inner.session_number += 1;
            inner.socket_number += 1;
            inner.visibility = Visibility::default();
            if let Some(channel) = &inner.tab_channel {
                channel.request_lock();
                channel.post(&tabs::command(TabCommand::RequestSnapshot));
            }
            (inner.gate.open(now), inner.socket.take())
        };
        if let Some(socket) = socket {
            socket.close(None);
        }
        self.report_visibility();
        held.into_iter().for_each(|act| act(self));
    }

    /// Handles input that a leader must not handle after another tab has taken the leadership over while this one was
    /// suspended: at once, or when it is known who the leader is.
    pub(super) fn guarded(&self, act: impl FnOnce(&Self) + 'static) {
        let admission = {
            let mut inner = self.inner.borrow_mut();
            match inner.role {
                Role::Leader(_) => inner.gate.admit(browser::now().monotonic, Box::new(act) as Box<_>),
                _ => Admission::Admitted(Box::new(act) as Box<_>),
            }
        };
        match admission {
            Admission::Admitted(act) => act(self),
            Admission::Check => self.check_lock(),
            Admission::Held => {}
        }
    }

    /// Checks whether this tab still holds the lock, then handles the input that was held back.
    fn check_lock(&self) {
        let (check, login_number, session_number) = {
            let inner = self.inner.borrow();
            let Some(channel) = &inner.tab_channel else { return };
            (channel.is_lock_held(), inner.login_number, inner.session_number)
        };
        let service = self.clone();
        spawn_local(async move {
            let is_held = check.await;
            let is_current = {
                let inner = service.inner.borrow();
                inner.login_number == login_number && inner.session_number == session_number
            };
            if !is_current {
                // The input was handled when the role changed.
            } else if is_held {
                let held = service.inner.borrow_mut().gate.open(browser::now().monotonic);
                held.into_iter().for_each(|act| service.guarded(act));
            } else {
                service.step_down();
            }
        });
    }

    fn handle_tab_message(&self, bytes: Vec<u8>) {
        let unread_changed = self.inner.borrow_mut().unread.handle_message(&bytes);
        self.update_unread(unread_changed);
        let is_superseded = match &self.inner.borrow().role {
            Role::Leader(leader) => leader.is_superseded_by(&bytes),
            _ => false,
        };
        if is_superseded {
            self.step_down();
        }
        if self.is_follower() {
            return self.with_follower_and(|inner| {
                if let Role::Promoting(_, received, _) = &mut inner.role {
                    received.push(bytes.clone());
                }
                let Some(follower) = inner.follower() else { return FollowerAction::Nothing };
                let action = follower.handle_message(browser::now().monotonic, &bytes);
                let is_logged_in = follower.is_logged_in();
                inner.is_new_login &= !is_logged_in;
                action
            });
        }
        self.guarded(move |service| {
            let action = {
                let mut inner = service.inner.borrow_mut();
                let inner = &mut *inner;
                let Role::Leader(leader) = &mut inner.role else { return };
                leader.handle_message(browser::now(), &bytes, &mut inner.session)
            };
            service.run_leader_action(action);
        });
    }

    /// Passes input to the follower, then posts its messages, emits its events and runs its action.
    pub(super) fn with_follower(&self, act: impl FnOnce(&mut Follower) -> FollowerAction) {
        self.with_follower_and(|inner| inner.follower().map_or(FollowerAction::Nothing, act));
    }

    fn with_follower_and(&self, act: impl FnOnce(&mut Inner) -> FollowerAction) {
        let action = {
            let mut inner = self.inner.borrow_mut();
            let action = act(&mut inner);
            while let Some(message) = inner.follower().and_then(Follower::poll_message) {
                if let Some(channel) = &inner.tab_channel {
                    channel.post(&message);
                }
            }
            action
        };
        self.emit_events();
        self.set_timer();
        let inner = self.inner.borrow();
        if let Role::Follower(_) = inner.role {
            self.defer_in_login(inner.login_number, move |service| service.run_follower_action(action));
        }
    }

    /// Calls `act` in a microtask, when nothing is borrowed.
    pub(super) fn defer(&self, act: Box<dyn FnOnce(&Self)>) {
        let service = self.clone();
        spawn_local(async move { act(&service) });
    }

    /// [`Self::defer`], unless the user logs out or in again before.
    fn defer_in_login(&self, login_number: u64, act: impl FnOnce(&Self) + 'static) {
        self.defer(Box::new(move |service| {
            if service.is_current(login_number) {
                act(service);
            }
        }));
    }

    fn run_leader_action(&self, action: LeaderAction) {
        match action {
            LeaderAction::Nothing => self.with_session(|_| ()),
            LeaderAction::Leave => self.leave(),
            LeaderAction::Visibility(visible) => self.handle_follower_visibility(visible),
            LeaderAction::PublishSnapshot => {
                // Requests the write of everything pending, so that the follower reads it when it gets the snapshot.
                self.with_session(Session::handle_hidden);
                self.post_snapshot();
            }
        }
        self.post_renewal();
    }

    /// Answers the questions and commands of followers.
    fn post_renewal(&self) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if let (Role::Leader(leader), Some(channel)) = (&mut inner.role, &inner.tab_channel)
            && let Some(renewal) = leader.poll_renewal(browser::now().monotonic, &inner.session)
        {
            channel.post(&renewal);
        }
    }

    /// Posts the complete state to the followers.
    fn post_snapshot(&self) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if let (Role::Leader(leader), Some(channel)) = (&mut inner.role, &inner.tab_channel) {
            channel.post(&leader.snapshot(browser::now().monotonic, &inner.session));
        }
    }

    fn run_follower_action(&self, action: FollowerAction) {
        match action {
            FollowerAction::Nothing => {}
            FollowerAction::RequestSnapshot => self.post(&tabs::command(TabCommand::RequestSnapshot)),
            FollowerAction::TakeOver => {
                tracing::info!("the tab that has the connection does not respond");
                if let Some(channel) = &self.inner.borrow().tab_channel {
                    channel.steal_lock();
                }
            }
            FollowerAction::LoadPersisted => self.load(Box::new(|service, persisted| {
                service.with_follower(|follower| {
                    follower.handle_persisted(persisted.unwrap_or_default());
                    FollowerAction::Nothing
                });
            })),
        }
    }

    /// Posts a message to the other tabs.
    pub(super) fn post(&self, bytes: &[u8]) {
        if let Some(channel) = &self.inner.borrow().tab_channel {
            channel.post(bytes);
        }
    }

    /// Executes a command: in a follower by sending it to the leader, otherwise by passing it to the session.
    pub(super) fn execute(&self, command: Command) {
        self.guarded(move |service| {
            if service.is_follower() {
                return service.with_follower(|follower| {
                    follower.handle_command(browser::now(), random_id(), command);
                    FollowerAction::Nothing
                });
            }
            if command == Command::Leave {
                // Also cancels a login in progress.
                service.inner.borrow_mut().login_number += 1;
            }
            service.with_session(|session| command.execute(browser::now(), session));
        });
    }

    /// Persists a message, then posts it to the leader. In this order, because the leader may be closed at any moment.
    pub(super) fn send_as_follower(&self, id: MessageId, text: &str) -> Result<(), Status> {
        let (queued, login_number) = {
            let mut inner = self.inner.borrow_mut();
            let login_number = inner.login_number;
            let Some(follower) = inner.follower() else { return Err(Status::NotConnected) };
            (follower.handle_send(browser::now(), id, text)?, login_number)
        };
        self.emit_events();
        self.set_timer();
        self.write(
            std::slice::from_ref(&queued.change),
            None,
            Box::new(move |service, written| {
                if !service.is_current(login_number) {
                    // The message stays on the device, for the next login in its own scope.
                    return;
                }
                service.storage_result(written != Written::Failed);
                service.guarded(move |service| {
                    let is_following = service.is_following();
                    service.with_follower(|follower| {
                        follower.handle_stored(queued.id);
                        FollowerAction::Nothing
                    });
                    if is_following {
                        service.post(&queued.command);
                    } else if !service.is_follower() {
                        // This tab was promoted meanwhile.
                        service.with_session(|session| session.handle_adopt(browser::now(), &queued.value));
                    }
                });
            }),
        );
        Ok(())
    }
}
