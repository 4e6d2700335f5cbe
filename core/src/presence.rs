//! Who is there: a snapshot in pages, then changes. The basic dialect has whole lists instead; comparing one
//! with the last gives the same changes.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    limits::ROSTER_KEPT,
    model::{Member, PresenceState},
    wire,
};

/// A room's members, in the order of their names without regard to case.
#[derive(Debug, Default)]
pub struct Roster {
    members: BTreeMap<String, Member>,
    /// Members that are there but over what is kept.
    uncounted: usize,
    /// A snapshot is being received, and these were in it.
    incoming: Option<BTreeMap<String, Member>>,
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
        self.members.values()
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.members.len() + self.uncounted
    }

    /// A page of the snapshot. `true` when it was the last and the list is now whole.
    pub fn snapshot(&mut self, page: wire::Roster) -> bool {
        let mut incoming =
            if page.first { BTreeMap::new() } else { self.incoming.take().unwrap_or_default() };
        for member in page.members {
            if incoming.len() < ROSTER_KEPT && member.state() != wire::PresenceState::Left {
                let state = state_of(member.state());
                incoming.insert(key(&member.nick), Member { nick: member.nick.into(), state });
            }
        }
        if page.more {
            self.incoming = Some(incoming);
            return false;
        }
        self.uncounted = (page.total as usize).saturating_sub(incoming.len());
        self.members = incoming;
        self.fresh = false;
        true
    }

    /// Changes since the snapshot. Gives who came and went.
    pub fn changes(&mut self, presence: wire::Presence) -> Vec<Moved> {
        let mut moved = Vec::new();
        for change in presence.changes {
            let key = key(&change.nick);
            let state = state_of(change.state());
            // A snapshot under way was taken before this change.
            if let Some(incoming) = &mut self.incoming {
                apply(incoming, key.clone(), &change.nick, state);
            }
            let joined = state != PresenceState::Left;
            let was_there = self.members.contains_key(&key);
            if joined && !was_there && self.members.len() >= ROSTER_KEPT {
                self.uncounted += 1;
            } else if !joined && !was_there {
                self.uncounted = self.uncounted.saturating_sub(1);
                continue;
            } else {
                apply(&mut self.members, key, &change.nick, state);
            }
            if joined != was_there {
                moved.push(Moved { nick: change.nick.into(), joined });
            }
        }
        moved
    }

    /// A basic server's whole list. Gives who came and went since the last one; the first one on a connection
    /// gives nothing.
    pub fn list(&mut self, names: impl IntoIterator<Item = String>) -> Vec<Moved> {
        let mut new = BTreeMap::new();
        let mut more = 0;
        for nick in names.into_iter().filter(|nick| !nick.is_empty()) {
            if new.len() < ROSTER_KEPT {
                new.insert(key(&nick), Member { nick: nick.into(), state: PresenceState::Online });
            } else {
                more += 1;
            }
        }
        let mut moved = Vec::new();
        // Past what is kept, which names are missing says nothing about who went.
        if !self.fresh && more == 0 && self.uncounted == 0 {
            let gone = self.members.iter().filter(|(key, _)| !new.contains_key(*key));
            moved.extend(gone.map(|(_, m)| Moved { nick: m.nick.clone(), joined: false }));
            let come = new.iter().filter(|(key, _)| !self.members.contains_key(*key));
            moved.extend(come.map(|(_, m)| Moved { nick: m.nick.clone(), joined: true }));
        }
        self.fresh = false;
        self.members = new;
        self.uncounted = more;
        moved
    }
}

fn state_of(state: wire::PresenceState) -> PresenceState {
    match state {
        wire::PresenceState::Left => PresenceState::Left,
        wire::PresenceState::Online => PresenceState::Online,
        wire::PresenceState::Away => PresenceState::Away,
    }
}

/// Where a name stands in the list: without regard to case, as far as ASCII goes. The name itself behind it keeps
/// apart what the server keeps apart.
fn key(nick: &str) -> String {
    let mut key = nick.to_ascii_lowercase();
    key.push('\0');
    key.push_str(nick);
    key
}

fn apply(members: &mut BTreeMap<String, Member>, key: String, nick: &str, state: PresenceState) {
    if state == PresenceState::Left {
        members.remove(&key);
    } else {
        members.insert(key, Member { nick: nick.into(), state });
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
    fn a_list_of_a_hundred_thousand_is_counted_not_kept() {
        let mut roster = Roster::new();
        roster.list((0..100_000).map(|n| format!("user{n}")));
        assert_eq!((roster.members().count(), roster.total()), (ROSTER_KEPT, 100_000));
        assert_eq!(roster.list((1..100_000).map(|n| format!("user{n}"))), []);
    }
}
