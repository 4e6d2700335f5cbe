//! The role of this tab among the tabs of a user: the leader owns the session, followers mirror it.

use parlour_core::tabs::{Follower, Leader};

use super::{Inner, Service};

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
}

impl Service {
    /// Returns `true` if another tab is the leader, or this tab is still becoming it.
    pub(super) fn is_follower(&self) -> bool {
        self.inner.borrow_mut().follower().is_some()
    }

    /// Returns `true` if another tab is the leader.
    pub(super) fn is_following(&self) -> bool {
        matches!(self.inner.borrow().role, Role::Follower(_))
    }

    /// Returns `true` if this tab follows a leader that is logged in.
    pub(super) fn is_logged_in_follower(&self) -> bool {
        self.inner.borrow_mut().follower().is_some_and(|follower| follower.is_logged_in())
    }
}
