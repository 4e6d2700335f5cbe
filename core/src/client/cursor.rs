//! Read cursors: up to which message an account has read a room.

use crate::wire;

/// A read cursor. Cursors of one room are merged by taking the largest one: the one with the larger version, and of the same
/// version the one with the larger ord. So every device arrives at the same cursor, in whatever order it learns of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    // First, because the derived order compares it first.
    /// Increases whenever the user marks messages as unread, which moves the cursor back.
    pub version: u32,
    /// All messages up to this ord are read.
    pub ord: u64,
}

impl Cursor {
    /// The larger one of two cursors.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        self.max(other)
    }

    /// The cursor after the messages up to `ord` were read.
    #[must_use]
    pub fn advanced(self, ord: u64) -> Self {
        Self { ord: self.ord.max(ord), ..self }
    }

    /// The cursor after the messages from `ord` on were marked as unread. An ord of 0 counts as 1.
    #[must_use]
    pub fn moved_back(self, ord: u64) -> Self {
        Self { version: self.version.saturating_add(1), ord: ord.saturating_sub(1) }
    }

    /// The number of unread messages in a room whose newest message has the ord `head`.
    #[must_use]
    pub fn unread(self, head: u64) -> u64 {
        head.saturating_sub(self.ord)
    }

    /// The cursor on the wire.
    #[must_use]
    pub fn to_wire(self) -> wire::Cursor {
        wire::Cursor { ord: self.ord, version: self.version }
    }
}

impl From<wire::Cursor> for Cursor {
    fn from(cursor: wire::Cursor) -> Self {
        Self { version: cursor.version, ord: cursor.ord }
    }
}
