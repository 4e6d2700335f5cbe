//! The end of a run: all faults stop, everything settles, and the invariants hold.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::{
    client::{Command, PageStart, Reply, state::ClientState},
    model::{Delivery, Role, RoomId, RoomKind, UserId},
    status::Status,
};

use super::{
    answers::check_answers,
    check_timeline::check_timeline,
    peer::{self, Peer},
    server::Server,
    stranger::is_of_stranger,
    tab::Action,
    world::World,
};

/// The time within which every command is answered, in ms.
const ANSWER_MS: u64 = 60_000;

/// Stops all faults, and waits for the longest time that anything may take.
pub fn settle(world: &mut World) {
    // The disk has space again.
    for server in 0..world.servers.len() {
        world.kill_server(server, false);
        world.servers[server].skew = 0;
    }
    for device in &mut world.devices {
        device.skew = 0;
        device.recover();
    }
    for at in 0..world.tabs.len() {
        let now = world.now;
        // As when another page is opened on the device.
        world.delete_all_left(at);
        let tab = &mut world.tabs[at];
        tab.hung_until = 0;
        if !tab.is_open() && tab.open_at.is_none() {
            tab.open_at = Some(now);
        }
        tab.link.iter_mut().for_each(|link| link.stalled_until = 0);
        world.show(at, true);
    }
    world.end_evictions();
    // Longer than a heartbeat and its deadline, so that dead connections are detected.
    world.advance(30_000);
    wait_until_quiet(world);
}

/// Old dead connections, timeouts and delayed presence updates may interrupt a quiet moment.
pub fn wait_until_quiet(world: &mut World) {
    for _ in 0..6 {
        for round in 0..600 {
            let noise = noise(world);
            if noise.is_none() {
                break;
            }
            if round % 10 == 0 {
                (0..world.tabs.len()).for_each(|at| load_missing(world, at));
            }
            world.advance(500);
        }
        world.advance(50_000);
        if noise(world).is_none() {
            return;
        }
    }
    panic!("it does not settle: {:?}", noise(world));
}

/// A reason why the system is not quiet.
fn noise(world: &World) -> Option<String> {
    let is_busy =
        |server: &Server| server.running.as_ref().is_none_or(|running| !running.requests.is_empty());
    if world.servers.iter().any(is_busy) {
        return Some("a server is at work".into());
    }
    for (at, tab) in world.tabs.iter().enumerate() {
        let Some(state) = tab.state() else { return Some(format!("tab {at} is closed")) };
        if !tab.is_online() {
            return Some(format!("tab {at} is {:?}", tab.shown.connection));
        }
        if let Some(command) = tab.commands.values().next() {
            return Some(format!("tab {at} waits for {command:?}"));
        }
        for room in tab.readable_rooms() {
            let Some(known) = state.room(room) else { return Some(format!("tab {at} lacks {room:?}")) };
            if !known.is_subscribed() {
                return Some(format!("tab {at} is not subscribed to {room:?}"));
            }
            if !known.gaps().is_empty() {
                return Some(format!("tab {at} has not loaded {room:?}: {:?}", known.gaps()));
            }
            let waiting = tab
                .shown
                .messages(room)
                .into_iter()
                .find(|message| matches!(message.delivery, Delivery::Queued | Delivery::Pending));
            if let Some(message) = waiting {
                return Some(format!("tab {at} has not sent {message:?}"));
            }
        }
        if tab.is_leader() && state.account().untold_cursors().next().is_some() {
            return Some(format!("tab {at} has not told its cursors"));
        }
    }
    for (key, sent) in &world.ledger.sent {
        let is_done = world.is_logged(*key)
            || world.ledger.failed.contains_key(key)
            || world.ledger.excused.contains(key)
            || world.devices[sent.device].keeps(sent.room, key.1);
        if !is_done {
            return Some(format!("{:?} to {:?} was not sent by device {}", key.1, sent.room, sent.device));
        }
    }
    None
}

/// Loads what is missing in a tab, as when its user scrolls up or opens the room again.
fn load_missing(world: &mut World, at: usize) {
    let Some(state) = world.tabs[at].state().filter(|_| world.tabs[at].commands.is_empty()) else { return };
    let mut actions = Vec::new();
    for room in world.tabs[at].readable_rooms() {
        let Some(known) = state.room(room) else { continue };
        if !known.is_subscribed() {
            actions.push(Action::Open(room));
        } else if let Some(gap) = known.gaps().last() {
            let start = PageStart::Before(gap.gap.to + 1);
            actions.push(Action::Server(Command::LoadPage { room, start, count: 100 }));
        }
    }
    actions.into_iter().for_each(|action| world.user(at, action));
}

/// Checks what holds at any time.
pub fn check_steps(world: &World) {
    let of_servers = world.servers.iter();
    let of_servers = of_servers.flat_map(|server| {
        let Server { wire, witness, strangers, .. } = server;
        wire.complaints.iter().chain(&witness.complaints).chain(&strangers.complaints)
    });
    let complaints: Vec<_> =
        world.tabs.iter().flat_map(|tab| &tab.shown.complaints).chain(of_servers).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    for (at, tab) in world.tabs.iter().enumerate() {
        let overdue = tab.commands.values().find(|(_, given)| {
            given.max(&tab.hung_until.min(world.now)) + ANSWER_MS < world.now && tab.hung_until <= world.now
        });
        assert!(overdue.is_none(), "tab {at} waits for {overdue:?} since it was given");
    }
}

/// Checks everything, after it has settled.
pub fn check_invariants(world: &mut World) {
    check_steps(world);
    for server in &world.servers {
        assert_eq!(server.wire.unanswered(world.now, 20_000), 0, "commands are not answered");
        check_peer(&server.peer);
        check_peer(&server.strangers.basic);
        assert_eq!(server.strangers.excessive(&server.log), [""; 0]);
    }
    check_messages(world);
    world.check_devices();
    let old = world.tabs.len();
    open_new_devices(world);
    check_steps(world);
    for at in 0..old {
        let new = (old..world.tabs.len()).find(|new| world.tabs[*new].user == world.tabs[at].user);
        check_tab(world, at, new.expect("a new device"));
    }
    for at in old..world.tabs.len() {
        check_tab(world, at, at);
        check_against_log(world, at);
    }
    check_answers(world);
}

/// A new device of each account loads everything.
fn open_new_devices(world: &mut World) {
    for user in 0..world.users.len() {
        let Some(old) = world.tabs.iter().position(|tab| tab.user == user) else {
            // Its account was left on all devices.
            continue;
        };
        let number = world.next_number();
        world.give(old, number, Command::LinkDevice);
        world.drain(old);
        for _ in 0..40 {
            world.advance(500);
        }
        let Some(Ok(Reply::Link(link))) = world.tabs[old].answers.get(&number).cloned() else {
            panic!("no code for a new device: {:?}", world.tabs[old].answers.get(&number))
        };
        world.add_device(user, 1);
        let at = world.tabs.len() - 1;
        world.log_in(at, user, "", Some(link.code));
        for _ in 0..10 {
            world.advance(500);
        }
        let rooms: Vec<_> = world.tabs[at].state().unwrap().account().rooms().collect();
        let rooms: Vec<_> =
            rooms.iter().filter(|entry| entry.role.is_member()).map(|entry| entry.room).collect();
        for room in rooms {
            world.user(at, Action::Open(room));
            world.advance(2_000);
        }
    }
    wait_until_quiet(world);
}

/// Every acknowledged message is in the log once, with what was sent, in the order in which it was sent.
fn check_messages(world: &World) {
    let mut places = BTreeMap::new();
    for (room, log) in world.servers.iter().flat_map(|server| &server.log.rooms) {
        for message in &log.messages {
            places.insert((message.sender, message.id), (*room, message.seq, message.sent.clone()));
        }
    }
    let mut newest = BTreeMap::new();
    for (key, sent) in &world.ledger.sent {
        let Some((room, seq, content)) = places.get(key) else {
            assert!(!world.ledger.acknowledged.contains(key), "{sent:?} was acknowledged and is lost");
            let failed = world.ledger.failed.get(key);
            let is_known = failed.is_some_and(|status| is_reason(*status)) && sent.room != RoomId::LOBBY
                || failed == Some(&Status::EndsConnection)
                || failed == Some(&Status::ContentTooLong) && world.ledger.hopeless.contains(key)
                || world.ledger.excused.contains(key)
                || world.devices[sent.device].keeps(sent.room, key.1);
            assert!(is_known, "{sent:?} is lost: {failed:?}");
            continue;
        };
        let content = content.as_ref().unwrap_or(&sent.content);
        assert_eq!((*room, content), (sent.room, &sent.content), "{key:?} was stored as another message");
        let server = world.users.iter().find(|user| user.account == Some(key.0)).map(|user| user.server);
        let is_there = server.is_some_and(|server| world.servers[server].log.has(key.0, key.1));
        assert!(is_there, "{sent:?} is not on the server that it was written for");
        // A tab that hung may give a message that could not be stored to the next leader after that has sent later ones.
        let is_only_in_memory =
            world.devices[sent.device].has_failed && !world.ledger.persisted.contains(key);
        // The room may have refused some of the messages before the account had joined, without the client's knowledge.
        let was_member = server.is_some_and(|server| {
            world.servers[server].log.rooms[room].joined_at(key.0) < sent.at || *room == RoomId::LOBBY
        });
        if !world.ledger.retried.contains(key) && !is_only_in_memory && was_member {
            let before = newest.insert((key.0, sent.room, sent.sequence), *seq).unwrap_or(0);
            assert!(before < *seq, "{sent:?} is out of order: {before} was sent before {seq}");
        }
    }
    let count = places.keys().filter(|key| world.ledger.knows(**key)).count();
    let lobbies = world.servers.iter().map(|server| &server.log.rooms[&RoomId::LOBBY]);
    let of_others = lobbies
        .flat_map(|lobby| &lobby.messages)
        .filter(|message| {
            let sent = message.sent.as_deref().unwrap_or_default();
            sent.starts_with("line ") || is_of_stranger(sent)
        })
        .count();
    let logs = world.servers.iter().flat_map(|server| server.log.rooms.values());
    let all: usize = logs.map(|log| log.messages.len()).sum();
    assert_eq!(count + of_others, all, "there are messages that nobody has sent");
}

/// The reasons for which a message to a room may be refused.
fn is_reason(status: Status) -> bool {
    matches!(status, Status::NotAMember | Status::NoSuchRoom | Status::RoomArchived | Status::NotAllowed)
}

/// The basic client has only seen the lobby.
fn check_peer(peer: &Peer) {
    for (sender, line) in &peer.lines {
        let is_lobby = line.contains(" of lobby") || !line.contains(" of ") || sender == peer::NICK;
        assert!(is_lobby, "a basic client has received {line:?} of {sender}");
    }
}

/// A tab shows what a new device shows, in the list and in the rooms that it has loaded.
fn check_tab(world: &World, at: usize, new: usize) {
    let (state, fresh) = (world.tabs[at].state().unwrap(), world.tabs[new].state().unwrap());
    assert_eq!(state.me(), fresh.me());
    assert_eq!(state.account().nick(), fresh.account().nick(), "tab {at}");
    assert_eq!(rows(state), rows(fresh), "the list of tab {at}");
    let (totals, expected) = (state.account().totals(), fresh.account().totals());
    assert_eq!(totals, expected, "tab {at}");
    for room in &world.tabs[at].readable_rooms().collect::<Vec<_>>() {
        let log = &world.log_of(at).rooms[room];
        let (known, expected) = (state.room(*room).unwrap(), fresh.room(*room).unwrap());
        assert_eq!(known.topic(), expected.topic(), "tab {at} in {room:?}");
        assert!(!known.is_outdated(), "what tab {at} shows of {room:?} is outdated");
        assert_eq!(known.head_ord(), log.messages.len() as u64, "{room:?}");
        // A tab is not told of what retention deletes.
        let is_first =
            if at == new { known.first_ord() == log.first_ord } else { known.first_ord() <= log.first_ord };
        assert!(is_first, "tab {at} shows {} as the first message of {room:?}", known.first_ord());
        if let Some(members) = known.members().filter(|_| *room != RoomId::LOBBY) {
            assert_eq!(members as usize, log.members().len(), "the members that tab {at} shows of {room:?}");
        }
        check_timeline(world, at, *room, log, (fresh, at == new));
    }
}

/// What the list of rooms shows.
type Row = (RoomId, RoomKind, String, Role, bool, bool, u64, u64, u64, u64, BTreeSet<UserId>);

fn rows(state: &ClientState) -> Vec<Row> {
    let row = |entry: &parlour_core::client::account::RoomEntry| {
        (
            entry.room,
            entry.kind,
            entry.name.to_string(),
            entry.role,
            entry.muted,
            entry.archived,
            entry.head(),
            // An invitation has none, but the account may have been a member before.
            if entry.role == Role::Invited { 0 } else { entry.cursor().ord },
            entry.unread(),
            entry.attention(),
            entry.people.iter().copied().collect(),
        )
    };
    state.account().rooms().map(row).collect()
}

/// The list of a new device is what follows from the log.
fn check_against_log(world: &World, at: usize) {
    let state = world.tabs[at].state().unwrap();
    let me = state.me().unwrap();
    let logs = &world.log_of(at).rooms;
    let expected: BTreeSet<_> =
        logs.iter().filter(|(_, log)| log.role(me) != Role::None).map(|(room, _)| *room).collect();
    let listed: BTreeSet<_> = state.account().rooms().map(|entry| entry.room).collect();
    assert_eq!(listed, expected, "the rooms of {me:?}");
    for entry in state.account().rooms() {
        let log = &logs[&entry.room];
        let is_unread = |ord: u64| ord > entry.cursor().ord;
        let unread = log.messages.iter().filter(|message| is_unread(message.ord)).count() as u64;
        let (unread, attention) = match (log.role(me), log.kind) {
            (Role::Invited, _) => (0, 1),
            (_, RoomKind::Direct) if !entry.muted => (unread, unread),
            _ => (unread, 0),
        };
        assert_eq!((entry.kind, entry.role), (log.kind, log.role(me)), "{:?}", entry.room);
        assert_eq!((entry.unread(), entry.attention()), (unread, attention), "{:?} of {me:?}", entry.room);
        assert_eq!(entry.archived, log.archived, "{:?}", entry.room);
        assert!(!entry.people.contains(&me), "{me:?} is one of its own people in {:?}", entry.room);
        let state = state.room(entry.room).filter(|_| entry.role.is_member());
        if let Some((state, topic)) = state.zip(log.topic.as_ref()) {
            assert_eq!(**state.topic(), **topic, "{:?}", entry.room);
        }
    }
}
