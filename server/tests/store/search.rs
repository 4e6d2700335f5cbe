//! Search: what matches, and that queries are plain text.

use std::time::Duration;

use parlour_core::model::RoomId;
use parlour_server::store::{
    Change, EventLog as _, PageSize, Retention, SearchLimits, is_searchable, sqlite::Options,
};
use rusqlite::Connection;

use crate::world::{ALL, Dir, FAST, OTHER, TOM, World, beginning, entry, propose};

const LOBBY: RoomId = RoomId::LOBBY;

fn world_with(texts: &[&str]) -> World {
    let mut world = World::new();
    for (n, text) in (1..).zip(texts) {
        world.append_message(n, text);
    }
    world
}

#[test]
fn words_match_by_prefix_and_chinese_anywhere() {
    let text = "Hello wide world, the Crème brûlée of node.js";
    let chinese = "今天我们用Rust写服务器，明天休息";
    let table: &[(&str, &str, bool)] = &[
        (text, "hello", true),
        (text, "hel", true),
        (text, "h", true),
        (text, "WORLD hel", true),
        (text, "ello", false),
        (text, "hello moon", false),
        (text, "creme", true),
        (text, "BRÛLÉE", true),
        (text, "node.js", true),
        (text, "ｈｅｌｌｏ", true), // full width
        (chinese, "服", true),
        (chinese, "务器", true),
        (chinese, "服务器", true),
        (chinese, "我们用", true),
        (chinese, "务服", false),
        (chinese, "服器", false),
        (chinese, "服务器 今天", true),
        (chinese, "rust写", true),
        (chinese, "用rust", true),
        (chinese, "ru", true),
        (chinese, "后天", false),
        ("東京タワーへ行く", "タワー", true),
        ("東京タワーへ行く", "ﾀﾜｰ", true), // half width
        ("東京タワーへ行く", "京タ", true),
        ("がんばって", "かんばって", false),
        ("안녕하세요 여러분", "하세", true),
        ("안녕하세요 여러분", "세하", false),
        ("Привет, Ёлка", "прив", true),
        ("Привет, Ёлка", "елка", true),
        ("ΛΟΓΟΣ", "λόγος", true),
        ("İstanbul", "istanbul", true),
        ("नमस्ते दुनिया", "नमस्ते", true),
        ("नमस्ते दुनिया", "दुनि", true),
        ("สวัสดีครับ", "ครับ", true),
        ("well done 👍🏽!", "👍", true),
        ("well done 👍🏽!", "done👍", true),
        ("a ❤️ b", "❤", true),
        ("𠮷野家", "𠮷", true),
        ("room 101, floor2", "101", true),
        ("room 101, floor2", "floor", true),
        ("snake_case", "case", true),
    ];
    for (text, query, found) in table {
        let mut world = world_with(&["something else", text]);
        let expected: &[&str] = if *found { &[text] } else { &[] };
        assert_eq!(world.search(query), expected, "{query:?} in {text:?}");
    }
}

#[test]
fn query_has_no_syntax() {
    let mut world = world_with(&["alpha beta", "AND OR NOT NEAR text", "quote\" here"]);
    for (query, found) in [
        ("alpha OR gamma", &[][..]),
        ("alpha NOT beta", &[]),
        ("alpha AND beta", &[]),
        ("NOT", &["AND OR NOT NEAR text"]),
        ("or and", &["AND OR NOT NEAR text"]),
        ("NEAR(alpha beta)", &[]),
        ("near", &["AND OR NOT NEAR text"]),
        ("text:alpha", &[]),
        ("{text}: near", &["AND OR NOT NEAR text"]),
        ("\"alpha beta\"", &["alpha beta"]),
        ("alpha\" OR \"beta", &[]),
        ("quote\"", &["quote\" here"]),
        ("^beta", &["alpha beta"]),
        ("al*", &["alpha beta"]),
        ("* alpha", &["alpha beta"]),
        ("alpha + beta", &["alpha beta"]),
        ("-alpha", &["alpha beta"]),
        ("alpha\0beta", &["alpha beta"]),
        ("alpha'); DROP TABLE message; --", &[]),
        ("(((", &[]),
        ("\"", &[]),
        ("", &[]),
        (" \n\0", &[]),
        ("%", &[]),
    ] {
        assert_eq!(world.search(query), found, "{query:?}");
    }
    assert_eq!(world.contents().len(), 3);
}

#[test]
fn accents_points_and_strokes_do_not_matter() {
    let texts = ["Paweł z Łodzi", "Økland og Ærø", "đường phố", "die Straße", "שָׁלוֹם עֲלֵיכֶם", "مُحَمَّدٌ أحمد"];
    let mut world = world_with(&texts);
    for (query, found) in [
        ("pawel lodz", 0),
        ("PAWEŁ ŁODZ", 0),
        ("okland", 1),
        ("aero", 1),
        ("duong", 2),
        ("đuong pho", 2),
        ("strasse", 3),
        ("STRASSE", 3),
        ("straß", 3),
        ("שלום", 4),
        ("עליכם", 4),
        ("محمد", 5),
        ("احمد", 5),
    ] {
        assert_eq!(world.search(query), [texts[found]], "{query:?}");
    }
    for other in ["pavel", "sokland", "strase"] {
        assert_eq!(world.search(other), [""; 0], "{other:?}");
    }
}

#[test]
fn punctuation_within_words_counts() {
    let texts = [
        "I write C++ and C#",
        "vitamin c, or c + +",
        "ping 10.0.0.1 now",
        "10 and 0, 0 or 1",
        "10.0.0.12",
        "ask @tom",
        "tom.",
        "don’t",
        "我很好，谢谢",
        "好 谢",
        "100% of foo-bar",
    ];
    let mut world = world_with(&texts);
    let cases: &[(&str, &[usize])] = &[
        ("c++", &[0]),
        ("C#", &[0]),
        ("(C++)?", &[0]),
        ("c", &[1, 0]),
        ("10.0.0.1", &[4, 2]),
        ("\"10.0.0.1\"", &[2]),
        ("0.0.1", &[4, 2]),
        ("0.1", &[4, 2]),
        ("10.0.1", &[]),
        ("@tom", &[5]),
        ("tom", &[6, 5]),
        ("(tom)", &[6, 5]),
        ("don't", &[7]),
        ("don", &[7]),
        ("on't", &[]),
        ("好，谢", &[8]),
        ("好,谢", &[8]),
        ("100%", &[10]),
        ("foo-b", &[10]),
        ("foo_bar", &[]),
        ("bar", &[10]),
    ];
    for (query, found) in cases {
        let found: Vec<_> = found.iter().map(|at| texts[*at]).collect();
        assert_eq!(world.search(query), found, "{query:?}");
    }
}

#[test]
fn punctuated_words_are_found_among_many_similar_ones() {
    let mut world = World::new();
    let filler: Vec<_> = (1..=1_000).map(|n| entry(n, LOBBY, &format!("a c of {n}: 10 0, 0 1"))).collect();
    world.append(&[entry(2_000, LOBBY, "C++ at 10.0.0.1")]);
    world.append(&filler);
    for query in ["C++", "10.0.0.1"] {
        assert_eq!(world.search(query), ["C++ at 10.0.0.1"], "{query}");
    }
}

#[test]
fn words_in_quotes_follow_each_other() {
    let texts = ["foo bar", "bar and then foo", "Foo, Bar!", "foo barrel", "foo and bar", "用服务器 foo"];
    let mut world = world_with(&texts);
    let cases: &[(&str, &[usize])] = &[
        ("foo bar", &[4, 3, 2, 1, 0]),
        ("\"foo bar\"", &[2, 0]),
        ("“foo bar”", &[2, 0]),
        ("\"foo bar", &[3, 2, 0]),
        ("\"foo, bar\"", &[2]),
        ("\"bar foo\"", &[]),
        ("\"foo\" \"bar\"", &[4, 2, 1, 0]),
        ("\"oo bar\"", &[]),
        ("\"服务\"", &[5]),
        ("\"器 foo\"", &[5]),
        ("\"foo 器\"", &[]),
    ];
    for (query, found) in cases {
        let found: Vec<_> = found.iter().map(|at| texts[*at]).collect();
        assert_eq!(world.search(query), found, "{query:?}");
    }
}

#[test]
fn query_without_letters_is_recognised() {
    for query in ["", " ", "???", "\"\"", "- + *", "…", "\u{200B}"] {
        assert!(!is_searchable(query), "{query:?}");
    }
    for query in ["a", "1", "字", "👍", "?x", "\"é"] {
        assert!(is_searchable(query), "{query:?}");
    }
}

#[test]
fn query_length_is_bounded() {
    let mut world = world_with(&["a b c", &"x".repeat(20_000), &"字".repeat(5000)]);
    assert_eq!(world.search(&"a ".repeat(100_000)), ["a b c"]);
    assert_eq!(world.search(&"(".repeat(100_000)), [""; 0]);
    assert_eq!(world.search(&"x".repeat(100_000)).len(), 1);
    assert_eq!(world.search(&"字".repeat(100_000)).len(), 1);
    // Long words are truncated, and only the first of many words count.
    assert_eq!(world.search(&format!("{}yz", "x".repeat(70))).len(), 1);
    assert_eq!(world.search(&format!("{}y", "x".repeat(50))).len(), 0);
    let many = |last: &str| format!("{} {last}", ["a", "b", "c", "a"].repeat(4).join(" "));
    assert_eq!((world.search(&many("b")).len(), world.search(&many("q")).len()), (1, 1));
}

#[test]
fn search_pages_through_one_room_newest_first() {
    let mut world = World::new();
    for n in (1..=40).step_by(2) {
        world.append(&[entry(n, OTHER, &format!("word {n}")), entry(n + 1, LOBBY, &format!("word {n}"))]);
        if n == 21 {
            world.index_all();
        }
    }
    let size = PageSize { messages: 7, bytes: usize::MAX };
    let (mut ords, mut before) = (Vec::new(), 0);
    loop {
        let found = world.read.search(OTHER, "word", before, size).unwrap();
        assert!(found.messages.len() <= 7);
        ords.extend(found.messages.iter().map(|message| message.place.ord));
        before = *ords.last().unwrap();
        if found.reached_start {
            break;
        }
    }
    assert_eq!(ords, (1..=20).rev().collect::<Vec<_>>());
    assert!(world.read.search(OTHER, "word", 1, ALL).unwrap().messages.is_empty());
    assert!(world.read.search(RoomId([77; 16]), "word", 0, ALL).unwrap().messages.is_empty());
    // Bytes limit a page too, but it contains at least one message.
    for (bytes, messages) in [(0, 1), (7, 1), (14, 2), (20, 2)] {
        let found = world.read.search(OTHER, "word", 0, PageSize { messages: 9, bytes }).unwrap();
        assert_eq!((found.messages.len(), found.reached_start), (messages, false), "{bytes}");
    }
}

#[test]
fn prefix_of_many_words_is_found() {
    let mut world = World::new();
    // Fewer words than are expanded, and more.
    for (word, count, room) in [("few", 30, LOBBY), ("many", 2_500, OTHER)] {
        let texts: Vec<String> = (0..count).map(|n| format!("{word}{n} of {count}")).collect();
        let entries: Vec<_> = (0..).zip(&texts).map(|(n, text)| entry(count + n, room, text)).collect();
        world.append(&entries);
        let mut search = |query: &str| {
            let found = world.read.search(room, query, 0, ALL).unwrap();
            found.messages.into_iter().map(|message| message.content).collect::<Vec<_>>()
        };
        assert!(search(word).into_iter().eq(texts.iter().rev().cloned()), "{word}: all, the newest first");
        assert_eq!(
            search(&format!("o {word}7 {count}")),
            texts
                .iter()
                .rev()
                .filter(|text| text.starts_with(&format!("{word}7")))
                .cloned()
                .collect::<Vec<_>>()
        );
        assert_eq!(search(&format!("{word}x")), [""; 0]);
    }
}

/// A database of an earlier version, with these messages of "tom" in the lobby and in its index.
fn earlier_version(version: usize, messages: &[(&str, &str)]) -> Dir {
    let scripts = [
        include_str!("../../src/store/sqlite/migrations/1.sql"),
        include_str!("../../src/store/sqlite/migrations/2.sql"),
        include_str!("../../src/store/sqlite/migrations/3.sql"),
        include_str!("../../src/store/sqlite/migrations/4.sql"),
    ];
    let dir = Dir::new();
    let database = Connection::open(dir.database()).unwrap();
    scripts[..version].iter().for_each(|script| database.execute_batch(script).unwrap());
    database
        .execute_batch(&format!(
            "PRAGMA application_id = {}; PRAGMA user_version = {version};
             INSERT INTO about (id) VALUES (zeroblob(16)); BEGIN;",
            0x5061_726C
        ))
        .unwrap();
    for (seq, (text, words)) in (1..).zip(messages) {
        let place = 1_i64 << 38 | seq;
        database
            .execute(
                "INSERT INTO message (place, room, time, id, nick, content)
                 VALUES (?1, 1, ?2, ?3, 'tom', ?4)",
                (place, seq, u128::from(seq.unsigned_abs()).to_be_bytes(), text),
            )
            .unwrap();
        database.execute("INSERT INTO words (rowid, text) VALUES (?1, ?2)", (place, words)).unwrap();
    }
    let count = i64::try_from(messages.len()).unwrap();
    database.execute("INSERT INTO room (id, name, last_seq, kept) VALUES (1, '', ?1, ?1)", [count]).unwrap();
    if version > 1 {
        database.execute_batch("UPDATE room SET indexed = last_seq").unwrap();
    }
    if version > 2 {
        database.execute_batch("UPDATE message SET begins = 1 WHERE place & 1023 = 1").unwrap();
    }
    database.execute_batch("COMMIT").unwrap();
    dir
}

#[test]
fn index_of_an_earlier_version_is_built_anew_in_the_background() {
    let texts: Vec<_> = (1..=1_500).map(|n| format!("Paweł {n}")).collect();
    let words: Vec<_> = texts.iter().map(|text| text.to_lowercase()).collect();
    let messages: Vec<_> = texts.iter().map(String::as_str).zip(words.iter().map(String::as_str)).collect();
    let dir = earlier_version(4, &messages);
    let log = dir.open_with(&FAST).unwrap();
    let mut world = World { read: log.reader().unwrap(), log, dir };
    world.append(&beginning());
    let old_tables = |world: &World| -> i64 {
        let database = Connection::open(world.log.path()).unwrap();
        let count = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'words_old%'";
        database.query_row(count, [], |row| row.get(0)).unwrap()
    };
    assert!(old_tables(&world) > 0, "opening does not remove the old index");
    let mut steps = 0;
    loop {
        // At any time, everything is found in the new way.
        assert_eq!(world.find("pawel 7").len(), 111, "after {steps} steps");
        assert_eq!(world.find("pawel").len(), 1_500 + steps as usize);
        if world.log.index_pending().unwrap() == 0 {
            break;
        }
        steps += 1;
        world.append_message(1_500 + steps, "pawel");
    }
    assert!(steps >= 4, "{steps} steps: two more than for the new index alone");
    assert_eq!(old_tables(&world), 0);
    world.check();
    let mut world = world.reopen();
    assert_eq!(world.find("PAWEŁ 1500"), ["Paweł 1500"]);
}

#[test]
fn unindexed_messages_are_found_first() {
    let mut world = World::new();
    // More than one step, in two rooms.
    let numbered = |room: RoomId, from: u32| -> Vec<_> {
        (from..from + 700).map(|n| entry(n, room, &format!("word {n}"))).collect()
    };
    world.append(&numbered(LOBBY, 1));
    world.append(&numbered(OTHER, 10_001));
    let expected: Vec<String> = (1..=700).rev().map(|n| format!("word {n}")).collect();
    assert_eq!(world.find("word"), expected);
    let mut left = vec![1400];
    while left.last() != Some(&0) {
        left.push(world.log.index_pending().unwrap());
        assert_eq!(world.find("word"), expected, "{left:?}");
        assert_eq!(world.find("word 70"), ["word 700", "word 70"], "{left:?}");
    }
    assert!(left.len() > 3 && left.is_sorted_by(|a, b| a > b), "in steps: {left:?}");
    assert_eq!(world.log.index_pending().unwrap(), 0);
    // Indexing continues after the log was closed.
    world.append_message(701, "word 701");
    let mut world = world.reopen();
    assert_eq!(world.find("word")[..2], ["word 701", "word 700"]);
    assert_eq!(world.search("701"), ["word 701"]);
}

#[test]
fn message_deleted_before_indexing_is_not_found() {
    let mut world = world_with(&["word 1", "word 2", "word 3"]);
    while world.log.apply_retention(&Retention { messages: Some(1), ..Retention::default() }, 0).unwrap() {}
    assert_eq!(world.search("word"), ["word 3"]);
    while world.log.apply_retention(&Retention { messages: Some(0), ..Retention::default() }, 0).unwrap() {}
    assert_eq!(world.search("word"), [""; 0]);
    world.append_message(4, "word 4");
    assert_eq!(world.search("word"), ["word 4"]);
    world.check();
}

#[test]
fn log_of_version_1_is_searched_like_any_other() {
    let dir = earlier_version(1, &[("from before", "from before")]);
    let log = dir.open_with(&FAST).unwrap();
    let mut world = World { read: log.reader().unwrap(), log, dir };
    world.append(&beginning());
    world.append(&[entry(2, LOBBY, "from now")]);
    assert_eq!(world.search("from"), ["from now", "from before"]);
    world.check();
}

#[test]
fn other_events_are_no_obstacle_to_the_index() {
    let mut world = World::new();
    let topic = |n: u32| propose(n, TOM, Change::SetTopic { room: OTHER, topic: format!("word {n}").into() });
    for n in 0..40 {
        let first = 100 * n;
        let topics: Vec<_> = (first + 1..first + 50).map(topic).collect();
        world.append(&topics);
        world.append(&[entry(first + 50, OTHER, &format!("word {n}"))]);
    }
    let size = PageSize { messages: 30, bytes: usize::MAX };
    for indexed in [false, true] {
        if indexed {
            world.index_all();
        }
        let found = world.read.search(OTHER, "word", 0, size).unwrap();
        let ords: Vec<_> = found.messages.iter().map(|message| message.place.ord).collect();
        assert_eq!(ords, (11..=40).rev().collect::<Vec<_>>());
        assert!(!found.reached_start);
        let rest = world.read.search(OTHER, "word", 11, size).unwrap();
        assert_eq!((rest.messages.len(), rest.reached_start), (10, true));
    }
}

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
fn long_messages_are_indexed_in_small_steps() {
    let mut world = World::new();
    let long: Vec<_> =
        (1..=40).map(|n| entry(n, LOBBY, &format!("number{n} {}", "\u{FDFA}".repeat(5_000)))).collect();
    world.append(&long);
    world.append(&[entry(100, OTHER, "number100")]);
    let mut left = vec![41];
    while left.last() != Some(&0) {
        left.push(world.log.index_pending().unwrap());
        assert_eq!(world.find("number40").len(), 1, "{left:?}");
        assert!(left.len() < 100, "{left:?}");
    }
    assert!(left.len() > 3 && left.is_sorted_by(|a, b| a > b), "in steps: {left:?}");
    assert_eq!(world.find("number1").len(), 11);
    world.check();
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
