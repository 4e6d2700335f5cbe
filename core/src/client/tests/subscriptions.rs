//! Subscriptions: which rooms are received in full, over reconnects and for several tabs.

mod tabs;

use super::*;

const TAB: Origin = Origin(77);

fn subscribe(room: RoomId, seq: u64) -> Command {
    Command::Subscribe { room, position: Position { seq, id: None } }
}

impl Driver {
    /// Subscribes a room at this sequence number, and answers with a window that ends there.
    pub(super) fn subscribed(&mut self, room: RoomId, seq: u64) {
        self.command(90, subscribe(room, seq));
        let (number, _, _) = self.operations().pop().unwrap();
        self.receive(&response(number, Answer::Window(window(seq))));
        self.clear();
    }
}

/// The positions in the last login.
fn positions(driver: &Driver) -> Vec<(RoomId, u64, Vec<u8>)> {
    let positions = driver.login().positions.iter();
    positions
        .map(|position| (RoomId::from_wire(&position.room).unwrap(), position.seq, position.id.clone()))
        .collect()
}

fn log_in_again(driver: &mut Driver) {
    driver.closed(1006);
    driver.client.handle_reconnect(driver.now);
    driver.drain();
    driver.clear();
    driver.opened();
}

#[test]
fn subscriptions_are_restored_at_login_from_the_last_event() {
    let mut driver = Driver::online();
    driver.subscribed(ROOM, 4);
    let id = MessageId([50; 16]);
    driver.receive(&talk(ROOM, OTHER, 5, id));
    log_in_again(&mut driver);
    assert_eq!(positions(&driver), [(ROOM, 5, id.0.to_vec())], "the lobby is not shown any more");
    assert_eq!(driver.login().open, ROOM.0);
    driver.receive(&with_welcome(|welcome| welcome.window = Some(window(5))));
    assert_eq!(driver.operations(), [], "its window has come with the welcome");
    assert!(driver.client.state().room(ROOM).unwrap().is_subscribed());
    driver.receive(&talk(ROOM, OTHER, 6, MessageId([51; 16])));
    assert_eq!(driver.client.state().room(ROOM).unwrap().position(), 6);
}

#[test]
fn room_that_is_shown_again_is_the_one_that_the_next_login_opens() {
    let mut driver = Driver::online();
    driver.subscribed(ROOM, 4);
    driver.subscribed(RoomId::LOBBY, 2);
    driver.command(91, subscribe(ROOM, 4));
    driver.client.handle_shown(RoomId::LOBBY);
    log_in_again(&mut driver);
    assert_eq!(driver.login().open, RoomId::LOBBY.to_wire());
    driver.client.handle_shown(RoomId([77; 16]));
    log_in_again(&mut driver);
    assert_eq!(driver.login().open, RoomId::LOBBY.to_wire(), "the other room is not subscribed");
}

#[test]
fn a_subscription_whose_window_does_not_follow_the_login_is_requested() {
    let mut driver = Driver::online();
    driver.client.handle_command(driver.now, TAB, 1, subscribe(ROOM, 3));
    driver.client.handle_command(driver.now, Origin::LOCAL, 1, subscribe(RoomId::LOBBY, 0));
    driver.drain();
    log_in_again(&mut driver);
    let rooms: Vec<_> = positions(&driver).into_iter().map(|(room, seq, _)| (room, seq)).collect();
    assert_eq!(rooms, [(RoomId::LOBBY, 0), (ROOM, 3)]);
    for follows in [true, false] {
        let mut driver = Driver::online();
        driver.client.handle_command(driver.now, TAB, 1, subscribe(ROOM, 3));
        driver.client.handle_command(driver.now, Origin::LOCAL, 1, subscribe(RoomId::LOBBY, 0));
        driver.drain();
        for (number, room, _) in driver.operations() {
            let seq = if room == ROOM { 3 } else { 0 };
            driver.receive(&response(number, Answer::Window(window(seq))));
        }
        log_in_again(&mut driver);
        driver.clear();
        driver.receive(&welcome("tom"));
        if follows {
            driver.receive(&server_window(ROOM, window(4)));
        }
        assert_eq!(driver.operations(), []);
        driver.pong();
        let requested = driver.operations();
        if follows {
            assert_eq!(requested, []);
        } else {
            let [(number, ROOM, Operation::Subscribe(wire::Subscribe { seq: 3, .. }))] = requested[..] else {
                panic!("{requested:?}")
            };
            driver.receive(&response(number, Answer::Window(window(4))));
        }
        let windows = driver.events.iter().filter(|event| {
            matches!(event, Event::Received(envelope) if matches!(&envelope.extension,
                Some(Ext::Event(wire::ServerEvent { body: Some(Body::Window(window)), .. })) if window.seq == 4))
        });
        assert_eq!(windows.count(), 1, "for all tabs");
    }
}

#[test]
fn a_subscription_given_before_the_login_needs_no_command() {
    let mut driver = Driver::online();
    driver.reload();
    driver.command(1, subscribe(ROOM, 4));
    driver.opened();
    assert_eq!((&driver.login().open[..], positions(&driver)[0].1), (&ROOM.0[..], 4));
    driver.receive(&with_welcome(|welcome| welcome.window = Some(window(5))));
    assert_eq!(driver.operations(), []);
    assert_eq!(driver.answers(), [(1, Ok(Reply::Window(window(5))))]);
    assert_eq!(driver.client.state().room(ROOM).unwrap().position(), 5);
}

#[test]
fn skipped_events_are_requested() {
    let mut driver = Driver::online();
    driver.subscribed(ROOM, 4);
    driver.receive(&talk(ROOM, OTHER, 7, MessageId([50; 16])));
    let [(number, ROOM, Operation::Subscribe(wire::Subscribe { seq: 4, .. }))] = driver.operations()[..]
    else {
        panic!("{:?}", driver.operations())
    };
    driver.receive(&talk(ROOM, OTHER, 8, MessageId([51; 16])));
    assert_eq!(driver.operations().len(), 1, "once");
    let frames = (5..=8).map(|seq| codec::encode(&talk(ROOM, OTHER, seq, MessageId([seq as u8 + 43; 16]))));
    let frames = frames.map(|frame| frame.to_vec()).collect();
    driver.receive(&response(number, Answer::Window(wire::RoomWindow { frames, ..window(8) })));
    assert_eq!(driver.client.state().room(ROOM).unwrap().position(), 8);
    driver.receive(&talk(ROOM, OTHER, 9, MessageId([60; 16])));
    assert_eq!(driver.client.state().room(ROOM).unwrap().position(), 9);
}

#[test]
fn a_server_that_is_behind_does_not_move_the_position_back() {
    let mut driver = Driver::online();
    driver.subscribed(ROOM, 9);
    log_in_again(&mut driver);
    let behind = wire::RoomWindow { behind: true, ..window(5) };
    driver.receive(&with_welcome(|welcome| welcome.window = Some(behind)));
    log_in_again(&mut driver);
    assert_eq!(positions(&driver)[0].1, 9);
}

#[test]
fn positions_of_another_log_are_forgotten() {
    let mut driver = Driver::online();
    driver.subscribed(ROOM, 9);
    log_in_again(&mut driver);
    driver.receive(&with_welcome(|welcome| {
        welcome.log = vec![5; 16];
        welcome.window = Some(wire::RoomWindow { reset: true, ..window(2) });
    }));
    log_in_again(&mut driver);
    assert_eq!((positions(&driver)[0].1, &driver.login().log[..]), (2, &[5; 16][..]));
}

#[test]
fn a_room_that_the_account_has_left_is_not_restored() {
    let removed = wire::RoomRow { role: wire::Role::None.into(), ..row(ROOM, 1) };
    let rows = wire::AccountRows { rows: room_rows::pack([removed]), ..wire::AccountRows::default() };
    let person = wire::Person { account: ME.0.to_vec(), ..wire::Person::default() };
    let change = wire::MemberChange { person: Some(person), role: wire::Role::None.into(), members: None };
    let change = Some(wire::room_event::Change::Member(change));
    let event = wire::RoomEvent { seq: 5, change, ..wire::RoomEvent::default() };
    for body in [Body::Rows(rows), Body::Event(event)] {
        let mut driver = Driver::online();
        driver.subscribed(ROOM, 4);
        let room = if matches!(body, Body::Rows(_)) { Vec::new() } else { ROOM.to_wire() };
        driver.receive(&codec::extension(Ext::Event(wire::ServerEvent { room, body: Some(body) })));
        log_in_again(&mut driver);
        assert!(positions(&driver).iter().all(|(room, ..)| *room != ROOM), "{:?}", positions(&driver));
    }
    // Or the server refuses it at the next login.
    let mut driver = Driver::online();
    driver.subscribed(ROOM, 4);
    driver.client.handle_command(driver.now, TAB, 1, subscribe(RoomId::LOBBY, 0));
    log_in_again(&mut driver);
    driver.receive(&welcome("tom"));
    driver.pong();
    let (number, ..) = driver.operations().into_iter().find(|(_, room, _)| *room == ROOM).unwrap();
    driver.receive(&refused(number, Status::NoSuchRoom, 0));
    assert!(driver.events.contains(&Event::Unsubscribed(ROOM)));
    log_in_again(&mut driver);
    assert!(positions(&driver).iter().all(|(room, ..)| *room != ROOM), "{:?}", positions(&driver));
}

#[test]
fn the_number_of_subscriptions_is_limited() {
    let mut driver = Driver::new();
    driver.connect();
    driver.receive(&with_welcome(|welcome| {
        welcome.limits = Some(wire::Limits { subscriptions: 2, ..wire::Limits::default() });
    }));
    for n in 1..=3 {
        driver.client.handle_command(driver.now, Origin(n), 1, subscribe(RoomId([n as u8 + 20; 16]), 0));
    }
    driver.drain();
    assert_eq!(driver.answers(), [(1, Err(Status::TooManyRooms))]);
    assert!(matches!(driver.events.last(), Some(Event::Answer { origin: Origin(3), .. })));
}

#[test]
fn a_window_that_arrives_after_the_end_of_the_subscription_does_not_begin_it_again() {
    for is_restored in [false, true] {
        let mut driver = Driver::online();
        driver.client.state_mut().open_room(Some(ROOM));
        if is_restored {
            driver.subscribed(ROOM, 4);
            driver.receive(&talk(ROOM, OTHER, 7, MessageId([50; 16])));
        } else {
            driver.command(1, subscribe(ROOM, 4));
        }
        let [.., (number, ROOM, Operation::Subscribe(_))] = driver.operations()[..] else {
            panic!("{:?}", driver.operations())
        };
        driver.command(2, Command::Unsubscribe { room: ROOM });
        driver.subscribed(RoomId([8; 16]), 0);
        let frames = (5..=8).map(|seq| codec::encode(&talk(ROOM, OTHER, seq, MessageId([50; 16]))).to_vec());
        let window = wire::RoomWindow { frames: frames.collect(), ..window(8) };
        driver.receive(&response(number, Answer::Window(window)));
        assert_eq!(driver.answers().len(), usize::from(!is_restored), "each command is answered once");
        let room = driver.client.state().room(ROOM).unwrap();
        assert_eq!((room.position(), room.is_subscribed()), (8, false), "restored: {is_restored}");
    }
}

#[test]
fn own_messages_in_windows_and_pages_are_acknowledged() {
    let mut driver = Driver::online();
    let ids = [1, 2, 3].map(|n| driver.send_to(ROOM, &n.to_string()));
    driver.closed(1006);
    driver.client.handle_reconnect(driver.now);
    driver.drain();
    driver.opened();
    driver.clear();
    // The server has stored the first one. Another account has used the id of the second one.
    let frames = vec![
        codec::encode(&talk(ROOM, ME, 1, ids[0])).to_vec(),
        codec::encode(&talk(ROOM, OTHER, 2, ids[1])).to_vec(),
    ];
    let of_room = wire::RoomWindow { frames, ..window(2) };
    driver.receive(&with_welcome(|welcome| welcome.window = Some(of_room)));
    assert_eq!(driver.texts(), ["2", "3"]);
    let message = |sender, id: MessageId| wire::PageMessage {
        sender,
        id: id.0.to_vec(),
        seq: 3,
        ord: 3,
        ..wire::PageMessage::default()
    };
    let person = |account: UserId| wire::Person { account: account.0.to_vec(), ..wire::Person::default() };
    let page = wire::MessagePage {
        messages: vec![message(0, ids[2]), message(1, ids[1])],
        people: vec![person(ME), person(OTHER)],
        to: 3,
        ..wire::MessagePage::default()
    };
    driver.command(1, Command::LoadPage { room: ROOM, start: PageStart::Before(4), count: 9 });
    let (number, ..) = driver.operations()[0];
    driver.receive(&response(number, Answer::Page(page)));
    let acknowledged: Vec<_> =
        driver.deliveries().into_iter().filter(|(_, delivery)| *delivery == Delivery::Sent).collect();
    assert_eq!(acknowledged, [(ids[0], Delivery::Sent), (ids[2], Delivery::Sent)]);
}

#[test]
fn a_subscription_whose_command_has_failed_is_requested_later() {
    let mut driver = Driver::new();
    driver.connect();
    driver.command(1, subscribe(ROOM, 0));
    driver.receive(&welcome("tom"));
    driver.client.handle_visibility(driver.now, false);
    driver.pong();
    assert_eq!(driver.operations().len(), 1, "the command is not answered yet");
    driver.pass(10_000);
    assert_eq!(driver.answers(), [(1, Err(Status::NoAnswer))]);
    driver.pass(5_000);
    driver.pong();
    assert_eq!(driver.operations().len(), 2, "the tab still shows the room");
}

#[test]
fn the_window_of_a_subscription_whose_time_is_over_is_not_lost() {
    let mut driver = Driver::online();
    driver.client.state_mut().open_room(Some(ROOM));
    driver.subscribed(ROOM, 4);
    driver.command(1, subscribe(ROOM, 4));
    let (number, ..) = driver.operations().pop().unwrap();
    for _ in 0..2 {
        driver.pong();
        driver.pass(5_000);
    }
    assert_eq!(driver.answers(), [(1, Err(Status::NoAnswer))]);
    // The server has ended the earlier subscription when it began this one.
    let frame = codec::encode(&talk(ROOM, OTHER, 5, MessageId([50; 16]))).to_vec();
    driver.receive(&response(number, Answer::Window(wire::RoomWindow { frames: vec![frame], ..window(5) })));
    assert_eq!(driver.answers().len(), 1, "it is answered once");
    assert_eq!(driver.client.state().room(ROOM).unwrap().position(), 5);
    driver.receive(&talk(ROOM, OTHER, 6, MessageId([51; 16])));
    assert_eq!(driver.client.state().room(ROOM).unwrap().position(), 6);
}

#[test]
fn a_subscription_ends_by_a_refusal_but_not_by_the_end_of_the_connection() {
    for is_refused in [true, false] {
        let mut driver = Driver::online();
        driver.command(1, subscribe(ROOM, 0));
        if is_refused {
            let (number, ..) = driver.operations().pop().unwrap();
            driver.receive(&refused(number, Status::NoSuchRoom, 0));
            driver.closed(1006);
        } else {
            driver.closed(Status::Replaced.code());
        }
        assert!(matches!(driver.answers()[..], [(1, Err(_))]));
        driver.clear();
        driver.client.handle_reconnect(driver.now);
        driver.drain();
        driver.opened();
        assert_eq!(positions(&driver).iter().any(|(room, ..)| *room == ROOM), !is_refused);
    }
}

#[test]
fn a_command_that_waits_while_the_log_is_replaced_gives_up_its_position() {
    let mut driver = Driver::online();
    driver.subscribed(ROOM, 9);
    log_in_again(&mut driver);
    driver.command(3, subscribe(ROOM, 9));
    driver.clear();
    driver.receive(&with_welcome(|welcome| {
        welcome.log = vec![5; 16];
        welcome.window = Some(window(2));
    }));
    assert_eq!(driver.operations(), [], "the window begins where the tab does");
    assert_eq!(driver.answers(), [(3, Ok(Reply::Window(window(2))))]);
}
