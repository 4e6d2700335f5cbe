//! What a row shows.

use std::sync::Arc;

use crate::{event::Missing, model::Message, status::Status};

/// Names in one line of comings and goings before it only counts.
pub const NAMES_KEPT: usize = 50;

/// One row, as a reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Unique in this timeline, and the same for as long as the row exists, whatever happens to its content.
    pub key: u32,
    /// A day begins with this row: a time within it, Unix ms.
    pub day: Option<i64>,
    /// What it shows.
    pub kind: RowKind,
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq)]
pub enum RowKind {
    /// A message.
    Message {
        /// The message itself.
        message: Message,
        /// It goes on from the row above: same person, little time between.
        continued: bool,
    },
    /// Something is missing here, and can be loaded. As tall as what is missing would be, or a part of that.
    Gap {
        /// What is missing.
        missing: Missing,
        /// How tall the row is, in CSS pixels.
        height: f64,
    },
    /// Who came and went since the row above.
    Movement(Movement),
    /// Something the program says, in answer to a command or about the connection.
    Notice(Notice),
}

/// Comings and goings, joined into one line. Somebody who left and came back is in neither list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Movement {
    /// Who came.
    pub joined: Vec<Arc<str>>,
    /// Who went.
    pub left: Vec<Arc<str>>,
    /// How many more came than are named.
    pub more_joined: usize,
    /// How many more went than are named.
    pub more_left: usize,
    /// When the last of them was, Unix ms.
    pub time: i64,
}

/// What the program itself has to say; the view has the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The commands there are.
    Help,
    /// Who is there.
    Who {
        /// Their names.
        nicks: Vec<Arc<str>>,
        /// How many more there are.
        more: usize,
    },
    /// The connection was gone for a while: what others said in between is not here.
    Missed,
    /// The device keeps nothing: what is not sent when the page is closed is lost.
    NothingKept,
    /// The connection broke, for a reason worth keeping in view.
    Broke(Status),
    /// The server sent something that can't be read; the chat goes on.
    Unreadable,
    /// A server's own words.
    Server(String),
}

impl Movement {
    pub(super) fn add(&mut self, nick: &Arc<str>, joined: bool, time: i64) {
        self.time = time;
        let (to, from, more) = if joined {
            (&mut self.joined, &mut self.left, &mut self.more_joined)
        } else {
            (&mut self.left, &mut self.joined, &mut self.more_left)
        };
        if let Some(at) = from.iter().position(|other| other == nick) {
            from.remove(at);
        } else if to.len() < NAMES_KEPT {
            to.push(nick.clone());
        } else {
            *more += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty() && self.more_joined == 0 && self.more_left == 0
    }
}
