//! Ids: 16 bytes each, never reused.

use std::fmt;

/// The hexadecimal digits of an id.
fn digits(id: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// The id of a message, and of every other command that changes a log: its idempotency key, unique among the commands of
/// an account. A UUID version 7 (RFC 9562, 5.7), chosen by the sender.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; 16]);

impl MessageId {
    /// An id with this time in Unix ms, and 74 bits of the ten random bytes.
    #[must_use]
    pub fn new(unix_ms: u64, random: [u8; 10]) -> Self {
        let mut id = [0; 16];
        id[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
        id[6..].copy_from_slice(&random);
        id[6] = 0x70 | (id[6] & 0x0F);
        id[8] = 0x80 | (id[8] & 0x3F);
        Self(id)
    }

    /// The id in a field of the wire; `None` unless it has 16 bytes.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits(&self.0, f)
    }
}

/// The id of an account, chosen at random by the server. It is not shown to users.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub [u8; 16]);

impl UserId {
    /// The id in a field of the wire; `None` unless it has 16 bytes.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits(&self.0, f)
    }
}

/// The id of a room.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub [u8; 16]);

impl RoomId {
    /// The lobby of any server. It has no bytes on the wire.
    pub const LOBBY: Self = Self([0; 16]);

    /// The room in a field of the wire; `None` unless it is empty or has 16 bytes.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() { Some(Self::LOBBY) } else { bytes.try_into().ok().map(Self) }
    }

    /// The room as a field of the wire: empty for the lobby.
    #[must_use]
    pub fn to_wire(self) -> Vec<u8> {
        if self == Self::LOBBY { Vec::new() } else { self.0.to_vec() }
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::LOBBY { f.write_str("lobby") } else { digits(&self.0, f) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_uuids_ordered_by_time() {
        let id = MessageId::new(0x0123_4567_89AB, [0xFF; 10]);
        assert_eq!(format!("{id:?}"), "0123456789ab7fffbfffffffffffffff");
        assert!(MessageId::new(1, [0xFF; 10]) < MessageId::new(2, [0; 10]));
        assert_eq!(MessageId::from_wire(&id.0), Some(id));
        assert_eq!(MessageId::from_wire(&id.0[1..]), None);
    }

    #[test]
    fn lobby_has_no_bytes_on_the_wire() {
        for room in [RoomId::LOBBY, RoomId([7; 16])] {
            assert_eq!(RoomId::from_wire(&room.to_wire()), Some(room));
        }
        assert!(RoomId::LOBBY.to_wire().is_empty());
        assert_eq!(RoomId::from_wire(&[1; 15]), None);
    }
}
