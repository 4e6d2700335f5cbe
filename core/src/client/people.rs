//! The accounts that the client has seen: senders, members, the people of direct rooms. The server names them beside what
//! refers to them; it never sends a complete list.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    model::{PresenceState, UserId},
    presence, wire,
};

/// An account as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The present nick; empty if the server has not named it.
    pub nick: Arc<str>,
    /// The presence; [`PresenceState::Left`] also for accounts whose presence the client does not see.
    pub state: PresenceState,
}

impl Default for Person {
    fn default() -> Self {
        Self { nick: "".into(), state: PresenceState::Left }
    }
}

/// The nicks and the presence of accounts.
#[derive(Debug, Default)]
pub struct People(BTreeMap<UserId, Person>);

impl People {
    /// The account with this id, as far as it is known.
    #[must_use]
    pub fn get(&self, account: UserId) -> Person {
        self.0.get(&account).cloned().unwrap_or_default()
    }

    /// The present nick of an account; empty if it is not known.
    #[must_use]
    pub fn nick(&self, account: UserId) -> Arc<str> {
        self.get(account).nick
    }

    /// Sets the nick of an account. Returns `true` if it had another one before. An empty nick changes nothing.
    pub(super) fn set_nick(&mut self, account: UserId, nick: &str) -> bool {
        if nick.is_empty() {
            return false;
        }
        let person = self.0.entry(account).or_default();
        if *person.nick == *nick {
            return false;
        }
        let had_nick = !person.nick.is_empty();
        person.nick = nick.into();
        had_nick
    }

    /// Sets the presence of an account. Returns `true` if it has changed.
    pub(super) fn set_state(&mut self, account: UserId, state: PresenceState) -> bool {
        let person = self.0.entry(account).or_default();
        std::mem::replace(&mut person.state, state) != state
    }
}

/// The account that a person of the wire stands for; `None` without a valid id.
pub(super) fn account_of(person: &wire::Person) -> Option<UserId> {
    UserId::from_wire(&person.account)
}

/// The presence of a person of the wire.
pub(super) fn state_of(person: &wire::Person) -> PresenceState {
    presence::state_of(person.state())
}
