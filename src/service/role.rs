//! The role of this tab among the tabs of a user: the leader owns the client, followers mirror it.

use parlour_core::client::{
    Client,
    state::ClientState,
    tabs::{Follower, Leader},
};

use super::{Inner, Service};

/// The role of this tab.
pub(super) enum Role {
    /// Nobody is logged in.
    LoggedOut,
    /// Asks the server for the account of a link.
    Linking(Box<Client>),
    /// Mirrors the leader's client, or waits for its first message.
    Follower(Box<Follower>),
    /// Has acquired the lock and is reading the device: the state mirrored so far, the tab messages received meanwhile,
    /// and the lease number.
    Promoting(Box<Follower>, Vec<Vec<u8>>, u64),
    /// Owns the client.
    Leader(Box<Leader>, Box<Client>),
}

impl Inner {
    /// The state of a tab that is not the leader.
    pub(super) fn follower(&mut self) -> Option<&mut Follower> {
        match &mut self.role {
            Role::Follower(follower) | Role::Promoting(follower, ..) => Some(follower),
            Role::Leader(..) | Role::Linking(_) | Role::LoggedOut => None,
        }
    }

    /// The client, if this tab has one.
    pub(super) fn client(&mut self) -> Option<&mut Client> {
        match &mut self.role {
            Role::Leader(_, client) | Role::Linking(client) => Some(client),
            _ => None,
        }
    }

    /// The state that this tab shows; `None` if nobody is logged in.
    pub(super) fn state(&self) -> Option<&ClientState> {
        match &self.role {
            Role::Follower(follower) | Role::Promoting(follower, ..) => Some(follower.state()),
            Role::Leader(_, client) => Some(client.state()),
            Role::Linking(_) | Role::LoggedOut => None,
        }
    }

    /// The lease number of this tab, if it is the leader.
    pub(super) fn lease(&self) -> Option<u64> {
        match &self.role {
            Role::Leader(leader, _) => Some(leader.lease()),
            _ => None,
        }
    }
}

impl Service {
    /// Returns `true` if another tab is the leader, or this tab is still becoming it.
    pub(super) fn is_follower(&self) -> bool {
        self.inner.borrow_mut().follower().is_some()
    }

    /// Returns `true` if this tab follows a leader that is logged in.
    pub(super) fn is_logged_in_follower(&self) -> bool {
        self.inner.borrow_mut().follower().is_some_and(|follower| follower.is_logged_in())
    }
}
