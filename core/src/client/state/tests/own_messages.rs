//! Own messages, from being queued to being loaded.

use super::{
    peer::Peer,
    rooms::{ROOM, opened, ords, post},
    server::{ME, user},
};
use crate::model::{Delivery, MessageId};

#[test]
fn an_own_message_is_shown_once_from_being_queued_to_being_loaded() {
    let (mut peer, mut server) = opened(2);
    peer.disconnect(&mut server);
    peer.send(&mut server, ROOM, 50);
    assert_eq!(peer.unacknowledged(ROOM), ["own 50"]);
    // Somebody else has a message with the same id.
    server.post(ROOM, user(3), MessageId::new(50, [9; 10]), "not own");
    // The server stores it, and the connection is lost before it can say so.
    server.post(ROOM, ME, MessageId::new(50, [9; 10]), "own 50");
    post(&mut server, ROOM, 100..=300);
    peer.connect(&mut server);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.unacknowledged(ROOM), Vec::<String>::new(), "it is in the gap");
    peer.load_all(&mut server, ROOM);
    peer.state.open_room(None);
    let own: Vec<_> = server.room(ROOM).messages().filter(|(.., content)| content.contains("own")).collect();
    assert_eq!(own.len(), 2);
    server.request_page(ROOM, own[1].0 + 2);
    peer.deliver(&mut server, usize::MAX);
    let shown: Vec<_> =
        peer.shown(ROOM).into_iter().filter(|(.., content)| content.contains("own")).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
}

#[test]
fn an_own_message_stays_at_the_end_until_its_event_arrives() {
    let (mut peer, mut server) = opened(2);
    let id = MessageId::new(50, [9; 10]);
    peer.send(&mut server, ROOM, 50);
    server.poll();
    peer.state.handle_acknowledged(ROOM, id, 3);
    peer.drain();
    assert_eq!(peer.unacknowledged(ROOM), ["own 50"]);
    peer.state.handle_delivery(ROOM, id, Delivery::Pending);
    peer.drain();
    assert_eq!(peer.unacknowledged(ROOM), ["own 50"]);
    // Without a subscription its event does not arrive.
    server.unsubscribe(ROOM);
    peer.deliver(&mut server, usize::MAX);
    peer.state.handle_acknowledged(ROOM, id, 3);
    peer.drain();
    assert_eq!(peer.unacknowledged(ROOM), Vec::<String>::new());
}

#[test]
fn an_own_message_is_read_if_everything_before_it_was() {
    let (mut peer, mut server) = opened(3);
    let unread = |peer: &Peer| peer.state.account().room(ROOM).unwrap().unread();
    server.post(ROOM, ME, MessageId::new(1, [7; 10]), "from another device");
    peer.deliver(&mut server, 1);
    assert_eq!(unread(&peer), 4, "there are others before it");
    peer.state.handle_visible(ROOM, 4, false);
    server.post(ROOM, ME, MessageId::new(2, [7; 10]), "and another one");
    peer.deliver(&mut server, 1);
    assert_eq!(unread(&peer), 0);
}

#[test]
fn unsent_messages_outlive_the_log() {
    let (mut peer, mut server) = opened(5);
    peer.disconnect(&mut server);
    peer.send(&mut server, ROOM, 9);
    server.restore_backup(2);
    peer.connect(&mut server);
    server.poll().into_iter().for_each(|item| {
        let super::server::Item::Envelope(envelope) = item else { panic!("not a welcome") };
        peer.state.handle_envelope(*envelope, 0);
    });
    peer.drain();
    assert_eq!((ords(&peer, ROOM), peer.unacknowledged(ROOM)), (vec![], vec!["own 9".to_owned()]));
    assert_eq!(peer.state.room(ROOM).unwrap().position(), 0);
}
