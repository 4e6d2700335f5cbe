//! Two windows talk, see each other come and go, and outlive the server.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use parlour_e2e::{Browser, Page, Server, Stage, View, Window, eventually, keys, stage, stage_in_each};

/// Two pages in the room, of which each sees the other: Tom's in English and in Chromium, Lili's in Chinese and in the
/// test's browser.
async fn tom_and_lili(stage: &Stage, server: &Server) -> (Page, Page) {
    let tom = stage.open_in(Browser::Chromium, "tom", &server.url()).await;
    let lili = stage.window("lili", Window { language: "zh-CN" }).await;
    lili.goto(&server.url()).await;
    tom.log_in("tom").await;
    lili.log_in("丽丽").await;
    tom.until("Lili comes in", |view| view.lists("丽丽") && view.movements("丽丽", "joined") == 1).await;
    lili.until("Tom is there", |view| view.lists("tom") && view.lists("丽丽")).await;
    (tom, lili)
}

async fn both_see(pages: [&Page; 2], text: &str) {
    for page in pages {
        page.until(&format!("{text:.40} once, and sent"), |view| view.has(text)).await;
    }
}

#[test]
fn two_windows_talk_in_two_languages() {
    stage_in_each("two_windows_talk_in_two_languages", async |stage| {
        let server = Server::start();
        let (tom, lili) = tom_and_lili(stage, &server).await;
        let view = tom.look().await;
        assert_eq!((&*view.lang, view.roster_count.as_deref()), ("en", Some("2")));
        assert_eq!(lili.look().await.lang, "zh-CN");
        tom.until("a round trip", |view| view.round_trip.is_some()).await;

        tom.say_and_see("Hello, Lili!").await;
        lili.until("his words, under his name", |view| {
            matches!(view.said("Hello, Lili!")[..], [row] if row.nick.as_deref() == Some("tom") && !row.own)
        })
        .await;
        lili.say_and_see("你好，世界！").await;
        tom.until("her words, under her name", |view| {
            matches!(view.said("你好，世界！")[..], [row] if row.nick.as_deref() == Some("丽丽") && !row.own)
        })
        .await;

        let emoji = "👋🏽 👨‍👩‍👧‍👦 🇨🇳 ❤️ 🦀";
        lili.say_and_see(emoji).await;
        let markup = "<b>not bold</b> & <script>alert(1)</script> **stars** https://example.org/?a=1&b=2";
        tom.say_and_see(markup).await;
        let spaced = "  two  spaces,\ta tab, and \u{202E}turned round";
        lili.say_and_see(spaced).await;
        for text in [emoji, markup, spaced] {
            both_see([&tom, &lili], text).await;
        }
        // Every character has its own place in it, so one that is missing or moved shows.
        let long: String = (0..2_000).map(|n| char::from_u32(0x4E00 + n).unwrap()).collect();
        tom.say_and_see(&long).await;
        both_see([&tom, &lili], &long).await;

        tom.fill("#composer-text", "first line").await;
        tom.press(keys::SHIFT_ENTER).await;
        tom.type_text("second line").await;
        let lines = "first line\nsecond line";
        tom.until("two lines that are not sent", |view| view.composer.as_deref() == Some(lines)).await;
        assert!(tom.look().await.said(lines).is_empty(), "Shift+Enter does not send");
        tom.click("#composer-send").await;
        both_see([&tom, &lili], lines).await;

        let [told, heard] = [tom.read_contents().await, lili.read_contents().await];
        assert_eq!(told, heard, "both have the same messages in the same order");
        tom.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        tom.until("the day is told", |view| !view.lines("day").is_empty()).await;
    });
}

#[test]
fn comings_and_goings_are_seen_once() {
    stage("comings_and_goings_are_seen_once", async |stage| {
        let server = Server::start();
        let (tom, lili) = tom_and_lili(stage, &server).await;
        let carol = stage.open("carol", &server.url()).await;
        carol.log_in("carol").await;
        for (page, joined) in [(&tom, "joined"), (&lili, "加入")] {
            page.until("Carol comes in", |v| v.lists("carol") && v.movements("carol", joined) == 1).await;
        }
        // What is said stands between her coming and her going, which would be told together otherwise.
        carol.say_and_see("I have to go").await;
        both_see([&tom, &lili], "I have to go").await;

        // Her browser is closed; the page has no say in it.
        carol.close().await;
        for (page, left) in [(&tom, "left"), (&lili, "离开")] {
            page.until("Carol is gone", |v| !v.lists("carol") && v.movements("carol", left) == 1).await;
        }

        lili.say_and_see("再见").await;
        both_see([&tom, &lili], "再见").await;
        lili.click("#exit").await;
        lili.until("she is at the login page, with her name", |view| view.login && !view.room).await;
        let name: String = lili.eval("return document.querySelector('#login-nick').value", vec![]).await;
        assert_eq!(name, "丽丽");
        tom.until("Lili is gone", |v| !v.lists("丽丽") && v.movements("丽丽", "left") == 1).await;
        // What comes after it was sent after it: had it been told twice, both would be here by now.
        tom.say_and_see("All alone").await;
        let view = tom.look().await;
        assert_eq!((view.movements("丽丽", "left"), view.movements("carol", "left")), (1, 1));
        assert_eq!(view.roster, ["tom"]);

        lili.log_in("丽丽").await;
        tom.until("Lili comes in", |v| v.lists("丽丽") && v.movements("丽丽", "joined") == 2).await;
        lili.say("/exit").await;
        lili.until("the login page", |view| view.login && !view.room).await;
        tom.until("Lili is gone", |view| !view.lists("丽丽")).await;
    });
}

#[test]
fn what_is_unread_is_counted_in_the_title() {
    stage("what_is_unread_is_counted_in_the_title", async |stage| {
        let server = Server::start();
        let (tom, lili) = tom_and_lili(stage, &server).await;
        let title = lili.look().await.title;
        lili.look_away().await;
        tom.say_and_see("Are you there?").await;
        tom.say_and_see("Lili?").await;
        lili.until("two unread", |view| view.title == format!("(2) {title}")).await;
        lili.look_back().await;
        lili.until("nothing unread", |view| view.title == title && view.has("Lili?")).await;
    });
}

fn counts_down(view: &View) -> bool {
    let words = view.connection_text.as_deref().unwrap_or_default();
    view.connection.as_deref() == Some("reconnecting")
        && view.retry_now
        && words.chars().any(|c| c.is_ascii_digit())
}

/// How many seconds the page says it will wait.
fn seconds(view: &View) -> Option<u32> {
    let words = view.connection_text.as_deref().filter(|_| counts_down(view))?;
    let digits = |c: &char| c.is_ascii_digit();
    words.chars().skip_while(|c| !digits(c)).take_while(digits).collect::<String>().parse().ok()
}

/// Every height that the connection's bar is drawn with from now on.
const BAR_HEIGHTS: &str = "const bar = document.querySelector('#connection');
    window.barHeights = new Set();
    new ResizeObserver(() => window.barHeights.add(bar.getBoundingClientRect().height)).observe(bar);
    return true;";

#[test]
fn the_pages_outlive_the_server() {
    stage("the_pages_outlive_the_server", async |stage| {
        let mut server = Server::start();
        let (tom, lili) = tom_and_lili(stage, &server).await;
        for page in [&tom, &lili] {
            page.expect_lost_connections();
        }
        tom.say_and_see("before").await;
        both_see([&tom, &lili], "before").await;

        server.stop().await;
        for page in [&tom, &lili] {
            page.until("it counts down to the next attempt", counts_down).await;
        }
        for page in [&tom, &lili] {
            page.until("it still does", counts_down).await;
        }
        server.start_again();
        for page in [&tom, &lili] {
            page.until("back by itself", View::online).await;
            page.until("both on the list", |view| view.lists("tom") && view.lists("丽丽")).await;
        }
        lili.say_and_see("after the restart").await;
        both_see([&tom, &lili], "after the restart").await;

        lili.resize(390, 844).await;
        server.kill();
        for page in [&tom, &lili] {
            page.until("it counts down", counts_down).await;
            let _: Option<bool> = page.eval(BAR_HEIGHTS, vec![]).await;
        }
        tom.say("written meanwhile").await;
        let pending = tom.until("it waits", |view| view.has_as("written meanwhile", "queued")).await;
        assert!(pending.note.is_some(), "the composer says that it waits");
        // Long enough that it can't be the pages' own attempts that are seen below.
        eventually("two long waits", async || {
            let waits = [seconds(&tom.look().await), seconds(&lili.look().await)];
            if waits.iter().all(|wait| *wait >= Some(4)) { Ok(()) } else { Err(format!("{waits:?}")) }
        })
        .await;
        for page in [&tom, &lili] {
            let heights: Vec<f64> = page.eval("return [...window.barHeights]", vec![]).await;
            assert_eq!(heights.len(), 1, "the bar pushes the talk up and down between attempts: {heights:?}");
        }
        server.start_again();
        lili.click("#retry-now").await;
        lili.until_within(Duration::from_secs(2), "back at once", View::online).await;
        tom.until("back by himself", View::online).await;
        both_see([&tom, &lili], "written meanwhile").await;
        tom.say_and_see("and on").await;
        both_see([&tom, &lili], "and on").await;

        let [told, heard] = [tom.look().await, lili.look().await];
        let said = ["before", "after the restart", "written meanwhile", "and on"];
        assert_eq!(told.contents(), said, "nothing lost, nothing twice");
        assert_eq!(heard.contents(), said, "nothing lost, nothing twice");
    });
}
