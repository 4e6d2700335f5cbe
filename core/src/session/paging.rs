//! Requests for pages of the history. A new request replaces the previous one, and requests are sent no faster than the
//! server accepts them.

use super::{Clocks, Millis, Online, Session, State, seek::PendingSeek};
use crate::{
    codec::{self, Extension},
    limits::{HISTORY_PAGE_MESSAGES, TokenBucket},
    model::Dialect,
    wire::{self, history_request::Start},
};

/// The timeout of a request, in ms.
pub(super) const REQUEST_TIMEOUT_MS: Millis = 10_000;
/// The maximum number of unanswered requests. Our server allows four, including a search.
const MAX_UNANSWERED: u32 = 2;
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
    pub target_seq: u64,
    /// The timeout, or when to try to send the request.
    pub due: Millis,
    /// The seek that this request is for.
    pub seek: Option<PendingSeek>,
}

impl PageRequest {
    /// Whether a page or refusal with this request number answers it.
    pub fn is_answered_by(&self, request: u32) -> bool {
        request != 0 && self.request == request
    }
}

impl Session {
    /// Loads the newest part of the gap that ends with `to`. Ignored while another page is being loaded.
    pub fn handle_load_gap(&mut self, now: Clocks, to: u64) {
        if self.history.known.gaps().any(|gap| gap.to == to) {
            self.handle_load_gap_for(now, to);
        }
    }

    /// Like [`handle_load_gap`](Self::handle_load_gap), for another tab, which may lack messages that this one has.
    pub fn handle_load_gap_for(&mut self, now: Clocks, to: u64) {
        if self.history.page_request.is_none() && self.can_request_history() {
            // The gap includes `to`, and `Before` excludes its number.
            self.request_page(now, Start::Before(to.saturating_add(1)), to, None);
        }
    }

    /// Whether there is a connection to a server with a history.
    pub(super) fn can_request_history(&self) -> bool {
        matches!(self.state, State::Online(Online { dialect: Dialect::Rich, .. }))
            && !self.history.log.is_empty()
    }

    /// Requests a page. Replaces an unanswered request.
    pub(super) fn request_page(
        &mut self,
        now: Clocks,
        start: Start,
        target_seq: u64,
        seek: Option<PendingSeek>,
    ) {
        let due = now.monotonic + REQUEST_TIMEOUT_MS;
        self.history.page_request = Some(PageRequest { request: 0, start, target_seq, due, seek });
        self.send_page_request(now);
        self.emit_gaps();
    }

    /// Sends the request if it has not been sent, unless too many are unanswered or the budget is spent.
    fn send_page_request(&mut self, now: Clocks) {
        let history = &mut self.history;
        let can_send = history.unanswered < MAX_UNANSWERED;
        let Some(mut page) = history.page_request.filter(|page| page.request == 0 && can_send) else {
            return;
        };
        if let Err(wait) = self.request_budget.take(now.monotonic) {
            page.due = now.monotonic + wait;
        } else {
            page.request = history.next_request();
            page.due = now.monotonic + REQUEST_TIMEOUT_MS;
            history.unanswered += 1;
            let request = wire::HistoryRequest {
                start: Some(page.start),
                count: HISTORY_PAGE_MESSAGES,
                request: page.request,
            };
            self.send(&codec::extension("", Extension::HistoryRequest(request)));
        }
        self.history.page_request = Some(page);
    }

    /// A history request was answered, so the next one can be sent.
    pub(super) fn request_answered(&mut self, now: Clocks) {
        self.history.unanswered = self.history.unanswered.saturating_sub(1);
        self.send_page_request(now);
    }

    /// A history request was refused. The user can repeat it.
    pub(super) fn page_refused(&mut self, now: Clocks, request: u32) {
        if self.history.page_request.is_some_and(|page| page.is_answered_by(request)) {
            self.page_failed();
        }
        self.request_answered(now);
    }

    /// Handles the due time of the page request: it can be sent now, or has timed out.
    pub(super) fn page_due(&mut self, now: Clocks) {
        if self.history.unanswered >= MAX_UNANSWERED {
            // The earlier requests have timed out too.
            self.history.unanswered = 0;
        }
        match self.history.page_request {
            Some(PageRequest { request: 0, .. }) => self.send_page_request(now),
            _ => {
                self.history.unanswered = 0;
                self.page_failed();
            }
        }
    }

    fn page_failed(&mut self) {
        if let Some(page) = self.history.page_request.take() {
            self.emit_gaps();
            self.seek_failed(page.seek);
        }
    }
}
