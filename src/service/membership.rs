//! Membership of this tab in the tabs of a scope: resuming, joining and leaving.

use futures_channel::oneshot;
use gloo_timers::callback::Timeout;
use parlour_core::{
    client::{AccountRecord, Event, device::DeviceRooms, state::ClientState, tabs::Follower},
    left_sessions::LeftSessions,
    model::Connection,
    persist::server_url,
};

use super::{
    Inner, Report, Service, browser,
    fold::fold,
    role::Role,
    rooms::ShownRooms,
    scopes, storage,
    tab_channel::{self, TabChannel},
    visibility::Visibility,
};
use crate::config;

/// The way in which a tab joins the tabs of a scope.
#[derive(Debug, PartialEq)]
pub(super) enum Login {
    /// With the session of another tab, or the one on the device.
    Resumed,
    /// With a nick that the user has typed.
    Nick(String),
    /// With the session that a link has made.
    Linked(Box<AccountRecord>),
}

/// The time for which a tab that resumes may show the loading screen, in ms.
const RESUME_TIMEOUT_MS: u32 = 1_500;

impl Inner {
    /// A login in a scope begins.
    pub(super) fn enter(&mut self, scope: &str) {
        self.login_number += 1;
        self.scope = scope.into();
        self.visibility = Visibility::default();
        if *self.left.0 != *server_url(scope) {
            // Nothing of one server reaches another.
            self.left = (server_url(scope).into(), LeftSessions::default());
            self.socket.handle_new_server();
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
        let has_account = async || {
            let stored = storage::load(&scope).await.filter(|_| !scopes::is_left(&scope));
            stored.and_then(|stored| stored.account).is_some()
        };
        if !has_leader && !has_account().await {
            return;
        }
        if !self.is_current(login_number) {
            // The user has logged in meanwhile.
            return;
        }
        self.join(&scope, Login::Resumed);
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
    pub(super) fn join(&self, scope: &str, login: Login) {
        let is_new_login = login != Login::Resumed;
        let login_number = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            inner.enter(scope);
            (inner.nick, inner.linked) = match login {
                Login::Resumed => (String::new(), None),
                Login::Nick(nick) => (nick, None),
                Login::Linked(record) => (String::new(), Some(*record)),
            };
            inner.is_new_login = is_new_login;
            inner.is_listed = scopes::is_listed(scope);
            inner.storage_failure_reported = false;
            let mut state = ClientState::new(fold);
            state.open_room(inner.rooms.open);
            let follower = Follower::new(browser::now().monotonic, inner.tab, state);
            inner.role = Role::Follower(Box::new(follower));
            inner.login_number
        };
        if !is_new_login {
            config::remember_scope(scope);
        }
        (self.sink)(Report::Event(Event::Connection(Connection::Connecting)));
        let channel = self.open_channel(scope, login_number);
        self.inner.borrow_mut().tab_channel = Some(channel);
        // Asks for a snapshot.
        self.report_visibility();
    }

    /// Opens the channel of a scope, and requests its leadership.
    fn open_channel(&self, scope: &str, login_number: u64) -> TabChannel {
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

    /// Leaves the tabs of the scope after a logout, or after a first login has failed.
    pub(super) fn end(&self) {
        self.finish_resume();
        let mut inner = self.inner.borrow_mut();
        inner.login_number += 1;
        inner.client_number += 1;
        let scope = std::mem::take(&mut inner.scope);
        let role = std::mem::replace(&mut inner.role, Role::LoggedOut);
        let account = match role {
            Role::Leader(_, client) => {
                let account = client.account();
                inner.left.1 = client.into_left_sessions();
                Some(account)
            }
            _ => None,
        };
        inner.visibility = Visibility::default();
        inner.requests.clear();
        inner.rooms = ShownRooms::default();
        inner.device = DeviceRooms::default();
        inner.write_timer = None;
        // Nobody needs the input of the ended session.
        let _ = inner.gate.open(browser::now().monotonic);
        let channel = inner.tab_channel.take();
        drop(inner);
        config::forget_scope(&scope);
        if let Some(account) = account {
            self.leave_scope(&scope, account);
        }
        // The channel's own callback may be running.
        self.defer(|_| drop(channel));
        self.set_timer();
    }
}
