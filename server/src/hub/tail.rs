//! The newest part of the room, encoded: what those who come back are sent without asking the log.

use std::collections::VecDeque;

use bytes::Bytes;
use parlour_core::{
    codec::{self, Extension},
    wire,
};

use crate::{
    log::{Page, Stored},
    ws::frame,
};

/// The most messages, and the most bytes of them: who has missed more loads it by pages.
pub const TAIL: (usize, usize) = (512, 256 * 1024);
/// What somebody gets who has nothing, or has missed too much: so many of the newest messages.
const NEWEST: usize = 100;
/// The most messages on a page, and their bytes.
const PAGE: (usize, usize) = (100, 64 * 1024);

/// All that was said in `(from, to]`.
#[derive(Debug)]
pub struct Tail {
    from: u64,
    to: u64,
    messages: VecDeque<(u64, Bytes)>,
    bytes: usize,
    /// The pages somebody was sent, and after what: many come back with the same position.
    made: Option<(u64, Vec<Bytes>)>,
}

impl Tail {
    /// The room as the log has it, with its last page.
    #[must_use]
    pub fn new(page: &Page) -> Self {
        let mut tail =
            Self { from: page.from, to: page.from, messages: VecDeque::new(), bytes: 0, made: None };
        for message in &page.messages {
            tail.push(message.place.seq, encode(message));
        }
        tail.to = page.to;
        tail
    }

    /// The room's last sequence number.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.to
    }

    /// Something was said.
    pub fn push(&mut self, seq: u64, message: Bytes) {
        self.made = None;
        self.bytes += message.len();
        self.messages.push_back((seq, message));
        self.to = seq;
        while (self.messages.len() > TAIL.0 || self.bytes > TAIL.1)
            && let Some((seq, message)) = self.messages.pop_front()
        {
            self.bytes -= message.len();
            self.from = seq;
        }
    }

    /// What somebody is sent who has everything up to `after`, as WebSocket frames: all since then, or when that is
    /// not here, the newest.
    pub fn since(&mut self, after: Option<u64>) -> Vec<Bytes> {
        let after = match after {
            Some(after) if after >= self.to => return Vec::new(),
            Some(after) if after >= self.from => after,
            _ => self.newest(),
        };
        if let Some((made, pages)) = &self.made
            && *made == after
        {
            return pages.clone();
        }
        let pages = self.pages(after);
        self.made = Some((after, pages.clone()));
        pages
    }

    /// Where the newest messages begin.
    fn newest(&self) -> u64 {
        let before = self.messages.len().checked_sub(NEWEST + 1).and_then(|at| self.messages.get(at));
        before.map_or(self.from, |(seq, _)| *seq)
    }

    fn pages(&self, after: u64) -> Vec<Bytes> {
        let first = self.messages.partition_point(|(seq, _)| *seq <= after);
        let mut pages = Vec::new();
        let mut page = wire::HistoryPage { from: after, to: after, ..wire::HistoryPage::default() };
        let mut bytes = 0;
        for (seq, message) in self.messages.range(first..) {
            if !page.frames.is_empty() && (page.frames.len() >= PAGE.0 || bytes + message.len() > PAGE.1) {
                let next = wire::HistoryPage { from: page.to, to: page.to, ..wire::HistoryPage::default() };
                pages.push(std::mem::replace(&mut page, next));
                bytes = 0;
            }
            bytes += message.len();
            page.frames.push(message.clone());
            page.to = *seq;
        }
        page.to = self.to;
        page.reached_end = true;
        pages.push(page);
        pages.into_iter().map(framed).collect()
    }
}

fn framed(mut page: wire::HistoryPage) -> Bytes {
    page.reached_start = page.from == 0;
    frame::binary(&codec::encode(&codec::extension("", Extension::HistoryPage(page))))
}

/// A message of the lobby's log, as it is delivered.
#[must_use]
pub fn encode(message: &Stored) -> Bytes {
    let mut frame = codec::message(&message.nick, "", Some(message.id), &message.content);
    (frame.seq, frame.time) = (message.place.seq, message.place.time);
    codec::encode(&frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(from: u64, seqs: impl Iterator<Item = u64>) -> Tail {
        let mut tail = Tail::new(&Page { from, to: from, ..Page::default() });
        seqs.for_each(|seq| tail.push(seq, vec![0; 10].into()));
        tail
    }

    /// What the pages say they hold, and how many messages.
    fn shape(pages: &[Bytes]) -> Vec<(u64, u64, usize)> {
        let read = |bytes: &Bytes| {
            // Behind the header of a frame of 126 bytes or more, or of fewer.
            let at = if bytes[1] < 126 { 2 } else { 4 };
            match codec::decode(&bytes[at..]).unwrap().extension {
                Some(Extension::HistoryPage(page)) => (page.from, page.to, page.frames.len()),
                other => panic!("{other:?}"),
            }
        };
        pages.iter().map(read).collect()
    }

    #[test]
    fn all_since_a_position_or_the_newest() {
        let mut tail = tail(0, (1..=250).map(|n| n * 2));
        assert!(tail.since(Some(500)).is_empty());
        assert!(tail.since(Some(501)).is_empty(), "somebody from the future is sent nothing");
        assert_eq!(shape(&tail.since(Some(497))), [(497, 500, 2)]);
        assert_eq!(shape(&tail.since(Some(497))), [(497, 500, 2)]);
        assert_eq!(shape(&tail.since(Some(0))), [(0, 200, 100), (200, 400, 100), (400, 500, 50)]);
        assert_eq!(shape(&tail.since(None)), [(300, 500, 100)]);
        tail.push(502, vec![0].into());
        assert_eq!(shape(&tail.since(Some(497))), [(497, 502, 3)]);
    }

    #[test]
    fn it_is_bounded_and_knows_where_it_begins() {
        let mut long = tail(0, 1..=2_000);
        assert_eq!((long.messages.len(), long.from), (TAIL.0, 2_000 - TAIL.0 as u64));
        assert_eq!(shape(&long.since(Some(5))), [(1_900, 2_000, 100)]);
        let mut old = tail(40, [50, 60].into_iter());
        assert_eq!(shape(&old.since(Some(40))), [(40, 60, 2)]);
        assert_eq!(shape(&old.since(Some(39))), [(40, 60, 2)]);
        let mut heavy = tail(0, 0..0);
        (1..=9).for_each(|seq| heavy.push(seq, vec![0; 50 * 1024].into()));
        assert!(heavy.bytes <= TAIL.1);
        assert_eq!(shape(&heavy.since(Some(8))), [(8, 9, 1)]);
    }

    #[test]
    fn a_room_whose_last_messages_were_let_go_of_has_its_number_still() {
        let mut empty = Tail::new(&Page { from: 7, to: 9, ..Page::default() });
        assert_eq!((empty.last(), shape(&empty.since(Some(8)))), (9, vec![(8, 9, 0)]));
        assert_eq!(shape(&empty.since(None)), [(7, 9, 0)]);
    }
}
