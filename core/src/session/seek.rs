//! Seeking a message by its sequence number, or a time. A new seek of a tab replaces its previous request.

use super::{
    Clocks, Session,
    paging::{Purpose, UNKNOWN_SEQ},
};
use crate::{
    event::{Event, LOCAL, Requester},
    limits::HISTORY_PAGE_MESSAGES,
    model::{Message, SeekTarget},
    wire::{self, history_request::Start},
};

/// A seek that is not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PendingSeek {
    pub requester: Requester,
    target: SeekTarget,
}

impl PendingSeek {
    /// The sequence number of the target in a page: of the first message at or after it, else of the last message.
    pub fn find(self, messages: &[Message]) -> Option<u64> {
        let is_reached = |message: &&Message| match self.target {
            SeekTarget::Seq(seq) => message.seq >= seq,
            SeekTarget::Time(time) => message.time >= time,
        };
        messages.iter().find(is_reached).or(messages.last()).map(|message| message.seq)
    }
}

impl Session {
    /// Loads the messages around a target, unless they are known, and then reports [`Event::SeekFinished`].
    pub fn handle_seek(&mut self, now: Clocks, target: SeekTarget) {
        self.seek(now, PendingSeek { requester: LOCAL, target });
    }

    /// Like [`handle_seek`](Self::handle_seek), for another tab, which may lack messages that this one has. `requester`
    /// is a random number of that tab; 0 counts as 1.
    pub fn handle_seek_for(&mut self, now: Clocks, requester: Requester, target: SeekTarget) {
        self.seek(now, PendingSeek { requester: requester.max(1), target });
    }

    /// Another tab seeks a message of a log that was replaced.
    pub(crate) fn handle_outdated_seek(&mut self, requester: Requester) {
        self.emit(Event::SeekFinished { requester: requester.max(1), seq: None });
    }

    fn seek(&mut self, now: Clocks, mut seek: PendingSeek) {
        self.history.replace_page(seek.requester);
        let (start, target_seq) = match &mut seek.target {
            SeekTarget::Seq(seq) => {
                *seq = self.history.known.nearest(*seq);
                if seek.requester == LOCAL && self.history.known.contains(*seq) {
                    self.emit_gaps();
                    return self.emit(Event::SeekFinished { requester: LOCAL, seq: Some(*seq) });
                }
                (Start::After(seq.saturating_sub(u64::from(HISTORY_PAGE_MESSAGES / 2))), *seq)
            }
            SeekTarget::Time(time) => (Start::At(*time), UNKNOWN_SEQ),
        };
        if self.can_request_history() {
            self.request_page(now, start, target_seq, Purpose::Seek(seek));
        } else {
            self.seek_failed(seek);
        }
    }

    /// Handles the page that a seek has requested. `found` is the result of [`PendingSeek::find`] in it.
    pub(super) fn finish_seek(
        &mut self,
        now: Clocks,
        seek: PendingSeek,
        found: Option<u64>,
        page: &wire::HistoryPage,
    ) {
        if let SeekTarget::Seq(seq) = seek.target
            && page.to < seq
            && page.from + 1 < seq
            && !page.reached_end
        {
            // The messages were so long that the page ended before the target.
            return self.request_page(now, Start::After(seq - 1), seq, Purpose::Seek(seek));
        }
        self.emit(Event::SeekFinished { requester: seek.requester, seq: found });
    }

    pub(super) fn seek_failed(&mut self, seek: PendingSeek) {
        self.emit(Event::SeekFinished { requester: seek.requester, seq: None });
    }
}
