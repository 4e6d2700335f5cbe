//! The messages of all users: those that were sent, and what became of each.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::{
    Millis,
    model::{MessageId, RoomId, UserId},
    status::Status,
};

/// The key of a message: its sender and its id.
pub type Key = (UserId, MessageId);

/// A message that a user has sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub device: usize,
    pub tab: usize,
    pub room: RoomId,
    pub content: String,
    /// Messages of a room with the same number must be stored in the order in which they were sent.
    pub sequence: u64,
    pub at: Millis,
}

/// All messages of all users.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The sent messages, in order.
    pub sent: Vec<(Key, Sent)>,
    pub acknowledged: BTreeSet<Key>,
    /// Shown as failed, with the reason.
    pub failed: BTreeMap<Key, Status>,
    /// Messages that may be missing in the log, because a fault has removed all traces of them.
    pub excused: BTreeSet<Key>,
    /// Messages that may be anywhere in the order: the user has sent them again, or the log has lost them, and a tab that was suspended
    /// before they were acknowledged sends them again.
    pub retried: BTreeSet<Key>,
    /// Messages that a middlebox lets never pass.
    pub hopeless: BTreeSet<Key>,
    /// Messages that are on the device.
    pub persisted: BTreeSet<Key>,
    /// The rooms that accounts have asked to leave.
    left: BTreeSet<(UserId, RoomId)>,
}

impl Ledger {
    pub fn sent(&mut self, key: Key, sent: Sent) {
        self.sent.push((key, sent));
    }

    /// Returns `true` if the message was sent in this run, not by another user under the same id.
    pub fn knows(&self, key: Key) -> bool {
        self.sent.iter().any(|(of, _)| *of == key)
    }

    /// The messages to a room that were sent on a device, have failed, and were not discarded.
    pub fn failed_on(&self, device: usize, room: RoomId) -> impl Iterator<Item = &(Key, Sent)> {
        let of_device = self.sent.iter().filter(move |(_, sent)| sent.device == device && sent.room == room);
        of_device.filter(|(key, _)| self.failed.contains_key(key) && !self.excused.contains(key))
    }

    pub fn acknowledged(&mut self, key: Key) {
        self.failed.remove(&key);
        self.acknowledged.insert(key);
    }

    /// The log does not have the message any more.
    pub fn forget(&mut self, key: Key) {
        self.acknowledged.remove(&key);
        self.excused.insert(key);
        self.retried.insert(key);
    }

    /// A tab was closed: what it has sent may be gone, if that is not on the device.
    pub fn tab_closed(&mut self, tab: usize) {
        for (key, sent) in &self.sent {
            if sent.tab == tab && !self.persisted.contains(key) && !self.acknowledged.contains(key) {
                self.excused.insert(*key);
            }
        }
    }

    /// The account logs out on a device, or in one of its tabs: what was not acknowledged there is discarded. Returns the
    /// number of these messages that are not in the log.
    pub fn logged_out(
        &mut self,
        sender: UserId,
        device: usize,
        tab: Option<usize>,
        is_logged: impl Fn(&Key) -> bool,
    ) -> usize {
        let mut discarded = 0;
        for (key, sent) in &self.sent {
            let is_there = key.0 == sender && sent.device == device && tab.is_none_or(|tab| tab == sent.tab);
            if is_there && !self.acknowledged.contains(key) {
                self.excused.insert(*key);
                discarded += usize::from(!is_logged(key));
            }
        }
        discarded
    }

    /// A client has discarded a message. It does so when its user has left the room, also with what was written before the
    /// server has answered.
    pub fn discarded(&mut self, key: Key, room: RoomId) {
        let is_to_room = self.sent.iter().any(|(of, sent)| *of == key && sent.room == room);
        if is_to_room && self.left.contains(&(key.0, room)) && !self.acknowledged.contains(&key) {
            self.excused.insert(key);
        }
    }

    /// The account leaves a room: what it has not sent there is discarded.
    pub fn room_left(&mut self, sender: UserId, room: RoomId) {
        self.left.insert((sender, room));
        for (key, sent) in &self.sent {
            if key.0 == sender && sent.room == room && !self.acknowledged.contains(key) {
                self.excused.insert(*key);
            }
        }
    }
}
