//! The key of a message: room and sequence number as one integer.

use super::fault::Fault;

const SEQ_BITS: u32 = 38;

/// The highest sequence number of a room: 274 billion messages.
pub(super) const LAST_SEQ: u64 = (1 << SEQ_BITS) - 1;

/// The most rooms: 33 million.
const MAX_ROOMS: i64 = 1 << (63 - SEQ_BITS);

/// Combines a key. Sequence numbers above [`LAST_SEQ`] are treated as [`LAST_SEQ`].
pub(super) fn key(room: i64, seq: u64) -> i64 {
    (room << SEQ_BITS) | seq.min(LAST_SEQ).cast_signed()
}

/// Splits a key into room and sequence number.
pub(super) fn parts(key: i64) -> (i64, u64) {
    (key >> SEQ_BITS, key.cast_unsigned() & LAST_SEQ)
}

/// Returns `true` if a room can have this number.
pub(super) fn is_room(room: i64) -> bool {
    (0..MAX_ROOMS).contains(&room)
}

/// The sequence number after the last one of a room; an error if the room has none left.
pub(super) fn after(room: i64, last: u64) -> Result<u64, Fault> {
    match last < LAST_SEQ && is_room(room) {
        true => Ok(last + 1),
        false => Err(Fault::Other("no sequence number is left in this room".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_round_trips_and_preserves_order() {
        let ends = [(1, 1), (1, LAST_SEQ), (2, 0), (MAX_ROOMS - 1, LAST_SEQ)];
        for (room, seq) in ends {
            assert_eq!(parts(key(room, seq)), (room, seq));
        }
        assert!(ends.map(|(room, seq)| key(room, seq)).is_sorted());
        assert_eq!(key(7, u64::MAX), key(7, LAST_SEQ));
        assert_eq!(after(1, 4).ok(), Some(5));
        assert!(after(1, LAST_SEQ).is_err());
        assert!(after(MAX_ROOMS, 0).is_err());
    }
}
