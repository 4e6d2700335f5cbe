//! The known ranges of the room, and the pages and messages that extend them.

use super::{
    Clocks, Millis, Session,
    paging::{PageRequest, Purpose},
};
use crate::{
    codec,
    event::{Event, GapState},
    model::MessageId,
    ranges::{Range, Ranges},
    status::Status,
    wire,
};

/// The history state of a session.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The id of the server's log; empty when the server has none, or it is not known yet.
    pub log: Vec<u8>,
    /// Identifies the log for this device: another number whenever the log was replaced, also by an earlier state of
    /// itself, which has the same id. 0 until the first log is known.
    pub epoch: u64,
    /// The known ranges of the room.
    pub known: Ranges,
    /// The newest known message, if it has an id.
    last_message: Option<(u64, MessageId)>,
    /// The last sequence number received live; `None` before the welcome, and on a server without history.
    live: Option<u64>,
    /// The number of the last request.
    last_request: u32,
    /// The pages that are requested, including replaced requests that were sent.
    pub pages: Vec<PageRequest>,
    /// The last reported gaps, and the sequence numbers that were being loaded then; `None` before the first report.
    reported: Option<(Vec<GapState>, Vec<u64>)>,
    /// The server is still sending the messages up to this sequence number after the login, so that gaps are not
    /// reported yet; 0 when it has sent them.
    replay_until: u64,
}

impl History {
    /// Restores the persisted state. `last_message` is the newest persisted message.
    pub fn restore(
        &mut self,
        log: Vec<u8>,
        epoch: u64,
        known: Ranges,
        last_message: Option<(u64, MessageId)>,
    ) {
        let last_request = self.last_request;
        *self = Self { log, epoch, known, last_message, last_request, ..Self::default() };
    }

    /// The position for a login: that of the newest known message, so that the server can compare its id, or else the end
    /// of the known ranges.
    pub fn position(&self) -> Option<wire::RoomPosition> {
        let (seq, id) = match self.last_message {
            Some((seq, id)) => (seq, id.0.to_vec()),
            None => (self.known.newest()?, Vec::new()),
        };
        Some(wire::RoomPosition { seq, id, ..wire::RoomPosition::default() })
    }

    /// A message of a known range; `id` is `None` if the server sent none.
    pub fn add_message(&mut self, seq: u64, id: Option<MessageId>) {
        if self.last_message.is_none_or(|(last, _)| last < seq) {
            self.last_message = id.map(|id| (seq, id));
        }
    }

    /// When the page request times out or can be sent.
    pub fn due(&self) -> Option<Millis> {
        self.pages.iter().map(|page| page.due).min().filter(|due| *due != Millis::MAX)
    }

    /// Discards the requests and positions of a lost connection.
    pub fn disconnected(&mut self) {
        self.pages.clear();
        self.live = None;
        self.replay_until = 0;
    }

    /// A number for the next request, of any kind.
    pub fn next_request(&mut self) -> u32 {
        self.last_request = self.last_request.checked_add(1).unwrap_or(1);
        self.last_request
    }
}

impl Session {
    /// Handles the log id and the last sequence number in the server's welcome.
    pub(super) fn start_history(&mut self, now: Clocks, log: Vec<u8>, positions: &[wire::RoomPosition]) {
        let position = positions.iter().find(|position| position.room.is_empty());
        let last = position.map_or(0, |position| position.seq);
        let history = &self.history;
        // A log that is shorter than the known ranges, or does not have our newest message, was restored to an earlier
        // state.
        let is_restored = position.is_some_and(|position| position.reset)
            || history.known.newest().is_some_and(|newest| newest > last);
        if is_restored || history.log != log {
            self.replace_log(now, log);
        }
        let is_up_to_date = self.history.known.newest().is_some_and(|newest| newest >= last);
        self.history.replay_until = if is_up_to_date { 0 } else { last };
        self.resume_live(now, last);
    }

    /// The server has no history: messages of an earlier log do not belong to it.
    pub(super) fn stop_history(&mut self, now: Clocks) {
        if !self.history.log.is_empty() {
            self.replace_log(now, Vec::new());
        }
    }

    /// Drops everything that belongs to the previous log.
    fn replace_log(&mut self, now: Clocks, log: Vec<u8>) {
        let history = &mut self.history;
        let had_log = !std::mem::replace(&mut history.log, log).is_empty();
        // From the clock, so that a device which has lost its number does not assign it again.
        history.epoch = u64::try_from(now.unix).unwrap_or(0).max(history.epoch + 1);
        history.known.clear();
        history.last_message = None;
        history.reported = None;
        self.persister.clear_messages(now.monotonic);
        if had_log {
            self.emit(Event::LogReplaced);
        }
    }

    /// Identifies the log that sequence numbers refer to, see [`History::epoch`].
    pub(crate) fn epoch(&self) -> u64 {
        self.history.epoch
    }

    /// The server has sent all messages that follow the welcome.
    pub(super) fn replay_finished(&mut self) {
        self.history.replay_until = 0;
        self.emit_gaps();
    }

    /// The next live message follows this sequence number.
    pub(super) fn resume_live(&mut self, now: Clocks, seq: u64) {
        self.history.live = Some(seq);
        self.add_known(now, seq, seq);
    }

    /// Extends the known ranges by a live message that was reported. `id` is `None` if the server sent none.
    pub(super) fn extend_live(&mut self, now: Clocks, seq: u64, id: Option<MessageId>) {
        if let Some(live) = self.history.live.filter(|live| *live < seq) {
            self.history.live = Some(seq);
            self.add_known(now, live, seq);
            self.history.add_message(seq, id);
        }
    }

    /// Handles a history page, requested or sent by the server after the login.
    pub(super) fn history_page(&mut self, now: Clocks, mut page: wire::HistoryPage) {
        if self.search.is_answered_by(page.request) {
            return self.search_answered(now, page);
        }
        let answered = self.history.take_answered(page.request);
        // A page that arrives after its timeout is used like any other, unless it has no range: then it answers a
        // search.
        let is_late = answered.is_none() && page.request != 0;
        if page.request > self.history.last_request || is_late && page.to == 0 || self.history.log.is_empty()
        {
            self.ignored += 1;
            return;
        }
        let purpose = answered.and_then(|request| request.purpose);
        let Some(nick) = self.identity.as_ref().map(|identity| identity.nick.clone()) else { return };
        if page.request != 0 {
            // The page may include messages that the server has appended but not delivered live yet.
            page.to = page.to.min(self.history.live.unwrap_or(0));
        }
        // Messages right after a known range were missed during the disconnection; other pages are older history.
        let is_missed =
            self.history.known.contains(page.from) || self.history.known.iter().any(|r| r.to == page.from);
        let mut messages = Vec::with_capacity(page.frames.len());
        for bytes in &page.frames {
            let message = codec::decode(bytes).ok().and_then(codec::received);
            // An undecodable message is skipped, as in live delivery.
            let Some(mut message) = message.filter(|m| page.from < m.seq && m.seq <= page.to) else {
                self.ignored += 1;
                continue;
            };
            message.own = message.nick == nick;
            self.dequeue(now, message.id);
            self.persister.add_message(now.monotonic, &message);
            self.history.add_message(message.seq, Some(message.id));
            // A requested page is reported completely, because it may have been requested for another tab.
            if page.request != 0 || !self.history.known.contains(message.seq) {
                messages.push(message);
            }
        }
        let found = match purpose {
            Some(Purpose::Seek(seek)) => seek.find(&messages),
            _ => None,
        };
        if page.request == 0 && page.to >= self.history.replay_until {
            self.history.replay_until = 0;
        }
        if is_missed && page.request == 0 {
            messages.into_iter().for_each(|message| self.emit(Event::Message(message)));
        } else if !messages.is_empty() {
            self.emit(Event::HistoryPage(messages));
        }
        self.add_known(now, page.from, page.to);
        match purpose {
            Some(Purpose::Seek(seek)) => self.finish_seek(now, seek, found, &page),
            Some(Purpose::Gap(requester)) => self.emit(Event::PageFinished { requester, result: Ok(()) }),
            None => {}
        }
        if page.request != 0 {
            self.send_page_requests(now);
        }
    }

    /// The timeline has evicted the messages of this range, which becomes a gap. Persisted messages stay on the device.
    pub fn handle_evicted(&mut self, range: Range) {
        self.history.known.evict(range);
        self.emit_gaps();
    }

    /// The connection was lost: pending requests fail.
    pub(super) fn history_disconnected(&mut self) {
        let pages = std::mem::take(&mut self.history.pages);
        self.history.disconnected();
        self.emit_gaps();
        pages.into_iter().for_each(|page| self.page_failed(page, Status::NotConnected));
        self.search_disconnected();
    }

    /// All messages of this range have been reported.
    fn add_known(&mut self, now: Clocks, from: u64, to: u64) {
        self.history.known.insert(from, to);
        self.persister.add_known(now.monotonic, from, to);
        self.emit(Event::RangeLoaded(Range { from, to }));
        self.emit_gaps();
    }

    /// The newest known message, if it has an id.
    pub(crate) fn last_message(&self) -> Option<(u64, MessageId)> {
        self.history.last_message
    }

    /// The known ranges of the room.
    pub(crate) fn known(&self) -> &Ranges {
        &self.history.known
    }

    /// Reports the gaps, unless they are the same as last time. The sequence numbers being loaded are compared too: the
    /// gap that one is in may exist in another tab only.
    pub(super) fn emit_gaps(&mut self) {
        if self.history.replay_until > 0 {
            return;
        }
        let loading = self.loading();
        let report = (GapState::between(&self.history.known, &loading), loading);
        if self.history.log.is_empty() || self.history.reported.as_ref() == Some(&report) {
            return;
        }
        self.emit(Event::Gaps(report.0.clone()));
        self.history.reported = Some(report);
    }
}
