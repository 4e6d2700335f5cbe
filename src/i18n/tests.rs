use std::sync::Arc;

use parlour_core::{status::Status, timeline::PresenceSummary};

use super::{
    texts::parsed,
    time::{DayWord, day_word},
    words::{ENGLISH, NAMES},
    *,
};

fn text(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Words(words) => words.as_str(),
            Part::Name(name) => name,
        })
        .collect()
}

fn nicks(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

/// English and Chinese.
fn both() -> (&'static Texts, &'static Texts) {
    read(Locale::Zh, include_str!("../../lang/zh-CN.txt").into());
    (texts(Locale::En), texts(Locale::Zh))
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c))
}

#[test]
fn every_status_has_words_of_its_language() {
    let (en, zh) = both();
    for status in Status::ALL.iter().chain(&[Status::Other(4999)]) {
        for texts in [en, zh] {
            let words = texts.status(*status);
            assert!(words.ends_with(['.', '。']) && words.chars().count() >= 5, "{status:?}: {words}");
        }
        assert!(is_chinese(zh.status(*status)), "{status:?}");
        assert!(!is_chinese(en.status(*status)), "{status:?}");
    }
}

#[test]
fn a_file_has_every_word_once_and_no_other() {
    let file = include_str!("../../lang/zh-CN.txt");
    let names: Vec<_> = file.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    for name in NAMES {
        assert_eq!(names.iter().filter(|it| *it == name).count(), 1, "{name}");
    }
    let mut codes: Vec<u16> = names.iter().filter_map(|name| name.parse().ok()).collect();
    codes.sort_unstable();
    let known: Vec<u16> = std::iter::once(0).chain(Status::ALL.iter().map(|it| it.code())).collect();
    assert_eq!(codes, known);
    assert_eq!(names.len(), NAMES.len() + codes.len());
    let (en, zh) = both();
    for (name, english) in NAMES.iter().zip(ENGLISH) {
        let chinese = zh.words[NAMES.iter().position(|it| it == name).unwrap()];
        assert_ne!(chinese, english, "{name}");
        // A number is left to the words only where there is a form for one.
        assert!(english.contains('#') == chinese.contains('#'), "{name}: {chinese}");
    }
    assert_eq!(en.word(Word::Send), "Send");
}

#[test]
fn what_a_file_lacks_stays_english_and_what_it_has_too_much_is_passed_over() {
    let read = parsed("Of this file.\nSend=发送\nNoSuchWord=x\n4004=太长\n99999=x\nExit\n".to_owned().leak());
    assert_eq!(read.word(Word::Send), "发送");
    assert_eq!(read.word(Word::Exit), "Leave");
    assert_eq!(read.statuses, [(4004, "太长")]);
}

#[test]
fn numbers_and_nouns_agree() {
    let (en, zh) = both();
    assert_eq!(en.count(Word::PeopleCount, 1), "1 person");
    assert_eq!(en.count(Word::PeopleCount, 0), "0 people");
    assert_eq!(en.count(Word::PeopleCount, 12_345), "12,345 people");
    assert_eq!(zh.count(Word::PeopleCount, 1), "1 人");
    assert_eq!(en.jump(0), "To the latest");
    assert_eq!(en.jump(1), "1 new message");
    assert_eq!(en.jump(2), "2 new messages");
    assert_eq!(zh.jump(2), "2 条新消息");
    assert_eq!(en.count(Word::RetryIn, 1), "Trying again in 1 second.");
    assert_eq!(
        en.wait(Status::RateLimited, 1),
        "You are ahead of the server’s limit. Sending goes on in 1 second."
    );
    assert_eq!(
        en.wait(Status::LogUnavailable, 2),
        "The server can't store messages at the moment. Sending goes on in 2 seconds."
    );
    assert_eq!(zh.wait(Status::RateLimited, 2), "发送太快了，2 秒后继续发送。");
    assert_eq!(zh.wait(Status::LogUnavailable, 2), "服务器暂时无法保存消息，2 秒后继续发送。");
    assert_eq!(en.count(Word::TooLong, 1), "Too long by 1 byte. Shorten it, or send it in parts.");
    assert_eq!(zh.with_name(Word::LogInAs, "小李"), "以“小李”登录");
}

#[test]
fn comings_and_goings_are_sentences() {
    let (en, zh) = both();
    let many = nicks(&["Ann", "Bo", "Cy", "Di"]);
    for (n, english, chinese) in [
        (1, "Ann joined", "Ann 加入了房间"),
        (2, "Ann and Bo joined", "Ann、Bo 加入了房间"),
        (3, "Ann, Bo and Cy joined", "Ann、Bo、Cy 加入了房间"),
        (4, "Ann, Bo and 2 others joined", "Ann、Bo 和另外 2 人加入了房间"),
    ] {
        assert_eq!(text(&en.moved(&many[..n], n, true)), english);
        assert_eq!(text(&zh.moved(&many[..n], n, true)), chinese);
    }
    assert_eq!(text(&en.moved(&[], 12, false)), "12 people left");
    assert_eq!(text(&zh.moved(&[], 12, false)), "12 人离开了房间");
    assert_eq!(text(&en.moved(&many, 1003, false)), "Ann, Bo and 1,001 others left");
}

#[test]
fn a_movement_says_who_came_and_who_went() {
    let movement = PresenceSummary {
        joined: nicks(&["Ann"]),
        left: nicks(&["Bo"]),
        more_left: 4,
        ..PresenceSummary::default()
    };
    let said: Vec<_> = texts(Locale::En).movement(&movement).iter().map(|parts| text(parts)).collect();
    assert_eq!(said, ["Ann joined", "Bo and 4 others left"]);
    assert!(texts(Locale::En).movement(&PresenceSummary::default()).is_empty());
}

#[test]
fn who_is_there() {
    let (en, zh) = both();
    assert_eq!(text(&en.who(&[], 0)), "Nobody is here.");
    assert_eq!(text(&en.who(&nicks(&["Ann"]), 0)), "One person is here: Ann");
    assert_eq!(text(&en.who(&nicks(&["Ann", "Bo"]), 0)), "2 people are here: Ann and Bo");
    assert_eq!(text(&en.who(&nicks(&["Ann", "Bo"]), 3)), "5 people are here: Ann, Bo and 3 more");
    assert_eq!(text(&zh.who(&nicks(&["小李", "小王"]), 3)), "房间里有 5 人：小李、小王，另有 3 人");
}

#[test]
fn days_are_called_by_how_long_ago_they_were() {
    assert_eq!(day_word(0), DayWord::Today);
    assert_eq!(day_word(1), DayWord::Yesterday);
    assert_eq!(day_word(2), DayWord::Near);
    assert_eq!(day_word(-1), DayWord::Near);
    assert_eq!(day_word(400), DayWord::Far);
    assert_eq!(day_word(-2), DayWord::Far);
}

#[test]
fn thousands_stand_apart() {
    for (n, written) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(grouped(n), written);
    }
}

#[test]
fn a_date_field_gives_a_day_once_its_year_is_typed() {
    assert_eq!(time::parts("2026-11-04"), Some((2026, 11, 4)));
    for typed in ["", "0020-11-04", "2026-11", "2026-x-04", "x"] {
        assert_eq!(time::parts(typed), None, "{typed}");
    }
}
