//! With a server of the basic dialect.

use super::*;

#[test]
fn an_answer_without_extension_is_a_basic_server() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    driver.receive(&listed("tom", "login", "", &["lili", "tom"]));
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Basic });
    assert!(!driver.events.iter().any(|e| matches!(e, Event::Moved(..) | Event::Message(_))));
    assert_eq!(driver.session.roster().1, 2);
    driver.forget();
    driver.pass(3_600_000);
    assert!(driver.sent.is_empty(), "no ping, no frame that a basic server would show");
}

#[test]
fn a_first_login_is_text_that_a_browser_accepts() {
    let mut driver = Driver::new();
    driver.log_in("李丽");
    assert!(std::str::from_utf8(&codec::encode(&driver.sent[0])).is_ok());
}

#[test]
fn a_basic_server_that_keeps_unknown_fields_is_one_all_the_same() {
    let mut driver = Driver::new();
    driver.log_in("tom");
    let echo = Frame { user_list: codec::user_list(["tom"]), ..driver.sent[0].clone() };
    assert!(echo.extension.is_some());
    driver.receive(&echo);
    assert_eq!(driver.connection(), &Connection::Online { dialect: Dialect::Basic });
    assert_eq!(driver.session.roster().1, 1);
}

#[test]
fn in_the_basic_dialect_the_echo_confirms() {
    let mut driver = Driver::basic();
    let id = driver.talk("hi");
    let [sent] = &driver.sent[..] else { panic!() };
    assert!(sent.id.is_empty() && sent.extension.is_none());
    driver.forget();
    driver.receive(&listed("lili", "talk", "hi", &["lili", "tom"]));
    assert!(
        matches!(&driver.events[..], [Event::Moved(..), Event::Roster, Event::Message(m)] if !m.own && m.id != id)
    );
    driver.forget();
    driver.receive(&listed("tom", "talk", "hi", &["lili", "tom"]));
    assert!(matches!(&driver.events[..], [Event::Roster, Event::Message(m)] if m.id == id && m.own));
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
    let said: Vec<_> = driver
        .events
        .iter()
        .filter_map(|e| if let Event::Message(m) = e { Some(m.content.to_string()) } else { None })
        .collect();
    assert_eq!(said, ["one", "two\n\nlines"]);
    assert!(
        matches!(driver.events.iter().rev().nth(1), Some(Event::Moved(m, _)) if !m.joined && &*m.nick == "lili")
    );
}

#[test]
fn announcements_of_a_basic_server_are_understood_typed_or_not() {
    for kind in ["", "exit"] {
        let mut driver = Driver::basic();
        driver.receive(&listed("lili", "talk", "hi", &["lili", "tom"]));
        driver.forget();
        driver.receive(&listed("lili", kind, "exit", &["tom"]));
        assert!(
            matches!(&driver.events[..], [Event::Moved(m, _), Event::Roster] if !m.joined),
            "{:?}",
            driver.events
        );
    }
    for kind in ["", "userlist"] {
        let mut driver = Driver::basic();
        driver.session.handle_who();
        driver.drain();
        assert_eq!(driver.sent[0].r#type, "userlist");
        driver.forget();
        driver.receive(&listed("", kind, "tom,lili,", &[]));
        assert!(
            driver
                .events
                .iter()
                .any(|e| matches!(e, Event::Notice(Notice::Who { nicks, .. }) if nicks.len() == 2))
        );
        assert!(!driver.events.iter().any(|e| matches!(e, Event::Message(_))));
    }
    // Said by a person, these words are words.
    let mut driver = Driver::basic();
    driver.receive(&listed("lili", "talk", "exit", &["lili", "tom"]));
    driver.receive(&listed("lili", "talk", "red, green,", &["lili", "tom"]));
    assert_eq!(driver.events.iter().filter(|e| matches!(e, Event::Message(_))).count(), 2);
}

#[test]
fn what_a_basic_server_would_choke_on_is_refused_before_it_is_sent() {
    let mut driver = Driver::basic();
    let overhead = codec::encode(&codec::talk("tom", "", None, &"x".repeat(400))).len() - 400;
    let fits = "x".repeat(512 - overhead);
    driver.talk(&fits);
    assert_eq!(driver.session.excess(&fits), 0);
    let over = format!("{fits}yy");
    assert_eq!(driver.session.excess(&over), 2);
    let refused = driver.session.handle_talk(driver.now, MessageId([77; 16]), &over);
    assert_eq!(refused, Err(Status::ContentTooLong));
}

#[test]
fn without_acknowledgements_an_unconfirmed_message_is_the_users_decision() {
    let mut driver = Driver::basic();
    let id = driver.talk("hi");
    driver.closed(1006);
    assert!(driver.events.contains(&Event::Delivery(id, Delivery::Failed(Status::Unconfirmed))));
    driver.session.handle_retry_now(driver.now);
    driver.drain();
    driver.opened();
    driver.forget();
    driver.receive(&listed("tom", "login", "", &["tom"]));
    assert_eq!(driver.texts(), Vec::<&str>::new());
    driver.session.handle_retry(driver.now, id);
    driver.drain();
    assert_eq!(driver.texts(), ["hi"]);
}

#[test]
fn text_that_a_browser_refuses_is_told_in_words_and_retried() {
    // Browsers know that it was 1007, and tell the page 1006.
    for code in [1006, 1007] {
        let mut driver = Driver::basic();
        driver.closed(code);
        assert!(matches!(driver.connection(), Connection::Reconnecting { status: Status::InvalidText, .. }));
        assert!(driver.events.contains(&Event::Notice(Notice::Broke(Status::InvalidText))));
    }
}

#[test]
fn leaving_a_basic_server_closes_with_an_empty_frame() {
    let mut driver = Driver::basic();
    driver.session.handle_exit(driver.now);
    driver.drain();
    assert_eq!(decode(&codec::encode(driver.sent.last().unwrap())).unwrap().content, "exit");
    assert_eq!(driver.closes, [None]);
}
