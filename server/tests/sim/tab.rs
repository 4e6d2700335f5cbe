//! A tab of a device: its role among the tabs, its session, and what it shows.

use std::collections::VecDeque;

use parlour_core::{
    Millis,
    persist::Persisted,
    session::Session,
    tabs::{Follower, FollowerMessage, Gate, Leader},
};

use super::{network::Link, view::View};

/// The role of a tab, as in the client's service.
pub enum Role {
    /// Not open.
    Closed,
    /// Shows the login page.
    LoggedOut,
    Follower(Box<Follower>),
    /// Has the lock and reads the device. With the messages of other tabs received meanwhile, and the lease number.
    Promoting(Box<Follower>, Vec<Vec<u8>>, u64),
    Leader(Box<Leader>),
}

/// A result that the browser reports to the page.
pub enum Callback {
    /// The changes with this ticket of the session with this number were written, or could not be.
    Persisted(u64, u64),
    /// The changes of the session with this number were refused, because another tab has become the leader.
    Superseded(u64),
    /// A follower's message to the leader of the account with this number was written, or could not be.
    Stored(usize, FollowerMessage),
    /// The storage was read for a follower, or could not be.
    Mirror(Option<Persisted>),
    /// The storage was read for the next leader, or could not be. With the lease number that was requested, and the one
    /// that was recorded.
    Lead(u64, u64, Option<Persisted>),
    /// The tab has the lock.
    Locked,
    /// Another tab has stolen the lock.
    LockLost,
    /// The browser refuses the lock.
    LockRefused,
}

/// A tab.
pub struct Tab {
    pub role: Role,
    pub session: Session,
    /// Incremented with each session.
    pub session_number: u64,
    /// The number of the account among those of the device.
    pub account: usize,
    pub link: Option<Link>,
    pub view: View,
    /// The time at which the user opens the tab or logs in again.
    pub open_at: Option<Millis>,
    /// The time at which the user tries again to connect.
    pub reconnect_at: Option<Millis>,
    /// Messages of other tabs.
    pub inbox: VecDeque<(Millis, Vec<u8>)>,
    /// Results for the login with this number.
    pub callbacks: VecDeque<(Millis, u64, Callback)>,
    /// Nothing runs in the tab before this time.
    pub hung_until: Millis,
    /// The time since which it hangs, does not hang, or is open, whichever is last.
    pub steady_since: Millis,
    /// It has stolen a lock since it was opened.
    pub has_stolen: bool,
    /// Detects that the tab hung while it was the leader.
    pub gate: Gate<()>,
    pub is_visible: bool,
    /// Incremented with each login and logout.
    pub login: u64,
    /// The user typed the nick, so a login is allowed although the device has no session.
    pub is_new_login: bool,
    /// The user does not use this tab any more.
    pub is_retired: bool,
}

impl Tab {
    pub fn new() -> Self {
        Self {
            role: Role::Closed,
            session: Session::new(0, "sim"),
            session_number: 0,
            account: 0,
            link: None,
            view: View::new(),
            open_at: None,
            reconnect_at: None,
            inbox: VecDeque::new(),
            callbacks: VecDeque::new(),
            hung_until: 0,
            steady_since: 0,
            has_stolen: false,
            gate: Gate::default(),
            is_visible: true,
            login: 0,
            is_new_login: false,
            is_retired: false,
        }
    }

    /// Returns `true` if it is one of the tabs of its account.
    pub fn has_joined(&self) -> bool {
        !matches!(self.role, Role::Closed | Role::LoggedOut)
    }

    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The state of a tab that is not the leader.
    pub fn follower(&mut self) -> Option<&mut Follower> {
        match &mut self.role {
            Role::Follower(follower) | Role::Promoting(follower, ..) => Some(follower),
            _ => None,
        }
    }

    pub fn is_online(&self) -> bool {
        self.has_joined() && self.view.is_online()
    }

    /// The time at which the timer of its role is due.
    pub fn timeout(&self) -> Option<Millis> {
        match &self.role {
            Role::Follower(follower) => follower.poll_timeout(),
            Role::Leader(_) => self.session.poll_timeout(),
            Role::Promoting(..) | Role::LoggedOut | Role::Closed => None,
        }
    }

    /// The time at which something is due in the tab, if it does not hang.
    pub fn due(&self) -> Option<Millis> {
        let timeout = self.timeout();
        let inbox = self.inbox.front().map(|(at, _)| *at);
        let callback = self.callbacks.iter().map(|(at, ..)| *at).min();
        let received = self.link.as_ref().and_then(|link| link.due()[1]);
        let next =
            [timeout, inbox, callback, received, self.open_at, self.reconnect_at].into_iter().flatten().min();
        next.map(|at| at.max(self.hung_until))
    }
}
