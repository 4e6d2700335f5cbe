//! Many pages of one user in one browser: one of them leads and has the session, the others follow.
//!
//! What passes between them is told on a channel that all of them hear. The lead tells its events, numbered; who has
//! missed one says so and is told everything anew. A follower asks for what the user wants done. What was said in a
//! follower is written to the device by the follower itself before the lead hears of it: whoever leads next finds it
//! there.
//!
//! Sans-IO, as the session: [`Lead`] and [`Mirror`] are given what came and give what is to go out.

mod told;

use std::collections::VecDeque;

use bytes::Bytes;

use self::told::Heard;
pub use crate::device::Wish;
use crate::{
    Millis,
    device::{Letter, Told},
    event::{Asker, Event, HERE, Missing},
    kept::{self, Change, Kept},
    model::{Connection, Identity, Member, MessageId, Seek},
    outbox::{Entry, Stage},
    proto,
    ranges::{Range, Ranges},
    session::{self, Now, Session},
    status::Status,
    timeline::Notice,
    validate,
};

/// The side of the page that leads.
#[derive(Debug)]
pub struct Lead {
    id: u64,
    number: u64,
    identity: Option<Identity>,
    connection: Option<Connection>,
    from_device: bool,
    /// What follows by itself comes after this.
    live: Option<u64>,
    /// A number in the gap that is being loaded, or 0.
    loading: u64,
    /// Somebody follows, or has.
    followed: bool,
}

/// What a lead is to do about a wish, besides what [`Lead::handle`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heed {
    /// Nothing.
    Nothing,
    /// Write down what waits to be, then tell [`Lead::whole`].
    Tell,
    /// A follower is looked at, or not any more: the session is not out of sight while one is.
    Watched(bool),
    /// The user leaves.
    Exit,
}

impl Lead {
    /// A lead; `id` tells it from others, and is not 0. One that has followed takes over those who followed with it, and
    /// is to tell [`Lead::whole`]; any other tells nothing before somebody wishes something.
    #[must_use]
    pub fn new(id: u64, followed: bool) -> Self {
        Self {
            id: id.max(1),
            number: 0,
            identity: None,
            connection: None,
            from_device: false,
            live: None,
            loading: 0,
            followed,
        }
    }

    /// An event of the session, as it is told to those who follow, if there are any.
    pub fn tell(&mut self, now: Millis, event: &Event, session: &Session) -> Option<Bytes> {
        match event {
            Event::LoggedIn(identity) => self.identity = Some(identity.clone()),
            Event::Connection(connection) => self.connection = Some(connection.clone()),
            Event::FromDevice(flag) => self.from_device = *flag,
            Event::Known(range) => self.live = self.live.max(Some(range.to)),
            Event::Forget => self.live = None,
            Event::LoggedOut => self.identity = None,
            Event::Gaps(_) => self.loading = session.loading(),
            _ => {}
        }
        if !self.followed {
            return None;
        }
        let told = match event {
            Event::Roster => vec![roster(session)],
            // What is missing is each page's own; what is being loaded stands on the letter.
            Event::Gaps(_) => Vec::new(),
            // It was asked here.
            Event::Notice(Notice::Who { .. })
            | Event::Sought { asker: HERE, .. }
            | Event::Found { asker: HERE, .. } => return None,
            event => vec![told::tell(now, event)?],
        };
        Some(self.letter(false, told))
    }

    /// Everything that one who comes new has to know, but for what the device has.
    pub fn whole(&mut self, now: Millis, session: &Session) -> Bytes {
        let mut told = Vec::new();
        let mut tell = |event: Event| told.extend(told::tell(now, &event));
        if let Some(identity) = &self.identity {
            tell(Event::LoggedIn(identity.clone()));
        }
        tell(Event::FromDevice(self.from_device));
        if let Some(live) = self.live {
            tell(Event::Known(Range { from: live, to: live }));
        }
        if let Some(connection) = &self.connection {
            tell(Event::Connection(connection.clone()));
        }
        told.push(roster(session));
        self.letter(true, told)
    }

    fn letter(&mut self, whole: bool, told: Vec<Told>) -> Bytes {
        self.number += 1;
        let (lead, number, seq) = (self.id, self.number, self.loading);
        proto::encode(&Letter { lead, number, whole, told, seq, ..Letter::default() })
    }

    /// Somebody wishes something. What is no wish is ignored.
    pub fn handle(&mut self, now: Now, bytes: &[u8], session: &mut Session) -> Heed {
        let Ok(letter) = proto::decode::<Letter>(bytes) else { return Heed::Nothing };
        let Ok(wish) = Wish::try_from(letter.wish) else { return Heed::Nothing };
        if letter.lead != 0 {
            return Heed::Nothing;
        }
        self.followed = true;
        let id = MessageId::from_wire(&letter.bytes);
        match (wish, id) {
            (Wish::Hello, _) => return Heed::Tell,
            (Wish::Watched, _) => return Heed::Watched(true),
            (Wish::Hidden, _) => return Heed::Watched(false),
            (Wish::Exit, _) => return Heed::Exit,
            (Wish::Talk, _) => session.handle_adopt(now, &letter.bytes),
            (Wish::Retry, Some(id)) => session.handle_retry(now, id),
            (Wish::Discard, Some(id)) => session.handle_discard(now, id),
            (Wish::RetryNow, _) => session.handle_retry_now(now),
            (Wish::Load, _) => session.handle_load_for_another(now, letter.seq),
            (Wish::Seek, _) => session.handle_seek_for_another(now, letter.number, Seek::Seq(letter.seq)),
            (Wish::SeekTime, _) => {
                session.handle_seek_for_another(now, letter.number, Seek::Time(letter.time))
            }
            (Wish::Search, _) => {
                let words = String::from_utf8_lossy(&letter.bytes);
                session.handle_search_for_another(now, letter.number, &words, letter.seq);
            }
            (Wish::Retry | Wish::Discard, None) => {}
        }
        Heed::Nothing
    }
}

fn roster(session: &Session) -> Told {
    let (members, total) = session.roster();
    told::roster(&members, total)
}

/// A wish, as it is told.
#[must_use]
pub fn wish(wish: Wish) -> Bytes {
    proto::encode(&Letter { wish: wish.into(), ..Letter::default() })
}

/// A wish about a message.
#[must_use]
pub fn wish_about(wish: Wish, id: MessageId) -> Bytes {
    proto::encode(&Letter { wish: wish.into(), bytes: id.0.to_vec(), ..Letter::default() })
}

/// The wish that the newest part of the gap which ends here is loaded.
#[must_use]
pub fn wish_to_load(to: u64) -> Bytes {
    proto::encode(&Letter { wish: Wish::Load.into(), seq: to, ..Letter::default() })
}

/// The wish to be told of a place, under this number.
fn wish_to_seek(number: Asker, seek: Seek) -> Bytes {
    let mut letter = Letter { number, ..Letter::default() };
    let wish = match seek {
        Seek::Seq(seq) => {
            letter.seq = seq;
            Wish::Seek
        }
        Seek::Time(time) => {
            letter.time = time;
            Wish::SeekTime
        }
    };
    letter.wish = wish.into();
    proto::encode(&letter)
}

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
    known: Ranges,
    /// A number in the gap that the lead is loading, or 0.
    loading: u64,
    /// What was told last; `None` before anything was.
    told: Option<Vec<Missing>>,
    /// The numbers under which this page is told what it seeks, and what it searches; 0 when it does not.
    seeks: Asker,
    searches: Asker,
    /// The order of what was said here last.
    order: u64,
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
        let Ok(letter) = proto::decode::<Letter>(bytes) else { return Took::Nothing };
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
        Ok(Said { change: kept::entry(&entry), wish: proto::encode(&wish), entry: value })
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
        proto::encode(&Letter { wish, number, bytes, seq: before, ..Letter::default() })
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

#[cfg(test)]
mod tests;
