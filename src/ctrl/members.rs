//! The members of the open room: in the lobby those who are present, in other rooms all of them.

use parlour_core::sorted::SortedMap;
use std::sync::Arc;

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use parlour_core::{
    client::Command,
    model::{Connection, PresenceState, Role, RoomId, UserId},
    timeline::Notice,
};
// Leptos' own works only after mounting, and a session is resumed before.
use wasm_bindgen_futures::spawn_local;

use super::{directory::Contact, store::Store};

/// The number of members that are requested at once. Servers send fewer.
const PAGE_MEMBERS: u32 = 500;
/// The number of members that are loaded; further ones are only counted.
const MAX_MEMBERS: usize = 1_000;
/// The time after a change of the room after which its members are requested. Changes often come together.
const REFRESH_DELAY_MS: u32 = 200;
/// The maximum number of names in a notice.
const MAX_NAMES: usize = 100;

/// The members of a room, as far as they are loaded.
#[derive(Default)]
pub(super) struct Members {
    room: Option<RoomId>,
    /// By account, because nicks change.
    people: SortedMap<UserId, Contact>,
    /// The number of all members.
    total: usize,
    /// The list is complete: changes of presence are compared with it.
    is_loaded: bool,
    /// Counts the requests for the list, of which only the last one is used.
    request: u32,
    /// The number of members that the room had when the list was requested; `None` if the request has failed.
    counted: Option<u32>,
    /// A request for the list will be made soon.
    is_scheduled: bool,
    /// A request for the list has not been answered.
    is_loading: bool,
    /// The members have changed since then.
    is_stale: bool,
}

impl Store {
    /// There is a connection: requests the members. The first list is not compared with an earlier one.
    pub(super) fn list_members_anew(&self) {
        self.inner.update_value(|inner| inner.members.is_loaded = false);
        self.list_members_again();
    }

    /// Requests the members of the open room soon, because they have changed.
    pub(super) fn list_members_soon(&self) {
        let is_scheduled = self
            .inner
            .try_update_value(|inner| std::mem::replace(&mut inner.members.is_scheduled, true))
            .unwrap_or(true);
        if !is_scheduled {
            let store = *self;
            Timeout::new(REFRESH_DELAY_MS, move || store.list_changed_members()).forget();
        }
    }

    /// Requests the members that have changed, or waits for the answer to the last request.
    fn list_changed_members(&self) {
        let is_due = self.inner.try_update_value(|inner| {
            let members = &mut inner.members;
            // Otherwise the room is not open any more.
            let is_scheduled = std::mem::take(&mut members.is_scheduled);
            members.is_stale |= is_scheduled && members.is_loading;
            is_scheduled && !members.is_loading
        });
        if is_due == Some(true) {
            self.list_members_again();
        }
    }

    /// Requests the members of the open room.
    pub(super) fn list_members_again(&self) {
        let Some(room) = self.open_room.get_untracked() else { return };
        if !matches!(self.connection.get_untracked(), Connection::Online { .. }) {
            return;
        }
        let counted = self.with_state(|state| state.room(room)?.members()).flatten();
        let request = self.inner.try_update_value(|inner| {
            let members = &mut inner.members;
            if members.room != Some(room) {
                *members = Members { request: members.request, room: Some(room), ..Members::default() };
            }
            members.request = members.request.wrapping_add(1);
            members.counted = counted;
            members.is_loading = true;
            members.is_stale = false;
            members.request
        });
        let (store, Some(request)) = (*self, request) else { return };
        spawn_local(async move { store.load_members(room, request).await });
    }

    async fn load_members(&self, room: RoomId, request: u32) {
        let loaded = self.member_pages(room, request).await;
        let is_stale = self.inner.try_update_value(|inner| {
            let members = &mut inner.members;
            if members.request != request {
                return None;
            }
            members.is_loading = false;
            match loaded {
                Some((people, total)) => {
                    members.total = total.max(people.len());
                    members.people = people;
                    members.is_loaded = true;
                }
                None => members.counted = None,
            }
            Some(std::mem::take(&mut members.is_stale))
        });
        let Some(is_stale) = is_stale.flatten() else { return };
        self.show_members();
        if is_stale {
            self.list_members_soon();
        }
    }

    /// The members of a room, and their number; `None` if the server refuses to tell them, or if they were requested again
    /// meanwhile.
    async fn member_pages(&self, room: RoomId, request: u32) -> Option<(SortedMap<UserId, Contact>, usize)> {
        let mut loaded = SortedMap::new();
        let (mut after, mut total) = (String::new(), 0);
        loop {
            let count = PAGE_MEMBERS;
            let command = Command::ListMembers { room, prefix: String::new(), after, count };
            let page = self.contacts(command).await.ok()?;
            if self.inner.try_with_value(|inner| inner.members.request) != Some(request) {
                return None;
            }
            total = total.max(page.total);
            after = page.entries.last().map(|last| last.nick.to_string()).unwrap_or_default();
            // The list has those who are only invited, too.
            for member in page.entries.into_iter().filter(|contact| contact.role.is_member()) {
                loaded.insert(member.account, member);
            }
            if !page.more || after.is_empty() || loaded.len() >= MAX_MEMBERS {
                return Some((loaded, total));
            }
        }
    }

    /// The state has told the number of members of the open room.
    pub(super) fn member_count_changed(&self) {
        let room = self.open_room.get_untracked();
        let counted = self.with_state(|state| state.room(room?)?.members()).flatten();
        let is_known =
            self.inner.with_value(|inner| inner.members.room == room && inner.members.counted == counted);
        if !is_known {
            self.list_members_soon();
        }
    }

    /// The nick or the presence of an account has changed.
    pub(super) fn person_changed(&self, account: UserId) {
        let Some(person) = self.with_state(|state| state.people().get(account)) else { return };
        let is_lobby = self.open_room.get_untracked() == Some(RoomId::LOBBY);
        let (mut joined, mut is_shown) = (None, true);
        self.inner.update_value(|inner| {
            let members = &mut inner.members;
            if !members.is_loaded {
                is_shown = false;
                return;
            }
            let is_present = person.state != PresenceState::Left;
            match members.people.get_mut(&account) {
                Some(_) if is_lobby && !is_present => {
                    members.people.remove(&account);
                    members.total = members.total.saturating_sub(1);
                    joined = Some(false);
                }
                Some(known) => {
                    known.nick = person.nick.clone();
                    known.state = person.state;
                }
                None if is_lobby && is_present => {
                    if members.people.len() < MAX_MEMBERS {
                        let (nick, state) = (person.nick.clone(), person.state);
                        members.people.insert(account, Contact { account, nick, state, role: Role::Member });
                    }
                    members.total += 1;
                    joined = Some(true);
                }
                None => is_shown = false,
            }
        });
        if let Some(joined) = joined {
            let now = now_ms();
            self.update_timeline(|timeline| timeline.presence_changed(&person.nick, joined, now));
        }
        if is_shown {
            self.show_members();
        }
    }

    /// Shows the members as they are known.
    fn show_members(&self) {
        let (mut members, total) = self.inner.with_value(|inner| {
            let members: Vec<_> = inner.members.people.values().cloned().collect();
            (members, inner.members.total)
        });
        members.sort_by_cached_key(member_order);
        self.set.members.maybe_update(|shown| {
            let differs = *shown != members;
            *shown = members;
            differs
        });
        self.set.member_count.maybe_update(|shown| std::mem::replace(shown, total) != total);
    }

    /// Lists the members who are present as a notice in the timeline.
    pub(super) fn show_member_notice(&self) {
        let is_loaded = self.inner.with_value(|inner| inner.members.is_loaded);
        let is_lobby = self.open_room.get_untracked() == Some(RoomId::LOBBY);
        let notice = self.members.with_untracked(|members| {
            if members.is_empty() && !is_loaded {
                return Notice::MembersLoading;
            }
            let others = self.member_count.get_untracked().saturating_sub(members.len());
            present_members(members, if is_lobby { others } else { 0 })
        });
        self.add_notice(notice);
    }

    /// The user has logged out, or opens another room.
    pub(super) fn forget_members(&self) {
        self.inner.update_value(|inner| {
            let request = inner.members.request.wrapping_add(1);
            inner.members = Members { request, ..Members::default() };
        });
        self.set.members.set(Vec::new());
        self.set.member_count.set(0);
    }
}

/// The place of a member in the list: those who are online are before those who are away, then come the others; each by nick.
#[must_use]
pub fn member_order(member: &Contact) -> (u8, String, Arc<str>) {
    let group = match member.state {
        PresenceState::Online => 0,
        PresenceState::Away => 1,
        PresenceState::Left => 2,
    };
    (group, member.nick.to_ascii_lowercase(), member.nick.clone())
}

/// The members who are present. There are `others` who are present too and not loaded.
fn present_members(members: &[Contact], others: usize) -> Notice {
    let present = members.iter().filter(|member| member.state != PresenceState::Left);
    let mut present = present.map(|member| member.nick.clone());
    let nicks: Vec<_> = present.by_ref().take(MAX_NAMES).collect();
    Notice::Members { nicks, more: present.count() + others }
}

/// The time, Unix ms.
pub(super) fn now_ms() -> i64 {
    // Whole milliseconds of the calendar fit in an i64 by far.
    #[allow(clippy::cast_possible_truncation)]
    let now = js_sys::Date::now() as i64;
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(n: u8, nick: &str, state: PresenceState) -> Contact {
        Contact { account: UserId([n; 16]), nick: nick.into(), state, role: Role::Member }
    }

    #[test]
    fn members_who_are_present_are_first() {
        use PresenceState::{Away, Left, Online};
        let all = [("ann", Left), ("Bob", Online), ("cat", Away), ("Dan", Left), ("amy", Online)];
        let mut members: Vec<_> = (0..).zip(all).map(|(n, (nick, state))| member(n, nick, state)).collect();
        members.sort_by_cached_key(member_order);
        let nicks: Vec<_> = members.iter().map(|member| &*member.nick).collect();
        assert_eq!(nicks, ["amy", "Bob", "cat", "ann", "Dan"]);
        let listed = |nicks: [&str; 3], more| Notice::Members { nicks: nicks.map(Into::into).into(), more };
        assert_eq!(present_members(&members, 0), listed(["amy", "Bob", "cat"], 0));
        assert_eq!(present_members(&members, 7), listed(["amy", "Bob", "cat"], 7));
    }

    #[test]
    fn only_some_of_many_members_are_named() {
        let members: Vec<_> = (0..120).map(|n| member(n, "ann", PresenceState::Online)).collect();
        let Notice::Members { nicks, more } = present_members(&members, 3) else { panic!("another notice") };
        assert_eq!((nicks.len(), more), (MAX_NAMES, 23));
    }
}
