//! What is left of a message that is no longer kept: enough to tell whether one that comes again is the same.

use parlour_core::validate::nick_key;
use sha2::{Digest as _, Sha256};

/// Half of a SHA-256 of room, sender and content. It is stored, so it must stay as it is.
pub(super) fn print(room: &str, nick: &str, content: &str) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in [room, &nick_key(nick), content] {
        // With its length, so that no end of a part can be taken for the beginning of the next.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut print = [0; 16];
    print.copy_from_slice(&hash.finalize()[..16]);
    print
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_what_it_was() {
        let stored = [11, 127, 78, 170, 178, 1, 64, 10, 252, 40, 47, 176, 50, 69, 13, 113];
        assert_eq!(print("", "Tom", "hello"), stored);
    }

    #[test]
    fn every_part_counts() {
        assert_eq!(print("r", "Tom", "x"), print("r", "tOM", "x"));
        for other in
            [("s", "Tom", "x"), ("r", "Tim", "x"), ("r", "Tom", "y"), ("rT", "om", "x"), ("r", "Tomx", "")]
        {
            assert_ne!(print("r", "Tom", "x"), print(other.0, other.1, other.2), "{other:?}");
        }
    }
}
