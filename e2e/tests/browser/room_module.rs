//! The room module, which is loaded after the login page: when it is requested, and how a failure is handled.

use parlour_e2e::{Page, Server, StaticHost, TestContext, View, WindowOptions, browser_test};

/// Serves the bundle from a static host, with a server that accepts its origin.
fn static_host_and_server() -> (StaticHost, Server) {
    let files = StaticHost::serve("/some/path/");
    let server = files.start_server();
    (files, server)
}

/// A window that may connect to the server.
async fn open_window(test: &TestContext, name: &str, language: &str, server: &Server) -> Page {
    let page = test.open_blank(name, WindowOptions { language }).await;
    page.allow_host(server.address());
    page
}

/// Delays the room module until `release()` is called. `requests` records for each request whether a frame with the
/// login page had been drawn before. `roomLoaded` becomes true after the module is instantiated and pending tasks have
/// run.
const DELAY_ROOM_MODULE: &str = "
    const originalFetch = globalThis.fetch;
    const released = new Promise((resolve) => (globalThis.release = resolve));
    let drawn = false;
    const check = () => {
        drawn = Boolean(document.querySelector('#login'));
        if (!drawn) requestAnimationFrame(check);
    };
    requestAnimationFrame(check);
    globalThis.requests = [];
    globalThis.fetch = async (url, options) => {
        if (String(url).includes('/room-') && String(url).endsWith('.wasm')) {
            requests.push(drawn);
            await released;
        }
        return originalFetch(url, options);
    };
    const { instantiate } = WebAssembly;
    globalThis.roomLoaded = false;
    WebAssembly.instantiate = async (...options) => {
        const result = await instantiate.apply(WebAssembly, options);
        setTimeout(() => (roomLoaded = true));
        return result;
    };
";

#[test]
fn room_module_is_prefetched_after_the_login_page_is_drawn() {
    browser_test("room_module_is_prefetched_after_the_login_page_is_drawn", async |test| {
        let (files, server) = static_host_and_server();
        let room = files.room_module();
        let tom = open_window(test, "tom", "en-US", &server).await;
        tom.before_load(DELAY_ROOM_MODULE).await;
        tom.goto(&files.url()).await;
        tom.until_true("the room module is requested", "return requests.length > 0").await;
        let drawn: Vec<bool> = tom.eval("return requests", vec![]).await;
        assert_eq!(drawn, [true], "requested once, and after the login page was drawn");
        let named = format!(
            "return document.querySelector('link[rel=part][data-parts=room][href$=\".wasm\"]').href === '{}{room}'",
            files.url()
        );
        tom.until_true("the page links to the room module", &named).await;
        let cached = "const { href } = document.querySelector('link[rel=part][data-parts=room][href$=\".wasm\"]'); \
                    return caches.match(href).then((found) => found !== undefined)";
        tom.until_true("the module is cached for offline use, although its download is delayed", cached)
            .await;
        tom.eval::<()>("release()", vec![]).await;
        tom.log_in("tom").await;
        tom.send_and_wait("here").await;
    });
}

#[test]
fn config_is_fetched_once_and_before_the_module_is_ready() {
    browser_test("config_is_fetched_once_and_before_the_module_is_ready", async |test| {
        let (files, server) = static_host_and_server();
        let tom = open_window(test, "tom", "en-US", &server).await;
        tom.before_load(
            "
            const originalFetch = globalThis.fetch;
            globalThis.events = [];
            globalThis.fetch = (url, options) => {
                const name = String(url).split('/').at(-1);
                if (name === 'config.json') events.push(name);
                return originalFetch(url, options);
            };
            for (const name of ['instantiate', 'instantiateStreaming']) {
                const original = WebAssembly[name];
                WebAssembly[name] = async (...options) => {
                    const result = await original.apply(WebAssembly, options);
                    events.push('module');
                    return result;
                };
            }
            ",
        )
        .await;
        tom.goto(&files.url()).await;
        tom.until("the login page", |view| view.login).await;
        let events: Vec<String> = tom.eval("return events.slice(0, 2)", vec![]).await;
        assert_eq!(events, ["config.json", "module"]);
        tom.log_in("tom").await;
        let requests: usize =
            tom.eval("return events.filter((event) => event === 'config.json').length", vec![]).await;
        assert_eq!(requests, 1);
    });
}

#[test]
fn login_can_be_cancelled_while_the_room_module_loads() {
    browser_test("login_can_be_cancelled_while_the_room_module_loads", async |test| {
        let (files, server) = static_host_and_server();
        let tom = open_window(test, "tom", "en-US", &server).await;
        tom.before_load(DELAY_ROOM_MODULE).await;
        tom.goto(&files.url()).await;
        let state = |wanted: &'static str| move |view: &View| view.connection.as_deref() == Some(wanted);
        tom.submit_login("tom", None).await;
        tom.until("the login is in progress", state("connecting")).await;
        tom.click("#login-cancel").await;
        let view = tom.until("the login is cancelled", state("idle")).await;
        assert_eq!((view.login, view.login_error), (true, None));
        tom.eval::<()>("release()", vec![]).await;
        tom.until_true("the room module is loaded", "return roomLoaded").await;
        let view = tom.view().await;
        assert!(
            view.login && view.connection.as_deref() == Some("idle"),
            "a cancelled login entered the room: {view:?}"
        );
    });
}

#[test]
fn login_completes_when_the_room_module_arrives() {
    browser_test("login_completes_when_the_room_module_arrives", async |test| {
        let (files, server) = static_host_and_server();
        let tom = open_window(test, "tom", "en-US", &server).await;
        tom.before_load(DELAY_ROOM_MODULE).await;
        tom.goto(&files.url()).await;
        tom.submit_login("tom", None).await;
        tom.until("the login is in progress", |view| view.connection.as_deref() == Some("connecting")).await;
        tom.eval::<()>("release()", vec![]).await;
        tom.until("the room", View::online).await;
        tom.send_and_wait("here").await;
    });
}

#[test]
fn reload_fetches_room_module_and_config_concurrently() {
    browser_test("reload_fetches_room_module_and_config_concurrently", async |test| {
        let (files, server) = static_host_and_server();
        let tom = open_window(test, "tom", "en-US", &server).await;
        tom.goto(&files.url()).await;
        tom.log_in("tom").await;
        tom.before_load(
            "
            const originalFetch = globalThis.fetch;
            let roomRequested;
            const requested = new Promise((resolve) => (roomRequested = resolve));
            globalThis.fetch = async (url, options) => {
                if (String(url).includes('/room-') && String(url).endsWith('.wasm')) roomRequested();
                if (String(url).includes('config.json')) await requested;
                return originalFetch(url, options);
            };
            ",
        )
        .await;
        tom.reload().await;
        tom.until("the room, whose config was delayed until the module was requested", View::online).await;
    });
}

/// The login page shows this error, and no login is in progress.
fn shows_error(words: &str) -> impl Fn(&View) -> bool {
    move |view| {
        let has_words = view.login_error.as_deref().is_some_and(|error| error.contains(words));
        view.login && has_words && view.connection.as_deref() == Some("idle")
    }
}

#[test]
fn missing_room_module_is_reported_at_login_and_can_be_retried() {
    browser_test("missing_room_module_is_reported_at_login_and_can_be_retried", async |test| {
        for (language, words, instead) in [
            ("en-US", "A part of the page could not be loaded", None),
            ("zh-CN", "页面的一部分未能加载", Some("something else")),
        ] {
            let (files, server) = static_host_and_server();
            let room = files.room_module();
            let built = files.get(&room);
            match instead {
                Some(content) => files.put(&room, content),
                None => files.remove(&room),
            }
            let tom = open_window(test, language, language, &server).await;
            // The browser logs the missing file and the digest mismatch; the page also logs the former.
            tom.expect_error("");
            tom.goto(&files.url()).await;
            let view = tom.until("the login page", |view| view.login && view.boot.is_none()).await;
            assert_eq!(view.login_error, None, "no error before the module is needed");
            tom.submit_login("tom", None).await;
            tom.until("the error is shown", shows_error(words)).await;
            tom.click("#login-submit").await;
            tom.until("the error is shown again", shows_error(words)).await;
            files.put(&room, built);
            tom.click("#login-submit").await;
            tom.until("the room", View::online).await;
            tom.send_and_wait("here").await;
        }
    });
}

#[test]
fn missing_room_module_after_reload_is_reported_and_session_resumes_on_retry() {
    browser_test("missing_room_module_after_reload_is_reported_and_session_resumes_on_retry", async |test| {
        let (files, server) = static_host_and_server();
        let room = files.room_module();
        let built = files.get(&room);
        let tom = open_window(test, "tom", "en-US", &server).await;
        tom.goto(&files.url()).await;
        tom.log_in("tom").await;
        tom.send_and_wait("before").await;
        let clear_cache = "
            const workers = navigator.serviceWorker;
            return workers.ready
                .then((worker) => worker.unregister())
                .then(() => caches.delete('parlour'))
                .then(() => true)
        ";
        tom.until_true("the service worker and its cache are removed", clear_cache).await;
        files.remove(&room);
        tom.expect_error("");
        tom.reload().await;
        tom.until("the error is shown", shows_error("A part of the page could not be loaded")).await;
        files.put(&room, built);
        tom.click("#login-submit").await;
        tom.until("the room with its message", |view| view.online() && view.has_sent("before")).await;
    });
}

#[test]
fn deployment_while_the_login_page_is_open_asks_for_one_reload() {
    browser_test("deployment_while_the_login_page_is_open_asks_for_one_reload", async |test| {
        for (language, words) in [("en-US", "A new version is available"), ("zh-CN", "有新版本可用")] {
            let (files, server) = static_host_and_server();
            let tom = open_window(test, language, language, &server).await;
            tom.expect_error("");
            let room = files.room_module();
            let built = files.get(&room);
            files.remove(&room);
            tom.goto(&files.url()).await;
            tom.until("the login page", |view| view.login && view.boot.is_none()).await;
            files.put(&room, built);
            files.deploy("second");
            tom.submit_login("tom", None).await;
            tom.until("the error is shown", shows_error(words)).await;
            // Without a reload it stays, and nothing is reloaded without being asked for.
            tom.click("#login-submit").await;
            tom.until("the error is shown again", shows_error(words)).await;
            assert!(!tom.eval::<bool>(IS_SECOND_BUILD, vec![]).await);
            tom.click("#login-reload").await;
            tom.until_true("the page is reloaded", IS_SECOND_BUILD).await;
            let view = tom.until("the login page", |view| view.login && view.boot.is_none()).await;
            assert_eq!(view.login_error, None);
            let nick: String = tom.eval("return document.querySelector('#login-nick').value", vec![]).await;
            assert_eq!(nick, "tom");
            tom.click("#login-submit").await;
            tom.until("the room", View::online).await;
        }
    });
}

const IS_SECOND_BUILD: &str = "return document.querySelector('meta[name=build]')?.content === 'second'";

#[test]
fn typed_name_and_server_survive_a_reload() {
    browser_test("typed_name_and_server_survive_a_reload", async |test| {
        let (files, server) = static_host_and_server();
        let tom = open_window(test, "tom", "en-US", &server).await;
        tom.goto(&files.url()).await;
        tom.until("the login page", |view| view.login && view.boot.is_none()).await;
        tom.fill("#login-nick", "Thomas").await;
        tom.reload().await;
        tom.until("the login page", |view| view.login && view.boot.is_none()).await;
        let value = "return document.querySelector(arguments[0]).value";
        assert_eq!(tom.eval::<String>(value, vec!["#login-nick".into()]).await, "Thomas");
        // What was not typed follows the host's settings.
        assert_eq!(tom.eval::<String>(value, vec!["#login-server".into()]).await, server.address());
        files.put("config.json", "{}");
        tom.reload().await;
        tom.until("the login page", |view| view.login && view.boot.is_none()).await;
        assert_eq!(tom.eval::<String>(value, vec!["#login-nick".into()]).await, "Thomas");
        let own = format!("{}/some/path/ws", files.origin().replace("http://", ""));
        assert_eq!(tom.eval::<String>(value, vec!["#login-server".into()]).await, own);
    });
}

#[test]
fn login_with_a_link_that_is_cancelled_does_not_use_the_link() {
    browser_test("login_with_a_link_that_is_cancelled_does_not_use_the_link", async |test| {
        let server = Server::start();
        let tom = test.open("tom", &server.url()).await;
        tom.resize(1280, 800).await;
        tom.log_in("tom").await;
        let link = tom.device_link().await;

        let phone = test.open_blank("phone", WindowOptions::default()).await;
        phone.before_load(DELAY_ROOM_MODULE).await;
        phone.goto(&link).await;
        phone.until_true("what the link does", "return !!document.querySelector('#login-other')").await;
        phone.click("#login-submit").await;
        phone.click("#login-cancel").await;
        phone.until_none("#login-cancel").await;
        phone.eval::<()>("release()", vec![]).await;
        phone.until_true("the room module is loaded", "return roomLoaded").await;

        let tablet = test.open("tablet", &link).await;
        tablet.log_in_by_link("tom").await;
        assert!(phone.view().await.login, "the login that was cancelled");
    });
}
