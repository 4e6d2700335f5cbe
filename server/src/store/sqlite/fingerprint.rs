//! The fingerprint of an event, stored when the event is deleted, to recognise that it is proposed again.

use parlour_core::validate::nick_key;
use sha2::{Digest as _, Sha256};

use super::entry::{kind_code, role_code};
use crate::store::Change;

/// Half of the SHA-256 of a change of a room's log. It is stored, so the format must not change.
pub(super) fn fingerprint(change: &Change) -> [u8; 16] {
    match change {
        Change::Message { room, content } => half_hash(&[&[0], &room.0, content.as_bytes()]),
        Change::CreateAccount { nick, .. } => half_hash(&[&[1], nick.as_bytes()]),
        Change::CreateRoom { room, kind, name, topic, .. } => {
            half_hash(&[&[2], &room.0, &[kind_code(*kind)], name.as_bytes(), topic.as_bytes()])
        }
        Change::ChangeNick { nick, .. } => half_hash(&[&[3], nick.as_bytes()]),
        Change::RenameRoom { room, name } => half_hash(&[&[4], &room.0, name.as_bytes()]),
        Change::SetTopic { room, topic } => half_hash(&[&[5], &room.0, topic.as_bytes()]),
        Change::Archive { room, archived } => half_hash(&[&[6], &room.0, &[u8::from(*archived)]]),
        Change::ChangeMember { room, account, role } => {
            half_hash(&[&[7], &room.0, &account.0, &[role_code(*role)]])
        }
        // As the kinds of their entries.
        Change::Edit { room, target, content } => {
            half_hash(&[&[9], &room.0, &target.ord.to_be_bytes(), &target.id.0, content.as_bytes()])
        }
        Change::Redact { room, target } => {
            half_hash(&[&[10], &room.0, &target.ord.to_be_bytes(), &target.id.0])
        }
        Change::React { room, target, emoji, remove } => {
            let (ord, remove) = (target.ord.to_be_bytes(), [u8::from(*remove)]);
            half_hash(&[&[11], &room.0, &ord, &target.id.0, &remove, emoji.as_bytes()])
        }
    }
}

/// The fingerprint of a message that was deleted before there were accounts, from the lobby, which was the room "".
pub(super) fn legacy_fingerprint(nick: &str, content: &str) -> [u8; 16] {
    half_hash(&[b"", nick_key(nick).as_bytes(), content.as_bytes()])
}

fn half_hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        // The length prefix keeps the parts apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

#[cfg(test)]
mod tests {
    use parlour_core::model::RoomId;

    use super::*;

    #[test]
    fn fingerprint_formats_are_stable() {
        let stored = [11, 127, 78, 170, 178, 1, 64, 10, 252, 40, 47, 176, 50, 69, 13, 113];
        assert_eq!(legacy_fingerprint("Tom", "hello"), stored);
        assert_eq!(legacy_fingerprint("tOM", "hello"), stored);
        let message = Change::Message { room: RoomId([7; 16]), content: "hello".into() };
        let stored = [88, 16, 4, 162, 69, 61, 72, 108, 90, 238, 38, 22, 247, 153, 155, 74];
        assert_eq!(fingerprint(&message), stored);
    }

    #[test]
    fn fingerprint_depends_on_every_part() {
        let (room, other_room) = (RoomId([1; 16]), RoomId([2; 16]));
        let message = |room, content: &str| fingerprint(&Change::Message { room, content: content.into() });
        let topic = fingerprint(&Change::SetTopic { room, topic: "x".into() });
        for other in [message(other_room, "x"), message(room, "y"), message(room, ""), topic] {
            assert_ne!(message(room, "x"), other);
        }
    }
}
