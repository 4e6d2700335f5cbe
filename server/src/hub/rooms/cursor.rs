//! Read cursors: merging, and the cursors that are not in the log yet.
//!
//! The cursors of connected accounts live in memory. A change reaches the account's other connections at once and the log
//! within [`SAVE_AFTER_MS`], so that reading costs no write per message.

use std::collections::VecDeque;

use parlour_core::{Millis, wire};

use super::{live_rooms::RoomKey, room_lists::AccountKey};

/// The time after which a changed cursor is written to the log, in ms. The promise is 30 s, which includes the append.
pub const SAVE_AFTER_MS: Millis = 25_000;

/// The position up to which an account has read a room. The one with the larger version is newer; of the same version, the
/// one with the larger ord. So all devices and nodes agree, in whatever order changes arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    // The order of the fields is the order of comparison.
    /// Increases whenever the user marks messages as unread.
    pub version: u32,
    /// All messages up to this ord are read.
    pub ord: u64,
}

impl Cursor {
    /// The cursor in a command.
    #[must_use]
    pub fn from_wire(cursor: wire::Cursor) -> Self {
        Self { version: cursor.version, ord: cursor.ord }
    }

    /// Merges another cursor, which is limited to the newest message of the room: a cursor beyond it would hide messages
    /// that come later. Returns `true` if the cursor has changed.
    pub fn merge(&mut self, other: Self, head_ord: u64) -> bool {
        let other = Self { ord: other.ord.min(head_ord), ..other };
        let is_newer = other > *self;
        if is_newer {
            *self = other;
        }
        is_newer
    }

    /// Moves the cursor over own messages if everything before them is read. Returns `true` if it has changed.
    pub fn pass(&mut self, own: OwnMessages) -> bool {
        let passes = own.first > 0 && (own.first - 1..own.last).contains(&self.ord);
        if passes {
            self.ord = own.last;
        }
        passes
    }

    /// Moves the cursor to the newest message. Returns `true` if it has changed.
    pub fn read_all(&mut self, head_ord: u64) -> bool {
        let has_unread = self.ord < head_ord;
        self.ord = self.ord.max(head_ord);
        has_unread
    }

    /// The number of messages after the cursor.
    #[must_use]
    pub fn unread(self, head_ord: u64) -> u64 {
        head_ord.saturating_sub(self.ord)
    }
}

/// The newest messages that an account has sent to a room without one of another account between them, by ord; (0, 0) if
/// none is known.
///
/// The account may read the message before them at the same time: then the cursor arrives after they are published, and moves
/// over them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnMessages {
    first: u64,
    last: u64,
}

impl OwnMessages {
    /// Adds a message.
    pub fn push(&mut self, ord: u64) {
        if self.first == 0 || self.last + 1 != ord {
            self.first = ord;
        }
        self.last = ord;
    }
}

/// The deadlines of changed cursors. An entry whose cursor was written earlier, or whose account is gone, has no effect when
/// it is due.
#[derive(Debug, Default)]
pub struct UnsavedCursors(VecDeque<(Millis, AccountKey, RoomKey)>);

impl UnsavedCursors {
    /// Records the first change of a cursor since it was last written.
    pub fn push(&mut self, now: Millis, account: AccountKey, room: RoomKey) {
        self.0.push_back((now + SAVE_AFTER_MS, account, room));
    }

    /// Takes a cursor that is due. Call until it returns `None`.
    pub fn pop_due(&mut self, now: Millis) -> Option<(AccountKey, RoomKey)> {
        let (_, account, room) = self.0.pop_front_if(|(due, ..)| *due <= now)?;
        Some((account, room))
    }

    /// The first deadline.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        self.0.front().map(|(due, ..)| *due)
    }

    /// The number of entries.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursor(version: u32, ord: u64) -> Cursor {
        Cursor { version, ord }
    }

    #[test]
    fn larger_version_wins_and_then_the_larger_ord() {
        let mut own = cursor(1, 50);
        assert!(!own.merge(cursor(1, 40), 100), "an older position of the same version");
        assert!(!own.merge(cursor(0, 90), 100), "an older version");
        assert!(own.merge(cursor(1, 60), 100));
        assert!(own.merge(cursor(2, 10), 100), "marked as unread");
        assert!(!own.merge(cursor(2, 10), 100));
        assert_eq!((own, own.unread(100)), (cursor(2, 10), 90));
    }

    #[test]
    fn cursor_never_passes_the_newest_message() {
        let mut own = cursor(0, 5);
        assert!(own.merge(cursor(0, u64::MAX), 9));
        assert_eq!(own, cursor(0, 9));
        assert!(!own.merge(cursor(0, 10), 9));
    }

    #[test]
    fn own_message_is_read_only_if_everything_before_it_was() {
        let mut sent = OwnMessages::default();
        assert!(!cursor(3, 0).pass(sent));
        [8, 9, 11, 12, 13].into_iter().for_each(|ord| sent.push(ord));
        let passed = |ord| {
            let mut own = cursor(3, ord);
            own.pass(sent).then_some(own.ord)
        };
        assert_eq!([9, 10, 11, 12, 13, 14].map(passed), [None, Some(13), Some(13), Some(13), None, None]);
        let mut own = cursor(3, 8);
        assert!(own.read_all(12) && !own.read_all(12));
    }

    #[test]
    fn changes_are_due_in_their_order() {
        let mut unsaved = UnsavedCursors::default();
        let (account, room) = (AccountKey::from_index(1), RoomKey::from_index(2));
        unsaved.push(0, account, room);
        unsaved.push(10, account, RoomKey::LOBBY);
        assert_eq!((unsaved.next_due(), unsaved.pop_due(SAVE_AFTER_MS - 1)), (Some(SAVE_AFTER_MS), None));
        assert_eq!(unsaved.pop_due(SAVE_AFTER_MS), Some((account, room)));
        assert_eq!((unsaved.pop_due(SAVE_AFTER_MS), unsaved.table_size()), (None, 1));
    }

    proptest! {
        #[test]
        fn merged_cursor_does_not_depend_on_the_order(
            mut changes in prop::collection::vec((0..4_u32, 0..20_u64), 0..12), head in 0..20_u64,
        ) {
            let merge = |changes: &[(u32, u64)]| {
                let mut own = Cursor::default();
                changes.iter().for_each(|(version, ord)| { own.merge(cursor(*version, *ord), head); });
                own
            };
            let in_order = merge(&changes);
            changes.reverse();
            prop_assert_eq!(merge(&changes), in_order);
            changes.extend_from_within(..);
            prop_assert_eq!(merge(&changes), in_order, "a change that arrives twice has no further effect");
        }
    }
}
