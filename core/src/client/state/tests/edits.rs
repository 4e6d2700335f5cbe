//! Edits and deletions of messages, and pages that were read before them.

use super::{
    rooms::{ROOM, gaps, opened},
    server::{Happened, Server, user},
};
use crate::{
    codec::{self, Envelope},
    model::{MessageId, RoomId},
    wire,
};

impl Server {
    /// A message as it is now.
    pub(super) fn message_frame(&self, room: RoomId, seq: u64, ord: u64) -> Envelope {
        let of = self.room(room);
        let (.., id, sender, sent) = of.messages().find(|(of, ..)| *of == ord).unwrap();
        let (content, edited, deleted) = of.text(ord, sent);
        Envelope {
            room: room.to_wire(),
            seq,
            ord,
            time: 60_000 * ord as i64,
            sender: sender.0.to_vec(),
            edited: edited.into(),
            deleted,
            ..codec::message(&self.people[&sender], Some(id), content)
        }
    }

    /// Edits a message, or erases its text, if there is one with this ord that is not erased.
    pub fn change_message(&mut self, room: RoomId, ord: u64, content: Option<String>) {
        let of = self.room(room);
        let is_stored = (of.first_ord..=of.head()).contains(&ord);
        if is_stored && !of.text(ord, "").2 {
            self.append(room, Happened::Changed(ord, content));
        }
    }

    /// Reads the page before an ord, and sends it after the next event.
    pub fn request_slow_page(&mut self, room: RoomId, before: u64) {
        if self.is_connected {
            self.slow_pages.push((room, self.page(room, before)));
        }
    }
}

#[test]
fn a_page_that_was_read_before_an_edit_has_the_edited_text() {
    for content in [Some("edited".to_owned()), None] {
        let (mut peer, mut server) = opened(30);
        let (_, to) = gaps(&peer, ROOM)[0];
        server.request_slow_page(ROOM, to + 1);
        server.change_message(ROOM, to, content.clone());
        peer.deliver(&mut server, usize::MAX);
        let shown = peer.shown(ROOM).into_iter().find(|(ord, ..)| *ord == to).unwrap();
        assert_eq!(shown.2, content.unwrap_or_default());
    }
}

#[test]
fn a_page_that_was_read_before_the_room_was_loaded_anew_is_not_used() {
    let (mut peer, mut server) = opened(30);
    let gap = gaps(&peer, ROOM)[0];
    let page = server.page(ROOM, gap.1 + 1);
    server.unsubscribe(ROOM);
    server.change_message(ROOM, gap.1, Some("edited".into()));
    let newest = server.page(ROOM, u64::MAX);
    let window = wire::RoomWindow { seq: newest.seq, reset: true, page: Some(newest), ..Default::default() };
    peer.state.handle_window(ROOM, window);
    peer.state.handle_page(ROOM, page);
    peer.drain();
    assert_eq!(gaps(&peer, ROOM)[0], gap);
    peer.state.handle_page(ROOM, server.page(ROOM, gap.1 + 1));
    peer.drain();
    let shown = peer.shown(ROOM).into_iter().find(|(ord, ..)| *ord == gap.1).unwrap();
    assert_eq!(shown.2, "edited");
}

#[test]
fn a_window_that_begins_after_the_position_of_the_tab_is_not_taken_for_its_own() {
    let (mut peer, mut server) = opened(8);
    let position = peer.state.room(ROOM).unwrap().subscription();
    peer.disconnect(&mut server);
    server.change_message(ROOM, 3, Some("edited".into()));
    server.post(ROOM, user(2), MessageId::new(9, [1; 10]), "message 9");
    // That of another tab, which has these events.
    let window = wire::RoomWindow { seq: position.seq + 2, ..Default::default() };
    peer.state.handle_window(ROOM, window);
    peer.drain();
    let room = peer.state.room(ROOM).unwrap();
    assert_eq!((room.position(), room.is_interrupted()), (position.seq, true));
    peer.connect(&mut server);
    peer.deliver(&mut server, usize::MAX);
    let texts: Vec<_> = peer.shown(ROOM).into_iter().map(|(.., text)| text).collect();
    assert_eq!(
        texts[2..],
        ["edited", "message 4", "message 5", "message 6", "message 7", "message 8", "message 9"]
    );
}

#[test]
fn edits_while_nobody_was_subscribed_are_in_the_next_page() {
    let (mut peer, mut server) = opened(8);
    server.change_message(ROOM, 3, Some("seen".into()));
    peer.deliver(&mut server, usize::MAX);
    server.unsubscribe(ROOM);
    peer.deliver(&mut server, usize::MAX);
    server.change_message(ROOM, 3, Some("edited".into()));
    server.change_message(ROOM, 4, None);
    server.request_page(ROOM, u64::MAX);
    peer.deliver(&mut server, usize::MAX);
    let texts: Vec<_> = peer.shown(ROOM).into_iter().map(|(.., text)| text).collect();
    assert_eq!(texts[1..5], ["message 2", "edited", "", "message 5"]);
}
