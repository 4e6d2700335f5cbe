//! A tab of a device: its role among the tabs, its session, and what it shows.

use std::collections::VecDeque;

use parlour_core::{
    Millis,
    persist::Persisted,
    session::Session,
    tabs::{Follower, FollowerMessage, Leader},
};

use super::{network::Link, view::View};

/// The role of a tab, as in the client's service.
pub enum Role {
    /// Not open.
    Closed,
    /// Shows the login page.
    LoggedOut,
    Follower(Box<Follower>),
    /// Has the lock and reads the device. With the messages of other tabs received meanwhile.
    Promoting(Box<Follower>, Vec<Vec<u8>>),
    Leader(Box<Leader>),
}

/// A result that the browser reports to the page.
pub enum Callback {
    /// The changes with this ticket of the session with this number were written, or could not be.
    Persisted(u64, u64),
    /// A follower's message was written, or could not be.
    Forward(FollowerMessage),
    /// The storage was read for a follower, or could not be.
    Mirror(Option<Persisted>),
    /// The storage was read for the next leader, or could not be.
    Lead(Option<Persisted>, bool),
    /// The tab has the lock.
    Locked,
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
    /// When the user opens the tab or logs in again.
    pub open_at: Option<Millis>,
    /// When the user tries again to connect.
    pub reconnect_at: Option<Millis>,
    /// Messages of other tabs.
    pub inbox: VecDeque<(Millis, Vec<u8>)>,
    /// Results for the login with this number.
    pub callbacks: VecDeque<(Millis, u64, Callback)>,
    /// Nothing runs in the tab before this time.
    pub hung_until: Millis,
    /// When a follower tells the leader again that it is visible.
    pub report_at: Millis,
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
            report_at: 0,
            login: 0,
            is_new_login: false,
            is_retired: false,
        }
    }

    /// Whether it is one of the tabs of its account.
    pub fn has_joined(&self) -> bool {
        !matches!(self.role, Role::Closed | Role::LoggedOut)
    }

    /// Whether it drives its session.
    pub fn has_session(&self) -> bool {
        matches!(self.role, Role::Promoting(..) | Role::Leader(_))
    }

    pub fn is_online(&self) -> bool {
        self.has_joined() && self.view.is_online()
    }

    /// When something is due in the tab, if it does not hang.
    pub fn due(&self) -> Option<Millis> {
        let timeout = self.has_session().then(|| self.session.poll_timeout()).flatten();
        let report = matches!(self.role, Role::Follower(_)).then_some(self.report_at);
        let inbox = self.inbox.front().map(|(at, _)| *at);
        let callback = self.callbacks.iter().map(|(at, ..)| *at).min();
        let received = self.link.as_ref().and_then(|link| link.due()[1]);
        let next = [timeout, report, inbox, callback, received, self.open_at, self.reconnect_at]
            .into_iter()
            .flatten()
            .min();
        next.map(|at| at.max(self.hung_until))
    }
}
