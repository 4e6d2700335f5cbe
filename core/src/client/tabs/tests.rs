//! The tabs of a browser that share a client: three of them with a server, the device and the lock.

use super::{
    events::{self, Decoded},
    post::{Post, PostContent, Report},
    *,
};
use crate::{
    Clocks, Millis,
    client::{
        AccountRecord, Client, Command, Event, Origin, OwnMessage, Position, Reply,
        cursor::Cursor,
        state::{Change as StateChange, ClientState},
    },
    codec::{self, Envelope, Extension},
    model::{Connection, Delivery, MessageId, RoomId, UserId},
    room_rows,
    status::Status,
    wire,
};

use self::world::{Input, Role, User, World};

mod commands;
mod encoding;
mod lease;
mod other_account;
mod server;
mod storage;
mod takeover;
mod world;

const ROOM: RoomId = RoomId([3; 16]);

fn id(n: u8) -> MessageId {
    MessageId([n; 16])
}

const LOBBY: RoomId = RoomId::LOBBY;

#[test]
fn a_tab_opened_later_shows_the_same_as_the_leader() {
    let mut world = World::new(1);
    (1..=5).for_each(|n| world.receive(LOBBY, id(n)));
    world.user(0, User::Send(LOBBY, id(6)));
    world.run(100);
    world.reopen(2);
    world.run(100);
    world.user(2, User::Open(LOBBY));
    world.run(100);
    world.all_show(LOBBY, 0..3);
    assert!((0..3).all(|tab| world.is_online(tab)));
    let rows = world.tabs[0].state().account_rows();
    assert!((1..3).all(|tab| world.tabs[tab].state().account_rows() == rows));
    assert_eq!(room_rows::unpack(rows.clone()).len(), 2);
    (7..=9).for_each(|n| world.receive(LOBBY, id(n)));
    world.run(100);
    world.all_show(LOBBY, 0..3);
}

#[test]
fn tabs_show_different_rooms() {
    let mut world = World::new(1);
    world.user(1, User::Open(ROOM));
    world.run(100);
    for n in 1..=3 {
        world.receive(ROOM, id(n));
        world.receive(LOBBY, id(n + 10));
    }
    world.run(100);
    world.all_show(ROOM, [1]);
    world.all_show(LOBBY, 0..3);
    assert_eq!(world.shown(0, ROOM), [], "it is not open there");
    let head = |tab: usize| world.tabs[tab].state().account().room(ROOM).unwrap().unread();
    assert_eq!([head(0), head(1), head(2)], [3, 3, 3], "the counters are the same in all tabs");
}

#[test]
fn what_the_leader_learns_from_a_room_that_it_opens_is_in_the_list_of_every_tab() {
    let mut world = World::new(1);
    for n in 1..=3 {
        // The room is opened before the server has told of it.
        drop(world.server.post(ROOM, UserId([2; 16]), id(n), "hello"));
    }
    world.user(0, User::Open(ROOM));
    world.run(100);
    let unread = |tab: usize| world.tabs[tab].state().account().room(ROOM).unwrap().unread();
    assert_eq!([unread(0), unread(1), unread(2)], [3, 3, 3]);
}

#[test]
fn missed_events_are_detected_and_loaded() {
    let mut world = World::new(1);
    world.user(1, User::Open(ROOM));
    world.run(100);
    world.receive(LOBBY, id(1));
    world.run(100);
    world.tabs[1].is_deaf = true;
    world.receive(LOBBY, id(2));
    world.receive(ROOM, id(3));
    world.run(100);
    world.tabs[1].is_deaf = false;
    world.receive(LOBBY, id(4));
    world.run(100);
    world.all_show(LOBBY, 0..3);
    world.all_show(ROOM, [1]);
}

#[test]
fn a_message_of_a_follower_is_sent_once_by_the_leader() {
    let mut world = World::new(1);
    world.user(1, User::Send(ROOM, id(5)));
    world.run(1);
    world.run(2);
    assert_eq!(world.tabs[1].state().room(ROOM).map(|room| room.is_subscribed()), Some(false));
    assert_eq!(world.state(1, id(5)), Some(Delivery::Queued), "at once");
    world.run(1_500);
    assert_eq!((world.server.log(ROOM).len(), world.server.received[&id(5)]), (1, 1));
    assert!(world.device.queued.is_empty());
    assert_eq!((world.leader(), world.failures(1)), (Some(0), 0));
}

#[test]
fn a_replaced_log_is_replaced_in_all_tabs() {
    for is_missed in [false, true] {
        let mut world = World::new(1);
        (1..=4).for_each(|n| world.receive(LOBBY, id(n)));
        world.run(100);
        world.all_show(LOBBY, 0..3);
        world.tabs[1].is_deaf = is_missed;
        world.server.replace_log(&[id(11), id(12)]);
        let (at, socket) = world.connection.take().unwrap();
        world.deliver(at, Input::Socket(socket, world::SocketEvent::Closed(1006)));
        world.user(0, User::Command(TabCommand::Reconnect));
        world.run(5_000);
        world.tabs[1].is_deaf = false;
        world.run(5_000);
        world.all_show(LOBBY, 0..3);
    }
}

#[test]
fn the_next_leader_finds_the_log_that_the_tab_shows() {
    let mut world = World::new(1);
    (1..=4).for_each(|n| world.receive(LOBBY, id(n)));
    world.run(100);
    world.tabs[0].hangs = true;
    world.server.replace_log(&[id(11), id(12)]);
    world.run(10_000);
    assert_eq!(world.leader(), Some(1));
    world.all_show(LOBBY, 1..3);
}

#[test]
fn read_cursors_are_the_same_in_all_tabs_and_reach_the_server() {
    let mut world = World::new(1);
    (1..=4).for_each(|n| world.receive(LOBBY, id(n)));
    world.run(100);
    world.user(1, User::See(LOBBY, 3));
    world.run(1_000);
    let cursor = Cursor { version: 0, ord: 3 };
    assert_eq!(world.server.cursors.get(&LOBBY), Some(&cursor));
    for tab in &world.tabs {
        assert_eq!(tab.state().account().room(LOBBY).unwrap().cursor(), cursor);
    }
    let told = world.server.operations.len();
    world.run(5_000);
    assert_eq!(world.server.operations.len(), told, "once");
    // A cursor that a dying leader did not pass on is told by the next one.
    world.tabs[0].hangs = true;
    world.user(2, User::See(LOBBY, 4));
    world.run(12_000);
    assert_eq!(world.server.cursors[&LOBBY].ord, 4);
}

#[test]
fn a_room_that_no_tab_shows_is_not_received() {
    let mut world = World::new(1);
    world.user(2, User::Open(ROOM));
    world.run(100);
    world.receive(ROOM, id(1));
    world.run(100);
    world.all_show(ROOM, [2]);
    // The tab is closed without notice. Its room is received until the leader needs the place.
    world.close_tab(2);
    for _ in 0..2 {
        world.run(31_000);
        world.user(1, User::Open(LOBBY));
    }
    world.run(31_000);
    world.reopen(2);
    world.run(200);
    world.user(2, User::Open(LOBBY));
    world.run(200);
    let unsubscribed = FollowerEvent::Client(Event::Unsubscribed(ROOM));
    assert!(world.tabs[1].shown.events.contains(&unsubscribed));
}

#[test]
fn a_follower_refuses_a_message_that_its_leader_would_refuse() {
    let mut world = World::new(1);
    let now = world.clocks();
    let Role::Follower(follower) = &mut world.tabs[1].role else { panic!() };
    let mut send = |text: &str| follower.handle_send(now, LOBBY, id(1), text).map(drop);
    assert_eq!(send(" "), Err(Status::ContentEmpty));
    assert_eq!(send(&"x".repeat(20_000)), Err(Status::ContentTooLong));
    assert_eq!(world.state(1, id(1)), None, "nothing is shown");
    let mut unknown = Follower::new(now.monotonic, Origin(9), ClientState::new(crate::validate::nick_key));
    assert_eq!(unknown.handle_send(now, LOBBY, id(1), "x").map(drop), Err(Status::NotConnected));
}

#[test]
fn unsent_messages_are_in_the_same_order_in_all_tabs() {
    let mut world = World::new(1);
    world.server_answers = false;
    world.connection = None;
    // The leader sends a message while that of the follower is being stored.
    world.user(1, User::Send(LOBBY, id(1)));
    world.run(1);
    world.user(0, User::Send(LOBBY, id(2)));
    world.run(100);
    // A clock that is set back does not change the order.
    world.unix_offset = -3_600_000;
    world.user(0, User::Send(LOBBY, id(3)));
    world.run(100);
    for tab in 0..3 {
        let ids: Vec<_> = world.shown(tab, LOBBY).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [id(1), id(2), id(3)], "tab {tab}");
    }
}

#[test]
fn events_are_counted_while_the_leader_knows_of_no_follower() {
    let mut world = World::new(1);
    let now = world.clocks();
    let Role::Leader(_, client) = &mut world.tabs[0].role else { panic!() };
    let [none, one] = [0, 1].map(|events| {
        let mut leader = Leader::new(Origin(9), 50, false);
        for _ in 0..events {
            assert_eq!(leader.publish(now.monotonic, &Event::RoundTrip(4), client), None);
        }
        leader.handle_message(now, &Post::report(Origin(8), Report::Visible).encode(), client);
        let renewal = leader.poll_renewal(now.monotonic, client).unwrap();
        let PostContent::Renewal { number, .. } = Post::decode(&renewal).unwrap().content else { panic!() };
        number
    });
    assert_ne!(none, one, "a follower sees that it has missed an event");
}
