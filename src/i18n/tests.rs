use super::{
    time::{DayWord, day_word},
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

#[test]
fn every_status_has_words_of_its_language() {
    for locale in Locale::ALL {
        for status in Status::ALL.iter().chain(&[Status::Other(4999)]) {
            let words = (texts(locale).status)(*status);
            assert!(words.ends_with(['.', '。']) && words.chars().count() >= 5, "{locale:?} {status:?}");
            let chinese = words.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c));
            assert_eq!(chinese, locale == Locale::Zh, "{status:?}: {words}");
        }
    }
}

#[test]
fn numbers_and_nouns_agree() {
    let (en, zh) = (texts(Locale::En), texts(Locale::Zh));
    assert_eq!((en.people_count)(1), "1 person");
    assert_eq!((en.people_count)(0), "0 people");
    assert_eq!((en.people_count)(12_345), "12,345 people");
    assert_eq!((zh.people_count)(1), "1 人");
    assert_eq!((en.jump)(0), "To the latest");
    assert_eq!((en.jump)(1), "1 new message");
    assert_eq!((en.jump)(2), "2 new messages");
    assert_eq!((zh.jump)(2), "2 条新消息");
    assert_eq!((en.retry_in)(1), "Trying again in 1 second.");
    assert_eq!(
        (en.wait)(Status::RateLimited, 1),
        "You are ahead of the server’s limit. Sending goes on in 1 second."
    );
    assert_eq!(
        (en.wait)(Status::LogUnavailable, 2),
        "The server can't store messages at the moment. Sending goes on in 2 seconds."
    );
    assert_eq!((zh.wait)(Status::RateLimited, 2), "发送太快了，2 秒后继续发送。");
    assert_eq!((zh.wait)(Status::LogUnavailable, 2), "服务器暂时无法保存消息，2 秒后继续发送。");
    assert_eq!((en.too_long)(1), "Too long by 1 byte. Shorten it, or send it in parts.");
}

#[test]
fn comings_and_goings_are_sentences() {
    let (en, zh) = (texts(Locale::En), texts(Locale::Zh));
    let many = nicks(&["Ann", "Bo", "Cy", "Di"]);
    for (n, english, chinese) in [
        (1, "Ann joined", "Ann 加入了房间"),
        (2, "Ann and Bo joined", "Ann、Bo 加入了房间"),
        (3, "Ann, Bo and Cy joined", "Ann、Bo、Cy 加入了房间"),
        (4, "Ann, Bo and 2 others joined", "Ann、Bo 等 4 人加入了房间"),
    ] {
        assert_eq!(text(&(en.moved)(&many[..n], n, true)), english);
        assert_eq!(text(&(zh.moved)(&many[..n], n, true)), chinese);
    }
    assert_eq!(text(&(en.moved)(&[], 12, false)), "12 people left");
    assert_eq!(text(&(zh.moved)(&[], 12, false)), "12 人离开了房间");
    assert_eq!(text(&(en.moved)(&many, 1003, false)), "Ann, Bo and 1,001 others left");
}

#[test]
fn a_movement_says_who_came_and_who_went() {
    let movement =
        Movement { joined: nicks(&["Ann"]), left: nicks(&["Bo"]), more_left: 4, ..Movement::default() };
    let said: Vec<_> = texts(Locale::En).movement(&movement).iter().map(|parts| text(parts)).collect();
    assert_eq!(said, ["Ann joined", "Bo and 4 others left"]);
    assert!(texts(Locale::En).movement(&Movement::default()).is_empty());
}

#[test]
fn who_is_there() {
    let (en, zh) = (texts(Locale::En), texts(Locale::Zh));
    assert_eq!(text(&(en.who)(&nicks(&["Ann"]), 0)), "One person is here: Ann");
    assert_eq!(text(&(en.who)(&nicks(&["Ann", "Bo"]), 0)), "2 people are here: Ann and Bo");
    assert_eq!(text(&(en.who)(&nicks(&["Ann", "Bo"]), 3)), "5 people are here: Ann, Bo and 3 more");
    assert_eq!(text(&(zh.who)(&nicks(&["小李", "小王"]), 3)), "房间里有 5 人：小李、小王，另有 3 人");
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
