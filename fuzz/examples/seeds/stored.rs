//! Seeds of the target `stored`: the data that a session persists, the messages of a leader and of a follower, and drafts.

use parlour_core::{
    codec::{self, Envelope, Extension},
    ids::{RoomId, UserId},
    model::{MessageId, SeekTarget},
    persist::{
        Change, Key, Persisted,
        account::StoredAccount,
        draft, queue,
        room::{StoredRoom, put_message},
        scroll,
    },
    session::{Clocks, Command, Session},
    tabs::{self, Follower, Leader, Unread},
    wire,
};

/// The most values in a list.
const MAX_LIST: usize = 7;

const NOW: Clocks = Clocks { monotonic: 1_000, unix: 1_700_000_000_000 };

/// The data of a device, as a session has persisted it.
#[derive(Clone, Default)]
struct Device {
    account: Vec<u8>,
    send_queue: Vec<Vec<u8>>,
    messages: Vec<Vec<u8>>,
}

impl Device {
    /// The input of the target with this data and these messages of other tabs.
    fn with(&self, tab_messages: &[Vec<u8>]) -> Vec<u8> {
        let lists = [list(&self.send_queue), list(&self.messages), list(tab_messages)].concat();
        [field(&self.account), lists].concat()
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

/// The welcome of a server with this log.
fn welcome(log: u8) -> Vec<u8> {
    let welcome = wire::Welcome {
        version: 1,
        capabilities: vec!["history".into(), "search".into()],
        nick: "tom".into(),
        secret: vec![9; 32],
        log: vec![log; 16],
        positions: vec![wire::RoomPosition::default()],
        ..wire::Welcome::default()
    };
    codec::encode(&codec::extension(Extension::Welcome(welcome))).into()
}

/// Publishes the events of the session to the followers.
fn publish(leader: &mut Leader, session: &mut Session) -> Vec<Vec<u8>> {
    let events: Vec<_> = std::iter::from_fn(|| session.poll_event()).collect();
    events.iter().filter_map(|event| leader.publish(NOW.monotonic, event, session)).map(Vec::from).collect()
}

/// Executes the commands of the session that persist something.
fn persist(session: &mut Session) -> Device {
    let mut device = Device::default();
    while let Some(command) = session.poll_command() {
        let Command::Persist { changes, .. } = command else { continue };
        for change in changes {
            match change {
                Change::Put(Key::Account, value) => device.account = value.into(),
                Change::Put(Key::Queued(..), value) => device.send_queue.push(value.into()),
                Change::Put(Key::Message(..), value) => device.messages.push(value.into()),
                _ => {}
            }
        }
    }
    device
}

/// The messages of a follower that is visible, requests, commands and sends.
fn follower_messages(snapshot: &[u8]) -> Vec<Vec<u8>> {
    let mut follower = Follower::new(NOW.monotonic, 5 << 32);
    let _ = follower.handle_message(NOW.monotonic, snapshot);
    follower.handle_visibility(NOW.monotonic, true);
    follower.handle_seek(SeekTarget::Seq(5));
    follower.handle_seek(SeekTarget::Time(5));
    follower.handle_search("hi", 9);
    follower.handle_command(NOW, 11, tabs::Command::Reconnect);
    follower.handle_command(NOW, 12, tabs::Command::Rename("tom2".into()));
    follower.handle_command(NOW, 13, tabs::Command::Leave);
    let sent = follower.handle_send(NOW, MessageId([10; 16]), "from a follower").unwrap();
    let _ = follower.handle_timeout(NOW.monotonic + tabs::QUESTION_INTERVAL_MS);
    follower.handle_visibility(NOW.monotonic, false);
    let others = [sent.command, tabs::load_gap_command(5 << 32 | 3, 9)];
    others.into_iter().chain(std::iter::from_fn(|| follower.poll_message())).map(Vec::from).collect()
}

/// All seeds.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut session = Session::new(1, "seed");
    let mut leader = Leader::new(7, true);
    let first_snapshot = Vec::from(leader.snapshot(NOW.monotonic, &session));
    session.handle_login(NOW, "tom", Persisted::default()).unwrap();
    session.handle_opened(NOW);
    session.handle_message(NOW, &welcome(1));
    for seq in [1, 2, 3, 9] {
        let talk = codec::message("lili", Some(MessageId([seq; 16])), "hi");
        session.handle_message(NOW, &codec::encode(&Envelope { seq: seq.into(), time: 5, ..talk }));
    }
    for id in [8, 9] {
        session.handle_send(NOW, MessageId([id; 16]), "unsent").unwrap();
    }
    session.handle_hidden();
    let events = publish(&mut leader, &mut session);
    let snapshot = Vec::from(leader.snapshot(NOW.monotonic, &session));
    let device = persist(&mut session);

    let commands = follower_messages(&snapshot);
    let mut answers = Vec::new();
    for message in &commands {
        let _ = leader.handle_message(NOW, message, &mut session);
        answers.extend(leader.poll_renewal(NOW.monotonic, &session).map(Vec::from));
        answers.extend(publish(&mut leader, &mut session));
    }
    // The log is replaced.
    session.handle_closed(NOW, 1006);
    session.handle_opened(NOW);
    session.handle_message(NOW, &welcome(2));
    answers.extend(publish(&mut leader, &mut session));
    let snapshot_of_other_log = Vec::from(leader.snapshot(NOW.monotonic, &session));
    // Another tab takes over.
    let mut successor = Leader::new(8, true);
    let taken_over =
        [Leader::announcement(8), successor.snapshot(NOW.monotonic, &session)].map(Vec::from).to_vec();
    let mut unread = Unread::default();
    unread.handle_focus(true);
    let read = unread.poll_message().map(Vec::from).expect("the tab has the focus");
    let drafts: Vec<Vec<u8>> = [("own", "mine"), ("closed", "first"), ("open", "second")]
        .map(|(tab, text)| match draft::save(RoomId::LOBBY, tab, text, 5) {
            Change::Put(_, value) => value.into(),
            other => panic!("{other:?}"),
        })
        .to_vec();

    let after = |snapshot: &[u8], others: &[Vec<u8>]| {
        let snapshot = [snapshot.to_vec()];
        device.with(&[&snapshot, others].concat())
    };
    let half = &device.account[..device.account.len() / 2];
    let mut seeds = vec![
        device.with(&[]),
        Device { messages: device.messages[1..].into(), ..device.clone() }.with(&[]),
        Device { account: Vec::new(), ..device.clone() }.with(&[]),
        Device { account: half.into(), ..device.clone() }.with(&[]),
        after(&snapshot, &[read]),
        after(&snapshot, &[snapshot_of_other_log]),
        // A lost message.
        after(&first_snapshot, &events[1..3]),
        // A message of a leader after those of its successor.
        after(&snapshot, &[taken_over, answers[..1].to_vec()].concat()),
        [device.with(&[]), list(&drafts)].concat(),
        [device.with(&[]), list(&[drafts[0].clone(), vec![0xFF; 3], drafts[0].clone()])].concat(),
    ];
    for (snapshot, others) in [(&first_snapshot, events), (&snapshot, answers)] {
        seeds.extend(others.chunks(MAX_LIST - 1).map(|others| after(snapshot, others)));
    }
    seeds.extend(commands.chunks(MAX_LIST).map(|commands| device.with(commands)));
    seeds.push(many_rooms(&device));
    seeds
}

/// The data of a client with many rooms, with a message that a client with one room has not sent.
fn many_rooms(device: &Device) -> Vec<u8> {
    let (room, log) = (RoomId([3; 16]), [1; 16]);
    let value = |change: Change| match change {
        Change::Put(_, value) => Vec::from(value),
        other => panic!("{other:?}"),
    };
    let former = StoredAccount::decode(&device.account).expect("a session has stored it");
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
    let (_, queued) = queue::decode(&device.send_queue[0]).expect("a session has stored it");
    let send_queue = [device.send_queue[1].clone(), value(queue::put(room, &queued))];
    let position = scroll::Position { ord: 3, offset: -20 };
    let drafts = [value(draft::save(room, "own", "mine", 5))];
    let rooms = [value(state.put()), value(scroll::save(room, "own", Some(position), 5))];
    let many =
        Device { account: value(account.put()), send_queue: send_queue.into(), messages: messages.into() };
    [many.with(&[]), list(&drafts), list(&rooms)].concat()
}
