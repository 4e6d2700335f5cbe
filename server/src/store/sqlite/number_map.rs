//! Maps by internal numbers.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map by the numbers of accounts and rooms. SipHash took a twentieth of the instructions of an append; it protects from keys
/// that somebody chooses, and nobody chooses these.
pub(super) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// Multiplies and mixes.
#[derive(Debug, Default)]
pub(super) struct NumberHasher(u64);

/// 2^64 divided by the golden ratio.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_i64((*byte).into()));
    }

    fn write_i64(&mut self, number: i64) {
        self.0 = (self.0.rotate_left(5) ^ number.cast_unsigned()).wrapping_mul(MULTIPLIER);
    }

    fn finish(&self) -> u64 {
        // The map uses both ends, and the low bits are the worse ones.
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, hash::BuildHasher};

    use super::*;

    #[test]
    fn neighbouring_numbers_differ_at_both_ends() {
        let build = BuildHasherDefault::<NumberHasher>::default();
        let hashes: Vec<u64> = (0..256_i64).map(|n| build.hash_one((n % 16, n / 16))).collect();
        for shift in [0, 56] {
            let ends: HashSet<u64> = hashes.iter().map(|hash| (hash >> shift) & 0xFF).collect();
            assert!(ends.len() > 100, "{}", ends.len());
        }
    }
}
