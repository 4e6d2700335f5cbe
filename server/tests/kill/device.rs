//! A device with one tab, and its user.

use parlour_core::{Millis, session::Session};

use super::{
    ledger::Ledger,
    storage::Storage,
    truth::{self, User},
    view::View,
};

/// The device of a user.
pub struct Device {
    pub nick: String,
    /// `None` while the tab is closed.
    pub session: Option<Session>,
    pub storage: Storage,
    pub view: View,
    pub ledger: Ledger,
    /// The time at which the user logs in again.
    pub open_at: Option<Millis>,
}

impl Device {
    pub fn new(number: usize) -> Self {
        Self {
            nick: format!("user{number}"),
            session: None,
            storage: Storage::default(),
            view: View::new(),
            ledger: Ledger::default(),
            open_at: None,
        }
    }

    /// Closes the tab without notice.
    pub fn close_tab(&mut self) {
        self.session = None;
        self.view.clear();
    }

    pub fn is_online(&self) -> bool {
        self.session.is_some() && self.view.is_online()
    }

    /// The messages that the user has sent and sees.
    pub fn user(&self) -> User<'_> {
        let session = self.session.as_ref().expect("the tab is open");
        User {
            nick: &self.nick,
            ledger: &self.ledger,
            tabs: vec![(&self.view, truth::names(&session.members().0))],
            queued: self.storage.queued_messages().collect(),
        }
    }
}
