//! Search: what matches, and that queries are plain text.

mod index;
mod limits;

use parlour_core::model::RoomId;
use parlour_server::store::{PageSize, is_searchable};

use crate::world::{ALL, OTHER, World, entry};

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
