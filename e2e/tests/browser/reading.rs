//! Scroll position: the view stays at the end, or at the scroll anchor, whatever else changes; in every browser.

use parlour_e2e::{
    DesktopPeer, Page, RoomVisits, Server, TestContext, WindowOptions, browser_test, browser_test_in_each,
    scroll_test_in_each,
};
use serde_json::json;

/// A room with more messages than fit into the viewport, and a page at its end.
async fn full_room(test: &TestContext, visits: &RoomVisits, server: &Server) -> (Page, DesktopPeer) {
    let mut lili = DesktopPeer::connect(server.address(), "lili");
    for n in 0..240 {
        lili.send(&line(n));
    }
    let last = format!("lili:{}", line(239));
    lili.until("the echo of the last line", |seen| seen.lines.contains(&last)).await;
    let page = test.open("tom", &server.url()).await;
    page.resize(1280, 800).await;
    page.log_in("tom").await;
    page.until("the newest message", |view| view.has_sent(&line(239))).await;
    page.until_at_end().await;
    visits.prepare(&page).await;
    (page, lili)
}

/// Many lines wrap on a narrow screen such as a phone's, and some on any screen.
fn line(n: usize) -> String {
    let more = ", and some more words about nothing in particular".repeat(n % 3);
    format!("Line {n}, long enough to be broken in two on a screen as narrow as that of a phone{more}.")
}

/// Scrolls up to messages that have not been loaded yet.
async fn scroll_to_older(page: &Page) {
    let shift = page.scroll_up(40.0, 80).await;
    assert!(shift <= 1.0, "a row shifted by {shift} px beyond the scrolled distance");
    page.until("the jump button", |view| view.jump).await;
}

/// Asserts that `act` does not move the scroll anchor, nor does a visit to another room after it.
async fn assert_anchor_stays(page: &Page, visits: &RoomVisits, what: &str, act: impl AsyncFnOnce()) {
    page.watch_anchor().await;
    act().await;
    let shift = page.anchor_shift().await;
    assert!(shift <= 1.0, "the scroll anchor moved by {shift} px: {what}");
    visits.visit(page).await;
}

/// Runs a script inside one frame, as the page makes its own changes, so that no intermediate state is drawn.
async fn change(page: &Page, script: &str) {
    let script =
        format!("return new Promise((done) => requestAnimationFrame(() => {{ {script}; done(); }}))");
    page.eval::<()>(&script, vec![]).await;
}

/// Resizes the viewport.
async fn resize(page: &Page, width: u32, height: u32) {
    page.resize(width, height).await;
    // Wait until it is drawn.
    page.stable_value("document.querySelector('#timeline').scrollTop").await;
}

#[test]
fn view_at_the_end_stays_at_the_end() {
    scroll_test_in_each("view_at_the_end_stays_at_the_end", async |test, visits| {
        let server = Server::start_with(&["--burst", "1000"]);
        let (page, mut lili) = full_room(test, visits, &server).await;
        lili.send("one more");
        page.until("the message", |view| view.has_sent("one more")).await;
        page.until_at_end().await;
        visits.visit(&page).await;
        for (width, height) in [(390, 844), (844, 390), (1280, 800), (1280, 400)] {
            page.resize(width, height).await;
            page.until_at_end().await;
            assert!(!page.view().await.jump, "no jump button on {width} by {height}");
            visits.visit(&page).await;
        }
        page.resize(1280, 800).await;
        for grow in [LARGER_FONT, "document.querySelector('.row.message').style.paddingTop = '90px'"] {
            page.eval::<()>(grow, vec![]).await;
            page.until_at_end().await;
        }
        for n in 0..300 {
            lili.send(&line(1000 + n));
        }
        visits.visit(&page).await;
        page.until("all messages", |view| view.has_sent(&line(1299))).await;
        page.until_at_end().await;
    });
}

#[test]
fn view_at_the_end_survives_sizes_that_change_back() {
    scroll_test_in_each("view_at_the_end_survives_sizes_that_change_back", async |test, visits| {
        let server = Server::start_with(&["--burst", "1000"]);
        let (page, _lili) = full_room(test, visits, &server).await;
        // A growing viewport at its end is scrolled up by the browser. It shrinks again before the page is told.
        let grow_and_shrink = "const [timeline, composer] = [...document.querySelectorAll('#timeline, #composer')]; \
            composer.style.display = 'none'; timeline.scrollHeight; composer.style.display = '';";
        // At the same time all rows grow, so that the end is far below.
        let grow_rows =
            "document.querySelectorAll('.row.message').forEach((row) => row.style.paddingTop = '30px')";
        page.eval::<()>(&format!("{grow_and_shrink} {grow_rows}"), vec![]).await;
        page.stable_value("document.querySelector('#timeline').scrollTop").await;
        page.until_at_end().await;
        assert!(!page.view().await.jump, "the view is at the end");
        visits.visit(&page).await;
    });
}

#[test]
fn slow_scroll_up_is_exact_when_the_rows_above_are_lower_than_estimated() {
    let name = "slow_scroll_up_is_exact_when_the_rows_above_are_lower_than_estimated";
    browser_test_in_each(name, async |test| {
        let server = Server::start_without_rate_limit();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        let text = |n: usize| format!("Text {n} {}", "with many words in it ".repeat(25).trim_end());
        (0..100).for_each(|n| lili.send(&text(n)));
        let last = format!("lili:{}", text(99));
        lili.until("the echo of the last text", |seen| seen.lines.contains(&last)).await;
        let page = test.open("tom", &server.url()).await;
        page.resize(1280, 800).await;
        page.log_in("tom").await;
        // The browser scrolls by itself while the rows are laid out, when the content is too low for the scroll position.
        for size_px in [4, 6, 9, 11] {
            page.reload().await;
            page.eval::<()>(SMALL_TEXTS, vec![size_px.into()]).await;
            page.until("the newest text", |view| view.has_sent(&text(99))).await;
            page.until_at_end().await;
            let shift = page.scroll_up(10.0, 80).await;
            assert!(shift <= 1.0, "{size_px} px: a row shifted by {shift} px beyond the scrolled distance");
        }
    });
}

/// Makes texts lower than the timeline estimates from their length.
const SMALL_TEXTS: &str = "document.styleSheets[0].insertRule(`#timeline .content { font-size: ${arguments[0]}px !important; line-height: 1.25 !important }`)";

#[test]
fn slow_scroll_up_is_not_pulled_back_by_new_messages() {
    scroll_test_in_each("slow_scroll_up_is_not_pulled_back_by_new_messages", async |test, visits| {
        let server = Server::start_with(&["--burst", "1000"]);
        let (page, mut lili) = full_room(test, visits, &server).await;
        for round in 0..8 {
            // Some messages arrive while the view is still near the end.
            for n in 0..20 {
                lili.send(&line(1000 + 20 * round + n));
            }
            let shift = page.scroll_up(2.0, 40).await;
            assert!(shift <= 1.0, "a row shifted by {shift} px beyond the scrolled distance");
            page.until("the jump button", |view| view.jump).await;
            visits.visit(&page).await;
            page.until("the jump button", |view| view.jump).await;
            page.click("#jump-to-end").await;
            page.until_at_end().await;
            page.until("no jump button", |view| !view.jump).await;
            visits.visit(&page).await;
        }
        // A small distance still counts as the end.
        page.scroll_up(2.0, 10).await;
        page.until("no jump button", |view| !view.jump).await;
        lili.send("the newest");
        page.until("the message", |view| view.has_sent("the newest")).await;
        page.until_at_end().await;
    });
}

/// Same effect as a loaded font or a zoomed page.
const LARGER_FONT: &str = "document.documentElement.style.fontSize = '19px'";

#[test]
fn scroll_anchor_keeps_its_position() {
    scroll_test_in_each("scroll_anchor_keeps_its_position", async |test, visits| {
        let server = Server::start_with(&["--burst", "1000"]);
        let (page, mut lili) = full_room(test, visits, &server).await;
        scroll_to_older(&page).await;
        assert_anchor_stays(&page, visits, "new messages arrived", async || {
            for n in 0..5 {
                lili.send(&format!("News {n}"));
            }
            let words = "return /5 new/.test(document.querySelector('#jump-to-end').innerText)";
            page.until_true("the new messages are counted", words).await;
        })
        .await;
        assert_anchor_stays(&page, visits, "a row above it grew", async || {
            change(&page, "document.querySelector('.row.message').style.paddingTop = '90px'").await;
        })
        .await;
        assert_anchor_stays(&page, visits, "a row above it shrank", async || {
            change(&page, "document.querySelector('.row.message').style.paddingTop = ''").await;
        })
        .await;
        assert_anchor_stays(&page, visits, "the font size grew", async || change(&page, LARGER_FONT).await)
            .await;
        assert_anchor_stays(&page, visits, "an on-screen keyboard opened", async || {
            resize(&page, 1280, 420).await
        })
        .await;
        assert_anchor_stays(&page, visits, "the on-screen keyboard closed", async || {
            resize(&page, 1280, 800).await
        })
        .await;
        assert_anchor_stays(&page, visits, "the viewport became narrow", async || {
            resize(&page, 390, 800).await
        })
        .await;
        assert_anchor_stays(&page, visits, "the device was rotated", async || resize(&page, 844, 390).await)
            .await;
        // A fast scroll through all older messages, some not loaded yet, while new messages arrive.
        resize(&page, 1280, 800).await;
        for n in 0..60 {
            lili.send(&format!("Meanwhile {n}"));
        }
        let shift = page.scroll_up(70.0, 400).await;
        assert!(shift <= 1.0, "a row shifted by {shift} px beyond the scrolled distance");
        visits.visit(&page).await;

        page.click("#jump-to-end").await;
        page.until_at_end().await;
        page.until("no jump button", |view| !view.jump).await;
        // One's own message is scrolled into view from anywhere.
        scroll_to_older(&page).await;
        page.send_and_wait("an answer").await;
        page.until_at_end().await;
    });
}

/// The top of the row of the long message in the viewport, its height, and the height of the viewport.
const LONG_ROW: &str = "
    const row = document.querySelector('.item.long'), viewport = document.querySelector('#timeline');
    const { top, height } = row.getBoundingClientRect();
    return [top - viewport.getBoundingClientRect().top, height, viewport.clientHeight];
";

#[test]
fn message_taller_than_a_screenful_is_collapsed() {
    scroll_test_in_each("message_taller_than_a_screenful_is_collapsed", async |test, visits| {
        let server = Server::start_without_rate_limit();
        let (page, mut lili) = full_room(test, visits, &server).await;
        let long = vec!["x"; 8_000].join("\n");
        let write = "const field = document.querySelector('#composer-text'); field.value = arguments[0]; \
            field.dispatchEvent(new InputEvent('input', { bubbles: true }));";
        page.eval::<()>(write, vec![long.as_str().into()]).await;
        page.click("#composer-send").await;
        page.until("the whole text is in the document", |view| view.has_sent(&long)).await;
        page.until_at_end().await;
        let position = async || page.eval::<[f64; 3]>(LONG_ROW, vec![]).await;
        let [before, collapsed, screen] = position().await;
        assert!(collapsed < screen, "{collapsed} px is more than a screen of {screen} px");

        // Its beginning stays where it is, though the viewport was at the end.
        let is_tall = "return document.querySelector('.item.long').offsetHeight > 100000";
        page.click(".long .expand").await;
        page.until_true("all of it is shown", is_tall).await;
        page.stable_value("document.querySelector('#timeline').scrollTop").await;
        let [after, ..] = position().await;
        assert!((after - before).abs() <= 1.0, "the message moved from {before} to {after}");
        page.until("the jump button", |view| view.jump).await;
        visits.visit(&page).await;
        let [after, ..] = position().await;
        assert!((after - before).abs() <= 1.0, "the message moved from {before} to {after}");

        // It is still expanded after it was out of the document.
        page.eval::<()>("document.activeElement.blur()", vec![]).await;
        page.eval::<()>("document.querySelector('#timeline').scrollTop -= 6000", vec![]).await;
        page.until_true("it is not in the document", "return !document.querySelector('.item.long')").await;
        page.click("#jump-to-end").await;
        page.until_at_end().await;
        page.until_true("it is expanded", is_tall).await;

        // In the middle of it the button is at hand, and brings the collapsed message into view.
        page.eval::<()>("document.querySelector('#timeline').scrollTop -= 50000", vec![]).await;
        page.until("the jump button", |view| view.jump).await;
        page.stable_value("document.querySelector('#timeline').scrollTop").await;
        let [before, ..] = position().await;
        lili.send("meanwhile");
        let counted = "return /1 new/.test(document.querySelector('#jump-to-end').innerText)";
        page.until_true("the new message is counted", counted).await;
        visits.visit(&page).await;
        page.stable_value("document.querySelector('#timeline').scrollTop").await;
        let [after, ..] = position().await;
        assert!((after - before).abs() <= 1.0, "the message moved from {before} to {after}");
        page.click(".long .expand").await;
        page.until_true("it is collapsed", "return !!document.querySelector('.item.collapsed')").await;
        page.stable_value("document.querySelector('#timeline').scrollTop").await;
        let [top, height, screen] = position().await;
        assert!(top >= -1.0 && top + height <= screen + 1.0, "{height} px from {top} px in {screen} px");
        let at_end = "const { scrollTop, clientHeight, scrollHeight } = document.querySelector('#timeline'); \
            return (scrollTop + clientHeight > scrollHeight - 2) === !document.querySelector('#jump-to-end')";
        page.until_true("the button to jump to the end is there unless the view is at the end", at_end).await;
    });
}

#[test]
fn days_and_times_follow_the_time_zone() {
    browser_test("days_and_times_follow_the_time_zone", async |test| {
        // From 22:13:20 UTC on a Tuesday.
        let server = Server::start_with_history(5, |n| format!("Line {n}"));
        let page = test.open_blank("tom", WindowOptions::default()).await;
        let set_zone = async |zone: &str| {
            page.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
        };
        set_zone("UTC").await;
        page.goto(&server.url()).await;
        page.log_in("tom").await;
        page.until("the newest message", |view| view.has_sent("Line 4")).await;
        let until = async |days: &str, time: &str| {
            let script = format!(
                "const texts = (selector) => [...document.querySelectorAll(selector)].map((e) => e.textContent);
                 const days = texts('#timeline .day').join();
                 const last = [...document.querySelectorAll('.message')].find((e) => e.textContent.includes('Line 4'));
                 const time = last.querySelector('time').textContent.replace(/\\s/, ' ');
                 return (days.endsWith('{days}') && time === '{time}') || [days, time]"
            );
            page.until_true(&format!("{days} at {time}"), &script).await;
        };
        until("November 14, 2023", "10:14 PM").await;
        set_zone("Asia/Tokyo").await;
        until("November 15, 2023", "7:14 AM").await;
        // A message written in the new zone is the only one of today.
        page.send_and_wait("now").await;
        until("November 15, 2023,Today", "7:14 AM").await;
        set_zone("America/Los_Angeles").await;
        until("November 14, 2023,Today", "2:14 PM").await;
    });
}
