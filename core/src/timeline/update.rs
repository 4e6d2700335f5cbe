//! The updates of a room's timeline.

use std::sync::Arc;

use super::Timeline;
use crate::{
    model::{Delivery, Message, MessageId, UserId},
    ranges::GapState,
};

/// A change of the rows that a timeline has to show.
#[derive(Clone, Debug, PartialEq)]
pub enum TimelineUpdate {
    /// Messages of a page of the history.
    Page(Vec<Message>),
    /// A new message, or a new state of an own one.
    Message(Message),
    /// A message that was sent before, with another text or other reactions. It may not be among the rows.
    Changed(Message),
    /// All gaps, oldest first.
    Gaps(Vec<GapState>),
    /// The ords of the oldest and of the newest message of the room. Older messages were deleted.
    Bounds {
        /// The ord of the oldest message; 1 or more.
        first: u64,
        /// The ord of the newest message; `first` - 1 when there is none.
        head: u64,
    },
    /// The present nick of an account.
    Nick(UserId, Arc<str>),
    /// The delivery state of an own message has changed.
    Delivery(MessageId, Delivery),
    /// An own message that was not acknowledged is no longer shown.
    Discarded(MessageId),
    /// Everything is removed except own messages that are not acknowledged.
    Cleared,
    /// The line above the messages after this ord, which were new when the room was opened; `None` for no line.
    UnreadLine(Option<u64>),
}

impl Timeline {
    /// Applies an update.
    pub fn apply(&mut self, update: TimelineUpdate) {
        match update {
            TimelineUpdate::Page(messages) => self.insert_page(messages),
            TimelineUpdate::Message(message) => self.insert(message),
            TimelineUpdate::Changed(message) => self.change(message),
            TimelineUpdate::Gaps(gaps) => self.set_gaps(&gaps),
            TimelineUpdate::Bounds { first, head } => self.set_bounds(first, head),
            TimelineUpdate::Nick(account, nick) => self.set_nick(account, nick),
            TimelineUpdate::Delivery(id, delivery) => self.set_delivery(id, delivery),
            TimelineUpdate::Discarded(id) => self.discard(id),
            TimelineUpdate::Cleared => self.clear_acknowledged(),
            TimelineUpdate::UnreadLine(line) => self.set_unread_line(line),
        }
    }

    /// Replaces the text and the reactions of an acknowledged message, if it is here and they are others. The row gets another
    /// key, so that it is drawn anew.
    fn change(&mut self, message: Message) {
        let Some(index) = self.find_acknowledged(&message) else { return };
        let shown = self.message_at(index);
        if (&shown.content, shown.text, &shown.reactions)
            != (&message.content, message.text, &message.reactions)
        {
            self.remove(index);
            self.put(message);
        }
    }
}
