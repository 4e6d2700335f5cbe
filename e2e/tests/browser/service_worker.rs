//! The service worker: which files it stores and serves, and that neither other responses nor a full storage harm the page.

use parlour_e2e::{
    Page, StaticHost, TestContext, WindowOptions, browser_test, browser_test_in_each, eventually,
};
use serde_json::{Value, json};

/// The addresses in the cache, relative to the page's folder and sorted; the page itself is the empty one.
const CACHED: &str = "
    const folder = new URL('.', location.href).href;
    return caches.open('parlour')
        .then((cache) => cache.keys())
        .then((keys) => keys.map(({ url }) => url.replace(folder, '')).sort());
";

/// A script that returns `true` if the cache has the page and every file that it names, otherwise what is missing.
const IS_COMPLETE: &str = "
    return caches.open('parlour').then(async (cache) => {
        const page = await cache.match(new URL('.', location.href));
        if (!page) return 'no page';
        const { document } = { document: new DOMParser().parseFromString(await page.text(), 'text/html') };
        const names = [...document.querySelectorAll('[integrity]:not([rel=icon])')]
            .map((file) => file.getAttribute('href') ?? file.getAttribute('src'));
        for (const name of [...names, 'config.json']) {
            if (!(await cache.match(new URL(name, location.href)))) return name;
        }
        return names.length > 5 || names;
    });
";

/// The build that the page belongs to; empty for the one that was served first.
const BUILD: &str = "return document.querySelector('meta[name=build]')?.content ?? ''";

async fn build(page: &Page) -> String {
    page.until("the login page", |view| view.login).await;
    page.eval(BUILD, vec![]).await
}

/// Waits until the build in the cache is complete and is this one.
async fn until_cached(page: &Page, build: &str) {
    page.until_true("the cached build is complete", IS_COMPLETE).await;
    let is_newest = format!(
        "return caches.match(new URL('.', location.href)).then((page) => page.text())
             .then((text) => text.includes('name=build') ? text.includes('content={build}>') : '{build}' === '')"
    );
    page.until_true("the cached build is the newest", &is_newest).await;
}

/// Opens the page, and waits until its build is cached and the service worker answers its requests.
async fn open(test: &TestContext, host: &StaticHost) -> Page {
    let page = test.open("page", &host.url()).await;
    page.until("the login page", |view| view.login).await;
    until_cached(&page, "").await;
    page.until_true("the worker controls the page", "return Boolean(navigator.serviceWorker.controller)")
        .await;
    page
}

/// The page may fail to load some files, or all of them.
fn expect_failing_requests(page: &Page) {
    for words in ["Failed to load resource", "net::ERR", "NetworkError", "Failed to fetch", "config.json"] {
        page.expect_error(words);
    }
}

/// Reloads while the host does not answer with the page.
async fn reload(page: &Page) {
    expect_failing_requests(page);
    // The driver reports the network error that the browser shows.
    let _ = page.try_to_load(None).await;
}

async fn shows(page: &Page, words: &str) {
    let script = format!("return document.body?.innerText.includes('{words}') || document.body?.innerText");
    page.until_true(words, &script).await;
}

#[test]
fn maintenance_page_does_not_replace_the_cached_build() {
    browser_test_in_each("maintenance_page_does_not_replace_the_cached_build", async |test| {
        let host = StaticHost::serve("/some/path/");
        let page = open(test, &host).await;
        let before: Vec<String> = page.eval(CACHED, vec![]).await;
        let script = "<script src='other.js' integrity='sha384-AAAA'></script>";
        for text in ["<h1>Back soon</h1>".to_owned(), format!("<h1>Back soon</h1>{script}")] {
            host.put("index.html", text);
            page.expect_error("");
            page.reload().await;
            shows(&page, "Back soon").await;
        }
        host.stop().await;
        page.reload().await;
        assert_eq!(build(&page).await, "");
        let after: Vec<String> = page.eval(CACHED, vec![]).await;
        assert_eq!(before, after);
    });
}

#[test]
fn unfinished_deployment_does_not_replace_the_cached_build() {
    browser_test("unfinished_deployment_does_not_replace_the_cached_build", async |test| {
        let host = StaticHost::serve("/");
        let page = open(test, &host).await;
        host.deploy("second");
        let room = host.room_module();
        let built = host.get(&room);
        host.put(&room, "<h1>Not yet</h1>");
        reload(&page).await;
        page.expect_error("");
        assert_eq!(build(&page).await, "second", "what the host serves is shown");
        page.until_true("the room module was requested", &format!(
            "return performance.getEntriesByType('resource').some((it) => it.name.endsWith('{room}') && it.responseEnd > 0)"
        )).await;
        until_cached(&page, "").await;
        host.put(&room, built);
        reload(&page).await;
        until_cached(&page, "second").await;
        let cached: Vec<String> = page.eval(CACHED, vec![]).await;
        let rooms = cached.iter().filter(|name| name.starts_with("room-") && name.ends_with(".wasm"));
        assert_eq!(rooms.count(), 1, "{cached:?}");
        host.stop().await;
        reload(&page).await;
        assert_eq!(build(&page).await, "second");
    });
}

#[test]
fn foreign_responses_are_neither_stored_nor_delete_anything() {
    browser_test("foreign_responses_are_neither_stored_nor_delete_anything", async |test| {
        let host = StaticHost::serve("/");
        host.put("config.json", r#"{ "title": "Salon" }"#);
        let page = open(test, &host).await;
        let before: Vec<String> = page.eval(CACHED, vec![]).await;
        let portal = "<h1>Welcome to the airport</h1>";
        for name in ["healthz", "config.json", "lang/zh-CN.json", "other/index.html"] {
            host.put_response(name, "200 OK", "Content-Type: text/html\r\n", portal);
        }
        let fetch =
            "return Promise.all(arguments[0].map((name) => fetch(name).then((answer) => answer.text())))";
        let names = json!(["healthz", "config.json", "lang/zh-CN.json", "?page=2", "other/index.html"]);
        let texts: Vec<String> = page.eval(fetch, vec![names]).await;
        assert_eq!(
            texts.iter().filter(|text| *text == portal).count(),
            4,
            "the page gets what the host sends"
        );
        page.goto(&format!("{}other/index.html", host.url())).await;
        shows(&page, "airport").await;
        page.goto(&format!("{}?invited=by-lili", host.url())).await;
        build(&page).await;
        until_cached(&page, "").await;
        let after: Vec<String> = page.eval(CACHED, vec![]).await;
        assert_eq!(before, after);
        host.stop().await;
        expect_failing_requests(&page);
        let _ = page.try_to_load(Some(&format!("{}?invited=by-tom", host.url()))).await;
        let view = page.until("the login page", |view| view.login).await;
        assert_eq!(view.title, "Salon", "the host's settings are kept");
        // The worker answers for no other page.
        let _ = page.try_to_load(Some(&format!("{}other/index.html", host.url()))).await;
        assert!(!page.view().await.login);
    });
}

#[test]
fn private_and_partial_responses_pass_through() {
    browser_test("private_and_partial_responses_pass_through", async |test| {
        let host = StaticHost::serve("/");
        let page = open(test, &host).await;
        let before: Vec<String> = page.eval(CACHED, vec![]).await;
        host.put_response("api", "200 OK", "Cache-Control: no-store\r\n", "tom's");
        host.put_response("part", "206 Partial Content", "Content-Range: bytes 0-3/8\r\n", "half");
        host.put_response("vary", "200 OK", "Vary: *\r\n", "varies");
        // Of the same names as files of the bundle.
        let [room, config] = [host.room_module(), "config.json".to_owned()];
        host.put_response(&config, "200 OK", "Vary: Accept, *\r\nContent-Type: application/json\r\n", "{}");
        let other_room = room.replace("room-", "room-ab");
        host.put_response(&other_room, "206 Partial Content", "Content-Range: bytes 0-3/8\r\n", "half");
        let requests = "
            const get = (name, headers = {}) =>
                fetch(name, { headers }).then((answer) => answer.text().then((text) => `${answer.status} ${text}`));
            const [room, other] = arguments;
            return Promise.all([
                get('api?token=s3cret', { authorization: 'Bearer s3cret' }), get('part', { range: 'bytes=0-3' }),
                get('part'), get('vary'), get('config.json'), get(other), get('config.json', { authorization: 'Basic x' }),
                get(`${room}?token=s3cret`).then((answer) => answer.slice(0, 3)),
            ]).then((answers) => answers, String);
        ";
        let answers: Value = page.eval(requests, vec![json!(room), json!(other_room)]).await;
        let expected =
            json!(
                ["200 tom's", "206 half", "206 half", "200 varies", "200 {}", "206 half", "200 {}", "200",]
            );
        assert_eq!(answers, expected);
        let after: Vec<String> = page.eval(CACHED, vec![]).await;
        assert_eq!(before, after);
    });
}

async fn set_quota(page: &Page, host: &StaticHost, bytes: u64) {
    let quota = json!({ "origin": host.origin(), "quotaSize": bytes });
    page.devtools("Storage.overrideQuotaForOrigin", quota).await;
}

#[test]
fn full_storage_never_keeps_an_old_build() {
    browser_test("full_storage_never_keeps_an_old_build", async |test| {
        let host = StaticHost::serve("/");
        let page = open(test, &host).await;
        let used = "return navigator.storage.estimate().then(({ usage }) => usage)";
        let used: u64 = page.eval(used, vec![]).await;
        for (name, quota) in [("second", used), ("third", 1)] {
            set_quota(&page, &host, quota).await;
            host.deploy(name);
            for _ in 0..2 {
                page.reload().await;
                assert_eq!(build(&page).await, name);
            }
        }
        let is_empty = "return caches.open('parlour').then((cache) => cache.keys())
            .then((keys) => keys.length === 0 || keys.map(({ url }) => url))";
        page.until_true("the old build is deleted", is_empty).await;
        host.stop().await;
        reload(&page).await;
        let old = "return [...document.querySelectorAll('#login, meta[name=build]')].length";
        assert_eq!(page.eval::<u32>(old, vec![]).await, 0, "no build that the host has replaced is shown");
    });
}

#[test]
fn page_works_without_any_storage_quota() {
    browser_test("page_works_without_any_storage_quota", async |test| {
        let host = StaticHost::serve("/");
        let page = test.open_blank("page", WindowOptions::default()).await;
        set_quota(&page, &host, 1).await;
        page.goto(&host.url()).await;
        build(&page).await;
        page.until_true("the worker controls the page", "return Boolean(navigator.serviceWorker.controller)")
            .await;
        for _ in 0..2 {
            page.reload().await;
            assert_eq!(build(&page).await, "");
        }
    });
}

#[test]
fn page_opens_from_the_cache_if_the_host_does_not_answer() {
    browser_test("page_opens_from_the_cache_if_the_host_does_not_answer", async |test| {
        let host = StaticHost::serve("/");
        let page = open(test, &host).await;
        host.hang();
        reload(&page).await;
        assert_eq!(build(&page).await, "");
    });
}

#[test]
fn damaged_files_in_the_cache_are_replaced() {
    browser_test("damaged_files_in_the_cache_are_replaced", async |test| {
        let host = StaticHost::serve("/");
        let page = open(test, &host).await;
        let damage = "
            return caches.open('parlour').then(async (cache) => {
                const keys = await cache.keys();
                const room = keys.find(({ url }) => url.endsWith('_bg.wasm'));
                await cache.put(room, new Response('<h1>Welcome to the airport</h1>'));
                return true;
            });
        ";
        page.until_true("a file is replaced", damage).await;
        page.expect_error("");
        page.reload().await;
        page.until("the error is shown", |view| {
            view.boot.as_deref().is_some_and(|text| text.contains("Reload"))
        })
        .await;
        let restored = "return caches.open('parlour').then((cache) => cache.keys()).then(async (keys) => {
            const file = await caches.match(keys.find(({ url }) => url.endsWith('_bg.wasm')));
            return !(await file.text()).includes('airport');
        })";
        page.until_true("the file is restored", restored).await;
        page.reload().await;
        assert_eq!(build(&page).await, "");
    });
}

#[test]
fn redirected_responses_are_not_stored() {
    browser_test("redirected_responses_are_not_stored", async |test| {
        let host = StaticHost::serve("/");
        host.put("config.json", r#"{ "title": "Salon" }"#);
        let page = open(test, &host).await;
        let cached = async || page.eval::<Vec<String>>(CACHED, vec![]).await;
        let before = cached().await;
        // The login page of a network answers with redirects, even to what could be a build and settings.
        let html = String::from_utf8(host.get("index.html")).unwrap();
        let mark = "<meta charset=utf-8>";
        host.put("portal.html", html.replace(mark, &format!("{mark}<meta name=build content=portal>")));
        host.put("portal.json", r#"{ "title": "Airport" }"#);
        for (name, portal) in
            [("index.html", "Location: portal.html\r\n"), ("config.json", "Location: portal.json\r\n")]
        {
            host.put_response(name, "302 Found", portal, "");
        }
        let title = "return fetch('config.json').then((answer) => answer.json()).then(({ title }) => title)";
        assert_eq!(page.eval::<String>(title, vec![]).await, "Airport", "the page gets what the host sends");
        // As after each start of the page. The second one is handled after the first.
        let store = "for (const page of [location.href, location.href]) {
            navigator.serviceWorker.controller.postMessage([page]);
        }";
        page.eval::<()>(store, vec![]).await;
        eventually("the first one was handled", async || match host.requests_of("portal.html") {
            2 => Ok(()),
            count => Err(format!("{count} requests")),
        })
        .await;
        page.reload().await;
        assert_eq!(build(&page).await, "portal", "what the host serves is shown");
        assert_eq!(cached().await, before);
        host.stop().await;
        expect_failing_requests(&page);
        let _ = page.try_to_load(Some(&host.url())).await;
        assert_eq!(build(&page).await, "");
        assert_eq!(page.view().await.title, "Salon");
    });
}

#[test]
fn page_opens_if_the_cache_of_the_worker_fails_or_never_answers() {
    let faults = [
        ("rejects", "() => Promise.reject(new DOMException('no', 'UnknownError'))"),
        ("throws", "() => { throw new DOMException('no', 'SecurityError'); }"),
        ("never-answers", "() => new Promise(() => {})"),
    ];
    for (name, fault) in faults {
        browser_test(&format!("page_opens_if_the_cache_of_the_worker-{name}"), async |test| {
            let host = StaticHost::serve("/");
            let worker = String::from_utf8(host.get("worker.js")).unwrap();
            let broken: String = ["match", "open", "has", "keys", "delete"]
                .iter()
                .map(|method| format!("CacheStorage.prototype.{method} = {fault};\n"))
                .collect();
            host.put("worker.js", broken + &worker);
            let page = test.open("page", &host.url()).await;
            assert_eq!(build(&page).await, "");
            page.until_true(
                "the worker controls the page",
                "return Boolean(navigator.serviceWorker.controller)",
            )
            .await;
            for newer in ["", "second"] {
                if !newer.is_empty() {
                    host.deploy(newer);
                }
                page.reload().await;
                assert_eq!(build(&page).await, newer);
                // The file is requested after the login page is shown, so it has to exist until then.
                let is_loaded = "return performance.getEntriesByType('resource')
                    .some(({ name, responseEnd }) => name.includes('/room-') && name.endsWith('.wasm') && responseEnd > 0)";
                page.until_true("the room module is loaded", is_loaded).await;
            }
        });
    }
}
