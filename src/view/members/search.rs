//! Finding members of a large room, of which only some are loaded: the server lists those whose nicks begin with what was typed.

use gloo_timers::callback::Timeout;
use leptos::{prelude::*, task::spawn_local};
use parlour_core::model::RoomId;

use crate::ctrl::{Contact, Store};

/// The time without typing after which the server is asked, in ms.
const SEARCH_DELAY_MS: u32 = 200;

/// Members that the server has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Their room; `None` if nothing was found.
    room: Option<RoomId>,
    /// The beginning of their nicks.
    prefix: String,
    /// The members.
    members: Vec<Contact>,
    /// The number of people listed by the server, if there are more.
    listed_of_more: Option<usize>,
}

impl Found {
    /// The members found, if this is what was typed in this room.
    pub fn members_of(&self, room: Option<RoomId>, typed: &str) -> &[Contact] {
        if self.is_of(room, typed) { &self.members } else { &[] }
    }

    /// The number of people that the server has listed, if this is what was typed in this room and there are more.
    pub fn listed_of_more(&self, room: Option<RoomId>, typed: &str) -> Option<usize> {
        self.listed_of_more.filter(|_| self.is_of(room, typed))
    }

    fn is_of(&self, room: Option<RoomId>, typed: &str) -> bool {
        self.room == room && self.prefix == typed
    }
}

/// The search for members that are not loaded.
#[derive(Clone, Copy)]
pub struct MemberSearch {
    store: Store,
    /// The last result.
    pub found: RwSignal<Found>,
    /// The number of the last request.
    request: StoredValue<u32>,
    timer: StoredValue<Option<Timeout>, LocalStorage>,
}

impl MemberSearch {
    pub fn new(store: Store) -> Self {
        Self {
            store,
            found: RwSignal::new(Found::default()),
            request: StoredValue::new(0),
            timer: StoredValue::new_local(None),
        }
    }

    /// Searches for what was typed when nothing else is typed for a moment. If all members are loaded, or nothing is typed, there
    /// is nothing to search for.
    pub fn search_soon(self, typed: &str) {
        let loaded = self.store.members.with_untracked(Vec::len);
        let is_needed = !typed.is_empty() && loaded < self.store.member_count.get_untracked();
        let prefix = typed.to_owned();
        let search = move || self.search(prefix);
        self.timer.set_value(is_needed.then(|| Timeout::new(SEARCH_DELAY_MS, search)));
    }

    /// Ends the search, and forgets what was found.
    pub fn clear(self) {
        self.timer.set_value(None);
        self.request.update_value(|number| *number = number.wrapping_add(1));
        self.found.set(Found::default());
    }

    fn search(self, prefix: String) {
        let Some(room) = self.store.open_room.get_untracked() else { return };
        let number = self.request.try_update_value(|number| {
            *number = number.wrapping_add(1);
            *number
        });
        spawn_local(async move {
            let page = self.store.list_members(room, prefix.clone(), String::new()).await;
            let is_last = number.is_some() && self.request.try_get_value() == number;
            if let Ok(page) = page
                && is_last
                && self.store.open_room.get_untracked() == Some(room)
            {
                let listed_of_more = page.more.then_some(page.entries.len());
                let members = page.entries.into_iter().filter(|member| member.role.is_member()).collect();
                self.found.set(Found { room: Some(room), prefix, members, listed_of_more });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use parlour_core::model::{PresenceState, Role, UserId};

    use super::*;

    #[test]
    fn result_is_that_of_what_was_typed_in_the_room() {
        let room = RoomId([7; 16]);
        let (account, state) = (UserId([1; 16]), PresenceState::Online);
        let members = vec![Contact { account, nick: "Zoe".into(), state, role: Role::Member }];
        let found = Found {
            room: Some(room),
            prefix: "z".into(),
            members: members.clone(),
            listed_of_more: Some(50),
        };
        let result = |room, typed| (found.members_of(room, typed), found.listed_of_more(room, typed));
        assert_eq!(result(Some(room), "z"), (&*members, Some(50)));
        assert_eq!(result(Some(RoomId::LOBBY), "z"), (&[][..], None));
        assert_eq!(result(Some(room), "zo"), (&[][..], None));
    }
}
