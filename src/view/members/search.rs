//! Finding members of a large room, of which only some are loaded: the server lists those whose nicks begin with what was typed.

use gloo_timers::callback::Timeout;
use leptos::{prelude::*, task::spawn_local};
use parlour_core::model::Member;

use crate::ctrl::Store;

/// The time without typing after which the server is asked, in ms.
const SEARCH_DELAY_MS: u32 = 200;

/// Members that the server has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The beginning of their nicks.
    prefix: String,
    /// The members.
    members: Vec<Member>,
    /// The number of people listed by the server, if there are more.
    listed_of_more: Option<usize>,
}

impl Found {
    /// The members found, if this is what was typed.
    pub fn members_of(&self, typed: &str) -> &[Member] {
        if self.prefix == typed { &self.members } else { &[] }
    }

    /// The number of people that the server has listed, if this is what was typed and there are more.
    pub fn listed_of_more(&self, typed: &str) -> Option<usize> {
        self.listed_of_more.filter(|_| self.prefix == typed)
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
                let found = page.entries.into_iter().filter(|member| member.role.is_member());
                let members = found.map(|member| Member { nick: member.nick, state: member.state }).collect();
                self.found.set(Found { prefix, members, listed_of_more });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_is_that_of_what_was_typed() {
        let found = Found { prefix: "an".into(), members: Vec::new(), listed_of_more: Some(50) };
        assert_eq!(found.listed_of_more("an"), Some(50));
        assert_eq!(found.listed_of_more("ann"), None);
    }
}
