//! Single rooms: windows, gaps, the line above new messages, memory, the device.

use super::{
    peer::Peer,
    server::{ME, Server, room_id, user},
};
use crate::{
    client::{
        room::StoredRoom,
        state::{Change, ClientState},
    },
    model::{Delivery, Message, MessageId, Reactions, RoomId, TextState},
    ranges::Range,
    timeline::TimelineUpdate,
    validate, wire,
};

pub(super) const ROOM: RoomId = RoomId::LOBBY;

pub(super) fn post(server: &mut Server, room: RoomId, range: std::ops::RangeInclusive<u64>) {
    for n in range {
        server.post(room, user(2), MessageId::new(n, [1; 10]), &format!("message {n}"));
    }
}

/// A client that shows a room with this many messages.
pub(super) fn opened(count: u64) -> (Peer, Server) {
    let (mut peer, mut server) = (Peer::new(), Server::new());
    post(&mut server, ROOM, 1..=count);
    peer.connect(&mut server);
    peer.deliver(&mut server, usize::MAX);
    peer.open(&mut server, ROOM);
    peer.deliver(&mut server, usize::MAX);
    (peer, server)
}

pub(super) fn ords(peer: &Peer, room: RoomId) -> Vec<u64> {
    peer.shown(room).iter().map(|(ord, ..)| *ord).collect()
}

pub(super) fn gaps(peer: &Peer, room: RoomId) -> Vec<(u64, u64)> {
    peer.state.room(room).unwrap().gaps().iter().map(|state| (state.gap.from, state.gap.to)).collect()
}

#[test]
fn a_reset_keeps_no_old_message() {
    let (mut peer, mut server) = opened(30);
    peer.load_all(&mut server, ROOM);
    let resets = peer.state.room(ROOM).unwrap().resets();
    peer.disconnect(&mut server);
    post(&mut server, ROOM, 31..=200);
    peer.connect(&mut server);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!((ords(&peer, ROOM), gaps(&peer, ROOM)), ((191..=200).collect(), vec![(0, 190)]));
    assert_ne!(peer.state.room(ROOM).unwrap().resets(), resets);
    // A page of the device that was requested before the reset.
    let message = Message {
        id: MessageId([7; 16]),
        sender: Some(user(2)),
        nick: "tom".into(),
        content: "old".into(),
        ord: 5,
        time: 0,
        own: false,
        delivery: Delivery::Sent,
        text: TextState::Original,
        reactions: Reactions::default(),
    };
    peer.state.handle_stored_page(ROOM, resets, Range { from: 4, to: 5 }, vec![message]);
    peer.drain();
    assert_eq!(gaps(&peer, ROOM), [(0, 190)]);
}

#[test]
fn a_server_that_is_behind_makes_the_client_forget_nothing() {
    let (mut peer, mut server) = opened(8);
    let position = peer.state.room(ROOM).unwrap().position();
    peer.disconnect(&mut server);
    assert!(peer.state.room(ROOM).unwrap().is_outdated());
    let window =
        wire::RoomWindow { seq: position - 3, behind: true, topic: "old".into(), ..Default::default() };
    peer.state.handle_window(ROOM, window);
    peer.drain();
    let room = peer.state.room(ROOM).unwrap();
    assert!(room.is_outdated() && room.is_subscribed() && &**room.topic() != "old");
    assert_eq!((room.position(), room.head_ord(), ords(&peer, ROOM).len()), (position, 8, 8));
    // It catches up, with messages that the client has.
    for message in server.page(ROOM, u64::MAX).messages.split_off(5) {
        assert!(peer.state.room(ROOM).unwrap().is_outdated());
        let sender = user(2).0.to_vec();
        peer.state.handle_message(crate::codec::Envelope {
            id: message.id,
            seq: message.seq,
            ord: message.ord,
            sender,
            user_name: "tom".into(),
            ..Default::default()
        });
        peer.drain();
    }
    let room = peer.state.room(ROOM).unwrap();
    assert!(!room.is_outdated() && !room.is_interrupted());
    assert_eq!((room.position(), ords(&peer, ROOM)), (position, (1..=8).collect()));
}

#[test]
fn matches_of_a_search_are_not_added_to_the_room() {
    let (mut peer, mut server) = opened(30);
    let before = gaps(&peer, ROOM);
    server.post(ROOM, ME, MessageId::new(31, [1; 10]), "message 31");
    peer.disconnect(&mut server);
    let mut page = server.page(ROOM, u64::MAX);
    page.messages.reverse();
    let (newest, count) = (page.messages[0].ord, page.messages.len());
    let found = peer.state.read_search(page);
    assert_eq!((found.len(), found[0].ord), (count, newest), "newest first");
    assert!(found[0].own && !found[1].own);
    peer.drain();
    assert_eq!(gaps(&peer, ROOM), before);
    assert!(!ords(&peer, ROOM).contains(&newest));
}

#[test]
fn live_events_that_were_left_out_are_noticed() {
    let (mut peer, mut server) = opened(3);
    post(&mut server, ROOM, 4..=5);
    server.poll();
    peer.deliver(&mut server, usize::MAX);
    let room = peer.state.room(ROOM).unwrap();
    assert!(room.is_interrupted());
    assert_eq!((room.position(), gaps(&peer, ROOM)), (3, vec![(3, 4)]));
    peer.subscribe(&mut server, ROOM);
    peer.deliver(&mut server, usize::MAX);
    assert!(!peer.state.room(ROOM).unwrap().is_interrupted());
    assert_eq!((peer.state.room(ROOM).unwrap().position(), ords(&peer, ROOM)), (5, vec![1, 2, 3, 4, 5]));
}

#[test]
fn the_history_shows_the_present_nick() {
    let (mut peer, mut server) = opened(2);
    server.rename(user(2), "tomas");
    peer.deliver(&mut server, usize::MAX);
    assert!(peer.shown(ROOM).iter().all(|(_, nick, _)| nick == "tomas"));
    // Also when it changes while the client is away.
    peer.disconnect(&mut server);
    server.rename(user(2), "tom");
    peer.connect(&mut server);
    peer.deliver(&mut server, usize::MAX);
    assert!(peer.shown(ROOM).iter().all(|(_, nick, _)| nick == "tom"));
}

#[test]
fn activity_continues_where_live_messages_have_ended() {
    let (mut peer, mut server) = opened(3);
    post(&mut server, ROOM, 4..=6);
    server.unsubscribe(ROOM);
    post(&mut server, ROOM, 7..=8);
    server.flush_activity();
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.state.account().room(ROOM).unwrap().head(), 8);
    assert_eq!((peer.state.room(ROOM).unwrap().head_ord(), gaps(&peer, ROOM)), (8, vec![(6, 8)]));
    assert!(peer.state.room(ROOM).unwrap().is_outdated());
    // And where the window of a new subscription has ended.
    post(&mut server, ROOM, 9..=9);
    peer.subscribe(&mut server, ROOM);
    server.unsubscribe(ROOM);
    post(&mut server, ROOM, 10..=10);
    server.flush_activity();
    peer.deliver(&mut server, usize::MAX);
    assert_eq!((peer.state.account().room(ROOM).unwrap().head(), gaps(&peer, ROOM)), (10, vec![(9, 10)]));
}

#[test]
fn each_message_is_passed_to_the_timeline_once() {
    let (mut peer, mut server) = opened(3);
    // The page has the live message too.
    let page = {
        post(&mut server, ROOM, 4..=4);
        server.page(ROOM, u64::MAX)
    };
    peer.state.handle_page(ROOM, page.clone());
    let count = |peer: &mut Peer| {
        let mut passed = 0;
        while let Some(change) = peer.state.poll_change() {
            passed += match change {
                Change::Timeline(_, TimelineUpdate::Page(messages)) => messages.len(),
                Change::Timeline(_, TimelineUpdate::Message(_)) => 1,
                _ => 0,
            };
        }
        passed
    };
    assert_eq!(count(&mut peer), 1);
    let Some(super::server::Item::Envelope(live)) = server.poll() else { panic!("no live message") };
    peer.state.handle_envelope((*live).clone(), 0);
    peer.state.handle_envelope(*live, 0);
    peer.state.handle_page(ROOM, page);
    assert_eq!(count(&mut peer), 0);
    assert_eq!(peer.state.room(ROOM).unwrap().position(), 4);
}

#[test]
fn the_line_above_new_messages_stays_while_they_are_read() {
    let (mut peer, mut server) = opened(0);
    let line = |peer: &Peer| peer.state.room(ROOM).unwrap().unread_line();
    peer.state.handle_visible(ROOM, 0, true);
    post(&mut server, ROOM, 1..=2);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(line(&peer), None, "they are seen as they arrive");
    peer.state.handle_visible(ROOM, 2, true);
    peer.state.handle_hidden();
    post(&mut server, ROOM, 3..=5);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(line(&peer), Some(2));
    peer.state.handle_visible(ROOM, 4, false);
    post(&mut server, ROOM, 6..=6);
    peer.deliver(&mut server, usize::MAX);
    peer.state.handle_visible(ROOM, 6, true);
    post(&mut server, ROOM, 7..=7);
    peer.deliver(&mut server, usize::MAX);
    peer.state.handle_visible(ROOM, 7, true);
    assert_eq!(line(&peer), Some(2), "it stays where it was");
    peer.state.handle_hidden();
    post(&mut server, ROOM, 8..=8);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(line(&peer), Some(7), "a new absence");
    peer.open(&mut server, room_id(1));
    assert_eq!(line(&peer), None);
    peer.open(&mut server, ROOM);
    assert_eq!(line(&peer), Some(7));
    peer.state.mark_read(ROOM);
    assert_eq!(line(&peer), None);
}

#[test]
fn messages_of_the_rooms_that_were_not_open_for_long_are_evicted() {
    let (mut peer, mut server) = opened(10);
    peer.state.set_memory_limit(25);
    for number in 1..3 {
        post(&mut server, room_id(number), 1..=10);
        peer.open(&mut server, room_id(number));
        peer.deliver(&mut server, usize::MAX);
    }
    assert_eq!((ords(&peer, ROOM).len(), gaps(&peer, ROOM)), (10, vec![]), "two rooms fit");
    peer.open(&mut server, ROOM);
    peer.open(&mut server, room_id(2));
    post(&mut server, ROOM, 11..=20);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!((ords(&peer, room_id(1)), gaps(&peer, room_id(1))), (vec![], vec![(0, 10)]));
    assert_eq!(ords(&peer, ROOM).len(), 20);
    post(&mut server, ROOM, 21..=30);
    peer.deliver(&mut server, usize::MAX);
    let held = ords(&peer, ROOM).len() as u64;
    assert!(held < 10, "it has too many alone, {held}");
    assert_eq!(gaps(&peer, ROOM), [(0, 30 - held)]);
    let room = peer.state.room(ROOM).unwrap();
    assert!(room.is_subscribed() && room.position() > 0, "live messages continue");
    post(&mut server, ROOM, 31..=31);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(gaps(&peer, ROOM), [(0, 30 - held)]);
}

#[test]
fn deleted_messages_are_not_shown_any_more() {
    let (mut peer, mut server) = opened(8);
    server.delete_oldest(ROOM, 3);
    server.request_page(ROOM, u64::MAX);
    peer.deliver(&mut server, usize::MAX);
    assert_eq!((ords(&peer, ROOM), gaps(&peer, ROOM)), ((4..=8).collect(), vec![]));
    assert_eq!(peer.timelines[&ROOM].set_size(), 5);
}

#[test]
fn what_the_device_has_is_shown_as_outdated_until_the_server_confirms_it() {
    let (peer, mut server) = opened(12);
    let stored = StoredRoom {
        position: peer.state.room(ROOM).unwrap().position(),
        last_message: MessageId::from_wire(&peer.state.room(ROOM).unwrap().subscription().id),
        first_ord: 1,
        head_ord: 12,
        topic: "stored".into(),
        messages: Vec::new(),
        range: None,
    };
    assert!(stored.last_message.is_some());
    let rows = peer.state.account_rows();
    let mut restored = Peer::new();
    restored.state.restore(ME, &server.log, &rows, &[]);
    restored.state.restore_room(ROOM, stored);
    restored.drain();
    assert!(restored.state.room(ROOM).unwrap().is_outdated());
    assert_eq!(gaps(&restored, ROOM), [(0, 12)]);
    restored.state.open_room(Some(ROOM));
    server.disconnect();
    post(&mut server, ROOM, 13..=14);
    restored.connect(&mut server);
    restored.deliver(&mut server, usize::MAX);
    assert!(!restored.state.room(ROOM).unwrap().is_outdated());
    assert_eq!((ords(&restored, ROOM), gaps(&restored, ROOM)), (vec![13, 14], vec![(0, 12)]));
}

#[test]
fn nothing_of_an_account_reaches_another_one() {
    let (mut peer, mut server) = opened(5);
    peer.send(&mut server, ROOM, 9);
    let welcome =
        wire::Welcome { account: user(4).0.to_vec(), log: server.log.clone(), ..wire::Welcome::default() };
    peer.state.handle_welcome(&welcome);
    let mut removed = Vec::new();
    while let Some(change) = peer.state.poll_change() {
        if let Change::Removed(room) = change {
            removed.push(room);
        }
    }
    assert_eq!(removed, [ROOM]);
    let fresh = ClientState::new(validate::nick_key);
    assert_eq!(peer.state.account_rows().rows, fresh.account_rows().rows);
    assert!(peer.state.room(ROOM).is_none() && peer.state.open().is_none());
    assert!(peer.state.people().nick(user(2)).is_empty());
}

#[test]
fn a_gap_is_loading_while_a_page_in_it_is_requested() {
    let (mut peer, mut server) = opened(200);
    server.request_page(ROOM, 100);
    peer.deliver(&mut server, usize::MAX);
    let loading = |peer: &Peer| -> Vec<bool> {
        peer.state.room(ROOM).unwrap().gaps().iter().map(|state| state.loading).collect()
    };
    let reported = |peer: &mut Peer| {
        std::iter::from_fn(|| peer.state.poll_change())
            .filter(|change| matches!(change, Change::Timeline(ROOM, TimelineUpdate::Gaps(_))))
            .count()
    };
    assert_eq!((gaps(&peer, ROOM).len(), loading(&peer)), (2, vec![false, false]));
    let [(_, first), (after, _)] = gaps(&peer, ROOM)[..] else { panic!() };
    peer.state.set_loading(ROOM, vec![first]);
    assert_eq!((loading(&peer), reported(&mut peer)), (vec![true, false], 1));
    peer.state.set_loading(ROOM, vec![first, after + 1]);
    assert_eq!((loading(&peer), reported(&mut peer)), (vec![true, true], 1));
    peer.state.set_loading(ROOM, vec![after]);
    assert_eq!((loading(&peer), reported(&mut peer)), (vec![false, false], 1), "that message is loaded");
    peer.state.set_loading(ROOM, vec![first]);
    peer.disconnect(&mut server);
    assert_eq!(loading(&peer), [false, false], "nobody answers");
}
