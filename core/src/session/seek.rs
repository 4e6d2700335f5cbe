//! Going to a place of the room: by a message's number, or by time.
//!
//! A newer wish overtakes an older one.

use super::{Now, Session, ask::SOMEWHERE};
use crate::{
    event::{Asker, Event, HERE},
    limits::PAGE,
    model::{Message, Seek},
    wire::{self, history_request::Start},
};

/// A place that somebody wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    asker: Asker,
    seek: Seek,
}

impl Wanted {
    /// The message of a page that is there, or else the last one before it.
    pub fn place(self, messages: &[Message]) -> Option<u64> {
        let is_there = |message: &&Message| match self.seek {
            Seek::Seq(seq) => message.seq >= seq,
            Seek::Time(time) => message.time >= time,
        };
        messages.iter().find(is_there).or(messages.last()).map(|message| message.seq)
    }
}

impl Session {
    /// Goes to a place: what is there is told, if it was not, and then [`Event::Sought`].
    pub fn handle_seek(&mut self, now: Now, seek: Seek) {
        self.seek(now, Wanted { asker: HERE, seek });
    }

    /// The same for another page of this user, which may lack what this one has. It is told under the number that it
    /// drew, and that is not 0.
    pub fn handle_seek_for_another(&mut self, now: Now, asker: Asker, seek: Seek) {
        self.seek(now, Wanted { asker: asker.max(1), seek });
    }

    fn seek(&mut self, now: Now, mut wanted: Wanted) {
        let older = self.history.asked.as_mut().and_then(|asked| asked.wanted.take());
        self.not_sought(older.filter(|older| older.asker != wanted.asker));
        let (start, at) = match &mut wanted.seek {
            Seek::Seq(seq) => {
                *seq = self.history.known.nearest(*seq);
                if wanted.asker == HERE && self.history.known.contains(*seq) {
                    return self.tell(Event::Sought { asker: HERE, seq: Some(*seq) });
                }
                (Start::After(seq.saturating_sub(u64::from(PAGE / 2))), *seq)
            }
            Seek::Time(time) => (Start::At(*time), SOMEWHERE),
        };
        if !self.can_ask() {
            self.not_sought(Some(wanted));
        } else {
            self.ask(now, start, at, Some(wanted));
        }
    }

    /// The page that was asked for is here, and with it this place.
    pub(super) fn arrived(&mut self, now: Now, wanted: Wanted, place: Option<u64>, page: &wire::HistoryPage) {
        if let Seek::Seq(seq) = wanted.seek
            && page.to < seq
            && page.from + 1 < seq
            && !page.reached_end
        {
            // Long messages: the page was full before it came there.
            return self.ask(now, Start::After(seq - 1), seq, Some(wanted));
        }
        self.tell(Event::Sought { asker: wanted.asker, seq: place });
    }

    pub(super) fn not_sought(&mut self, wanted: Option<Wanted>) {
        if let Some(Wanted { asker, .. }) = wanted {
            self.tell(Event::Sought { asker, seq: None });
        }
    }
}
