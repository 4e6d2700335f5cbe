//! Presence for rich clients: a snapshot of the members in pages, and changes.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use parlour_core::{
    codec::{self, Envelope, Extension},
    wire,
};

use super::nick_registry::NickRegistry;
use crate::conn::frame;

/// The most members on a page.
pub const MEMBERS_PER_PAGE: usize = 500;

/// The most members of a room whose snapshot is encoded again for the first request after a change.
const SMALL_ROOM_MEMBERS: usize = 256;
/// The part of the members, in percent, that may change in a larger room before the snapshot is encoded again. Then it
/// is dropped at once, so that the changes are bounded also while nobody requests it.
const MAX_CHANGED_PERCENT: usize = 12;

/// The presence changes since the last update, with the final state of each member. Members that joined and
/// left in between are included: a client may have received a snapshot in the meantime, and for all others
/// the entry has no effect.
#[derive(Debug, Default, Clone)]
pub struct PresenceChanges(BTreeMap<Arc<str>, bool>);

impl PresenceChanges {
    /// Records a change.
    pub fn note(&mut self, nick: &Arc<str>, online: bool) {
        self.0.insert(nick.clone(), online);
    }

    /// Returns `true` if there is a change for this nick.
    #[must_use]
    pub fn contains(&self, nick: &str) -> bool {
        self.0.contains_key(nick)
    }

    /// Returns `true` if there are no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of members with a change.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Encodes and clears the changes.
    pub fn take(&mut self, unix_ms: i64) -> Option<Envelope> {
        if self.is_empty() {
            return None;
        }
        let changes = std::mem::take(&mut self.0).into_iter().map(|(nick, online)| member(&nick, online));
        let presence = wire::Presence { changes: changes.collect(), time: unix_ms };
        Some(codec::extension(Extension::Presence(presence)))
    }
}

/// The pages of the member list, encoded once for all requests, and the changes since. When thousands join at
/// once, each is sent the same pages and a short list of changes.
#[derive(Debug, Default)]
pub struct MemberSnapshot {
    pages: Vec<Bytes>,
    members: usize,
    since: PresenceChanges,
    /// The pages are encoded.
    is_encoded: bool,
}

impl MemberSnapshot {
    /// Records a change.
    pub fn note(&mut self, nick: &Arc<str>, online: bool) {
        if !self.is_encoded {
            return;
        }
        self.since.note(nick, online);
        let is_small = self.members <= SMALL_ROOM_MEMBERS;
        if is_small || self.since.len() * 100 > self.members * MAX_CHANGED_PERCENT {
            *self = Self::default();
        }
    }

    /// The pages, as WebSocket frames, and the changes to send after them.
    pub fn get(&mut self, nicks: &NickRegistry) -> (&[Bytes], PresenceChanges) {
        if !self.is_encoded {
            self.encode(nicks);
        }
        (&self.pages, self.since.clone())
    }

    /// The number of entries that are collected for the next request.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.pages.len() + self.since.len()
    }

    fn encode(&mut self, nicks: &NickRegistry) {
        let members: Vec<_> = nicks.members().map(|nick| member(nick, true)).collect();
        self.members = members.len();
        self.since = PresenceChanges::default();
        self.is_encoded = true;
        let total = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let pages = members.len().div_ceil(MEMBERS_PER_PAGE).max(1);
        let mut rest = members.as_slice();
        self.pages.clear();
        for page in 0..pages {
            let (members, after) = rest.split_at(rest.len().min(MEMBERS_PER_PAGE));
            rest = after;
            let roster =
                wire::Roster { members: members.to_vec(), total, first: page == 0, more: page + 1 < pages };
            self.pages.push(frame::binary(&codec::encode(&codec::extension(Extension::Roster(roster)))));
        }
    }
}

fn member(nick: &str, online: bool) -> wire::Member {
    let state = if online { wire::PresenceState::Online } else { wire::PresenceState::Left };
    wire::Member { nick: nick.to_owned(), state: state.into() }
}
