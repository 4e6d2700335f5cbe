//! Target `stored`: possibly corrupt device storage, and messages from another tab of the same user.

mod rooms;

use parlour_core::{
    Clocks,
    client::{
        Client, Command, Event, Origin, Output, PageStart, Persisted, Setup,
        device::{self, DeviceRooms},
        state::{Change as StateChange, ClientState},
        tabs::{COMMAND_TIMEOUT_MS, Follower, FollowerEvent, Leader, Promoted, TabCommand},
    },
    codec::{self, Extension},
    left_sessions::LeftSessions,
    model::{MessageId, RoomId, UserId},
    persist::{Change, Key, Stored, draft, room::StoredRoom},
    timeline::{Timeline, TimelineUpdate},
    validate::nick_key,
    wire,
};

use self::rooms::Tables;
use crate::input::Input;

const NOW: Clocks = Clocks { monotonic: 1_000, unix: 1_700_000_000_000 };
/// This tab.
const TAB: Origin = Origin(5);

/// Reads the bytes as the tables of a device, as messages from other tabs and as drafts, then continues from there as a
/// follower that takes over, as a leader that steps down, and as a tab that begins with drafts.
///
/// # Panics
/// If a persisted or mirrored login cannot be resumed, if a message that a follower has sent is lost when it takes over,
/// if a gap is empty or unknown, if a tab message is larger than its input allows, if something is unread in a room that
/// the user has marked as read, or if a draft is lost.
pub fn stored(data: &[u8]) {
    let mut input = Input::new(data);
    let account = input.long_bytes().to_vec();
    let mut list = || (0..input.byte() % 8).map(|_| input.long_bytes().to_vec()).collect::<Vec<_>>();
    let (send_queue, messages, mut tab_messages, drafts, rooms) = (list(), list(), list(), list(), list());
    let tables = Tables { account: &account, send_queue: &send_queue, messages: &messages, rooms: &rooms };
    rooms::read(&tables);
    let posted = follow(&tables, &tab_messages);
    tab_messages.extend(posted);
    lead(&tables, &tab_messages, 64 * 1024 + 4 * data.len());
    take_over_drafts(&drafts);
}

/// The rows that a page has read from the tables.
fn read(tables: &Tables<'_>) -> Stored {
    Stored::read(Some(tables.account), tables.rooms, tables.send_queue)
}

/// Restores the room list and the rooms of the device in a state.
fn restore(state: &mut ClientState, stored: &Stored, tables: &Tables<'_>) -> DeviceRooms {
    let device = DeviceRooms::restore(state, stored);
    for StoredRoom { room, .. } in &stored.rooms {
        let is_row = |value: &&Vec<u8>| StoredRoom::decode(value).is_some_and(|stored| stored.room == *room);
        let row: Vec<_> = tables.rooms.iter().find(is_row).cloned().into_iter().collect();
        device::restore_room(state, *room, &row, tables.messages);
    }
    device
}

/// A client that continues with this state and this data.
fn client(state: ClientState, persisted: Persisted) -> Client {
    let setup = Setup {
        seed: 1,
        agent: "fuzz".into(),
        nick: "tom".into(),
        secret: [1; 16],
        link_code: None,
        left: LeftSessions::default(),
        state,
        persisted,
    };
    let mut client =
        Client::new(setup).unwrap_or_else(|status| panic!("the persisted login can't be resumed: {status}"));
    assert_eq!(client.handle_connect(NOW), Ok(()), "the persisted login can't be resumed");
    client
}

/// Follows the leader that sends these messages, then takes over. Returns the messages of this tab.
fn follow(tables: &Tables<'_>, tab_messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let stored = read(tables);
    let mut state = ClientState::new(nick_key);
    let _ = restore(&mut state, &stored, tables);
    let mut follower = Follower::new(NOW.monotonic, TAB, state);
    for tab_message in tab_messages {
        follower.handle_message(NOW, tab_message);
    }
    follower.handle_visibility(NOW.monotonic, true);
    let mut shown = Shown::default();
    shown.apply(follower.state_mut());
    let listed: Vec<_> = follower.state().account().rooms().map(|entry| entry.room).collect();
    for room in &listed {
        follower.state_mut().mark_read(*room);
        let unread = follower.state().account().room(*room).map(|entry| entry.unread());
        assert_eq!(unread, Some(0), "the user has marked {room:?} as read");
    }
    let room = listed.first().copied().unwrap_or(RoomId::LOBBY);
    let start = PageStart::Around(5);
    follower.handle_server_command(NOW, 11, Command::LoadPage { room, start, count: 9 });
    follower.handle_server_command(NOW, 12, Command::ReadAll);
    follower.handle_command(NOW, TabCommand::Retry(room, MessageId([8; 16])));
    follower.handle_command(NOW, TabCommand::Rename("tom2".into()));
    let id = MessageId([1; 16]);
    let is_known = follower_knows(&stored, id);
    let is_sent = follower.handle_send(NOW, room, id, "hello").is_ok();
    while let Some(message) = follower.poll_unpersisted() {
        follower.handle_stored(message);
    }
    let posted: Vec<Vec<u8>> = std::iter::from_fn(|| follower.poll_post(NOW)).map(Vec::from).collect();
    let late = Clocks { monotonic: NOW.monotonic + COMMAND_TIMEOUT_MS, ..NOW };
    let _ = follower.handle_timeout(late);

    let mut persisted = follower.mirrored().unwrap_or_else(|| Persisted::from(&stored));
    let lease = follower.next_lease(NOW.unix);
    let promoted = follower.promote(NOW, lease, true, &mut persisted);
    let Promoted { leader: _, mut state, reported, sends, settled, commands, events } = promoted;
    let _ = DeviceRooms::restore(&mut state, &stored);
    let mut client = client(state, persisted);
    client.handle_adopt_reported(NOW, reported);
    sends.into_iter().for_each(|(room, message)| client.handle_adopt(NOW, room, message));
    for (room, id) in settled {
        let _ = client.handle_settled(NOW, room, id);
    }
    for (number, command) in commands {
        command.execute(NOW, Origin::LOCAL, number, &mut client);
    }
    let is_shown = client.unacknowledged().iter().any(|message| message.id == id);
    assert!(is_shown || !is_sent || is_known, "a message was lost when its tab took over");
    client.handle_opened(NOW);
    let account = client.account().unwrap_or(UserId([7; 16]));
    let welcome = wire::Welcome {
        version: 1,
        capabilities: vec!["rooms".into()],
        account: account.0.to_vec(),
        log: vec![1; 16],
        ..wire::Welcome::default()
    };
    client.handle_message(NOW, &codec::encode(&codec::extension(Extension::Welcome(welcome))));
    let answered =
        std::iter::from_fn(|| client.poll_event()).chain(events.into_iter().filter_map(client_event));
    let answered = answered.filter(|event| matches!(event, Event::Answer { number: 12, .. })).count();
    assert!(answered <= 1, "a command is answered twice");
    posted
}

fn client_event(event: FollowerEvent) -> Option<Event> {
    match event {
        FollowerEvent::Client(event) => Some(event),
        FollowerEvent::OutdatedSince(_) | FollowerEvent::CommandFailed(_) => None,
    }
}

/// Returns `true` if the device has a message with this id already: ids are chosen by the tabs, and are never the same.
fn follower_knows(stored: &Stored, id: MessageId) -> bool {
    stored.send_queue.iter().any(|(_, message)| message.id == id)
}

/// Leads with the data of the device, and steps down. `max_bytes` is the maximum size of a message to the other tabs.
fn lead(tables: &Tables<'_>, tab_messages: &[Vec<u8>], max_bytes: usize) {
    let stored = read(tables);
    let mut state = ClientState::new(nick_key);
    let mut device = restore(&mut state, &stored, tables);
    let mut client = client(state, Persisted::from(&stored));
    let mut leader = Leader::new(TAB, 1, true);
    for tab_message in tab_messages {
        let _ = leader.is_superseded_by(tab_message);
        let _ = leader.handle_message(NOW, tab_message, &mut client);
        let renewal = leader.poll_renewal(NOW.monotonic, &client);
        assert!(renewal.is_none_or(|renewal| renewal.len() <= max_bytes), "a long answer");
    }
    let mut logins = 0;
    while let Some(event) = client.poll_event() {
        let tab_message = leader.publish(NOW.monotonic, &event, &client);
        assert!(tab_message.is_none_or(|message| message.len() <= max_bytes), "a long message for {event:?}");
        logins += usize::from(matches!(event, Event::LoggedIn(..)));
    }
    assert_eq!(
        logins > 0,
        stored.account.is_some(),
        "a persisted login opens the room at once, and only a persisted login"
    );
    let mut shown = Shown::default();
    while let Some(change) = client.state_mut().poll_change() {
        let _ = device.handle_change(client.state(), &change);
        shown.show(change);
    }
    assert!(leader.snapshot(NOW.monotonic, &client).len() <= max_bytes, "a long snapshot");
    while let Some(output) = client.poll_output() {
        if let Output::Persist { ticket, changes } = output {
            let _ = device.encode(client.state(), client.record().as_ref(), changes);
            client.handle_persisted(NOW, ticket);
        }
    }
    let former = Follower::after_leading(NOW, TAB, leader, &mut client, [RoomId::LOBBY]);
    let mirrored = former.mirrored().unwrap_or_default();
    let _ = self::client(ClientState::new(nick_key), mirrored);
}

/// The timelines of the rooms.
#[derive(Default)]
struct Shown(std::collections::BTreeMap<RoomId, Timeline>);

impl Shown {
    fn apply(&mut self, state: &mut ClientState) {
        while let Some(change) = state.poll_change() {
            self.show(change);
        }
    }

    fn show(&mut self, change: StateChange) {
        let StateChange::Timeline(room, update) = change else { return };
        let timeline =
            self.0.entry(room).or_insert_with(|| Timeline::new(100, |time| time.div_euclid(86_400_000)));
        let before = timeline.len();
        let added = match &update {
            TimelineUpdate::Page(messages) => Some(messages.len()),
            TimelineUpdate::Gaps(gaps) => {
                assert!(gaps.iter().all(|state| state.gap.from < state.gap.to), "an empty gap: {gaps:?}");
                None
            }
            _ => None,
        };
        timeline.apply(update);
        if let Some(count) = added {
            assert!(timeline.len() <= before + 3 * count + 1, "more rows than messages, days and gaps");
        }
    }
}

/// A tab whose previous page had the draft "own" takes over the drafts of closed tabs. Its next page must find them all.
fn take_over_drafts(drafts: &[Vec<u8>]) {
    let open_tabs = ["open".to_owned()];
    let (text, changes) = draft::take_over(RoomId::LOBBY, Some("own"), "new", &open_tabs, drafts, NOW.unix);
    assert!(
        changes.iter().all(|change| !matches!(change, Change::Delete(Key::Draft(_, tab)) if tab == "open")),
        "the draft of an open tab was deleted"
    );
    let Some(Change::Put(_, stored)) = changes.last() else { return };
    let (whole, _) = draft::take_over(RoomId::LOBBY, Some("new"), "next", &[], &[stored.to_vec()], NOW.unix);
    assert!(whole.starts_with(&text), "{text:?} is shown, and {whole:?} is stored");
    for draft in drafts {
        let draft = std::slice::from_ref(draft);
        let (text, _) = draft::take_over(RoomId::LOBBY, None, "none", &open_tabs, draft, NOW.unix);
        assert!(whole.contains(&text), "{text:?} was lost from {whole:?}");
    }
}
