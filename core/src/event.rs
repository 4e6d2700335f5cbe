//! What a [`session`](crate::session) has to tell: the data that goes up, and nothing of how it came about.

use crate::{
    model::{Connection, Delivery, Identity, Message, MessageId, Refused},
    presence::Moved,
    ranges::{Gap, Range, Ranges},
    status::Status,
    timeline::Notice,
};

/// A hole in what is known of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Where it is.
    pub gap: Gap,
    /// It is being filled.
    pub loading: bool,
}

impl Missing {
    /// All that is missing between what is known. The one in which the number `loading` lies is being filled.
    pub(crate) fn between(known: &Ranges, loading: u64) -> Vec<Self> {
        known.gaps().map(|gap| Self { gap, loading: gap.from < loading && loading <= gap.to }).collect()
    }
}

/// A part of what a search finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The newest first.
    pub messages: Vec<Message>,
    /// There are older ones.
    pub more: bool,
}

/// Who asked for something: the page that has the session with [`HERE`], one that follows it with a number it drew.
pub type Asker = u64;

/// The page that is told.
pub const HERE: Asker = 0;

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The connection is doing something else now.
    Connection(Connection),
    /// Logged in, for the first time or again.
    LoggedIn(Identity),
    /// The user has left; nothing will be tried any more.
    LoggedOut,
    /// A message, of somebody's or our own; one whose id is known already replaces what was there.
    Message(Message),
    /// Messages of earlier: what was kept on the device, or a page of history; each as [`Event::Message`].
    Page(Vec<Message>),
    /// The messages told since the last of these, or before it, are all that the room has in this part.
    Known(Range),
    /// What is missing between the messages told so far, oldest first. One may be under way.
    Gaps(Vec<Missing>),
    /// The place that was sought last is known, and was told; an older one is not told of any more.
    Sought {
        /// Who sought it.
        asker: Asker,
        /// The message that is there. `None` when it can't be had: there is no connection, the server keeps nothing
        /// or refuses, nobody has ever said anything, or somebody else's wish came between.
        seq: Option<u64>,
    },
    /// What was searched for last is found, or why it can't be; an older search is not told of any more.
    Found {
        /// Who searched.
        asker: Asker,
        /// What there is.
        found: Result<Found, Status>,
    },
    /// The server's log is another one than before: what it had acknowledged is not there any more.
    Forget,
    /// What is shown is what the device has kept (`true`), or goes on from the server's (`false`).
    FromDevice(bool),
    /// An own message has come further, or has failed.
    Delivery(MessageId, Delivery),
    /// A failed message was discarded.
    Discarded(MessageId),
    /// Own messages wait for the server: why, and how long, in ms.
    Throttled(Status, u32),
    /// The list of who is there is another one; read it from the session.
    Roster,
    /// Somebody came or went; Unix ms.
    Moved(Moved, i64),
    /// The program says something in the timeline.
    Notice(Notice),
    /// The server refused something that is no message.
    Refused(Refused),
    /// A ping came back after so many ms.
    RoundTrip(u32),
}
