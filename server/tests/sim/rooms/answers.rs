//! The answers to what users look up after everything has settled: pages, searches, public rooms, members, and who is online.
//! Each is compared with a naive evaluation of the log.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::{
    client::{Command, PageStart, Reply},
    model::{RoomId, RoomKind, TextState, UserId},
    validate::nick_key,
    wire::{self, PresenceState},
};

use super::{log::RoomLog, peer, witness, world::World};

/// The queries of searches.
const QUERIES: [&str; 7] = ["message", "mess of", "LINE", "of Lobby", "stranger", "message 1", "nothing"];
/// The prefixes by which members are listed.
const PREFIXES: [&str; 5] = ["", "user", "USER1", "guest", "nobody"];
/// The parts of names by which public rooms are listed.
const NAMES: [&str; 4] = ["", "room", "RENAMED", "1"];
/// The most entries of a list.
const ENTRIES: u32 = 100;
/// The number of commands of each account.
const COMMANDS: usize = 10;
/// The time in which all are answered, in ms.
const ANSWER_MS: u64 = 3_000;

/// A random tab of each account looks things up.
pub fn check_answers(world: &mut World) {
    for user in 0..world.users.len() {
        let tabs: Vec<_> = (0..world.tabs.len()).filter(|at| world.tabs[*at].user == user).collect();
        let Some(&at) = tabs.get(world.rng.index(tabs.len())) else { continue };
        let mut given = BTreeMap::new();
        for _ in 0..COMMANDS {
            let (number, command) = (world.next_number(), command(world, at));
            world.give(at, number, command.clone());
            world.drain(at);
            given.insert(number, command);
        }
        world.advance(ANSWER_MS);
        for (number, command) in given {
            let answer = world.tabs[at].answers.get(&number).cloned();
            let Some(Ok(reply)) = answer else { panic!("{command:?} of tab {at} is answered by {answer:?}") };
            check_answer(world, at, &command, reply);
        }
    }
}

/// A random command that changes nothing.
fn command(world: &mut World, at: usize) -> Command {
    let entries = world.tabs[at].state().expect("an open tab").account().rooms();
    let rooms: Vec<_> = entries.filter(|entry| entry.role.is_member()).map(|entry| entry.room).collect();
    let room = rooms[world.rng.index(rooms.len())];
    let times: Vec<_> = world.log_of(at).rooms[&room].messages.iter().map(|message| message.time).collect();
    let time = times.get(world.rng.index(times.len())).copied().unwrap_or(0);
    let time = time + i64::try_from(world.rng.below(3)).unwrap() - 1;
    let ord = world.rng.below(times.len() as u64 + 3);
    let count = 1 + u32::try_from(world.rng.below(30)).unwrap();
    let page = |start| Command::LoadPage { room, start, count };
    match world.rng.below(9) {
        0 => page(PageStart::Before(ord)),
        1 => page(PageStart::After(ord)),
        2 => page(PageStart::Around(ord)),
        3 | 4 => page(PageStart::At(time)),
        5 => {
            let query = NAMES[world.rng.index(NAMES.len())].into();
            Command::BrowseRooms { query, after: String::new(), count: ENTRIES }
        }
        6 => {
            let prefix = PREFIXES[world.rng.index(PREFIXES.len())].into();
            let room = if world.rng.once_in(2) { RoomId::LOBBY } else { room };
            Command::ListMembers { room, prefix, after: String::new(), count: ENTRIES }
        }
        _ => {
            let query = QUERIES[world.rng.index(QUERIES.len())].into();
            Command::Search { room, query, before: ord, count }
        }
    }
}

fn check_answer(world: &mut World, at: usize, command: &Command, reply: Reply) {
    let who = format!("{command:?} of tab {at}");
    let server = world.server_of(at);
    let log = &world.servers[server].log.rooms[&command.room()];
    // Large messages fill a page.
    let has_all = world.plan.middlebox.is_none();
    let what = match (command, reply) {
        (Command::LoadPage { start, count, .. }, Reply::Loaded(page)) => {
            if has_all {
                assert_eq!(ords(&page), page_of(log, *start, *count as usize), "{who}");
            }
            check_content(log, &page, &who, true);
            assert_eq!((page.first_ord, page.head_ord), (log.first_ord, log.messages.len() as u64), "{who}");
            if matches!(start, PageStart::At(_)) { "pages by time" } else { "pages" }
        }
        (Command::Search { query, before, count, .. }, Reply::Found(page)) => {
            let mut expected = matches(log, query, *before, *count as usize);
            // A search has a limit of work, which includes real time.
            if !has_all || page.partial {
                expected.truncate(page.messages.len());
            }
            assert_eq!(ords(&page), expected, "{who}");
            check_content(log, &page, &who, false);
            "searches"
        }
        (Command::BrowseRooms { query, .. }, Reply::Rooms(page)) => {
            assert!(!page.more, "{who} has more rooms");
            let me = world.tabs[at].account.expect("an account");
            let rooms = page.rooms.into_iter().map(|room| {
                let id = RoomId::from_wire(&room.room).expect("a room");
                // The log does not tell the first one.
                let has_topic =
                    world.servers[server].log.rooms.get(&id).is_some_and(|log| log.topic.is_some());
                let topic = has_topic.then_some(room.topic);
                (id, room.name, topic, room.members as usize, room.joined, room.archived)
            });
            assert_eq!(rooms.collect::<BTreeSet<_>>(), public_rooms(world, server, query, me), "{who}");
            "lists of public rooms"
        }
        (Command::ListMembers { room, prefix, .. }, Reply::People(page)) => {
            assert!(!page.more, "{who} has more members");
            let roles = page.roles.into_iter().filter(|_| *room != RoomId::LOBBY);
            let roles = roles.map(Some).chain(std::iter::repeat(None));
            let listed = page.people.iter().zip(roles);
            let mut listed: Vec<_> =
                listed.map(|(person, role)| (nick_key(&person.nick), person.state, role)).collect();
            assert!(listed.is_sorted_by_key(|(nick, ..)| nick.clone()), "{who}: {listed:?}");
            let expected = if *room == RoomId::LOBBY {
                online(world, server)
                    .into_iter()
                    .map(|nick| (nick, PresenceState::Online.into(), None))
                    .collect()
            } else {
                members(world, server, *room)
            };
            let prefix = nick_key(prefix);
            let mut expected: Vec<_> =
                expected.into_iter().filter(|(nick, ..)| nick.starts_with(&prefix)).collect();
            // Two accounts have the same nick if one has got it after the other one was away for long.
            listed.sort();
            expected.sort();
            assert_eq!(listed, expected, "{who}");
            if *room == RoomId::LOBBY { "lists of who is online" } else { "lists of members" }
        }
        (_, reply) => panic!("{who} is answered by {reply:?}"),
    };
    world.tally.count(what);
}

fn ords(page: &wire::MessagePage) -> Vec<u64> {
    page.messages.iter().map(|message| message.ord).collect()
}

/// The messages of a page are those of the log. The results of a search have no reactions.
fn check_content(log: &RoomLog, page: &wire::MessagePage, who: &str, with_reactions: bool) {
    for message in &page.messages {
        let logged = log.stored().find(|logged| logged.ord == message.ord);
        let logged =
            logged.map(|logged| (&logged.id.0[..], &*logged.content, logged.text, logged.seq, logged.time));
        let text = TextState::from_wire(message.edited, message.deleted);
        assert_eq!(
            logged,
            Some((&message.id[..], &*message.content, text, message.seq, message.time)),
            "{who}"
        );
        let reactions = message.reactions.iter().map(|of| (&*of.emoji, of.count as usize));
        let logged = log.stored().find(|logged| logged.ord == message.ord);
        let logged = logged.into_iter().flat_map(|logged| &logged.reactions);
        let logged = logged.map(|(emoji, accounts)| (&**emoji, accounts.len()));
        if with_reactions {
            assert!(reactions.eq(logged), "{who}: the reactions to {}", message.ord);
        }
    }
}

/// The ords of a page of messages.
fn page_of(log: &RoomLog, start: PageStart, count: usize) -> Vec<u64> {
    let stored: Vec<_> = log.stored().collect();
    let place = |ord: u64| stored.iter().filter(|message| message.ord < ord).count();
    let newest = stored.len().saturating_sub(count);
    let around = |place: Option<usize>| place.map_or(newest, |place| place.saturating_sub(count / 2));
    let (from, count) = match start {
        PageStart::Before(ord) => (place(ord).saturating_sub(count), count.min(place(ord))),
        PageStart::After(ord) => (place(ord + 1), count),
        PageStart::Around(ord) => (around(Some(place(ord)).filter(|place| *place < stored.len())), count),
        PageStart::At(time) => {
            // The clock of the server may have been set back, so that a time is at several places.
            let later = stored.iter().enumerate().filter(|(_, message)| message.time >= time);
            (
                around(later.min_by_key(|(_, message)| (message.time, message.seq)).map(|(place, _)| place)),
                count,
            )
        }
    };
    stored[from..].iter().take(count).map(|message| message.ord).collect()
}

/// The ords of the messages that have words with these beginnings, newest first.
fn matches(log: &RoomLog, query: &str, before: u64, count: usize) -> Vec<u64> {
    let query = query.to_lowercase();
    let has = |content: &str| {
        let content = content.to_lowercase();
        query.split(' ').all(|word| content.split(' ').any(|of| of.starts_with(word)))
    };
    let found = log.stored().filter(|message| before == 0 || message.ord < before);
    let mut found: Vec<_> =
        found.filter(|message| has(&message.content)).map(|message| message.ord).collect();
    found.reverse();
    found.truncate(count);
    found
}

/// A public room: its id, name, topic and number of members, and whether the account is one, and whether it is archived.
type Listed = (RoomId, String, Option<String>, usize, bool, bool);

/// The public rooms whose name contains this.
fn public_rooms(world: &World, server: usize, query: &str, me: UserId) -> BTreeSet<Listed> {
    let query = query.to_lowercase();
    let rooms = world.servers[server].log.rooms.iter();
    let found =
        rooms.filter(|(_, log)| log.kind == RoomKind::Public && log.name.to_lowercase().contains(&query));
    let listed = found.map(|(room, log)| {
        let members = log.members();
        (*room, log.name.clone(), log.topic.clone(), members.len(), members.contains(&me), log.archived)
    });
    listed.collect()
}

/// A member: the key of its nick, its presence, and its role.
type Member = (String, i32, Option<i32>);

/// The members of a room, and those who are invited.
fn members(world: &mut World, server: usize, room: RoomId) -> Vec<Member> {
    let log = &world.servers[server].log.rooms[&room];
    let listed: Vec<_> = log.listed().map(|account| (account, log.role(account))).collect();
    let tabs = world.tabs.iter().filter(|tab| tab.is_online());
    let online: BTreeSet<_> = tabs.filter_map(|tab| tab.account).collect();
    let mut members = Vec::new();
    for (account, role) in listed {
        let nick = world.nick_of(server, account).expect("an account");
        let state = if online.contains(&account) { PresenceState::Online } else { PresenceState::Left };
        members.push((nick_key(&nick), state.into(), Some(role.to_wire().into())));
    }
    members
}

/// The keys of the nicks of all who are online.
fn online(world: &mut World, server: usize) -> BTreeSet<String> {
    let tabs =
        (0..world.tabs.len()).filter(|at| world.server_of(*at) == server && world.tabs[*at].is_online());
    let accounts: BTreeSet<_> = tabs.filter_map(|at| world.tabs[at].account).collect();
    let users = accounts.into_iter().map(|account| world.nick_of(server, account).expect("an account"));
    let nicks: Vec<_> = users.collect();
    let others = [peer::NICK, witness::NICK].map(nick_key);
    nicks.iter().map(|nick| nick_key(nick)).chain(others).collect()
}
