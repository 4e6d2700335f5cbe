//! Asking for pages: the newest wish first, and no faster than a server takes questions.

use super::{Millis, Now, Online, Session, State, seek::Wanted};
use crate::{
    codec::{self, Extension},
    limits::{Bucket, PAGE},
    model::Dialect,
    wire::{self, history_request::Start},
};

/// How long an answer may take before it may be asked for again, in ms.
pub(super) const WITHIN: Millis = 10_000;
/// How many pages may be on their way. Our server takes four questions, and a search is one too.
const OUT: u32 = 2;
/// Pages and searches: so many a minute on the long run, and so many at once. Our server takes 240 and 30.
const PACE: (u32, u32) = (210, 25);
/// No message has this number.
pub(super) const SOMEWHERE: u64 = u64::MAX;

/// How many questions may be asked yet; over connections too, as the server counts them.
pub(super) fn pace() -> Bucket {
    Bucket::new(PACE.0, PACE.1, 0)
}

/// A page that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The number of the request; 0 while it waits to be sent.
    request: u32,
    start: Start,
    /// What is to be there: the end of a gap, or what is sought; [`SOMEWHERE`] when its number is not known.
    pub at: u64,
    /// When it is given up, or tried to be sent.
    pub until: Millis,
    /// Who waits for a place of this page.
    pub wanted: Option<Wanted>,
}

impl Asked {
    /// Whether this is the answer to it.
    pub fn is_answer(&self, request: u32) -> bool {
        request != 0 && self.request == request
    }
}

impl Session {
    /// Asks for the newest part of the gap that ends with `to`. One page at a time; asking for another meanwhile
    /// does nothing.
    pub fn handle_load(&mut self, now: Now, to: u64) {
        if self.history.known.gaps().any(|gap| gap.to == to) {
            self.handle_load_for_another(now, to);
        }
    }

    /// The same for another page of this user, which may lack what this one has.
    pub fn handle_load_for_another(&mut self, now: Now, to: u64) {
        if self.history.asked.is_none() && self.can_ask() {
            // Before the number behind it is up to the number itself, and that is in the gap.
            self.ask(now, Start::Before(to.saturating_add(1)), to, None);
        }
    }

    /// Whether there is somebody to ask.
    pub(super) fn can_ask(&self) -> bool {
        matches!(self.state, State::Online(Online { dialect: Dialect::Rich, .. }))
            && !self.history.log.is_empty()
    }

    /// Asks for a page; what was asked for before is overtaken.
    pub(super) fn ask(&mut self, now: Now, start: Start, at: u64, wanted: Option<Wanted>) {
        self.history.asked = Some(Asked { request: 0, start, at, until: now.mono + WITHIN, wanted });
        self.send_asked(now);
        self.tell_gaps();
    }

    /// Sends what waits to be, unless too much is out, or too much was asked lately.
    fn send_asked(&mut self, now: Now) {
        let history = &mut self.history;
        let Some(mut asked) = history.asked.filter(|asked| asked.request == 0 && history.unanswered < OUT)
        else {
            return;
        };
        if let Err(wait) = self.pace.take(now.mono) {
            asked.until = now.mono + wait;
        } else {
            asked.request = history.next_request();
            asked.until = now.mono + WITHIN;
            history.unanswered += 1;
            let ask = wire::HistoryRequest { start: Some(asked.start), count: PAGE, request: asked.request };
            self.send(&codec::extension("", Extension::HistoryRequest(ask)));
        }
        self.history.asked = Some(asked);
    }

    /// A request is not out any more: there may be room for what waits.
    pub(super) fn answered(&mut self, now: Now) {
        self.history.unanswered = self.history.unanswered.saturating_sub(1);
        self.send_asked(now);
    }

    /// A page was refused. It may be asked for again.
    pub(super) fn page_refused(&mut self, now: Now, request: u32) {
        if self.history.asked.is_some_and(|asked| asked.is_answer(request)) {
            self.page_failed();
        }
        self.answered(now);
    }

    /// What was asked for is to be sent now, or takes too long.
    pub(super) fn page_is_due(&mut self, now: Now) {
        if self.history.unanswered >= OUT {
            // Nor will those before it be answered.
            self.history.unanswered = 0;
        }
        match self.history.asked {
            Some(Asked { request: 0, .. }) => self.send_asked(now),
            _ => {
                self.history.unanswered = 0;
                self.page_failed();
            }
        }
    }

    fn page_failed(&mut self) {
        if let Some(asked) = self.history.asked.take() {
            self.tell_gaps();
            self.not_sought(asked.wanted);
        }
    }
}
