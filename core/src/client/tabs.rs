//! Sharing one client between the tabs of a browser.
//!
//! One tab, the *leader*, owns the [`Client`](super::Client). The *followers* send it the commands of the wire, with the
//! number of their tab, and get its events: what the server sends, as bytes, and what happened on the device. Each tab has a
//! [`ClientState`](super::state::ClientState) of its own and applies the same events with the same code. The leader's
//! publications are numbered: a follower that detects a gap requests a snapshot, which is the welcome of a server with all
//! rows of the room list, and subscribes to the rooms that it shows, each from its own position.
//!
//! A message sent in a follower is persisted by that follower before the leader sees it, so the next leader finds it on the
//! device. The tab in which it was sent also remembers it until it is acknowledged or discarded, and gives it to a next leader
//! that does not have it, because the device has not stored it. A leader recognises the ids of messages that it has had.
//!
//! Leadership is a lease with a number. A visible follower asks the leader every [`QUESTION_INTERVAL_MS`] whether it still
//! responds; after [`LEASE_MS`] without an answer it takes the leadership over, with a higher number. That is safe at any
//! moment, also if the old leader was only slow:
//!
//! - A leader that did nothing for [`SUSPENSION_MS`] may have been suspended. Before it handles anything it checks that it
//!   still holds the lock, and [`Gate`] holds its input back.
//! - A leader that hears of a higher number becomes a follower. A device refuses the changes of a leader whose number is not
//!   the highest, and followers ignore its messages.
//! - The server closes the old leader's connection when the new one logs in, and detects messages and commands that are sent
//!   twice by their ids.
//! - A command is for one leader and of one account, has a number, and expires. A follower repeats one that was not answered
//!   to the next leader, or executes it if it becomes the leader itself. It is executed once, or reported as failed.
//! - A leader that uses an earlier version of the database is replaced as soon as a tab of a newer version hears of it: it
//!   can't persist anything any more.
//!
//! Sans-IO, like the client: [`Leader`] and [`Follower`] take input and return output.
//!
//! | module | contents |
//! | --- | --- |
//! | `leader`, `follower` | the state of a tab in either role |
//! | `post` | the messages between tabs |
//! | `events` | encoding of the client's events |
//! | `gate` | input of a leader that was suspended |
//! | `watch` | when a follower asks the leader, and takes over |

mod events;
mod follower;
mod gate;
mod leader;
mod post;
pub(crate) mod watch;

pub use self::{
    follower::{COMMAND_TIMEOUT_MS, Follower, FollowerAction, FollowerEvent, FollowerMessage, Promoted},
    gate::{Admission, Gate, SUSPENSION_MS},
    leader::{Leader, LeaderAction},
    post::TabCommand,
    watch::{LEASE_MS, QUESTION_INTERVAL_MS},
};

#[cfg(test)]
mod tests;
