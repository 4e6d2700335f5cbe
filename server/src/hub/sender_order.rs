//! Keeps a sender's messages in order across temporary refusals. When a message is refused with a retryable
//! status, every later message of that sender is refused too until the first one is resent.
//!
//! At most [`MAX_AWAITED`] ids are tracked, and the order is given up [`RESEND_TIMEOUT_MS`] after the time to
//! retry.

use std::collections::VecDeque;

use parlour_core::{Millis, model::MessageId};

/// The time to wait for the resend of a refused message after the time its sender was given, in ms. A client that never
/// resends can send again after that.
const RESEND_TIMEOUT_MS: Millis = 60_000;
/// The time to retry for messages that are refused because an earlier one must come first.
const RETRY_AFTER_MS: Millis = 500;
/// The most messages whose resend is awaited: the capacity of a client's send queue.
const MAX_AWAITED: usize = parlour_core::limits::SEND_QUEUE_MESSAGES;

/// The ids of refused messages, in the order in which they must be resent.
#[derive(Debug, Default)]
pub struct SenderOrder {
    ids: VecDeque<MessageId>,
    /// The time from which the first may be resent.
    retry_at: Millis,
    /// The generation of appends that has failed, and the number of `ids` at the front that belong to it.
    failed: Option<(u32, usize)>,
}

impl SenderOrder {
    /// Admits a message if no earlier message is awaited.
    ///
    /// # Errors
    /// The time in ms after which to resend; the message is then awaited in its place.
    pub fn admit(&mut self, now: Millis, id: MessageId) -> Result<(), Millis> {
        if self.ids.is_empty() || now >= self.retry_at + RESEND_TIMEOUT_MS {
            self.ids.clear();
            return Ok(());
        }
        if self.ids.front() == Some(&id) {
            self.release(id);
            return Ok(());
        }
        if !self.ids.contains(&id) && self.ids.len() < MAX_AWAITED {
            self.ids.push_back(id);
        }
        Err(self.retry_at.saturating_sub(now).max(RETRY_AFTER_MS))
    }

    /// Refuses a message that was admitted; it must be resent first, in `wait` ms or later.
    pub fn refuse(&mut self, now: Millis, id: MessageId, wait: Millis) {
        self.retry_at = now + wait;
        self.ids.push_front(id);
    }

    /// An append failed: the message goes before all that were refused, after those of the same generation.
    pub fn append_failed(&mut self, now: Millis, generation: u32, id: MessageId, wait: Millis) {
        let count = self.failed.filter(|(of, _)| *of == generation).map_or(0, |(_, count)| count);
        self.retry_at = now + wait;
        match self.ids.iter().position(|other| *other == id) {
            // Another copy of the message belongs to the same generation.
            Some(at) if at < count => return,
            // A copy was refused during the append, maybe after later messages.
            Some(at) => drop(self.ids.remove(at)),
            None => {}
        }
        self.ids.insert(count.min(self.ids.len()), id);
        self.failed = Some((generation, count + 1));
    }

    /// Stops waiting for a message.
    pub fn release(&mut self, id: MessageId) {
        let Some(at) = self.ids.iter().position(|other| *other == id) else { return };
        self.ids.remove(at);
        if let Some((_, count)) = &mut self.failed
            && at < *count
        {
            *count -= 1;
        }
    }

    /// The number of awaited messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The awaited messages, in order.
    #[cfg(test)]
    fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.ids.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> MessageId {
        MessageId([n; 16])
    }

    fn admitted(order: &mut SenderOrder, now: Millis, n: u8) -> bool {
        order.admit(now, id(n)).is_ok()
    }

    #[test]
    fn refused_messages_are_resent_in_order() {
        let mut order = SenderOrder::default();
        assert!(admitted(&mut order, 0, 1));
        order.refuse(0, id(1), 1_000);
        assert_eq!(order.admit(10, id(2)), Err(990));
        assert_eq!(order.admit(1_000, id(3)), Err(RETRY_AFTER_MS));
        assert!(!admitted(&mut order, 1_000, 2));
        for n in [1, 2, 3, 4] {
            assert!(admitted(&mut order, 1_000, n), "{n}");
        }
    }

    #[test]
    fn released_message_is_not_awaited_but_later_ones_are() {
        let mut order = SenderOrder::default();
        order.refuse(0, id(1), 0);
        assert!(!admitted(&mut order, 0, 2));
        order.release(id(1));
        assert!(!admitted(&mut order, 0, 3));
        assert!(admitted(&mut order, 0, 2) && admitted(&mut order, 0, 3));
    }

    #[test]
    fn failed_appends_go_before_later_refusals() {
        let mut order = SenderOrder::default();
        order.refuse(0, id(5), 0);
        order.append_failed(0, 7, id(1), 0);
        order.append_failed(0, 7, id(2), 0);
        order.release(id(1));
        order.append_failed(0, 7, id(3), 0);
        order.append_failed(0, 7, id(3), 0);
        assert_eq!(order.ids().map(|id| id.0[0]).collect::<Vec<_>>(), [2, 3, 5]);
    }

    #[test]
    fn failed_append_goes_to_its_place_also_if_a_copy_of_it_was_refused() {
        let mut order = SenderOrder::default();
        order.refuse(0, id(1), 0);
        assert!(!admitted(&mut order, 0, 2));
        assert!(admitted(&mut order, 0, 1) && admitted(&mut order, 0, 2));
        // The log is slow, and the client sends everything once more, because it was told to wait.
        order.refuse(0, id(3), 0);
        for n in [1, 2] {
            assert!(!admitted(&mut order, 0, n));
        }
        (1..=2).for_each(|n| order.append_failed(0, 7, id(n), 0));
        assert_eq!(order.ids().map(|id| id.0[0]).collect::<Vec<_>>(), [1, 2, 3]);
        assert!((1..=3).all(|n| admitted(&mut order, 0, n)));
    }

    #[test]
    fn order_is_given_up_after_the_resend_timeout() {
        let mut order = SenderOrder::default();
        order.refuse(0, id(1), 0);
        assert!(!admitted(&mut order, RESEND_TIMEOUT_MS - 1, 2));
        assert!(admitted(&mut order, RESEND_TIMEOUT_MS, 2));
    }
}
