//! Many pages of one user in one browser: one of them leads and has the session, the others follow.
//!
//! What passes between them is told on a channel that all of them hear. The lead tells its events, numbered; who has
//! missed one says so and is told everything anew. A follower asks for what the user wants done. What was said in a
//! follower is written to the device by the follower itself before the lead hears of it: whoever leads next finds it
//! there.
//!
//! Sans-IO, as the session: [`Lead`] and [`Mirror`] are given what came and give what is to go out.

mod mirror;
mod told;

use bytes::Bytes;
use prost::Message as _;

pub use self::mirror::{Mirror, Said, Took};
pub use crate::device::Wish;
use crate::{
    Millis,
    device::{Letter, Told},
    event::{Asker, Event, HERE},
    model::{Connection, Identity, MessageId, Seek},
    ranges::Range,
    session::{Now, Session},
    timeline::Notice,
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
        Letter { lead, number, whole, told, seq, ..Letter::default() }.encode_to_vec().into()
    }

    /// Somebody wishes something. What is no wish is ignored.
    pub fn handle(&mut self, now: Now, bytes: &[u8], session: &mut Session) -> Heed {
        let Ok(letter) = Letter::decode(bytes) else { return Heed::Nothing };
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
    Letter { wish: wish.into(), ..Letter::default() }.encode_to_vec().into()
}

/// A wish about a message.
#[must_use]
pub fn wish_about(wish: Wish, id: MessageId) -> Bytes {
    Letter { wish: wish.into(), bytes: id.0.to_vec(), ..Letter::default() }.encode_to_vec().into()
}

/// The wish that the newest part of the gap which ends here is loaded.
#[must_use]
pub fn wish_to_load(to: u64) -> Bytes {
    Letter { wish: Wish::Load.into(), seq: to, ..Letter::default() }.encode_to_vec().into()
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
    letter.encode_to_vec().into()
}

#[cfg(test)]
mod tests;
