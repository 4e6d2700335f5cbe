//! What a [`session`](crate::session) has to tell: the data that goes up, and nothing of how it came about.

use crate::{
    model::{Connection, Delivery, Identity, Message, MessageId, Refused},
    presence::Moved,
    timeline::Notice,
};

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
    /// An own message has come further, or has failed.
    Delivery(MessageId, Delivery),
    /// An own message waits for the server's rate limit; in ms.
    Throttled(u32),
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
