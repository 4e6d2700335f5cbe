//! The unread messages. Reading in one tab marks them as read in all tabs of the user: a tab that is visible and has
//! the focus tells the others up to which message it has shown the room.

use bytes::Bytes;
use prost::Message as _;

use super::{TabCommand, command};
use crate::{
    device::TabMessage,
    event::Event,
    model::{Delivery, Message},
};

/// The unread messages of a tab.
#[derive(Debug, Default)]
pub struct Unread {
    /// The user sees this tab, so everything in it is read.
    is_focused: bool,
    /// The highest sequence number that was read in any tab.
    read: u64,
    /// The highest sequence number that was received.
    newest: u64,
    /// The sequence numbers of the unread messages; 0 on a basic server.
    unread: Vec<u64>,
    /// Something was read that the other tabs were not told of.
    is_untold: bool,
}

impl Unread {
    /// The tab got or lost the focus. Returns whether the number of unread messages has changed.
    pub fn handle_focus(&mut self, is_focused: bool) -> bool {
        // The other tabs may have unread messages that this one has not.
        self.is_untold = is_focused;
        self.is_focused = is_focused;
        is_focused && self.mark_read(self.newest)
    }

    /// Handles an event that this tab shows. Returns whether the number of unread messages has changed.
    pub fn handle_event(&mut self, event: &Event) -> bool {
        match event {
            Event::Message(Message { own: false, delivery: Delivery::Sent, seq, .. }) => {
                self.newest = self.newest.max(*seq);
                if self.is_focused {
                    self.is_untold = true;
                    return self.mark_read(self.newest);
                }
                // Another tab may show it first.
                let is_unread = *seq == 0 || *seq > self.read;
                self.unread.extend(is_unread.then_some(*seq));
                is_unread
            }
            Event::LoggedIn(_) => {
                // The room is shown.
                self.is_untold |= self.is_focused;
                false
            }
            Event::LogReplaced => {
                (self.read, self.newest) = (0, 0);
                self.mark_read(0)
            }
            Event::LoggedOut => {
                let had_unread = !self.unread.is_empty();
                *self = Self { is_focused: self.is_focused, ..Self::default() };
                had_unread
            }
            _ => false,
        }
    }

    /// Handles a message on the channel. Returns whether the number of unread messages has changed.
    pub fn handle_message(&mut self, bytes: &[u8]) -> bool {
        match TabMessage::decode(bytes) {
            Ok(message) if message.command == i32::from(TabCommand::Read) => self.mark_read(message.seq),
            _ => false,
        }
    }

    /// The message that tells the other tabs what was read; `None` when they know it.
    pub fn poll_message(&mut self) -> Option<Bytes> {
        let arguments = TabMessage { seq: self.newest, ..TabMessage::default() };
        std::mem::take(&mut self.is_untold).then(|| command::encode(TabCommand::Read, arguments))
    }

    /// Everything up to this sequence number was read; 0 on a basic server, where it is everything.
    fn mark_read(&mut self, seq: u64) -> bool {
        self.read = self.read.max(seq);
        let before = self.unread.len();
        self.unread.retain(|unread| seq > 0 && *unread > seq);
        before != self.unread.len()
    }

    /// The number of unread messages.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.unread.len()).unwrap_or(u32::MAX)
    }

    /// Whether the other tabs are to be told what was read.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.is_untold
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    fn message(seq: u64, own: bool) -> Event {
        let id = MessageId::new(seq, [0; 10]);
        let (nick, content) = ("lili".into(), "hello".into());
        Event::Message(Message {
            id,
            sender: None,
            nick,
            content,
            seq,
            time: 1,
            own,
            delivery: Delivery::Sent,
        })
    }

    /// Delivers what one tab has read to another one.
    fn tell(from: &mut Unread, to: &mut Unread) {
        to.handle_message(&from.poll_message().unwrap());
        assert_eq!(from.poll_message(), None, "once");
    }

    #[test]
    fn messages_read_in_one_tab_are_read_in_all() {
        let (mut read, mut hidden) = (Unread::default(), Unread::default());
        read.handle_focus(true);
        for seq in 1..=3 {
            assert!(hidden.handle_event(&message(seq, false)));
            assert!(!read.handle_event(&message(seq, false)));
        }
        hidden.handle_event(&message(4, true));
        assert_eq!((read.count(), hidden.count()), (0, 3));
        tell(&mut read, &mut hidden);
        assert_eq!(hidden.count(), 0);
        // The other tab is told before it has received the message.
        read.handle_event(&message(5, false));
        tell(&mut read, &mut hidden);
        hidden.handle_event(&message(5, false));
        hidden.handle_event(&message(6, false));
        assert_eq!(hidden.count(), 1, "only what was not read");
        assert!(hidden.handle_focus(true) && hidden.count() == 0);
        tell(&mut hidden, &mut read);
    }

    #[test]
    fn a_tab_that_gets_the_focus_marks_messages_of_other_tabs_as_read() {
        let (mut first, mut second) = (Unread::default(), Unread::default());
        (1..=2).for_each(|seq| assert!(first.handle_event(&message(seq, false))));
        // Opened later, with the messages from the device.
        second.handle_focus(true);
        tell(&mut second, &mut first);
        assert_eq!(first.count(), 0);
        second.handle_focus(false);
        assert_eq!(second.poll_message(), None, "nothing is read in a hidden tab");
    }

    #[test]
    fn sequence_numbers_of_a_replaced_log_or_a_basic_server_do_not_count() {
        let mut unread = Unread::default();
        unread.handle_event(&message(100, false));
        unread.handle_focus(true);
        unread.handle_focus(false);
        assert!(!unread.handle_event(&message(99, false)));
        unread.handle_event(&Event::LogReplaced);
        assert!(unread.handle_event(&message(1, false)) && unread.handle_event(&message(0, false)));
        assert!(unread.handle_event(&Event::LoggedOut) && unread.count() == 0);
        assert!(unread.handle_event(&message(0, false)) && unread.handle_event(&message(0, false)));
        let mut other = Unread::default();
        other.handle_focus(true);
        tell(&mut other, &mut unread);
        assert_eq!(unread.count(), 0);
    }

    #[test]
    fn other_messages_between_tabs_mark_nothing_as_read() {
        let mut unread = Unread::default();
        unread.handle_event(&message(1, false));
        let visible = command::command(TabCommand::Visible);
        assert!([&visible[..], b"", b"garbage"].iter().all(|bytes| !unread.handle_message(bytes)));
    }
}
