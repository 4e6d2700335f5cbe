//! Encoding of what tabs send each other.

use std::sync::Arc;

use super::*;
use crate::{
    limits::Limits,
    model::{Dialect, Identity, Refusal},
    persist::DATABASE_VERSION,
    send_queue::{QueuedMessage, Stage},
    timeline::Notice,
    wire::{response::Result as Answer, server_event::Body},
};

fn identity() -> Identity {
    Identity {
        nick: "tom".into(),
        dialect: Dialect::Basic,
        limits: Limits::default(),
        server_name: Some("Hall".into()),
        search: true,
        echoes_text: true,
    }
}

fn refusal() -> Refusal {
    Refusal { status: Status::Busy, text: "x".into(), suggestion: Some("y".into()), retry_after: 9 }
}

/// Encodes an event on a clock at 100, and decodes it on one at 900.
fn pass(event: &Event) -> Option<Decoded> {
    events::decode(900, events::encode(100, event, None)?)
}

#[test]
fn events_are_the_same_after_encoding_and_decoding() {
    let content: Arc<str> = "你好".into();
    let window = wire::RoomWindow { seq: 4, topic: "tea".into(), ..wire::RoomWindow::default() };
    let event = wire::ServerEvent { room: ROOM.to_wire(), body: Some(Body::Window(window)) };
    let own = |delivery| OwnMessage {
        room: ROOM,
        id: id(3),
        content: content.clone(),
        time: -5,
        order: 9,
        delivery,
    };
    let events = [
        Event::Received(Box::new(codec::extension(Extension::Event(event)))),
        Event::Received(Box::new(codec::message("lili", Some(id(1)), "hi"))),
        Event::Connection(Connection::Idle),
        Event::Connection(Connection::Connecting),
        Event::Connection(Connection::Online { dialect: Dialect::Basic }),
        Event::Connection(Connection::Online { dialect: Dialect::Rich }),
        Event::Connection(Connection::Reconnecting {
            status: Status::NoAnswer,
            retry_at: None,
            attempt: 3,
            suggestion: Some("tom2".into()),
        }),
        Event::Connection(Connection::Failed { status: Status::Busy, refusal: None }),
        Event::Connection(Connection::Failed { status: Status::Busy, refusal: Some(refusal()) }),
        Event::LoggedOut,
        Event::Unsubscribed(ROOM),
        Event::Unsubscribed(LOBBY),
        Event::Cursor(ROOM, Cursor { version: 2, ord: 7 }),
        Event::Own(own(Delivery::Queued)),
        Event::Own(own(Delivery::Pending)),
        Event::Own(own(Delivery::Failed(Status::ContentTooLong))),
        Event::Delivery(LOBBY, id(1), Delivery::Failed(Status::Unconfirmed)),
        Event::Delivery(ROOM, id(1), Delivery::Pending),
        Event::Acknowledged { room: ROOM, id: id(2), content: content.clone(), seq: 8, time: 5 },
        Event::Discarded(ROOM, id(2)),
        Event::Throttled(None, Status::LogUnavailable, 7),
        Event::Throttled(Some(LOBBY), Status::RateLimited, 7),
        Event::Throttled(Some(ROOM), Status::RateLimited, 7),
        Event::Notice(Notice::MessagesMissed),
        Event::Notice(Notice::NotPersisted),
        Event::Notice(Notice::ConnectionBroke(Status::InvalidText)),
        Event::Notice(Notice::UnreadableFrame),
        Event::Notice(Notice::Server("s".into())),
        Event::Refused(refusal()),
        Event::RoundTrip(12),
    ];
    for event in events {
        assert_eq!(pass(&event), Some(Decoded::Event(event)));
    }
    // The remaining time is the same on both clocks.
    let at = |retry_at| Connection::Reconnecting {
        status: Status::NoAnswer,
        retry_at: Some(retry_at),
        attempt: 1,
        suggestion: None,
    };
    assert_eq!(pass(&Event::Connection(at(350))), Some(Decoded::Event(Event::Connection(at(1_150)))));
    let members = Notice::Members { nicks: vec!["a".into()], more: 2 };
    for notice in [Notice::Help, members, Notice::MembersLoading] {
        assert_eq!(pass(&Event::Notice(notice)), None, "the answer to a command of one tab");
    }
}

#[test]
fn a_login_is_passed_with_the_account_as_it_is_persisted() {
    let account = Some(UserId([7; 16]));
    let record = AccountRecord { identity: identity(), account, secret: vec![9; 32], attempt: 5 };
    let event = events::encode(1, &Event::LoggedIn(identity(), account), Some(&record)).unwrap();
    assert_eq!(events::decode(1, event), Some(Decoded::LoggedIn(Box::new(record))));
}

#[test]
fn answers_are_the_same_after_encoding_and_decoding() {
    let page = wire::MessagePage { from: 3, to: 9, ..wire::MessagePage::default() };
    let row = wire::RoomRow { room: ROOM.to_wire(), handle: 4, ..wire::RoomRow::default() };
    let replies = [
        Reply::Done { seq: 4, time: 5 },
        Reply::Window(wire::RoomWindow { seq: 8, ..wire::RoomWindow::default() }),
        Reply::Loaded(page.clone()),
        Reply::Found(page),
        Reply::Room(row.clone()),
        Reply::Rooms(wire::RoomPage { more: true, ..wire::RoomPage::default() }),
        Reply::People(wire::PeoplePage { total: 4, ..wire::PeoplePage::default() }),
        Reply::Link(wire::DeviceLink { code: "abc".into(), expires: 6 }),
    ];
    let answer = |origin, result| Event::Answer { origin, number: 4_000_000_000, room: ROOM, result };
    for reply in replies {
        let is_found = matches!(reply, Reply::Found(_));
        let Some(Decoded::Answer { tab: Origin(7), number: 4_000_000_000, room: ROOM, result: Ok(decoded) }) =
            pass(&answer(Origin(7), Ok(reply.clone())))
        else {
            panic!("{reply:?}")
        };
        assert_eq!(events::reply(decoded, is_found), Some(reply));
    }
    let refused = pass(&answer(Origin(7), Err(refusal())));
    assert!(matches!(refused, Some(Decoded::Answer { result: Err(decoded), .. }) if decoded == refusal()));
    assert_eq!(pass(&answer(Origin::LOCAL, Ok(Reply::Done { seq: 0, time: 0 }))), None, "only for this tab");
    let joined = pass(&answer(Origin::LOCAL, Ok(Reply::Room(row.clone()))));
    assert!(matches!(joined, Some(Decoded::Answer { result: Ok(Answer::Room(of)), .. }) if of == row));
}

#[test]
fn posts_are_the_same_after_encoding_and_decoding() {
    let message = QueuedMessage::new(id(1), "hi".into(), 5, 6, Stage::Queued);
    let contents = [
        PostContent::Publication { number: 4, snapshot: true, events: Vec::new() },
        PostContent::Renewal {
            number: 4,
            age: 5,
            due: Some(0),
            executed: vec![(Origin(8), 9)],
            roll_call: true,
        },
        PostContent::Renewal { number: 0, age: 0, due: None, executed: vec![], roll_call: false },
        PostContent::Report(Report::WantsSnapshot),
        PostContent::Report(Report::Visible),
        PostContent::Report(Report::Hidden),
        PostContent::Report(Report::Closed),
    ];
    let commands = [
        TabCommand::Server(Command::Join { room: ROOM, id: id(1) }),
        TabCommand::Server(Command::ReadAll),
        TabCommand::Send(ROOM, message),
        TabCommand::Retry(LOBBY, id(1)),
        TabCommand::Discard(ROOM, id(1)),
        TabCommand::Reconnect,
        TabCommand::Rename("tom2".into()),
        TabCommand::LogOut,
    ];
    let commands = commands.map(|command| {
        let (log, account) = (vec![7; 16], Some(UserId([8; 16])).filter(|_| command != TabCommand::LogOut));
        PostContent::Command { number: u32::MAX, expires: -4, command, log, account }
    });
    for content in contents.into_iter().chain(commands) {
        let post = Post { tab: Origin(3), lease: 7, database: DATABASE_VERSION, content };
        let decoded = Post::decode(&post.encode()).unwrap();
        assert_eq!(format!("{decoded:?}"), format!("{post:?}"));
        let is_leader = matches!(post.content, PostContent::Publication { .. } | PostContent::Renewal { .. });
        assert_eq!(decoded.leader(), is_leader.then_some(7));
    }
    for bytes in [&b""[..], b"garbage", &[0xFF; 9]] {
        assert!(Post::decode(bytes).is_none());
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod arbitrary {
    use proptest::prelude::*;

    use super::*;
    use crate::{client::Setup, left_sessions::LeftSessions, validate::nick_key};

    const NOW: Clocks = Clocks { monotonic: 1_000, unix: 1_700_000_000_000 };

    /// Encoded messages of every kind.
    fn posts() -> Vec<Vec<u8>> {
        let identity = identity();
        let record =
            AccountRecord { identity: identity.clone(), account: None, secret: vec![9; 32], attempt: 5 };
        let own = OwnMessage {
            room: ROOM,
            id: id(3),
            content: "hi".into(),
            time: 5,
            order: 9,
            delivery: Delivery::Failed(Status::Busy),
        };
        let result = Ok(Reply::Window(wire::RoomWindow { seq: 4, ..wire::RoomWindow::default() }));
        let all = [
            Event::LoggedIn(identity, None),
            Event::Own(own),
            Event::Answer { origin: Origin(7), number: 3, room: ROOM, result },
            Event::Connection(Connection::Failed { status: Status::Busy, refusal: Some(refusal()) }),
        ];
        let events: Vec<_> = all.iter().filter_map(|event| events::encode(1, event, Some(&record))).collect();
        let message = QueuedMessage::new(id(1), "hi".into(), 5, 6, Stage::Queued);
        let command = TabCommand::Send(ROOM, message);
        let contents = [
            PostContent::Publication { number: 1, snapshot: true, events },
            PostContent::Renewal {
                number: 4,
                age: 5,
                due: Some(0),
                executed: vec![(Origin(7), 9)],
                roll_call: true,
            },
            PostContent::Report(Report::Visible),
            PostContent::Command {
                number: 3,
                expires: i64::MAX,
                command,
                log: vec![7; 16],
                account: Some(UserId([8; 16])),
            },
        ];
        contents.map(|content| Post::of_leader(Origin(8), 7, content).encode().to_vec()).into()
    }

    fn handle(bytes: &[u8]) {
        let mut follower = Follower::new(NOW.monotonic, Origin(7), ClientState::new(nick_key));
        follower.handle_visibility(NOW.monotonic, true);
        for _ in 0..2 {
            follower.handle_message(NOW, bytes);
            let _ = follower.handle_timeout(NOW);
        }
        while follower.poll_post(NOW).is_some() {}
        let lease = follower.next_lease(NOW.unix);
        let mut persisted = follower.mirrored().unwrap_or_default();
        let promoted = follower.promote(NOW, lease, true, &mut persisted);
        let setup = Setup {
            seed: 1,
            agent: "test".into(),
            nick: "tom".into(),
            secret: [1; 16],
            link_code: None,
            left: LeftSessions::default(),
            state: promoted.state,
            persisted,
        };
        let (mut leader, mut client) = (promoted.leader, Client::new(setup).unwrap());
        let _ = leader.is_superseded_by(bytes);
        let _ = leader.handle_message(NOW, bytes, &mut client);
        let _ = (leader.snapshot(NOW.monotonic, &client), leader.poll_renewal(NOW.monotonic, &client));
    }

    proptest! {
        #[test]
        fn messages_of_other_tabs_never_panic(
            at: prop::sample::Index, byte: u8, length: prop::sample::Index, any in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            handle(&any);
            for mut bytes in posts() {
                handle(&bytes);
                let damaged = at.index(bytes.len());
                bytes[damaged] = byte;
                handle(&bytes);
                bytes.truncate(length.index(bytes.len()) + 1);
                handle(&bytes);
            }
        }
    }
}
