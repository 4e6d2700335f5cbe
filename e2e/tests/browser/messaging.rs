//! Two browsers exchange messages, show each other's joins and leaves, and reconnect after the server restarts.

use std::time::Duration;

use parlour_e2e::{
    Browser, Page, Server, TestContext, View, WindowOptions, browser_test, browser_test_in_each, eventually,
    keys,
};

/// Two logged-in pages that list each other: Tom's in English in Chromium, Lili's in Chinese in the test's browser.
async fn open_tom_and_lili(test: &TestContext, server: &Server) -> (Page, Page) {
    let tom = test.open_in(Browser::Chromium, "tom", &server.url()).await;
    let lili = test.open_blank("lili", WindowOptions { language: "zh-CN" }).await;
    lili.goto(&server.url()).await;
    tom.log_in("tom").await;
    lili.log_in("丽丽").await;
    tom.until("Lili has joined", |view| view.lists("丽丽") && view.presence_sentences("丽丽", "joined") == 1)
        .await;
    lili.until("Tom is listed", |view| view.lists("tom") && view.lists("丽丽")).await;
    (tom, lili)
}

async fn both_show(pages: [&Page; 2], text: &str) {
    for page in pages {
        page.until(&format!("{text:.40} once, and sent"), |view| view.has_sent(text)).await;
    }
}

#[test]
fn two_browsers_exchange_messages_in_two_languages() {
    browser_test_in_each("two_browsers_exchange_messages_in_two_languages", async |test| {
        let server = Server::start();
        let (tom, lili) = open_tom_and_lili(test, &server).await;
        let view = tom.view().await;
        assert_eq!((&*view.lang, view.member_count.as_deref()), ("en", Some("2")));
        assert_eq!(lili.view().await.lang, "zh-CN");
        tom.until("a round trip", |view| view.round_trip.is_some()).await;

        tom.send_and_wait("Hello, Lili!").await;
        lili.until("his message under his nick", |view| {
            matches!(view.messages_with("Hello, Lili!")[..], [row] if row.nick.as_deref() == Some("tom") && !row.own)
        })
        .await;
        lili.send_and_wait("你好，世界！").await;
        tom.until("her message under her nick", |view| {
            matches!(view.messages_with("你好，世界！")[..], [row] if row.nick.as_deref() == Some("丽丽") && !row.own)
        })
        .await;

        let emoji = "👋🏽 👨‍👩‍👧‍👦 🇨🇳 ❤️ 🦀";
        lili.send_and_wait(emoji).await;
        let markup = "<b>not bold</b> & <script>alert(1)</script> https://example.org/?a=1&b=2";
        tom.send_and_wait(markup).await;
        let spaced = "  two  spaces,\ta tab, and \u{202E}turned round";
        lili.send_and_wait(spaced).await;
        for text in [emoji, markup, spaced] {
            both_show([&tom, &lili], text).await;
        }
        // Every character is different, so a missing or displaced one is detected.
        let long: String = (0..2_000).map(|n| char::from_u32(0x4E00 + n).unwrap()).collect();
        tom.send_and_wait(&long).await;
        both_show([&tom, &lili], &long).await;

        tom.fill("#composer-text", "first line").await;
        tom.press(keys::SHIFT_ENTER).await;
        tom.type_text("second line").await;
        let lines = "first line\nsecond line";
        tom.until("two lines that are not sent", |view| view.composer.as_deref() == Some(lines)).await;
        assert!(tom.view().await.messages_with(lines).is_empty(), "Shift+Enter does not send");
        tom.click("#composer-send").await;
        both_show([&tom, &lili], lines).await;

        let [of_tom, of_lili] = [tom.read_all_contents().await, lili.read_all_contents().await];
        assert_eq!(of_tom, of_lili, "both have the same messages in the same order");
        tom.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        tom.until("the day row", |view| !view.row_texts("day").is_empty()).await;
    });
}

#[test]
fn joins_and_leaves_are_shown_once() {
    browser_test("joins_and_leaves_are_shown_once", async |test| {
        let server = Server::start();
        let (tom, lili) = open_tom_and_lili(test, &server).await;
        let carol = test.open("carol", &server.url()).await;
        carol.log_in("carol").await;
        for (page, joined) in [(&tom, "joined"), (&lili, "加入")] {
            page.until("Carol has joined", |v| {
                v.lists("carol") && v.presence_sentences("carol", joined) == 1
            })
            .await;
        }
        // A message between join and leave, which would be merged into one row otherwise.
        carol.send_and_wait("I have to go").await;
        both_show([&tom, &lili], "I have to go").await;

        // The browser is closed without giving the page time to react.
        carol.close().await;
        for (page, left) in [(&tom, "left"), (&lili, "离开")] {
            page.until("Carol has left", |v| !v.lists("carol") && v.presence_sentences("carol", left) == 1)
                .await;
        }

        lili.send_and_wait("再见").await;
        both_show([&tom, &lili], "再见").await;
        lili.click("#exit").await;
        lili.until("the login page", |view| view.login && !view.room).await;
        let name: String = lili.eval("return document.querySelector('#login-nick').value", vec![]).await;
        assert_eq!(name, "丽丽");
        tom.until("Lili has left", |v| !v.lists("丽丽") && v.presence_sentences("丽丽", "left") == 1).await;
        // Messages are ordered: a duplicate leave would have arrived before this message.
        tom.send_and_wait("All alone").await;
        let view = tom.view().await;
        assert_eq!(
            (view.presence_sentences("丽丽", "left"), view.presence_sentences("carol", "left")),
            (1, 1)
        );
        assert_eq!(view.members, ["tom"]);

        lili.log_in("丽丽").await;
        tom.until("Lili has joined", |v| v.lists("丽丽") && v.presence_sentences("丽丽", "joined") == 2)
            .await;
        lili.send("/exit").await;
        lili.until("the login page", |view| view.login && !view.room).await;
        tom.until("Lili has left", |view| !view.lists("丽丽")).await;
    });
}

#[test]
fn unread_messages_are_counted_in_the_title() {
    browser_test("unread_messages_are_counted_in_the_title", async |test| {
        let server = Server::start();
        let (tom, lili) = open_tom_and_lili(test, &server).await;
        let title = lili.view().await.title;
        lili.minimize().await;
        tom.send_and_wait("Are you there?").await;
        tom.send_and_wait("Lili?").await;
        lili.until("two unread", |view| view.title == format!("(2) {title}")).await;
        lili.restore().await;
        lili.until("nothing unread", |view| view.title == title && view.has_sent("Lili?")).await;
    });
}

fn counts_down(view: &View) -> bool {
    let words = view.connection_text.as_deref().unwrap_or_default();
    view.connection.as_deref() == Some("reconnecting")
        && view.retry_now
        && words.chars().any(|c| c.is_ascii_digit())
}

/// The displayed number of seconds until the next attempt.
fn seconds(view: &View) -> Option<u32> {
    let words = view.connection_text.as_deref().filter(|_| counts_down(view))?;
    let digits = |c: &char| c.is_ascii_digit();
    words.chars().skip_while(|c| !digits(c)).take_while(digits).collect::<String>().parse().ok()
}

/// Records every height with which the connection bar is drawn.
const BAR_HEIGHTS: &str = "const bar = document.querySelector('#connection');
    window.barHeights = new Set();
    new ResizeObserver(() => window.barHeights.add(bar.getBoundingClientRect().height)).observe(bar);
    return true;";

#[test]
fn pages_reconnect_after_a_server_restart() {
    browser_test("pages_reconnect_after_a_server_restart", async |test| {
        let mut server = Server::start();
        let (tom, lili) = open_tom_and_lili(test, &server).await;
        for page in [&tom, &lili] {
            page.expect_lost_connections();
        }
        tom.send_and_wait("before").await;
        both_show([&tom, &lili], "before").await;

        server.stop().await;
        for page in [&tom, &lili] {
            page.until("it counts down to the next attempt", counts_down).await;
        }
        for page in [&tom, &lili] {
            page.until("it still counts down", counts_down).await;
        }
        server.restart();
        for page in [&tom, &lili] {
            page.until("reconnected automatically", View::online).await;
            page.until("both are listed", |view| view.lists("tom") && view.lists("丽丽")).await;
        }
        lili.send_and_wait("after the restart").await;
        both_show([&tom, &lili], "after the restart").await;

        lili.resize(390, 844).await;
        server.kill();
        for page in [&tom, &lili] {
            page.until("it counts down", counts_down).await;
            let _: Option<bool> = page.eval(BAR_HEIGHTS, vec![]).await;
        }
        tom.send("written meanwhile").await;
        let pending =
            tom.until("it is queued", |view| view.has_in_state("written meanwhile", "queued")).await;
        assert!(pending.note.is_some(), "the composer has a note about it");
        // Long waits, so that the pages' own attempts cannot cause the reconnections below.
        eventually("two long waits", async || {
            let waits = [seconds(&tom.view().await), seconds(&lili.view().await)];
            if waits.iter().all(|wait| *wait >= Some(4)) { Ok(()) } else { Err(format!("{waits:?}")) }
        })
        .await;
        for page in [&tom, &lili] {
            let heights: Vec<f64> = page.eval("return [...window.barHeights]", vec![]).await;
            assert_eq!(heights.len(), 1, "the bar's height changes between attempts: {heights:?}");
        }
        server.restart();
        lili.click("#retry-now").await;
        lili.until_within(Duration::from_secs(2), "reconnected at once", View::online).await;
        tom.until("reconnected automatically", View::online).await;
        both_show([&tom, &lili], "written meanwhile").await;
        tom.send_and_wait("and on").await;
        both_show([&tom, &lili], "and on").await;

        let [of_tom, of_lili] = [tom.view().await, lili.view().await];
        let expected = ["before", "after the restart", "written meanwhile", "and on"];
        assert_eq!(of_tom.contents(), expected, "no message lost or duplicated");
        assert_eq!(of_lili.contents(), expected, "no message lost or duplicated");
    });
}
