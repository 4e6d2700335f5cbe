//! Scroll tests that run twice: once with the room open all the time, and once with another room visited between their steps.

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::{
    browser::Browser,
    context::{TestContext, browser_test_in},
    page::Page,
};

/// The room that is visited.
const OTHER_ROOM: &str = "Elsewhere";

/// A text that has moved by more than this, in CSS pixels, has not stayed. Browsers round scroll positions to whole pixels.
const TOLERANCE_PX: f64 = 1.0;

/// The first text that begins in the viewport, with its distance from the upper edge; or the string `end` at the end.
const POSITION: &str = "
    const timeline = document.querySelector('#timeline'), { top, bottom } = timeline.getBoundingClientRect();
    const texts = [...timeline.querySelectorAll('.content')].map((e) => [e.textContent, e.getBoundingClientRect().top - top]);
    const isAtEnd = timeline.scrollHeight - timeline.clientHeight - timeline.scrollTop <= 2;
    const shown = isAtEnd ? 'end' : texts.find(([, at]) => at >= 0 && at < bottom - top) ?? null;
";

/// Visits to another room between the steps of a scroll test, in the run of the test that has them.
#[derive(Debug)]
pub struct RoomVisits {
    are_made: bool,
    /// The URL's fragment of the other room.
    other: RefCell<Option<String>>,
}

/// Runs a test in Chromium, first without and then with visits to another room.
///
/// # Panics
/// As [`crate::browser_test`].
pub fn scroll_test(name: &str, test: impl AsyncFn(&TestContext, &RoomVisits)) {
    run(Browser::Chromium, false, name, &test);
    run(Browser::Chromium, true, name, &test);
}

/// Runs a test in every browser in turn, and in Chromium also with visits to another room: with them in each browser the tests would
/// take a minute longer. Stops at the first failure.
///
/// # Panics
/// As [`crate::browser_test`].
pub fn scroll_test_in_each(name: &str, test: impl AsyncFn(&TestContext, &RoomVisits)) {
    for browser in Browser::ALL {
        run(browser, false, name, &test);
    }
    run(Browser::Chromium, true, name, &test);
}

fn run(browser: Browser, are_made: bool, name: &str, test: impl AsyncFn(&TestContext, &RoomVisits)) {
    let visits = RoomVisits { are_made, other: RefCell::default() };
    let name = if are_made { format!("{name}_with_visits") } else { name.to_owned() };
    browser_test_in(browser, &name, async |context| test(context, &visits).await);
}

impl RoomVisits {
    /// Creates the other room. The page is in the lobby, at its end, and wide enough to show the room list.
    ///
    /// # Panics
    /// If the page does not respond.
    pub async fn prepare(&self, page: &Page) {
        if self.are_made {
            page.create_room(OTHER_ROOM, "public").await;
            let has_id = "return /^#.room.[0-9a-f]{32}$/.test(location.hash) || location.hash";
            page.until_true("the URL of the new room", has_id).await;
            self.other.replace(Some(page.eval("return location.hash", vec![]).await));
            go_to(page, "#/room/lobby", "Lobby").await;
            page.until_at_end().await;
        }
    }

    /// Goes to the other room and back, and checks that the texts in the viewport are where they were.
    ///
    /// # Panics
    /// If they are not, or the page does not respond.
    pub async fn visit(&self, page: &Page) {
        let Some(other) = self.other.borrow().clone() else { return };
        page.stable_value("document.querySelector('#timeline').scrollTop").await;
        let before: Value = page.eval(&format!("{POSITION} return shown"), vec![]).await;
        go_to(page, &other, OTHER_ROOM).await;
        go_to(page, "#/room/lobby", "Lobby").await;
        let script = format!(
            "{POSITION} const before = {};
             if (!Array.isArray(before)) return before === null || shown === before || shown;
             const after = texts.find(([text]) => text === before[0]);
             return (!!after && Math.abs(after[1] - before[1]) <= {TOLERANCE_PX}) || [after ?? null, shown]",
            json!(before)
        );
        page.until_true(&format!("{before} is where it was before another room was visited"), &script).await;
        page.stable_value("document.querySelector('#timeline').scrollTop").await;
        page.until_true(&format!("{before} stays after the visit"), &script).await;
    }
}

/// Opens a room by its URL, as by a link or a bookmark: a narrow viewport does not show the room list.
async fn go_to(page: &Page, hash: &str, name: &str) {
    page.eval::<()>("location.hash = arguments[0]", vec![hash.into()]).await;
    page.until_text("#room-name", name).await;
}
