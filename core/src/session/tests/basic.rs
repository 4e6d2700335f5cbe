//! The session with a basic server.

use super::*;

#[test]
fn a_login_answered_without_extension_selects_the_basic_dialect() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&listed("tom", "login", "", &["lili", "tom"]));
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Basic });
    assert!(!driver.events.iter().any(|e| matches!(e, Event::PresenceChanged(..) | Event::Message(_))));
    assert_eq!(driver.session.members().1, 2);
    driver.clear();
    driver.pass(3_600_000);
    assert!(driver.sent.is_empty(), "a basic server would show it as a message");
}

#[test]
fn the_first_login_is_valid_utf8() {
    let mut driver = Driver::new();
    driver.log_in("李丽");
    assert!(std::str::from_utf8(&codec::encode(&driver.sent[0])).is_ok());
}

#[test]
fn a_basic_server_may_send_the_unknown_fields_back() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    let echo = Envelope { user_list: codec::user_list(["tom"]), ..driver.sent[0].clone() };
    assert!(echo.extension.is_some());
    driver.receive(&echo);
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Basic });
    assert_eq!(driver.session.members().1, 1);
}

#[test]
fn a_basic_servers_echo_confirms_a_message() {
    let mut driver = Driver::basic();
    let id = driver.send("hi");
    let [sent] = &driver.sent[..] else { panic!() };
    assert!(sent.id.is_empty() && sent.extension.is_none());
    driver.clear();
    driver.receive(&listed("lili", "talk", "hi", &["lili", "tom"]));
    assert!(
        matches!(&driver.events[..], [Event::PresenceChanged(..), Event::MembersChanged, Event::Message(m)] if !m.own && m.id != id)
    );
    driver.clear();
    driver.receive(&listed("tom", "talk", "hi", &["lili", "tom"]));
    assert!(matches!(&driver.events[..], [Event::MembersChanged, Event::Message(m)] if m.id == id && m.own));
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
    let contents: Vec<_> = driver
        .events
        .iter()
        .filter_map(|e| if let Event::Message(m) = e { Some(m.content.to_string()) } else { None })
        .collect();
    assert_eq!(contents, ["one", "two\n\nlines"]);
    assert!(
        matches!(driver.events.iter().rev().nth(1), Some(Event::PresenceChanged(m, _)) if !m.joined && &*m.nick == "lili")
    );
}

#[test]
fn announcements_of_a_basic_server_are_recognised_with_and_without_type() {
    for kind in ["", "exit"] {
        let mut driver = Driver::basic();
        driver.receive(&listed("lili", "talk", "hi", &["lili", "tom"]));
        driver.clear();
        driver.receive(&listed("lili", kind, "exit", &["tom"]));
        assert!(
            matches!(&driver.events[..], [Event::PresenceChanged(m, _), Event::MembersChanged] if !m.joined),
            "{:?}",
            driver.events
        );
    }
    for kind in ["", "userlist"] {
        let mut driver = Driver::basic();
        driver.session.handle_list_members();
        driver.drain();
        assert_eq!(driver.sent[0].r#type, "userlist");
        driver.clear();
        driver.receive(&listed("", kind, "tom,lili,", &[]));
        assert!(
            driver
                .events
                .iter()
                .any(|e| matches!(e, Event::Notice(Notice::Members { nicks, .. }) if nicks.len() == 2))
        );
        assert!(!driver.events.iter().any(|e| matches!(e, Event::Message(_))));
    }
    // As messages of a member, the same texts are messages.
    let mut driver = Driver::basic();
    driver.receive(&listed("lili", "talk", "exit", &["lili", "tom"]));
    driver.receive(&listed("lili", "talk", "red, green,", &["lili", "tom"]));
    assert_eq!(driver.events.iter().filter(|e| matches!(e, Event::Message(_))).count(), 2);
}

#[test]
fn a_message_too_long_for_a_basic_server_is_refused_locally() {
    let mut driver = Driver::basic();
    let overhead = codec::encode(&codec::message("tom", None, &"x".repeat(400))).len() - 400;
    let fits = "x".repeat(512 - overhead);
    driver.send(&fits);
    assert_eq!(driver.session.excess_bytes(&fits), 0);
    let over = format!("{fits}yy");
    assert_eq!(driver.session.excess_bytes(&over), 2);
    let refused = driver.session.handle_send(driver.now, MessageId([77; 16]), &over);
    assert_eq!(refused, Err(Status::ContentTooLong));
}

#[test]
fn an_unconfirmed_message_is_resent_to_a_basic_server_only_by_the_user() {
    let mut driver = Driver::basic();
    let id = driver.send("hi");
    driver.closed(1006);
    assert!(driver.events.contains(&Event::Delivery(id, Delivery::Failed(Status::Unconfirmed))));
    driver.session.handle_reconnect(driver.now);
    driver.drain();
    driver.opened();
    driver.clear();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(driver.texts(), Vec::<&str>::new());
    driver.session.handle_retry(driver.now, id);
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
    driver.session.handle_leave(driver.now);
    driver.drain();
    assert_eq!(decode(&codec::encode(driver.sent.last().unwrap())).unwrap().content, "exit");
    assert_eq!(driver.closes, [None]);
}

/// Logged in on a basic server that answers in Text, with cleared output.
fn text_server() -> Driver {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.session.handle_text(driver.now, &codec::encode(&listed("tom", "login", "", &["tom"])));
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
        driver.session.handle_text(driver.now, &bytes);
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
        assert!(
            driver.texts().iter().all(|part| !part.starts_with([' ', '\u{200D}'])),
            "{:?}",
            driver.texts()
        );
        driver.events.clear();
        echo_as_text(&mut driver);
        let own: Vec<_> = driver
            .events
            .iter()
            .filter_map(|e| if let Event::Message(m) = e { Some(m) } else { None })
            .collect();
        assert!(matches!(own[..], [m] if m.id == id && *m.content == *text && m.delivery == Delivery::Sent));
    }
}

#[test]
fn parts_of_a_message_are_confirmed_one_after_another() {
    let mut driver = text_server();
    let ids = [driver.send(&"x".repeat(254)), driver.send(&"x".repeat(127))];
    let echoes = std::mem::take(&mut driver.sent);
    driver.clear();
    for (number, confirmed) in [(0, 0), (1, 1), (2, 2)] {
        driver.session.handle_text(driver.now, &codec::encode(&echoes[number]));
        driver.drain();
        let messages =
            driver.events.iter().filter_map(|e| if let Event::Message(m) = e { Some(m.id) } else { None });
        assert_eq!(messages.collect::<Vec<_>>(), ids[..confirmed]);
    }
    // When the connection ends between two parts, the whole message is unconfirmed.
    let id = driver.send(&"y".repeat(200));
    let first = driver.sent.remove(0);
    driver.session.handle_text(driver.now, &codec::encode(&first));
    driver.closed(1006);
    assert!(driver.events.contains(&Event::Delivery(id, Delivery::Failed(Status::Unconfirmed))));
}

#[test]
fn the_user_is_told_that_messages_are_sent_in_parts() {
    let echoes_text = |driver: &Driver| {
        driver
            .events
            .iter()
            .rev()
            .find_map(|e| if let Event::LoggedIn(i) = e { Some(i.echoes_text) } else { None })
    };
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(echoes_text(&driver), Some(false));
    driver.session.handle_text(driver.now, &codec::encode(&listed("lili", "talk", "hi", &["lili", "tom"])));
    driver.drain();
    assert_eq!(echoes_text(&driver), Some(true));
}

#[test]
fn a_long_member_list_is_not_requested_as_text() {
    let names: Vec<_> = (0..40).map(|n| format!("member{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut driver = text_server();
    driver.session.handle_text(driver.now, &codec::encode(&listed("lili", "talk", "hi", &names)));
    driver.session.handle_list_members();
    driver.drain();
    assert!(driver.sent.is_empty());
    assert!(
        driver
            .events
            .iter()
            .any(|e| matches!(e, Event::Notice(Notice::Members { nicks, .. }) if nicks.len() == 40))
    );
}

#[test]
fn a_nick_that_is_too_long_for_text_is_reported() {
    let mut driver = Driver::new();
    driver.log_in(&"\u{1F980}".repeat(32));
    driver.closed(1006);
    assert_eq!(driver.connection(), &Connection::Failed { status: Status::InvalidText, refusal: None });
}
