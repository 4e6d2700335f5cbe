//! Searching what was said, beside whatever else is asked for.
//!
//! One search is out at a time; of those that are wished meanwhile the newest waits, and the answer to the one that is
//! out is nobody's any more.

use super::{Millis, Now, Session, ask::WITHIN};
use crate::{
    codec::{self, Extension},
    event::{Asker, Event, Found, HERE},
    status::Status,
    wire,
};

/// How many messages are asked for at once.
const COUNT: u32 = 50;

/// The part of a session that searches.
#[derive(Debug, Default)]
pub(super) struct Search {
    out: Option<Out>,
    next: Option<Query>,
    /// When the one that waits may be sent, if too much was asked lately.
    wait: Millis,
}

/// The search that is out.
#[derive(Clone, Copy, Debug)]
struct Out {
    request: u32,
    until: Millis,
    /// Nobody, once another one was wished.
    asker: Option<Asker>,
}

#[derive(Debug)]
struct Query {
    asker: Asker,
    words: String,
    before: u64,
}

impl Search {
    pub fn due(&self) -> Option<Millis> {
        self.out.map(|out| out.until).or(self.next.as_ref().map(|_| self.wait))
    }

    pub fn is_answer(&self, request: u32) -> bool {
        self.out.is_some_and(|out| out.request == request)
    }
}

impl Session {
    /// Searches what was said for words, from the newest on, or before a sequence number that is not 0. Told with
    /// [`Event::Found`].
    pub fn handle_search(&mut self, now: Now, words: &str, before: u64) {
        self.search(now, Query { asker: HERE, words: words.into(), before });
    }

    /// The same for another page of this user. It is told under the number that it drew, and that is not 0.
    pub fn handle_search_for_another(&mut self, now: Now, asker: Asker, words: &str, before: u64) {
        self.search(now, Query { asker: asker.max(1), words: words.into(), before });
    }

    fn search(&mut self, now: Now, query: Query) {
        let waits = self.search.next.take().map(|query| query.asker);
        let out = self.search.out.as_mut().and_then(|out| out.asker.take());
        // Who does not search again itself is told that nothing comes.
        for asker in [out, waits].into_iter().flatten().filter(|asker| *asker != query.asker) {
            self.not_found(asker, Status::NoAnswer);
        }
        let can = self.identity.as_ref().is_some_and(|identity| identity.search);
        match (self.can_ask(), can) {
            (true, true) => {
                self.search.next = Some(query);
                self.search_next(now);
            }
            (true, false) => self.not_found(query.asker, Status::NotOnThisServer),
            (false, _) => self.not_found(query.asker, Status::NotConnected),
        }
    }

    /// The one that is out takes too long, or one that waits may be sent.
    pub(super) fn search_is_due(&mut self, now: Now) {
        self.search_failed(Status::NoAnswer);
        self.search_next(now);
    }

    /// Sends the search that waits, if none is out.
    fn search_next(&mut self, now: Now) {
        if self.search.out.is_some() || self.search.next.is_none() {
            return;
        }
        if let Err(wait) = self.pace.take(now.mono) {
            self.search.wait = now.mono + wait;
            return;
        }
        let Some(Query { asker, words, before }) = self.search.next.take() else { return };
        let request = self.history.next_request();
        self.search.out = Some(Out { request, until: now.mono + WITHIN, asker: Some(asker) });
        let ask = wire::SearchRequest { query: words, before, count: COUNT, request };
        self.send(&codec::extension("", Extension::SearchRequest(ask)));
    }

    /// The answer to the search that is out.
    pub(super) fn found(&mut self, now: Now, page: wire::HistoryPage) {
        let asker = self.search.out.take().and_then(|out| out.asker);
        let nick = self.identity.as_ref().map(|identity| identity.nick.clone());
        if let Some(asker) = asker {
            let mut messages = Vec::with_capacity(page.frames.len());
            for bytes in page.frames.iter().rev() {
                match codec::decode(bytes).ok().and_then(codec::heard) {
                    Some(mut message) => {
                        message.own = Some(&message.nick) == nick.as_ref();
                        messages.push(message);
                    }
                    None => self.ignored += 1,
                }
            }
            let found = Found { messages, more: !page.reached_start };
            self.tell(Event::Found { asker, found: Ok(found) });
        }
        self.search_next(now);
    }

    /// A request was refused.
    pub(super) fn request_refused(&mut self, now: Now, request: u32, status: Status) {
        if self.search.is_answer(request) {
            self.search_failed(status);
            self.search_next(now);
        } else {
            self.page_refused(now, request);
        }
    }

    /// The search that is out is not answered.
    fn search_failed(&mut self, status: Status) {
        if let Some(asker) = self.search.out.take().and_then(|out| out.asker) {
            self.not_found(asker, status);
        }
    }

    /// Nor is one that waits: there is no connection.
    pub(super) fn search_ends(&mut self) {
        self.search_failed(Status::NotConnected);
        if let Some(query) = self.search.next.take() {
            self.not_found(query.asker, Status::NotConnected);
        }
    }

    fn not_found(&mut self, asker: Asker, status: Status) {
        self.tell(Event::Found { asker, found: Err(status) });
    }
}
