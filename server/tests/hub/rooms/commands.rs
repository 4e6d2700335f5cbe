//! Commands: each is answered once.

use parlour_core::{
    codec,
    model::{Role, RoomId},
    status::Status,
    wire::{self, change_room, client_command::Operation, response::Result as Answer},
};

use parlour_server::hub::Settings;

use super::client::Client;
use crate::{common::world::World, world};

pub fn refused(answer: &Answer) -> Option<Status> {
    match answer {
        Answer::Refusal(refusal) => Some(Status::from_code(refusal.code as u16)),
        _ => None,
    }
}

fn people(w: &mut World) -> [Client; 3] {
    ["tom", "lili", "tim"].map(|nick| Client::login(w, nick, &[]))
}

#[test]
fn login_has_account_rooms_and_the_open_room() {
    let mut w = world();
    let [mut tom, lili, _] = people(&mut w);
    let room = tom.create(&mut w, wire::RoomKind::Public, "rust", &[&lili]);
    tom.post(&mut w, RoomId::LOBBY, 1, "hi");
    tom.update(&w);
    assert_eq!(tom.messages[&RoomId::LOBBY], ["hi"]);
    let again = Client::login(&mut w, "tom", &tom.secret);
    assert_eq!((&again.account, &again.rows), (&tom.account, &tom.rows));
    assert_eq!(again.messages, tom.messages);
    assert_eq!(again.rows[&room].role, Role::Owner);
    let lili = Client::login(&mut w, "lili", &lili.secret);
    assert_eq!(lili.rows[&room].role, Role::Invited);
    assert_eq!((lili.rows[&RoomId::LOBBY].head, lili.rows[&RoomId::LOBBY].read), (1, 0));
}

#[test]
fn people_join_leave_and_are_removed() {
    let mut w = world();
    let [mut tom, mut lili, mut tim] = people(&mut w);
    let room = tom.create(&mut w, wire::RoomKind::Private, "secret", &[&lili]);
    lili.update(&w);
    assert_eq!(lili.rows[&room].role, Role::Invited);
    let read = Operation::Page(wire::PageRequest::default());
    assert_eq!(refused(&lili.command(&mut w, room, read.clone())), Some(Status::NotAMember));
    assert_eq!(refused(&tim.command(&mut w, room, read.clone())), Some(Status::NoSuchRoom));
    assert_eq!(refused(&tim.command(&mut w, room, Operation::Join(wire::Join {}))), Some(Status::NoSuchRoom));
    assert_eq!(refused(&lili.command(&mut w, room, Operation::Join(wire::Join {}))), None);
    // As soon as it has the answer.
    lili.subscribe(&mut w, room);
    assert_eq!(refused(&lili.command(&mut w, room, read)), None);
    let remove = wire::ChangeMember { account: tom.account.clone(), role: wire::Role::None.into() };
    let answer = lili.command(&mut w, room, Operation::ChangeMember(remove));
    assert_eq!(refused(&answer), Some(Status::NotAllowed));
    let answer = lili.command(&mut w, room, Operation::Leave(wire::Leave {}));
    assert!(matches!(answer, Answer::Done(done) if done.seq > 0));
    assert!(!lili.rows.contains_key(&room));
}

#[test]
fn creation_that_is_sent_again_gives_the_same_room() {
    let mut w = world();
    let [mut tom, lili, tim] = people(&mut w);
    let send = |w: &mut World, request, person: &Client| {
        let create = wire::CreateRoom {
            kind: wire::RoomKind::Public.into(),
            name: "rust".into(),
            topic: String::new(),
            people: vec![person.account.clone()],
        };
        let operation = Some(Operation::CreateRoom(create));
        let command = wire::ClientCommand { request, room: Vec::new(), id: vec![7; 16], operation };
        w.extension(tom.conn, codec::Extension::Command(command));
    };
    send(&mut w, 101, &lili);
    send(&mut w, 102, &lili);
    send(&mut w, 103, &tim);
    let answers = [101, 102, 103].map(|request| tom.answers(&w, request));
    let rooms = answers.each_ref().map(|answers| match &answers[..] {
        [Answer::Room(row)] => Some(row.room.clone()),
        _ => None,
    });
    assert!(rooms[0].is_some() && rooms[0] == rooms[1] && rooms[2].is_none(), "{answers:?}");
    assert_eq!(refused(&answers[2][0]), Some(Status::MessageIdReused));
}

#[test]
fn direct_room_of_the_same_people_is_the_same() {
    let mut w = world();
    let [mut tom, mut lili, _] = people(&mut w);
    let room = tom.create(&mut w, wire::RoomKind::Direct, "", &[&lili]);
    lili.update(&w);
    assert_eq!(lili.rows[&room].role, Role::Member);
    assert_eq!(lili.create(&mut w, wire::RoomKind::Direct, "", &[&tom]), room);
    tom.post(&mut w, room, 1, "psst");
    w.advance(1_000);
    lili.update(&w);
    assert_eq!((lili.rows[&room].head, lili.rows[&room].read, lili.activity), (1, 0, 1));
    w.disconnect(tom.conn);
    w.advance(1_000);
    lili.update(&w);
    assert_eq!(lili.people.get("tom"), Some(&false));
}

#[test]
fn direct_room_shows_each_of_its_people_the_others() {
    let mut w = world();
    let [mut tom, mut lili, mut tim] = people(&mut w);
    let room = tom.create(&mut w, wire::RoomKind::Direct, "", &[&lili, &tim]);
    for (client, others) in
        [(&mut tom, ["lili", "tim"]), (&mut lili, ["tim", "tom"]), (&mut tim, ["lili", "tom"])]
    {
        client.update(&w);
        assert_eq!(client.rows[&room].people, others);
    }
}

#[test]
fn device_that_does_not_know_the_present_nick_keeps_its_account() {
    let mut w = world();
    let [mut tom, ..] = people(&mut w);
    let change = wire::ChangeNick { nick: "tommy".into() };
    tom.command(&mut w, RoomId::LOBBY, Operation::ChangeNick(change));
    w.disconnect(tom.conn);
    let again = Client::login(&mut w, "tom", &tom.secret);
    assert_eq!((&again.account, &*w.received(again.conn).welcome().unwrap().nick), (&tom.account, "tommy"));
}

#[test]
fn rooms_are_changed_browsed_and_searched() {
    let mut w = world();
    let [mut tom, mut lili, _] = people(&mut w);
    let room = tom.create(&mut w, wire::RoomKind::Public, "rust", &[]);
    for change in [
        change_room::Change::Name("Rust talk".into()),
        change_room::Change::Topic("borrowing".into()),
        change_room::Change::Archived(true),
    ] {
        let change = Operation::ChangeRoom(wire::ChangeRoom { change: Some(change) });
        assert_eq!(refused(&tom.command(&mut w, room, change)), None);
    }
    assert_eq!((tom.rows[&room].name.as_str(), tom.rows[&room].archived), ("Rust talk", true));
    tom.post(&mut w, room, 1, "too late");
    assert_eq!(w.received(tom.conn).codes(), [u32::from(Status::RoomArchived.code())]);
    let browse = wire::BrowseRooms { query: "rust".into(), ..wire::BrowseRooms::default() };
    match lili.command(&mut w, RoomId::LOBBY, Operation::BrowseRooms(browse)) {
        Answer::Rooms(page) => {
            let found = page.rooms.iter().map(|room| (room.name.as_str(), room.topic.as_str(), room.joined));
            assert_eq!(found.collect::<Vec<_>>(), [("Rust talk", "borrowing", false)]);
        }
        other => panic!("{other:?}"),
    }
    let members = Operation::ListMembers(wire::ListMembers { prefix: "T".into(), ..Default::default() });
    match tom.command(&mut w, RoomId::LOBBY, members) {
        Answer::People(page) => {
            let nicks: Vec<_> = page.people.iter().map(|person| person.nick.as_str()).collect();
            assert_eq!((nicks, page.total), (vec!["tim", "tom"], 3));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nick_changes_for_everybody() {
    let mut w = world();
    let [mut tom, mut lili, _] = people(&mut w);
    let taken = Operation::ChangeNick(wire::ChangeNick { nick: "Lili".into() });
    assert_eq!(refused(&tom.command(&mut w, RoomId::LOBBY, taken)), Some(Status::NickTaken));
    let change = Operation::ChangeNick(wire::ChangeNick { nick: "thomas".into() });
    assert_eq!(refused(&tom.command(&mut w, RoomId::LOBBY, change)), None);
    w.advance(1_000);
    lili.update(&w);
    assert_eq!(lili.people.get("thomas"), Some(&true));
    tom.post(&mut w, RoomId::LOBBY, 1, "hi");
    assert!(w.received(lili.conn).messages().contains(&("thomas", "hi")));
    let again = Client::login(&mut w, "thomas", &tom.secret);
    assert_eq!(again.account, tom.account);
}

#[test]
fn code_logs_another_device_in_once() {
    let mut w = world();
    let [mut tom, ..] = people(&mut w);
    let Answer::Link(link) = tom.command(&mut w, RoomId::LOBBY, Operation::LinkDevice(wire::LinkDevice {}))
    else {
        panic!("no code")
    };
    let login = wire::Login { link_code: link.code.clone(), ..wire::Login::default() };
    let phone = Client::login_with(&mut w, "", login.clone());
    assert_eq!((&phone.account, &phone.rows), (&tom.account, &tom.rows));
    assert_ne!(phone.secret, tom.secret);
    let other = w.connect();
    let capabilities = vec!["rooms".into()];
    w.send(other, &codec::login("", wire::Login { version: 1, capabilities, ..login }));
    assert_eq!(w.received(other).closed, Some(Status::LoginRefused));
    // The session of the phone is in the log.
    w.restart();
    let phone = Client::login(&mut w, "tom", &phone.secret);
    assert_eq!(phone.account, tom.account);
}

/// The login of a device that has chosen its secret, with a code.
pub fn link_login(code: &str) -> codec::Envelope {
    link_login_of(9, code)
}

/// The same of a device whose secret consists of a byte.
fn link_login_of(device: u8, code: &str) -> codec::Envelope {
    let capabilities = ["rooms", "batch"].map(Into::into).to_vec();
    let login = wire::Login {
        version: 1,
        capabilities,
        secret: vec![device; 32],
        link_code: code.into(),
        ..wire::Login::default()
    };
    codec::login("", login)
}

pub fn device_link(w: &mut World, client: &mut Client) -> String {
    match client.command(w, RoomId::LOBBY, Operation::LinkDevice(wire::LinkDevice {})) {
        Answer::Link(link) => link.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn linked_device_is_welcomed_when_its_session_is_stored() {
    let mut w = world();
    let [mut tom, ..] = people(&mut w);
    let code = device_link(&mut w, &mut tom);
    w.hold_requests = true;
    let phone = w.connect();
    w.send(phone, &link_login(&code));
    assert!(w.received(phone).frames.is_empty(), "{:?}", w.received(phone).frames);
    // The device tries again meanwhile.
    let again = w.connect();
    w.send(again, &link_login(&code));
    assert_eq!(w.received(phone).closed, Some(Status::Replaced));
    w.release();
    let welcome = w.received(again).welcome().unwrap();
    assert_eq!((&welcome.account, welcome.secret.as_slice()), (&tom.account, [9; 32].as_slice()));
    w.restart();
    let phone = Client::login(&mut w, "tom", &[9; 32]);
    assert_eq!(phone.account, tom.account);
}

#[test]
fn session_of_a_linked_device_is_stored_after_a_failed_append() {
    let mut w = world();
    let [mut tom, ..] = people(&mut w);
    let [code, other] = [0; 2].map(|_| device_link(&mut w, &mut tom));
    w.failing = Some(parlour_server::store::LogError::Full("here".into()));
    let phone = w.connect();
    w.send(phone, &link_login(&code));
    assert_eq!(w.received(phone).closed, Some(Status::LogUnavailable));
    // No code is used up meanwhile, and the login is not forgotten.
    for (device, code) in [(9, &code), (8, &other)] {
        let phone = w.connect();
        w.send(phone, &link_login_of(device, code));
        assert_eq!(w.received(phone).closed, Some(Status::LogUnavailable));
    }
    w.failing = None;
    w.advance(10_000);
    for (device, code) in [(9, &code), (8, &other)] {
        let phone = w.connect();
        w.send(phone, &link_login_of(device, code));
        assert!(w.received(phone).welcome().is_some(), "{:?}", w.received(phone));
    }
    w.restart();
    let phone = Client::login(&mut w, "tom", &[9; 32]);
    assert_eq!(phone.account, tom.account);
    assert_eq!(w.hub.table_sizes().pending_logins, 0);
}

#[test]
fn linked_device_that_has_gone_meanwhile_can_return() {
    let mut w = world();
    let [mut tom, ..] = people(&mut w);
    let code = device_link(&mut w, &mut tom);
    w.hold_requests = true;
    let phone = w.connect();
    w.send(phone, &link_login(&code));
    w.disconnect(phone);
    w.disconnect(tom.conn);
    w.release();
    let phone = Client::login(&mut w, "tom", &[9; 32]);
    assert_eq!(phone.account, tom.account);
}

#[test]
fn wrong_codes_are_limited_by_address() {
    let mut w = World::new(Settings { address_factor: 1, ..Settings::default() });
    let mut tom = Client::login(&mut w, "tom", &[]);
    let Answer::Link(link) = tom.command(&mut w, RoomId::LOBBY, Operation::LinkDevice(wire::LinkDevice {}))
    else {
        panic!("no code")
    };
    let login = |code: &str| wire::Login {
        version: 1,
        capabilities: vec!["rooms".into()],
        link_code: code.into(),
        ..wire::Login::default()
    };
    let attempt = |w: &mut World, address: [u8; 4], code: &str| {
        let conn = w.connect_from(address);
        w.send(conn, &codec::login("", login(code)));
        w.received(conn).closed
    };
    for _ in 0..5 {
        assert_eq!(attempt(&mut w, [10, 0, 0, 1], "wrong"), Some(Status::LoginRefused));
    }
    assert_eq!(attempt(&mut w, [10, 0, 0, 1], &link.code), Some(Status::RateLimited));
    assert_eq!(attempt(&mut w, [10, 0, 0, 2], "wrong"), Some(Status::LoginRefused));
    // The right one is not used up, and costs nothing.
    assert_eq!(attempt(&mut w, [10, 0, 0, 2], &link.code), None);
    w.advance(10_000);
    assert_eq!(attempt(&mut w, [10, 0, 0, 1], "wrong"), Some(Status::LoginRefused));
}

#[test]
fn changes_are_limited_by_address() {
    let mut w = World::new(Settings { address_factor: 1, ..Settings::default() });
    let [mut tom, mut lili] = ["tom", "lili"].map(|nick| Client::login(&mut w, nick, &[]));
    let mut link = |client: &mut Client| {
        refused(&client.command(&mut w, RoomId::LOBBY, Operation::LinkDevice(wire::LinkDevice {})))
    };
    for _ in 0..10 {
        assert_eq!([link(&mut tom), link(&mut lili)], [None; 2]);
    }
    assert_eq!([link(&mut tom), link(&mut lili)], [Some(Status::RateLimited); 2]);
}

#[test]
fn welcome_has_the_limits_of_rooms() {
    let mut w = World::new(Settings { rooms: 77, ..Settings::default() });
    let tom = Client::login(&mut w, "tom", &[]);
    let limits = w.received(tom.conn).welcome().unwrap().limits.unwrap();
    assert_eq!((limits.rooms, limits.subscriptions, limits.room_name_chars), (77, 32, 64));
}

#[test]
fn commands_without_the_capability_are_refused() {
    let mut w = world();
    let tom = w.connect();
    w.send(tom, &codec::login("tom", wire::Login { version: 1, ..wire::Login::default() }));
    w.command(tom, Operation::ReadAll(wire::ReadAll {}));
    assert_eq!(w.received(tom).codes(), [u32::from(Status::Unsupported.code())]);
}

#[test]
fn commands_are_answered_when_the_log_fails() {
    let mut w = world();
    let [mut tom, ..] = people(&mut w);
    let room = tom.create(&mut w, wire::RoomKind::Public, "rust", &[]);
    w.failing = Some(parlour_server::store::LogError::Full("here".into()));
    let answer = tom.command(&mut w, room, Operation::Leave(wire::Leave {}));
    assert_eq!(refused(&answer), Some(Status::LogUnavailable));
    w.failing_reads = w.failing.clone();
    let answer = tom.command(&mut w, room, Operation::Page(wire::PageRequest::default()));
    assert_eq!(refused(&answer), Some(Status::LogUnavailable));
    let answer = tom.command(&mut w, room, Operation::Subscribe(wire::Subscribe::default()));
    assert_eq!(refused(&answer), Some(Status::LogUnavailable));
    (w.failing, w.failing_reads) = (None, None);
    w.advance(10_000);
    assert_eq!(refused(&tom.command(&mut w, room, Operation::Page(wire::PageRequest::default()))), None);
}
