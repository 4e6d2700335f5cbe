//! The loading screen and the errors shown before the client has started.

use parlour_e2e::{Server, StaticHost, WindowOptions, browser_test};
use serde_json::json;

/// The test controls when the loader's timer fires (`fireTimers()`) and when the module arrives (`deliverModule()`).
const CONTROL_LOADING: &str = r"
    {
        const timers = [], { fetch, setTimeout } = globalThis;
        globalThis.setTimeout = (callback, ...rest) =>
            document.getElementById('boot')?.hidden ? timers.push(callback) : setTimeout(callback, ...rest);
        globalThis.fetch = async (...request) => {
            if (String(request[0]).endsWith('_bg.wasm')) await new Promise((resolve) => (globalThis.deliverModule = resolve));
            return fetch(...request);
        };
        globalThis.fireTimers = () => timers.splice(0).forEach((callback) => callback());
    }
";

/// Counts created date formatters. Creating the first one takes a browser as long as a frame.
const COUNT_FORMATTERS: &str = r"
    {
        let created = 0;
        Intl.DateTimeFormat = new Proxy(Intl.DateTimeFormat, {
            construct: (...options) => (created++, Reflect.construct(...options)),
        });
        globalThis.createdFormatters = () => created;
    }
";

#[test]
fn date_formatters_are_created_before_login() {
    browser_test("date_formatters_are_created_before_login", async |test| {
        let server = Server::start();
        let page = test.open_blank("tom", WindowOptions::default()).await;
        page.before_load(COUNT_FORMATTERS).await;
        page.goto(&server.url()).await;
        page.until("the login page", |view| view.login).await;
        page.until_true("the formatters of clock and tooltip exist", "return createdFormatters() === 2")
            .await;
        page.log_in("tom").await;
        page.send_and_wait("hello").await;
        assert_eq!(
            page.eval::<u32>("return createdFormatters()", vec![]).await,
            2,
            "no formatter is created later"
        );
    });
}

/// A script that returns `true` if the page shows that it could not be loaded.
const SHOWS_LOADING_ERROR: &str =
    "const error = document.getElementById('load-error'); return !!error && error.checkVisibility()";
const FINISH_DELAYS: &str = "document.getAnimations().forEach((animation) => animation.finish())";

#[test]
fn page_without_scripts_shows_only_that_they_are_needed() {
    browser_test("page_without_scripts_shows_only_that_they_are_needed", async |test| {
        let files = StaticHost::serve("/");
        let page = test.open_blank("tom", WindowOptions::default()).await;
        page.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        page.goto(&files.url()).await;
        page.eval::<()>(FINISH_DELAYS, vec![]).await;
        let text = page.eval::<String>("return document.body.innerText", vec![]).await;
        assert!(text.starts_with("Parlour needs JavaScript") && text.lines().count() == 1, "{text}");
        assert!(!page.eval::<bool>(SHOWS_LOADING_ERROR, vec![]).await);
    });
}

#[test]
fn missing_loader_is_reported_after_a_delay() {
    browser_test("missing_loader_is_reported_after_a_delay", async |test| {
        let files = StaticHost::serve("/");
        let page = test.open_blank("tom", WindowOptions::default()).await;
        let loader = files.loader();
        let script = files.get(&loader);
        files.remove(&loader);
        page.expect_error("404");
        page.goto(&files.url()).await;
        assert!(!page.eval::<bool>(SHOWS_LOADING_ERROR, vec![]).await, "no error before the delay");
        page.eval::<()>(FINISH_DELAYS, vec![]).await;
        assert!(page.eval::<bool>(SHOWS_LOADING_ERROR, vec![]).await);
        files.put(&loader, script);
        page.reload().await;
        page.until("the login page", |view| view.login).await;
        page.until_true("the error is removed", "return !document.getElementById('load-error')").await;
        page.until_true("the room module is loaded", "return performance.getEntriesByType('resource').some((it) => it.name.includes('/room-') && it.name.endsWith('.wasm') && it.responseEnd > 0)").await;
    });
}

#[test]
fn loading_screen_appears_only_after_a_delay() {
    browser_test("loading_screen_appears_only_after_a_delay", async |test| {
        let server = Server::start();
        let page = test.open_blank("tom", WindowOptions::default()).await;
        page.before_load(CONTROL_LOADING).await;
        page.goto(&server.url()).await;
        page.until_true("the module is requested", "return !!globalThis.deliverModule").await;
        let shown = "return document.getElementById('boot').checkVisibility()";
        assert!(!page.eval::<bool>(shown, vec![]).await, "no loading screen before the delay");
        page.eval::<()>("fireTimers()", vec![]).await;
        assert!(page.eval::<bool>(shown, vec![]).await, "the loading screen after the delay");
        assert_eq!(page.view().await.boot.as_deref(), Some("Parlour"));
        page.eval::<()>("deliverModule()", vec![]).await;
        page.until("the login page", |view| view.login && view.boot.is_none()).await;
    });
}

/// Requests of a part fail. While the page is left, the client requests it again, which fails at once in Firefox.
const FAIL_PART: &str = r"
    const { fetch } = globalThis;
    globalThis.failed = 0;
    globalThis.fetch = async (url, options) => {
        if (!/search-.*[.]wasm$/.test(String(url))) return fetch(url, options);
        sessionStorage.failed = ++failed;
        throw new TypeError('NetworkError');
    };
    addEventListener('beforeunload', () => document.querySelector('#search-toggle').click());
";

#[test]
fn part_that_is_requested_while_the_page_is_left_is_no_error() {
    browser_test("part_that_is_requested_while_the_page_is_left_is_no_error", async |test| {
        let server = Server::start();
        let page = test.open("tom", &server.url()).await;
        page.eval::<()>(FAIL_PART, vec![]).await;
        page.log_in("tom").await;
        page.until_true("the part was requested", "return failed > 0").await;
        // An error in the console fails the test.
        page.reload().await;
        page.until("the room", |view| view.online()).await;
        let requests: u64 = page.eval("return Number(sessionStorage.failed)", vec![]).await;
        assert_eq!(requests, 2, "one began while the page was left");
    });
}
