//! Packed rows: a few dozen bytes each, in blocks of up to [`BLOCK_ROWS`] with one string for all of their texts.
//! Inserting, removing or changing a row costs the time of its block, however large the timeline is, and evicting a
//! block frees two allocations.

use std::sync::Arc;

use crate::model::{Delivery, Message, MessageId, Reactions, TextState, UserId};

/// The maximum number of rows in a block; beyond it the block is split.
pub const BLOCK_ROWS: usize = 128;

/// Set in the sort key of messages that are not [`Delivery::Sent`], so that they follow all others.
pub const UNACKNOWLEDGED: u64 = 1 << 63;

/// A packed row.
#[derive(Clone, Copy, Debug)]
pub struct PackedRow {
    pub key: u32,
    /// The height in CSS pixels.
    pub height: f32,
    /// The number of the sender in `Senders`; [`NO_SENDER`] when the row is not a message.
    sender: u32,
    state: PackedState,
    /// The position and length of the text in the block's text, in bytes.
    at: u32,
    len: u32,
    pub ord: u64,
    pub time: i64,
    pub id: MessageId,
}

/// The sender of a row that is not a message.
const NO_SENDER: u32 = u32::MAX;

/// The delivery state of a message, the state of its text, and whether it is an own one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PackedState(u32);

const OWN: u32 = 1 << 31;
const EDITED: u32 = 1 << 30;
const ERASED: u32 = 1 << 29;

impl PackedState {
    fn new(delivery: Delivery, own: bool, text: TextState) -> Self {
        let text = match text {
            TextState::Original => 0,
            TextState::Edited => EDITED,
            TextState::Erased => ERASED,
            TextState::Saving => EDITED | ERASED,
        };
        Self(delivery.to_code() | text | if own { OWN } else { 0 })
    }

    fn delivery(self) -> Delivery {
        // The code is valid, because `new` made it.
        Delivery::from_code(self.0 & !(OWN | EDITED | ERASED)).unwrap_or(Delivery::Sent)
    }

    fn text(self) -> TextState {
        match self.0 & (EDITED | ERASED) {
            0 => TextState::Original,
            EDITED => TextState::Edited,
            ERASED => TextState::Erased,
            _ => TextState::Saving,
        }
    }
}

impl PackedRow {
    /// A row that is not a message.
    pub fn other(key: u32, height: f32) -> Self {
        let state = PackedState::new(Delivery::Sent, false, TextState::Original);
        let id = MessageId([0; 16]);
        Self { key, height, sender: NO_SENDER, state, at: 0, len: 0, ord: 0, time: 0, id }
    }

    pub fn is_message(&self) -> bool {
        self.sender != NO_SENDER
    }

    pub fn is_sent(&self) -> bool {
        self.state.delivery() == Delivery::Sent
    }

    pub fn is_own(&self) -> bool {
        self.state.0 & OWN != 0
    }

    /// The number of a message's sender.
    pub fn sender(&self) -> u32 {
        self.sender
    }

    /// The sort key of a message, see [`sort_key`](super::locate::sort_key); `None` when the row is not a message.
    pub fn sort_key(&self) -> Option<u64> {
        self.is_message().then(|| if self.is_sent() { self.ord } else { self.ord | UNACKNOWLEDGED })
    }

    /// The time of a message, Unix ms; `None` when the row is not a message.
    pub fn message_time(&self) -> Option<i64> {
        self.is_message().then_some(self.time)
    }

    /// The length of the text, in bytes.
    pub fn len(&self) -> usize {
        self.len as usize
    }
}

/// Consecutive rows.
#[derive(Debug, Default)]
pub struct Block {
    pub rows: Vec<PackedRow>,
    text: String,
    /// The number of bytes of `text` that no row uses any more.
    waste: usize,
    /// The reactions to the few messages that have some, by the keys of their rows.
    reactions: Vec<(u32, Reactions)>,
    /// The sum of the rows' heights.
    pub height: f64,
    /// The latest time of a message in it, Unix ms; `None` when it has no messages.
    pub latest: Option<i64>,
}

impl Block {
    /// Inserts a message.
    pub fn insert(&mut self, at: usize, key: u32, sender: u32, height: f32, message: &Message) {
        let (text_at, len) = append(&mut self.text, &message.content);
        let row = PackedRow {
            key,
            height,
            sender,
            state: PackedState::new(message.delivery, message.own, message.text),
            at: text_at,
            len,
            ord: message.ord,
            time: message.time,
            id: message.id,
        };
        self.insert_row(at, row);
        self.set_reactions(key, &message.reactions);
    }

    fn set_reactions(&mut self, key: u32, reactions: &Reactions) {
        self.reactions.retain(|(of, _)| *of != key);
        if !reactions.is_empty() {
            self.reactions.push((key, reactions.clone()));
        }
    }

    /// Inserts a row without text.
    pub fn insert_row(&mut self, at: usize, row: PackedRow) {
        self.height += f64::from(row.height);
        self.latest = self.latest.max(row.message_time());
        self.rows.insert(at, row);
    }

    /// Updates a message; its key, sender and height stay.
    pub fn set(&mut self, at: usize, message: &Message) {
        if self.text_of(at) != &*message.content {
            self.waste += self.rows[at].len();
            let (text_at, len) = append(&mut self.text, &message.content);
            (self.rows[at].at, self.rows[at].len) = (text_at, len);
        }
        let row = &mut self.rows[at];
        (row.ord, row.time, row.id) = (message.ord, message.time, message.id);
        row.state = PackedState::new(message.delivery, message.own, message.text);
        let key = row.key;
        self.set_reactions(key, &message.reactions);
        self.latest = latest(&self.rows);
    }

    pub fn remove(&mut self, at: usize) -> PackedRow {
        let row = self.rows.remove(at);
        self.set_reactions(row.key, &Reactions::default());
        self.height -= f64::from(row.height);
        self.waste += row.len();
        if row.message_time() == self.latest {
            self.latest = latest(&self.rows);
        }
        if self.waste > 4096 && self.waste > self.text.len() / 2 {
            self.compact();
        }
        row
    }

    pub fn set_height(&mut self, at: usize, height: f32) {
        let row = &mut self.rows[at];
        self.height += f64::from(height) - f64::from(row.height);
        row.height = height;
    }

    /// The text of a message.
    pub fn text_of(&self, at: usize) -> &str {
        let row = &self.rows[at];
        self.text.get(row.at as usize..row.at as usize + row.len()).unwrap_or_default()
    }

    /// Unpacks a message of a sender.
    pub fn message(&self, at: usize, (sender, nick): (Option<UserId>, Arc<str>)) -> Message {
        let row = &self.rows[at];
        Message {
            id: row.id,
            sender,
            nick,
            content: self.text_of(at).into(),
            ord: row.ord,
            time: row.time,
            own: row.is_own(),
            delivery: row.state.delivery(),
            text: row.state.text(),
            reactions: self.reactions_of(row.key),
        }
    }

    /// Returns `true` if nothing is below the text of a message.
    pub fn is_plain(&self, at: usize) -> bool {
        let row = &self.rows[at];
        row.state.text() == TextState::Original && self.reactions.iter().all(|(of, _)| *of != row.key)
    }

    fn reactions_of(&self, key: u32) -> Reactions {
        let found = self.reactions.iter().find(|(of, _)| *of == key);
        found.map(|(_, reactions)| reactions.clone()).unwrap_or_default()
    }

    /// Splits the block, and returns the second half.
    pub fn split(&mut self) -> Self {
        let half = self.rows.split_off(self.rows.len() / 2);
        let (text, reactions) = (self.text.clone(), self.reactions.clone());
        let mut second = Self { rows: half, text, reactions, ..Self::default() };
        second.compact();
        self.compact();
        second
    }

    /// Removes unused text and reactions, and computes the height and the latest time again.
    fn compact(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.text.reserve_exact(self.rows.iter().map(PackedRow::len).sum());
        for row in &mut self.rows {
            let content = text.get(row.at as usize..(row.at + row.len) as usize).unwrap_or_default();
            (row.at, _) = append(&mut self.text, content);
        }
        self.waste = 0;
        self.reactions.retain(|(key, _)| self.rows.iter().any(|row| row.key == *key));
        self.height = self.rows.iter().map(|row| f64::from(row.height)).sum();
        self.latest = latest(&self.rows);
    }
}

/// The latest time of a message in these rows, Unix ms; `None` when there is no message.
pub fn latest(rows: &[PackedRow]) -> Option<i64> {
    rows.iter().filter_map(PackedRow::message_time).max()
}

/// Appends a text to that of a block. Returns its position and length, in bytes.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a block has far less than 4 GiB of text, because messages and rows are limited"
)]
fn append(block_text: &mut String, text: &str) -> (u32, u32) {
    let at = block_text.len() as u32;
    block_text.push_str(text);
    (at, text.len() as u32)
}
