//! Who is there: a snapshot in pages, then changes. The basic dialect has whole lists instead; comparing one
//! with the last gives the same changes.

use std::{cmp::Ordering, collections::BinaryHeap, sync::Arc};

use crate::{
    limits::ROSTER_KEPT,
    model::{Member, PresenceState},
    wire,
};

/// A room's members, in the order of their names without regard to case.
#[derive(Debug, Default)]
pub struct Roster {
    members: Members,
    /// Members that are there but over what is kept.
    uncounted: usize,
    /// A snapshot is being received, and these were in it.
    incoming: Option<Members>,
    /// Nothing has been received on this connection.
    fresh: bool,
}

/// Somebody came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Who.
    pub nick: Arc<str>,
    /// Came, or went.
    pub joined: bool,
}

impl Roster {
    /// Nobody known.
    #[must_use]
    pub fn new() -> Self {
        Self { fresh: true, ..Self::default() }
    }

    /// A new connection: the first list received says who is there, not who came.
    pub fn reconnected(&mut self) {
        self.incoming = None;
        self.fresh = true;
    }

    /// The members, in order, at most [`ROSTER_KEPT`].
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.0.iter()
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.members.0.len() + self.uncounted
    }

    /// A page of the snapshot. `true` when it was the last and the list is now whole.
    pub fn snapshot(&mut self, page: wire::Roster) -> bool {
        let mut incoming = self.incoming.take().filter(|_| !page.first).unwrap_or_default();
        // A server sends them in order, so that each goes to the end.
        for member in page.members {
            let state = state_of(member.state());
            if incoming.0.len() < ROSTER_KEPT && state != PresenceState::Left {
                incoming.set(&member.nick, state);
            }
        }
        if page.more {
            self.incoming = Some(incoming);
            return false;
        }
        self.uncounted = (page.total as usize).saturating_sub(incoming.0.len());
        self.members = incoming;
        self.fresh = false;
        true
    }

    /// Changes since the snapshot. Gives who came and went.
    pub fn changes(&mut self, presence: wire::Presence) -> Vec<Moved> {
        let mut moved = Vec::new();
        for change in presence.changes {
            let state = state_of(change.state());
            // A snapshot under way was taken before this change.
            if let Some(incoming) = &mut self.incoming {
                incoming.set(&change.nick, state);
            }
            let joined = state != PresenceState::Left;
            let was_there = self.members.find(&change.nick).is_ok();
            if joined && !was_there && self.members.0.len() >= ROSTER_KEPT {
                self.uncounted += 1;
            } else if !joined && !was_there {
                self.uncounted = self.uncounted.saturating_sub(1);
                continue;
            } else {
                self.members.set(&change.nick, state);
            }
            if joined != was_there {
                moved.push(Moved { nick: change.nick.into(), joined });
            }
        }
        moved
    }

    /// A basic server's whole list, in any order. Gives who came and went since the last one; the first one on a
    /// connection gives nothing.
    pub fn list(&mut self, names: Vec<String>) -> Vec<Moved> {
        let (new, more) = Members::of(names);
        let mut moved = Vec::new();
        // Past what is kept, which names are missing says nothing about who went.
        if !self.fresh && more == 0 && self.uncounted == 0 {
            let mut note = |some: &Members, others: &Members, joined| {
                let only = some.0.iter().filter(|member| others.find(&member.nick).is_err());
                moved.extend(only.map(|member| Moved { nick: member.nick.clone(), joined }));
            };
            note(&self.members, &new, false);
            note(&new, &self.members, true);
        }
        self.fresh = false;
        self.members = new;
        self.uncounted = more;
        moved
    }
}

/// Members in order, each there once.
#[derive(Debug, Default)]
struct Members(Vec<Member>);

impl Members {
    /// Those with these names, as far as they are kept, and how many more there are.
    fn of(names: Vec<String>) -> (Self, usize) {
        // Sorted by a heap, which is a tenth of the code of the usual way.
        let names: BinaryHeap<_> = names.into_iter().filter(|nick| !nick.is_empty()).map(Name).collect();
        let mut names = names.into_sorted_vec();
        names.dedup_by(|a, b| a.0 == b.0);
        let more = names.len().saturating_sub(ROSTER_KEPT);
        let online = |Name(nick): Name| Member { nick: nick.into(), state: PresenceState::Online };
        (Self(names.into_iter().take(ROSTER_KEPT).map(online).collect()), more)
    }

    /// Where a name is, or would be.
    fn find(&self, nick: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|member| in_order(&member.nick, nick))
    }

    /// Somebody is there like this, or has left.
    fn set(&mut self, nick: &str, state: PresenceState) {
        match self.find(nick) {
            Ok(at) if state == PresenceState::Left => drop(self.0.remove(at)),
            Ok(at) => self.0[at].state = state,
            Err(_) if state == PresenceState::Left => {}
            Err(at) => self.0.insert(at, Member { nick: nick.into(), state }),
        }
    }
}

/// A name in its place.
#[derive(PartialEq, Eq)]
struct Name(String);

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        in_order(&self.0, &other.0)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where names stand in the list: without regard to case, as far as ASCII goes. The names themselves keep apart what
/// the server keeps apart.
fn in_order(a: &str, b: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    a.bytes().map(lower).cmp(b.bytes().map(lower)).then_with(|| a.cmp(b))
}

fn state_of(state: wire::PresenceState) -> PresenceState {
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

    fn names(roster: &Roster) -> Vec<&str> {
        roster.members().map(|m| &*m.nick).collect()
    }

    #[test]
    fn a_snapshot_comes_in_pages_and_changes_between_them_count() {
        let mut roster = Roster::new();
        let first = wire::Roster {
            members: vec![member("tom", Wire::Online), member("Ann", Wire::Away)],
            total: 3,
            first: true,
            more: true,
        };
        assert!(!roster.snapshot(first));
        roster.changes(wire::Presence { changes: vec![member("tom", Wire::Left)], time: 0 });
        let last =
            wire::Roster { members: vec![member("zoe", Wire::Online)], total: 2, first: false, more: false };
        assert!(roster.snapshot(last));
        assert_eq!(names(&roster), ["Ann", "zoe"]);
        assert_eq!(roster.total(), 2);
    }

    #[test]
    fn changes_tell_who_moved_and_only_that() {
        let mut roster = Roster::new();
        let changes = |list: &[(&str, Wire)]| wire::Presence {
            changes: list.iter().map(|(n, s)| member(n, *s)).collect(),
            time: 0,
        };
        let moved =
            roster.changes(changes(&[("tom", Wire::Online), ("tom", Wire::Away), ("ann", Wire::Left)]));
        assert_eq!(moved, [Moved { nick: "tom".into(), joined: true }]);
        let moved = roster.changes(changes(&[("tom", Wire::Left)]));
        assert_eq!(moved, [Moved { nick: "tom".into(), joined: false }]);
        assert_eq!(roster.total(), 0);
    }

    #[test]
    fn whole_lists_give_the_same_changes() {
        let mut roster = Roster::new();
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(roster.list(list(&["tom", "lili"])), []);
        let moved = roster.list(list(&["lili", "zoe"]));
        assert_eq!(
            moved.iter().map(|m| (&*m.nick, m.joined)).collect::<Vec<_>>(),
            [("tom", false), ("zoe", true)]
        );
        roster.reconnected();
        assert_eq!(roster.list(list(&["amy"])), [], "after a reconnect nobody is said to have come or gone");
    }

    #[test]
    fn names_are_in_order_whatever_order_they_came_in() {
        let mut roster = Roster::new();
        roster.list(["zoe", "Ann", "", "ann", "tom", "ann", "Bob", "李丽"].map(str::to_owned).into());
        assert_eq!(names(&roster), ["Ann", "ann", "Bob", "tom", "zoe", "李丽"]);
        let changes = [("amy", Wire::Away), ("bob", Wire::Online), ("tom", Wire::Left), ("ann", Wire::Away)];
        let changes = changes.map(|(nick, state)| member(nick, state)).into();
        roster.changes(wire::Presence { changes, time: 0 });
        assert_eq!(names(&roster), ["amy", "Ann", "ann", "Bob", "bob", "zoe", "李丽"]);
        let states: Vec<_> = roster.members().map(|m| m.state == PresenceState::Away).collect();
        assert_eq!(states, [true, false, true, false, false, false, false]);
    }

    #[test]
    fn a_list_of_a_hundred_thousand_is_counted_not_kept() {
        let mut roster = Roster::new();
        roster.list((0..100_000).map(|n| format!("user{n}")).collect());
        assert_eq!((roster.members().count(), roster.total()), (ROSTER_KEPT, 100_000));
        assert_eq!(roster.list((1..100_000).map(|n| format!("user{n}")).collect()), []);
    }
}
