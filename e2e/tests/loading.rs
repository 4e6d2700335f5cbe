//! The beginning: what is shown until the first view stands.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use parlour_e2e::{Files, Server, Window, stage};
use serde_json::json;

/// The loader's timer rings when the test lets it, and the module comes when the test lets it.
const HOLD: &str = r"
    {
        const rings = [], { fetch, setTimeout } = globalThis;
        globalThis.setTimeout = (ring, ...rest) =>
            document.getElementById('boot')?.hidden ? rings.push(ring) : setTimeout(ring, ...rest);
        globalThis.fetch = async (...asked) => {
            if (String(asked[0]).endsWith('_bg.wasm')) await new Promise((come) => (globalThis.come = come));
            return fetch(...asked);
        };
        globalThis.ring = () => rings.splice(0).forEach((ring) => ring());
    }
";

/// Counts what writes times, of which the first takes a browser as long as a frame.
const COUNT: &str = r"
    {
        let made = 0;
        Intl.DateTimeFormat = new Proxy(Intl.DateTimeFormat, {
            construct: (...asked) => (made++, Reflect.construct(...asked)),
        });
        globalThis.made = () => made;
    }
";

#[test]
fn what_writes_the_time_of_a_message_is_made_while_a_name_is_typed() {
    stage("what_writes_the_time_of_a_message_is_made_while_a_name_is_typed", async |stage| {
        let server = Server::start();
        let page = stage.window("tom", Window::default()).await;
        page.before_load(COUNT).await;
        page.goto(&server.url()).await;
        page.until("the login page", |view| view.login).await;
        page.until_true("clock and tooltip can be written", "return made() === 2").await;
        page.log_in("tom").await;
        page.say_and_see("hello").await;
        assert_eq!(page.eval::<u32>("return made()", vec![]).await, 2, "none is left to be made");
    });
}

/// The page says that it could not be loaded.
const SAYS_LATE: &str =
    "const late = document.getElementById('late'); return !!late && late.checkVisibility()";
const TIME_PASSES: &str = "document.getAnimations().forEach((waits) => waits.finish())";

#[test]
fn where_scripts_are_forbidden_the_page_says_that_and_nothing_else() {
    stage("where_scripts_are_forbidden_the_page_says_that_and_nothing_else", async |stage| {
        let files = Files::serve("/");
        let page = stage.window("tom", Window::default()).await;
        page.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        page.goto(&files.url()).await;
        page.eval::<()>(TIME_PASSES, vec![]).await;
        let said = page.eval::<String>("return document.body.innerText", vec![]).await;
        assert!(said.starts_with("Parlour needs JavaScript") && said.lines().count() == 1, "{said}");
        assert!(!page.eval::<bool>(SAYS_LATE, vec![]).await);
    });
}

#[test]
fn without_the_loader_the_page_says_so_after_a_while() {
    stage("without_the_loader_the_page_says_so_after_a_while", async |stage| {
        let files = Files::serve("/");
        let page = stage.window("tom", Window::default()).await;
        let loader = files.loader();
        let script = files.get(&loader);
        files.remove(&loader);
        page.expect_error("404");
        page.goto(&files.url()).await;
        assert!(!page.eval::<bool>(SAYS_LATE, vec![]).await, "it may be on its way");
        page.eval::<()>(TIME_PASSES, vec![]).await;
        assert!(page.eval::<bool>(SAYS_LATE, vec![]).await);
        files.put(&loader, script);
        page.reload().await;
        page.until("the login page", |view| view.login).await;
        page.until_true("nothing of it is left", "return !document.getElementById('late')").await;
        page.until_true("the room", "return performance.getEntriesByType('resource').some((it) => it.name.includes('/room-') && it.responseEnd > 0)").await;
    });
}

#[test]
fn the_loading_screen_is_for_those_who_wait() {
    stage("the_loading_screen_is_for_those_who_wait", async |stage| {
        let server = Server::start();
        let page = stage.window("tom", Window::default()).await;
        page.before_load(HOLD).await;
        page.goto(&server.url()).await;
        page.until_true("the module is asked for", "return !!globalThis.come").await;
        let shown = "return document.getElementById('boot').checkVisibility()";
        assert!(!page.eval::<bool>(shown, vec![]).await, "nothing is drawn for who need not wait");
        page.eval::<()>("ring()", vec![]).await;
        assert!(page.eval::<bool>(shown, vec![]).await, "who waits sees that it loads");
        assert_eq!(page.look().await.boot.as_deref(), Some("Parlour"));
        page.eval::<()>("come()", vec![]).await;
        page.until("the login page", |view| view.login && view.boot.is_none()).await;
        // The room is on its way by now: who leaves before it has come is told that it could not be loaded.
        page.log_in("tom").await;
    });
}
