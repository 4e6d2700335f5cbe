//! A room: who hears it, and what waits to be delivered to them together.

use std::sync::Arc;

use bytes::Bytes;
use parlour_core::{
    Millis,
    codec::{self, Extension},
    limits::TokenBucket,
    model::MessageId,
    wire,
};

use super::{
    names::Names,
    output::{Output, Outputs},
    roster::{Changes, Snapshot},
    table::ConnId,
    tail::Tail,
};
use crate::{log::Place, ws::frame};

/// Changes of presence are told at once, and those that follow within so many ms together.
pub const PRESENCE_EVERY: Millis = 100;
/// So often a room is told what is said, a minute and at once: each message by itself as far as this goes, and beyond it,
/// those together that come within 5 ms. A browser draws less often; and each time costs it, and whoever serves it, more
/// than a message does.
const TELLINGS: (u32, u32) = (12_000, 20);
/// The list of names goes to basic peers no more often than this, in ms.
pub const LIST_EVERY: Millis = 1000;
/// The most names in a basic peer's list; the rest are there all the same.
pub const LIST_NAMES: usize = 1000;
/// The most messages in one batch, and its most bytes.
const BATCH: (usize, usize) = (256, 48 * 1024);

/// Those who are told things in the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Basic peers.
    Basic,
    /// Rich peers.
    Rich,
    /// Rich peers that take batches.
    Batch,
}

/// One room.
#[derive(Debug)]
pub struct Room {
    groups: [Arc<Vec<ConnId>>; 3],
    /// Messages of the log not yet handed to the connections, encoded.
    talk: Vec<Bytes>,
    tellings: TokenBucket,
    /// When `talk` is handed over, if it was to wait.
    talk_due: Option<Millis>,
    acks: Vec<(ConnId, Vec<wire::Accepted>)>,
    /// What was said last.
    pub tail: Tail,
    changes: Changes,
    changes_told: Option<Millis>,
    snapshot: Snapshot,
    list_dirty: bool,
    list_told: Option<Millis>,
}

impl Room {
    /// A room with nobody there.
    #[must_use]
    pub fn new(tail: Tail) -> Self {
        Self {
            groups: Default::default(),
            talk: Vec::new(),
            tellings: TokenBucket::new(TELLINGS.0, TELLINGS.1, 0),
            talk_due: None,
            acks: Vec::new(),
            tail,
            changes: Changes::default(),
            changes_told: None,
            snapshot: Snapshot::default(),
            list_dirty: false,
            list_told: None,
        }
    }

    fn group(&mut self, group: Group) -> &mut Vec<ConnId> {
        // Copied only while a fan-out to the former members is still under way.
        Arc::make_mut(&mut self.groups[group as usize])
    }

    /// Somebody starts to hear the room; gives the place for [`remove`](Self::remove).
    pub fn add(&mut self, conn: ConnId, group: Group) -> usize {
        let group = self.group(group);
        group.push(conn);
        group.len() - 1
    }

    /// Somebody hears the room no more. Gives who has the place now, if somebody had to move.
    pub fn remove(&mut self, group: Group, place: usize) -> Option<ConnId> {
        let group = self.group(group);
        if place < group.len() {
            group.swap_remove(place);
        }
        group.get(place).copied()
    }

    /// Nobody hears the room any more.
    pub fn clear(&mut self) {
        self.groups = Default::default();
    }

    /// To everybody, the sender too: a message that the log has, encoded. In the log's order.
    pub fn say(&mut self, seq: u64, message: Bytes) {
        self.tail.push(seq, message.clone());
        self.talk.push(message);
    }

    /// Tells a sender that the log has a message.
    pub fn ack(&mut self, conn: ConnId, id: MessageId, place: Place) {
        let accepted = wire::Accepted { id: id.0.to_vec(), seq: place.seq, time: place.time };
        match self.acks.last_mut() {
            Some((last, list)) if *last == conn => list.push(accepted),
            _ => self.acks.push((conn, vec![accepted])),
        }
    }

    /// Hands over what was said so far, unless it is to wait for more.
    pub fn tell_talk(&mut self, now: Millis, out: &mut Outputs) {
        // Who waits for an acknowledgement may send nothing before.
        self.tell_acks(out);
        if self.talk.is_empty() || self.talk_due.is_some_and(|due| now < due) {
            return;
        }
        match self.tellings.take(now) {
            Ok(()) => self.flush_talk(out),
            Err(wait) => self.talk_due = Some(now + wait),
        }
    }

    /// When what was said is handed over, if it waits.
    #[must_use]
    pub fn talk_due(&self) -> Option<Millis> {
        self.talk_due
    }

    fn tell_acks(&mut self, out: &mut Outputs) {
        for (conn, accepted) in self.acks.drain(..) {
            out.send(conn, &codec::extension("", Extension::Ack(wire::Ack { accepted })));
        }
    }

    /// Hands over what was said so far: before somebody comes to hear the room, and before its hearers are told of anything
    /// that came after it.
    pub fn flush_talk(&mut self, out: &mut Outputs) {
        self.talk_due = None;
        self.tell_acks(out);
        if self.talk.is_empty() {
            return;
        }
        let talk = std::mem::take(&mut self.talk);
        let [basic, rich, batch] = &self.groups;
        if !(basic.is_empty() && rich.is_empty() && (batch.is_empty() || talk.len() > 1)) {
            // In parts, so that no buffer is larger than a queue.
            for part in batches(talk.clone()) {
                let frames = frame::binaries(&part);
                out.fanout(basic, &frames);
                out.fanout(rich, &frames);
                if talk.len() == 1 {
                    return out.fanout(batch, &frames);
                }
            }
        }
        if !batch.is_empty() {
            for part in batches(talk) {
                out.fanout(batch, &frame::binary(&codec::batch(part)));
            }
        }
    }

    /// Notes that somebody came or went, to be told to rich peers, and to basic ones in the next list.
    pub fn note(&mut self, nick: &Arc<str>, there: bool) {
        self.changes.note(nick, there);
        self.snapshot.note(nick, there);
        self.list_dirty = true;
    }

    /// Whether it was not told yet that somebody came.
    #[must_use]
    pub fn is_untold(&self, nick: &str) -> bool {
        self.changes.holds(nick)
    }

    /// Tells rich peers who came and went, whenever the last time was.
    pub fn tell_changes(&mut self, now: Millis, unix_ms: i64, out: &mut Outputs) {
        self.flush_talk(out);
        self.changes_told = Some(now);
        if let Some(presence) = self.changes.take(unix_ms) {
            let frames = frame::binary(&codec::encode(&presence));
            out.fanout(&self.groups[Group::Rich as usize], &frames);
            out.fanout(&self.groups[Group::Batch as usize], &frames);
        }
    }

    /// When changes may be told, if there are any.
    #[must_use]
    pub fn changes_due(&self) -> Option<Millis> {
        (!self.changes.is_empty()).then(|| self.changes_told.map_or(0, |at| at + PRESENCE_EVERY))
    }

    /// When the list may be told to basic peers, if it has changed and there are any.
    #[must_use]
    pub fn list_due(&self) -> Option<Millis> {
        let wanted = self.list_dirty && !self.groups[Group::Basic as usize].is_empty();
        wanted.then(|| self.list_told.map_or(0, |at| at + LIST_EVERY))
    }

    /// A frame to all basic peers, with the list of names if that is due.
    pub fn tell_basic(&mut self, now: Millis, mut what: codec::Envelope, names: &Names, out: &mut Outputs) {
        if self.groups[Group::Basic as usize].is_empty() {
            return;
        }
        if self.list_due().is_some_and(|due| due <= now) {
            self.list_dirty = false;
            self.list_told = Some(now);
            what.user_list = list(names);
        }
        out.fanout(&self.groups[Group::Basic as usize], &frame::binary(&codec::encode(&what)));
    }

    /// The list of names to a basic peer that has just come, unless it is due for all of them.
    pub fn list_for(&mut self, now: Millis, conn: ConnId, names: &Names, out: &mut Outputs) {
        if self.list_due().is_some_and(|due| due <= now) {
            self.tell_basic(now, codec::Envelope::default(), names, out);
        } else {
            out.send(conn, &codec::Envelope { user_list: list(names), ..codec::Envelope::default() });
        }
    }

    /// Who is there, to one rich peer: the pages of the snapshot, and what has changed since it was made.
    pub fn send_snapshot(&mut self, conn: ConnId, unix_ms: i64, names: &Names, out: &mut Outputs) {
        let (pages, mut since) = self.snapshot.get(names);
        for frames in pages {
            out.put(Output::Snapshot { conn, frames: frames.clone() });
        }
        if let Some(presence) = since.take(unix_ms) {
            out.send(conn, &presence);
        }
    }
}

/// Name to name, for basic peers.
pub(super) fn list(names: &Names) -> std::collections::BTreeMap<String, String> {
    codec::user_list(names.members().take(LIST_NAMES).map(|nick| nick.to_string()))
}

/// Cuts messages into batches.
fn batches(talk: Vec<Bytes>) -> Vec<Vec<Bytes>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for message in talk {
        if let Some(part) = parts.last_mut()
            && (part.is_empty() || (part.len() < BATCH.0 && bytes + message.len() < BATCH.1))
        {
            bytes += message.len();
            part.push(message);
        } else {
            bytes = message.len();
            parts.push(vec![message]);
        }
    }
    parts
}
