//! The time by which messages are deleted for their age.
//!
//! A deletion can't be undone, so it does not depend on one reading of the system clock. The retention clock advances
//! with the monotonic clock, from the time at which the log was last used. It follows the system clock while the two
//! differ by less than [`TOLERANCE_MS`]. A larger difference is a jump, or a server that was off: the difference must
//! last for [`WAIT_MS`] before the system clock is believed. Even then the retention clock catches up gradually, so that
//! the messages of a day become due per hour at most, and somebody can notice.
//!
//! Sans-IO: the readings of both clocks are arguments.

use parlour_core::Millis;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The tolerated difference of the system clock from the expected time.
pub const TOLERANCE_MS: i64 = HOUR_MS;
/// The time for which a larger difference must last before it is believed.
pub const WAIT_MS: i64 = DAY_MS;
/// The clock advances at most so many times as fast as the monotonic clock ...
const MAX_RATE: i64 = 24;
/// ... unless it would need longer than this to catch up. A device without a battery begins in 1970.
const MAX_CATCH_UP_MS: i64 = 10 * DAY_MS;

/// The state of a clock that the log stores, for the next start of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockRecord {
    /// The time of the clock, Unix ms.
    pub time: i64,
    /// The last reading of the system clock, Unix ms.
    pub seen: i64,
    /// The time for which a difference between the two has lasted, in ms; 0 if there is none.
    pub waited: i64,
}

/// A change that the operator should know about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockEvent {
    /// The system clock is this many ms ahead of the expected time.
    Ahead(i64),
    /// The system clock is this many ms behind the expected time.
    Behind(i64),
    /// The difference has lasted long enough; the system clock is believed.
    Believed,
    /// The system clock is as expected again.
    Right,
}

/// The clock.
#[derive(Debug)]
pub struct RetentionClock {
    time: i64,
    monotonic: Millis,
    /// The last reading of the system clock.
    seen: i64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The system clock is as expected.
    Right,
    /// It is ahead, since this many ms.
    Ahead(i64),
    /// It is behind, since this many ms.
    Behind(i64),
    /// It was ahead for long enough; this clock advances at this multiple of the monotonic clock.
    CatchingUp(i64),
}

impl RetentionClock {
    /// A clock that continues from a stored state, if there is one. `wall` is the system clock, Unix ms.
    #[must_use]
    pub fn new(monotonic: Millis, wall: i64, record: Option<ClockRecord>) -> Self {
        let record = record.unwrap_or(ClockRecord { time: wall, seen: wall, waited: 0 });
        let ClockRecord { time, seen, waited } = record;
        // What was waited counts if the system clock went on from where it was.
        let goes_on = (-TOLERANCE_MS..=WAIT_MS).contains(&wall.saturating_sub(seen));
        let ahead = wall.saturating_sub(time);
        let state = match waited {
            1.. if !goes_on => State::Right,
            WAIT_MS.. if ahead > 0 => State::CatchingUp(catch_up_rate(ahead)),
            1.. if ahead > 0 => State::Ahead(waited),
            1.. => State::Behind(waited),
            _ => State::Right,
        };
        Self { time, monotonic, seen: wall, state }
    }

    /// The state to store.
    #[must_use]
    pub fn record(&self) -> ClockRecord {
        let waited = match self.state {
            State::Right => 0,
            // At least 1, which says that there is a difference.
            State::Ahead(waited) | State::Behind(waited) => waited.max(1),
            State::CatchingUp(_) => WAIT_MS,
        };
        ClockRecord { time: self.time, seen: self.seen, waited }
    }

    /// Reads both clocks. Returns the time by which messages may be deleted, Unix ms, and what has changed.
    pub fn read(&mut self, monotonic: Millis, wall: i64) -> (i64, Option<ClockEvent>) {
        let elapsed = i64::try_from(monotonic.saturating_sub(self.monotonic)).unwrap_or(i64::MAX);
        let expected = self.time.saturating_add(elapsed);
        let ahead = wall.saturating_sub(expected);
        // The system clock has gone on since the last reading, right or wrong.
        let goes_on = wall.abs_diff(self.seen.saturating_add(elapsed)) <= TOLERANCE_MS.unsigned_abs();
        let before = self.state;
        self.state = match before {
            _ if ahead.abs() <= TOLERANCE_MS => State::Right,
            State::CatchingUp(rate) if goes_on && ahead > 0 => State::CatchingUp(rate),
            State::Ahead(waited) if goes_on && ahead > 0 => match waited.saturating_add(elapsed).max(1) {
                WAIT_MS.. => State::CatchingUp(catch_up_rate(ahead)),
                waited => State::Ahead(waited),
            },
            State::Behind(waited) if goes_on && ahead < 0 => match waited.saturating_add(elapsed).max(1) {
                WAIT_MS.. => State::Right,
                waited => State::Behind(waited),
            },
            _ if ahead > 0 => State::Ahead(0),
            _ => State::Behind(0),
        };
        let event = match (before, self.state) {
            (_, State::Ahead(0)) => Some(ClockEvent::Ahead(ahead)),
            (_, State::Behind(0)) => Some(ClockEvent::Behind(-ahead)),
            (State::Ahead(_), State::CatchingUp(_)) => Some(ClockEvent::Believed),
            (State::Behind(_), State::Right) if ahead < -TOLERANCE_MS => Some(ClockEvent::Believed),
            (State::Ahead(_) | State::Behind(_), State::Right) => Some(ClockEvent::Right),
            _ => None,
        };
        let at_most = |rate: i64| self.time.saturating_add(elapsed.saturating_mul(rate)).min(wall);
        self.time = match self.state {
            // Behind for so long that it is believed.
            State::Right if ahead < -TOLERANCE_MS => wall,
            // Never back by itself.
            State::Right => at_most(MAX_RATE).max(self.time),
            State::CatchingUp(rate) => at_most(rate).max(self.time),
            State::Ahead(_) | State::Behind(_) => expected,
        };
        (self.monotonic, self.seen) = (monotonic, wall);
        // While the system clock is behind, messages are stored with its time.
        (self.time.min(wall), event)
    }
}

/// The rate at which the clock catches up with a system clock that is ahead.
fn catch_up_rate(ahead: i64) -> i64 {
    MAX_RATE.max(ahead / MAX_CATCH_UP_MS + 2)
}

/// The number of ms by which a system clock is ahead of the time that the log knows; 0 if it is within the tolerance.
#[must_use]
pub fn implausible_ms(known: Option<ClockRecord>, wall: i64) -> i64 {
    let ahead = known.map_or(0, |known| wall.saturating_sub(known.time));
    if ahead > TOLERANCE_MS { ahead } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000_000;
    const YEAR_MS: i64 = 365 * DAY_MS;

    /// A clock that is read every ten seconds. `offset` is the error of the system clock.
    struct Test {
        clock: RetentionClock,
        now: i64,
        offset: i64,
        events: Vec<ClockEvent>,
    }

    impl Test {
        fn new() -> Self {
            Self { clock: RetentionClock::new(0, START, None), now: 0, offset: 0, events: Vec::new() }
        }

        /// The server is off for a while. The monotonic clock begins anew.
        fn restart(&mut self, off: i64) {
            let record = self.clock.record();
            self.now += off;
            self.clock = RetentionClock::new(self.monotonic(), self.wall(), Some(record));
        }

        fn monotonic(&self) -> u64 {
            self.now.unsigned_abs()
        }

        fn wall(&self) -> i64 {
            START + self.now + self.offset
        }

        /// Advances the time. Returns the error of the retention clock.
        fn run(&mut self, ms: i64) -> i64 {
            let mut error = 0;
            for _ in 0..ms / 10_000 {
                self.now += 10_000;
                let (time, event) = self.clock.read(self.monotonic(), self.wall());
                self.events.extend(event);
                error = time - START - self.now;
            }
            error
        }

        fn events(&mut self) -> Vec<ClockEvent> {
            std::mem::take(&mut self.events)
        }
    }

    #[test]
    fn clock_that_is_right_is_followed() {
        let mut test = Test::new();
        assert_eq!(test.run(DAY_MS), 0);
        // Corrected by a few seconds, and drifting.
        for offset in [3_000, -2_000, 900_000, 0] {
            test.offset = offset;
            assert_eq!(test.run(HOUR_MS), offset);
        }
        assert_eq!((test.events(), test.clock.record().waited), (vec![], 0));
    }

    #[test]
    fn jump_ahead_for_a_moment_has_no_effect() {
        let mut test = Test::new();
        test.run(HOUR_MS);
        test.offset = YEAR_MS;
        assert_eq!(test.run(10_000), 0);
        test.offset = 0;
        assert_eq!(test.run(10_000), 0);
        assert_eq!(test.events(), [ClockEvent::Ahead(YEAR_MS), ClockEvent::Right]);
    }

    #[test]
    fn jump_ahead_is_believed_after_a_day_and_caught_up_with_gradually() {
        let mut test = Test::new();
        test.offset = YEAR_MS;
        assert_eq!(test.run(WAIT_MS - 10_000), 0);
        assert_eq!(test.events(), [ClockEvent::Ahead(YEAR_MS)]);
        // The wait began with the first reading.
        let mut error = test.run(20_000);
        assert_eq!(test.events(), [ClockEvent::Believed]);
        let (mut hours, mut steps) = (0, Vec::new());
        while error < YEAR_MS {
            let after = test.run(HOUR_MS);
            steps.push(after - error);
            (error, hours) = (after, hours + 1);
            assert!(hours <= 10 * 24 + 1, "it never catches up");
        }
        assert!(steps.iter().all(|step| *step <= 37 * HOUR_MS), "{steps:?}");
        assert_eq!(test.events(), []);
        // A smaller jump: at most a day per hour.
        test.offset += 30 * DAY_MS;
        let before = test.run(WAIT_MS + 20_000);
        let after = test.run(HOUR_MS);
        assert_eq!(after - before, (MAX_RATE - 1) * HOUR_MS);
    }

    #[test]
    fn many_small_jumps_are_bounded_too() {
        let mut test = Test::new();
        for _ in 0..360 {
            test.offset += 20 * 60_000;
            test.run(10_000);
        }
        let error = test.run(10_000);
        assert!(error <= 24 * HOUR_MS, "{error}");
        // Each further jump makes the wait begin anew.
        test.offset = YEAR_MS;
        for _ in 0..3 {
            test.run(20 * HOUR_MS);
            test.offset += DAY_MS;
        }
        assert!(test.run(20 * HOUR_MS) <= 24 * HOUR_MS);
        assert!(!test.events().contains(&ClockEvent::Believed));
    }

    #[test]
    fn server_started_with_a_wrong_clock_waits() {
        let mut test = Test::new();
        test.run(DAY_MS);
        test.restart(HOUR_MS / 2);
        assert_eq!((test.run(HOUR_MS), test.events()), (0, vec![]), "a short pause is no jump");
        test.offset = YEAR_MS;
        test.restart(10_000);
        assert!(test.run(HOUR_MS) <= 0);
        assert_eq!(test.events(), [ClockEvent::Ahead(YEAR_MS + 10_000)]);
        test.offset = 0;
        test.restart(10_000);
        assert!(test.run(HOUR_MS) <= 0);
        // What was waited counts after a restart, so that a server that is started anew each night deletes too.
        test.offset = YEAR_MS;
        for _ in 0..3 {
            test.run(10 * HOUR_MS);
            test.restart(60_000);
        }
        test.events();
        test.run(HOUR_MS);
        assert!(test.run(20 * DAY_MS) >= YEAR_MS, "it is believed by then");
        // But not for another jump.
        test.offset += YEAR_MS;
        test.run(20 * HOUR_MS);
        test.offset += YEAR_MS;
        test.restart(10_000);
        assert!(test.run(20 * HOUR_MS) <= YEAR_MS);
    }

    #[test]
    fn clock_set_back_deletes_nothing_meanwhile() {
        let mut test = Test::new();
        test.run(DAY_MS);
        test.offset = -YEAR_MS;
        assert_eq!(test.run(HOUR_MS), -YEAR_MS, "the messages stored now have such times");
        test.offset = 0;
        assert_eq!(test.run(HOUR_MS), 0);
        assert_eq!(test.events(), [ClockEvent::Behind(YEAR_MS), ClockEvent::Right]);
        // If it stays there, it was wrong before.
        test.offset = -YEAR_MS;
        assert_eq!(test.run(WAIT_MS + 20_000), -YEAR_MS);
        assert_eq!(test.events(), [ClockEvent::Behind(YEAR_MS), ClockEvent::Believed]);
        test.offset = 0;
        assert_eq!(test.run(HOUR_MS), -YEAR_MS);
        assert_eq!(test.events(), [ClockEvent::Ahead(YEAR_MS)]);
    }

    #[test]
    fn device_that_began_in_1970_catches_up() {
        let mut test = Test::new();
        test.clock = RetentionClock::new(0, 0, None);
        test.offset = -START;
        test.run(HOUR_MS);
        test.offset = 0;
        assert!(test.run(HOUR_MS) < -40 * YEAR_MS);
        assert_eq!(test.run(12 * DAY_MS), 0);
    }
}
