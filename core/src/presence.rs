//! The member list of a basic server, which sends complete lists: comparing each with the previous one yields who has joined
//! and left.

use std::{cmp::Ordering, sync::Arc};

use crate::{
    limits::MEMBER_LIST_LENGTH,
    model::{Member, PresenceState},
    wire,
};

/// The members, sorted by nick without regard to case.
#[derive(Debug, Default)]
pub struct MemberList {
    members: Members,
    /// Members beyond [`MEMBER_LIST_LENGTH`], which are only counted.
    unlisted: usize,
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

    fn names(list: &MemberList) -> Vec<&str> {
        list.members().map(|m| &*m.nick).collect()
    }

    #[test]
    fn complete_lists_yield_who_has_joined_and_left() {
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
    fn members_are_sorted_and_listed_once() {
        let mut list = MemberList::new();
        list.replace(["zoe", "Ann", "", "ann", "tom", "ann", "Bob", "李丽"].map(str::to_owned).into());
        assert_eq!(names(&list), ["Ann", "ann", "Bob", "tom", "zoe", "李丽"]);
    }

    #[test]
    fn members_beyond_the_maximum_are_counted_but_not_listed() {
        let mut list = MemberList::new();
        list.replace((0..100_000).map(|n| format!("user{n}")).collect());
        assert_eq!((list.members().count(), list.total()), (MEMBER_LIST_LENGTH, 100_000));
        assert_eq!(list.replace((1..100_000).map(|n| format!("user{n}")).collect()), []);
    }
}
