//! Random histories: what the client has built up step by step is what it would load afresh.

use proptest::{prelude::*, test_runner::TestCaseError};

use super::{
    peer::Peer,
    server::{ME, Server, room_id, user},
};
use crate::{
    client::{cursor::Cursor, state::ClientState},
    model::{MessageId, RoomId},
    timeline::RowKind,
    wire,
};

/// A step of a history: what, in which room, and a number.
type Step = (u8, usize, u64);

fn step(peer: &mut Peer, server: &mut Server, (what, room, number): Step, count: u64) {
    let room = room_id(room);
    let is_member = server.room(room).role != wire::Role::None;
    let head = server.room(room).head();
    match what {
        0..=2 if is_member => {
            for n in 0..=number % 40 {
                let sender = user(2 + (number % 3) as u8);
                let id = MessageId::new(count * 1000 + n, [1; 10]);
                // Ids are unique among the messages of one account only.
                let same = peer.queue.last().filter(|_| n == 0).map(|(_, id, _)| *id);
                server.post(room, sender, same.unwrap_or(id), &format!("message {count}.{n}"));
            }
        }
        // More than a timeline holds.
        27 if peer.state.open() == Some(room) && is_member => {
            for n in 0..250 {
                server.post(
                    room,
                    user(2),
                    MessageId::new(count * 1000 + n, [1; 10]),
                    &format!("{count}.{n}"),
                );
            }
        }
        28 if number % 4 == 0 => peer.reload(server),
        3 if is_member => peer.send(server, room, count),
        // On another device.
        4 if is_member => {
            server.post(room, ME, MessageId::new(count, [7; 10]), &format!("other {count}"));
        }
        5 => match number % 3 {
            0 => server.set_topic(room, &format!("topic {count}")),
            1 if room != room_id(2) => server.set_name(room, &format!("room {count}")),
            _ => server.toggle_member(room, user(2 + (number % 3) as u8)),
        },
        6 => server.delete_oldest(room, number % 30),
        7 | 8 if is_member => peer.open(server, room),
        9 if peer.state.open() != Some(room) => server.unsubscribe(room),
        10 | 11 if peer.is_online() && is_member => {
            server.request_page(room, if number % 4 == 0 { u64::MAX } else { number % (head + 2) + 1 });
        }
        31 if peer.is_online() && is_member => {
            server.request_slow_page(room, number % (head + 2) + 1);
        }
        29 | 30 if is_member => {
            let content = (number % 3 > 0).then(|| format!("edit {count}"));
            server.change_message(room, number % (head + 1), content);
        }
        32..=35 if is_member => {
            let account = if what < 34 { ME } else { user(number as u8 % 3 + 1) };
            let emoji = ["👍", "🎉"][number as usize % 2];
            // Mostly a new message, or one that may not be loaded.
            let ord =
                if number % 3 > 0 { (head + 1).saturating_sub(number % 7) } else { number % (head + 1) };
            server.react(room, ord, account, emoji);
        }
        12 => server.flush_activity(),
        13 => peer.deliver(server, usize::MAX),
        14 | 15 => peer.deliver(server, number as usize % 12),
        16 => peer.disconnect(server),
        17 if !server.is_connected() => peer.connect(server),
        18 => peer.state.handle_visible(room, number % (head + 1), number % 2 == 0),
        19 => peer.state.handle_hidden(),
        20 if number % 3 == 0 => peer.state.mark_read(room),
        20 => peer.state.mark_unread(room, number % (head + 1) + 1),
        21 if peer.is_online() && number % 4 == 0 => {
            peer.state.mark_all_read();
            server.read_all();
        }
        // Another device reads, or marks messages as unread.
        21 | 22 => {
            let cursor = server.room(room).cursor();
            let ord = number % (head + 1);
            server.tell_cursor(
                room,
                if number % 5 == 0 { cursor.moved_back(ord) } else { cursor.advanced(ord) },
            );
        }
        23 => peer.tell_cursors(server),
        24 => server.rename(user(1 + (number % 4) as u8), &format!("nick {count}")),
        25 if room == room_id(1) => server.toggle_own(room),
        26 if number % 3 == 0 => {
            server.restore_backup(count as u8);
            peer.disconnect(server);
        }
        _ => {}
    }
    peer.drain();
}

/// Checks what holds at any moment, whatever was delivered.
fn check_timelines(peer: &Peer) -> Result<(), TestCaseError> {
    for (room, timeline) in &peer.timelines {
        let state = peer.state.room(*room).unwrap();
        // The messages and gaps, in the order of the rows: each ord from the first to the newest exactly once.
        let (mut next, mut queued) = (state.first_ord(), 0);
        for (at, row) in timeline.rows().enumerate() {
            let position = timeline.position_in_set(at);
            match row.kind {
                RowKind::Message { message, .. } if message.delivery == crate::model::Delivery::Sent => {
                    prop_assert_eq!(message.ord, next, "in {:?}", room);
                    prop_assert!(state.known().contains(message.ord));
                    prop_assert_eq!(position, Some(next - state.first_ord() + 1));
                    next += 1;
                }
                RowKind::Message { .. } => {
                    queued += 1;
                    prop_assert_eq!(position, Some(state.head_ord() + 1 - state.first_ord() + queued));
                }
                RowKind::Gap { gap, .. } => {
                    prop_assert_eq!(gap.gap.from + 1, next);
                    prop_assert_eq!(position, Some(next - state.first_ord() + 1));
                    next = gap.gap.to + 1;
                }
                _ => {}
            }
        }
        prop_assert_eq!(next, state.head_ord() + 1, "in {:?}", room);
        prop_assert_eq!(timeline.set_size(), state.head_ord() + 1 - state.first_ord() + queued);
        let missing: u64 = state.gaps().iter().map(|state| state.gap.to - state.gap.from).sum();
        prop_assert_eq!(missing + state.held_messages(), state.head_ord() + 1 - state.first_ord());
    }
    Ok(())
}

/// Checks that the client knows what is in the server's lists.
fn check_lists(state: &ClientState, server: &Server) -> Result<(), TestCaseError> {
    let account = state.account();
    let (mut attention, mut unread) = (0, 0);
    for room in &server.rooms {
        let Some(entry) = account.room(room.id) else {
            prop_assert_eq!(room.role, wire::Role::None, "{:?} is not in the list", room.id);
            continue;
        };
        prop_assert_eq!(entry.role.to_wire(), room.role);
        prop_assert_eq!(entry.head(), room.head(), "in {:?}", room.id);
        prop_assert_eq!(entry.cursor(), room.cursor(), "in {:?}", room.id);
        prop_assert_eq!(entry.unread(), room.unread(), "in {:?}", room.id);
        prop_assert_eq!(&*entry.name, &room.name);
        unread += room.unread();
        let is_direct = room.kind == wire::RoomKind::Direct;
        attention += if is_direct { room.unread() } else { 0 };
        prop_assert_eq!(entry.attention(), if is_direct { room.unread() } else { 0 });
    }
    let totals = account.totals();
    prop_assert_eq!((totals.attention, totals.unread), (attention, unread));
    Ok(())
}

/// Checks that a room is as if it were loaded afresh.
fn check_room(
    peer: &mut Peer,
    fresh: &mut Peer,
    server: &mut Server,
    room: RoomId,
) -> Result<(), TestCaseError> {
    peer.state.set_memory_limit(u64::MAX);
    fresh.timelines.insert(room, crate::timeline::Timeline::new(100_000, |_| 0));
    fresh.state = ClientState::new(crate::validate::nick_key);
    fresh.connect(server);
    fresh.deliver(server, usize::MAX);
    fresh.subscribe(server, room);
    fresh.deliver(server, usize::MAX);
    fresh.load_all(server, room);
    let of = server.room(room);
    let stored: Vec<_> = of
        .texts()
        .filter(|(ord, ..)| *ord >= of.first_ord)
        .map(|(ord, sender, content)| (ord, server.people[&sender].clone(), content))
        .collect();
    prop_assert_eq!(fresh.shown(room), stored);
    prop_assert_eq!(fresh.shown_reactions(room), server.all_reactions(room));
    let (one, other) = (peer.state.room(room).unwrap(), fresh.state.room(room).unwrap());
    prop_assert_eq!(one.first_ord(), other.first_ord());
    prop_assert_eq!(one.head_ord(), other.head_ord());
    prop_assert_eq!(one.position(), other.position());
    prop_assert_eq!(one.topic(), other.topic());
    prop_assert_eq!(one.members(), other.members());
    prop_assert!(!one.is_outdated() && !one.is_interrupted());
    Ok(())
}

fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut peer, mut server) = (Peer::new(), Server::new());
    peer.state.set_memory_limit(40);
    peer.connect(&mut server);
    peer.deliver(&mut server, usize::MAX);
    for (count, of) in steps.iter().enumerate() {
        step(&mut peer, &mut server, *of, count as u64 + 1);
        check_timelines(&peer)?;
    }
    peer.settle(&mut server);
    check_timelines(&peer)?;
    check_lists(&peer.state, &server)?;
    check_lists(&peer.other_tab, &server)?;
    prop_assert!(peer.queue.is_empty());
    for number in 0..3 {
        let room = room_id(number);
        if server.room(room).role == wire::Role::None {
            continue;
        }
        // A large timeline, so that all messages fit into it.
        peer.open(&mut server, room);
        peer.deliver(&mut server, usize::MAX);
        server.request_page(room, u64::MAX);
        peer.deliver(&mut server, usize::MAX);
        check_timelines(&peer)?;
        prop_assert_eq!(peer.unacknowledged(room), Vec::<String>::new());
        let (held, held_reactions) = (peer.shown(room), peer.shown_reactions(room));
        let mut fresh = Peer::new();
        let mut copy = server.for_another_client();
        check_room(&mut peer, &mut fresh, &mut copy, room)?;
        let all = fresh.shown(room);
        // What the client has is what a fresh one has there, and the rest is in gaps: see `check_timelines`.
        let expected: Vec<_> = all
            .into_iter()
            .filter(|(ord, ..)| peer.state.room(room).unwrap().known().contains(*ord))
            .collect();
        prop_assert_eq!(held, expected);
        let is_held = |(ord, _): &(u64, _)| peer.state.room(room).unwrap().known().contains(*ord);
        let expected: Vec<_> = fresh.shown_reactions(room).into_iter().filter(is_held).collect();
        prop_assert_eq!(held_reactions, expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn state_and_events_are_the_state_loaded_afresh(
        steps in prop::collection::vec((0u8..36, 0usize..3, 0u64..1000), 1..120)
    ) {
        run(&steps)?;
    }

    #[test]
    fn cursors_merge_in_any_order(
        cursors in prop::collection::vec((0u32..4, 0u64..20), 1..12),
        order in any::<prop::sample::Index>(),
    ) {
        let cursors: Vec<_> = cursors.into_iter().map(|(version, ord)| Cursor { version, ord }).collect();
        let merge = |cursors: &[Cursor]| cursors.iter().fold(Cursor::default(), |one, other| one.merged(*other));
        let largest = cursors.iter().max_by_key(|cursor| (cursor.version, cursor.ord)).copied().unwrap();
        prop_assert_eq!(merge(&cursors), largest);
        let mut others = cursors.clone();
        others.rotate_left(order.index(cursors.len()));
        prop_assert_eq!(merge(&others), largest);
        others.reverse();
        prop_assert_eq!(merge(&others), largest, "in any order");
        others.extend(cursors);
        prop_assert_eq!(merge(&others), largest, "any number of times");
    }
}
