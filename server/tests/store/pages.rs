//! Pages, compared with a model that has all messages in a list.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use std::time::Duration;

use parlour_server::store::{
    EventLog as _, HistoryPage, NewMessage, PageSize, PageStart, Retention, StoredMessage,
};
use proptest::prelude::*;

use crate::world::{ALL, NOW, World, entry};

/// The expected page, from all stored messages and the last sequence number.
fn model(stored: &[StoredMessage], last_seq: u64, start: PageStart, size: PageSize) -> HistoryPage {
    let anchor =
        |time| stored.iter().filter(|m| m.stamp.time >= time).min_by_key(|m| (m.stamp.time, m.stamp.seq));
    let at = match start {
        PageStart::Before(seq) => stored.partition_point(|m| m.stamp.seq < seq),
        PageStart::After(seq) => stored.partition_point(|m| m.stamp.seq <= seq),
        PageStart::At(time) => {
            anchor(time).map_or(stored.len(), |a| stored.partition_point(|m| m.stamp.seq < a.stamp.seq))
        }
        PageStart::End => stored.len(),
    };
    let (mut first, mut end, mut bytes) = (at, at, 0);
    let backwards = matches!(start, PageStart::Before(_) | PageStart::End)
        || at == stored.len() && matches!(start, PageStart::At(_));
    let (max_messages, max_bytes, least) = match start {
        _ if backwards => (size.messages, size.bytes, 1),
        PageStart::At(_) => (size.messages / 2, size.bytes / 2, 0),
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
    let (reached_start, reached_end) = (first == 0, end == stored.len());
    let from = match start {
        PageStart::After(seq) => seq.min(last_seq),
        _ => stored.get(first).map_or(0, |m| m.stamp.seq - 1),
    };
    let to = match start {
        PageStart::Before(seq) => seq.saturating_sub(1),
        _ => stored[..end].last().map_or(0, |m| m.stamp.seq),
    };
    HistoryPage {
        from: if reached_start { 0 } else { from },
        to: if reached_end { last_seq } else { to },
        messages: stored[first..end].to_vec(),
        reached_start,
        reached_end,
    }
}

fn starts() -> impl Strategy<Value = PageStart> {
    prop_oneof![
        (0_u64..50).prop_map(PageStart::Before),
        (0_u64..50).prop_map(PageStart::After),
        times().prop_map(|ms| PageStart::At(NOW + ms)),
        (-5_i64..60).prop_map(|ms| PageStart::At(NOW + ms)),
        Just(PageStart::End),
        prop_oneof![Just(u64::MAX), Just(1 << 38), Just(i64::MAX as u64)]
            .prop_flat_map(|seq| prop_oneof![Just(PageStart::Before(seq)), Just(PageStart::After(seq))]),
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
        // Content length and time; times need not increase.
        appended in prop::collection::vec((0_usize..9, times()), 0..40),
        retention in retentions(),
        queries in prop::collection::vec((starts(), 0_usize..12, 0_usize..40), 40),
    ) {
        let mut world = World::new();
        let mut stored = Vec::new();
        for (n, (length, time)) in (1..).zip(&appended) {
            let entry = NewMessage { time: NOW + time, ..entry(n, "r", &"x".repeat(*length)) };
            let others = ["q", "s"].map(|room| NewMessage { id: crate::world::id(1000 * n + room.len() as u32 + u32::from(room.as_bytes()[0])), room: Arc::from(room), ..entry.clone() });
            let stamp = crate::world::new(world.append(&[others[0].clone(), entry.clone(), others[1].clone()])[1]);
            stored.push(StoredMessage { stamp, id: entry.id, nick: entry.nick.to_string(), content: entry.content.to_string() });
        }
        while world.log.apply_retention(&retention, NOW + LATER).unwrap() {}
        if let Some(keep) = retention.messages {
            stored.drain(..stored.len().saturating_sub(keep as usize));
        }
        if let Some(age) = retention.age {
            stored.retain(|message| message.stamp.time >= NOW + LATER - age.as_millis() as i64);
        }
        for (start, messages, bytes) in queries {
            let size = PageSize { messages, bytes };
            let page = world.read.page("r", start, size).unwrap();
            prop_assert_eq!(page, model(&stored, appended.len() as u64, start, size), "{:?} {:?}", start, size);
        }
    }
}

#[test]
fn page_of_an_empty_room_has_reached_both_ends() {
    let mut world = World::new();
    for start in [PageStart::Before(7), PageStart::After(7), PageStart::At(NOW), PageStart::End] {
        let page = world.read.page("nowhere", start, ALL).unwrap();
        assert_eq!(
            page,
            HistoryPage { reached_start: true, reached_end: true, ..HistoryPage::default() },
            "{start:?}"
        );
    }
}

#[test]
fn consecutive_pages_are_the_whole_room() {
    let mut world = World::new();
    let appended: Vec<_> = (1..=100).map(|n| entry(n, "", &n.to_string())).collect();
    world.append(&appended);
    let size = PageSize { messages: 8, bytes: 20 };
    let expected: Vec<u64> = (1..=100).collect();

    let (mut back, mut before) = (Vec::new(), u64::MAX);
    loop {
        let page = world.page(PageStart::Before(before), size);
        back.extend(page.messages.iter().rev().map(|m| m.stamp.seq));
        assert!(page.to + 1 >= before || page.reached_end);
        before = page.from + 1;
        if page.reached_start {
            break;
        }
    }
    back.reverse();
    assert_eq!(back, expected);

    let (mut on, mut after) = (Vec::new(), 0);
    loop {
        let page = world.page(PageStart::After(after), size);
        on.extend(page.messages.iter().map(|m| m.stamp.seq));
        after = page.to;
        if page.reached_end {
            break;
        }
    }
    assert_eq!(on, expected);
}

#[test]
fn page_is_a_snapshot_of_one_moment() {
    let mut world = World::new();
    world.append(&[entry(1, "", "1")]);
    let over = AtomicBool::new(false);
    let World { log, read, dir: _dir } = &mut world;
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 2..2000 {
                log.append(&[entry(n, "", &n.to_string())], &[]).unwrap();
            }
            over.store(true, Relaxed);
        });
        while !over.load(Relaxed) {
            let page = read.page("", PageStart::End, PageSize { messages: 5, bytes: 99 }).unwrap();
            let seqs: Vec<_> = page.messages.iter().map(|message| message.stamp.seq).collect();
            assert_eq!(seqs, (page.from + 1..=page.to).collect::<Vec<_>>());
            assert!(page.reached_end);
        }
    });
}
