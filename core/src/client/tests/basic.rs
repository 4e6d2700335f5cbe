//! The client with a basic server.

use super::*;

/// The texts of the received messages, and whether this account has sent them.
fn messages(driver: &Driver) -> Vec<(String, bool)> {
    let me = driver.client.state().me().unwrap();
    let received = driver.events.iter().filter_map(|event| match event {
        Event::Received(envelope) if envelope.extension.is_none() => Some(envelope),
        _ => None,
    });
    received.map(|envelope| (envelope.content.clone(), envelope.sender == me.0)).collect()
}

/// The nicks in presence changes, and whether they have joined.
fn presence(driver: &Driver) -> Vec<(String, bool)> {
    let mut changes = Vec::new();
    for event in &driver.events {
        if let Event::Received(envelope) = event
            && let Some(Ext::Event(wire::ServerEvent { body: Some(Body::Presence(presence)), .. })) =
                &envelope.extension
        {
            let joined = |person: &wire::Person| person.state == i32::from(wire::PresenceState::Online);
            changes.extend(presence.people.iter().map(|person| (person.nick.clone(), joined(person))));
        }
    }
    changes
}

#[test]
fn a_login_answered_without_extension_selects_the_basic_dialect() {
    let mut driver = Driver::new();
    driver.connect();
    driver.receive(&listed("tom", "login", "", &["lili", "tom"]));
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Basic });
    assert_eq!((messages(&driver), presence(&driver)), (vec![], vec![]));
    let rooms: Vec<_> = driver.client.state().account().rooms().map(|entry| entry.room).collect();
    assert_eq!(rooms, [RoomId::LOBBY]);
    assert!(driver.client.state().room(RoomId::LOBBY).unwrap().is_subscribed());
    driver.clear();
    driver.pass(3_600_000);
    assert!(driver.sent.is_empty(), "a basic server would show it as a message");
}

#[test]
fn the_first_login_is_valid_utf8() {
    let mut driver = Driver::with(setup("李丽", 0xFF));
    let subscribe = Command::Subscribe { room: ROOM, position: Position::default() };
    driver.client.handle_connect(driver.now).unwrap();
    driver.client.handle_command(driver.now, Origin::LOCAL, 1, subscribe);
    driver.drain();
    driver.opened();
    assert!(std::str::from_utf8(&codec::encode(&driver.sent[0])).is_ok());
    assert!(codec::encode(&driver.sent[0]).len() < 190);
}

#[test]
fn a_basic_server_may_send_the_unknown_fields_back() {
    let mut driver = Driver::new();
    driver.connect();
    let echo = Envelope { user_list: codec::user_list(["tom"]), ..driver.sent[0].clone() };
    assert!(echo.extension.is_some());
    driver.receive(&echo);
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Basic });
}

#[test]
fn a_basic_servers_echo_confirms_a_message() {
    let mut driver = Driver::basic();
    let id = driver.send("hi");
    let [sent] = &driver.sent[..] else { panic!() };
    assert!(sent.id.is_empty() && sent.extension.is_none() && sent.room.is_empty());
    driver.clear();
    driver.receive(&listed("lili", "talk", "hi", &["lili", "tom"]));
    assert_eq!(
        (messages(&driver), presence(&driver)),
        (vec![("hi".into(), false)], vec![("lili".into(), true)])
    );
    assert!(driver.deliveries().is_empty());
    driver.clear();
    driver.receive(&listed("tom", "talk", "hi", &["lili", "tom"]));
    assert_eq!(messages(&driver), [("hi".into(), true)]);
    assert_eq!(driver.deliveries(), BTreeMap::from([(id, Delivery::Sent)]));
    let Some(Event::Received(echo)) = driver.events.last() else { panic!() };
    assert_eq!((&echo.id[..], echo.seq, echo.ord), (&id.0[..], 2, 2));
    let entry = driver.client.state().account().room(RoomId::LOBBY).unwrap();
    assert_eq!((entry.head(), entry.unread()), (2, 2));
}

#[test]
fn joined_messages_are_split() {
    let mut driver = Driver::basic();
    let mut bytes = codec::encode(&listed("lili", "talk", "one", &["tom", "lili"])).to_vec();
    bytes.push(b'\n');
    bytes.extend_from_slice(&codec::encode(&listed("lili", "talk", "two\n\nlines", &[])));
    bytes.push(b'\n');
    bytes.extend_from_slice(&codec::encode(&listed("", "talk", "", &["tom"])));
    driver.receive_bytes(&bytes);
    assert_eq!(messages(&driver), [("one".into(), false), ("two\n\nlines".into(), false)]);
    assert_eq!(presence(&driver), [("lili".into(), true), ("lili".into(), false)]);
}

#[test]
fn announcements_of_a_basic_server_are_recognised_with_and_without_type() {
    for kind in ["", "exit"] {
        let mut driver = Driver::basic();
        driver.receive(&listed("lili", "talk", "hi", &["lili", "tom"]));
        driver.clear();
        driver.receive(&listed("lili", kind, "exit", &["tom"]));
        assert_eq!((messages(&driver), presence(&driver)), (vec![], vec![("lili".into(), false)]));
    }
    for kind in ["", "userlist"] {
        let mut driver = Driver::basic();
        driver.client.handle_list_members(driver.now);
        driver.drain();
        assert_eq!(driver.sent[0].r#type, "userlist");
        driver.clear();
        driver.receive(&listed("", kind, "tom,lili,", &[]));
        let is_list =
            |event: &Event| matches!(event, Event::Notice(Notice::Members { nicks, .. }) if nicks.len() == 2);
        assert!(driver.events.iter().any(is_list));
        assert!(messages(&driver).is_empty());
    }
    // As messages of a member, the same texts are messages.
    let mut driver = Driver::basic();
    driver.receive(&listed("lili", "talk", "exit", &["lili", "tom"]));
    driver.receive(&listed("lili", "talk", "red, green,", &["lili", "tom"]));
    assert_eq!(messages(&driver).len(), 2);
}

#[test]
fn a_message_too_long_for_a_basic_server_is_refused_locally() {
    let mut driver = Driver::basic();
    let overhead = codec::encode(&codec::message("tom", None, &"x".repeat(400))).len() - 400;
    let fits = "x".repeat(512 - overhead);
    driver.send(&fits);
    assert_eq!(driver.client.excess_bytes(&fits), 0);
    let over = format!("{fits}yy");
    assert_eq!(driver.client.excess_bytes(&over), 2);
    let refused = driver.client.handle_send(driver.now, RoomId::LOBBY, MessageId([77; 16]), &over);
    assert_eq!(refused, Err(Status::ContentTooLong));
    let refused = driver.client.handle_send(driver.now, ROOM, MessageId([78; 16]), "hi");
    assert_eq!(refused, Err(Status::NotOnThisServer));
}

#[test]
fn an_unconfirmed_message_is_resent_to_a_basic_server_only_by_the_user() {
    let mut driver = Driver::basic();
    let id = driver.send("hi");
    driver.closed(1006);
    let unconfirmed = Delivery::Failed(Status::Unconfirmed);
    assert!(driver.events.contains(&Event::Delivery(RoomId::LOBBY, id, unconfirmed)));
    driver.client.handle_reconnect(driver.now);
    driver.drain();
    driver.opened();
    driver.clear();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(driver.texts(), Vec::<&str>::new());
    assert!(driver.events.contains(&Event::Notice(Notice::MessagesMissed)));
    driver.client.handle_retry(driver.now, RoomId::LOBBY, id);
    driver.drain();
    assert_eq!(driver.texts(), ["hi"]);
}

#[test]
fn text_that_browsers_reject_is_reported_and_retried() {
    // Browsers close with 1007 and report 1006 to the page.
    for code in [1006, 1007] {
        let mut driver = Driver::basic();
        driver.closed(code);
        assert!(matches!(driver.connection(), Connection::Reconnecting { status: Status::InvalidText, .. }));
        assert!(driver.events.contains(&Event::Notice(Notice::ConnectionBroke(Status::InvalidText))));
    }
}

#[test]
fn leaving_a_basic_server_closes_with_an_empty_frame() {
    let mut driver = Driver::basic();
    driver.client.handle_log_out(driver.now);
    driver.drain();
    assert_eq!(decode(&codec::encode(driver.sent.last().unwrap())).unwrap().content, "exit");
    assert_eq!(driver.closes, [None]);
}

/// Logged in on a basic server that answers in Text, with cleared output.
fn text_server() -> Driver {
    let mut driver = Driver::new();
    driver.connect();
    driver.client.handle_text(driver.now, &codec::encode(&listed("tom", "login", "", &["tom"])));
    driver.drain();
    driver.clear();
    driver
}

/// Sends the message frames back in Text, as the original server does: with the member list.
fn echo_as_text(driver: &mut Driver) {
    for envelope in std::mem::take(&mut driver.sent) {
        let echo = Envelope { user_list: codec::user_list(["tom"]), ..envelope };
        let bytes = codec::encode(&echo);
        assert!(std::str::from_utf8(&bytes).is_ok(), "a browser closes the connection: {echo:?}");
        driver.client.handle_text(driver.now, &bytes);
        driver.drain();
    }
}

#[test]
fn a_long_message_is_sent_in_parts_to_a_server_that_answers_in_text() {
    let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}";
    for text in
        ["word ".repeat(60), "x".repeat(127), "x".repeat(128), "\u{5B57}".repeat(120), family.repeat(20)]
    {
        let mut driver = text_server();
        let id = driver.send(&text);
        let text = text.trim_end();
        assert_eq!(driver.texts().concat(), text);
        assert_eq!(driver.texts().len() > 1, text.len() > 127, "{text}");
        driver.events.clear();
        echo_as_text(&mut driver);
        assert_eq!(messages(&driver), [(text.to_owned(), true)]);
        assert_eq!(driver.deliveries(), BTreeMap::from([(id, Delivery::Sent)]));
    }
}

#[test]
fn parts_of_a_message_are_confirmed_one_after_another() {
    let mut driver = text_server();
    let ids = [driver.send(&"x".repeat(254)), driver.send(&"x".repeat(127))];
    let echoes = std::mem::take(&mut driver.sent);
    driver.clear();
    for (number, confirmed) in [(0, 0), (1, 1), (2, 2)] {
        driver.client.handle_text(driver.now, &codec::encode(&echoes[number]));
        driver.drain();
        assert_eq!(driver.deliveries().into_keys().collect::<Vec<_>>(), ids[..confirmed]);
    }
    // When the connection ends between two parts, the whole message is unconfirmed.
    let id = driver.send(&"y".repeat(200));
    let first = driver.sent.remove(0);
    driver.client.handle_text(driver.now, &codec::encode(&first));
    driver.closed(1006);
    assert_eq!(driver.deliveries()[&id], Delivery::Failed(Status::Unconfirmed));
}

#[test]
fn the_user_is_told_that_messages_are_sent_in_parts() {
    let echoes_text = |driver: &Driver| {
        driver.events.iter().rev().find_map(|event| match event {
            Event::LoggedIn(identity, _) => Some(identity.echoes_text),
            _ => None,
        })
    };
    let mut driver = Driver::new();
    driver.connect();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(echoes_text(&driver), Some(false));
    driver.client.handle_text(driver.now, &codec::encode(&listed("lili", "talk", "hi", &["lili", "tom"])));
    driver.drain();
    assert_eq!(echoes_text(&driver), Some(true));
}

#[test]
fn a_long_member_list_is_not_requested_as_text() {
    let names: Vec<_> = (0..40).map(|n| format!("member{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut driver = text_server();
    driver.client.handle_text(driver.now, &codec::encode(&listed("lili", "talk", "hi", &names)));
    driver.client.handle_list_members(driver.now);
    driver.drain();
    assert!(driver.sent.is_empty());
    let is_list =
        |event: &Event| matches!(event, Event::Notice(Notice::Members { nicks, .. }) if nicks.len() == 40);
    assert!(driver.events.iter().any(is_list));
}

#[test]
fn a_nick_that_is_too_long_for_text_is_reported() {
    let mut driver = Driver::with(setup(&"\u{1F980}".repeat(32), 0));
    driver.connect();
    driver.closed(1006);
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::InvalidText, refusal: None });
}

#[test]
fn commands_are_answered_without_a_basic_server() {
    let mut driver = Driver::basic();
    driver.receive(&listed("lili", "talk", "hi", &["lili", "Lotte", "tom"]));
    driver.clear();
    driver.command(1, Command::Subscribe { room: RoomId::LOBBY, position: Position::default() });
    driver.command(2, Command::Join { room: ROOM, id: MessageId([1; 16]) });
    let list =
        Command::ListMembers { room: RoomId::LOBBY, prefix: "l".into(), after: String::new(), count: 1 };
    driver.command(3, list.clone());
    driver.command(4, Command::Read { room: RoomId::LOBBY, cursor: Cursor { version: 0, ord: 1 } });
    let answers = driver.answers();
    assert!(matches!(&answers[0], (1, Ok(Reply::Window(window))) if window.seq == 1));
    assert_eq!(answers[1], (2, Err(Status::NotOnThisServer)));
    let (3, Ok(Reply::People(page))) = &answers[2] else { panic!("{answers:?}") };
    assert_eq!((&*page.people[0].nick, page.people.len(), page.more, page.total), ("lili", 1, true, 3));
    assert!(matches!(answers[3], (4, Ok(Reply::Done { .. }))));
    assert_eq!(driver.client.state().account().room(RoomId::LOBBY).unwrap().unread(), 0);
    assert!(driver.sent.is_empty());
    // Also what was read stays read.
    driver.closed(1006);
    driver.client.handle_reconnect(driver.now);
    driver.drain();
    driver.opened();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(driver.client.state().account().room(RoomId::LOBBY).unwrap().unread(), 0);
}

#[test]
fn an_account_does_not_continue_on_a_basic_server() {
    let mut driver = Driver::online();
    driver.closed(1006);
    driver.send("for my account only");
    driver.client.handle_reconnect(driver.now);
    driver.drain();
    driver.opened();
    driver.clear();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    driver.closed(1000);
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::AccountGone, refusal: None });
    assert_eq!(driver.texts(), Vec::<&str>::new());
}
