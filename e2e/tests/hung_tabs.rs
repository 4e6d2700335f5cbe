//! Tabs that hang, and browsers that refuse what tabs coordinate by.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use fantoccini::wd::WindowHandle;
use parlour_e2e::{Page, Server, StoppedRenderer, TestContext, View, WindowOptions, browser_test};
use serde_json::json;

/// Deadline for a visible tab to detect that the connection, or the tab that has it, is dead; with time for the slow
/// machine that the tests run on.
const DETECTION: Duration = Duration::from_secs(12);

/// Opens a second window, so that both are visible, and logs in as Tom. Returns the tabs of the first and the second one.
async fn open_second_window(tom: &Page, server: &Server) -> [WindowHandle; 2] {
    let first = tom.tab().await;
    let second = tom.open_window(&server.url()).await;
    tom.log_in("tom").await;
    [first, second]
}

/// Stops the process of a tab, and continues in another one.
async fn stop(page: &Page, tab: &WindowHandle, next: &WindowHandle) -> StoppedRenderer {
    page.switch_to(tab).await;
    let stopped = page.stop_renderer().await;
    page.switch_to(next).await;
    stopped
}

fn is_outdated(view: &View) -> bool {
    view.connection.as_deref() == Some("outdated")
}

/// Asserts that a leader tab that does not respond is replaced. `stop` is called in it, and `resume` switches to it.
async fn assert_leader_is_replaced<T>(
    test: &TestContext,
    stop: impl AsyncFnOnce(&Page) -> T,
    resume: impl AsyncFnOnce(&Page, &WindowHandle, T),
) {
    let server = Server::start();
    let [tom, lili] = [test.open("tom", &server.url()).await, test.open("lili", &server.url()).await];
    lili.log_in("lili").await;
    tom.log_in("tom").await;
    let [first, second] = open_second_window(&tom, &server).await;
    tom.send_and_wait("one").await;
    tom.switch_to(&first).await;
    let stopped = stop(&tom).await;
    tom.switch_to(&second).await;
    tom.send("two").await;
    tom.until_within(DETECTION, "the bar says that the tab waits", is_outdated).await;
    tom.until_within(DETECTION, "this tab has the connection", |view| view.online() && view.has_sent("two"))
        .await;
    lili.send_and_wait("three").await;
    let all = ["one", "two", "three"];
    tom.until("all messages, once", |view| view.contents() == all).await;
    resume(&tom, &first, stopped).await;
    tom.until("the old leader follows", |view| view.online() && view.contents() == all).await;
    tom.send_and_wait("four").await;
    tom.switch_to(&second).await;
    tom.send_and_wait("five").await;
    for page in [&tom, &lili] {
        let all = ["one", "two", "three", "four", "five"];
        page.until("all messages, once", |view| view.contents() == all).await;
    }
    assert_eq!(lili.view().await.presence_sentences("tom", "left"), 0, "Tom never left");
}

#[test]
fn hung_leader_tab_is_replaced_without_loss() {
    browser_test("hung_leader_tab_is_replaced_without_loss", async |test| {
        let stop = async |page: &Page| page.stop_renderer().await;
        let resume = async |page: &Page, tab: &WindowHandle, stopped: StoppedRenderer| {
            stopped.resume();
            page.switch_to(tab).await;
        };
        assert_leader_is_replaced(test, stop, resume).await;
    });
}

#[test]
fn frozen_leader_tab_is_replaced_without_loss() {
    browser_test("frozen_leader_tab_is_replaced_without_loss", async |test| {
        let freeze = async |page: &Page| {
            page.expect_lost_connections();
            page.freeze().await;
        };
        let unfreeze = async |page: &Page, tab: &WindowHandle, ()| {
            page.switch_to(tab).await;
            page.unfreeze().await;
        };
        assert_leader_is_replaced(test, freeze, unfreeze).await;
    });
}

#[test]
fn dead_server_is_detected_while_the_leader_tab_hangs() {
    browser_test("dead_server_is_detected_while_the_leader_tab_hangs", async |test| {
        let mut server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.expect_lost_connections();
        tom.log_in("tom").await;
        let [first, second] = open_second_window(&tom, &server).await;
        let stopped = stop(&tom, &first, &second).await;
        server.kill();
        tom.until_within(DETECTION, "it is not shown as connected", |view| !view.online()).await;
        tom.until("it reconnects itself", |view| view.connection.as_deref() == Some("reconnecting")).await;
        server.restart();
        tom.send("typed while it was down").await;
        tom.until("it is sent", |view| view.has_sent("typed while it was down")).await;
        stopped.resume();
    });
}

#[test]
fn reload_and_leave_work_while_the_leader_tab_hangs() {
    browser_test("reload_and_leave_work_while_the_leader_tab_hangs", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("one").await;
        let [first, second] = open_second_window(&tom, &server).await;
        let stopped = stop(&tom, &first, &second).await;
        // The service worker may run in the process that is stopped.
        tom.devtools("Network.setBypassServiceWorker", json!({ "bypass": true })).await;
        tom.reload().await;
        tom.until("the room after the reload", |view| view.online() && view.has_sent("one")).await;
        stopped.resume();
        tom.switch_to(&first).await;
        tom.until("the first tab follows", |view| view.online() && view.has_sent("one")).await;
        // Now the second tab leads and hangs.
        let stopped = stop(&tom, &second, &first).await;
        tom.click("#exit").await;
        tom.until("the login page", |view| view.login && !view.room).await;
        stopped.resume();
        tom.switch_to(&second).await;
        tom.until("the other tab has left too", |view| view.login && !view.room).await;
    });
}

#[test]
fn reading_in_one_tab_marks_messages_as_read_in_all() {
    browser_test("reading_in_one_tab_marks_messages_as_read_in_all", async |test| {
        let server = Server::start();
        let [tom, lili] = [test.open("tom", &server.url()).await, test.open("lili", &server.url()).await];
        lili.log_in("lili").await;
        // Each tab has to believe that it is hidden or in front of the user, whatever the window manager does.
        tom.log_in("tom").await;
        let [first, second] = open_second_window(&tom, &server).await;
        let focus =
            "Object.defineProperty(document, 'hasFocus', { configurable: true, value: () => arguments_0 });
            window.dispatchEvent(new Event('focus')); return null";
        let set_focus = async |focused: bool| {
            tom.eval::<()>(&focus.replace("arguments_0", if focused { "true" } else { "false" }), vec![])
                .await;
        };
        for (reads, other) in [(&first, &second), (&second, &first)] {
            tom.switch_to(other).await;
            set_focus(false).await;
            tom.switch_to(reads).await;
            set_focus(false).await;
            for text in ["one", "two", "three"] {
                lili.send_and_wait(&format!("{text} {reads:?}")).await;
            }
            for tab in [other, reads] {
                tom.switch_to(tab).await;
                tom.until("three are unread", |view| view.title.starts_with("(3) ")).await;
            }
            set_focus(true).await;
            tom.until("read", |view| !view.title.starts_with('(')).await;
            tom.switch_to(other).await;
            tom.until("read in the other tab", |view| !view.title.starts_with('(')).await;
            // What arrives while the other tab is in front is read at once.
            lili.send_and_wait(&format!("four {reads:?}")).await;
            tom.until("the message", |view| view.has_sent(&format!("four {reads:?}"))).await;
            tom.until("it is read", |view| !view.title.starts_with('(')).await;
        }
    });
}

/// Browsers that refuse locks, channels or queries, or never answer.
const REFUSALS: [(&str, &str); 4] = [
    (
        "rejected",
        "navigator.locks.request = () => Promise.reject(new DOMException('refused', 'SecurityError'));
         navigator.locks.query = () => Promise.reject(new DOMException('refused', 'SecurityError'));",
    ),
    (
        "thrown",
        "navigator.locks.request = () => { throw new DOMException('refused', 'SecurityError') };
         navigator.locks.query = navigator.locks.request;
         window.BroadcastChannel = class { constructor() { throw new DOMException('refused', 'SecurityError') } };",
    ),
    (
        "unanswered",
        "navigator.locks.request = () => new Promise(() => {});
         navigator.locks.query = () => new Promise(() => {});",
    ),
    ("missing", "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });"),
];

#[test]
fn chat_works_in_a_browser_without_locks() {
    browser_test("chat_works_in_a_browser_without_locks", async |test| {
        let server = Server::start();
        for (name, script) in REFUSALS {
            let page = test.open_blank(name, WindowOptions::default()).await;
            page.before_load(script).await;
            page.before_load(
                "const now = performance.now.bind(performance); window.skipped = 0;
                 performance.now = () => now() + window.skipped;",
            )
            .await;
            page.goto(&server.url()).await;
            page.log_in(name).await;
            page.send_and_wait(&format!("hello from {name}")).await;
            // After a pause a leader checks that it still holds the lock.
            page.eval::<()>("window.skipped = 2500; return null", vec![]).await;
            page.send_and_wait(&format!("again from {name}")).await;
            page.reload().await;
            page.until("the room", |view| view.online() && view.has_sent(&format!("again from {name}")))
                .await;
            page.click("#exit").await;
            page.until("the login page", |view| view.login).await;
        }
    });
}

#[test]
fn login_can_be_cancelled_while_the_browser_does_not_answer() {
    browser_test("login_can_be_cancelled_while_the_browser_does_not_answer", async |test| {
        let server = Server::start();
        let page = test.open_blank("tom", WindowOptions::default()).await;
        page.before_load(
            "navigator.locks.request = () => new Promise(() => {}); indexedDB.open = () => ({});",
        )
        .await;
        page.goto(&server.url()).await;
        page.submit_login("tom", None).await;
        page.click("#login-cancel").await;
        page.until("it is cancelled", |view| view.login && !view.room).await;
        page.until_true(
            "the form can be submitted again",
            "return document.querySelector('#login-submit').getAttribute('aria-busy') !== 'true'",
        )
        .await;
        page.log_in("tom").await;
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
    browser_test("request_for_a_gap_that_is_not_answered_is_repeated", async |test| {
        let server = Server::start_with_history(2_000, |n| format!("Line {n}"));
        let tom = test.open_blank("tom", WindowOptions::default()).await;
        // A request for history is a short frame with field 26 of the envelope.
        tom.before_load(
            "const PlainBlob = window.Blob, { send } = WebSocket.prototype;
             window.Blob = class extends PlainBlob {
                 constructor(parts, options) { super(parts, options); this.bytes = new Uint8Array(parts[0]); }
             };
             WebSocket.prototype.send = function (data) {
                 const bytes = data.bytes ?? new Uint8Array(data);
                 const isRequest = bytes.some((byte, at) => at < 8 && byte === 0xD2 && bytes[at + 1] === 1);
                 if (isRequest && window.drops > 0) { window.drops--; window.dropped = true; return; }
                 return send.call(this, data);
             };",
        )
        .await;
        tom.goto(&server.url()).await;
        tom.log_in("tom").await;
        tom.until_at_end().await;
        tom.eval::<()>(
            "window.drops = 1; document.querySelector('#timeline').scrollTop /= 2; return null",
            vec![],
        )
        .await;
        tom.until_true("a request is dropped", "return window.dropped === true").await;
        tom.until_true("the viewport is filled without scrolling", SHOWS_MESSAGES).await;
    });
}

#[test]
fn two_windows_that_scroll_at_once_are_both_filled() {
    browser_test("two_windows_that_scroll_at_once_are_both_filled", async |test| {
        let server = Server::start_with_history(5_000, |n| format!("Line {n}"));
        let tom = test.open_blank("tom", WindowOptions::default()).await;
        // One second of latency, so that the requests of both windows are unanswered at the same time.
        tom.before_load(
            "const { send } = WebSocket.prototype;
             WebSocket.prototype.send = function (data) { setTimeout(() => send.call(this, data), 1000); };",
        )
        .await;
        tom.goto(&server.url()).await;
        tom.log_in("tom").await;
        tom.until_at_end().await;
        let [first, second] = open_second_window(&tom, &server).await;
        tom.until_at_end().await;
        // Three places each: a request is replaced before it is sent, and after.
        for part in [0.2, 0.5, 0.8] {
            for (window, shift) in [(&second, 0.05), (&first, 0.0)] {
                tom.switch_to(window).await;
                let scroll = "const timeline = document.querySelector('#timeline');
                    timeline.scrollTop = timeline.scrollHeight * arguments[0]; return null";
                tom.eval::<()>(scroll, vec![(part + shift).into()]).await;
            }
        }
        for window in [&first, &second] {
            tom.switch_to(window).await;
            tom.until_true("the viewport is filled without scrolling", SHOWS_MESSAGES).await;
        }
    });
}
