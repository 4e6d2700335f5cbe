//! Values that were written are read again, those of version 1 too; any other bytes are skipped.
#![cfg(not(target_arch = "wasm32"))] // proptest is not available there

use proptest::prelude::*;

use super::{
    account::StoredAccount,
    room::{StoredMessages, StoredRoom, put_message},
    scroll::Position,
    *,
};
use crate::{
    codec::{self, Envelope},
    ids::{MessageId, RoomId, UserId},
    model::{Dialect, Identity},
    ranges::Range,
    send_queue::{QueuedMessage, Stage},
    status::Status,
    wire,
};

const ROOM: RoomId = RoomId([3; 16]);
const LOG: [u8; 16] = [9; 16];

/// Values that version 1 has written, as they are in its tables.
mod version_1 {
    pub const ACCOUNT: &str = "0a03746f6d1220000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f1a1009090909090909\
        090909090909090909220203052a130880800110808004182020ac02281430a09c01320448616c6c400248055001584d";
    pub const QUEUED: &str =
        "0a1005050505050505050505050505050505120d756e73656e7420e4bda0e5a5bd1880d095ffbc312081d095ffbc31";
    pub const FAILED: &str = "0a1006060606060606060606060606060606120d756e73656e7420e4bda0e5a5bd1880d095ffbc312081d095ffbc31\
        28ab1f300138014002";
    pub const MESSAGES: [&str; 2] = [
        "084d12260a046c696c69120474616c6b1a02686932100404040404040404040404040404040438044007",
        "084d12260a046c696c69120474616c6b1a02686932100505050505050505050505050505050538054007",
    ];
    pub const DRAFT: &str = "0a1030303030303030303030303030306162120e68616c6620612074686f756768741808";
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// The content of a database of version 1 after boot/device.js has moved it.
fn upgraded() -> Rows {
    let mut rows = Rows::default();
    let mut put = |key, hex| rows.apply(&Change::Put(key, bytes(hex).into()));
    put(Key::Account, version_1::ACCOUNT);
    put(Key::Queued(RoomId::LOBBY, MessageId([5; 16])), version_1::QUEUED);
    put(Key::Queued(RoomId::LOBBY, MessageId([6; 16])), version_1::FAILED);
    (4..).zip(version_1::MESSAGES).for_each(|(seq, hex)| put(Key::Message(RoomId::LOBBY, seq), hex));
    put(Key::Draft(RoomId::LOBBY, "00000000000000ab".into()), version_1::DRAFT);
    rows
}

#[test]
fn data_of_version_1_is_read() {
    let rows = upgraded();
    let stored = Stored::of(&rows);
    let account = stored.account.unwrap();
    assert_eq!((&*account.identity.nick, account.identity.server_name.as_deref()), ("tom", Some("Hall")));
    assert_eq!(account.secret, (0..32).collect::<Vec<u8>>());
    assert_eq!((account.account, account.version, account.attempt), (None, 0, 5));
    let [(RoomId::LOBBY, queued), (RoomId::LOBBY, failed)] = &stored.send_queue[..] else {
        panic!("{:?}", stored.send_queue)
    };
    assert_eq!(
        (queued.id, &*queued.content, queued.stage),
        (MessageId([5; 16]), "unsent 你好", Stage::Queued)
    );
    assert_eq!(failed.stage, Stage::Failed(Status::ContentTooLong));
    assert_eq!((failed.ended, failed.too_big), (1, 2));

    let values = rows.values(&StoredMessages::range(RoomId::LOBBY));
    assert_eq!(values.len(), 2);
    let messages = StoredMessages::read(RoomId::LOBBY, &account.log, &values);
    assert_eq!(messages, StoredMessages::default(), "their numbers are those of another log");

    let drafts = rows.values(&KeyRange::all(Table::Drafts));
    let (text, _) = draft::take_over(RoomId::LOBBY, None, "b", &[], &drafts, 9);
    assert_eq!(text, "half a thought");
}

fn message(room: RoomId, ord: u64, content: &str) -> Envelope {
    let id = Some(MessageId::new(ord, [1; 10]));
    let (sender, room) = (vec![7; 16], room.to_wire());
    Envelope { room, seq: ord + 3, ord, time: 5, sender, ..codec::message("lili", id, content) }
}

#[test]
fn messages_are_those_of_one_room_and_log() {
    let mut rows = Rows::default();
    let mut put = |room, log: &[u8], ord, content: &str| {
        rows.apply(&put_message(room, log, &message(room, ord, content)).unwrap());
    };
    for ord in [7, 2, 3, 9] {
        put(ROOM, &LOG, ord, "hi");
    }
    put(RoomId::LOBBY, &LOG, 4, "in the lobby");
    put(ROOM, &[8; 16], 8, "of another log");
    let read = StoredMessages::read(ROOM, &LOG, &rows.values(&StoredMessages::range(ROOM)));
    assert_eq!(read.messages, [2, 3, 7, 9].map(|ord| message(ROOM, ord, "hi")));
    let known = [(1, 3), (6, 7), (8, 9)].map(|(from, to)| Range { from, to });
    assert_eq!(read.known.iter().collect::<Vec<_>>(), known, "what is not there is a gap");
    assert_eq!(put_message(ROOM, &LOG, &message(ROOM, 0, "not countable")), None);
}

#[test]
fn rooms_of_another_log_are_skipped() {
    let mut rows = upgraded();
    let room = |room, log: &[u8]| StoredRoom {
        room,
        row: None,
        log: log.into(),
        seq: 1,
        last: None,
        topic: String::new(),
        members: 0,
        first_ord: 1,
        is_unconfirmed: false,
    };
    rows.apply(&room(ROOM, &LOG).put());
    rows.apply(&room(RoomId::LOBBY, &[8; 16]).put());
    assert_eq!(Stored::of(&rows).rooms, [room(ROOM, &LOG)]);
    StoredRoom::delete(ROOM).iter().for_each(|change| rows.apply(change));
    assert_eq!(Stored::of(&rows).rooms, []);
    rows.apply(&room(ROOM, &LOG).put());
    rows.apply(&Change::Clear(Table::Account));
    let stored = Stored::of(&rows);
    assert_eq!((stored.rooms.len(), stored.send_queue.len()), (0, 2), "a logout keeps what was not sent");
}

fn room_id() -> impl Strategy<Value = RoomId> {
    prop_oneof![Just(RoomId::LOBBY), any::<[u8; 16]>().prop_map(RoomId)]
}

fn identity() -> impl Strategy<Value = Identity> {
    ("[a-z]{1,20}", any::<bool>(), proptest::option::of("[a-z]{1,9}"), any::<bool>()).prop_map(
        |(nick, basic, server_name, search)| Identity {
            nick: nick.into(),
            dialect: if basic { Dialect::Basic } else { Dialect::Rich },
            limits: crate::limits::Limits::default(),
            server_name,
            search,
            echoes_text: false,
        },
    )
}

fn account() -> impl Strategy<Value = StoredAccount> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let account = proptest::option::of(any::<[u8; 16]>().prop_map(UserId));
    (identity(), bytes(), account, bytes(), any::<u64>(), any::<u64>()).prop_map(
        |(identity, secret, account, log, version, attempt)| StoredAccount {
            identity,
            secret,
            account,
            log,
            version,
            attempt,
        },
    )
}

fn room() -> impl Strategy<Value = StoredRoom> {
    let numbers = (any::<u64>(), any::<u32>(), any::<u64>(), any::<u64>());
    (room_id(), any::<bool>(), any::<[u8; 16]>(), ".{0,9}", numbers).prop_map(
        |(room, has_row, id, topic, (seq, members, first_ord, unread))| StoredRoom {
            room,
            row: has_row.then(|| wire::RoomRow {
                room: room.to_wire(),
                handle: members,
                name: topic.clone(),
                unread,
                ..wire::RoomRow::default()
            }),
            log: LOG.to_vec(),
            seq,
            last: (seq % 2 == 0).then_some(MessageId(id)),
            topic,
            members,
            first_ord,
            is_unconfirmed: false,
        },
    )
}

fn queued() -> impl Strategy<Value = QueuedMessage> {
    let failed = prop_oneof![Just(Stage::Queued), Just(Stage::Failed(Status::ContentTooLong))];
    (any::<[u8; 16]>(), ".{0,20}", any::<i64>(), any::<u64>(), failed, any::<(u8, u8)>()).prop_map(
        |(id, content, time, order, stage, (ended, too_big))| QueuedMessage {
            ended,
            too_big,
            ..QueuedMessage::new(MessageId(id), content.as_str().into(), time, order, stage)
        },
    )
}

fn value(change: &Change) -> Vec<u8> {
    let Change::Put(_, value) = change else { panic!("{change:?}") };
    value.to_vec()
}

/// Reads a value as one of every kind.
fn read_as_everything(bytes: &[u8]) {
    let values = [bytes.to_vec(), bytes.to_vec()];
    let stored = Stored::read(Some(bytes), &values, &values);
    let log = stored.account.map(|account| account.log).unwrap_or_default();
    for room in [RoomId::LOBBY, ROOM] {
        let messages = StoredMessages::read(room, &log, &values);
        assert!(messages.messages.len() <= 1, "the same message twice");
        let _ = draft::take_over(room, Some("a"), "b", &[], &values, 1);
    }
    let _ = draft::rooms(&values);
    let _ = scroll::take_over(Some("a"), "b", &[], &values);
    let value = String::from_utf8_lossy(bytes).into_owned();
    let _ = Scopes::read([("ws://a/ws\ntom".into(), value)]).of_nick("ws://a/ws", "tom");
}

proptest! {
    #[test]
    fn accounts_are_read_as_they_were_written(account in account()) {
        prop_assert_eq!(StoredAccount::decode(&value(&account.put())), Some(account));
    }

    #[test]
    fn rooms_are_read_as_they_were_written(room in room()) {
        prop_assert_eq!(StoredRoom::decode(&value(&room.put())), Some(room));
    }

    #[test]
    fn queued_messages_are_read_as_they_were_written(room in room_id(), message in queued()) {
        let change = queue::put(room, &message);
        prop_assert_eq!(queue::decode(&value(&change)), Some((room, message.clone())));
        let mut rows = Rows::default();
        rows.apply(&change);
        rows.apply(&queue::delete(room, message.id));
        prop_assert!(rows.is_empty());
    }

    #[test]
    fn known_ranges_are_the_messages_that_are_there(ords in proptest::collection::btree_set(1_u64..60, 0..40)) {
        let put = |ord: &u64| value(&put_message(ROOM, &LOG, &message(ROOM, *ord, "hi")).unwrap());
        let values: Vec<_> = ords.iter().map(put).collect();
        let read = StoredMessages::read(ROOM, &LOG, &values);
        for ord in 0..60 {
            prop_assert_eq!(read.known.contains(ord), ords.contains(&ord));
        }
        prop_assert_eq!(read.messages.len(), ords.len());
    }

    #[test]
    fn scroll_positions_are_read_as_they_were_written(room in room_id(), ord: u64, offset_px in -1e6_f32..1e6) {
        let position = Position { ord, offset_px };
        let stored = [value(&scroll::save(room, "a", Some(position), 1))];
        prop_assert_eq!(scroll::take_over(Some("a"), "b", &[], &stored).0, [(room, position)]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn damaged_values_never_panic(
        account in account(), room in room(), queued in queued(), at: prop::sample::Index, byte: u8, length: prop::sample::Index,
    ) {
        let stored_message = put_message(ROOM, &LOG, &message(ROOM, 1, "hi")).unwrap();
        let draft = draft::save(ROOM, "a", "text", 1);
        let scroll = scroll::save(ROOM, "a", Some(Position { ord: 1, offset_px: -1.5 }), 1);
        let changes = [account.put(), room.put(), queue::put(ROOM, &queued), stored_message, draft, scroll];
        for change in &changes {
            let mut bytes = value(change);
            let damaged = at.index(bytes.len());
            bytes[damaged] = byte;
            bytes.truncate(length.index(bytes.len()) + 1);
            read_as_everything(&bytes);
        }
    }
}
