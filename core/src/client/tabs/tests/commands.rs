//! Commands of a follower: each is executed once and answered once, or reported as failed.

use std::collections::BTreeMap;

use super::{world::SimTab, *};
use crate::{client::PageStart, validate::nick_key, wire::client_command::Operation};

fn load(before: u64) -> Command {
    Command::LoadPage { room: LOBBY, start: PageStart::Before(before), count: 10 }
}

fn join(n: u8) -> Command {
    Command::Join { room: ROOM, id: id(n) }
}

#[test]
fn answers_are_for_the_tab_that_has_asked() {
    let mut world = World::new(1);
    (1..=5).for_each(|n| world.receive(LOBBY, id(n)));
    world.run(100);
    for (tab, before) in [(0, 3), (1, 4), (2, 5)] {
        world.user(tab, User::Server(7, load(before)));
        world.user(
            tab,
            User::Server(8, Command::Search { room: LOBBY, query: "lili".into(), before: 0, count: 9 }),
        );
    }
    world.run(200);
    for (tab, before) in [(0, 3), (1, 4), (2, 5)] {
        let [Ok(Reply::Loaded(page))] = &world.answers(tab, 7)[..] else {
            panic!("{:?}", world.answers(tab, 7))
        };
        assert_eq!(page.to, before - 1);
        assert!(matches!(world.answers(tab, 8)[..], [Ok(Reply::Found(_))]));
    }
}

#[test]
fn a_room_that_one_tab_has_joined_is_in_the_list_of_all() {
    for tab in 0..2 {
        let mut world = World::new(1);
        // It was removed before.
        let row = wire::RoomRow { room: ROOM.to_wire(), ..wire::RoomRow::default() };
        for tab in &mut world.tabs {
            let state = match &mut tab.role {
                Role::Leader(_, client) => client.state_mut(),
                Role::Follower(follower) => follower.state_mut(),
                _ => panic!(),
            };
            state.handle_row(&row);
            assert!(state.account().room(ROOM).is_none());
        }
        world.user(tab, User::Server(3, join(9)));
        world.run(100);
        assert!(world.tabs.iter().all(|tab| tab.state().account().room(ROOM).is_some()), "by tab {tab}");
        assert!(matches!(world.answers(tab, 3)[..], [Ok(Reply::Room(_))]));
    }
}

#[test]
fn commands_for_a_hung_leader_are_executed_by_the_next_one() {
    let mut world = World::new(1);
    world.receive(LOBBY, id(1));
    world.run(100);
    world.tabs[0].hangs = true;
    world.user(1, User::Server(3, join(9)));
    world.user(2, User::Server(4, load(2)));
    world.run(9_000);
    assert_eq!(world.leader(), Some(1));
    assert!(matches!(world.answers(1, 3)[..], [Ok(Reply::Room(_))]), "{:?}", world.answers(1, 3));
    assert!(matches!(world.answers(2, 4)[..], [Ok(Reply::Loaded(_))]), "{:?}", world.answers(2, 4));
    world.tabs[0].hangs = false;
    world.run(10_000);
    assert_eq!((world.answers(1, 3).len(), world.answers(2, 4).len()), (1, 1));
    let joins = world.server.operations.iter().filter(|operation| matches!(operation, Operation::Join(_)));
    assert_eq!(joins.count(), 1, "the old leader has not executed it too");
}

#[test]
fn answers_that_were_missed_are_requested_again() {
    let mut world = World::new(1);
    world.receive(LOBBY, id(1));
    world.run(100);
    world.user(1, User::Server(4, load(2)));
    world.user(1, User::Server(5, Command::ReadAll));
    world.run(3);
    // The commands are on their way, and the answers are lost.
    world.tabs[1].is_deaf = true;
    world.run(100);
    assert_eq!(world.answers(1, 4), []);
    world.tabs[1].is_deaf = false;
    world.run(3_000);
    assert!(matches!(world.answers(1, 4)[..], [Ok(Reply::Loaded(_))]), "{:?}", world.answers(1, 4));
    assert_eq!(world.answers(1, 5), [Ok(Reply::Done { seq: 0, time: 0 })]);
    let count = |wanted: fn(&Operation) -> bool| {
        world.server.operations.iter().filter(|operation| wanted(operation)).count()
    };
    assert_eq!(
        count(|operation| matches!(operation, Operation::ReadAll(_))),
        1,
        "its effect depends on the time"
    );
}

#[test]
fn marking_everything_as_read_is_not_repeated_by_another_leader() {
    let mut world = World::new(1);
    world.tabs[0].hangs = true;
    world.user(1, User::Server(5, Command::ReadAll));
    world.user(2, User::Server(6, Command::ReadAll));
    world.run(9_000);
    assert_eq!(world.leader(), Some(1));
    for (tab, number) in [(1, 5), (2, 6)] {
        assert_eq!(world.answers(tab, number), [Err(Status::TabUnresponsive)], "tab {tab}");
    }
}

#[test]
fn commands_on_messages_are_executed_once_by_the_next_leader() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.fail_message(1, id(2));
    world.server.refused.clear();
    world.server.received.clear();
    world.tabs[0].hangs = true;
    world.user(1, User::Command(TabCommand::Retry(LOBBY, id(1))));
    world.user(1, User::Command(TabCommand::Discard(LOBBY, id(2))));
    world.run(10);
    assert_eq!((world.state(1, id(1)), world.state(1, id(2))), (Some(Delivery::Queued), None), "at once");
    // The opposite commands are not possible any more.
    world.user(1, User::Command(TabCommand::Discard(LOBBY, id(1))));
    world.user(1, User::Command(TabCommand::Retry(LOBBY, id(2))));
    world.run(8_000);
    world.tabs[0].hangs = false;
    world.run(8_000);
    assert_eq!((world.leader(), world.server.log(LOBBY).len()), (Some(1), 1));
    assert_eq!(world.server.received, [(id(1), 1)].into());
    for tab in 0..3 {
        assert_eq!((world.state(tab, id(1)), world.state(tab, id(2))), (Some(Delivery::Sent), None), "{tab}");
    }
    assert_eq!(world.failures(1), 0);
}

#[test]
fn commands_that_no_leader_executes_are_reported_and_undone() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.server.refused.clear();
    world.tabs[0].hangs = true;
    let end = world.now + 2 * COMMAND_TIMEOUT_MS + 500;
    world.user(1, User::Command(TabCommand::Discard(LOBBY, id(1))));
    world.user(1, User::Server(3, join(9)));
    while world.now < end {
        // The lock can't be stolen.
        world.holder = Some(0);
        world.tabs[1].inbox.retain(|(_, input)| !matches!(input, Input::Granted));
        world.run(1);
    }
    assert_eq!(world.failures(1), 1);
    assert_eq!(world.answers(1, 3), [Err(Status::TabUnresponsive)]);
    assert_eq!(world.state(1, id(1)), Some(Delivery::Failed(Status::ContentTooLong)), "it is shown again");
    // The user changes their mind: the late leader must not execute what was reported as failed.
    world.tabs[0].inbox.retain(|(_, input)| !matches!(input, Input::Lost));
    world.tabs[0].hangs = false;
    world.user(1, User::Command(TabCommand::Retry(LOBBY, id(1))));
    world.run(2_000);
    assert_eq!((world.server.log(LOBBY).len(), world.state(1, id(1))), (1, Some(Delivery::Sent)));
    assert_eq!(world.server.executed, [].into());
}

#[test]
fn the_window_of_a_subscription_that_was_given_up_is_not_lost() {
    let mut world = World::new(1);
    world.user(1, User::Open(ROOM));
    world.run(100);
    world.receive(ROOM, id(1));
    world.run(100);
    assert_eq!(world.shown(1, ROOM).len(), 1);
    world.tabs[0].hangs = true;
    world.user(1, User::Open(ROOM));
    let end = world.now + 25_000;
    while world.now < end {
        // The lock can't be stolen.
        world.holder = Some(0);
        world.tabs[1].inbox.retain(|(_, input)| !matches!(input, Input::Granted));
        world.run(1);
    }
    assert_eq!(world.answers(1, world.opened), [Err(Status::TabUnresponsive)]);
    // The clock was set back, so the command has not expired for the leader. The server ends the earlier subscription when the
    // new one begins, and this message comes in between.
    world.unix_offset = -3_600_000;
    let _ = world.server.post(ROOM, server::OTHER, id(2), "from lili");
    world.tabs[0].inbox.retain(|(_, input)| !matches!(input, Input::Lost));
    world.tabs[0].hangs = false;
    world.run(1_000);
    world.receive(ROOM, id(3));
    world.run(1_000);
    let ids: Vec<_> = world.shown(1, ROOM).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [id(1), id(2), id(3)]);
}

#[test]
fn commands_of_a_replaced_leader_are_answered() {
    let mut world = World::new(1);
    world.server.is_slow = true;
    world.user(0, User::Server(3, load(1)));
    world.run(100);
    world.tabs[0].hangs = true;
    world.run(8_000);
    world.server.is_slow = false;
    world.tabs[0].hangs = false;
    world.run(2_000);
    assert_eq!(world.leader(), Some(1));
    assert!(matches!(world.answers(0, 3)[..], [Err(_)]), "{:?}", world.answers(0, 3));
}

#[test]
fn leaving_works_while_the_leader_hangs() {
    let mut world = World::new(1);
    world.tabs[0].hangs = true;
    world.user(1, User::Command(TabCommand::LogOut));
    world.run(8_000);
    assert!((1..3).all(|tab| matches!(world.tabs[tab].role, Role::LoggedOut)));
    assert!(world.device.account.is_none() && world.device.queued.is_empty());
}

#[test]
fn a_tab_that_has_missed_events_logs_out_too() {
    let mut world = World::new(1);
    world.run(100);
    let (now, tab) = (world.now, world.tabs[0].tab);
    let Role::Leader(leader, client) = &mut world.tabs[0].role else { panic!("not the leader") };
    let _missed = leader.publish(now, &Event::RoundTrip(4), client).unwrap();
    world.user(0, User::Command(TabCommand::LogOut));
    world.run(1_000);
    assert!((0..3).all(|tab| matches!(world.tabs[tab].role, Role::LoggedOut)), "no snapshot follows");
    // A tab in which nobody is logged in yet has nothing to end.
    let content = PostContent::Publication {
        number: 7,
        snapshot: false,
        events: vec![events::encode(now, &Event::LoggedOut, None).unwrap()],
    };
    let mut follower = Follower::new(now, Origin(99), ClientState::new(nick_key));
    follower.handle_message(world.clocks(), &Post::of_leader(tab, world.device.lease, content).encode());
    let reported: Vec<_> = std::iter::from_fn(|| follower.poll_event()).collect();
    assert!(!reported.contains(&FollowerEvent::Client(Event::LoggedOut)), "{reported:?}");
}

#[test]
fn a_follower_continues_under_another_nick() {
    for hangs in [false, true] {
        let mut world = World::new(1);
        world.server.refuses_nick = true;
        let (at, socket) = world.connection.take().unwrap();
        world.deliver(at, Input::Socket(socket, world::SocketEvent::Closed(1006)));
        world.run(3_000);
        world.tabs[0].hangs = hangs;
        world.user(1, User::Command(TabCommand::Rename("tom2".into())));
        world.run(9_000);
        let nicks: Vec<_> = world.server.logins.iter().filter(|(_, nick)| nick == "tom2").collect();
        assert_eq!((nicks.len(), world.failures(1)), (1, 0), "the leader hangs: {hangs}");
        let Role::Follower(follower) = &world.tabs[2].role else { panic!() };
        assert_eq!(&*follower.identity().unwrap().nick, "tom2");
    }
}

/// The messages of a follower that are under way to the leader.
fn posts(world: &mut World, tab: usize) -> Vec<Vec<u8>> {
    let now = world.clocks();
    let Role::Follower(follower) = &mut world.tabs[tab].role else { panic!("not a follower") };
    std::iter::from_fn(|| follower.poll_post(now)).map(|post| post.to_vec()).collect()
}

fn replace_log(world: &mut World, messages: &[MessageId]) {
    world.server.replace_log(messages);
    let (at, socket) = world.connection.take().unwrap();
    world.deliver(at, Input::Socket(socket, world::SocketEvent::Closed(1006)));
    world.user(at, User::Command(TabCommand::Reconnect));
    world.run(2_000);
    world.all_show(LOBBY, 0..3);
}

#[test]
fn commands_that_refer_to_another_log_do_not_change_this_one() {
    let mut world = World::new(1);
    (1..=5).for_each(|n| world.receive(LOBBY, id(n)));
    world.run(100);
    let (now, position) = (world.clocks(), Position { seq: 5, id: Some(id(5)) });
    let Role::Follower(follower) = &mut world.tabs[1].role else { panic!("not a follower") };
    follower.state_mut().handle_visible(LOBBY, 5, true);
    follower.handle_server_command(now, 3, Command::Subscribe { room: LOBBY, position });
    let late = posts(&mut world, 1);
    assert_eq!(late.len(), 2);
    replace_log(&mut world, &[11, 12, 13, 14, 15, 16].map(id));
    world.server.operations.clear();
    late.into_iter().for_each(|post| world.deliver(0, Input::Channel(post)));
    world.run(2_000);
    let unread = |tab: &SimTab| tab.state().account().room(LOBBY).unwrap().unread();
    assert_eq!(world.tabs.iter().map(unread).collect::<Vec<_>>(), [6, 6, 6]);
    assert_eq!(world.server.cursors, BTreeMap::new());
    let anew = Operation::Subscribe(wire::Subscribe::default());
    assert_eq!(world.server.operations, [anew], "from the beginning of the new log");
    assert!(matches!(world.answers(1, 3)[..], [Ok(Reply::Window(_))]), "{:?}", world.answers(1, 3));
    world.all_show(LOBBY, 0..3);
}

#[test]
fn a_cursor_of_another_log_does_not_hide_one_of_this_log() {
    let mut world = World::new(1);
    (1..=5).for_each(|n| world.receive(LOBBY, id(n)));
    world.run(100);
    world.user(1, User::See(LOBBY, 5));
    world.run(1_000);
    replace_log(&mut world, &[11, 12, 13].map(id));
    world.user(1, User::See(LOBBY, 2));
    world.run(1_000);
    assert_eq!(world.server.cursors[&LOBBY].ord, 2);
}

#[test]
fn a_leader_that_learns_its_rooms_is_told_of_the_cursors_again() {
    let mut world = World::new(1);
    (1..=5).for_each(|n| world.receive(LOBBY, id(n)));
    world.run(100);
    let now = world.clocks();
    let Role::Leader(leader, client) = &mut world.tabs[0].role else { panic!("not the leader") };
    let record = client.record().unwrap();
    let snapshot = Post::decode(&leader.snapshot(now.monotonic, client)).unwrap().content;
    let PostContent::Publication { events, .. } = snapshot else { panic!("{snapshot:?}") };
    let [login, welcome]: [_; 2] = events[..2].to_vec().try_into().unwrap();
    let reads = |world: &mut World| {
        let posts = posts(world, 1).into_iter().map(|post| Post::decode(&post).unwrap().content);
        let read = |content| match content {
            PostContent::Command {
                number,
                command: TabCommand::Server(Command::Read { cursor, .. }),
                ..
            } => Some((number, cursor.ord)),
            _ => None,
        };
        posts.filter_map(read).collect::<Vec<_>>()
    };
    let publish = |world: &mut World, number, snapshot, event| {
        let content = PostContent::Publication { number, snapshot, events: vec![event] };
        let post = Post::of_leader(Origin(98), world.device.lease + 1, content).encode();
        let now = world.clocks();
        let Role::Follower(follower) = &mut world.tabs[1].role else { panic!("not a follower") };
        follower.handle_message(now, &post);
    };
    // The device has the account of the next leader, and not its rooms.
    publish(&mut world, 1, true, login);
    let Role::Follower(follower) = &mut world.tabs[1].role else { panic!("not a follower") };
    follower.state_mut().handle_visible(LOBBY, 5, true);
    let told = reads(&mut world);
    let [(number, 5)] = told[..] else { panic!("{told:?}") };
    let done = Event::Answer {
        origin: world.tabs[1].tab,
        number,
        room: LOBBY,
        result: Ok(Reply::Done { seq: 0, time: 0 }),
    };
    publish(&mut world, 2, false, events::encode(now.monotonic, &done, Some(&record)).unwrap());
    assert_eq!(reads(&mut world), []);
    publish(&mut world, 3, false, welcome);
    assert!(matches!(reads(&mut world)[..], [(_, 5)]));
}
