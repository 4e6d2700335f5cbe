//! A large room is no more to a page than a small one.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Page, Server, keys, stage, stage_in_each};

fn text(n: u64) -> String {
    format!("Message {n}{}", " of many that are in this room".repeat(usize::try_from(n * 7 % 5).unwrap()))
}

/// The numbers of the messages on the screen, once nothing is missing there and they follow each other; or what is wrong.
const NUMBERS: &str = r"
    const frame = document.querySelector('#timeline'), { top, bottom } = frame.getBoundingClientRect();
    const seen = (e) => { const at = e.getBoundingClientRect(); return at.bottom > top && at.top < bottom; };
    if ([...frame.querySelectorAll('.gap')].some(seen)) return 'something is missing';
    const rows = [...frame.querySelectorAll('.row.message')].filter(seen);
    const numbers = rows.map((row) => Number(row.querySelector('.content').textContent.split(' ')[1]));
    if (numbers.some((n, at) => at > 0 && n !== numbers[at - 1] + 1)) return `they do not follow: ${numbers}`;
";

/// Waits for messages around a number, as near as so many.
async fn until_near(page: &Page, number: f64, near: f64) {
    let script = format!(
        "{NUMBERS} const far = Math.abs(numbers[numbers.length >> 1] - {number}); return far <= {near} || numbers"
    );
    page.until_true(&format!("messages near {number}"), &script).await;
}

async fn scroll_to(page: &Page, part: f64) {
    let script = "const frame = document.querySelector('#timeline'); \
        frame.scrollTop = arguments[0] * (frame.scrollHeight - frame.clientHeight)";
    page.eval::<()>(script, vec![part.into()]).await;
}

/// All elements of the page, and those of rows of messages.
async fn elements(page: &Page) -> (usize, usize) {
    let script = "return [document.querySelectorAll('*').length, document.querySelectorAll('.row.message, .row.message *').length]";
    page.eval(script, vec![]).await
}

async fn come_in(stage: &parlour_e2e::Stage, server: &Server, count: u64) -> Page {
    let page = stage.open("tom", &server.url()).await;
    page.resize(1280, 800).await;
    page.log_in("tom").await;
    page.until("the newest", |view| view.has(&text(count - 1))).await;
    page
}

#[test]
fn the_scrollbar_goes_through_all_of_a_large_room() {
    stage_in_each("the_scrollbar_goes_through_all_of_a_large_room", async |stage| {
        let count = 100_000;
        let server = Server::start_with_past(count, text);
        let page = come_in(stage, &server, count).await;
        for part in [0.5, 0.1, 0.93, 0.31, 0.77, 0.5] {
            scroll_to(&page, part).await;
            // To a fiftieth: what is loaded is as tall as it is.
            until_near(&page, part * count as f64, count as f64 / 50.0).await;
        }
        page.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
        page.press(keys::HOME).await;
        until_near(&page, 0.0, 30.0).await;
        page.until("the beginning", |view| view.lines("beginning").len() == 1).await;
        // While something is on its way, the reader is elsewhere already.
        for part in [0.9, 0.2, 0.6, 0.25] {
            scroll_to(&page, part).await;
            page.still("document.querySelector('#timeline').scrollTop").await;
        }
        until_near(&page, 0.25 * count as f64, count as f64 / 50.0).await;
        let moved = page.fling(70.0, 200).await;
        assert!(moved <= 1.0, "a line moved by {moved} px more than the reader did");
        page.press(keys::END).await;
        until_near(&page, count as f64, 30.0).await;
    });
}

#[test]
fn a_large_room_has_no_more_elements_than_a_small_one() {
    stage("a_large_room_has_no_more_elements_than_a_small_one", async |stage| {
        let mut counts = Vec::new();
        for count in [1_000, 100_000] {
            let server = Server::start_with_past(count, text);
            let page = come_in(stage, &server, count).await;
            for part in [0.25, 0.5] {
                scroll_to(&page, part).await;
                until_near(&page, part * count as f64, count as f64 / 20.0).await;
            }
            let (all, of_rows) = elements(&page).await;
            assert!(all - of_rows <= 300, "{all} elements, of which {of_rows} are of messages");
            counts.push(all as f64);
            page.close().await;
        }
        let ratio = counts[1] / counts[0];
        assert!((0.95..=1.05).contains(&ratio), "{counts:?}");
    });
}
