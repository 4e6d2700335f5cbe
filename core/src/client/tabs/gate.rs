//! Holds back the input of a leader that may have lost the leadership while it was suspended.

use std::collections::VecDeque;

use crate::Millis;

/// A leader that has handled no input for this long may have been suspended, in ms. Shorter than the time after which a
/// follower takes the leadership over.
pub const SUSPENSION_MS: Millis = 2_000;

/// The input of a leader, in order.
#[derive(Debug)]
pub struct Gate<T> {
    /// The time at which the last input was handled.
    last_input: Option<Millis>,
    /// Input that waits until it is known whether this tab is still the leader; `None` when that is known.
    held: Option<VecDeque<T>>,
}

/// The treatment of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission<T> {
    /// Handle it.
    Admitted(T),
    /// It is held back. Find out whether this tab still holds the lock, then call [`Gate::open`].
    Check,
    /// It is held back. The check is in progress.
    Held,
}

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self { last_input: None, held: None }
    }
}

impl<T> Gate<T> {
    /// Whether an input would be admitted.
    #[must_use]
    pub fn is_open(&self, now: Millis) -> bool {
        let is_late = self.last_input.is_some_and(|last| now.saturating_sub(last) >= SUSPENSION_MS);
        self.held.is_none() && !is_late
    }

    /// Admits an input, or holds it back.
    pub fn admit(&mut self, now: Millis, input: T) -> Admission<T> {
        if let Some(held) = &mut self.held {
            held.push_back(input);
            return Admission::Held;
        }
        if !self.is_open(now) {
            self.held = Some(VecDeque::from([input]));
            return Admission::Check;
        }
        self.last_input = Some(now);
        Admission::Admitted(input)
    }

    /// It is known whether this tab is still the leader: returns the input that was held back. Input from now on is
    /// admitted.
    #[must_use]
    pub fn open(&mut self, now: Millis) -> VecDeque<T> {
        self.last_input = Some(now);
        self.held.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_after_a_suspension_waits_for_the_check() {
        let mut gate = Gate::default();
        assert_eq!(gate.admit(50, 'a'), Admission::Admitted('a'), "the first input");
        assert_eq!(gate.admit(50 + SUSPENSION_MS - 1, 'b'), Admission::Admitted('b'));
        let late = 50 + 2 * SUSPENSION_MS - 1;
        assert_eq!(gate.admit(late, 'c'), Admission::Check);
        assert_eq!(gate.admit(late, 'd'), Admission::Held);
        assert_eq!(gate.admit(late + SUSPENSION_MS, 'e'), Admission::Held, "one check at a time");
        assert_eq!(gate.open(late + SUSPENSION_MS), ['c', 'd', 'e']);
        assert_eq!(gate.admit(late + SUSPENSION_MS + 1, 'f'), Admission::Admitted('f'));
        assert_eq!(gate.open(0), []);
    }
}
