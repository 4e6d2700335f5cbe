//! Seeds of the target `stored`: the data that a client persists, the messages of a leader and of a follower, and drafts.

use parlour_core::{
    Clocks,
    client::{
        Client, Command, Origin, Output, PageStart, Persisted, Position, Setup,
        cursor::Cursor,
        device::DeviceRooms,
        state::ClientState,
        tabs::{Follower, Leader, QUESTION_INTERVAL_MS, TabCommand},
    },
    codec::{self, Envelope, Extension},
    left_sessions::LeftSessions,
    model::{MessageId, RoomId, UserId},
    persist::{
        Change, Key,
        account::StoredAccount,
        draft, queue,
        room::{StoredRoom, put_message},
        scroll,
    },
    room_rows,
    validate::nick_key,
    wire,
};

/// The most values in a list.
const MAX_LIST: usize = 7;

const NOW: Clocks = Clocks { monotonic: 1_000, unix: 1_700_000_000_000 };
/// The tab that leads, and one that follows.
const TABS: [Origin; 2] = [Origin(3), Origin(9)];
const ROOM: RoomId = RoomId([3; 16]);

/// The data of a device, as a client has persisted it.
#[derive(Clone, Default)]
struct Device {
    account: Vec<u8>,
    send_queue: Vec<Vec<u8>>,
    messages: Vec<Vec<u8>>,
    rooms: Vec<Vec<u8>>,
}

impl Device {
    /// The input of the target with this data and these messages of other tabs.
    fn with(&self, tab_messages: &[Vec<u8>]) -> Vec<u8> {
        self.with_drafts(tab_messages, &[])
    }

    fn with_drafts(&self, tab_messages: &[Vec<u8>], drafts: &[Vec<u8>]) -> Vec<u8> {
        let lists = [&self.send_queue[..], &self.messages, tab_messages, drafts, &self.rooms].map(list);
        [field(&self.account), lists.concat()].concat()
    }
}

/// A value with its length.
fn field(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a value that is not cut off");
    [&length.to_be_bytes(), bytes].concat()
}

/// Values with their number.
fn list(values: &[Vec<u8>]) -> Vec<u8> {
    assert!(values.len() <= MAX_LIST, "{} values", values.len());
    let fields = values.iter().flat_map(|bytes| field(bytes));
    [u8::try_from(values.len()).unwrap()].into_iter().chain(fields).collect()
}

fn event(room: RoomId, body: wire::server_event::Body) -> Envelope {
    codec::extension(Extension::Event(wire::ServerEvent { room: room.to_wire(), body: Some(body) }))
}

/// The welcome of a server with this log, which has two rooms.
fn welcome(log: u8) -> Vec<u8> {
    let row = |room: RoomId, handle| wire::RoomRow {
        room: room.to_wire(),
        handle,
        kind: i32::from(handle > 0),
        role: 1,
        name: "tea".into(),
        head_ord: 3,
        ..wire::RoomRow::default()
    };
    let rows = room_rows::pack([row(RoomId::LOBBY, 0), row(ROOM, 1)]);
    let rows = wire::AccountRows { rows, complete: true, version: 5, ..wire::AccountRows::default() };
    let page =
        wire::MessagePage { to: 3, first_ord: 1, head_ord: 3, from: 3, ..wire::MessagePage::default() };
    let window =
        wire::RoomWindow { seq: 3, reset: true, page: Some(page), members: 2, ..wire::RoomWindow::default() };
    let welcome = wire::Welcome {
        version: 1,
        capabilities: vec!["batch".into(), "search".into(), "rooms".into()],
        nick: "tom".into(),
        secret: vec![9; 32],
        log: vec![log; 16],
        account: vec![7; 16],
        rows: Some(rows),
        window: Some(window),
        ..wire::Welcome::default()
    };
    codec::encode(&codec::extension(Extension::Welcome(welcome))).into()
}

fn client(nick: &str) -> Client {
    let mut state = ClientState::new(nick_key);
    state.open_room(Some(RoomId::LOBBY));
    let setup = Setup {
        seed: 1,
        agent: "seed".into(),
        nick: nick.into(),
        secret: [1; 16],
        link_code: None,
        left: LeftSessions::default(),
        state,
        persisted: Persisted::default(),
    };
    Client::new(setup).unwrap()
}

/// Publishes the events of the client to the followers.
fn publish(leader: &mut Leader, client: &mut Client) -> Vec<Vec<u8>> {
    let events: Vec<_> = std::iter::from_fn(|| client.poll_event()).collect();
    events.iter().filter_map(|event| leader.publish(NOW.monotonic, event, client)).map(Vec::from).collect()
}

/// Persists what the client requests, and what its rooms have.
fn persist(client: &mut Client) -> Device {
    let mut rooms = DeviceRooms::default();
    while let Some(change) = client.state_mut().poll_change() {
        let _ = rooms.handle_change(client.state(), &change);
    }
    let mut device = Device::default();
    while let Some(output) = client.poll_output() {
        let Output::Persist { changes, .. } = output else { continue };
        for change in rooms.encode(client.state(), client.record().as_ref(), changes) {
            match change {
                Change::Put(Key::Account, value) => device.account = value.into(),
                Change::Put(Key::Queued(..), value) => device.send_queue.push(value.into()),
                Change::Put(Key::Message(..), value) => device.messages.push(value.into()),
                Change::Put(Key::Room(_), value) => device.rooms.push(value.into()),
                _ => {}
            }
        }
    }
    device
}

/// The messages of a follower that is visible, reads, requests, commands and sends.
fn follower_messages(snapshot: &[u8]) -> Vec<Vec<u8>> {
    let mut follower = Follower::new(NOW.monotonic, TABS[1], ClientState::new(nick_key));
    follower.handle_message(NOW, snapshot);
    follower.handle_visibility(NOW.monotonic, true);
    let room = ROOM;
    follower.handle_server_command(NOW, 1, Command::Subscribe { room, position: Position::default() });
    follower.handle_server_command(NOW, 2, Command::LoadPage { room, start: PageStart::Before(9), count: 5 });
    follower.handle_server_command(NOW, 3, Command::Search { room, query: "hi".into(), before: 9, count: 5 });
    follower.handle_server_command(NOW, 4, Command::Read { room, cursor: Cursor { version: 1, ord: 2 } });
    follower.handle_server_command(NOW, 5, Command::Leave { room, id: MessageId([4; 16]) });
    follower.handle_command(NOW, TabCommand::Reconnect);
    follower.handle_command(NOW, TabCommand::Rename("tom2".into()));
    follower.handle_command(NOW, TabCommand::LogOut);
    follower.handle_send(NOW, room, MessageId([10; 16]), "from a follower").unwrap();
    while let Some(message) = follower.poll_unpersisted() {
        follower.handle_stored(message);
    }
    let _ = follower.handle_timeout(Clocks { monotonic: NOW.monotonic + QUESTION_INTERVAL_MS, ..NOW });
    follower.handle_visibility(NOW.monotonic, false);
    follower.handle_closing();
    std::iter::from_fn(|| follower.poll_post(NOW)).map(Vec::from).collect()
}

/// All seeds.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut client = client("tom");
    let mut leader = Leader::new(TABS[0], 7, true);
    let first_snapshot = Vec::from(leader.snapshot(NOW.monotonic, &client));
    client.handle_connect(NOW).unwrap();
    client.handle_opened(NOW);
    client.handle_message(NOW, &welcome(1));
    for ord in [4, 5, 6, 9] {
        let talk = codec::message("lili", Some(MessageId([ord; 16])), "hi");
        let (seq, ord, sender) = (ord.into(), ord.into(), vec![8; 16]);
        client.handle_message(NOW, &codec::encode(&Envelope { seq, ord, sender, time: 5, ..talk }));
    }
    let topic = wire::room_event::Change::Topic("Oolong".into());
    let topic = wire::RoomEvent { seq: 10, time: 6, sender: None, change: Some(topic) };
    client.handle_message(NOW, &codec::encode(&event(RoomId::LOBBY, wire::server_event::Body::Event(topic))));
    client.handle_send(NOW, RoomId::LOBBY, MessageId([8; 16]), "unsent").unwrap();
    client.handle_send(NOW, ROOM, MessageId([9; 16]), "unsent").unwrap();
    client.handle_hidden();
    let events = publish(&mut leader, &mut client);
    let snapshot = Vec::from(leader.snapshot(NOW.monotonic, &client));
    let device = persist(&mut client);

    let commands = follower_messages(&snapshot);
    let mut answers = Vec::new();
    for message in &commands {
        let _ = leader.handle_message(NOW, message, &mut client);
        answers.extend(leader.poll_renewal(NOW.monotonic, &client).map(Vec::from));
        answers.extend(publish(&mut leader, &mut client));
    }
    // The log is replaced.
    client.handle_closed(NOW, 1006);
    client.handle_reconnect(NOW);
    client.handle_opened(NOW);
    client.handle_message(NOW, &welcome(2));
    answers.extend(publish(&mut leader, &mut client));
    let snapshot_of_other_log = Vec::from(leader.snapshot(NOW.monotonic, &client));
    // Another tab takes over.
    let mut successor = Leader::new(TABS[1], 8, true);
    let taken_over = [Leader::announcement(TABS[1], 8), successor.snapshot(NOW.monotonic, &client)]
        .map(Vec::from)
        .to_vec();
    let drafts: Vec<Vec<u8>> = [("own", "mine"), ("closed", "first"), ("open", "second")]
        .map(|(tab, text)| value(draft::save(RoomId::LOBBY, tab, text, 5)))
        .to_vec();

    let after = |snapshot: &[u8], others: &[Vec<u8>]| {
        let snapshot = [snapshot.to_vec()];
        device.with(&[&snapshot, others].concat())
    };
    let half = &device.account[..device.account.len() / 2];
    let damaged = vec![drafts[0].clone(), vec![0xFF; 3], drafts[0].clone()];
    let mut seeds = vec![
        device.with(&[]),
        Device { messages: device.messages[1..].into(), ..device.clone() }.with(&[]),
        Device { account: Vec::new(), ..device.clone() }.with(&[]),
        Device { account: half.into(), ..device.clone() }.with(&[]),
        Device { rooms: Vec::new(), ..device.clone() }.with(&[]),
        after(&snapshot, &[snapshot_of_other_log]),
        // A lost message.
        after(&first_snapshot, &events[1..3]),
        // A message of a leader after those of its successor.
        after(&snapshot, &[taken_over, answers[..1].to_vec()].concat()),
        device.with_drafts(&[], &drafts),
        device.with_drafts(&[], &damaged),
    ];
    for (snapshot, others) in [(&first_snapshot, events), (&snapshot, answers)] {
        seeds.extend(others.chunks(MAX_LIST - 1).map(|others| after(snapshot, others)));
    }
    seeds.extend(commands.chunks(MAX_LIST).map(|commands| device.with(commands)));
    seeds.push(many_rooms(&device));
    seeds
}

/// The value of a change.
fn value(change: Change) -> Vec<u8> {
    match change {
        Change::Put(_, value) => value.into(),
        other => panic!("{other:?}"),
    }
}

/// Data of another account, with scroll positions, and a message of a room that the account does not have.
fn many_rooms(device: &Device) -> Vec<u8> {
    let (room, log) = (RoomId([6; 16]), [1; 16]);
    let former = StoredAccount::decode(&device.account).expect("a client has stored it");
    let account = StoredAccount { account: Some(UserId([7; 16])), log: log.to_vec(), version: 12, ..former };
    let state = StoredRoom {
        room,
        row: Some(wire::RoomRow {
            room: room.to_wire(),
            name: "tea".into(),
            handle: 1,
            ..Default::default()
        }),
        log: log.to_vec(),
        seq: 9,
        last: Some(MessageId([6; 16])),
        topic: "Oolong".into(),
        members: 2,
        first_ord: 1,
        is_unconfirmed: false,
    };
    let message = |ord: u8| Envelope {
        room: room.to_wire(),
        seq: ord.into(),
        ord: ord.into(),
        sender: vec![7; 16],
        ..codec::message("tom", Some(MessageId([ord; 16])), "hi")
    };
    let messages = [2, 3, 6].map(|ord| value(put_message(room, &log, &message(ord)).expect("it has an ord")));
    let (_, queued) = queue::decode(&device.send_queue[0]).expect("a client has stored it");
    let send_queue = [device.send_queue[1].clone(), value(queue::put(room, &queued))];
    let position = scroll::Position { ord: 3, offset_px: -20.5 };
    let drafts = [value(draft::save(room, "own", "mine", 5))];
    let rooms = [value(state.put()), value(scroll::save(room, "own", Some(position), 5))];
    let many = Device {
        account: value(account.put()),
        send_queue: send_queue.into(),
        messages: messages.into(),
        rooms: rooms.into(),
    };
    many.with_drafts(&[], &drafts)
}
