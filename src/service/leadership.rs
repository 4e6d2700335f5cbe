//! The role of this tab among the tabs of a user: the leader owns the session, followers mirror it. When the leader is
//! closed, the follower that acquires the lock is promoted and continues from the data persisted on the device.

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
    tabs::{self, Follower, FollowerAction, Leader, LeaderAction, TabCommand},
};
use wasm_bindgen_futures::spawn_local;

use super::{
    ChatSession as _, Inner, Service, Then, browser, storage,
    tab_channel::{self, TabChannel},
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
    /// Has acquired the lock and is reading the device: the state mirrored so far, and the tab messages received
    /// meanwhile.
    Promoting(Box<Follower>, Vec<Vec<u8>>),
    /// Owns the session.
    Leader(Box<Leader>),
}

impl Inner {
    pub(super) fn next_event(&mut self) -> Option<Event> {
        match &mut self.role {
            Role::Follower(follower) => follower.poll_event(),
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

    /// Whether nobody is logged in any more after this event.
    pub(super) fn is_over(&self, event: &Event) -> bool {
        match &self.role {
            Role::Follower(_) => {
                matches!(event, Event::LoggedOut)
                    || (matches!(event, Event::Connection(Connection::Failed { .. })) && self.is_new_login)
            }
            Role::Leader(_) | Role::Promoting(..) => self.session.is_logged_out(),
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
            inner.role = Role::Follower(Box::default());
            inner.login_number
        };
        config::remember_scope(scope);
        (self.sink)(Event::Connection(Connection::Connecting));
        let channel = self.open_channel(scope, login_number);
        channel.post(&tabs::command(TabCommand::RequestSnapshot));
        self.inner.borrow_mut().tab_channel = Some(channel);
        self.set_timer();
    }

    /// Opens the channel of a scope, and requests its leadership.
    pub(super) fn open_channel(&self, scope: &str, login_number: u64) -> TabChannel {
        let (receiver, candidate) = (self.clone(), self.clone());
        TabChannel::join(
            scope,
            move |bytes| {
                if receiver.is_current(login_number) {
                    receiver.handle_tab_message(&bytes);
                }
            },
            move || {
                if candidate.is_current(login_number) {
                    candidate.promote();
                }
            },
        )
    }

    /// Leaves the tabs of the scope after a logout.
    pub(super) fn end(&self) {
        self.finish_resume();
        let mut inner = self.inner.borrow_mut();
        inner.login_number += 1;
        inner.scope = "".into();
        inner.role = Role::LoggedOut;
        let channel = inner.tab_channel.take();
        drop(inner);
        config::forget_scope();
        // The channel's own callback may be running.
        self.defer(Box::new(|_| drop(channel)));
        self.set_timer();
    }

    pub(super) fn is_current(&self, login_number: u64) -> bool {
        self.inner.borrow().login_number == login_number
    }

    pub(super) fn is_follower(&self) -> bool {
        matches!(self.inner.borrow().role, Role::Follower(_))
    }

    /// Whether this tab follows a leader that is logged in.
    pub(super) fn is_logged_in_follower(&self) -> bool {
        matches!(&self.inner.borrow().role, Role::Follower(follower) if follower.is_logged_in())
    }

    /// Starts to become the leader: reads the device, then continues in [`Self::lead`].
    fn promote(&self) {
        if matches!(self.inner.borrow().role, Role::Leader(_)) {
            // This tab leads already, and has entered the scope of another nick.
            return;
        }
        let was_following = self.is_logged_in_follower();
        if let Role::Follower(follower) = &mut self.inner.borrow_mut().role {
            follower.handle_leader_gone();
        }
        self.emit_events();
        let mut inner = self.inner.borrow_mut();
        let follower = match std::mem::replace(&mut inner.role, Role::LoggedOut) {
            Role::Follower(follower) => follower,
            _ => Box::default(),
        };
        inner.role = Role::Promoting(follower, Vec::new());
        drop(inner);
        self.load(Box::new(move |service, persisted| service.lead(persisted, was_following)));
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

    fn lead(&self, mut persisted: Option<Persisted>, was_following: bool) {
        let logged_in = persisted.as_ref().is_some_and(Persisted::is_logged_in);
        if !logged_in && !self.inner.borrow().is_new_login {
            // The previous leader has logged out.
            (self.sink)(Event::LoggedOut);
            return self.end();
        }
        let storage_works = persisted.is_some();
        let now = browser::now();
        let (received, unsent, nick, log_replaced) = {
            let mut inner = self.inner.borrow_mut();
            let leader = Leader::new(u64::from_le_bytes(browser::random()), was_following);
            let role = std::mem::replace(&mut inner.role, Role::Leader(Box::new(leader)));
            let (received, unsent, log_replaced) = match role {
                Role::Promoting(mut follower, received) => {
                    // They may include the last messages of the previous leader.
                    for bytes in &received {
                        follower.handle_message(now.monotonic, bytes);
                    }
                    if let Some(persisted) = &mut persisted {
                        follower.handle_promotion(persisted);
                    }
                    // The server sends again what the other events report.
                    let events = std::iter::from_fn(|| follower.poll_event());
                    let log_replaced = events.filter(|event| *event == Event::LogReplaced).count() > 0;
                    (received, follower.take_queued(), log_replaced)
                }
                _ => Default::default(),
            };
            (received, unsent, inner.nick.clone(), log_replaced)
        };
        if log_replaced {
            (self.sink)(Event::LogReplaced);
        }
        self.with_session(|session| {
            session.handle_new_secret(browser::random());
            // Cannot fail: the nick is validated, and nobody is logged in.
            let _ = session.handle_login(browser::now(), &nick, persisted.unwrap_or_default());
            // In case that a follower continues under another nick.
            session.handle_new_secret(browser::random());
            session.handle_adopt_queued(unsent);
        });
        self.storage_result(storage_works);
        self.post_snapshot();
        received.iter().for_each(|bytes| self.handle_tab_message(bytes));
        self.report_visibility();
    }

    fn handle_tab_message(&self, bytes: &[u8]) {
        let now = browser::now();
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        match &mut inner.role {
            Role::LoggedOut => {}
            Role::Promoting(_, received) => received.push(bytes.to_vec()),
            Role::Leader(leader) => {
                let action = leader.handle_message(now, bytes, &mut inner.session);
                self.defer_in_login(inner.login_number, move |service| service.run_leader_action(action));
            }
            Role::Follower(follower) => {
                let action = follower.handle_message(now.monotonic, bytes);
                inner.is_new_login &= !follower.is_logged_in();
                self.defer_in_login(inner.login_number, move |service| service.run_follower_action(action));
            }
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
        self.emit_events();
        match action {
            FollowerAction::Nothing => {}
            FollowerAction::RequestSnapshot => self.post(&tabs::command(TabCommand::RequestSnapshot)),
            FollowerAction::LoadPersisted => self.load(Box::new(|service, persisted| {
                if let (Some(persisted), Role::Follower(follower)) =
                    (persisted, &mut service.inner.borrow_mut().role)
                {
                    follower.handle_persisted(persisted);
                }
                service.emit_events();
                service.report_visibility();
            })),
        }
    }

    /// Posts a message to the other tabs.
    pub(super) fn post(&self, bytes: &[u8]) {
        if let Some(channel) = &self.inner.borrow().tab_channel {
            channel.post(bytes);
        }
    }

    /// Executes a command: in a follower by posting `message` to the leader, otherwise by passing it to the session.
    pub(super) fn execute(&self, message: Bytes, act: impl FnOnce(&mut Session)) {
        if self.is_follower() {
            self.post(&message);
            self.emit_events();
        } else {
            self.with_session(act);
        }
    }

    /// Persists a message, then posts it to the leader. In this order, because the leader may be closed at any moment.
    pub(super) fn send_as_follower(&self, id: MessageId, text: &str) -> Result<(), Status> {
        let (queued, login_number) = {
            let mut inner = self.inner.borrow_mut();
            let login_number = inner.login_number;
            let Role::Follower(follower) = &mut inner.role else { return Err(Status::NotConnected) };
            (follower.handle_send(browser::now(), id, text)?, login_number)
        };
        self.emit_events();
        self.write(
            std::slice::from_ref(&queued.change),
            Box::new(move |service, persisted| {
                if !service.is_current(login_number) {
                    // The message stays on the device, for the next login in its own scope.
                    return;
                }
                service.storage_result(persisted);
                if service.is_follower() {
                    service.post(&queued.command);
                } else {
                    // This tab was promoted meanwhile.
                    service.with_session(|session| session.handle_adopt(browser::now(), &queued.value));
                }
            }),
        );
        Ok(())
    }
}
