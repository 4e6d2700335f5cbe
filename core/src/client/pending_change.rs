//! Changes of messages that the server has not confirmed, as texts. A page keeps them in the browser's local storage: unlike
//! IndexedDB, it is written before the page is closed.

use prost::Message as _;

use super::{Command, MessageTarget};
use crate::{
    hex,
    ids::{MessageId, RoomId},
    wire,
};

/// The change of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingChange {
    /// The Unix time in ms until which it can be undone; the server is told afterwards.
    pub due: i64,
    /// The room.
    pub room: RoomId,
    /// The idempotency key: a change that is sent again by another page is made once.
    pub id: MessageId,
    /// The message.
    pub message: MessageTarget,
    /// The new text; empty to delete.
    pub content: String,
}

impl PendingChange {
    /// The command that makes the change.
    #[must_use]
    pub fn command(&self) -> Command {
        let Self { room, id, message, ref content, .. } = *self;
        Command::ChangeMessage { room, id, message, content: content.clone() }
    }

    /// The text to store.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{} {}", self.due, hex(&self.command().to_wire(0).encode_to_vec()))
    }

    /// The change that was stored; `None` if the text is invalid.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let (due, digits) = text.split_once(' ')?;
        let digits = digits.as_bytes();
        let digit = |digit: u8| char::from(digit).to_digit(16);
        let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
        let bytes = digits.chunks_exact(2).map(byte).collect::<Option<Vec<u8>>>()?;
        let command = wire::ClientCommand::decode(&*bytes).ok()?;
        let (_, Command::ChangeMessage { room, id, message, content }) = Command::from_wire(command)? else {
            return None;
        };
        Some(Self { due: due.parse().ok()?, room, id, message, content })
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))] // proptest is not available there
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn stored_changes_are_read_again(due: i64, room: [u8; 16], id: [u8; 16], ord: u64, of: [u8; 16], content: String) {
            let message = MessageTarget { ord, id: MessageId(of) };
            let change = PendingChange { due, room: RoomId(room), id: MessageId(id), message, content };
            prop_assert_eq!(PendingChange::decode(&change.encode()), Some(change));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text: String, digits in "-?[0-9]{1,20} [0-9a-f]{0,200}") {
            let _ = (PendingChange::decode(&text), PendingChange::decode(&digits));
        }
    }
}
