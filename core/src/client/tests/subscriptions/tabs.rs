//! Subscriptions of several tabs to a room.

use super::*;

#[test]
fn the_tab_that_subscribes_gets_a_window_from_its_position() {
    let mut driver = Driver::online();
    driver.command(1, subscribe(ROOM, 4));
    let Some((number, ROOM, Operation::Subscribe(wire::Subscribe { seq: 4, .. }))) =
        driver.operations().pop()
    else {
        panic!("{:?}", driver.operations())
    };
    driver.receive(&response(number, Answer::Window(window(6))));
    assert_eq!(driver.answers(), [(1, Ok(Reply::Window(window(6))))]);
    assert!(driver.client.state().room(ROOM).unwrap().is_subscribed());
    // Another tab gets its own window, which the first one does not apply.
    driver.client.handle_command(driver.now, TAB, 1, subscribe(ROOM, 0));
    driver.clear();
    driver.drain();
    let [(number, ROOM, Operation::Subscribe(wire::Subscribe { seq: 0, .. }))] = driver.operations()[..]
    else {
        panic!("{:?}", driver.operations())
    };
    let reset = wire::RoomWindow { reset: true, ..window(6) };
    driver.receive(&response(number, Answer::Window(reset)));
    assert!(matches!(driver.events[..], [Event::Answer { origin: TAB, number: 1, .. }]));
    assert_eq!(driver.client.state().room(ROOM).unwrap().resets(), 0);
}

#[test]
fn a_room_is_unsubscribed_when_no_tab_shows_it_and_another_is_subscribed() {
    let mut driver = Driver::online();
    driver.subscribed(ROOM, 4);
    driver.client.handle_command(driver.now, TAB, 1, subscribe(ROOM, 4));
    driver.command(1, Command::Unsubscribe { room: ROOM });
    assert!(driver.answers().contains(&(1, Ok(Reply::Done { seq: 0, time: 0 }))));
    driver.subscribed(RoomId::LOBBY, 0);
    assert!(driver.client.state().room(ROOM).unwrap().is_subscribed(), "the other tab shows it");
    driver.client.handle_closed_tab(TAB);
    driver.command(2, subscribe(RoomId([8; 16]), 0));
    assert!(driver.events.contains(&Event::Unsubscribed(ROOM)));
    let unsubscribes = driver
        .operations()
        .into_iter()
        .filter(|(_, room, operation)| *room == ROOM && matches!(operation, Operation::Unsubscribe(_)));
    assert_eq!(unsubscribes.count(), 1);
    assert!(!driver.client.state().room(ROOM).unwrap().is_subscribed());
    // Also after a reconnect.
    log_in_again(&mut driver);
    assert!(positions(&driver).iter().all(|(room, ..)| *room != ROOM));
}

#[test]
fn a_refused_subscription_of_one_tab_ends_that_of_another() {
    let mut driver = Driver::online();
    driver.subscribed(ROOM, 4);
    driver.client.handle_command(driver.now, TAB, 1, subscribe(ROOM, 0));
    driver.drain();
    let (number, ..) = driver.operations().pop().unwrap();
    driver.receive(&refused(number, Status::NotAMember, 0));
    assert_eq!(driver.answers(), [(1, Err(Status::NotAMember))]);
    assert!(!driver.client.state().room(ROOM).unwrap().is_subscribed());
}

#[test]
fn events_that_windows_of_two_other_tabs_have_skipped_are_requested() {
    let mut driver = Driver::online();
    driver.subscribed(ROOM, 4);
    for (number, tab) in [TAB, Origin(3)].into_iter().enumerate() {
        driver.client.handle_command(driver.now, tab, number as u32 + 1, subscribe(ROOM, 0));
    }
    driver.drain();
    let answers: Vec<_> = driver.operations().iter().map(|(number, ..)| *number).collect();
    // In one frame, so that nothing is sent between them.
    let answers = answers.into_iter().map(|number| response(number, Answer::Window(window(6))));
    let answers = answers.map(|answer| codec::encode(&answer)).collect();
    driver.receive_bytes(&codec::batch(answers));
    let operations = driver.operations();
    let [.., (number, _, Operation::Subscribe(wire::Subscribe { seq: 4, .. }))] = &operations[..] else {
        panic!("{operations:?}")
    };
    let frames = (5..=6).map(|seq| codec::encode(&talk(ROOM, OTHER, seq, MessageId([seq as u8 + 46; 16]))));
    let frames = frames.map(|frame| frame.to_vec()).collect();
    driver.receive(&response(*number, Answer::Window(wire::RoomWindow { frames, ..window(6) })));
    assert_eq!(driver.client.state().room(ROOM).unwrap().position(), 6);
    assert_eq!(driver.operations().len(), 3);
}

#[test]
fn events_that_a_window_of_another_tab_has_skipped_are_requested() {
    for (seq, requests) in [(4, 1), (6, 2)] {
        let mut driver = Driver::online();
        driver.subscribed(ROOM, 4);
        driver.client.handle_command(driver.now, TAB, 1, subscribe(ROOM, 0));
        driver.drain();
        let (number, ..) = driver.operations()[0];
        driver.receive(&response(number, Answer::Window(window(seq))));
        assert_eq!(driver.operations().len(), requests);
        if let Some((number, _, Operation::Subscribe(wire::Subscribe { seq: 4, .. }))) =
            driver.operations().get(1)
        {
            driver.receive(&talk(ROOM, OTHER, 7, MessageId([53; 16])));
            let frames =
                (5..=7).map(|seq| codec::encode(&talk(ROOM, OTHER, seq, MessageId([seq as u8 + 46; 16]))));
            let frames = frames.map(|frame| frame.to_vec()).collect();
            driver.receive(&response(*number, Answer::Window(wire::RoomWindow { frames, ..window(7) })));
            assert_eq!(driver.client.state().room(ROOM).unwrap().position(), 7);
        }
        assert_eq!(driver.operations().len(), requests);
    }
}
