//! The ids of rooms. Each follows from the command that creates the room, so a command that is sent again names the same
//! room.

use parlour_core::model::{MessageId, RoomId, UserId};
use sha2::{Digest as _, Sha256};

/// Distinguishes the hashes of DIRECT rooms from others. Rooms are stored under them, so it must not change.
const DIRECT: &[u8] = b"parlour direct room\0";

/// Distinguishes the hashes of other rooms.
const CREATED: &[u8] = b"parlour room\0";

/// The id of the DIRECT room of these people, in any order: the first half of the SHA-256 of their sorted ids.
#[must_use]
pub fn direct_room(people: &[UserId]) -> RoomId {
    let mut people = people.to_vec();
    people.sort_unstable();
    people.dedup();
    let mut hash = Sha256::new_with_prefix(DIRECT);
    for UserId(id) in people {
        hash.update(id);
    }
    first_half(hash)
}

/// The id of a PUBLIC or PRIVATE room: the first half of the SHA-256 of the account that creates it and the id of the command.
#[must_use]
pub fn created_room(creator: UserId, command: MessageId) -> RoomId {
    first_half(Sha256::new_with_prefix(CREATED).chain_update(creator.0).chain_update(command.0))
}

fn first_half(hash: Sha256) -> RoomId {
    let mut id = [0; 16];
    id.copy_from_slice(&hash.finalize()[..16]);
    RoomId(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_people_have_the_same_room() {
        let [tom, lili, tim] = [1, 2, 3].map(|n| UserId([n; 16]));
        let room = direct_room(&[tom, lili]);
        assert_eq!(direct_room(&[lili, tom, lili]), room);
        assert_ne!(direct_room(&[lili, tim]), room);
        assert_ne!(direct_room(&[tom, lili, tim]), room);
        assert_eq!(format!("{room:?}"), "ff1cf59f113669ba96da8803b5eef7f6");
    }

    #[test]
    fn same_command_of_the_same_account_names_the_same_room() {
        let [tom, lili] = [1, 2].map(|n| UserId([n; 16]));
        let [one, other] = [1, 2].map(|n| MessageId([n; 16]));
        let room = created_room(tom, one);
        assert_eq!(created_room(tom, one), room);
        assert_ne!(created_room(tom, other), room);
        assert_ne!(created_room(lili, one), room);
    }
}
