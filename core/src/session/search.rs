//! Searching for messages, independently of history requests.
//!
//! At most one search request is unanswered. A search made meanwhile waits. It replaces any other one of the same tab; the
//! answer to a replaced request is discarded.

use std::collections::VecDeque;

use super::{Clocks, Millis, Session, paging::REQUEST_TIMEOUT_MS};
use crate::{
    codec::{self, Extension},
    event::{Event, LOCAL, Requester, SearchResults, is_same_tab},
    status::Status,
    wire,
};

/// The maximum number of matches per request.
const SEARCH_PAGE_MESSAGES: u32 = 50;

/// The maximum number of searches that wait. More than a user has visible tabs.
const MAX_QUEUED: usize = 32;

/// The search state of a session.
#[derive(Debug, Default)]
pub(super) struct Search {
    sent: Option<SentSearch>,
    /// At most one per tab.
    queued: VecDeque<Query>,
    /// When to send the first queued search, if the request budget was spent.
    send_at: Millis,
}

/// The unanswered search request.
#[derive(Clone, Copy, Debug)]
struct SentSearch {
    request: u32,
    deadline: Millis,
    /// `None` when a later search has replaced this one.
    requester: Option<Requester>,
}

#[derive(Debug)]
struct Query {
    requester: Requester,
    words: String,
    before: u64,
}

impl Search {
    /// When the sent search times out or the queued one can be sent.
    pub fn due(&self) -> Option<Millis> {
        self.sent.map(|sent| sent.deadline).or(self.queued.front().map(|_| self.send_at))
    }

    pub fn is_answered_by(&self, request: u32) -> bool {
        self.sent.is_some_and(|sent| sent.request == request)
    }
}

impl Session {
    /// Searches for messages that contain some words, newest first; only those before the sequence number `before`
    /// unless that is 0. Reports [`Event::SearchFinished`].
    pub fn handle_search(&mut self, now: Clocks, words: &str, before: u64) {
        self.search(now, Query { requester: LOCAL, words: words.into(), before });
    }

    /// Like [`handle_search`](Self::handle_search), for another tab. `requester` is a
    /// random number of that tab; 0 counts as 1.
    pub fn handle_search_for(&mut self, now: Clocks, requester: Requester, words: &str, before: u64) {
        self.search(now, Query { requester: requester.max(1), words: words.into(), before });
    }

    /// Another tab requests older results of a search in a log that was replaced.
    pub(crate) fn handle_outdated_search(&mut self, requester: Requester) {
        self.search_failed(requester.max(1), Status::NoAnswer);
    }

    fn search(&mut self, now: Clocks, query: Query) {
        let is_same = |other: Requester| is_same_tab(other, query.requester);
        self.search.queued.retain(|queued| !is_same(queued.requester));
        if let Some(sent) = &mut self.search.sent {
            sent.requester = sent.requester.filter(|other| !is_same(*other));
        }
        let is_supported = self.identity.as_ref().is_some_and(|identity| identity.search);
        match (self.can_request_history(), is_supported) {
            (true, true) if self.search.queued.len() >= MAX_QUEUED => {
                self.search_failed(query.requester, Status::RateLimited);
            }
            (true, true) => {
                self.search.queued.push_back(query);
                self.send_search(now);
            }
            (true, false) => self.search_failed(query.requester, Status::NotOnThisServer),
            (false, _) => self.search_failed(query.requester, Status::NotConnected),
        }
    }

    /// The sent search has timed out, or the queued one can be sent.
    pub(super) fn search_due(&mut self, now: Clocks) {
        self.sent_search_failed(Status::NoAnswer);
        self.send_search(now);
    }

    /// Sends the first queued search, unless one is unanswered.
    fn send_search(&mut self, now: Clocks) {
        if self.search.sent.is_some() || self.search.queued.is_empty() {
            return;
        }
        if let Err(wait) = self.request_budget.take(now.monotonic) {
            self.search.send_at = now.monotonic + wait;
            return;
        }
        let Some(Query { requester, words, before }) = self.search.queued.pop_front() else { return };
        let request = self.history.next_request();
        let deadline = now.monotonic + REQUEST_TIMEOUT_MS;
        self.search.sent = Some(SentSearch { request, deadline, requester: Some(requester) });
        let search = wire::SearchRequest { query: words, before, count: SEARCH_PAGE_MESSAGES, request };
        self.send(&codec::extension(Extension::SearchRequest(search)));
    }

    /// The answer to the sent search.
    pub(super) fn search_answered(&mut self, now: Clocks, page: wire::HistoryPage) {
        let requester = self.search.sent.take().and_then(|sent| sent.requester);
        let nick = self.identity.as_ref().map(|identity| identity.nick.clone());
        if let Some(requester) = requester {
            let mut messages = Vec::with_capacity(page.frames.len());
            for bytes in page.frames.iter().rev() {
                match codec::decode(bytes).ok().and_then(codec::received) {
                    Some(mut message) => {
                        message.own = Some(&message.nick) == nick.as_ref();
                        messages.push(message);
                    }
                    None => self.ignored += 1,
                }
            }
            let partial = page.partial.then_some(page.from);
            let results = Ok(SearchResults { messages, more: !page.reached_start, partial });
            self.emit(Event::SearchFinished { requester, results });
        }
        self.send_search(now);
    }

    /// A history or search request was refused.
    pub(super) fn request_refused(&mut self, now: Clocks, request: u32, status: Status) {
        if self.search.is_answered_by(request) {
            self.sent_search_failed(status);
            self.send_search(now);
        } else {
            self.page_refused(now, request, status);
        }
    }

    fn sent_search_failed(&mut self, status: Status) {
        if let Some(requester) = self.search.sent.take().and_then(|sent| sent.requester) {
            self.search_failed(requester, status);
        }
    }

    /// The connection was lost: the sent and the queued searches fail.
    pub(super) fn search_disconnected(&mut self) {
        self.sent_search_failed(Status::NotConnected);
        for query in std::mem::take(&mut self.search.queued) {
            self.search_failed(query.requester, Status::NotConnected);
        }
    }

    fn search_failed(&mut self, requester: Requester, status: Status) {
        self.emit(Event::SearchFinished { requester, results: Err(status) });
    }
}
