//! Loading messages that were sent before the user joined or while the user was disconnected.

use parlour_e2e::{DesktopPeer, Page, Server, keys, scroll_test, scroll_test_in_each};

fn line(n: usize) -> String {
    // Some lines wrap, so that rows differ in height.
    let more = if n.is_multiple_of(3) {
        ", and some more words about nothing in particular".repeat(3)
    } else {
        String::new()
    };
    format!("Line {n}{more}")
}

/// Sends the lines with these numbers, and waits until the server has them all.
async fn send_lines(lili: &mut DesktopPeer, numbers: std::ops::Range<usize>) {
    let last = format!("lili:{}", line(numbers.end - 1));
    numbers.for_each(|n| lili.send(&line(n)));
    lili.until("the echo of the last line", |seen| seen.lines.contains(&last)).await;
}

fn lines(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(line).collect()
}

/// Waits until a line is in the document, that is, in or near the viewport.
async fn until_line_in_document(page: &Page, n: usize) {
    let script = format!(
        "const all = [...document.querySelectorAll('#timeline .content')].map((e) => e.textContent); \
         return all.includes('{}') || [all[0], all.at(-1)]",
        line(n)
    );
    page.until_true(&format!("line {n}"), &script).await;
}

#[test]
fn new_user_can_scroll_to_the_first_message() {
    scroll_test_in_each("new_user_can_scroll_to_the_first_message", async |test, visits| {
        let server = Server::start_without_rate_limit();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        send_lines(&mut lili, 0..650).await;
        let tom = test.open("tom", &server.url()).await;
        tom.resize(1280, 800).await;
        tom.log_in("tom").await;
        until_line_in_document(&tom, 649).await;
        tom.until_at_end().await;
        let view = tom.until("a round trip", |view| view.round_trip.is_some()).await;
        assert!(!view.jump && view.row_texts("beginning").is_empty() && view.row_texts("gap").is_empty());
        visits.prepare(&tom).await;
        // At the speed of a mouse wheel: older messages load before they come into view.
        let shift = tom.scroll_up(60.0, 150).await;
        assert!(shift <= 1.0, "a row shifted by {shift} px beyond the scrolled distance");
        visits.visit(&tom).await;
        // Faster than messages can be loaded.
        let shift = tom.scroll_up(900.0, 60).await;
        assert!(shift <= 1.0, "a row shifted by {shift} px beyond the scrolled distance");
        visits.visit(&tom).await;
        tom.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        until_line_in_document(&tom, 0).await;
        tom.until("the start of the room", |view| view.row_texts("beginning").len() == 1 && view.jump).await;
        visits.visit(&tom).await;
        tom.until_true(
            "the view is at the top",
            "return document.querySelector('#timeline').scrollTop === 0 || document.querySelector('#timeline').scrollTop",
        )
        .await;
        let overlay = "return !document.querySelector('.day-overlay')";
        tom.until_true("no floating day label over the first day row", overlay).await;
        tom.eval::<()>("document.querySelector('#timeline').scrollTop = 900", vec![]).await;
        let overlay = "return document.querySelector('.day-overlay')?.textContent === 'Today'";
        tom.until_true("the floating day label further down", overlay).await;
        visits.visit(&tom).await;
        tom.until_true("the floating day label after the visit", overlay).await;
        assert_eq!(tom.read_all_contents().await, lines(0..650));
        tom.until("the view is at the end", |view| !view.jump).await;
        // None of these messages counts as new.
        tom.eval::<()>("document.querySelector('#timeline').scrollTop -= 2000", vec![]).await;
        tom.until("the jump button", |view| view.jump).await;
        visits.visit(&tom).await;
        let new = "return document.querySelector('#jump-to-end').dataset.new";
        assert_eq!(tom.eval::<String>(new, vec![]).await, "0");
        send_lines(&mut lili, 650..652).await;
        tom.until_true(
            "two new messages are counted",
            "return document.querySelector('#jump-to-end').dataset.new === '2'",
        )
        .await;
    });
}

#[test]
fn long_absence_is_caught_up_without_a_gap() {
    scroll_test("long_absence_is_caught_up_without_a_gap", async |test, visits| {
        let server = Server::start_without_rate_limit();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        send_lines(&mut lili, 0..20).await;
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        until_line_in_document(&tom, 19).await;
        visits.prepare(&tom).await;

        tom.go_offline().await;
        visits.visit(&tom).await;
        send_lines(&mut lili, 20..640).await;
        tom.go_online().await;
        visits.visit(&tom).await;
        until_line_in_document(&tom, 639).await;
        tom.until_at_end().await;
        assert_eq!(tom.read_all_contents().await, lines(0..640));
        assert_eq!(tom.eval::<usize>("return document.querySelectorAll('.gap').length", vec![]).await, 0);
    });
}

#[test]
fn short_absence_is_caught_up_without_a_gap() {
    scroll_test("short_absence_is_caught_up_without_a_gap", async |test, visits| {
        let mut server = Server::start_without_rate_limit();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        send_lines(&mut lili, 0..3).await;
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        until_line_in_document(&tom, 2).await;
        visits.prepare(&tom).await;
        let watch = "window.gapsSeen = []; new MutationObserver(() => { for (const gap of document.querySelectorAll('.gap')) { const shown = `${document.querySelector('#room-name').textContent}: ${gap.textContent}`; if (gapsSeen.at(-1) !== shown) gapsSeen.push(shown); } }) \
            .observe(document.querySelector('#timeline'), { childList: true, subtree: true }); document.querySelector('#exit').focus()";
        tom.eval::<()>(watch, vec![]).await;
        tom.go_offline().await;
        server.stop().await;
        server.restart();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        send_lines(&mut lili, 3..250).await;
        tom.go_online().await;
        until_line_in_document(&tom, 249).await;
        send_lines(&mut lili, 250..251).await;
        until_line_in_document(&tom, 250).await;
        // Reconnecting must not move the focus.
        tom.until_true("the focus has not moved", "return document.activeElement.id === 'exit'").await;
        let view = tom.view().await;
        assert!(view.row_texts("notice").is_empty(), "{:#?}", view.row_texts("notice"));
        assert_eq!(tom.read_all_contents().await, lines(0..251));
        let gaps: Vec<String> = tom.eval("return window.gapsSeen", vec![]).await;
        assert!(gaps.is_empty(), "gaps were shown: {gaps:?}");
        visits.visit(&tom).await;
    });
}

#[test]
fn history_can_be_loaded_by_keyboard() {
    scroll_test("history_can_be_loaded_by_keyboard", async |test, visits| {
        let server = Server::start_without_rate_limit();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        send_lines(&mut lili, 0..450).await;
        let page = test.open_with_network_switch("tom", &server.url()).await;
        page.log_in("tom").await;
        until_line_in_document(&page, 449).await;
        visits.prepare(&page).await;
        page.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
        page.press(keys::HOME).await;
        until_line_in_document(&page, 0).await;
        visits.visit(&page).await;
        page.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
        page.press(keys::END).await;
        page.until_at_end().await;
        page.until_true("the timeline has the focus", "return document.activeElement.id === 'timeline'")
            .await;

        // The load button, while a request takes long.
        page.drop_next_message().await;
        page.eval::<()>(
            "const viewport = document.querySelector('#timeline'); viewport.scrollTop = viewport.scrollHeight / 2",
            vec![],
        )
        .await;
        let busy = "return document.querySelector('.load')?.getAttribute('aria-busy') === 'true'";
        page.until_true("the button is busy", busy).await;
        page.press(keys::TAB).await;
        let focused = "return document.activeElement.matches('.load') || document.activeElement.outerHTML";
        page.until_true("the load button has the focus", focused).await;
        page.go_offline().await;
        page.until_true("the load button keeps the focus", focused).await;
        page.go_online().await;
        // The visible gap loads; the gap above it keeps its button outside the viewport, because the button has the focus.
        // Which line is in the middle depends on the estimated heights of rows not laid out yet.
        let middle = "const all = [...document.querySelectorAll('#timeline .content')].map((e) => e.textContent); \
            return all.some((text) => /^Line 2[0-4]\\d/.test(text)) || [all[0], all.at(-1)]";
        page.until_true("lines from the middle", middle).await;
        page.until_true("the load button keeps the focus", focused).await;
        assert_eq!(page.read_all_contents().await, lines(0..450));
        let timeline_focused =
            "return document.activeElement.id === 'timeline' || document.activeElement.outerHTML";
        page.until_true("the timeline has the focus", timeline_focused).await;
    });
}

#[test]
fn failed_load_keeps_its_button() {
    scroll_test("failed_load_keeps_its_button", async |test, visits| {
        let server = Server::start_without_rate_limit();
        let mut lili = DesktopPeer::connect(server.address(), "lili");
        send_lines(&mut lili, 0..150).await;
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        until_line_in_document(&tom, 149).await;
        visits.prepare(&tom).await;
        tom.drop_next_message().await;
        tom.eval::<()>("document.querySelector('#timeline').scrollTop = 0", vec![]).await;
        let busy = "return document.querySelector('.load')?.hasAttribute('aria-busy')";
        tom.until_true("the button is busy", busy).await;
        visits.visit(&tom).await;
        tom.go_offline().await;
        tom.until_true(
            "the button is not busy",
            "return !document.querySelector('.load').hasAttribute('aria-busy')",
        )
        .await;
        visits.visit(&tom).await;
        tom.go_online().await;
        until_line_in_document(&tom, 0).await;
        assert_eq!(tom.read_all_contents().await, lines(0..150));
    });
}

/// A script that tells whether a message is in the viewport.
const SHOWS_MESSAGES: &str = "
    const { top, bottom } = document.querySelector('#timeline').getBoundingClientRect();
    const rows = [...document.querySelectorAll('#timeline .row.message')].map((row) => row.getBoundingClientRect());
    return rows.some((row) => row.top < bottom && row.bottom > top);
";

#[test]
fn request_for_a_gap_that_is_not_answered_is_repeated() {
    scroll_test("request_for_a_gap_that_is_not_answered_is_repeated", async |test, visits| {
        let server = Server::start_with_history(2_000, |n| format!("Line {n}"));
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.until_at_end().await;
        visits.prepare(&tom).await;
        tom.hold_history_requests().await;
        tom.eval::<()>("document.querySelector('#timeline').scrollTop /= 2", vec![]).await;
        tom.until_requests_held(1).await;
        visits.visit(&tom).await;
        tom.drop_held_requests().await;
        tom.until_true("the viewport is filled without scrolling", SHOWS_MESSAGES).await;
    });
}

/// A script that tells whether a gap in the viewport is being loaded.
const LOADS_GAP: &str = "
    const { top, bottom } = document.querySelector('#timeline').getBoundingClientRect();
    const rows = [...document.querySelectorAll('#timeline .gap:has([aria-busy])')].map((row) => row.getBoundingClientRect());
    return rows.some((row) => row.top < bottom && row.bottom > top);
";

#[test]
fn two_windows_that_scroll_at_once_are_both_filled() {
    scroll_test("two_windows_that_scroll_at_once_are_both_filled", async |test, visits| {
        let server = Server::start_with_history(5_000, |n| format!("Line {n}"));
        let tom = test.open_with_network_switch("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.until_at_end().await;
        visits.prepare(&tom).await;
        let [first, second] = tom.open_second_window("tom", &server).await;
        tom.until_at_end().await;
        let scroll = async |part: f64| {
            let scroll = "const timeline = document.querySelector('#timeline');
                timeline.scrollTop = timeline.scrollHeight * arguments[0]; return null";
            tom.eval::<()>(scroll, vec![part.into()]).await;
        };
        // Messages in several places of each window, with gaps between them.
        for window in [&second, &first] {
            tom.switch_to(window).await;
            for part in [0.8, 0.6, 0.4, 0.2] {
                scroll(part).await;
                tom.until_true("the viewport is filled", SHOWS_MESSAGES).await;
            }
            visits.visit(&tom).await;
        }
        // The first window leads, and sends the requests of both, for a gap each.
        tom.hold_history_requests().await;
        for (count, part) in [(1, 0.1), (2, 0.3)] {
            scroll(part).await;
            tom.until_requests_held(count).await;
        }
        for (window, part) in [(&second, 0.9), (&first, 0.5)] {
            tom.switch_to(window).await;
            scroll(part).await;
            tom.until_true("the gap is being loaded", LOADS_GAP).await;
        }
        tom.until_requests_held(4).await;
        tom.release_history_requests().await;
        for window in [&first, &second] {
            tom.switch_to(window).await;
            tom.until_true("the viewport is filled without scrolling", SHOWS_MESSAGES).await;
            visits.visit(&tom).await;
        }
    });
}
