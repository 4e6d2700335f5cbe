//! The earlier texts of a message.

use parlour_core::{
    client::{Command, MessageTarget, Reply},
    model::{Refusal, RoomId},
};

use super::super::Store;

/// A text that a message has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The nick of the account that has written it.
    pub nick: String,
    /// The time from which it was the text of the message, Unix ms.
    pub time: i64,
    /// The text.
    pub content: String,
}

impl Store {
    /// Requests the texts that a message has had, newest first. There are none if it was not edited, or was deleted.
    pub fn revisions(
        &self,
        room: RoomId,
        message: MessageTarget,
    ) -> impl Future<Output = Result<Vec<Revision>, Refusal>> + use<> + 'static {
        let answer = self.request(Command::ListRevisions { room, message });
        async {
            let Reply::Found(page) = answer.await? else { return Ok(Vec::new()) };
            let nicks: Vec<_> = page.people.into_iter().map(|person| person.nick).collect();
            // The server sends the oldest one first.
            let newest_first = page.messages.into_iter().rev().map(|message| Revision {
                nick: nicks.get(message.sender as usize).cloned().unwrap_or_default(),
                time: message.time,
                content: message.content,
            });
            Ok(newest_first.collect())
        }
    }
}
