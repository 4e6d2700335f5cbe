//! Bytes on the wire and in memory.

use parlour_core::{
    codec::{self, Extension},
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    wire::{self, server_event::Body},
};

use super::{
    super::{ReadList, Rooms, delivery::Encoding, events, live_rooms::RoomState},
    model::{conn, user},
};
use crate::{conn::frame, hub::output::Outputs, store as rooms};

/// The id with which a random one is represented: no byte of it can be left out.
fn id(n: u32) -> [u8; 16] {
    let mut id = [0xA5; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    id
}

/// A room of an account with 1,000 rooms: three of four are PUBLIC, with a name of seven characters and some thousand
/// messages; the others are conversations with one person. One in 25 has unread messages.
fn row(n: u32) -> rooms::RoomRow {
    let is_direct = n % 4 == 3;
    let head_ord = if is_direct { 100 } else { 5_000 };
    let unread = if n.is_multiple_of(25) { 7 } else { 0 };
    let person = rooms::Account { user: UserId(id(n + 10_000)), nick: "martin".into(), holds_nick: true };
    rooms::RoomRow {
        room: rooms::Room {
            room: RoomId(id(n)),
            kind: if is_direct { RoomKind::Direct } else { RoomKind::Public },
            name: if is_direct { String::new() } else { format!("dev-{n:03}") },
            topic: "t".repeat(1_000),
            archived: false,
            head_seq: 6_000,
            head_ord,
            first_ord: 1,
            active: 1_700_000_000_000 - i64::from(n) * 3_600_000,
            members: 10_000,
        },
        handle: n + 1,
        role: Role::Member,
        read_ord: head_ord - unread,
        cursor_version: 0,
        muted: false,
        people: if is_direct { vec![person] } else { Vec::new() },
    }
}

/// The newest 50 messages of a room, of 100 bytes each, from ten people.
fn window() -> wire::RoomWindow {
    let message = |n: u64| wire::PageMessage {
        id: MessageId(id(n as u32)).0.to_vec(),
        seq: 6_000 + n,
        ord: 5_000 + n,
        time: 1_700_000_000_000 + n as i64,
        sender: n as u32 % 10,
        content: "x".repeat(100),
        ..wire::PageMessage::default()
    };
    let person = |n| wire::Person { account: id(n).to_vec(), nick: "martin".into(), state: 1 };
    let page = wire::MessagePage {
        messages: (0..50).map(message).collect(),
        people: (0..10).map(person).collect(),
        from: 5_000,
        to: 5_050,
        head_ord: 5_050,
        seq: 6_050,
        first_ord: 1,
        ..wire::MessagePage::default()
    };
    wire::RoomWindow {
        seq: 6_050,
        reset: true,
        page: Some(page),
        members: 10_000,
        ..wire::RoomWindow::default()
    }
}

fn welcome(rows: wire::AccountRows, window: Option<wire::RoomWindow>) -> wire::Welcome {
    wire::Welcome {
        version: 1,
        capabilities: ["batch", "durable", "history", "rooms", "search", "secret"].map(Into::into).to_vec(),
        nick: "martin".into(),
        secret: vec![1; 32],
        log: vec![2; 16],
        account: vec![3; 16],
        server_name: "Parlour".into(),
        server_time: 1_700_000_000_000,
        rows: Some(rows),
        window,
        ..wire::Welcome::default()
    }
}

/// The sizes of the frames of a login to an account with 1,000 rooms.
fn login(changed: Option<Vec<rooms::RoomRow>>, with_window: bool) -> Vec<usize> {
    let rows: Vec<_> = (0..1_000).map(row).collect();
    let mut rooms = Rooms::new(RoomState::lobby());
    let reading = rooms.begin_login(user(1));
    rooms.connect(conn(1), Encoding::Batch, (user(1), &"martin".into()), &rows, reading);
    let all = rooms::RoomRows { rows, version: 1_000_000 };
    let mut frames = rooms.login_rows(conn(1), &ReadList { all, changed }).into_iter();
    let first = welcome(frames.next().unwrap(), with_window.then(window));
    let size = |envelope| frame::binary(&codec::encode(&envelope)).len();
    let first = size(codec::extension(Extension::Welcome(first)));
    std::iter::once(first).chain(frames.map(|rows| size(events::of_server(Body::Rows(rows))))).collect()
}

#[test]
fn first_login_to_a_thousand_rooms() {
    let sizes = login(None, true);
    println!("{sizes:?}, {} in all", sizes.iter().sum::<usize>());
    assert!(sizes[0] <= 12 * 1_024, "{sizes:?}");
    assert!(sizes.iter().sum::<usize>() <= 48 * 1_024, "{sizes:?}");
}

#[test]
fn resume_with_forty_changed_rooms() {
    let sizes = login(Some((0..40).map(|n| row(n * 25)).collect()), false);
    println!("{sizes:?}");
    let without_rows = login(Some(Vec::new()), false)[0];
    assert_eq!(sizes.len(), 1);
    assert!(sizes[0] - without_rows <= 2_048, "{sizes:?} {without_rows}");
}

#[test]
fn quiet_room_in_memory() {
    // 100,000 rooms, each in the lists of two accounts that are online.
    let mut rooms = Rooms::new(RoomState::lobby());
    let (accounts, per_account) = (100, 2_000);
    for account in 0..accounts {
        let rows: Vec<_> = (0..per_account).map(|n| row(account / 2 * per_account + n)).collect();
        let id = UserId(id(account));
        let reading = rooms.begin_login(id);
        rooms.connect(conn(account + 1), Encoding::Batch, (id, &"martin".into()), &rows, reading);
    }
    assert_eq!(rooms.live.count(), 100_001);
    let bytes = rooms.memory() / 100_000;
    println!("{bytes} bytes for each room");
    assert!(bytes <= 512, "{bytes} bytes for each room");
    for account in 0..accounts {
        rooms.disconnect(conn(account + 1));
    }
    rooms.settled(u64::MAX, &mut Outputs::default());
    assert_eq!(rooms.live.count(), 1, "nothing is held of rooms that nobody online is in");
}
