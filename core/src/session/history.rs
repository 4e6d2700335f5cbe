//! What is known of the room.

use super::{Millis, Now, Session, ask::Asked};
use crate::{
    codec,
    event::{Event, Missing},
    ranges::{Range, Ranges},
    wire,
};

/// The part of a session that knows what it knows.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The server's log; empty when it has none, or none is known.
    pub log: Vec<u8>,
    /// What is known of the room.
    pub known: Ranges,
    /// What follows by itself comes after this; `None` where there are no sequence numbers.
    live: Option<u64>,
    /// The number of the last request.
    request: u32,
    /// The page that is asked for, and was not overtaken by another.
    pub asked: Option<Asked>,
    /// How many requests are out, with those that were overtaken.
    pub unanswered: u32,
    /// What was told last, and what was asked for then; `None` while it is not known that the server keeps anything.
    told: Option<(Vec<Missing>, u64)>,
    /// The server is about to send what came up to here: until then nothing is missing. 0 when it has.
    awaits: u64,
}

impl History {
    /// What a device has kept of an earlier visit.
    pub fn restore(&mut self, log: Vec<u8>, known: Ranges) {
        *self = Self { log, known, request: self.request, ..Self::default() };
    }

    pub fn due(&self) -> Option<Millis> {
        self.asked.map(|asked| asked.until)
    }

    /// A new connection: nothing that was asked is answered any more.
    pub fn disconnected(&mut self) {
        self.asked = None;
        self.unanswered = 0;
        self.live = None;
        self.awaits = 0;
    }

    /// The number of the next request, of whatever kind.
    pub fn next_request(&mut self) -> u32 {
        self.request = self.request.checked_add(1).unwrap_or(1);
        self.request
    }
}

impl Session {
    /// What the server's welcome says of the log.
    pub(super) fn history_begins(&mut self, now: Now, log: Vec<u8>, positions: &[wire::RoomPosition]) {
        let last =
            positions.iter().find(|position| position.room.is_empty()).map_or(0, |position| position.seq);
        let history = &mut self.history;
        // Somebody who knows more than the room has, knows another one: it was put back to an earlier state.
        let other = history.log != log || history.known.newest().is_some_and(|newest| newest > last);
        if other {
            let had_one = !history.log.is_empty();
            history.log = log;
            history.known.clear();
            history.told = None;
            self.keeper.forget_messages(now.mono);
            if had_one {
                self.tell(Event::Forget);
            }
        }
        let all = self.history.known.newest().is_some_and(|newest| newest >= last);
        self.history.awaits = if all { 0 } else { last };
        self.goes_on_from(now, last);
    }

    /// All that was to follow the welcome has come.
    pub(super) fn history_has_begun(&mut self) {
        self.history.awaits = 0;
        self.tell_gaps();
    }

    /// What follows by itself comes after this.
    pub(super) fn goes_on_from(&mut self, now: Now, seq: u64) {
        self.history.live = Some(seq);
        self.know(now, seq, seq);
    }

    /// A message that followed by itself. `false` when it is known already.
    pub(super) fn follows(&mut self, now: Now, seq: u64) -> bool {
        if self.history.known.contains(seq) {
            return false;
        }
        if let Some(live) = self.history.live.filter(|live| *live < seq) {
            self.history.live = Some(seq);
            self.know(now, live, seq);
        }
        true
    }

    /// A page: one that was asked for, or what came after what we had.
    pub(super) fn page(&mut self, now: Now, mut page: wire::HistoryPage) {
        if self.search.is_answer(page.request) {
            return self.found(now, page);
        }
        let asked = self.history.asked.take_if(|asked| asked.is_answer(page.request));
        // A page that was given up is as true as any; one that ends nowhere is what a search has found.
        let is_late = asked.is_none() && page.request != 0;
        if page.request > self.history.request || is_late && page.to == 0 || self.history.log.is_empty() {
            self.ignored += 1;
            return;
        }
        let wanted = asked.and_then(|asked| asked.wanted);
        let Some(nick) = self.identity.as_ref().map(|identity| identity.nick.clone()) else { return };
        if page.request != 0 {
            // The log may have what the server has not said yet, and until it does may not even know of.
            page.to = page.to.min(self.history.live.unwrap_or(0));
        }
        // What comes after all that was known before this connection was missed; what is older is history.
        let missed =
            self.history.known.contains(page.from) || self.history.known.iter().any(|r| r.to == page.from);
        let mut messages = Vec::with_capacity(page.frames.len());
        for bytes in &page.frames {
            let message = codec::decode(bytes).ok().and_then(codec::heard);
            // One that can't be read is left out, as a live one would be.
            let Some(mut message) = message.filter(|m| page.from < m.seq && m.seq <= page.to) else {
                self.ignored += 1;
                continue;
            };
            message.own = message.nick == nick;
            self.done_with(now, message.id);
            self.keeper.message(now.mono, &message);
            // What was asked for is told whole: another page may have asked.
            if page.request != 0 || !self.history.known.contains(message.seq) {
                messages.push(message);
            }
        }
        let place = wanted.map(|wanted| wanted.place(&messages));
        if page.request == 0 && page.to >= self.history.awaits {
            self.history.awaits = 0;
        }
        if missed && page.request == 0 {
            messages.into_iter().for_each(|message| self.tell(Event::Message(message)));
        } else if !messages.is_empty() {
            self.tell(Event::Page(messages));
        }
        self.know(now, page.from, page.to);
        if let (Some(wanted), Some(place)) = (wanted, place) {
            self.arrived(now, wanted, place, &page);
        }
        if page.request != 0 {
            self.answered(now);
        }
    }

    /// The reader's page has let go of this part: it would have to be loaded again. What is kept on the device stays.
    pub fn handle_dropped(&mut self, range: Range) {
        let newest = self.history.known.newest();
        self.history.known.remove(range.from, range.to);
        if let Some(newest) = newest {
            // The place to go on from.
            self.history.known.insert(newest, newest);
        }
        self.tell_gaps();
    }

    /// The connection is gone: nothing that was asked for comes.
    pub(super) fn history_ends(&mut self) {
        let wanted = self.history.asked.and_then(|asked| asked.wanted);
        self.history.disconnected();
        self.tell_gaps();
        self.not_sought(wanted);
        self.search_ends();
    }

    /// All that the room has in this part was told.
    fn know(&mut self, now: Now, from: u64, to: u64) {
        self.history.known.insert(from, to);
        self.keeper.know(now.mono, from, to);
        self.tell(Event::Known(Range { from, to }));
        self.tell_gaps();
    }

    /// A number in the gap that was asked for, by whichever page: its end, or what is sought. 0 when nothing was.
    pub(crate) fn loading(&self) -> u64 {
        self.history.asked.map_or(0, |asked| asked.at)
    }

    /// Tells what is missing, if that is something else than last time. What was asked for counts too: it may be missing
    /// in another page alone.
    pub(super) fn tell_gaps(&mut self) {
        if self.history.awaits > 0 {
            return;
        }
        let asked = self.loading();
        let told = (Missing::between(&self.history.known, asked), asked);
        if self.history.log.is_empty() || self.history.told.as_ref() == Some(&told) {
            return;
        }
        self.tell(Event::Gaps(told.0.clone()));
        self.history.told = Some(told);
    }
}
