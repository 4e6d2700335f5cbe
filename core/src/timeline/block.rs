//! Rows packed: a few dozen bytes each in blocks of some hundred, each block with one string for all of its texts. A row
//! goes in, comes out or changes at the price of its block, whatever else the timeline holds, and a block that is let go
//! of is two allocations freed.

use crate::{
    model::{Delivery, Message, MessageId},
    status::Status,
};

/// A block that would hold more is split.
pub const ROWS: usize = 128;

/// What is not [`Delivery::Sent`] is ordered behind all that is.
pub const UNSENT: u64 = 1 << 63;

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Packed {
    pub key: u32,
    /// In CSS pixels.
    pub height: f32,
    /// Of a message, the number of its nick in the pool; [`NOT_SAID`] of anything else.
    nick: u32,
    state: State,
    /// Where its text is in the block.
    at: u32,
    len: u32,
    pub seq: u64,
    pub time: i64,
    pub id: MessageId,
}

/// Stands in the place of a nick where nobody says anything.
const NOT_SAID: u32 = u32::MAX;

/// How far a message has come, and whose it is, in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State(u32);

const OWN: u32 = 1 << 31;

impl State {
    fn new(delivery: Delivery, own: bool) -> Self {
        let code = match delivery {
            Delivery::Sent => 0,
            Delivery::Queued => 1,
            Delivery::Pending => 2,
            Delivery::Failed(status) => 3 + u32::from(status.code()),
        };
        Self(code | if own { OWN } else { 0 })
    }

    fn delivery(self) -> Delivery {
        match self.0 & !OWN {
            0 => Delivery::Sent,
            1 => Delivery::Queued,
            2 => Delivery::Pending,
            // It was made of one.
            code => Delivery::Failed(Status::from_code(u16::try_from(code - 3).unwrap_or(0))),
        }
    }
}

impl Packed {
    /// A row that is no message.
    pub fn other(key: u32, height: f32) -> Self {
        let state = State::new(Delivery::Sent, false);
        let id = MessageId([0; 16]);
        Self { key, height, nick: NOT_SAID, state, at: 0, len: 0, seq: 0, time: 0, id }
    }

    pub fn is_message(&self) -> bool {
        self.nick != NOT_SAID
    }

    pub fn is_sent(&self) -> bool {
        self.state.delivery() == Delivery::Sent
    }

    pub fn is_own(&self) -> bool {
        self.state.0 & OWN != 0
    }

    /// The number of a message's nick.
    pub fn nick(&self) -> u32 {
        self.nick
    }

    /// The place of a message among the others; `None` of a row that is none.
    pub fn order(&self) -> Option<u64> {
        self.is_message().then(|| if self.is_sent() { self.seq } else { self.seq | UNSENT })
    }

    /// How many bytes its text has.
    pub fn len(&self) -> usize {
        self.len as usize
    }
}

/// Some rows that follow each other.
#[derive(Debug, Default)]
pub struct Block {
    pub rows: Vec<Packed>,
    text: String,
    /// How many bytes of the text no row has any more.
    waste: usize,
    /// The sum of the rows' heights.
    pub height: f64,
}

impl Block {
    /// Puts a message in.
    pub fn insert(&mut self, at: usize, key: u32, nick: u32, height: f32, message: &Message) {
        let (text_at, len) = self.write(&message.content);
        let row = Packed {
            key,
            height,
            nick,
            state: State::new(message.delivery, message.own),
            at: text_at,
            len,
            seq: message.seq,
            time: message.time,
            id: message.id,
        };
        self.insert_row(at, row);
    }

    /// Puts a row in that has no text.
    pub fn insert_row(&mut self, at: usize, row: Packed) {
        self.height += f64::from(row.height);
        self.rows.insert(at, row);
    }

    /// Changes what a message says of itself.
    pub fn set(&mut self, at: usize, message: &Message) {
        if self.text_of(at) != &*message.content {
            self.waste += self.rows[at].len();
            let (text_at, len) = self.write(&message.content);
            (self.rows[at].at, self.rows[at].len) = (text_at, len);
        }
        let row = &mut self.rows[at];
        (row.seq, row.time, row.id) = (message.seq, message.time, message.id);
        row.state = State::new(message.delivery, message.own);
    }

    pub fn remove(&mut self, at: usize) -> Packed {
        let row = self.rows.remove(at);
        self.height -= f64::from(row.height);
        self.waste += row.len();
        if self.waste > 4096 && self.waste > self.text.len() / 2 {
            self.tidy();
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

    /// A message whole, said by `nick`.
    pub fn message(&self, at: usize, nick: std::sync::Arc<str>) -> Message {
        let row = &self.rows[at];
        Message {
            id: row.id,
            nick,
            content: self.text_of(at).into(),
            seq: row.seq,
            time: row.time,
            own: row.is_own(),
            delivery: row.state.delivery(),
        }
    }

    /// The second half, as a block of its own.
    pub fn split(&mut self) -> Self {
        let half = self.rows.split_off(self.rows.len() / 2);
        let mut second = Self { rows: half, text: self.text.clone(), ..Self::default() };
        second.tidy();
        self.tidy();
        second
    }

    /// Copies the texts that rows still have, and sums the heights anew.
    fn tidy(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.text.reserve_exact(self.rows.iter().map(Packed::len).sum());
        for row in &mut self.rows {
            let said = text.get(row.at as usize..(row.at + row.len) as usize).unwrap_or_default();
            // No block has near four gigabytes: a message is limited, and so are the rows.
            #[allow(clippy::cast_possible_truncation)]
            {
                row.at = self.text.len() as u32;
            }
            self.text.push_str(said);
        }
        self.waste = 0;
        self.height = self.rows.iter().map(|row| f64::from(row.height)).sum();
    }

    // As in `tidy`.
    #[allow(clippy::cast_possible_truncation)]
    fn write(&mut self, text: &str) -> (u32, u32) {
        let at = self.text.len() as u32;
        self.text.push_str(text);
        (at, text.len() as u32)
    }
}
