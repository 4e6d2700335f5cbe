//! What is known of the room, and asking for what is not.

use super::{Millis, Now, Online, Session, State};
use crate::{
    codec::{self, Extension},
    event::{Event, Missing},
    model::Dialect,
    ranges::{Range, Ranges},
    wire::{self, history_request::Start},
};

/// How many messages are asked for at once.
const PAGE: u32 = 100;
/// How long a page may take before it may be asked for again, in ms.
const WITHIN: Millis = 10_000;

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
    /// The request that is out.
    asked: Option<Asked>,
    /// What was told last, and what was asked for then; `None` while it is not known that the server keeps anything.
    told: Option<(Vec<Missing>, Option<u64>)>,
    /// The server is about to send what came up to here: until then nothing is missing. 0 when it has.
    awaits: u64,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    request: u32,
    /// The end of the gap it is for.
    to: u64,
    until: Millis,
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
        self.live = None;
        self.awaits = 0;
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
        self.history.known.insert(seq, seq);
        self.tell(Event::Known(Range { from: seq, to: seq }));
        self.known_more(now);
    }

    /// A message that followed by itself. `false` when it is known already.
    pub(super) fn follows(&mut self, now: Now, seq: u64) -> bool {
        if self.history.known.contains(seq) {
            return false;
        }
        if let Some(live) = self.history.live.filter(|live| *live < seq) {
            self.history.live = Some(seq);
            self.history.known.insert(live, seq);
            self.tell(Event::Known(Range { from: live, to: seq }));
            self.known_more(now);
        }
        true
    }

    /// A page: one that was asked for, or what came after what we had.
    pub(super) fn page(&mut self, now: Now, page: wire::HistoryPage) {
        let is_answer = self.history.asked.is_some_and(|asked| asked.request == page.request);
        if page.request != 0 && !is_answer || self.history.log.is_empty() {
            // Of a request that was given up.
            self.ignored += 1;
            return;
        }
        if is_answer {
            self.history.asked = None;
        }
        let Some(nick) = self.identity.as_ref().map(|identity| identity.nick.clone()) else { return };
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
            if is_answer || !self.history.known.contains(message.seq) {
                messages.push(message);
            }
        }
        self.history.known.insert(page.from, page.to);
        if page.request == 0 && page.to >= self.history.awaits {
            self.history.awaits = 0;
        }
        if missed && page.request == 0 {
            messages.into_iter().for_each(|message| self.tell(Event::Message(message)));
        } else if !messages.is_empty() {
            self.tell(Event::Page(messages));
        }
        self.tell(Event::Known(Range { from: page.from, to: page.to }));
        self.known_more(now);
    }

    /// Asks for the newest part of the gap that ends with `to`. One page at a time; asking for another meanwhile
    /// does nothing.
    pub fn handle_load(&mut self, now: Now, to: u64) {
        if self.history.known.gaps().any(|gap| gap.to == to) {
            self.handle_load_for_another(now, to);
        }
    }

    /// The same for another page of this user, which may lack what this one has.
    pub fn handle_load_for_another(&mut self, now: Now, to: u64) {
        let State::Online(Online { dialect: Dialect::Rich, .. }) = self.state else { return };
        if self.history.asked.is_some() || self.history.log.is_empty() {
            return;
        }
        // Before the number behind it is up to the number itself, and that is in the gap.
        let start = Start::Before(to.saturating_add(1));
        self.history.request = self.history.request.checked_add(1).unwrap_or(1);
        let request = self.history.request;
        self.history.asked = Some(Asked { request, to, until: now.mono + WITHIN });
        let ask = wire::HistoryRequest { start: Some(start), count: PAGE, request };
        self.send(&codec::extension("", Extension::HistoryRequest(ask)));
        self.tell_gaps();
    }

    /// The reader's page has let go of everything up to this sequence number: it would have to be loaded again.
    pub fn handle_dropped(&mut self, seq: u64) {
        self.history.known.forget_up_to(seq);
        self.tell_gaps();
    }

    /// A page will not come: it was refused, or takes too long. It may be asked for again.
    pub(super) fn page_failed(&mut self, request: Option<u32>) {
        if self.history.asked.is_some_and(|asked| request.is_none_or(|request| request == asked.request)) {
            self.history.asked = None;
            self.tell_gaps();
        }
    }

    fn known_more(&mut self, now: Now) {
        self.keeper.touch(now.mono);
        self.tell_gaps();
    }

    /// The end of the gap that was asked for, by whichever page; 0 when none was.
    pub(crate) fn loading(&self) -> u64 {
        self.history.asked.map_or(0, |asked| asked.to)
    }

    /// Tells what is missing, if that is something else than last time. What was asked for counts too: it may be missing
    /// in another page alone.
    pub(super) fn tell_gaps(&mut self) {
        if self.history.awaits > 0 {
            return;
        }
        let asked = self.history.asked.map(|asked| asked.to);
        let told = (Missing::between(&self.history.known, asked), asked);
        if self.history.log.is_empty() || self.history.told.as_ref() == Some(&told) {
            return;
        }
        self.tell(Event::Gaps(told.0.clone()));
        self.history.told = Some(told);
    }
}
