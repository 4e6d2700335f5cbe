//! Requests for pages of the history. Each tab has at most one, and a new one replaces it; the requests of different tabs
//! are made in turn. Requests are sent no faster than the server accepts them. The end of a request is always reported to
//! its requester, see [`Event::PageFinished`] and [`Event::SeekFinished`].

use super::{Clocks, Millis, Online, Session, State, history::History, seek::PendingSeek};
use crate::{
    codec::{self, Extension},
    event::{Event, LOCAL, Requester, is_same_tab},
    limits::{HISTORY_PAGE_MESSAGES, TokenBucket},
    model::Dialect,
    status::Status,
    wire::{self, history_request::Start},
};

/// The timeout of a request, in ms.
pub(super) const REQUEST_TIMEOUT_MS: Millis = 10_000;
/// The maximum number of unanswered requests. Our server allows four, including a search.
const MAX_UNANSWERED: usize = 2;
/// The maximum number of requests, including those that wait. More than a user has visible tabs.
const MAX_REQUESTS: usize = 32;
/// The rate of history and search requests, per minute, and how many may be sent at once. Our server allows 240 and 30.
const REQUESTS_PER_MINUTE: u32 = 210;
const REQUEST_BURST: u32 = 25;
/// A placeholder for an unknown sequence number; no message has it.
pub(super) const UNKNOWN_SEQ: u64 = u64::MAX;

/// The budget for history and search requests. It spans connections, because the server counts across them too.
pub(super) fn request_budget() -> TokenBucket {
    TokenBucket::new(REQUESTS_PER_MINUTE, REQUEST_BURST, 0)
}

/// A request for a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageRequest {
    /// The number of the request; 0 until it is sent.
    request: u32,
    start: Start,
    /// The end of the gap, or the target of the seek; [`UNKNOWN_SEQ`] if that is a time.
    target_seq: u64,
    /// The timeout, or when to try to send the request; the maximum while it waits for the answer to another one.
    pub due: Millis,
    /// `None` when the tab has made another request since this one was sent.
    pub purpose: Option<Purpose>,
}

/// The purpose of a page request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To load a gap.
    Gap(Requester),
    /// To seek.
    Seek(PendingSeek),
}

impl Purpose {
    fn requester(self) -> Requester {
        match self {
            Self::Gap(requester) => requester,
            Self::Seek(seek) => seek.requester,
        }
    }
}

impl History {
    /// Takes the request that a page or refusal with this number answers.
    pub fn take_answered(&mut self, request: u32) -> Option<PageRequest> {
        let at = self.pages.iter().position(|page| request != 0 && page.request == request)?;
        Some(self.pages.remove(at))
    }

    fn unanswered(&self) -> usize {
        self.pages.iter().filter(|page| page.request != 0).count()
    }

    /// The request of this tab, unless it was replaced.
    fn page_of(&self, requester: Requester) -> Option<usize> {
        let is_of_tab = |purpose: Purpose| is_same_tab(purpose.requester(), requester);
        self.pages.iter().position(|page| page.purpose.is_some_and(is_of_tab))
    }

    /// Forgets the request of this tab, which makes another one. If it was sent, its page is still used.
    pub fn replace_page(&mut self, requester: Requester) {
        match self.page_of(requester) {
            Some(at) if self.pages[at].request == 0 => drop(self.pages.remove(at)),
            Some(at) => self.pages[at].purpose = None,
            None => {}
        }
    }
}

impl Session {
    /// Loads the newest part of the gap that ends with `to`, and then reports [`Event::PageFinished`]. Ignored while
    /// another page is being loaded for this tab.
    pub fn handle_load_gap(&mut self, now: Clocks, to: u64) {
        if self.history.known.gaps().any(|gap| gap.to == to) {
            self.load_gap(now, LOCAL, to);
        } else {
            // It was loaded for another tab meanwhile.
            self.emit(Event::PageFinished { requester: LOCAL, result: Ok(()) });
        }
    }

    /// Like [`handle_load_gap`](Self::handle_load_gap), for another tab, which may lack messages that this one has.
    pub fn handle_load_gap_for(&mut self, now: Clocks, requester: Requester, to: u64) {
        self.load_gap(now, requester.max(1), to);
    }

    fn load_gap(&mut self, now: Clocks, requester: Requester, to: u64) {
        let purpose = Purpose::Gap(requester);
        if let Some(at) = self.history.page_of(requester) {
            // The newer number of a request for a gap is the one that its tab waits for.
            if let Some(Purpose::Gap(pending)) = &mut self.history.pages[at].purpose {
                *pending = requester;
            }
        } else if self.can_request_history() {
            // The gap includes `to`, and `Before` excludes its number.
            self.request_page(now, Start::Before(to.saturating_add(1)), to, purpose);
        } else {
            self.request_failed(purpose, Status::NotConnected);
        }
    }

    /// Whether there is a connection to a server with a history.
    pub(super) fn can_request_history(&self) -> bool {
        matches!(self.state, State::Online(Online { dialect: Dialect::Rich, .. }))
            && !self.history.log.is_empty()
    }

    /// Requests a page. Replaces the request of the same tab.
    pub(super) fn request_page(&mut self, now: Clocks, start: Start, target_seq: u64, purpose: Purpose) {
        self.history.replace_page(purpose.requester());
        if self.history.pages.len() >= MAX_REQUESTS {
            return self.request_failed(purpose, Status::RateLimited);
        }
        let page = PageRequest { request: 0, start, target_seq, due: Millis::MAX, purpose: Some(purpose) };
        self.history.pages.push(page);
        self.send_page_requests(now);
        self.emit_gaps();
    }

    /// Sends the requests that have not been sent, in order, unless too many are unanswered or the budget is spent.
    pub(super) fn send_page_requests(&mut self, now: Clocks) {
        while self.history.unanswered() < MAX_UNANSWERED {
            let Some(at) = self.history.pages.iter().position(|page| page.request == 0) else { return };
            if let Err(wait) = self.request_budget.take(now.monotonic) {
                self.history.pages[at].due = now.monotonic + wait;
                return;
            }
            let number = self.history.next_request();
            let page = &mut self.history.pages[at];
            (page.request, page.due) = (number, now.monotonic + REQUEST_TIMEOUT_MS);
            let (start, count) = (Some(page.start), HISTORY_PAGE_MESSAGES);
            let request = wire::HistoryRequest { start, count, request: number };
            self.send(&codec::extension(Extension::HistoryRequest(request)));
        }
    }

    /// A history request was refused.
    pub(super) fn page_refused(&mut self, now: Clocks, request: u32, status: Status) {
        if let Some(page) = self.history.take_answered(request) {
            self.page_failed(page, status);
        }
        self.send_page_requests(now);
    }

    /// Handles the due time of a request: it can be sent now, or has timed out.
    pub(super) fn page_due(&mut self, now: Clocks) {
        let is_overdue = |page: &PageRequest| page.request != 0 && page.due <= now.monotonic;
        while let Some(at) = self.history.pages.iter().position(is_overdue) {
            let page = self.history.pages.remove(at);
            self.page_failed(page, Status::NoAnswer);
        }
        self.send_page_requests(now);
    }

    /// A request that was removed has failed.
    pub(super) fn page_failed(&mut self, page: PageRequest, status: Status) {
        self.emit_gaps();
        if let Some(purpose) = page.purpose {
            self.request_failed(purpose, status);
        }
    }

    fn request_failed(&mut self, purpose: Purpose, status: Status) {
        match purpose {
            Purpose::Gap(requester) => self.emit(Event::PageFinished { requester, result: Err(status) }),
            Purpose::Seek(seek) => self.seek_failed(seek),
        }
    }

    /// Sequence numbers in the gaps that are being loaded for any tab: their ends, or the targets of seeks.
    pub(crate) fn loading(&self) -> Vec<u64> {
        let wanted = self.history.pages.iter().filter(|page| page.purpose.is_some());
        wanted.map(|page| page.target_seq).collect()
    }
}
