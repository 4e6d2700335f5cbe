//! The recent messages cache of a room: encoded, for clients that reconnect, without a query to the log.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use parlour_core::{
    codec::{self, Envelope, Extension},
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

/// All messages with an ord in `(from, to]`.
#[derive(Debug)]
pub struct RecentMessages {
    from: u64,
    to: u64,
    messages: VecDeque<Recent>,
    /// The ord of the newest message with each id; senders may use the same.
    by_id: HashMap<MessageId, u64>,
    bytes: usize,
    /// The pages that were encoded last, and the position they follow: many clients reconnect with the same
    /// position.
    cached_pages: Option<(u64, Vec<Bytes>)>,
}

#[derive(Debug)]
struct Recent {
    ord: u64,
    id: MessageId,
    encoded: Bytes,
}

impl RecentMessages {
    /// The cache of a room whose newest page is `page`.
    #[must_use]
    pub fn new(page: &HistoryPage) -> Self {
        let mut recent = Self {
            from: page.from,
            to: page.from,
            messages: VecDeque::new(),
            by_id: HashMap::new(),
            bytes: 0,
            cached_pages: None,
        };
        for message in &page.messages {
            recent.push(message.place.ord, message.id, encode(message));
        }
        recent.to = page.to;
        recent
    }

    /// The ord of the room's newest message.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.to
    }

    /// Returns `true` if the message with this ord has this id. An ord that has no message has any id, because
    /// retention may have deleted its message, but none is above the last one. `None` if the cache begins later.
    #[must_use]
    pub fn has(&self, ord: u64, id: MessageId) -> Option<bool> {
        if ord > self.to {
            return Some(false);
        }
        if ord <= self.from {
            return None;
        }
        Some(self.get(ord).is_none_or(|message| message.id == id))
    }

    fn get(&self, ord: u64) -> Option<&Recent> {
        let at = self.messages.binary_search_by_key(&ord, |message| message.ord).ok()?;
        self.messages.get(at)
    }

    /// The newest message with this id.
    #[must_use]
    pub fn message(&self, id: MessageId) -> Option<Envelope> {
        codec::decode(&self.get(*self.by_id.get(&id)?)?.encoded).ok()
    }

    /// Adds a new message.
    pub fn push(&mut self, ord: u64, id: MessageId, encoded: Bytes) {
        self.cached_pages = None;
        self.bytes += encoded.len();
        self.messages.push_back(Recent { ord, id, encoded });
        self.by_id.insert(id, ord);
        self.to = ord;
        while (self.messages.len() > RECENT_MAX_MESSAGES || self.bytes > RECENT_MAX_BYTES)
            && let Some(Recent { ord, id, encoded }) = self.messages.pop_front()
        {
            if self.by_id.get(&id) == Some(&ord) {
                self.by_id.remove(&id);
            }
            self.bytes -= encoded.len();
            self.from = ord;
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
        before.map_or(self.from, |message| message.ord)
    }

    fn pages(&self, after: u64) -> Vec<Bytes> {
        let first = self.messages.partition_point(|message| message.ord <= after);
        let mut pages = Vec::new();
        let mut page = wire::HistoryPage { from: after, to: after, ..wire::HistoryPage::default() };
        let mut bytes = 0;
        for Recent { ord, encoded, .. } in self.messages.range(first..) {
            if !page.frames.is_empty()
                && (page.frames.len() >= PAGE_MESSAGES || bytes + encoded.len() > PAGE_BYTES)
            {
                let next = wire::HistoryPage { from: page.to, to: page.to, ..wire::HistoryPage::default() };
                pages.push(std::mem::replace(&mut page, next));
                bytes = 0;
            }
            bytes += encoded.len();
            page.frames.push(encoded.clone());
            page.to = *ord;
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

/// A lobby message as delivered to clients. Those without the capability "rooms" know only messages, so its `seq` is the
/// ord too.
#[must_use]
pub fn encode(message: &StoredMessage) -> Bytes {
    let mut envelope = codec::message(&message.nick, Some(message.id), &message.content);
    (envelope.seq, envelope.ord, envelope.time) = (message.place.ord, message.place.ord, message.place.time);
    envelope.sender = message.sender.0.to_vec();
    codec::encode(&envelope)
}

#[cfg(test)]
mod tests {
    use parlour_core::model::UserId;

    use super::*;
    use crate::store::Place;

    fn id(n: u64) -> MessageId {
        MessageId::new(n, [0; 10])
    }

    fn cache(from: u64, seqs: impl Iterator<Item = u64>) -> RecentMessages {
        let mut recent = RecentMessages::new(&HistoryPage { from, to: from, ..HistoryPage::default() });
        seqs.for_each(|seq| recent.push(seq, id(seq), vec![0; 10].into()));
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
        recent.push(502, id(502), vec![0].into());
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
        (1..=9).for_each(|seq| heavy.push(seq, id(seq), vec![0; 50 * 1024].into()));
        assert!(heavy.bytes <= RECENT_MAX_BYTES);
        assert_eq!(shape(&heavy.since(Some(8))), [(8, 9, 1)]);
    }

    #[test]
    fn ids_are_compared_within_the_cache() {
        let mut recent = RecentMessages::new(&HistoryPage { from: 7, to: 7, ..HistoryPage::default() });
        for seq in [8, 10] {
            recent.push(seq, id(seq), Bytes::new());
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
    fn newest_message_of_an_id_is_found_while_it_is_in_the_cache() {
        let mut recent = cache(0, 0..0);
        for (ord, sender) in [(1, 1), (2, 2)] {
            let place = Place { seq: ord, ord, time: 5 };
            let (nick, content) = ("tom".into(), "x".into());
            let message = StoredMessage { id: id(1), place, sender: UserId([sender; 16]), nick, content };
            recent.push(ord, message.id, encode(&message));
        }
        let found = recent.message(id(1)).unwrap();
        assert_eq!((found.ord, found.seq, found.time, found.sender), (2, 2, 5, vec![2; 16]));
        (3..=RECENT_MAX_MESSAGES as u64 + 2).for_each(|ord| recent.push(ord, id(ord), vec![0].into()));
        assert!(recent.message(id(1)).is_none());
        assert_eq!(recent.by_id.len(), RECENT_MAX_MESSAGES);
    }

    #[test]
    fn deleted_last_messages_keep_their_sequence_numbers() {
        let mut empty = RecentMessages::new(&HistoryPage { from: 7, to: 9, ..HistoryPage::default() });
        assert_eq!((empty.last(), shape(&empty.since(Some(8)))), (9, vec![(8, 9, 0)]));
        assert_eq!(shape(&empty.since(None)), [(7, 9, 0)]);
    }
}
