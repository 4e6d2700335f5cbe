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
    /// All that is missing between what is known. One that ends with `loading` is being filled.
    pub(crate) fn between(known: &Ranges, loading: Option<u64>) -> Vec<Self> {
        known.gaps().map(|gap| Self { gap, loading: loading == Some(gap.to) }).collect()
    }
}

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
