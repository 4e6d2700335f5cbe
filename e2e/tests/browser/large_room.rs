//! A room of 100,000 messages: reachable in full, and no more expensive for the page than a small one.

use parlour_e2e::{Page, Server, browser_test, keys, scroll_test_in_each};

fn text(n: u64) -> String {
    format!("Message {n}{}", " of many that are in this room".repeat(usize::try_from(n * 7 % 5).unwrap()))
}

/// The numbers of the visible messages, once they have no gap and are consecutive; otherwise an error.
const NUMBERS: &str = r"
    const viewport = document.querySelector('#timeline'), { top, bottom } = viewport.getBoundingClientRect();
    const seen = (e) => { const at = e.getBoundingClientRect(); return at.bottom > top && at.top < bottom; };
    if ([...viewport.querySelectorAll('.gap')].some(seen)) return 'a gap is visible';
    const rows = [...viewport.querySelectorAll('.row.message')].filter(seen);
    const numbers = rows.map((row) => Number(row.querySelector('.content').textContent.split(' ')[1]));
    if (numbers.some((n, at) => at > 0 && n !== numbers[at - 1] + 1)) return `not consecutive: ${numbers}`;
";

/// Waits until the message in the middle of the viewport is within `near` of `number`.
async fn until_near(page: &Page, number: f64, near: f64) {
    let script = format!(
        "{NUMBERS} const far = Math.abs(numbers[numbers.length >> 1] - {number}); return far <= {near} || numbers"
    );
    page.until_true(&format!("messages near {number}"), &script).await;
}

async fn scroll_to(page: &Page, part: f64) {
    let script = "const viewport = document.querySelector('#timeline'); \
        viewport.scrollTop = arguments[0] * (viewport.scrollHeight - viewport.clientHeight)";
    page.eval::<()>(script, vec![part.into()]).await;
}

/// The number of elements in the document, and of those in message rows.
async fn elements(page: &Page) -> (usize, usize) {
    let script = "return [document.querySelectorAll('*').length, document.querySelectorAll('.row.message, .row.message *').length]";
    page.eval(script, vec![]).await
}

async fn log_in(test: &parlour_e2e::TestContext, server: &Server, count: u64) -> Page {
    let page = test.open("tom", &server.url()).await;
    page.resize(1280, 800).await;
    page.log_in("tom").await;
    page.until("the newest message", |view| view.has_sent(&text(count - 1))).await;
    page
}

#[test]
fn scrollbar_reaches_every_part_of_a_large_room() {
    scroll_test_in_each("scrollbar_reaches_every_part_of_a_large_room", async |test, visits| {
        let count = 100_000;
        let server = Server::start_with_history(count, text);
        let page = log_in(test, &server, count).await;
        visits.prepare(&page).await;
        for part in [0.5, 0.1, 0.93, 0.31, 0.77, 0.5] {
            scroll_to(&page, part).await;
            // The tolerance of 2 % is needed because loaded rows have their real heights and others an estimate.
            until_near(&page, part * count as f64, count as f64 / 50.0).await;
            visits.visit(&page).await;
        }
        page.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
        page.press(keys::HOME).await;
        until_near(&page, 0.0, 30.0).await;
        page.until("the start of the room", |view| view.row_texts("beginning").len() == 1).await;
        // Scrolling on while pages are still being loaded.
        for part in [0.9, 0.2, 0.6, 0.25] {
            scroll_to(&page, part).await;
            page.stable_value("document.querySelector('#timeline').scrollTop").await;
        }
        until_near(&page, 0.25 * count as f64, count as f64 / 50.0).await;
        let shift = page.scroll_up(70.0, 200).await;
        assert!(shift <= 1.0, "a row shifted by {shift} px beyond the scrolled distance");
        visits.visit(&page).await;
        page.eval::<()>("document.querySelector('#timeline').focus()", vec![]).await;
        page.press(keys::END).await;
        until_near(&page, count as f64, 30.0).await;
    });
}

#[test]
fn element_count_does_not_depend_on_room_size() {
    browser_test("element_count_does_not_depend_on_room_size", async |test| {
        let mut counts = Vec::new();
        for count in [1_000, 100_000] {
            let server = Server::start_with_history(count, text);
            let page = log_in(test, &server, count).await;
            for part in [0.25, 0.5] {
                scroll_to(&page, part).await;
                until_near(&page, part * count as f64, count as f64 / 20.0).await;
            }
            let (all, of_rows) = elements(&page).await;
            assert!(all - of_rows <= 300, "{all} elements, {of_rows} of them in message rows");
            counts.push(all as f64);
            page.close().await;
        }
        let ratio = counts[1] / counts[0];
        assert!((0.95..=1.05).contains(&ratio), "{counts:?}");
    });
}
