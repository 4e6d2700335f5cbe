//! The recent messages cache of a room: encoded, for clients that reconnect, without a query to the log.

use std::collections::VecDeque;

use bytes::Bytes;
use parlour_core::{
    codec::{self, Extension},
    model::MessageId,
    wire,
};

use crate::{
    conn::frame,
    store::{HistoryPage, StoredMessage},
};

/// The most messages in the cache. Clients that missed more load pages.
pub const RECENT_MAX_MESSAGES: usize = 512;
/// The most bytes of encoded messages in the cache.
pub const RECENT_MAX_BYTES: usize = 256 * 1024;
/// The number of newest messages that are sent to a client that has none, or has missed too many.
const NEWEST_MESSAGES: usize = 100;
/// The most messages on a page.
const PAGE_MESSAGES: usize = 100;
/// The most bytes of encoded messages on a page.
const PAGE_BYTES: usize = 64 * 1024;

/// All messages with a sequence number in `(from, to]`.
#[derive(Debug)]
pub struct RecentMessages {
    from: u64,
    to: u64,
    messages: VecDeque<(u64, Bytes)>,
    bytes: usize,
    /// The pages that were encoded last, and the position they follow: many clients reconnect with the same
    /// position.
    cached_pages: Option<(u64, Vec<Bytes>)>,
}

impl RecentMessages {
    /// The cache of a room whose newest page is `page`.
    #[must_use]
    pub fn new(page: &HistoryPage) -> Self {
        let mut recent =
            Self { from: page.from, to: page.from, messages: VecDeque::new(), bytes: 0, cached_pages: None };
        for message in &page.messages {
            recent.push(message.stamp.seq, encode(message));
        }
        recent.to = page.to;
        recent
    }

    /// The room's last sequence number.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.to
    }

    /// Returns `true` if the message with this sequence number has this id. A number that has no message has any id,
    /// because retention may have deleted its message, but none is above the last one. `None` if the cache begins
    /// later.
    #[must_use]
    pub fn has(&self, seq: u64, id: MessageId) -> Option<bool> {
        if seq > self.to {
            return Some(false);
        }
        if seq <= self.from {
            return None;
        }
        let Ok(at) = self.messages.binary_search_by_key(&seq, |(seq, _)| *seq) else { return Some(true) };
        let (_, message) = self.messages.get(at)?;
        codec::decode(message).ok().map(|envelope| envelope.id == id.0)
    }

    /// Adds a new message.
    pub fn push(&mut self, seq: u64, message: Bytes) {
        self.cached_pages = None;
        self.bytes += message.len();
        self.messages.push_back((seq, message));
        self.to = seq;
        while (self.messages.len() > RECENT_MAX_MESSAGES || self.bytes > RECENT_MAX_BYTES)
            && let Some((seq, message)) = self.messages.pop_front()
        {
            self.bytes -= message.len();
            self.from = seq;
        }
    }

    /// The pages, as WebSocket frames, for a client that has all messages up to `after`: the messages since, or
    /// only the newest ones if the cache begins later or `after` is `None`.
    pub fn since(&mut self, after: Option<u64>) -> Vec<Bytes> {
        let after = match after {
            Some(after) if after >= self.to => return Vec::new(),
            Some(after) if after >= self.from => after,
            _ => self.newest(),
        };
        if let Some((cached_after, pages)) = &self.cached_pages
            && *cached_after == after
        {
            return pages.clone();
        }
        let pages = self.pages(after);
        self.cached_pages = Some((after, pages.clone()));
        pages
    }

    /// The position after which the newest messages begin.
    fn newest(&self) -> u64 {
        let before =
            self.messages.len().checked_sub(NEWEST_MESSAGES + 1).and_then(|at| self.messages.get(at));
        before.map_or(self.from, |(seq, _)| *seq)
    }

    fn pages(&self, after: u64) -> Vec<Bytes> {
        let first = self.messages.partition_point(|(seq, _)| *seq <= after);
        let mut pages = Vec::new();
        let mut page = wire::HistoryPage { from: after, to: after, ..wire::HistoryPage::default() };
        let mut bytes = 0;
        for (seq, message) in self.messages.range(first..) {
            if !page.frames.is_empty()
                && (page.frames.len() >= PAGE_MESSAGES || bytes + message.len() > PAGE_BYTES)
            {
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
        pages.into_iter().map(encode_page).collect()
    }
}

fn encode_page(mut page: wire::HistoryPage) -> Bytes {
    page.reached_start = page.from == 0;
    frame::binary(&codec::encode(&codec::extension(Extension::HistoryPage(page))))
}

/// A lobby message as delivered to clients.
#[must_use]
pub fn encode(message: &StoredMessage) -> Bytes {
    let mut envelope = codec::message(&message.nick, Some(message.id), &message.content);
    (envelope.seq, envelope.time) = (message.stamp.seq, message.stamp.time);
    codec::encode(&envelope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Stamp;

    fn cache(from: u64, seqs: impl Iterator<Item = u64>) -> RecentMessages {
        let mut recent = RecentMessages::new(&HistoryPage { from, to: from, ..HistoryPage::default() });
        seqs.for_each(|seq| recent.push(seq, vec![0; 10].into()));
        recent
    }

    /// The range of each page and the number of its messages.
    fn shape(pages: &[Bytes]) -> Vec<(u64, u64, usize)> {
        let read = |bytes: &Bytes| {
            // Skips the frame header, which depends on the payload length.
            let at = if bytes[1] < 126 { 2 } else { 4 };
            match codec::decode(&bytes[at..]).unwrap().extension {
                Some(Extension::HistoryPage(page)) => (page.from, page.to, page.frames.len()),
                other => panic!("{other:?}"),
            }
        };
        pages.iter().map(read).collect()
    }

    #[test]
    fn replay_from_a_position_or_of_the_newest() {
        let mut recent = cache(0, (1..=250).map(|n| n * 2));
        assert!(recent.since(Some(500)).is_empty());
        assert!(recent.since(Some(501)).is_empty(), "no messages for a position after the last one");
        assert_eq!(shape(&recent.since(Some(497))), [(497, 500, 2)]);
        assert_eq!(shape(&recent.since(Some(497))), [(497, 500, 2)]);
        assert_eq!(shape(&recent.since(Some(0))), [(0, 200, 100), (200, 400, 100), (400, 500, 50)]);
        assert_eq!(shape(&recent.since(None)), [(300, 500, 100)]);
        recent.push(502, vec![0].into());
        assert_eq!(shape(&recent.since(Some(497))), [(497, 502, 3)]);
    }

    #[test]
    fn cache_is_bounded_and_states_its_range() {
        let mut long = cache(0, 1..=2_000);
        assert_eq!(
            (long.messages.len(), long.from),
            (RECENT_MAX_MESSAGES, 2_000 - RECENT_MAX_MESSAGES as u64)
        );
        assert_eq!(shape(&long.since(Some(5))), [(1_900, 2_000, 100)]);
        let mut old = cache(40, [50, 60].into_iter());
        assert_eq!(shape(&old.since(Some(40))), [(40, 60, 2)]);
        assert_eq!(shape(&old.since(Some(39))), [(40, 60, 2)]);
        let mut heavy = cache(0, 0..0);
        (1..=9).for_each(|seq| heavy.push(seq, vec![0; 50 * 1024].into()));
        assert!(heavy.bytes <= RECENT_MAX_BYTES);
        assert_eq!(shape(&heavy.since(Some(8))), [(8, 9, 1)]);
    }

    #[test]
    fn ids_are_compared_within_the_cache() {
        let id = |n: u8| MessageId([n; 16]);
        let mut recent = RecentMessages::new(&HistoryPage { from: 7, to: 7, ..HistoryPage::default() });
        for seq in [8, 10] {
            let stamp = Stamp { seq, time: 0 };
            let (nick, content) = ("tom".into(), "x".into());
            let message = StoredMessage { stamp, id: id(seq as u8), nick, content };
            recent.push(seq, encode(&message));
        }
        let cases = [
            (6, 6, None),
            (7, 7, None),
            (8, 8, Some(true)),
            (8, 9, Some(false)),
            (9, 1, Some(true)),
            (10, 10, Some(true)),
            (10, 8, Some(false)),
            (11, 11, Some(false)),
        ];
        for (seq, n, expected) in cases {
            assert_eq!(recent.has(seq, id(n)), expected, "{seq} {n}");
        }
    }

    #[test]
    fn deleted_last_messages_keep_their_sequence_numbers() {
        let mut empty = RecentMessages::new(&HistoryPage { from: 7, to: 9, ..HistoryPage::default() });
        assert_eq!((empty.last(), shape(&empty.since(Some(8)))), (9, vec![(8, 9, 0)]));
        assert_eq!(shape(&empty.since(None)), [(7, 9, 0)]);
    }
}
