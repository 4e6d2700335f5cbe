//! The side of a page that follows.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;

use super::{
    Wish,
    told::{self, Heard},
    wish_to_seek,
};
use crate::{
    Millis,
    device::Letter,
    event::{Asker, Event, HERE, Missing},
    kept::{self, Change, Kept},
    model::{Delivery, Identity, Member, Message, MessageId, Seek},
    outbox::{Entry, Stage},
    ranges::{Range, Ranges},
    session::{self, Now},
    status::Status,
    validate,
};

/// Something said in a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// To be written to the device ...
    pub change: Change,
    /// ... and when that is done, or can't be, to be told.
    pub wish: Bytes,
    /// The same for a page that leads by then: see [`Session::handle_adopt`].
    pub entry: Bytes,
}

/// What a follower is to do about what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// Nothing.
    Nothing,
    /// Something was missed: to say [`Wish::Hello`].
    Missed,
    /// Everything was told anew: to read what the device has, for [`Mirror::handle_kept`].
    Whole,
}

/// The side of a page that follows.
#[derive(Debug, Default)]
pub struct Mirror {
    lead: u64,
    number: u64,
    /// The lead that was asked to tell everything anew, and has not yet.
    asked: Option<u64>,
    identity: Option<Identity>,
    members: Vec<Member>,
    total: usize,
    /// What this page has everything of.
    pub(super) known: Ranges,
    /// A number in the gap that the lead is loading, or 0.
    loading: u64,
    /// What was told last; `None` before anything was.
    told: Option<Vec<Missing>>,
    /// The numbers under which this page is told what it seeks, and what it searches; 0 when it does not.
    seeks: Asker,
    searches: Asker,
    /// The order of what was said here last.
    order: u64,
    /// What was told to wait, and nothing else since: the lead may not have written it down yet.
    waiting: Vec<Message>,
    events: VecDeque<Event>,
}

impl Mirror {
    /// A page that follows nobody yet; it begins with [`Wish::Hello`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Something was told.
    pub fn handle(&mut self, now: Millis, bytes: &[u8]) -> Took {
        let Ok(letter) = Letter::decode(bytes) else { return Took::Nothing };
        if letter.lead == 0 {
            return Took::Nothing;
        }
        let follows = letter.lead == self.lead && letter.number == self.number + 1;
        if !follows && !letter.whole {
            return match self.asked.replace(letter.lead) {
                Some(asked) if asked == letter.lead => Took::Nothing,
                _ => Took::Missed,
            };
        }
        if letter.whole {
            self.asked = None;
            self.known.clear();
            if !follows {
                // What of it was acknowledged is not known; what was not is on its way to the device.
                self.waiting.clear();
                // What was asked of another lead is not answered; what was missed may have been the answer.
                self.handle_end();
            }
        }
        (self.lead, self.number, self.loading) = (letter.lead, letter.number, letter.seq);
        for told in letter.told {
            match told::hear(now, told) {
                Some(Heard::Event(event)) => self.event(event),
                Some(Heard::Roster(members, total)) => {
                    (self.members, self.total) = (members, total);
                    self.events.push_back(Event::Roster);
                }
                None => {}
            }
        }
        self.tell_gaps();
        if letter.whole { Took::Whole } else { Took::Nothing }
    }

    fn event(&mut self, event: Event) {
        match &event {
            Event::LoggedIn(identity) => self.identity = Some(identity.clone()),
            Event::LoggedOut => *self = Self { events: std::mem::take(&mut self.events), ..Self::default() },
            Event::Known(range) => {
                self.known.insert(range.from, range.to);
                return;
            }
            Event::Forget => self.known.clear(),
            Event::Message(message) if message.own => {
                self.waiting.retain(|waits| waits.id != message.id);
                if message.delivery == Delivery::Queued {
                    self.waiting.push(message.clone());
                }
            }
            Event::Page(page) => {
                self.waiting.retain(|waits| page.iter().all(|message| message.id != waits.id))
            }
            // It is sent when it is written down, and not before.
            Event::Delivery(id, _) => self.waiting.retain(|waits| waits.id != *id),
            Event::Sought { asker, seq } => {
                // Others seek too.
                if take(&mut self.seeks, *asker) {
                    self.events.push_back(Event::Sought { asker: HERE, seq: *seq });
                }
                return;
            }
            Event::Found { asker, .. } => {
                if !take(&mut self.searches, *asker) {
                    return;
                }
                if let Event::Found { found, .. } = event {
                    self.events.push_back(Event::Found { asker: HERE, found });
                }
                return;
            }
            _ => {}
        }
        self.events.push_back(event);
    }

    /// What the device has: the newest part of the room, and what is not acknowledged.
    pub fn handle_kept(&mut self, kept: Kept) {
        let Some(account) = kept.account else { return };
        account.known.iter().for_each(|range| self.known.insert(range.from, range.to));
        let nick = account.identity.nick;
        self.events.push_back(Event::Page(kept.messages));
        for entry in &kept.outbox {
            self.events.push_back(Event::Message(session::own(&nick, entry)));
        }
        self.tell_gaps();
    }

    /// Says something: it is shown at once.
    ///
    /// # Errors
    /// As [`Session::handle_talk`].
    pub fn handle_talk(&mut self, now: Now, id: MessageId, text: &str) -> Result<Said, Status> {
        let Some(identity) = &self.identity else { return Err(Status::NotConnected) };
        let text = validate::content(text, &identity.limits)?;
        if session::excess(identity, text) > 0 {
            return Err(Status::ContentTooLong);
        }
        self.order = (self.order + 1).max(u64::try_from(now.unix).unwrap_or(0).saturating_mul(1000));
        let entry =
            Entry { id, content: text.into(), time: now.unix, stage: Stage::Queued, order: self.order };
        self.events.push_back(Event::Message(session::own(&identity.nick, &entry)));
        let value = kept::entry_value(&entry);
        let wish = Letter { wish: Wish::Talk.into(), bytes: value.to_vec(), ..Letter::default() };
        Ok(Said { change: kept::entry(&entry), wish: wish.encode_to_vec().into(), entry: value })
    }

    /// Whether the newest part of a gap is to be asked for: not when there is no such gap, or one is loading already.
    #[must_use]
    pub fn handle_load(&self, to: u64) -> bool {
        self.loading == 0 && self.known.gaps().any(|gap| gap.to == to)
    }

    /// Goes to a place, as [`Session::handle_seek`]: gives the wish to be told, unless all is here. `number` is drawn by
    /// chance, so that no other page has it.
    #[must_use]
    pub fn handle_seek(&mut self, number: u64, seek: Seek) -> Option<Bytes> {
        if let Seek::Seq(seq) = seek {
            let seq = self.known.nearest(seq);
            if self.known.contains(seq) {
                self.seeks = 0;
                self.events.push_back(Event::Sought { asker: HERE, seq: Some(seq) });
                return None;
            }
        }
        self.seeks = number.max(1);
        Some(wish_to_seek(self.seeks, seek))
    }

    /// Searches, as [`Session::handle_search`]: gives the wish to be told. `number` is drawn by chance.
    #[must_use]
    pub fn handle_search(&mut self, number: u64, words: &str, before: u64) -> Bytes {
        self.searches = number.max(1);
        let (wish, number) = (Wish::Search.into(), self.searches);
        let bytes = words.as_bytes().to_vec();
        Letter { wish, number, bytes, seq: before, ..Letter::default() }.encode_to_vec().into()
    }

    /// What the lead may not have written down when it died, for [`Session::handle_waiting`]. Nothing, where something was
    /// missed: it may have been that it was discarded.
    #[must_use]
    pub fn take_waiting(&mut self) -> Vec<Message> {
        let waiting = std::mem::take(&mut self.waiting);
        if self.asked.is_some() { Vec::new() } else { waiting }
    }

    /// There is nobody any more who would answer.
    pub fn handle_end(&mut self) {
        if std::mem::take(&mut self.seeks) != 0 {
            self.events.push_back(Event::Sought { asker: HERE, seq: None });
        }
        if std::mem::take(&mut self.searches) != 0 {
            self.events.push_back(Event::Found { asker: HERE, found: Err(Status::NotConnected) });
        }
    }

    /// Asks who is there; answered here, with [`Notice::Who`].
    pub fn handle_who(&mut self) {
        self.events.push_back(session::who(self.members.iter(), self.total));
    }

    /// The page has let go of this part.
    pub fn handle_dropped(&mut self, range: Range) {
        let newest = self.known.newest();
        self.known.remove(range.from, range.to);
        if let Some(newest) = newest {
            // Else what lies between here and what comes next would not be missing.
            self.known.insert(newest, newest);
        }
        self.tell_gaps();
    }

    fn tell_gaps(&mut self) {
        let gaps = Missing::between(&self.known, self.loading);
        // The first time also when nothing is missing: it says that the server keeps what was said.
        if self.known.newest().is_some() && self.told.as_ref() != Some(&gaps) {
            self.told = Some(gaps.clone());
            self.events.push_back(Event::Gaps(gaps));
        }
    }

    /// The next thing to tell the user.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Somebody is logged in, by what was told.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.identity.is_some()
    }

    /// Who is there, in order, and how many there are in all.
    #[must_use]
    pub fn roster(&self) -> (Vec<Member>, usize) {
        (self.members.clone(), self.total)
    }

    /// How many bytes a text is over what the server takes in one message; 0 when it fits.
    #[must_use]
    pub fn excess(&self, text: &str) -> usize {
        self.identity.as_ref().map_or(0, |identity| session::excess(identity, text))
    }
}

/// Whether this is the number of the one that was waited for, which then is not any more.
fn take(waits: &mut Asker, asker: Asker) -> bool {
    let is_it = *waits == asker && asker != HERE;
    if is_it {
        *waits = 0;
    }
    is_it
}
