//! Tabs that hang, and browsers that refuse what tabs coordinate by.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use fantoccini::wd::WindowHandle;
use parlour_e2e::{
    BasicServer, Page, PeerInput, Server, StoppedRenderer, TestContext, View, WindowOptions, browser_test,
};
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

/// A request for history is a short frame with field 26 of the envelope.
const IS_HISTORY_REQUEST: &str = "
    const PlainBlob = window.Blob, { send } = WebSocket.prototype;
    window.Blob = class extends PlainBlob {
        constructor(parts, options) { super(parts, options); this.bytes = new Uint8Array(parts[0]); }
    };
    const isHistoryRequest = (data) => (data.bytes ?? new Uint8Array(data))
        .some((byte, at, bytes) => at < 8 && byte === 0xD2 && bytes[at + 1] === 1);
";

#[test]
fn request_for_a_gap_that_is_not_answered_is_repeated() {
    browser_test("request_for_a_gap_that_is_not_answered_is_repeated", async |test| {
        let server = Server::start_with_history(2_000, |n| format!("Line {n}"));
        let tom = test.open_blank("tom", WindowOptions::default()).await;
        tom.before_load(&format!(
            "{IS_HISTORY_REQUEST}
             WebSocket.prototype.send = function (data) {{
                 if (isHistoryRequest(data) && window.drops > 0) {{ window.drops--; window.dropped = true; return; }}
                 return send.call(this, data);
             }};"
        ))
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

/// A script that tells whether a gap in the viewport is being loaded.
const LOADS_GAP: &str = "
    const { top, bottom } = document.querySelector('#timeline').getBoundingClientRect();
    const rows = [...document.querySelectorAll('#timeline .gap:has([aria-busy])')].map((row) => row.getBoundingClientRect());
    return rows.some((row) => row.top < bottom && row.bottom > top);
";

#[test]
fn two_windows_that_scroll_at_once_are_both_filled() {
    browser_test("two_windows_that_scroll_at_once_are_both_filled", async |test| {
        let server = Server::start_with_history(5_000, |n| format!("Line {n}"));
        let tom = test.open_blank("tom", WindowOptions::default()).await;
        tom.before_load(&format!(
            "{IS_HISTORY_REQUEST}
             window.held = null;
             WebSocket.prototype.send = function (data) {{
                 if (!window.held || !isHistoryRequest(data)) return send.call(this, data);
                 window.held.push(() => send.call(this, data));
             }};"
        ))
        .await;
        tom.goto(&server.url()).await;
        tom.log_in("tom").await;
        tom.until_at_end().await;
        let [first, second] = open_second_window(&tom, &server).await;
        tom.until_at_end().await;
        let scroll = async |part: f64| {
            let scroll = "const timeline = document.querySelector('#timeline');
                timeline.scrollTop = timeline.scrollHeight * arguments[0]; return null";
            tom.eval::<()>(scroll, vec![part.into()]).await;
        };
        // Messages in several places, with gaps between them.
        for part in [0.8, 0.6, 0.4, 0.2] {
            scroll(part).await;
            tom.until_true("the viewport is filled", SHOWS_MESSAGES).await;
        }
        // The first window leads. It sends as many requests as may be unanswered, for a gap each.
        tom.switch_to(&first).await;
        tom.eval::<()>("window.held = []; return null", vec![]).await;
        for (count, part) in [(1, 0.1), (2, 0.3)] {
            scroll(part).await;
            tom.until_true("a request", &format!("return window.held.length === {count}")).await;
        }
        // The next request of the second window waits, and so does another one of the first.
        for (window, part) in [(&second, 0.9), (&first, 0.5)] {
            tom.switch_to(window).await;
            scroll(part).await;
            tom.until_true("the gap is being loaded", LOADS_GAP).await;
        }
        let release = "const requests = window.held; window.held = null; requests.forEach((send) => send());
            return requests.length";
        assert_eq!(tom.eval::<usize>(release, vec![]).await, 2);
        for window in [&first, &second] {
            tom.switch_to(window).await;
            tom.until_true("the viewport is filled without scrolling", SHOWS_MESSAGES).await;
        }
    });
}

/// Clicks on a button of the message with this content.
async fn click_on(page: &Page, content: &str, button: &str) {
    let script = "
        const hasContent = (row) => row.querySelector('.content').textContent === arguments[0];
        const row = [...document.querySelectorAll('#timeline .row.message')].find(hasContent);
        row.querySelector(arguments[1]).click();
    ";
    page.eval::<()>(script, vec![content.into(), button.into()]).await;
}

fn is_basic(view: &View) -> bool {
    view.room && view.connection.as_deref() == Some("basic")
}

/// Logs Tom in to a server that has not confirmed two messages, and opens a second window. Returns the tabs of both.
async fn open_with_failed_messages(tom: &Page, server: &BasicServer, url: &str) -> [WindowHandle; 2] {
    tom.expect_lost_connections();
    tom.submit_login("tom", Some(&server.address())).await;
    tom.until("the room", is_basic).await;
    server.set_unresponsive(true);
    for text in ["try again", "discard"] {
        tom.send(text).await;
        tom.until("it is pending", |view| view.has_in_state(text, "pending")).await;
    }
    server.set_unresponsive(false);
    server.drop_connections();
    let has_failed = |view: &View| {
        is_basic(view) && ["try again", "discard"].iter().all(|text| view.has_in_state(text, "failed"))
    };
    tom.until("both have failed", has_failed).await;
    let first = tom.tab().await;
    let second = tom.open_window(url).await;
    tom.submit_login("tom", Some(&server.address())).await;
    tom.until("both are shown in the second window", has_failed).await;
    [first, second]
}

/// The number of times that a server has received a message.
fn count_received(server: &BasicServer, text: &str) -> usize {
    let has_text =
        |input: &PeerInput| matches!(input, PeerInput::Envelope(envelope) if envelope.content == text);
    server.received().into_iter().filter(has_text).count()
}

#[test]
fn commands_for_a_hung_leader_tab_are_executed_once() {
    browser_test("commands_for_a_hung_leader_tab_are_executed_once", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = test.open("tom", &host.url()).await;
        let [first, second] = open_with_failed_messages(&tom, &server, &host.url()).await;
        let stopped = stop(&tom, &first, &second).await;
        click_on(&tom, "try again", ".retry").await;
        click_on(&tom, "discard", ".discard").await;
        let is_executed = |view: &View| {
            is_basic(view) && view.has_sent("try again") && view.messages_with("discard").is_empty()
        };
        tom.until_within(DETECTION, "the next leader has executed both", is_executed).await;
        stopped.resume();
        tom.switch_to(&first).await;
        tom.until("the first tab follows", is_executed).await;
        tom.send("later").await;
        tom.until("it is sent", |view| view.has_sent("later")).await;
        let counts = ["try again", "discard", "later"].map(|text| count_received(&server, text));
        assert_eq!(counts, [2, 1, 1], "times that each message was sent");
    });
}

/// A browser that refuses to pass on the commands to send a message again, number 2, and to discard one, number 3.
const REFUSE_COMMANDS: &str = "
    const { postMessage } = BroadcastChannel.prototype;
    BroadcastChannel.prototype.postMessage = function (bytes) {
        const [field, command] = bytes;
        if (field === 0x28 && [2, 3].includes(command)) throw new DOMException('no', 'DataCloneError');
        return postMessage.call(this, bytes);
    };
";

#[test]
fn commands_that_no_tab_executes_are_reported() {
    browser_test("commands_that_no_tab_executes_are_reported", async |test| {
        let (host, server) = (Server::start(), BasicServer::start());
        let tom = test.open("tom", &host.url()).await;
        open_with_failed_messages(&tom, &server, &host.url()).await;
        tom.eval::<()>(REFUSE_COMMANDS, vec![]).await;
        click_on(&tom, "try again", ".retry").await;
        click_on(&tom, "discard", ".discard").await;
        tom.until("they are shown as executed", |view| {
            view.has_in_state("try again", "queued") && view.messages_with("discard").is_empty()
        })
        .await;
        let view = tom.until("the failure is reported", |view| view.note.is_some()).await;
        let note = "Another tab of this chat does not respond; close that tab, then try again.";
        assert_eq!(view.note.as_deref(), Some(note));
        tom.until("both are shown as failed again", |view| {
            ["try again", "discard"].iter().all(|text| view.has_in_state(text, "failed"))
        })
        .await;
        assert_eq!(count_received(&server, "try again"), 1, "it was not sent again");
    });
}
