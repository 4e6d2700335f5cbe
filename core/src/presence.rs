//! The member list of a room: a snapshot in pages, followed by changes. A basic server sends complete lists instead;
//! comparing each with the previous one yields the same changes.

use std::{cmp::Ordering, sync::Arc};

use crate::{
    limits::MEMBER_LIST_LENGTH,
    model::{Member, PresenceState},
    wire,
};

/// A room's members, sorted by nick without regard to case.
#[derive(Debug, Default)]
pub struct MemberList {
    members: Members,
    /// Members beyond [`MEMBER_LIST_LENGTH`], which are only counted.
    unlisted: usize,
    /// The members of a snapshot that is not complete yet.
    incoming: Option<Members>,
    /// No list has been received on this connection.
    is_new: bool,
}

/// A member who has joined or left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceChange {
    /// The member's nick.
    pub nick: Arc<str>,
    /// Joined (`true`) or left.
    pub joined: bool,
}

impl MemberList {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self { is_new: true, ..Self::default() }
    }

    /// Prepares for a new connection: the first list on it is not compared with the previous one.
    pub fn reconnected(&mut self) {
        self.incoming = None;
        self.is_new = true;
    }

    /// The members, in order, at most [`MEMBER_LIST_LENGTH`].
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.0.iter()
    }

    /// The number of members, including those that are not listed.
    #[must_use]
    pub fn total(&self) -> usize {
        self.members.0.len() + self.unlisted
    }

    /// Adds a page of a snapshot. Returns `true` for the last page, which replaces the list.
    pub fn add_page(&mut self, page: wire::Roster) -> bool {
        let mut incoming = self.incoming.take().filter(|_| !page.first).unwrap_or_default();
        for member in page.members {
            let state = state_of(member.state());
            if incoming.0.len() < MEMBER_LIST_LENGTH && state != PresenceState::Left {
                incoming.set(&member.nick, state);
            }
        }
        if page.more {
            self.incoming = Some(incoming);
            return false;
        }
        self.unlisted = (page.total as usize).saturating_sub(incoming.0.len());
        self.members = incoming;
        self.is_new = false;
        true
    }

    /// Applies changes since the snapshot. Returns the members that have joined or left.
    pub fn apply(&mut self, presence: wire::Presence) -> Vec<PresenceChange> {
        let mut changes = Vec::new();
        for change in presence.changes {
            let state = state_of(change.state());
            // The server encoded the whole snapshot before this change, even if pages are still missing.
            if let Some(incoming) = &mut self.incoming {
                incoming.set(&change.nick, state);
            }
            let joined = state != PresenceState::Left;
            let was_listed = self.members.find(&change.nick).is_ok();
            if joined && !was_listed && self.members.0.len() >= MEMBER_LIST_LENGTH {
                self.unlisted += 1;
            } else if !joined && !was_listed {
                self.unlisted = self.unlisted.saturating_sub(1);
                continue;
            } else {
                self.members.set(&change.nick, state);
            }
            if joined != was_listed {
                changes.push(PresenceChange { nick: change.nick.into(), joined });
            }
        }
        changes
    }

    /// Replaces the list by a basic server's complete list, in any order. Returns the members that have joined or left
    /// since the previous list on this connection.
    pub fn replace(&mut self, names: Vec<String>) -> Vec<PresenceChange> {
        let (new, unlisted) = Members::online(names);
        let mut changes = Vec::new();
        // With unlisted members, the difference between two lists would be wrong.
        if !self.is_new && unlisted == 0 && self.unlisted == 0 {
            let mut add_difference = |some: &Members, others: &Members, joined| {
                let only = some.0.iter().filter(|member| others.find(&member.nick).is_err());
                changes.extend(only.map(|member| PresenceChange { nick: member.nick.clone(), joined }));
            };
            add_difference(&self.members, &new, false);
            add_difference(&new, &self.members, true);
        }
        self.is_new = false;
        self.members = new;
        self.unlisted = unlisted;
        changes
    }
}

/// Members in order, without duplicates.
#[derive(Debug, Default)]
struct Members(Vec<Member>);

impl Members {
    /// Online members with these names, at most [`MEMBER_LIST_LENGTH`], and the number of further names.
    fn online(mut names: Vec<String>) -> (Self, usize) {
        names.retain(|nick| !nick.is_empty());
        names.sort_unstable_by(|a, b| compare(a, b));
        names.dedup();
        let unlisted = names.len().saturating_sub(MEMBER_LIST_LENGTH);
        names.truncate(MEMBER_LIST_LENGTH);
        let online = |nick: String| Member { nick: nick.into(), state: PresenceState::Online };
        (Self(names.into_iter().map(online).collect()), unlisted)
    }

    /// The index of a name, or the one at which to insert it.
    fn find(&self, nick: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|member| compare(&member.nick, nick))
    }

    /// Sets the state of a member; [`PresenceState::Left`] removes it.
    fn set(&mut self, nick: &str, state: PresenceState) {
        match self.find(nick) {
            Ok(at) if state == PresenceState::Left => drop(self.0.remove(at)),
            Ok(at) => self.0[at].state = state,
            Err(_) if state == PresenceState::Left => {}
            Err(at) => self.0.insert(at, Member { nick: nick.into(), state }),
        }
    }
}

/// The order of the list: without regard to ASCII case. Nicks that differ only in case belong to different members and
/// are ordered by their bytes.
fn compare(a: &str, b: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    a.bytes().map(lower).cmp(b.bytes().map(lower)).then_with(|| a.cmp(b))
}

/// The presence that a state of the wire stands for.
#[must_use]
pub fn state_of(state: wire::PresenceState) -> PresenceState {
    match state {
        wire::PresenceState::Left => PresenceState::Left,
        wire::PresenceState::Online => PresenceState::Online,
        wire::PresenceState::Away => PresenceState::Away,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PresenceState as Wire;

    fn member(nick: &str, state: Wire) -> wire::Member {
        wire::Member { nick: nick.into(), state: state.into() }
    }

    fn names(list: &MemberList) -> Vec<&str> {
        list.members().map(|m| &*m.nick).collect()
    }

    #[test]
    fn changes_between_the_pages_of_a_snapshot_are_applied() {
        let mut list = MemberList::new();
        let first = wire::Roster {
            members: vec![member("tom", Wire::Online), member("Ann", Wire::Away)],
            total: 3,
            first: true,
            more: true,
        };
        assert!(!list.add_page(first));
        list.apply(wire::Presence { changes: vec![member("tom", Wire::Left)], time: 0 });
        let last =
            wire::Roster { members: vec![member("zoe", Wire::Online)], total: 2, first: false, more: false };
        assert!(list.add_page(last));
        assert_eq!(names(&list), ["Ann", "zoe"]);
        assert_eq!(list.total(), 2);
    }

    #[test]
    fn only_joining_and_leaving_is_reported() {
        let mut list = MemberList::new();
        let changes = |list: &[(&str, Wire)]| wire::Presence {
            changes: list.iter().map(|(n, s)| member(n, *s)).collect(),
            time: 0,
        };
        let changed = list.apply(changes(&[("tom", Wire::Online), ("tom", Wire::Away), ("ann", Wire::Left)]));
        assert_eq!(changed, [PresenceChange { nick: "tom".into(), joined: true }]);
        let changed = list.apply(changes(&[("tom", Wire::Left)]));
        assert_eq!(changed, [PresenceChange { nick: "tom".into(), joined: false }]);
        assert_eq!(list.total(), 0);
    }

    #[test]
    fn complete_lists_yield_the_same_changes() {
        let mut list = MemberList::new();
        let named = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(list.replace(named(&["tom", "lili"])), []);
        let changed = list.replace(named(&["lili", "zoe"]));
        assert_eq!(
            changed.iter().map(|m| (&*m.nick, m.joined)).collect::<Vec<_>>(),
            [("tom", false), ("zoe", true)]
        );
        list.reconnected();
        assert_eq!(list.replace(named(&["amy"])), [], "the first list after a reconnect is not compared");
    }

    #[test]
    fn members_are_sorted_whatever_order_they_arrive_in() {
        let mut list = MemberList::new();
        list.replace(["zoe", "Ann", "", "ann", "tom", "ann", "Bob", "李丽"].map(str::to_owned).into());
        assert_eq!(names(&list), ["Ann", "ann", "Bob", "tom", "zoe", "李丽"]);
        let changes = [("amy", Wire::Away), ("bob", Wire::Online), ("tom", Wire::Left), ("ann", Wire::Away)];
        let changes = changes.map(|(nick, state)| member(nick, state)).into();
        list.apply(wire::Presence { changes, time: 0 });
        assert_eq!(names(&list), ["amy", "Ann", "ann", "Bob", "bob", "zoe", "李丽"]);
        let states: Vec<_> = list.members().map(|m| m.state == PresenceState::Away).collect();
        assert_eq!(states, [true, false, true, false, false, false, false]);
    }

    #[test]
    fn members_beyond_the_maximum_are_counted_but_not_listed() {
        let mut list = MemberList::new();
        list.replace((0..100_000).map(|n| format!("user{n}")).collect());
        assert_eq!((list.members().count(), list.total()), (MEMBER_LIST_LENGTH, 100_000));
        assert_eq!(list.replace((1..100_000).map(|n| format!("user{n}")).collect()), []);
    }
}
