//! Texts stay where they are on the screen, or move as far as the reader scrolls, when something above or around them is loaded
//! or resized, even in the same frame.

mod rooms;

use std::collections::BTreeMap;

use parlour_e2e::{DesktopPeer, Page, RoomVisits, Server, TestContext, scroll_test, scroll_test_in_each};

/// Many lines wrap on a narrow screen such as a phone's.
fn line(n: usize) -> String {
    let more = ", and some more words about nothing in particular".repeat(n % 3);
    format!("Line {n}, long enough to be broken in two on a screen as narrow as that of a phone{more}.")
}

/// The tops of the texts that are in the viewport.
const TEXTS: &str = "
    const { top, bottom } = document.querySelector('#timeline').getBoundingClientRect();
    const texts = [...document.querySelectorAll('#timeline .content')]
        .map((e) => [e.textContent, e.getBoundingClientRect().top - top]);
    return Object.fromEntries(texts.filter(([, at]) => at >= 0 && at < bottom - top));
";

/// The first message in the document has no name any more: the message above it is loaded.
const ALL_CONTINUED: &str = "return document.querySelectorAll('.row.message:not(.continued)').length === 0";

/// A page at the end of a room with this number of messages. Requests for messages that are not loaded are held back.
async fn page_with_a_gap(
    test: &TestContext,
    visits: &RoomVisits,
    server: &Server,
    count: usize,
) -> (Page, DesktopPeer) {
    let lili = fill_room(server, count).await;
    let page = test.open_with_network_switch("tom", &server.url()).await;
    log_in(&page, visits, count).await;
    page.hold_history_requests().await;
    (page, lili)
}

/// Sends this number of messages. All are of one sender, so that the first message that is loaded loses its name once the
/// message above it is loaded.
async fn fill_room(server: &Server, count: usize) -> DesktopPeer {
    let mut lili = DesktopPeer::connect(server.address(), "lili");
    (0..count).for_each(|n| lili.send(&line(n)));
    let last = format!("lili:{}", line(count - 1));
    lili.until("the echo of the last line", |seen| seen.lines.contains(&last)).await;
    lili
}

/// Logs in to a room with this number of messages.
async fn log_in(page: &Page, visits: &RoomVisits, count: usize) {
    page.resize(1280, 800).await;
    page.log_in("tom").await;
    page.until("the newest message", |view| view.has_sent(&line(count - 1))).await;
    page.until_at_end().await;
    visits.prepare(page).await;
}

/// Scrolls up until the end of the gap is in the viewport, in this part of its height.
async fn scroll_to_the_end_of_the_gap(page: &Page, at: f64) {
    let scroll = "
        const viewport = document.querySelector('#timeline'), end = document.querySelector('.gap')?.getBoundingClientRect().bottom;
        const above = end ? viewport.getBoundingClientRect().top + viewport.clientHeight * AT - end : 300;
        viewport.scrollTop -= above;
        return (end && Math.abs(above) < 1) || above";
    page.until_true("the end of the gap", &scroll.replace("AT", &at.to_string())).await;
    page.stable_value("document.querySelector('#timeline').scrollTop").await;
}

/// Asserts that all texts that are in the viewport before and after `act` move down by this many pixels.
async fn assert_texts_move(page: &Page, down: f64, what: &str, act: impl AsyncFnOnce()) {
    page.stable_value("document.querySelector('#timeline').scrollTop").await;
    let before: BTreeMap<String, f64> = page.eval(TEXTS, vec![]).await;
    act().await;
    page.stable_value("document.querySelector('#timeline').scrollTop").await;
    let after: BTreeMap<String, f64> = page.eval(TEXTS, vec![]).await;
    let both: Vec<_> = before.iter().filter_map(|(text, top)| Some((text, after.get(text)? - top))).collect();
    assert!(!both.is_empty(), "{what}: {before:#?}");
    for (text, moved) in both {
        assert!((moved - down).abs() <= 1.0, "{what}: {text} moved by {moved} px instead of {down} px");
    }
}

#[test]
fn texts_stay_when_the_messages_above_them_are_loaded() {
    scroll_test("texts_stay_when_the_messages_above_them_are_loaded", async |test, visits| {
        let server = Server::start_without_rate_limit();
        let (page, _lili) = page_with_a_gap(test, visits, &server, 240).await;
        scroll_to_the_end_of_the_gap(&page, 0.3).await;
        visits.visit(&page).await;
        let first = "return document.querySelectorAll('.row.message:not(.continued)').length";
        assert_eq!(page.eval::<u32>(first, vec![]).await, 1, "the first message has a name");
        assert_texts_move(&page, 0.0, "loaded", async || {
            page.release_history_requests().await;
            page.until_true("the messages above are loaded", ALL_CONTINUED).await;
        })
        .await;
        visits.visit(&page).await;
    });
}

/// Holds back a new message, and behind it the page that was requested for the gap.
async fn hold_news_and_page(page: &Page, lili: &mut DesktopPeer) {
    page.hold_received().await;
    lili.send("news");
    page.until_received_held(1).await;
    page.release_history_requests().await;
    page.until_received_held(2).await;
}

#[test]
fn texts_stay_when_the_beginning_of_the_room_appears_above_them() {
    scroll_test("texts_stay_when_the_beginning_of_the_room_appears_above_them", async |test, visits| {
        let server = Server::start_without_rate_limit();
        let (page, mut lili) = page_with_a_gap(test, visits, &server, 140).await;
        scroll_to_the_end_of_the_gap(&page, 0.3).await;
        visits.visit(&page).await;
        assert_texts_move(&page, 60.0, "scrolled in each frame", async || {
            // A new message is rendered at once, and the page that arrives with it in the next frame, after a scroll.
            hold_news_and_page(&page, &mut lili).await;
            page.eval::<()>(
                "const viewport = document.querySelector('#timeline');
                 window.scrolled = 0;
                 const frame = () => {
                     viewport.scrollTop -= 1;
                     window.scrolled += 1;
                     if (window.scrolled < 60) requestAnimationFrame(frame);
                 };
                 requestAnimationFrame(frame);
                 testNetwork.deliverReceived();",
                vec![],
            )
            .await;
            page.until_true("it has scrolled", "return window.scrolled === 60").await;
            page.until_true("the beginning", "return !!document.querySelector('.beginning')").await;
        })
        .await;
        visits.visit(&page).await;
    });
}

#[test]
fn texts_stay_when_the_beginning_appears_before_the_event_of_a_scroll() {
    scroll_test(
        "texts_stay_when_the_beginning_appears_before_the_event_of_a_scroll",
        async |test, visits| {
            let server = Server::start_without_rate_limit();
            let (page, mut lili) = page_with_a_gap(test, visits, &server, 140).await;
            scroll_to_the_end_of_the_gap(&page, 0.3).await;
            visits.visit(&page).await;
            assert_texts_move(&page, 20.0, "scrolled once", async || {
            // The new message is rendered at once, so the page with the beginning waits for the next frame. The viewport is
            // scrolled between the two; the browser sends the event in the next frame.
            hold_news_and_page(&page, &mut lili).await;
            page.eval::<()>(
                "let left = 20;
                 testNetwork.deliverReceived(() => { document.querySelector('#timeline').scrollTop -= left; left = 0; });",
                vec![],
            )
            .await;
            page.until_true("the beginning", "return !!document.querySelector('.beginning')").await;
        })
        .await;
            visits.visit(&page).await;
        },
    );
}

#[test]
fn texts_below_a_gap_stay_when_its_messages_are_loaded() {
    scroll_test("texts_below_a_gap_stay_when_its_messages_are_loaded", async |test, visits| {
        let server = Server::start_without_rate_limit();
        let (page, _lili) = page_with_a_gap(test, visits, &server, 240).await;
        // Narrow, so that many messages are higher than estimated.
        page.resize(390, 1400).await;
        scroll_to_the_end_of_the_gap(&page, 0.8).await;
        visits.visit(&page).await;
        assert_texts_move(&page, 0.0, "loaded", async || {
            page.release_history_requests().await;
            page.until_true("the messages above are loaded", ALL_CONTINUED).await;
        })
        .await;
        visits.visit(&page).await;
    });
}

#[test]
fn scrolled_distance_counts_when_sizes_change_in_the_same_frame() {
    scroll_test_in_each(
        "scrolled_distance_counts_when_sizes_change_in_the_same_frame",
        async |test, visits| {
            let server = Server::start_without_rate_limit();
            let _lili = fill_room(&server, 80).await;
            let page = test.open("tom", &server.url()).await;
            log_in(&page, visits, 80).await;
            page.eval::<()>("document.querySelector('#timeline').scrollTop -= 1500", vec![]).await;
            page.until("the jump button", |view| view.jump).await;
            let changes = [
                ("a row above grew", "document.querySelector('.row.message').style.paddingTop = '90px'"),
                ("a row above shrank", "document.querySelector('.row.message').style.paddingTop = ''"),
                ("the viewport grew", "document.querySelector('#composer').style.display = 'none'"),
                ("the viewport shrank", "document.querySelector('#composer').style.display = ''"),
                ("a bar appeared", "document.querySelector('.timeline-frame').style.marginTop = '50px'"),
                ("the bar disappeared", "document.querySelector('.timeline-frame').style.marginTop = ''"),
            ];
            for (what, change) in changes {
                for down in [30.0, -30.0] {
                    // Outside of a frame: the browser sends the scroll event in the next one, before it reports sizes.
                    let script = format!("document.querySelector('#timeline').scrollTop -= {down}; {change}");
                    assert_texts_move(&page, down, what, async || page.eval::<()>(&script, vec![]).await)
                        .await;
                }
                visits.visit(&page).await;
            }
        },
    );
}

#[test]
fn reader_goes_to_the_beginning_right_after_scrolling() {
    scroll_test("reader_goes_to_the_beginning_right_after_scrolling", async |test, visits| {
        let server = Server::start_without_rate_limit();
        let (page, _lili) = page_with_a_gap(test, visits, &server, 240).await;
        page.release_history_requests().await;
        page.eval::<()>(
            "const viewport = document.querySelector('#timeline');
             viewport.scrollTop -= 500;
             viewport.dispatchEvent(new KeyboardEvent('keydown', { key: 'Home' }));",
            vec![],
        )
        .await;
        page.until_in_view(&line(0)).await;
        visits.visit(&page).await;
        page.eval::<()>(
            "const viewport = document.querySelector('#timeline');
             viewport.scrollTop += 500;
             viewport.scrollTop -= 10;
             viewport.dispatchEvent(new KeyboardEvent('keydown', { key: 'End' }));",
            vec![],
        )
        .await;
        page.until_at_end().await;
        page.until_in_view(&line(239)).await;
        visits.visit(&page).await;
    });
}

/// Jumps to the very top, as by dragging the scroll bar.
const JUMP_TO_THE_TOP: &str = "document.querySelector('#timeline').scrollTop = 0";

/// The viewport is at the very top.
const IS_AT_THE_TOP: &str = "return document.querySelector('#timeline').scrollTop === 0 || document.querySelector('#timeline').scrollTop";

#[test]
fn reader_jumps_to_rows_that_were_not_measured_yet() {
    scroll_test_in_each("reader_jumps_to_rows_that_were_not_measured_yet", async |test, visits| {
        let server = Server::start_without_rate_limit();
        // All of them are on the first page. The first row has a day line, and is therefore higher than estimated.
        let _lili = fill_room(&server, 45).await;
        let page = test.open("tom", &server.url()).await;
        log_in(&page, visits, 45).await;
        page.eval::<()>(JUMP_TO_THE_TOP, vec![]).await;
        page.until_in_view(&line(0)).await;
        page.stable_value("document.querySelector('#timeline').scrollTop").await;
        visits.visit(&page).await;
        page.until_true("the viewport is at the top", IS_AT_THE_TOP).await;
    });
}

#[test]
fn reader_jumps_to_a_small_gap_at_the_top() {
    scroll_test("reader_jumps_to_a_small_gap_at_the_top", async |test, visits| {
        let server = Server::start_without_rate_limit();
        // Above the first page a few messages are missing, fewer than fit on the screen.
        let (page, _lili) = page_with_a_gap(test, visits, &server, 54).await;
        page.eval::<()>(JUMP_TO_THE_TOP, vec![]).await;
        page.until_requests_held(1).await;
        page.until_in_view(&line(4)).await;
        visits.visit(&page).await;
        page.release_history_requests().await;
        page.until_true("the beginning", "return !!document.querySelector('.beginning')").await;
        page.until_in_view(&line(0)).await;
        page.stable_value("document.querySelector('#timeline').scrollTop").await;
        page.until_true("the viewport is at the top", IS_AT_THE_TOP).await;
    });
}

#[test]
fn tall_message_moves_by_the_scrolled_distance() {
    scroll_test("tall_message_moves_by_the_scrolled_distance", async |test, visits| {
        let server = Server::start_without_rate_limit();
        let (page, mut lili) = page_with_a_gap(test, visits, &server, 20).await;
        // Of another sender than the message above, so that it has a name.
        page.send_and_wait("before").await;
        lili.send(&vec!["x"; 8_000].join("\n"));
        page.until_true("the message", "return !!document.querySelector('.item.long')").await;
        page.click(".long .expand").await;
        page.until_true(
            "all of it is shown",
            "return document.querySelector('.item.long').offsetHeight > 100000",
        )
        .await;
        page.eval::<()>("document.querySelector('#timeline').scrollTop += 20000", vec![]).await;
        for _ in 0..4 {
            page.stable_value("document.querySelector('#timeline').scrollTop").await;
            let top = "return document.querySelector('.item.long').getBoundingClientRect().top";
            let before: f64 = page.eval(top, vec![]).await;
            page.eval::<()>("document.querySelector('#timeline').scrollTop += 3000", vec![]).await;
            page.stable_value("document.querySelector('#timeline').scrollTop").await;
            visits.visit(&page).await;
            let moved = page.eval::<f64>(top, vec![]).await - before;
            assert!((moved + 3000.0).abs() <= 1.0, "the message moved by {moved} px");
        }
    });
}
