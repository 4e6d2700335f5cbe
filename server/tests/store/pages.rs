//! Pages, compared with a model that has all messages in a list.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use parlour_core::model::{Role, RoomId};
use parlour_server::store::{
    Change, EventLog as _, HistoryPage, PageSize, PageStart, Proposal, Retention, StoredMessage, TextState,
};
use proptest::prelude::*;

use crate::world::{ALL, NOW, OTHER, TOM, World, entry, new, propose};

/// The expected page, from all stored messages and the numbers of the newest message and event.
fn model(stored: &[StoredMessage], head_ord: u64, seq: u64, start: PageStart, size: PageSize) -> HistoryPage {
    let first_ord = stored.first().map_or(head_ord + 1, |first| first.place.ord);
    let anchor =
        |time| stored.iter().filter(|m| m.place.time >= time).min_by_key(|m| (m.place.time, m.place.ord));
    let from_ord = |ord| stored.partition_point(|m| m.place.ord < ord);
    let at = match start {
        PageStart::Before(ord) => from_ord(ord),
        PageStart::After(ord) => from_ord(ord.saturating_add(1)),
        PageStart::Around(ord) => from_ord(ord),
        PageStart::At(time) => anchor(time).map_or(stored.len(), |a| from_ord(a.place.ord)),
        PageStart::End => stored.len(),
    };
    let (mut first, mut end, mut bytes) = (at, at, 0);
    let backwards = matches!(start, PageStart::Before(_) | PageStart::End)
        || at == stored.len() && matches!(start, PageStart::At(_) | PageStart::Around(_));
    let (max_messages, max_bytes, least) = match start {
        _ if backwards => (size.messages, size.bytes, 1),
        PageStart::At(_) | PageStart::Around(_) => (size.messages / 2, size.bytes / 2, 0),
        _ => (0, 0, 0),
    };
    while first > 0 {
        let more = stored[first - 1].content.len();
        if at - first >= least && (at - first >= max_messages || bytes + more > max_bytes) {
            break;
        }
        (first, bytes) = (first - 1, bytes + more);
    }
    while !backwards && end < stored.len() {
        let more = stored[end].content.len();
        if end > at && (end - first >= size.messages || bytes + more > size.bytes) {
            break;
        }
        (end, bytes) = (end + 1, bytes + more);
    }
    let from = match start {
        PageStart::After(ord) => ord.min(head_ord),
        _ => stored.get(first).map_or(0, |m| m.place.ord - 1),
    };
    let to = match start {
        PageStart::Before(ord) => ord.saturating_sub(1),
        _ => stored[..end].last().map_or(0, |m| m.place.ord),
    };
    HistoryPage {
        from: if first == 0 { 0 } else { from },
        to: if end == stored.len() { head_ord } else { to },
        messages: stored[first..end].to_vec(),
        first_ord,
        head_ord,
        seq,
    }
}

fn starts() -> impl Strategy<Value = PageStart> {
    prop_oneof![
        (0_u64..50).prop_map(PageStart::Before),
        (0_u64..50).prop_map(PageStart::After),
        (0_u64..50).prop_map(PageStart::Around),
        times().prop_map(|ms| PageStart::At(NOW + ms)),
        (-5_i64..60).prop_map(|ms| PageStart::At(NOW + ms)),
        Just(PageStart::End),
        prop_oneof![Just(u64::MAX), Just(1 << 38), Just(i64::MAX as u64)].prop_flat_map(|ord| prop_oneof![
            Just(PageStart::Before(ord)),
            Just(PageStart::After(ord)),
            Just(PageStart::Around(ord))
        ]),
        prop_oneof![Just(i64::MIN), Just(i64::MAX)].prop_map(PageStart::At),
    ]
}

/// Within a few hours, and often close together.
fn times() -> impl Strategy<Value = i64> {
    (0_i64..4, 0_i64..50).prop_map(|(halves, ms)| halves * 1_800_000 + ms)
}

/// Retention settings.
fn retentions() -> impl Strategy<Value = Retention> {
    let messages = (0_u64..40).prop_map(|keep| Retention { messages: Some(keep), ..Retention::default() });
    let age = times().prop_map(|ms| Retention {
        age: Some(Duration::from_millis(ms.unsigned_abs())),
        ..Retention::default()
    });
    prop_oneof![Just(Retention::default()), messages, age]
}

/// The time at which retention runs, in ms after the earliest message.
const LATER: i64 = 3 * 1_800_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn page_agrees_with_the_model(
        // Content length, time, and the number of other events before it; times need not increase.
        appended in prop::collection::vec((0_usize..9, times(), prop_oneof![3 => Just(0_u32), 1 => 0_u32..20]), 0..40),
        retention in retentions(),
        queries in prop::collection::vec((starts(), 0_usize..12, 0_usize..40), 40),
    ) {
        let mut world = World::new();
        let (mut stored, mut seq) = (Vec::new(), 0);
        for (n, &(length, time, others)) in (1..).zip(&appended) {
            let others: Vec<_> = (0..others).map(|nth| topic(10_000 + 100 * n + nth)).collect();
            world.append(&others);
            let other_room = entry(1000 + n, RoomId::LOBBY, "elsewhere");
            let message = Proposal { time: NOW + time, ..entry(n, OTHER, &"x".repeat(length)) };
            let place = new(&world.append(&[other_room, message.clone()])[1]);
            seq = place.seq;
            stored.push(StoredMessage {
                id: message.id, place, sender: TOM, nick: "tom".into(), content: "x".repeat(length),
                state: TextState::Original,
                reactions: Vec::new(),
            });
        }
        while world.log.apply_retention(&retention, NOW + LATER).unwrap() {}
        if let Some(keep) = retention.messages {
            stored.drain(..stored.len().saturating_sub(keep as usize));
        }
        if let Some(age) = retention.age {
            // The oldest first. A time in the future is not believed; the next one counts that is not.
            let now = NOW + LATER;
            let is_due = |at: &usize| {
                let believed = stored[*at..].iter().map(|m: &StoredMessage| m.place.time).find(|time| *time <= now);
                believed.is_some_and(|time| time < now - age.as_millis() as i64)
            };
            let deleted = (0..stored.len()).take_while(is_due).count();
            stored.drain(..deleted);
        }
        for (start, messages, bytes) in queries {
            let size = PageSize { messages, bytes };
            let page = world.read.page(OTHER, start, size).unwrap();
            let expected = model(&stored, appended.len() as u64, seq, start, size);
            prop_assert_eq!(page, expected, "{:?} {:?}", start, size);
        }
    }
}

/// A change of the topic of the other room.
fn topic(n: u32) -> Proposal {
    propose(n, TOM, Change::SetTopic { room: OTHER, topic: n.to_string().into() })
}

#[test]
fn page_of_an_empty_room_has_reached_both_ends() {
    let mut world = World::new();
    let starts = [7, 0]
        .into_iter()
        .flat_map(|ord| [PageStart::Before(ord), PageStart::After(ord), PageStart::Around(ord)]);
    for start in starts.chain([PageStart::At(NOW), PageStart::End]) {
        for room in [RoomId([77; 16]), RoomId::LOBBY] {
            let page = world.read.page(room, start, ALL).unwrap();
            assert_eq!(page, HistoryPage { first_ord: 1, ..HistoryPage::default() }, "{start:?}");
            assert!(page.reached_start() && page.reached_end());
        }
    }
}

#[test]
fn page_has_the_present_nicks_of_the_senders() {
    let mut world = World::new();
    let lili = parlour_core::model::UserId([2; 16]);
    let nick = |n, nick: &str| propose(n, TOM, Change::ChangeNick { nick: nick.into(), from: None });
    world.append(&[
        propose(1, lili, Change::CreateAccount { nick: "lili".into(), from: None }),
        entry(2, RoomId::LOBBY, "one"),
        propose(3, lili, Change::Message { room: RoomId::LOBBY, content: "two".into() }),
        nick(4, "thomas"),
    ]);
    let senders: Vec<_> =
        world.page(PageStart::End, ALL).messages.into_iter().map(|m| (m.sender, m.nick)).collect();
    assert_eq!(senders, [(TOM, "thomas".to_owned()), (lili, "lili".to_owned())]);
}

#[test]
fn consecutive_pages_are_the_whole_room() {
    let mut world = World::new();
    let appended: Vec<_> = (1..=100).map(|n| entry(n, RoomId::LOBBY, &n.to_string())).collect();
    world.append(&appended);
    let size = PageSize { messages: 8, bytes: 20 };
    let expected: Vec<u64> = (1..=100).collect();

    let (mut back, mut before) = (Vec::new(), u64::MAX);
    loop {
        let page = world.page(PageStart::Before(before), size);
        back.extend(page.messages.iter().rev().map(|m| m.place.ord));
        assert!(page.to + 1 >= before || page.reached_end());
        before = page.from + 1;
        if page.reached_start() {
            break;
        }
    }
    back.reverse();
    assert_eq!(back, expected);

    let (mut on, mut after) = (Vec::new(), 0);
    loop {
        let page = world.page(PageStart::After(after), size);
        on.extend(page.messages.iter().map(|m| m.place.ord));
        after = page.to;
        if page.reached_end() {
            break;
        }
    }
    assert_eq!(on, expected);
}

#[test]
fn page_is_a_snapshot_of_one_moment() {
    let mut world = World::new();
    world.append(&[entry(1, RoomId::LOBBY, "1")]);
    let over = AtomicBool::new(false);
    let World { log, read, dir: _dir } = &mut world;
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 2..2000 {
                log.append(&[entry(n, RoomId::LOBBY, &n.to_string())], &[]).unwrap();
            }
            over.store(true, Relaxed);
        });
        while !over.load(Relaxed) {
            let page = read.page(RoomId::LOBBY, PageStart::End, PageSize { messages: 5, bytes: 99 }).unwrap();
            let ords: Vec<_> = page.messages.iter().map(|message| message.place.ord).collect();
            assert_eq!(ords, (page.from + 1..=page.to).collect::<Vec<_>>());
            assert!(page.reached_end());
        }
    });
}

/// A room with `messages` and so many other events after every so many of them.
fn mixed_room(messages: u32, others: u32, every: u32) -> World {
    let mut world = World::new();
    let mut proposals = Vec::new();
    for n in 1..=messages {
        proposals.push(entry(n, OTHER, &n.to_string()));
        if n % every == 0 {
            proposals.extend((0..others).map(|nth| topic(1_000_000 + n * others + nth)));
        }
    }
    world.append(&proposals);
    world
}

#[test]
fn messages_are_found_by_their_ord_among_other_events() {
    // None, after all of them, evenly, in blocks, and before all of them.
    for (others, every) in [(0, 1), (1_000, 500), (1, 5), (300, 100), (500, 499)] {
        let mut world = mixed_room(500, others, every);
        for ord in 1..=500 {
            let page =
                world.read.page(OTHER, PageStart::Around(ord), PageSize { messages: 3, bytes: 99 }).unwrap();
            let first = ord.saturating_sub(1).max(1);
            let expected: Vec<_> = (first..=500).take(3).map(|ord| ord.to_string()).collect();
            let found: Vec<_> = page.messages.into_iter().map(|message| message.content).collect();
            assert_eq!(found[..2], expected[..2], "{ord} with {others} others after every {every}");
        }
    }
}

#[test]
fn events_after_a_position_are_those_that_were_proposed() {
    let mut world = World::new();
    let lili = parlour_core::model::UserId([2; 16]);
    world.append(&[propose(1, lili, Change::CreateAccount { nick: "lili".into(), from: None })]);
    let room = OTHER;
    let changes = [
        (TOM, Change::Message { room, content: "one".into() }),
        (lili, Change::ChangeMember { room, account: lili, role: Role::Member }),
        (TOM, Change::SetTopic { room, topic: "news".into() }),
        (lili, Change::Message { room, content: "two".into() }),
        (TOM, Change::ChangeMember { room, account: lili, role: Role::None }),
        (TOM, Change::Archive { room, archived: true }),
    ];
    let proposals: Vec<_> =
        (2..).zip(&changes).map(|(n, (sender, change))| propose(n, *sender, change.clone())).collect();
    let places: Vec<_> = world.append(&proposals).iter().map(new).collect();
    assert_eq!(places.iter().map(|place| place.ord).collect::<Vec<_>>(), [1, 0, 0, 2, 0, 0]);
    for after in 0..=8 {
        for limit in [1, 3, 100] {
            let page = world.read.events(room, after, limit).unwrap();
            let skip = usize::try_from(after).unwrap().min(proposals.len());
            let expected = proposals[skip..].iter().zip(&places[skip..]).take(limit);
            let found: Vec<_> =
                page.events.iter().map(|e| (e.id, e.place, e.sender, e.change.clone())).collect();
            let expected: Vec<_> =
                expected.map(|(p, place)| (p.id, *place, p.sender, p.change.clone())).collect();
            assert_eq!(found, expected, "after {after}, at most {limit}");
            assert_eq!((page.seq, page.more), (6, proposals.len() - skip > limit));
        }
    }
    let page = world.read.events(room, 4, 1).unwrap();
    assert_eq!((&*page.events[0].nick, &*page.events[0].target_nick), ("tom", "lili"));
    assert_eq!(world.read.events(RoomId([77; 16]), 0, 9).unwrap(), Default::default());
    assert_eq!(world.read.events(RoomId::LOBBY, 0, 9).unwrap().seq, 0);
}
