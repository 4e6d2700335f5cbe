//! Limits on sizes and rates. Client and server use the same types and the same arithmetic.

use crate::{Millis, wire};

/// The number of messages a client requests per history page. A seek by ord loads half of them before its
/// target.
pub const HISTORY_PAGE_MESSAGES: u32 = 100;

/// The maximum length of a nick in characters, even if a server allows more.
pub const NICK_CHARS: usize = 32;
/// The maximum number of combining marks in a row in a nick. Scripts need up to four.
pub const NICK_MARKS: usize = 4;
/// The maximum length of a room's name in characters.
pub const ROOM_NAME_CHARS: usize = 64;
/// The maximum number of people that are invited when a room is created.
pub const INVITED_PEOPLE: usize = 100;
/// The maximum size in bytes of a frame to a basic server, which closes the connection with 1009 beyond it.
pub const BASIC_FRAME_BYTES: usize = 512;
/// The maximum number of capabilities a peer may list.
pub const CAPABILITIES: usize = 32;
/// The maximum number of members in a client's member list; further ones are only counted.
pub const MEMBER_LIST_LENGTH: usize = 10_000;
/// The maximum number of messages in a client's send queue.
pub const SEND_QUEUE_MESSAGES: usize = 1_000;
/// The maximum number of messages of one room in a client's send queue.
pub const LANE_MESSAGES: usize = 500;

/// The limits of a server. A size of `0` in [`wire::Limits`] stands for the default here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum length of a message, in bytes of UTF-8.
    pub content_bytes: usize,
    /// The maximum size of a frame from a client, in bytes.
    pub frame_bytes: usize,
    /// The maximum length of a nick, in characters.
    pub nick_chars: usize,
    /// The sustained rate of messages, per minute; 0 means no limit.
    pub messages_per_minute: u32,
    /// The number of messages that may be sent at once.
    pub burst: u32,
    /// The maximum number of members of a room.
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
    /// The limits of the original server, for basic servers, which announce none.
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

    /// The limits as a part of the welcome. Sizes above `u32::MAX` become `u32::MAX`.
    #[must_use]
    pub fn to_wire(self) -> wire::Limits {
        let saturate = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        wire::Limits {
            content_bytes: saturate(self.content_bytes),
            frame_bytes: saturate(self.frame_bytes),
            nick_chars: saturate(self.nick_chars),
            messages_per_minute: self.messages_per_minute,
            burst: self.burst,
            room_members: saturate(self.room_members),
            ..wire::Limits::default()
        }
    }

    /// The limits in a welcome. A size of 0 becomes the default.
    #[must_use]
    pub fn from_wire(announced: &wire::Limits) -> Self {
        let default = Self::default();
        let or = |n: u32, default: usize| if n == 0 { default } else { n as usize };
        Self {
            content_bytes: or(announced.content_bytes, default.content_bytes),
            frame_bytes: or(announced.frame_bytes, default.frame_bytes),
            nick_chars: or(announced.nick_chars, default.nick_chars),
            messages_per_minute: announced.messages_per_minute,
            burst: announced.burst,
            room_members: or(announced.room_members, default.room_members),
        }
    }
}

/// A token bucket: `burst` tokens at once, `per_minute` sustained. Both ends have one per connection, so that a client
/// waits instead of being refused.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    per_minute: u64,
    /// The tokens, in units of 1/60,000 token, so that one ms adds exactly `per_minute` units.
    level: u64,
    /// The level of a full bucket, in the same units.
    capacity: u64,
    /// The time at which `level` was computed.
    at: Millis,
}

/// One token, in units of [`TokenBucket::level`].
const UNIT: u64 = 60_000;

impl TokenBucket {
    /// A full bucket. `per_minute == 0` means no limit; a `burst` of 0 counts as 1.
    #[must_use]
    pub fn new(per_minute: u32, burst: u32, now: Millis) -> Self {
        let capacity = u64::from(burst.max(1)) * UNIT;
        Self { per_minute: per_minute.into(), level: capacity, capacity, at: now }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// The time in ms until there is one, at least 1; no token was taken.
    pub fn take(&mut self, now: Millis) -> Result<(), Millis> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let elapsed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        self.level = self.capacity.min(self.level.saturating_add(elapsed.saturating_mul(self.per_minute)));
        if self.level >= UNIT {
            self.level -= UNIT;
            return Ok(());
        }
        Err((UNIT - self.level).div_ceil(self.per_minute))
    }

    /// The time at which the bucket is full, if no token is taken until then.
    #[must_use]
    pub fn full_at(&self) -> Millis {
        match self.per_minute {
            0 => self.at,
            per_minute => self.at.saturating_add((self.capacity - self.level).div_ceil(per_minute)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_allows_its_burst_and_then_its_rate() {
        let mut bucket = TokenBucket::new(60, 3, 0);
        for _ in 0..3 {
            assert_eq!(bucket.take(0), Ok(()));
        }
        assert_eq!(bucket.take(0), Err(1000));
        assert_eq!(bucket.take(999), Err(1));
        assert_eq!(bucket.take(1000), Ok(()));
        assert_eq!(bucket.take(1000), Err(1000));
    }

    #[test]
    fn the_returned_time_is_long_enough() {
        for rate in [1, 7, 59, 61, 300, 100_000] {
            let mut bucket = TokenBucket::new(rate, 1, 5);
            assert_eq!(bucket.take(5), Ok(()));
            let wait = bucket.take(5).unwrap_err();
            assert_eq!(bucket.take(5 + wait), Ok(()), "rate {rate}");
        }
    }

    #[test]
    fn a_rate_of_zero_means_no_limit() {
        let mut unlimited = TokenBucket::new(0, 0, 0);
        assert!((0..10_000).all(|_| unlimited.take(0).is_ok()));
    }

    #[test]
    fn a_bucket_is_full_at_the_returned_time() {
        for rate in [1, 7, 60, 100_000] {
            let mut bucket = TokenBucket::new(rate, 3, 5);
            assert_eq!(bucket.full_at(), 5);
            (0..3).for_each(|_| bucket.take(5).unwrap());
            let full_at = bucket.full_at();
            assert!((0..3).all(|_| bucket.take(full_at).is_ok()), "rate {rate}");
            assert!(bucket.take(full_at).is_err());
        }
        let mut unlimited = TokenBucket::new(0, 1, 9);
        assert_eq!((unlimited.take(50), unlimited.full_at()), (Ok(()), 9));
    }

    #[test]
    fn a_clock_that_goes_backwards_adds_no_tokens() {
        let mut bucket = TokenBucket::new(60, 1, 1000);
        assert_eq!(bucket.take(1000), Ok(()));
        assert!(bucket.take(0).is_err());
        assert!(bucket.take(500).is_err());
    }

    #[test]
    fn limits_are_the_same_after_encoding_and_decoding() {
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
