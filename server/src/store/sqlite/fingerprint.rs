//! The fingerprint of a message, stored when the message is deleted, to recognise duplicates.

use parlour_core::validate::nick_key;
use sha2::{Digest as _, Sha256};

/// Half of the SHA-256 of room, sender and content. It is stored, so the format must not change.
pub(super) fn fingerprint(room: &str, nick: &str, content: &str) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in [room, &nick_key(nick), content] {
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
    use super::*;

    #[test]
    fn fingerprint_format_is_stable() {
        let stored = [11, 127, 78, 170, 178, 1, 64, 10, 252, 40, 47, 176, 50, 69, 13, 113];
        assert_eq!(fingerprint("", "Tom", "hello"), stored);
    }

    #[test]
    fn fingerprint_depends_on_every_part() {
        assert_eq!(fingerprint("r", "Tom", "x"), fingerprint("r", "tOM", "x"));
        for other in
            [("s", "Tom", "x"), ("r", "Tim", "x"), ("r", "Tom", "y"), ("rT", "om", "x"), ("r", "Tomx", "")]
        {
            assert_ne!(fingerprint("r", "Tom", "x"), fingerprint(other.0, other.1, other.2), "{other:?}");
        }
    }
}
