use std::{path::Path, sync::Arc};

use parlour_core::{
    model::Role,
    status::Status,
    timeline::{PresenceSummary, RoomNotice},
};
use serde_json::Value;

use super::{
    generate,
    locale::closest,
    template::{Piece, pieces},
    texts::add,
    time::{DayLabel, day_label},
    *,
};

fn chinese() -> Locale {
    Locale::from_tag("zh-CN").unwrap()
}

/// Looks a key up in a parsed file, as the page does in the browser.
fn look_up(file: &Value, key: &str) -> Option<String> {
    let found = key.split('.').try_fold(file, |value, name| value.get(name));
    found?.as_str().map(str::to_owned)
}

fn parse(locale: Locale, json: &str) -> Texts {
    let file: Value = serde_json::from_str(json).unwrap();
    Texts::read(locale, |key| look_up(&file, key))
}

/// English and Chinese.
fn both() -> (&'static Texts, &'static Texts) {
    add(parse(chinese(), include_str!("../../lang/zh-CN.json")));
    (texts(Locale::ENGLISH), texts(chinese()))
}

fn text(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Name(name) => name,
        })
        .collect()
}

fn nicks(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c))
}

fn languages() -> Vec<generate::Language> {
    generate::read_languages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("lang")).unwrap()
}

#[test]
fn every_status_has_a_sentence_in_its_language() {
    let (en, zh) = both();
    for status in Status::ALL.iter().chain(&[Status::Other(4999)]) {
        for texts in [en, zh] {
            let sentence = texts.status(*status);
            assert!(
                sentence.ends_with(['.', '。']) && sentence.chars().count() >= 5,
                "{status:?}: {sentence}"
            );
        }
        assert!(is_chinese(zh.status(*status)), "{status:?}");
        assert!(!is_chinese(en.status(*status)), "{status:?}");
    }
}

#[test]
fn the_english_file_has_the_status_texts_of_core() {
    let languages = languages();
    let in_file: Vec<_> = languages[0].texts.iter().filter(|(key, _)| key.starts_with("status.")).collect();
    for status in Status::ALL {
        let key = format!("status.{}", status.code());
        assert_eq!(languages[0].texts.get(&key).map(String::as_str), Some(status.text()), "{key}");
    }
    assert_eq!(languages[0].texts["status.unknown"], Status::Other(4999).text());
    assert_eq!(in_file.len(), Status::ALL.len() + 1);
}

#[test]
fn every_language_has_every_text_with_every_argument_and_no_other() {
    let languages = languages();
    let (english, others) = languages.split_first().unwrap();
    for language in others {
        let tag = &language.tag;
        for (key, english) in &english.texts {
            // Languages differ in the plural forms they have; all have `other`.
            if generate::plural_form(key).is_some_and(|(_, form)| form != template::OTHER) {
                continue;
            }
            let text =
                language.texts.get(key).unwrap_or_else(|| panic!("lang/{tag}.json: `{key}` is missing"));
            assert!(!text.trim().is_empty(), "lang/{tag}.json: `{key}` is empty");
            let sorted = |text| {
                let mut names = generate::arguments(text);
                names.sort_unstable();
                names
            };
            assert_eq!(sorted(text), sorted(english), "lang/{tag}.json: `{key}`");
        }
        for key in language.texts.keys() {
            let other = generate::plural_form(key).map(|(key, _)| format!("{key}_other"));
            assert!(
                english.texts.contains_key(other.as_ref().unwrap_or(key)),
                "lang/{tag}.json: `{key}` is unknown"
            );
        }
    }
}

#[test]
fn every_text_is_translated() {
    let (en, zh) = both();
    let mut slot = 0;
    for (key, is_plural) in texts::ENTRIES {
        slot += if is_plural { template::OTHER } else { 0 };
        assert_ne!(zh.slots[slot], en.slots[slot], "{key}");
        slot += 1;
    }
    assert_eq!(slot, en.slots.len());
    assert_eq!(en.text(Key::ComposerSend), "Send");
}

#[test]
fn missing_texts_stay_english_and_unknown_ones_are_ignored() {
    let read = parse(
        chinese(),
        r#"{
            "composer": { "send": "发送", "too_long_one": "x", "no_such_key": "x" },
            "members": { "count_other": "{{count}} 人" },
            "room": { "leave": "" },
            "search": "not a group",
            "status": { "4004": "太长", "99999": "x", "unknown": 7 }
        }"#,
    );
    assert_eq!(read.text(Key::ComposerSend), "发送");
    assert_eq!(read.text(Key::RoomLeave), "Leave");
    assert_eq!(read.text(Key::SearchTitle), "Search");
    assert_eq!(read.members_count(1), "1 人");
    assert!(read.composer_too_long(2).contains("2 bytes"));
    assert_eq!(read.statuses, [(4004, "太长")]);
}

#[test]
fn the_plural_form_agrees_with_the_number() {
    let (en, zh) = both();
    assert_eq!(en.members_count(1), "1 person");
    assert_eq!(en.members_count(0), "0 people");
    assert_eq!(en.members_count(12_345), "12,345 people");
    assert_eq!(zh.members_count(1), "1 人");
    assert_eq!(en.jump_to_latest(0), "Jump to the latest");
    assert_eq!(en.jump_to_latest(1), "1 new message");
    assert_eq!(en.jump_to_latest(2), "2 new messages");
    assert_eq!(zh.jump_to_latest(2), "2 条新消息");
    assert_eq!(en.connection_retry_in(1), "Trying again in 1 second.");
    assert_eq!(
        en.sending_paused(Status::RateLimited, 1),
        "You are sending too fast. Sending resumes in 1 second."
    );
    assert_eq!(
        en.sending_paused(Status::LogUnavailable, 2),
        "The server can’t store messages at the moment. Sending resumes in 2 seconds."
    );
    assert_eq!(zh.sending_paused(Status::RateLimited, 2), "发送太快了，2 秒后继续发送。");
    assert_eq!(zh.sending_paused(Status::LogUnavailable, 2), "服务器暂时无法保存消息，2 秒后继续发送。");
    let full = Status::ContentTooLong;
    assert_eq!(en.messages_not_sent(full, 1), format!("Not sent. {}", en.status(full)));
    assert_eq!(en.messages_not_sent(full, 2), format!("2 messages not sent. {}", en.status(full)));
    assert_eq!(zh.messages_not_sent(full, 2), format!("2 条消息未发送。 {}", zh.status(full)));
    assert_eq!(en.messages_not_sent(Status::Unconfirmed, 1), en.status(Status::Unconfirmed));
    assert_eq!(
        zh.messages_not_sent(Status::Unconfirmed, 2),
        "连接中断，不确定这 2 条消息是否已送达，重发前请先确认一下。"
    );
    assert_eq!(en.composer_too_long(1), "The message is 1 byte too long. Shorten it, or send it in parts.");
    assert_eq!(zh.login_submit_as("小李"), "以“小李”登录");
}

#[test]
fn an_argument_is_not_searched_for_arguments() {
    let (en, _) = both();
    assert_eq!(en.login_submit_as("{{name}} }}{{"), "Log in as “{{name}} }}{{”");
}

#[test]
fn joining_and_leaving_are_sentences() {
    let (en, zh) = both();
    let many = nicks(&["Ann", "Bo", "Cy", "Di"]);
    let joined = |texts: &Texts, named: usize, more: usize| {
        let joined = many[..named].to_vec();
        let changes = PresenceSummary { joined, more_joined: more, ..PresenceSummary::default() };
        texts.presence_changes(&changes).iter().map(|parts| text(parts)).collect::<Vec<_>>()
    };
    for (n, english, chinese) in [
        (1, "Ann joined", "Ann加入了房间"),
        (2, "Ann and Bo joined", "Ann和Bo加入了房间"),
        (3, "Ann, Bo and Cy joined", "Ann、Bo和Cy加入了房间"),
        (4, "Ann, Bo and 2 others joined", "Ann、Bo和另外 2 人加入了房间"),
    ] {
        assert_eq!(joined(en, n, 0), [english]);
        assert_eq!(joined(zh, n, 0), [chinese]);
    }
    let left = |texts: &Texts, left: &[Arc<str>], more_left: usize| {
        let changes = PresenceSummary { left: left.to_vec(), more_left, ..PresenceSummary::default() };
        texts.presence_changes(&changes).iter().map(|parts| text(parts)).collect::<Vec<_>>()
    };
    assert_eq!(left(en, &[], 12), ["12 people left"]);
    assert_eq!(left(zh, &[], 12), ["12 人离开了房间"]);
    assert_eq!(left(en, &many, 999), ["Ann, Bo and 1,001 others left"]);
}

#[test]
fn own_role_is_not_given_by_anybody() {
    let (en, zh) = both();
    let [tom, lili]: [Arc<str>; 2] = ["tom".into(), "lili".into()];
    let own = RoomNotice::OwnRole(Role::Moderator);
    assert_eq!(text(&en.room_event(&tom, &own)), "tom is a moderator now");
    assert_eq!(text(&zh.room_event(&tom, &own)), "tom现在是管理员");
    let role = |nick: &Arc<str>| RoomNotice::Role(nick.clone(), Role::Moderator);
    assert_eq!(text(&en.room_event(&tom, &role(&lili))), "\u{2068}tom\u{2069} made lili a moderator");
    // Two accounts may have one nick.
    assert_eq!(text(&en.room_event(&tom, &role(&tom))), "\u{2068}tom\u{2069} made tom a moderator");
}

#[test]
fn presence_changes_are_a_sentence_for_each_direction() {
    let changes = PresenceSummary {
        joined: nicks(&["Ann"]),
        left: nicks(&["Bo"]),
        more_left: 4,
        ..PresenceSummary::default()
    };
    let en = texts(Locale::ENGLISH);
    let sentences: Vec<_> = en.presence_changes(&changes).iter().map(|parts| text(parts)).collect();
    assert_eq!(sentences, ["Ann joined", "Bo and 4 others left"]);
    assert!(en.presence_changes(&PresenceSummary::default()).is_empty());
}

#[test]
fn names_stay_separate_parts() {
    let changes = PresenceSummary { joined: nicks(&["Ann", "Bo"]), ..PresenceSummary::default() };
    let words = |text: &str| Part::Text(text.to_owned());
    let [ann, bo] = ["Ann", "Bo"].map(|name| Part::Name(name.into()));
    assert_eq!(
        texts(Locale::ENGLISH).presence_changes(&changes),
        [vec![ann, words(" and "), bo, words(" joined")]]
    );
}

#[test]
fn people_online_are_listed_by_name() {
    let (en, zh) = both();
    assert_eq!(text(&en.people_online(&[], 0)), "Nobody is here.");
    assert_eq!(text(&en.people_online(&nicks(&["Ann"]), 0)), "One person is here: Ann");
    assert_eq!(text(&en.people_online(&nicks(&["Ann", "Bo"]), 0)), "2 people are here: Ann and Bo");
    assert_eq!(text(&en.people_online(&nicks(&["Ann", "Bo"]), 3)), "5 people are here: Ann, Bo and 3 more");
    assert_eq!(text(&zh.people_online(&nicks(&["小李", "小王"]), 3)), "房间里有 5 人：小李、小王和另外 3 人");
}

#[test]
fn a_day_is_labelled_by_its_distance() {
    assert_eq!(day_label(0), DayLabel::Today);
    assert_eq!(day_label(1), DayLabel::Yesterday);
    assert_eq!(day_label(2), DayLabel::Near);
    assert_eq!(day_label(-1), DayLabel::Near);
    assert_eq!(day_label(400), DayLabel::Far);
    assert_eq!(day_label(-2), DayLabel::Far);
}

#[test]
fn thousands_are_grouped() {
    for (n, written) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(texts(Locale::ENGLISH).number(n), written);
    }
}

#[test]
fn a_date_field_gives_a_day_once_its_year_is_typed() {
    assert_eq!(time::parts("2026-11-04"), Some((2026, 11, 4)));
    for typed in ["", "0020-11-04", "2026-11", "2026-x-04", "x"] {
        assert_eq!(time::parts(typed), None, "{typed}");
    }
}

#[test]
fn the_language_menu_has_every_file() {
    let menu: Vec<_> = Locale::ALL.iter().map(|locale| (locale.tag(), locale.name())).collect();
    assert_eq!(menu, [("en", "English"), ("zh-CN", "简体中文")]);
    assert_eq!(Locale::default().tag(), "en");
}

#[test]
fn a_tag_gets_the_closest_language() {
    for (tag, found) in [
        ("en", Some("en")),
        ("en-GB", Some("en")),
        ("zh", Some("zh-CN")),
        ("ZH-cn", Some("zh-CN")),
        ("zh_TW", Some("zh-CN")),
        ("zh-Hant-HK", Some("zh-CN")),
        ("en-US@posix", Some("en")),
        ("zh@pinyin", Some("zh-CN")),
        ("zh_CN.UTF-8", Some("zh-CN")),
        ("C.UTF-8", None),
        ("de", None),
        ("e", None),
        ("", None),
        ("-", None),
    ] {
        assert_eq!(Locale::from_tag(tag).map(Locale::tag), found, "{tag}");
    }
    let tags = ["en", "pt", "pt-BR", "zh-CN", "zh-Hant"];
    for (tag, at) in [("pt-BR", 2), ("pt-PT", 1), ("zh-Hant-HK", 4), ("zh-SG", 3), ("en-x-any", 0)] {
        assert_eq!(closest(&tags, tag), Some(at), "{tag}");
    }
}

#[test]
fn a_text_is_split_at_its_arguments() {
    let split = |text| pieces(text).collect::<Vec<_>>();
    assert_eq!(split("a {{ b }}c"), [Piece::Text("a "), Piece::Argument("b"), Piece::Text("c")]);
    assert_eq!(split("{{a}}{{b}}"), [Piece::Argument("a"), Piece::Argument("b")]);
    assert_eq!(split("a {{b"), [Piece::Text("a "), Piece::Text("{{b")]);
    assert_eq!(split(""), []);
}
