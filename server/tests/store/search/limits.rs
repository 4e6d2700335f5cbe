//! The limits of a search, its partial results, and its cancellation.

use std::time::Duration;

use parlour_server::store::{Change, PageSize, SearchLimits, sqlite::Options};

use super::LOBBY;
use crate::world::{ALL, FAST, OTHER, TOM, World, entry, propose};

#[test]
fn partial_results_say_up_to_which_ord_they_go() {
    let limits = SearchLimits { work: 2_000, time: Duration::MAX };
    let mut world = World::with(&Options { search: limits, ..FAST });
    let topic = |n: u32| propose(n, TOM, Change::SetTopic { room: OTHER, topic: n.to_string().into() });
    for n in 1..=300 {
        world.append(&[entry(2 * n, OTHER, &format!("word {n} {}", "x".repeat(200))), topic(2 * n + 1)]);
    }
    let (mut found, mut before, mut searches) = (Vec::new(), 0, 0);
    loop {
        let results = world.read.search(OTHER, "word", before, ALL).unwrap();
        let searched = results.partial.unwrap_or(0);
        let expected = searched + 1..if before == 0 { 301 } else { before };
        let ords: Vec<_> = results.messages.iter().map(|message| message.place.ord).collect();
        assert_eq!(ords, expected.rev().collect::<Vec<_>>(), "exactly those above {searched}");
        found.extend(ords);
        searches += 1;
        if results.reached_start {
            break;
        }
        before = searched + 1;
    }
    assert_eq!(found, (1..=300).rev().collect::<Vec<_>>());
    assert!(searches > 3, "{searches}");
}

/// A room of messages with 24 words from a small vocabulary; the first one has the word "needle".
fn large_room(messages: u32, options: &Options) -> World {
    let mut world = World::with(options);
    let word = |n: u32| {
        let letter = char::from_u32(u32::from('a') + n % 23).unwrap();
        format!("{letter}{}", n.wrapping_mul(2_654_435_761) % 3_000)
    };
    let text = |n: u32| (0..24).map(|i| word(n * 24 + i)).collect::<Vec<_>>().join(" ");
    let mut entries: Vec<_> = (1..=messages).map(|n| entry(n, LOBBY, &text(n))).collect();
    entries[0] = entry(1, LOBBY, &format!("{} needle", text(1)));
    world.append(&entries);
    world
}

#[test]
fn search_ends_at_its_limit_of_work() {
    const WORK: u64 = 60_000;
    let limits = SearchLimits { work: WORK, time: Duration::MAX };
    let mut world = large_room(6_000, &Options { search: limits, ..FAST });
    let letters = "a b c d e f g h i j k l m n o";
    for indexed in [false, true] {
        if indexed {
            world.index_all();
        }
        for (query, found) in [(format!("{letters} needle"), 1), (format!("{letters} needless"), 0)] {
            let (mut before, mut searches, mut matches) = (0, 0, 0);
            loop {
                let results = world.read.search(LOBBY, &query, before, ALL).unwrap();
                searches += 1;
                matches += results.messages.len();
                assert!(results.work < WORK + 1_000, "{} of {query:?}", results.work);
                let Some(searched) = results.partial else {
                    assert!(results.reached_start);
                    break;
                };
                assert!(!results.reached_start && searched > 0);
                assert!(before == 0 || searched + 1 < before, "no progress beyond {before}");
                before = searched + 1;
            }
            assert_eq!(matches, found, "{query:?}");
            // With the index, a word that is rare or nowhere is looked up first.
            assert_eq!(searches > 1, !indexed, "{searches} searches for {query:?}");
        }
    }
    // Two halves of the room, each with a word that the other one lacks.
    let halves: Vec<_> = (10_000..16_000)
        .map(|n| entry(n, OTHER, if n < 13_000 { "left and more" } else { "right and more" }))
        .collect();
    world.append(&halves);
    world.index_all();
    let results =
        world.read.search(OTHER, "and more left", 0, PageSize { messages: 5, bytes: 1 << 16 }).unwrap();
    assert_eq!((results.messages.len(), results.partial), (5, None), "frequent words are merged, not read");
}

#[test]
fn search_ends_at_its_limit_of_time() {
    let limits = SearchLimits { work: u64::MAX - 1, time: Duration::ZERO };
    let mut world = large_room(6_000, &Options { search: limits, ..FAST });
    let (mut before, mut searches, mut matches) = (0, 0, 0);
    loop {
        let results = world.read.search(LOBBY, "needle", before, ALL).unwrap();
        searches += 1;
        matches += results.messages.len();
        let Some(searched) = results.partial else { break };
        assert!(before == 0 || searched + 1 < before, "no progress beyond {before}");
        before = searched + 1;
    }
    assert!(searches > 1 && matches == 1, "{matches} matches in {searches} searches");
}

#[test]
fn text_that_folding_lengthens_is_more_work() {
    // U+FDFA stands for four words. It has as many bytes as three letters.
    let work = |text: &str| {
        let mut world = World::new();
        world.append(&(1..=100).map(|n| entry(n, LOBBY, &text.repeat(1_000))).collect::<Vec<_>>());
        world.read.search(LOBBY, "nowhere", 0, ALL).unwrap().work
    };
    let (letters, ligatures) = (work("abc"), work("\u{FDFA}"));
    assert!(ligatures > 8 * letters, "{letters} {ligatures}");
}

#[test]
fn cancelled_search_ends_early() {
    let mut world = large_room(2_000, &FAST);
    let cancellation = world.read.cancellation();
    cancellation.cancel();
    let results = world.read.search(LOBBY, "nowhere", 0, ALL).unwrap();
    assert!(results.work < 1_000 && results.partial.is_some(), "{results:?}");
    // A page is not a search.
    assert_eq!(world.contents().len(), 2_000);
    cancellation.reset();
    let results = world.read.search(LOBBY, "nowhere", 0, ALL).unwrap();
    assert!(results.work > 1_000 && results.reached_start, "{results:?}");
}
