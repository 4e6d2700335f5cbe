//! Who is there, as rich peers are told: a snapshot in pages, and changes.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use parlour_core::{
    codec::{self, Envelope, Extension},
    wire,
};

use super::names::Names;
use crate::ws::frame;

/// The most members on a page.
pub const PAGE: usize = 500;

/// Up to so many members the snapshot is made anew for everybody who asks after a change.
const SMALL: usize = 256;

/// Who came and went since it was told last, and how it ended. Who did both is in it too: somebody may have been
/// given a snapshot in between, and to everybody else it says nothing new.
#[derive(Debug, Default, Clone)]
pub struct Changes(BTreeMap<Arc<str>, bool>);

impl Changes {
    /// Somebody came or went.
    pub fn note(&mut self, nick: &Arc<str>, there: bool) {
        self.0.insert(nick.clone(), there);
    }

    /// There is something to tell about this one.
    #[must_use]
    pub fn holds(&self, nick: &str) -> bool {
        self.0.contains_key(nick)
    }

    /// There is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are to tell about.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// As a frame; there is nothing to tell afterwards.
    pub fn take(&mut self, unix_ms: i64) -> Option<Envelope> {
        if self.is_empty() {
            return None;
        }
        let changes = std::mem::take(&mut self.0).into_iter().map(|(nick, there)| member(&nick, there));
        let presence = wire::Presence { changes: changes.collect(), time: unix_ms };
        Some(codec::extension("", Extension::Presence(presence)))
    }
}

/// The pages of who is there, encoded once for all who ask, and what has changed since. In a room where
/// thousands come at once each gets the same pages and a short list of changes.
#[derive(Debug, Default)]
pub struct Snapshot {
    pages: Vec<Bytes>,
    members: usize,
    since: Changes,
    /// The pages were made.
    made: bool,
}

impl Snapshot {
    /// Somebody came or went.
    pub fn note(&mut self, nick: &Arc<str>, there: bool) {
        if self.made {
            self.since.note(nick, there);
        }
    }

    /// The pages, as WebSocket frames, and the changes to be told after them.
    pub fn get(&mut self, names: &Names) -> (&[Bytes], Changes) {
        let stale = !self.since.is_empty() && (self.members <= SMALL || self.since.len() * 8 > self.members);
        if stale || !self.made {
            self.make(names);
        }
        (&self.pages, self.since.clone())
    }

    fn make(&mut self, names: &Names) {
        let members: Vec<_> = names.members().map(|nick| member(nick, true)).collect();
        self.members = members.len();
        self.since = Changes::default();
        self.made = true;
        let total = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let pages = members.len().div_ceil(PAGE).max(1);
        let mut rest = members.as_slice();
        self.pages.clear();
        for page in 0..pages {
            let (members, after) = rest.split_at(rest.len().min(PAGE));
            rest = after;
            let roster =
                wire::Roster { members: members.to_vec(), total, first: page == 0, more: page + 1 < pages };
            self.pages.push(frame::binary(&codec::encode(&codec::extension("", Extension::Roster(roster)))));
        }
    }
}

fn member(nick: &str, there: bool) -> wire::Member {
    let state = if there { wire::PresenceState::Online } else { wire::PresenceState::Left };
    wire::Member { nick: nick.to_owned(), state: state.into() }
}
