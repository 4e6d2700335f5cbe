//! Membership of this tab in the tabs of a scope: resuming, joining and leaving.

use futures_channel::oneshot;
use gloo_timers::callback::Timeout;
use parlour_core::{
    event::Event,
    model::Connection,
    persist::Persisted,
    tabs::{self, Follower, TabCommand},
};

use super::{
    Inner, Service, browser, random_id,
    role::Role,
    storage,
    tab_channel::{self, TabChannel},
};
use crate::config;

/// The time for which a tab that resumes may show the loading screen, in ms.
const RESUME_TIMEOUT_MS: u32 = 1_500;

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
}

impl Inner {
    /// Sets the scope for a login. A session is never used in two scopes, so that nothing of one server or account reaches
    /// another.
    fn enter_scope(&mut self, scope: &str) {
        self.scope = scope.into();
        if *self.session_scope != *scope {
            self.replace_session();
            self.socket.handle_new_scope();
            self.session_scope = self.scope.clone();
        }
    }
}
