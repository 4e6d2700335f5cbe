//! The number of unread messages, and what this tab tells the other tabs about it.

use gloo_timers::callback::Timeout;
use parlour_core::event::Event;

use super::Service;

/// The delay before the other tabs are told what was read, so that a burst of messages is told once, in ms.
const READ_DELAY_MS: u32 = 200;

impl Service {
    /// Reports the number of unread messages if it has changed, and tells the other tabs what was read in this one.
    pub(super) fn update_unread(&self, changed: bool) {
        let count = self.inner.borrow().unread.count();
        if changed {
            (self.sink)(Event::Unread(count));
        }
        let mut inner = self.inner.borrow_mut();
        if inner.unread.is_untold() && inner.read_timer.is_none() {
            let service = self.clone();
            inner.read_timer = Some(Timeout::new(READ_DELAY_MS, move || {
                let message = {
                    let mut inner = service.inner.borrow_mut();
                    inner.read_timer = None;
                    inner.unread.poll_message()
                };
                if let Some(message) = message {
                    service.post(&message);
                }
            }));
        }
    }
}
