//! Scroll position: the view stays at the end, or at the scroll anchor, whatever else changes; in every browser.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{DesktopPeer, Page, Server, TestContext, browser_test_in_each};

/// A room with more messages than fit into the viewport, and a page at its end.
async fn full_room(test: &TestContext, server: &Server) -> (Page, DesktopPeer) {
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

/// Asserts that `act` does not move the scroll anchor.
async fn assert_anchor_stays(page: &Page, what: &str, act: impl AsyncFnOnce()) {
    page.watch_anchor().await;
    act().await;
    let shift = page.anchor_shift().await;
    assert!(shift <= 1.0, "the scroll anchor moved by {shift} px: {what}");
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
    browser_test_in_each("view_at_the_end_stays_at_the_end", async |test| {
        let server = Server::start_with(&["--burst", "1000"]);
        let (page, mut lili) = full_room(test, &server).await;
        lili.send("one more");
        page.until("the message", |view| view.has_sent("one more")).await;
        page.until_at_end().await;
        for (width, height) in [(390, 844), (844, 390), (1280, 800), (1280, 400)] {
            page.resize(width, height).await;
            page.until_at_end().await;
            assert!(!page.view().await.jump, "no jump button on {width} by {height}");
        }
        page.resize(1280, 800).await;
        for grow in [LARGER_FONT, "document.querySelector('.row.message').style.paddingTop = '90px'"] {
            page.eval::<()>(grow, vec![]).await;
            page.until_at_end().await;
        }
        for n in 0..300 {
            lili.send(&line(1000 + n));
        }
        page.until("all messages", |view| view.has_sent(&line(1299))).await;
        page.until_at_end().await;
    });
}

#[test]
fn slow_scroll_up_is_not_pulled_back_by_new_messages() {
    browser_test_in_each("slow_scroll_up_is_not_pulled_back_by_new_messages", async |test| {
        let server = Server::start_with(&["--burst", "1000"]);
        let (page, mut lili) = full_room(test, &server).await;
        for round in 0..8 {
            // Some messages arrive while the view is still near the end.
            for n in 0..20 {
                lili.send(&line(1000 + 20 * round + n));
            }
            let shift = page.scroll_up(2.0, 40).await;
            assert!(shift <= 1.0, "a row shifted by {shift} px beyond the scrolled distance");
            page.until("the jump button", |view| view.jump).await;
            page.click("#jump-to-end").await;
            page.until_at_end().await;
            page.until("no jump button", |view| !view.jump).await;
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
    browser_test_in_each("scroll_anchor_keeps_its_position", async |test| {
        let server = Server::start_with(&["--burst", "1000"]);
        let (page, mut lili) = full_room(test, &server).await;
        scroll_to_older(&page).await;
        assert_anchor_stays(&page, "new messages arrived", async || {
            for n in 0..5 {
                lili.send(&format!("News {n}"));
            }
            let words = "return /5 new/.test(document.querySelector('#jump-to-end').innerText)";
            page.until_true("the new messages are counted", words).await;
        })
        .await;
        assert_anchor_stays(&page, "a row above it grew", async || {
            change(&page, "document.querySelector('.row.message').style.paddingTop = '90px'").await;
        })
        .await;
        assert_anchor_stays(&page, "a row above it shrank", async || {
            change(&page, "document.querySelector('.row.message').style.paddingTop = ''").await;
        })
        .await;
        assert_anchor_stays(&page, "the font size grew", async || change(&page, LARGER_FONT).await).await;
        assert_anchor_stays(&page, "an on-screen keyboard opened", async || resize(&page, 1280, 420).await)
            .await;
        assert_anchor_stays(&page, "the on-screen keyboard closed", async || resize(&page, 1280, 800).await)
            .await;
        assert_anchor_stays(&page, "the viewport became narrow", async || resize(&page, 390, 800).await)
            .await;
        assert_anchor_stays(&page, "the device was rotated", async || resize(&page, 844, 390).await).await;
        // A fast scroll through all older messages, some not loaded yet, while new messages arrive.
        resize(&page, 1280, 800).await;
        for n in 0..60 {
            lili.send(&format!("Meanwhile {n}"));
        }
        let shift = page.scroll_up(70.0, 400).await;
        assert!(shift <= 1.0, "a row shifted by {shift} px beyond the scrolled distance");

        page.click("#jump-to-end").await;
        page.until_at_end().await;
        page.until("no jump button", |view| !view.jump).await;
        // One's own message is scrolled into view from anywhere.
        scroll_to_older(&page).await;
        page.send_and_wait("an answer").await;
        page.until_at_end().await;
    });
}
