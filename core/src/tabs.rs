//! Sharing one session between the tabs of a browser.
//!
//! One tab, the *leader*, owns the session; the *followers* send it commands and replay its events, over a channel that
//! all tabs receive. The leader's messages are numbered: a follower that detects a gap requests a snapshot. Text sent in
//! a follower is persisted by that follower before the leader sees it, so the next leader finds it on the device.
//!
//! Leadership is a lease with a number. A visible follower asks the leader every [`QUESTION_INTERVAL_MS`] whether it still
//! responds; after [`LEASE_MS`] without an answer it takes the leadership over, with a higher number. That is safe at any
//! moment, also if the old leader was only slow:
//!
//! - A leader that did nothing for [`SUSPENSION_MS`] may have been suspended. Before it handles anything it checks that it
//!   still holds the lock, and [`Gate`] holds its input back.
//! - A leader that hears of a higher number becomes a follower. A device refuses the changes of a leader whose number
//!   is not the highest, and followers ignore its messages.
//! - The server closes the old leader's connection when the new one logs in, and detects messages that are sent twice.
//! - A leader that uses an earlier version of the database is replaced as soon as a tab of a newer version hears of it: it
//!   can't persist anything any more.
//! - A command is for one leader, has a number, and expires; see [`Command`]. A follower repeats a command that was not
//!   answered to the next leader, or executes it if it becomes the leader itself.
//!
//! Sans-IO, like the session: [`Leader`] and [`Follower`] take input and return output.
//!
//! | module | contents |
//! | --- | --- |
//! | `leader`, `follower` | the state of a tab in either role |
//! | `command` | what a follower asks the leader to do |
//! | `events` | encoding of events |
//! | `unread` | which messages are unread |

mod command;
mod events;
mod follower;
mod leader;
mod unread;

pub use self::{
    command::{COMMAND_TIMEOUT_MS, Command, command, load_gap_command},
    follower::{Follower, FollowerAction, FollowerMessage},
    leader::{Leader, LeaderAction},
    unread::Unread,
};
pub use crate::client::tabs::{Admission, Gate, LEASE_MS, QUESTION_INTERVAL_MS, SUSPENSION_MS};
pub use crate::device::TabCommand;
use crate::event::Event;

/// Whether a follower that becomes the leader still reports this event of its time as a follower. Its other events are in
/// the state that it reads from the device.
#[must_use]
pub fn is_kept_by_leader(event: &Event) -> bool {
    matches!(
        event,
        Event::LogReplaced
            | Event::PageFinished { .. }
            | Event::SeekFinished { .. }
            | Event::SearchFinished { .. }
    )
}

#[cfg(test)]
mod tests;
