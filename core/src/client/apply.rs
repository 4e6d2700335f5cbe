//! Applying the events of a client to the state of a tab, which is the same code in the tab that owns the client and in
//! its followers.

use super::{
    event::{Event, Origin, OwnMessage, Reply},
    state::ClientState,
};
use crate::{
    Clocks,
    model::{Connection, Message, Reactions, TextState},
};

impl ClientState {
    /// Applies an event to the state of the tab `tab`. Only the tab that has given a command gets the messages of its answer;
    /// the room list is the same in all tabs.
    pub fn apply(&mut self, now: Clocks, tab: Origin, event: &Event) {
        match event {
            Event::Received(envelope) => {
                self.handle_envelope(envelope.as_ref().clone(), now.unix);
                self.rows_received(now.monotonic);
            }
            Event::Answer { origin, room, result: Ok(reply), .. } => match reply {
                Reply::Window(window) if *origin == tab => self.handle_window(*room, window.clone()),
                Reply::Window(window) => self.observe_window(*room, window.clone()),
                Reply::Loaded(page) if *origin == tab => self.handle_page(*room, page.clone()),
                Reply::Room(row) => self.handle_row(row),
                _ => {}
            },
            Event::Connection(Connection::Online { .. }) => {}
            Event::Connection(_) => self.handle_disconnected(),
            Event::Unsubscribed(room) => self.handle_unsubscribed(*room),
            Event::Cursor(room, cursor) => {
                self.merge_cursor(*room, *cursor);
                self.rows_received(now.monotonic);
            }
            Event::Own(message) => self.handle_queued(message.room, self.own_message(message)),
            Event::Delivery(room, id, delivery) => self.handle_delivery(*room, *id, *delivery),
            Event::Discarded(room, id) => self.handle_discarded(*room, *id),
            Event::Acknowledged { room, id, seq, .. } => self.handle_acknowledged(*room, *id, *seq),
            Event::Answer { result: Err(_), .. }
            | Event::LoggedIn(..)
            | Event::LoggedOut
            | Event::Throttled(..)
            | Event::Notice(_)
            | Event::Refused(_)
            | Event::RoundTrip(_) => {}
        }
    }

    /// A message of the send queue as the timeline shows it.
    fn own_message(&self, message: &OwnMessage) -> Message {
        let OwnMessage { id, time, order, delivery, .. } = *message;
        let (nick, content) = (self.account().nick().clone(), message.content.clone());
        let (sender, text, reactions) = (self.me(), TextState::Original, Reactions::default());
        Message { id, sender, nick, content, ord: order, time, own: true, delivery, text, reactions }
    }
}
