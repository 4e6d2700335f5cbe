//! The ids of DIRECT rooms.

use parlour_core::model::{RoomId, UserId};
use sha2::{Digest as _, Sha256};

/// Distinguishes these hashes from others. Rooms are stored under them, so it must not change.
const DOMAIN: &[u8] = b"parlour direct room\0";

/// The id of the DIRECT room of these people, in any order: the first half of the SHA-256 of their sorted ids.
#[must_use]
pub fn direct_room(people: &[UserId]) -> RoomId {
    let mut people = people.to_vec();
    people.sort_unstable();
    people.dedup();
    let mut hash = Sha256::new_with_prefix(DOMAIN);
    for UserId(id) in people {
        hash.update(id);
    }
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
}
