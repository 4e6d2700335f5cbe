//! The rows of a room as a reader sees them: messages in order, days apart, comings and goings in quiet lines.
//!
//! Order: acknowledged messages by sequence number, then what is pending, in the order it was written. A basic
//! server gives no numbers; there the order of arrival stands.

use std::sync::Arc;

use crate::{
    event::Missing,
    model::{Delivery, Message, MessageId},
    status::Status,
};

/// A message by the same person within this time after their last one needs no name above it. In ms.
const CONTINUES_WITHIN: i64 = 5 * 60_000;
/// Names in one line of comings and goings before it only counts.
pub const NAMES_KEPT: usize = 50;

/// One row. Its key stays the same for as long as it exists, whatever happens to its content.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Unique in this timeline.
    pub key: u64,
    /// What it shows.
    pub kind: RowKind,
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq)]
pub enum RowKind {
    /// A new day begins; a time within it, Unix ms.
    Day(i64),
    /// A message.
    Message {
        /// The message itself.
        message: Message,
        /// It goes on from the row above: same person, little time between.
        continued: bool,
    },
    /// Something is missing here, and can be loaded.
    Gap(Missing),
    /// Who came and went since the row above.
    Movement(Movement),
    /// Something the program says, in answer to a command or about the connection.
    Notice(Notice),
}

/// Comings and goings, joined into one line. Somebody who left and came back is in neither list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Movement {
    /// Who came.
    pub joined: Vec<Arc<str>>,
    /// Who went.
    pub left: Vec<Arc<str>>,
    /// How many more came than are named.
    pub more_joined: usize,
    /// How many more went than are named.
    pub more_left: usize,
    /// When the last of them was, Unix ms.
    pub time: i64,
}

/// What the program itself has to say; the view has the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The commands there are.
    Help,
    /// Who is there.
    Who {
        /// Their names.
        nicks: Vec<Arc<str>>,
        /// How many more there are.
        more: usize,
    },
    /// The connection was gone for a while: what others said in between is not here.
    Missed,
    /// The device keeps nothing: what is not sent when the page is closed is lost.
    NothingKept,
    /// The connection broke, for a reason worth keeping in view.
    Broke(Status),
    /// The server sent something that can't be read; the chat goes on.
    Unreadable,
    /// A server's own words.
    Server(String),
}

/// What changed: the row at `index` was put in, changed, or taken out. Indexes count as of that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A row is new at this index.
    Inserted(usize),
    /// The row at this index shows something else now.
    Updated(usize),
    /// The row at this index is gone.
    Removed(usize),
}

/// The rows of one room.
pub struct Timeline {
    rows: Vec<Row>,
    next_key: u64,
    /// Each message's id with the key of its row, in order of the ids: as these begin with the time, what is new goes to
    /// the end.
    keys: Vec<(MessageId, u64)>,
    /// Gives the number of the local day of a Unix time in ms.
    day_of: Box<dyn Fn(i64) -> i64 + Send + Sync>,
    kept: usize,
    dropped: usize,
    /// The largest sequence number among what was let go of.
    dropped_seq: u64,
}

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timeline")
            .field("rows", &self.rows.len())
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

impl Timeline {
    /// An empty room. `day_of` gives the number of the local day of a Unix time in ms (time zones are the
    /// caller's knowledge); `kept` is how many rows are held, the oldest go first.
    #[must_use]
    pub fn new(kept: usize, day_of: impl Fn(i64) -> i64 + Send + Sync + 'static) -> Self {
        Self {
            rows: Vec::new(),
            next_key: 0,
            keys: Vec::new(),
            day_of: Box::new(day_of),
            kept: kept.max(2),
            dropped: 0,
            dropped_seq: 0,
        }
    }

    /// All rows, oldest first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many rows were let go of.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The largest sequence number among the messages that were let go of; 0 while there was none.
    #[must_use]
    pub fn dropped_seq(&self) -> u64 {
        self.dropped_seq
    }

    /// Puts in messages of earlier that the reader has asked for, or that were kept: so many more rows are held, but for
    /// those that are there already.
    pub fn page(&mut self, messages: Vec<Message>) -> Vec<Change> {
        let mut changes = Vec::new();
        for message in messages {
            // Two for each: it may bring a day with it.
            self.kept += if self.known(message.id).is_ok() { 0 } else { 2 };
            changes.append(&mut self.message(message));
        }
        changes
    }

    /// Shows what is missing, in place of what was shown as missing before. A gap of which a part was filled keeps its
    /// row: somebody may have the focus in it.
    pub fn gaps(&mut self, gaps: &[Missing]) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut left = gaps.to_vec();
        for at in (0..self.rows.len()).rev() {
            let RowKind::Gap(shown) = self.rows[at].kind else { continue };
            let same = left.iter().position(|missing| missing.gap.from == shown.gap.from);
            if let Some(missing) = same.map(|same| left[same]).filter(|missing| self.stands(at, missing)) {
                left.retain(|other| *other != missing);
                if missing != shown {
                    self.rows[at].kind = RowKind::Gap(missing);
                    changes.push(Change::Updated(at));
                }
            } else {
                self.remove(at, &mut changes);
                self.settle(at, &mut changes);
            }
        }
        for missing in &left {
            let is_shown = |row: &Row| matches!(&row.kind, RowKind::Gap(shown) if shown.gap == missing.gap);
            if !self.rows.iter().any(is_shown) {
                let at = self.before_what_follows(missing.gap.to);
                self.insert(at, RowKind::Gap(*missing), &mut changes);
                self.settle(at + 1, &mut changes);
            }
        }
        changes
    }

    /// The log is another one: what it had acknowledged is gone, and what is not acknowledged stays.
    pub fn forget(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut stay = Vec::new();
        for at in (0..self.rows.len()).rev() {
            if let RowKind::Message { message, .. } = &self.rows[at].kind
                && message.delivery != Delivery::Sent
            {
                stay.push(message.clone());
            }
            self.remove(at, &mut changes);
        }
        self.keys.clear();
        stay.into_iter().rev().for_each(|message| changes.append(&mut self.message(message)));
        changes
    }

    /// The row is in the place of this gap: what is above it is older, what is under it newer.
    fn stands(&self, at: usize, missing: &Missing) -> bool {
        neighbour(self.rows[..at].iter().rev()).is_none_or(|above| above <= missing.gap.from)
            && neighbour(self.rows[at + 1..].iter()).is_none_or(|under| under > missing.gap.to)
    }

    /// Where a row stands that comes right before the messages above a sequence number, and their day.
    fn before_what_follows(&self, seq: u64) -> usize {
        let follows =
            |row: &Row| matches!(&row.kind, RowKind::Message { message, .. } if order(message) > seq);
        let mut at = self.rows.iter().position(follows).unwrap_or(self.rows.len());
        while at > 0 && matches!(self.rows[at - 1].kind, RowKind::Day(_)) {
            at -= 1;
        }
        at
    }

    /// Puts a message in its place, or changes the row that its id has already: what is said twice is shown once. What
    /// was acknowledged stays so: an outbox that another page left behind may not know it yet.
    pub fn message(&mut self, message: Message) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(at) = self.find(message.id) {
            if message.delivery != Delivery::Sent && self.is_sent(at) {
                return changes;
            }
            let place = self.place_without(at, &message);
            if place == at {
                self.set_message(at, message, &mut changes);
                return changes;
            }
            self.remove(at, &mut changes);
        }
        let at = self.place(&message);
        self.note(message.id);
        self.insert(at, RowKind::Message { message, continued: false }, &mut changes);
        self.settle(at, &mut changes);
        self.trim(&mut changes);
        changes
    }

    /// Changes how far a message has come.
    pub fn delivery(&mut self, id: MessageId, delivery: Delivery) -> Vec<Change> {
        let Some(message) = self.get(id) else { return Vec::new() };
        let message = Message { delivery, ..message.clone() };
        self.message(message)
    }

    /// The message of an id.
    #[must_use]
    pub fn get(&self, id: MessageId) -> Option<&Message> {
        match &self.rows[self.find(id)?].kind {
            RowKind::Message { message, .. } => Some(message),
            _ => None,
        }
    }

    /// Takes a message out, as when the user discards one that failed.
    pub fn discard(&mut self, id: MessageId) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(at) = self.find(id) {
            self.forget_id(id);
            self.remove(at, &mut changes);
            self.settle(at, &mut changes);
        }
        changes
    }

    /// Somebody came (`true`) or went.
    pub fn moved(&mut self, nick: &Arc<str>, joined: bool, time: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(at) = self.rows.len().checked_sub(1)
            && let RowKind::Movement(movement) = &mut self.rows[at].kind
        {
            movement.add(nick, joined, time);
            if movement.is_empty() {
                self.remove(at, &mut changes);
            } else {
                changes.push(Change::Updated(at));
            }
            return changes;
        }
        let mut movement = Movement::default();
        movement.add(nick, joined, time);
        self.insert(self.rows.len(), RowKind::Movement(movement), &mut changes);
        self.trim(&mut changes);
        changes
    }

    /// The program says something.
    pub fn notice(&mut self, notice: Notice) -> Vec<Change> {
        let mut changes = Vec::new();
        // The same words twice in a row say nothing new.
        if !matches!(self.rows.last(), Some(Row { kind: RowKind::Notice(last), .. }) if *last == notice) {
            self.insert(self.rows.len(), RowKind::Notice(notice), &mut changes);
            self.trim(&mut changes);
        }
        changes
    }

    /// Where an id is among the known ones, or would be.
    fn known(&self, id: MessageId) -> Result<usize, usize> {
        self.keys.binary_search_by(|(other, _)| other.cmp(&id))
    }

    /// The next row is this message's.
    fn note(&mut self, id: MessageId) {
        let key = self.next_key;
        match self.known(id) {
            Ok(at) => self.keys[at].1 = key,
            Err(at) => self.keys.insert(at, (id, key)),
        }
    }

    fn forget_id(&mut self, id: MessageId) {
        if let Ok(at) = self.known(id) {
            self.keys.remove(at);
        }
    }

    fn find(&self, id: MessageId) -> Option<usize> {
        let key = self.keys[self.known(id).ok()?].1;
        self.rows.iter().rposition(|row| row.key == key)
    }

    fn is_sent(&self, at: usize) -> bool {
        matches!(&self.rows[at].kind, RowKind::Message { message, .. } if message.delivery == Delivery::Sent)
    }

    /// Where a message belongs: behind the last one that is not after it.
    fn place(&self, message: &Message) -> usize {
        let after = |row: &Row| match &row.kind {
            RowKind::Message { message: other, .. } => order(other) > order(message),
            _ => false,
        };
        match self.rows.iter().rposition(|row| matches!(row.kind, RowKind::Message { .. }) && !after(row)) {
            // Nothing later follows: at the very end, behind notices and movements too.
            Some(at) if !self.rows[at + 1..].iter().any(after) => self.rows.len(),
            // What fills a gap does so from its end.
            Some(at) => match self.rows[at + 1].kind {
                RowKind::Gap(missing) if order(message) > missing.gap.from => at + 2,
                _ => at + 1,
            },
            None if self.rows.iter().any(after) => {
                let first = self.rows.iter().position(after).unwrap_or(0);
                // In front of the first message's day line.
                if first > 0 && matches!(self.rows[first - 1].kind, RowKind::Day(_)) {
                    first - 1
                } else {
                    first
                }
            }
            None => self.rows.len(),
        }
    }

    /// Where a message that has the row `at` would be if it had none: `at` when it may stay.
    fn place_without(&self, at: usize, message: &Message) -> usize {
        let before = neighbour(self.rows[..at].iter().rev());
        let after = neighbour(self.rows[at + 1..].iter());
        let this = order(message);
        if before.is_none_or(|o| o <= this) && after.is_none_or(|o| this <= o) { at } else { usize::MAX }
    }

    fn set_message(&mut self, at: usize, message: Message, changes: &mut Vec<Change>) {
        if let RowKind::Message { message: old, .. } = &mut self.rows[at].kind
            && *old != message
        {
            *old = message;
            changes.push(Change::Updated(at));
            self.settle(at, changes);
        }
    }

    fn insert(&mut self, at: usize, kind: RowKind, changes: &mut Vec<Change>) {
        self.rows.insert(at, Row { key: self.next_key, kind });
        self.next_key += 1;
        changes.push(Change::Inserted(at));
    }

    fn remove(&mut self, at: usize, changes: &mut Vec<Change>) {
        self.rows.remove(at);
        changes.push(Change::Removed(at));
    }

    /// Puts right what depends on the neighbours around a row: day lines, and whether a message goes on from
    /// the one above.
    fn settle(&mut self, at: usize, changes: &mut Vec<Change>) {
        let mut i = at.saturating_sub(1);
        let mut left = 4;
        while i < self.rows.len() && left > 0 {
            left -= 1;
            match &self.rows[i].kind {
                RowKind::Day(_) => {
                    // A day line belongs to the message under it; without one it goes.
                    let day = self.day_at(i + 1);
                    let above = self.day_above(i);
                    if day.is_none() || day == above {
                        self.remove(i, changes);
                        continue;
                    }
                }
                RowKind::Message { message, .. } => {
                    let day = (self.day_of)(message.time);
                    let time = message.time;
                    let lined =
                        i > 0 && matches!(self.rows[i - 1].kind, RowKind::Day(t) if (self.day_of)(t) == day);
                    if !lined && self.day_above(i) != Some(day) {
                        self.insert(i, RowKind::Day(time), changes);
                        i += 1;
                    }
                    self.settle_continued(i, changes);
                }
                RowKind::Movement(_) | RowKind::Notice(_) | RowKind::Gap(_) => {}
            }
            i += 1;
        }
    }

    fn settle_continued(&mut self, i: usize, changes: &mut Vec<Change>) {
        let goes_on = i > 0
            && match (&self.rows[i - 1].kind, &self.rows[i].kind) {
                (RowKind::Message { message: above, .. }, RowKind::Message { message, .. }) => {
                    above.nick == message.nick && (message.time - above.time).abs() < CONTINUES_WITHIN
                }
                _ => false,
            };
        if let RowKind::Message { continued, .. } = &mut self.rows[i].kind
            && *continued != goes_on
        {
            *continued = goes_on;
            changes.push(Change::Updated(i));
        }
    }

    /// The day of the message at an index, if there is one.
    fn day_at(&self, at: usize) -> Option<i64> {
        match &self.rows.get(at)?.kind {
            RowKind::Message { message, .. } => Some((self.day_of)(message.time)),
            _ => None,
        }
    }

    /// The day of the last message or day line above an index.
    fn day_above(&self, at: usize) -> Option<i64> {
        self.rows[..at].iter().rev().find_map(|row| match &row.kind {
            RowKind::Message { message, .. } => Some((self.day_of)(message.time)),
            RowKind::Day(time) => Some((self.day_of)(*time)),
            _ => None,
        })
    }

    fn trim(&mut self, changes: &mut Vec<Change>) {
        while self.rows.len() > self.kept {
            // What is missing before them goes on being missing.
            let at = usize::from(matches!(self.rows[0].kind, RowKind::Gap(_)));
            if let RowKind::Message { message, .. } = &self.rows[at].kind {
                let id = message.id;
                if message.delivery == Delivery::Sent {
                    self.dropped_seq = self.dropped_seq.max(message.seq);
                }
                self.forget_id(id);
            }
            self.remove(at, changes);
            self.dropped += 1;
        }
    }
}

/// Acknowledged ones by number, then the pending ones by theirs; where there are no numbers, arrival decides.
fn order(message: &Message) -> u64 {
    match message.delivery {
        Delivery::Sent => message.seq,
        _ => message.seq | 1 << 63,
    }
}

/// The order of the first message among some rows.
fn neighbour<'a>(mut rows: impl Iterator<Item = &'a Row>) -> Option<u64> {
    rows.find_map(|row| match &row.kind {
        RowKind::Message { message, .. } => Some(order(message)),
        _ => None,
    })
}

impl Movement {
    fn add(&mut self, nick: &Arc<str>, joined: bool, time: i64) {
        self.time = time;
        let (to, from, more) = if joined {
            (&mut self.joined, &mut self.left, &mut self.more_joined)
        } else {
            (&mut self.left, &mut self.joined, &mut self.more_left)
        };
        if let Some(at) = from.iter().position(|other| other == nick) {
            from.remove(at);
        } else if to.len() < NAMES_KEPT {
            to.push(nick.clone());
        } else {
            *more += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty() && self.more_joined == 0 && self.more_left == 0
    }
}

#[cfg(test)]
mod tests;
