//! What is allowed, in numbers: the same types and the same arithmetic on both ends.

use crate::{Millis, wire};

/// How many messages a client asks for at once. What is sought by its number comes with half of them before it.
pub const PAGE: u32 = 100;

/// The longest nick, in characters, whatever a server says.
pub const NICK_CHARS: usize = 32;
/// The longest content of a basic server's frame: its reader closes with 1009 past 512 bytes a frame.
pub const BASIC_FRAME_BYTES: usize = 512;
/// The most capabilities a peer may list, and the bytes of each.
pub const CAPABILITIES: usize = 32;
/// The bytes of one capability's name.
pub const CAPABILITY_BYTES: usize = 32;
/// The most members a client keeps of one room's list; more are only counted.
pub const ROSTER_KEPT: usize = 10_000;
/// The most that may wait in a client's outbox.
pub const OUTBOX: usize = 1_000;

/// What a server allows. A value of `0` in [`wire::Limits`] means the default here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest content, in bytes of UTF-8.
    pub content_bytes: usize,
    /// The longest frame from a client, in bytes.
    pub frame_bytes: usize,
    /// The longest nick, in characters.
    pub nick_chars: usize,
    /// Messages a minute on the long run.
    pub messages_per_minute: u32,
    /// Messages at once.
    pub burst: u32,
    /// Members of a room.
    pub room_members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            content_bytes: 16 * 1024,
            frame_bytes: 64 * 1024,
            nick_chars: NICK_CHARS,
            messages_per_minute: 300,
            burst: 20,
            room_members: 20_000,
        }
    }
}

impl Limits {
    /// The limits of a basic server, which tells none: what is known of the original.
    #[must_use]
    pub fn basic() -> Self {
        Self {
            content_bytes: BASIC_FRAME_BYTES,
            frame_bytes: BASIC_FRAME_BYTES,
            messages_per_minute: 0,
            burst: 0,
            ..Self::default()
        }
    }

    /// As the welcome tells them.
    #[must_use]
    pub fn to_wire(self) -> wire::Limits {
        let u32_of = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        wire::Limits {
            content_bytes: u32_of(self.content_bytes),
            frame_bytes: u32_of(self.frame_bytes),
            nick_chars: u32_of(self.nick_chars),
            messages_per_minute: self.messages_per_minute,
            burst: self.burst,
            room_members: u32_of(self.room_members),
            attachment_bytes: 0,
        }
    }

    /// As a client takes them from the welcome.
    #[must_use]
    pub fn from_wire(told: &wire::Limits) -> Self {
        let default = Self::default();
        let or = |n: u32, d: usize| if n == 0 { d } else { n as usize };
        Self {
            content_bytes: or(told.content_bytes, default.content_bytes),
            frame_bytes: or(told.frame_bytes, default.frame_bytes),
            nick_chars: or(told.nick_chars, default.nick_chars),
            messages_per_minute: told.messages_per_minute,
            burst: told.burst,
            room_members: or(told.room_members, default.room_members),
        }
    }
}

/// A token bucket: `burst` at once, `per_minute` on the long run. Both ends hold one, so that a client waits
/// by itself before the server would refuse.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    per_minute: u64,
    /// In units of 1/60,000 message, so that one ms refills `per_minute` units exactly.
    level: u64,
    capacity: u64,
    at: Millis,
}

const UNIT: u64 = 60_000;

impl Bucket {
    /// A full bucket. `per_minute == 0` means no limit.
    #[must_use]
    pub fn new(per_minute: u32, burst: u32, now: Millis) -> Self {
        let capacity = u64::from(burst.max(1)) * UNIT;
        Self { per_minute: per_minute.into(), level: capacity, capacity, at: now }
    }

    /// Takes one, or says in how many ms there will be one.
    ///
    /// # Errors
    /// The time to wait, at least 1 ms; nothing was taken.
    pub fn take(&mut self, now: Millis) -> Result<(), Millis> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let passed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        self.level = self.capacity.min(self.level.saturating_add(passed.saturating_mul(self.per_minute)));
        if self.level >= UNIT {
            self.level -= UNIT;
            return Ok(());
        }
        Err((UNIT - self.level).div_ceil(self.per_minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let mut bucket = Bucket::new(60, 3, 0);
        for _ in 0..3 {
            assert_eq!(bucket.take(0), Ok(()));
        }
        assert_eq!(bucket.take(0), Err(1000));
        assert_eq!(bucket.take(999), Err(1));
        assert_eq!(bucket.take(1000), Ok(()));
        assert_eq!(bucket.take(1000), Err(1000));
    }

    #[test]
    fn the_time_told_is_enough() {
        for rate in [1, 7, 59, 61, 300, 100_000] {
            let mut bucket = Bucket::new(rate, 1, 5);
            assert_eq!(bucket.take(5), Ok(()));
            let wait = bucket.take(5).unwrap_err();
            assert_eq!(bucket.take(5 + wait), Ok(()), "rate {rate}");
        }
    }

    #[test]
    fn no_rate_is_no_limit_and_a_clock_that_steps_back_gives_nothing() {
        let mut free = Bucket::new(0, 0, 0);
        assert!((0..10_000).all(|_| free.take(0).is_ok()));
        let mut bucket = Bucket::new(60, 1, 1000);
        assert_eq!(bucket.take(1000), Ok(()));
        assert!(bucket.take(0).is_err());
        assert!(bucket.take(500).is_err());
    }

    #[test]
    fn limits_survive_the_wire() {
        let limits = Limits {
            content_bytes: 1,
            frame_bytes: 2,
            nick_chars: 3,
            messages_per_minute: 4,
            burst: 5,
            room_members: 6,
        };
        assert_eq!(Limits::from_wire(&limits.to_wire()), limits);
    }
}
