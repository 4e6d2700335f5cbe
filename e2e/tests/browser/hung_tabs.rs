//! Tabs that hang.

use std::time::Duration;

use fantoccini::wd::WindowHandle;
use parlour_e2e::{BasicServer, Page, PeerInput, Server, StoppedRenderer, TestContext, View, browser_test};
use serde_json::json;

/// Deadline for a visible tab to detect that the connection, or the tab that has it, is dead; with time for the slow
/// machine that the tests run on.
const DETECTION: Duration = Duration::from_secs(12);

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
    let [first, second] = tom.open_second_window("tom", &server).await;
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
        let [first, second] = tom.open_second_window("tom", &server).await;
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
        let [first, second] = tom.open_second_window("tom", &server).await;
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

/// Clicks on a button of the message with this content.
async fn click_on(page: &Page, content: &str, button: &str) {
    let script = "
        const hasContent = (row) => row.querySelector('.content').textContent === arguments[0];
        const row = [...document.querySelectorAll('#timeline .row.message')].find(hasContent);
        row.querySelector(arguments[1]).click();
    ";
    page.eval::<()>(script, vec![content.into(), button.into()]).await;
}

/// Logs Tom in to a server that has not confirmed two messages, and opens a second window. Returns the tabs of both.
async fn open_with_failed_messages(tom: &Page, server: &BasicServer, url: &str) -> [WindowHandle; 2] {
    tom.expect_lost_connections();
    tom.log_in_to_basic("tom", server).await;
    server.set_unresponsive(true);
    for text in ["try again", "discard"] {
        tom.send(text).await;
        tom.until("it is pending", |view| view.has_in_state(text, "pending")).await;
    }
    server.set_unresponsive(false);
    server.drop_connections();
    let has_failed = |view: &View| {
        view.basic() && ["try again", "discard"].iter().all(|text| view.has_in_state(text, "failed"))
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
            view.basic() && view.has_sent("try again") && view.messages_with("discard").is_empty()
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

/// A browser that refuses to pass on the commands to send a message again and to discard one.
const REFUSE_COMMANDS: &str = "
    const { postMessage } = BroadcastChannel.prototype;
    // The numbers and the contents of the fields of a message.
    const fields = (bytes) => {
        let at = 0;
        const number = () => {
            let value = 0, scale = 1, byte;
            do { byte = bytes[at++]; value += (byte & 127) * scale; scale *= 128; } while (byte > 127);
            return value;
        };
        const found = [];
        while (at < bytes.length) {
            const tag = number(), length = number();
            const isBytes = tag % 8 === 2;
            found.push([Math.floor(tag / 8), isBytes && bytes.subarray(at, at + length)]);
            if (isBytes) at += length;
        }
        return found;
    };
    BroadcastChannel.prototype.postMessage = function (bytes) {
        const command = fields(bytes).find(([field]) => field === 7);
        const isRefused = command && fields(command[1]).some(([field]) => [5, 6].includes(field));
        if (isRefused) throw new DOMException('no', 'DataCloneError');
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
