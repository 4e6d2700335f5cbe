//! What of a sender's is waited for: messages that were refused for a while come again in their order, and nothing said
//! after them is taken before.

use std::collections::VecDeque;

use parlour_core::{Millis, model::MessageId};

/// How long a refused message is waited for after the time its sender was told, in ms: for ever, but for a client that
/// does not keep to the rule.
const WAITED_FOR: Millis = 60_000;
/// When what is refused with it may come again, in ms from now, once that time has come.
const AGAIN: Millis = 500;
/// The most messages that are waited for; as many as a client keeps.
const MOST: usize = parlour_core::limits::SEND_QUEUE_MESSAGES;

/// The messages, in the order in which they are to come.
#[derive(Debug, Default)]
pub struct Hold {
    ids: VecDeque<MessageId>,
    /// When the first may come again.
    ready: Millis,
    /// The generation of appends that has failed, and how many of `ids` it has put first.
    failed: Option<(u32, usize)>,
}

impl Hold {
    /// Lets a message pass that is waited for, or when nothing is.
    ///
    /// # Errors
    /// In how many ms it may come again; it is waited for then, in its place.
    pub fn pass(&mut self, now: Millis, id: MessageId) -> Result<(), Millis> {
        if self.ids.is_empty() || now >= self.ready + WAITED_FOR {
            self.ids.clear();
            return Ok(());
        }
        if self.ids.front() == Some(&id) {
            self.release(id);
            return Ok(());
        }
        if !self.ids.contains(&id) && self.ids.len() < MOST {
            self.ids.push_back(id);
        }
        Err(self.ready.saturating_sub(now).max(AGAIN))
    }

    /// A message that had passed is refused all the same, for so long.
    pub fn refuse(&mut self, now: Millis, id: MessageId, wait: Millis) {
        self.ready = now + wait;
        self.ids.push_front(id);
    }

    /// A message that had passed before all of these is not in the log, nor is what was on its way behind it.
    pub fn failed(&mut self, now: Millis, generation: u32, id: MessageId, wait: Millis) {
        let at = self.failed.filter(|(of, _)| *of == generation).map_or(0, |(_, count)| count);
        self.ready = now + wait;
        if !self.ids.contains(&id) {
            self.ids.insert(at.min(self.ids.len()), id);
            self.failed = Some((generation, at + 1));
        }
    }

    /// A message need not be waited for.
    pub fn release(&mut self, id: MessageId) {
        let Some(at) = self.ids.iter().position(|other| *other == id) else { return };
        self.ids.remove(at);
        if let Some((_, count)) = &mut self.failed
            && at < *count
        {
            *count -= 1;
        }
    }

    /// What is waited for.
    pub fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.ids.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> MessageId {
        MessageId([n; 16])
    }

    fn passes(hold: &mut Hold, now: Millis, n: u8) -> bool {
        hold.pass(now, id(n)).is_ok()
    }

    #[test]
    fn what_is_refused_comes_again_in_its_order() {
        let mut hold = Hold::default();
        assert!(passes(&mut hold, 0, 1));
        hold.refuse(0, id(1), 1_000);
        assert_eq!(hold.pass(10, id(2)), Err(990));
        assert_eq!(hold.pass(1_000, id(3)), Err(AGAIN));
        assert!(!passes(&mut hold, 1_000, 2));
        for n in [1, 2, 3, 4] {
            assert!(passes(&mut hold, 1_000, n), "{n}");
        }
    }

    #[test]
    fn what_got_into_the_log_by_another_way_is_not_waited_for_and_what_follows_is() {
        let mut hold = Hold::default();
        hold.refuse(0, id(1), 0);
        assert!(!passes(&mut hold, 0, 2));
        hold.release(id(1));
        assert!(!passes(&mut hold, 0, 3));
        assert!(passes(&mut hold, 0, 2) && passes(&mut hold, 0, 3));
    }

    #[test]
    fn what_failed_on_its_way_comes_before_what_was_refused_after_it() {
        let mut hold = Hold::default();
        hold.refuse(0, id(5), 0);
        hold.failed(0, 7, id(1), 0);
        hold.failed(0, 7, id(2), 0);
        hold.release(id(1));
        hold.failed(0, 7, id(3), 0);
        hold.failed(0, 7, id(3), 0);
        assert_eq!(hold.ids().map(|id| id.0[0]).collect::<Vec<_>>(), [2, 3, 5]);
    }

    #[test]
    fn a_client_that_forgets_is_not_held_for_ever() {
        let mut hold = Hold::default();
        hold.refuse(0, id(1), 0);
        assert!(!passes(&mut hold, WAITED_FOR - 1, 2));
        assert!(passes(&mut hold, WAITED_FOR, 2));
    }
}
