//! Commands: sent, sent again, and answered once.

use super::requests::COMMAND_TIMEOUT_MS;
use super::*;

pub(super) const TAB: Origin = Origin(77);

pub(super) fn browse(query: &str) -> Command {
    Command::BrowseRooms { query: query.into(), after: String::new(), count: 10 }
}

pub(super) fn done() -> Answer {
    Answer::Done(wire::Done { seq: 3, time: 4 })
}

impl Driver {
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.operations().into_iter().map(|(number, ..)| number).collect()
    }
}

#[test]
fn a_command_is_answered_to_its_tab() {
    let mut driver = Driver::online();
    let join = Command::Join { room: ROOM, id: MessageId([40; 16]) };
    driver.client.handle_command(driver.now, TAB, 5, join.clone());
    driver.command(5, join.clone());
    let sent: Vec<_> = driver.operations();
    assert!(matches!(sent[..], [(_, ROOM, Operation::Join(_)), (_, ROOM, Operation::Join(_))]), "{sent:?}");
    driver.receive(&response(sent[1].0, done()));
    let result = Ok(Reply::Done { seq: 3, time: 4 });
    let answer = Event::Answer { origin: Origin::LOCAL, number: 5, room: ROOM, result };
    assert_eq!(driver.events, [answer]);
    driver.receive(&refused(sent[0].0, Status::NoSuchRoom, 0));
    assert!(matches!(driver.events[1], Event::Answer { origin: TAB, number: 5, result: Err(_), .. }));
    driver.clear();
    driver.receive(&response(sent[0].0, done()));
    driver.pass(COMMAND_TIMEOUT_MS);
    assert_eq!(driver.answers(), [], "once");
}

#[test]
fn a_command_that_a_tab_repeats_is_sent_once() {
    let mut driver = Driver::online();
    (0..3).for_each(|_| driver.command(5, browse("a")));
    assert_eq!(driver.operations().len(), 1);
    driver.receive(&response(driver.numbers()[0], Answer::Rooms(wire::RoomPage::default())));
    assert_eq!(driver.answers(), [(5, Ok(Reply::Rooms(wire::RoomPage::default())))]);
}

#[test]
fn commands_are_sent_again_after_a_reconnect_with_their_ids() {
    let mut driver = Driver::online();
    let id = MessageId([40; 16]);
    driver.command(1, Command::Join { room: ROOM, id });
    let first = driver.numbers()[0];
    driver.closed(1006);
    driver.command(2, browse("given while there is no connection"));
    driver.clear();
    driver.reconnect();
    let commands: Vec<_> = driver
        .sent
        .iter()
        .filter_map(|envelope| match &envelope.extension {
            Some(Ext::Command(command)) => Some(command.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(commands.len(), 2);
    assert_eq!(commands[0].id, id.0, "so that it is executed once");
    assert_ne!(commands[0].request, first, "no late answer is taken for this one's");
    driver.receive(&response(commands[0].request, done()));
    driver.receive(&response(commands[1].request, Answer::Rooms(wire::RoomPage::default())));
    assert_eq!(driver.answers().len(), 2);
}

#[test]
fn a_command_fails_when_its_time_is_over() {
    // Without a connection, or without an answer.
    let mut driver = Driver::online();
    driver.command(1, browse("a"));
    let number = driver.numbers()[0];
    driver.pass(COMMAND_TIMEOUT_MS - 1);
    assert_eq!(driver.answers(), []);
    driver.pass(1);
    assert_eq!(driver.answers(), [(1, Err(Status::NoAnswer))]);
    driver.receive(&response(number, Answer::Rooms(wire::RoomPage::default())));
    assert_eq!(driver.answers().len(), 1);
    let mut driver = Driver::online();
    driver.closed(1006);
    driver.command(2, browse("a"));
    driver.pass(COMMAND_TIMEOUT_MS);
    assert_eq!(driver.answers(), [(2, Err(Status::NotConnected))]);
    // At once if no connection will be attempted.
    let mut driver = Driver::online();
    driver.command(3, browse("a"));
    driver.closed(Status::Replaced.code());
    driver.command(4, browse("a"));
    assert_eq!(driver.answers(), [(3, Err(Status::Replaced)), (4, Err(Status::NotConnected))]);
}

#[test]
fn a_temporary_refusal_is_not_shown_to_the_user() {
    let mut driver = Driver::online();
    driver.command(1, browse("a"));
    driver.receive(&refused(driver.numbers()[0], Status::RateLimited, 3_000));
    driver.command(2, browse("b"));
    driver.pass(2_999);
    driver.pong();
    assert_eq!(driver.operations().len(), 1, "the rate limit is that of the account");
    driver.pass(1);
    assert_eq!(driver.operations().len(), 3);
    driver.receive(&refused(driver.numbers()[2], Status::Internal, 1_000));
    driver.command(3, browse("c"));
    assert_eq!(driver.operations().len(), 4, "this one is that of the command");
    assert_eq!(driver.answers(), []);
    // Unless it outlasts the command.
    driver.receive(&refused(driver.numbers()[1], Status::Internal, 20_000));
    assert_eq!(driver.answers(), [(1, Err(Status::Internal))]);
}

#[test]
fn the_reason_of_the_last_refusal_is_reported_when_the_time_is_over() {
    let mut driver = Driver::online();
    driver.command(1, browse("a"));
    driver.receive(&refused(driver.numbers()[0], Status::LogUnavailable, 6_000));
    driver.closed(1006);
    driver.pass(COMMAND_TIMEOUT_MS);
    assert_eq!(driver.answers(), [(1, Err(Status::LogUnavailable))]);
}

#[test]
fn the_number_of_commands_is_limited() {
    let mut driver = Driver::online();
    (1..=200).for_each(|number| driver.command(number, browse("a")));
    assert_eq!(driver.operations().len(), 4, "the others wait for the answers");
    let answers = driver.answers();
    assert_eq!(answers.len(), 200 - 128);
    assert!(answers.iter().all(|(_, result)| *result == Err(Status::RateLimited)));
    driver.receive(&response(driver.numbers()[0], Answer::Rooms(wire::RoomPage::default())));
    assert_eq!(driver.operations().len(), 5);
}

#[test]
fn an_answer_of_another_kind_is_a_failure() {
    let mut driver = Driver::online();
    driver.command(1, browse("a"));
    driver.receive(&response(driver.numbers()[0], Answer::People(wire::PeoplePage::default())));
    assert_eq!(driver.answers(), [(1, Err(Status::Unsupported))]);
}

#[test]
fn a_created_room_is_in_the_list_of_every_tab() {
    let mut driver = Driver::online();
    let room = RoomId([60; 16]);
    let (id, kind) = (MessageId([40; 16]), crate::model::RoomKind::Public);
    let create = Command::CreateRoom { id, kind, name: "new".into(), topic: String::new(), people: vec![] };
    driver.client.handle_command(driver.now, TAB, 1, create);
    driver.drain();
    let created = wire::RoomRow { kind: 1, ..row(room, 2) };
    driver.receive(&response(driver.numbers()[0], Answer::Room(created)));
    assert!(driver.client.state().account().room(room).is_some());
}

#[test]
fn messages_to_a_room_that_the_user_leaves_are_discarded() {
    let mut driver = Driver::online();
    let id = driver.send_to(ROOM, "too late");
    let other = driver.send("stays");
    driver.command(1, Command::Leave { room: ROOM, id: MessageId([40; 16]) });
    driver.receive(&response(driver.numbers()[0], done()));
    assert!(driver.events.contains(&Event::Discarded(ROOM, id)));
    driver.pass(1_000);
    assert_eq!(driver.queued.keys().copied().collect::<Vec<_>>(), [(RoomId::LOBBY, other)]);
}

#[test]
fn messages_to_a_room_are_shown_again_when_the_account_is_in_it_again() {
    for by_answer in [false, true] {
        let mut driver = Driver::online();
        let id = driver.send_to(ROOM, "too late");
        driver.receive(&codec::refusal(Status::NotAMember, Some(id), 0, None));
        let rows = |row: wire::RoomRow| {
            let rows = room_rows::pack([row]);
            let body =
                Some(Body::Rows(wire::AccountRows { rows, version: 2, ..wire::AccountRows::default() }));
            codec::extension(Ext::Event(wire::ServerEvent { room: Vec::new(), body }))
        };
        let member = wire::RoomRow { kind: 1, ..row(ROOM, 1) };
        driver.receive(&rows(wire::RoomRow { role: wire::Role::None.into(), ..member.clone() }));
        assert!(driver.client.state().account().room(ROOM).is_none());
        driver.clear();
        if by_answer {
            driver.command(1, Command::Join { room: ROOM, id: MessageId([40; 16]) });
            driver.receive(&response(driver.numbers()[0], Answer::Room(member.clone())));
        } else {
            driver.receive(&rows(member.clone()));
        }
        let shown = driver.events.iter().filter(|event| {
            matches!(event, Event::Own(own) if own.id == id
                && own.delivery == Delivery::Failed(Status::NotAMember))
        });
        assert_eq!(shown.count(), 1);
        driver.clear();
        driver.receive(&rows(member));
        assert!(!driver.events.iter().any(|event| matches!(event, Event::Own(_))), "it is shown already");
    }
}

#[test]
fn a_new_nick_is_that_of_the_next_messages_and_logins() {
    let mut driver = Driver::online();
    driver.command(1, Command::ChangeNick { id: MessageId([40; 16]), nick: "tim".into() });
    driver.receive(&response(driver.numbers()[0], done()));
    assert_eq!(&*driver.account.as_ref().unwrap().identity.nick, "tim");
    // Or another device has changed it.
    let rows = wire::AccountRows { nick: "tam".into(), ..wire::AccountRows::default() };
    driver.receive(&codec::extension(Ext::Event(wire::ServerEvent {
        room: Vec::new(),
        body: Some(Body::Rows(rows)),
    })));
    driver.send("hi");
    assert_eq!(driver.sent.last().unwrap().user_name, "tam");
    driver.closed(1006);
    driver.client.handle_reconnect(driver.now);
    driver.drain();
    driver.opened();
    assert_eq!(driver.sent.last().unwrap().user_name, "tam");
}

#[test]
fn commands_are_sent_at_the_rate_of_the_server_across_connections() {
    let mut driver = Driver::online();
    let answer_all = |driver: &mut Driver| {
        for number in std::mem::take(&mut driver.sent).iter().filter_map(|sent| match &sent.extension {
            Some(Ext::Command(command)) => Some(command.request),
            _ => None,
        }) {
            driver.receive(&response(number, Answer::Rooms(wire::RoomPage::default())));
        }
    };
    let mut sent = 0;
    for number in 0..40 {
        driver.command(number, browse("a"));
        sent += driver.operations().len();
        answer_all(&mut driver);
    }
    assert_eq!(sent, 25, "the others wait");
    driver.closed(1006);
    driver.reconnect();
    assert_eq!(driver.operations(), [], "the server counts across connections too");
    driver.pass(1_000);
    assert!((1..=4).contains(&driver.operations().len()), "{:?}", driver.operations());
}
